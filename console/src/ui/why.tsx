// "Why is it waiting?", asked when somebody wants to know.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

import { get } from '../api';
import type { LaneWhy, Why } from '../types';
import { Ago, Facts, FaultText } from './basics';
import { count, duration } from './format';
import { Show, useEvery, useLoad } from './load';

const REFRESH_MS = 2_000;

/** `path` answers with a `LaneWhy` or a `Why`. */
export function WhyPanel({ path }: { path: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <div class="why">
      <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        Why?
      </button>
      {isOpen && <Answer path={path} />}
    </div>
  );
}

function fact(name: string, value: ComponentChildren): [string, ComponentChildren] {
  return [name, value];
}

function Answer({ path }: { path: string }) {
  const loaded = useLoad(path, (signal) => get<LaneWhy & Partial<Why>>(path, {}, signal));
  useEvery(REFRESH_MS, loaded.reload);
  return (
    <div class="answer">
      <Show of={loaded}>
        {(why) => (
          <>
            <p>
              <strong class="reason">{why.reason}</strong> {why.message}
            </p>
            {why.advice && <p class="advice">{why.advice}</p>}
            <Facts
              rows={[
                ...(why.next_at ? [fact('Can go', <Ago at={why.next_at} />)] : []),
                ...(typeof why.before === 'number'
                  ? [fact('Go first', `${why.before_is_exact ? '' : 'about '}${count(why.before)}`)]
                  : []),
                ...(why.lane
                  ? [
                      fact('Under way in its lane', `${count(why.lane.in_flight)} of ${count(why.lane.limit)}`),
                      fact('Overdue by', duration(why.lane.overdue_ms)),
                      ...(why.lane.oldest_accepted_at
                        ? [fact('Oldest accepted', <Ago at={why.lane.oldest_accepted_at} />)]
                        : []),
                      ...(typeof why.callback_tries === 'number'
                        ? [fact('Tries of its callback', count(why.callback_tries))]
                        : []),
                      ...(why.callback_deadline ? [fact('Last try', <Ago at={why.callback_deadline} />)] : []),
                      fact('Last error', <FaultText fault={why.last_error ?? why.lane.last_error} />),
                    ]
                  : []),
              ]}
            />
          </>
        )}
      </Show>
    </div>
  );
}
