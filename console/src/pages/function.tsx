// One function: its lane, its limits, what waits, and what can be done about it.
import { get, post, segment, withQuery } from '../api';
import { useEvents } from '../live';
import { type Place, href } from '../router';
import type { AsyncConfigs, Counts, FunctionInfo, LaneHold, LaneState, LaneWhy } from '../types';
import { Acts } from '../ui/acts';
import { Ago, Facts, FaultText, LaneBadge, PageHead, Section, Time } from '../ui/basics';
import { count, duration } from '../ui/format';
import { PauseOrResume } from '../ui/hold';
import { limitOf, waitingIn } from '../ui/lane';
import { DestinationLink } from '../ui/links';
import { Show, useEvery, useLoad } from '../ui/load';
import { Pages, Table, usePages } from '../ui/table';
import { WhyPanel } from '../ui/why';
import { QualifierLanes } from './qualifiers';
import { WORK, WorkOpener } from './work';

const REFRESH_MS = 2_000;

export function FunctionPage({ name, place }: { name: string; place: Place }) {
  const account = place.query.get('account');
  const base = `functions/${segment(name)}`;
  const at = (act: string) => withQuery(`${base}/${act}`, { account });
  const info = useLoad(`${base} ${account}`, (signal) => get<FunctionInfo>(base, { account }, signal));
  const counts = useLoad(`${base} ${account} count`, (signal) => get<Counts>(at('count'), {}, signal));
  const why = useLoad(`${base} ${account} why`, (signal) => get<LaneWhy>(at('why'), {}, signal));
  const reload = () => {
    info.reload();
    counts.reload();
    why.reload();
  };
  useEvery(REFRESH_MS, () => {
    counts.reload();
    why.reload();
  });
  useEvents('lanes', ({ functions }) => {
    if (functions.includes(name)) reload();
  });
  const isPaused = info.data ? info.data.paused_since !== null : false;
  return (
    <>
      <PageHead
        kind="Function"
        title={name}
        acts={
          info.data && (
            <Acts
              of={[
                {
                  operation: isPaused ? 'resumeFunction' : 'pauseFunction',
                  name: isPaused ? 'Resume' : 'Pause',
                  button: <Hold {...{ name, isPaused }} path={at(isPaused ? 'resume' : 'pause')} done={reload} />,
                },
                ...WORK.map((act) => ({
                  operation: `${act.toLowerCase()}Function`,
                  name: act,
                  button: <WorkOpener act={act} name={name} path={at(act.toLowerCase())} />,
                })),
              ]}
            />
          )
        }
      />
      <Show of={info}>
        {(of) => (
          <>
            <Section title="Lane" acts={<a href={href(['invocations'], { function: name, account })}>Its invocations</a>}>
              <Show of={why}>{(answer) => <Lane info={of} lane={answer.lane} />}</Show>
              <WhyPanel path={at('why')} />
            </Section>
            <QualifierLanes of={of} base={base} account={account} />
            <Section title="Invocations">
              <Show of={counts}>{(these) => <CountTable counts={these} account={account} />}</Show>
            </Section>
            <Section title="Target">
              <Target of={of} />
            </Section>
            <Configs name={name} account={account} />
          </>
        )}
      </Show>
    </>
  );
}

function Hold({
  name,
  isPaused,
  path,
  done,
}: {
  name: string;
  isPaused: boolean;
  path: string;
  done: () => void;
}) {
  const act = async (note: string) => {
    const hold = await post<LaneHold>(path, note === '' ? {} : { note });
    done();
    return hold.paused ? `${name} is paused.` : `${name} goes on.`;
  };
  return (
    <PauseOrResume
      what={name}
      isPaused={isPaused}
      pause="No attempt starts any more; those under way end as they do. New invocations are accepted and wait; their time-to-live goes on."
      resume="Waiting invocations start again, within the limits of the function."
      act={act}
    />
  );
}

function Lane({ info, lane }: { info: FunctionInfo; lane: LaneState | null }) {
  return (
    <Facts
      rows={[
        ['State', <LaneBadge paused={info.paused_since !== null} breaker={lane?.breaker} />],
        ...(info.paused_since ? [['Paused since', <Time at={info.paused_since} />] as [string, preact.JSX.Element]] : []),
        ['Attempts under way', lane ? count(lane.in_flight) : '0'],
        ['Limit', limitOf(lane, info.concurrency)],
        ['Waiting', lane ? waitingIn(lane) : '0'],
        ['Oldest due', lane?.oldest_due ? <Ago at={lane.oldest_due} /> : 'nothing waits'],
        ['Overdue by', duration(lane?.overdue_ms ?? 0)],
        ['Oldest accepted', lane?.oldest_accepted_at ? <Ago at={lane.oldest_accepted_at} /> : 'nothing waits'],
        ['Last error', <FaultText fault={lane?.last_error} />],
        ['Last error at', <Time at={lane?.last_error_at} />],
      ]}
    />
  );
}

function CountTable({ counts, account }: { counts: Counts; account: string | null }) {
  const rows: [string, number][] = [
    ['Enqueued', counts.enqueued],
    ['Running', counts.running],
    ['Retrying', counts.retrying],
    ['Stopping', counts.stopping],
    ['Succeeded', counts.succeeded],
    ['Failed', counts.failed],
    ['Expired', counts.expired],
    ['Stopped', counts.stopped],
    ['Invalid', counts.invalid],
  ];
  return (
    <>
      <Facts
        rows={[
          ['Accepted', count(counts.accepted)],
          ['Live', count(counts.live)],
          ...rows.map(([status, number]): [string, preact.JSX.Element] => [
            status,
            <a href={href(['invocations'], { function: counts.function, account, status })}>{count(number)}</a>,
          ]),
        ]}
      />
    </>
  );
}

function Target({ of }: { of: FunctionInfo }) {
  return (
    <Facts
      rows={[
        ['Address', of.url === null ? 'a remote Function Compute' : <span class="name">{of.url}</span>],
        ['Kind', of.kind],
        ['Account', of.account],
        ['Registered by', of.origin === 'file' ? 'the configuration file' : 'the API'],
        ['Concurrency', of.concurrency ?? 'adaptive'],
        ['Rate', of.rate === null ? 'not limited' : `${count(of.rate)}/s`],
        ['Weight', of.weight],
        ['Timeout', duration(of.timeout_ms)],
        ['Status', of.status === 'header' ? 'HTTP status and x-fc-status' : 'x-fc-status alone'],
        ['Initialize', of.initialize ? 'POST /initialize first' : 'no'],
        ['Created', <Time at={of.created_at} />],
        ['Modified', <Time at={of.modified_at} />],
      ]}
    />
  );
}

function Configs({ name, account }: { name: string; account: string | null }) {
  const pages = usePages(`configs ${account} ${name}`, (token, signal) =>
    get<AsyncConfigs>(`functions/${segment(name)}/configs`, { account, token, limit: 20 }, signal),
  );
  const arn = (destination: string | null) =>
    destination === null ? <span class="faint">nobody</span> : <DestinationLink arn={destination} />;
  return (
    <Section title="Asynchronous configurations">
      <Pages of={pages}>
        {({ configs }) => (
          <Table
            caption="By version or alias"
            rows={configs}
            rowKey={(row) => row.qualifier}
            empty="None: the defaults of the daemon hold, and nobody is told."
            columns={[
              { name: 'Qualifier', isHeader: true, cell: (row) => row.qualifier },
              { name: 'Task mode', cell: (row) => (row.async_task ? 'yes' : 'no') },
              { name: 'Retries', isNumber: true, cell: (row) => row.max_async_retry_attempts ?? 'default' },
              {
                name: 'Age at most',
                isNumber: true,
                cell: (row) =>
                  row.max_async_event_age_seconds === null ? 'default' : duration(row.max_async_event_age_seconds * 1_000),
              },
              { name: 'On success', cell: (row) => arn(row.on_success) },
              { name: 'On failure', cell: (row) => arn(row.on_failure) },
              { name: 'Modified', cell: (row) => <Time at={row.modified_at} /> },
            ]}
          />
        )}
      </Pages>
    </Section>
  );
}
