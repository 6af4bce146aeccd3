// "Why is it waiting?", asked when somebody wants to know.
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
                ['Can go', why.next_at ? <Ago at={why.next_at} /> : 'not by itself at a known time'],
                ...(why.before === undefined
                  ? []
                  : [['Go first', `${why.before_is_exact ? '' : 'about '}${count(why.before)}`] as [string, string]]),
                ...(why.lane
                  ? ([
                      ['Under way', `${count(why.lane.in_flight)} of ${count(why.lane.limit)}`],
                      ['Overdue by', duration(why.lane.overdue_ms)],
                      ['Last error', <FaultText fault={why.last_error ?? why.lane.last_error} />],
                    ] as [string, preact.ComponentChildren][])
                  : []),
              ]}
            />
          </>
        )}
      </Show>
    </div>
  );
}
