// One destination: its lane, a probe, and what is kept for it.
import { useState } from 'preact/hooks';

import { get, post, withQuery } from '../api';
import { useEvents } from '../live';
import { href } from '../router';
import type { Destination, Destinations, LaneHold, LaneWhy, Operation, Probed } from '../types';
import { announceError } from '../ui/announce';
import { Acts, Withheld } from '../ui/acts';
import { Ago, Badge, Facts, FaultText, LaneBadge, PageHead, Section, Time } from '../ui/basics';
import { Opener } from '../ui/dialog';
import { NumberField, TextField, TimeField } from '../ui/form';
import { count, duration, fromField } from '../ui/format';
import { PauseOrResume } from '../ui/hold';
import { Show, useEvery, useLoad } from '../ui/load';
import { BulkDialog } from '../ui/operation';
import { useMay } from '../ui/session';
import { WhyPanel } from '../ui/why';
import { waiting } from './destinations';

const REFRESH_MS = 5_000;
const RATE_MAX = 5_000;

/** How many pages of the list are gone through for one destination. */
const PAGES_MAX = 20;

/** The list is the only operation that knows a destination's state. */
async function find(arn: string, signal: AbortSignal): Promise<Destination | null> {
  let token: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const answer: Destinations = await get<Destinations>('destinations', { limit: 100, token }, signal);
    const found = answer.destinations.find((one) => one.destination === arn);
    if (found) return found;
    if (answer.next === null) return null;
    token = answer.next;
  }
  return null;
}

export function DestinationPage({ arn }: { arn: string }) {
  const loaded = useLoad(`destination ${arn}`, (signal) => find(arn, signal));
  const why = withQuery('destinations/why', { destination: arn });
  const lane = useLoad(why, (signal) => get<LaneWhy>(why, {}, signal));
  const reload = () => {
    loaded.reload();
    lane.reload();
  };
  useEvery(REFRESH_MS, reload);
  useEvents('lanes', ({ destinations }) => {
    if (destinations.includes(arn)) reload();
  });
  const found = loaded.data;
  return (
    <>
      <PageHead
        kind="Destination"
        title={arn}
        acts={found && <LaneActs arn={arn} isPaused={found.paused_since !== null} reload={reload} />}
      />
      <Show of={loaded}>
        {(of) =>
          of === null ? (
            <p class="empty">No configuration names this destination, and nothing is owed to it.</p>
          ) : (
            <Section
              title="Lane"
              acts={<a href={href(['callbacks'], { destination: arn, status: 'Failed' })}>Its failed callbacks</a>}
            >
              <Lane of={of} limit={lane.data?.lane?.limit ?? null} />
              <WhyPanel path={why} />
            </Section>
          )
        }
      </Show>
      {found && <Probe arn={arn} />}
    </>
  );
}

function Lane({ of, limit }: { of: Destination; limit: number | null }) {
  return (
    <Facts
      rows={[
        ['State', <LaneBadge paused={of.paused_since !== null} breaker={of.breaker} />],
        ...(of.paused_since ? [['Paused since', <Time at={of.paused_since} />] as [string, preact.JSX.Element]] : []),
        ...(of.held_until ? [['Held until', <Ago at={of.held_until} />] as [string, preact.JSX.Element]] : []),
        ['Kind', of.kind ?? 'no sink of the configuration takes it'],
        ['Under way', limit === null ? count(of.in_flight) : `${count(of.in_flight)} of ${count(limit)}`],
        ['Owed', count(of.owed)],
        ['Waiting', waiting(of)],
        ['Oldest due', of.oldest_due ? <Ago at={of.oldest_due} /> : 'nothing waits'],
        ['Last error', <FaultText fault={of.last_error} />],
        ['Last error at', <Time at={of.last_error_at} />],
      ]}
    />
  );
}

function LaneActs({ arn, isPaused, reload }: { arn: string; isPaused: boolean; reload: () => void }) {
  const hold = async (note: string) => {
    const held = await post<LaneHold>(`destinations/${isPaused ? 'resume' : 'pause'}`, { destination: arn, ...(note && { note }) });
    reload();
    return held.paused ? 'The destination is paused.' : 'The destination goes on.';
  };
  return (
    <Acts
      of={[
        {
          operation: isPaused ? 'resumeDestination' : 'pauseDestination',
          name: isPaused ? 'Resume' : 'Pause',
          button: (
            <PauseOrResume
              what="the destination"
              isPaused={isPaused}
              pause="No callback is tried any more; those under way end as they do. Deadlines move by as long as the pause lasts."
              resume="What waits for it is tried again. Deadlines have moved by as long as it was paused."
              act={hold}
            />
          ),
        },
        {
          operation: 'purgeDestination',
          name: 'Purge',
          button: (
            <Opener label="Purge…" tone="danger">
              {(close) => <Purge arn={arn} close={close} />}
            </Opener>
          ),
        },
      ]}
    />
  );
}

function Purge({ arn, close }: { arn: string; close: () => void }) {
  const [words, setWords] = useState({ code: '', prefix: '', after: '', before: '', rate: '' });
  const set = (field: keyof typeof words) => (value: string) => setWords({ ...words, [field]: value });
  const wanted = {
    destination: arn,
    ...(words.code && { code: words.code }),
    ...(words.prefix && { prefix: words.prefix }),
    ...(words.after && { accepted_after: fromField(words.after) }),
    ...(words.before && { accepted_before: fromField(words.before) }),
    ...(words.rate && { rate_per_second: Number(words.rate) }),
  };
  return (
    <BulkDialog
      title="Give up what waits for this destination"
      act="Purge"
      what={JSON.stringify(wanted)}
      begin={(dryRun) => post<Operation>('destinations/purge', { ...wanted, dry_run: dryRun })}
      problem={null}
      close={close}
    >
      <p>Pending callbacks are given up and kept as failed; they can be redriven.</p>
      <TextField label="Error code" value={words.code} set={set('code')} />
      <TextField label="Id begins with" value={words.prefix} set={set('prefix')} />
      <TimeField label="Accepted after" value={words.after} set={set('after')} />
      <TimeField label="Accepted before" value={words.before} set={set('before')} />
      <NumberField label="At most, per second" value={words.rate} set={set('rate')} max={RATE_MAX} />
    </BulkDialog>
  );
}

function Probe({ arn }: { arn: string }) {
  const [probed, setProbed] = useState<Probed | null>(null);
  const [isBusy, setBusy] = useState(false);
  const may = useMay();
  const probe = async () => {
    setBusy(true);
    try {
      setProbed(await post<Probed>('destinations/probe', { destination: arn }));
    } catch (error) {
      announceError(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Section title="Probe">
      <p>
        One real message, marked as a test, sent past the lane to see whether the destination answers.{' '}
        {may('probeDestination') ? (
          <button type="button" disabled={isBusy} onClick={() => void probe()}>
            {isBusy ? 'Probing…' : 'Probe'}
          </button>
        ) : (
          <Withheld names={['Probe']} />
        )}
      </p>
      <div role="status">
        {probed && (
          <>
            <p>
              <Badge tone={probed.outcome === 'Delivered' ? 'good' : 'bad'}>{probed.outcome}</Badge> {probed.message}
            </p>
            <Facts
              rows={[
                ['Took', duration(probed.took_ms)],
                ['Message id', probed.message_id ?? <span class="faint">–</span>],
                ['Error', <FaultText fault={probed.error} />],
              ]}
            />
          </>
        )}
      </div>
    </Section>
  );
}
