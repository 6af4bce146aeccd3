// How the daemon is doing, live.
import { useMemo, useState } from 'preact/hooks';

import { get } from '../api';
import { useEvents } from '../live';
import type { DestinationRow, Point, Series } from '../types';
import { Badge, PageHead, Section } from '../ui/basics';
import { Chart, type Line } from '../ui/chart';
import { count, duration, percent, rate } from '../ui/format';
import { FunctionLink, DestinationLink } from '../ui/links';
import { Show, useEvery, useLoad } from '../ui/load';
import { Table } from '../ui/table';

/** Of the tables and the budget; the charts go on by themselves. */
const REFRESH_MS = 10_000;
const POINTS_MAX = 720;
const SPANS: [string, number][] = [
  ['5 min', 300_000],
  ['15 min', 900_000],
  ['60 min', 3_600_000],
];
const COLUMNS = [
  'at',
  'accepted',
  'attempts',
  'attempts_failed',
  'callbacks',
  'callbacks_failed',
  'live',
  'owed',
  'accept_p50_ms',
  'accept_p99_ms',
  'wait_p99_ms',
] as const;

/** The series with one more point, or with its last point brought up to date. */
export function extended(series: Series, point: Point): Series {
  const last = series.at.at(-1);
  if (last !== undefined && point.at < last) return series;
  const grown = { ...series };
  for (const name of COLUMNS) {
    const values = series[name];
    const kept: (number | null)[] = point.at === last ? values.slice(0, -1) : values.slice(-(POINTS_MAX - 1));
    // Columns of rates hold numbers alone, and so does their point.
    (grown[name] as (number | null)[]) = [...kept, point[name]];
  }
  return grown;
}

export function Overview() {
  const [span, setSpan] = useState(900_000);
  const [live, setLive] = useState<Series | null>(null);
  const loaded = useLoad('series', async (signal) => {
    const series = await get<Series>('series', {}, signal);
    setLive(series);
    return series;
  });
  useEvery(REFRESH_MS, loaded.reload);
  useEvents('overview', (point) => setLive((before) => before && extended(before, point)));
  return (
    <>
      <PageHead
        title="Overview"
        acts={
          <fieldset class="segmented">
            <legend class="hidden">Shown span</legend>
            {SPANS.map(([name, ms]) => (
              <label key={ms}>
                <input type="radio" name="span" checked={span === ms} onChange={() => setSpan(ms)} />
                <span>{name}</span>
              </label>
            ))}
          </fieldset>
        }
      />
      <Show of={loaded}>{(series) => <Body series={live ?? series} span={span} />}</Show>
    </>
  );
}

function Body({ series, span }: { series: Series; span: number }) {
  const to = series.at.at(-1) ?? Date.now();
  // A daemon that is younger than the span fills the charts all the same.
  const from = Math.max(to - span, series.at[0] ?? to - span);
  const begin = series.at.findIndex((at) => at >= from);
  const at = useMemo(() => (begin < 0 ? [] : series.at.slice(begin)), [series, begin]);
  const line = (name: string, colour: string, values: (number | null)[]): Line => ({
    name,
    colour,
    values: begin < 0 ? at.map(() => null) : values.slice(begin),
  });
  const rates = useMemo(
    () => [
      line('accepted', '--line-1', series.accepted),
      line('attempts', '--line-2', series.attempts),
      line('callbacks', '--line-3', series.callbacks),
    ],
    [series, begin],
  );
  const failures = useMemo(
    () => [
      line('attempts', '--line-2', series.attempts_failed),
      line('callbacks', '--line-3', series.callbacks_failed),
    ],
    [series, begin],
  );
  const latencies = useMemo(
    () => [
      line('accept p50', '--line-1', series.accept_p50_ms),
      line('accept p99', '--line-2', series.accept_p99_ms),
      line('wait p99', '--line-3', series.wait_p99_ms),
    ],
    [series, begin],
  );
  const backlog = useMemo(
    () => [line('live', '--line-1', series.live), line('callbacks owed', '--line-3', series.owed)],
    [series, begin],
  );
  const perSecond = (value: number | null | undefined) => `${rate(value)}/s`;
  return (
    <>
      <Tiles series={series} />
      <div class="charts">
        <Chart title="Rates" {...{ at, from }} lines={rates} format={perSecond} />
        <Chart title="Failures" {...{ at, from }} lines={failures} format={perSecond} />
        <Chart title="Latency" {...{ at, from }} lines={latencies} format={duration} />
        <Chart title="Backlog" {...{ at, from }} lines={backlog} format={count} />
      </div>
      <DestinationMetrics minute={series.destinations.minute} hour={series.destinations.hour} />
    </>
  );
}

function Tiles({ series }: { series: Series }) {
  const { budget } = series;
  const ended = budget.good + budget.bad;
  const left = Math.max(0, Math.min(1, budget.left));
  const tiles: [string, string, string][] = [
    ['Accepted', `${rate(series.accepted.at(-1) ?? 0)}/s`, 'made durable'],
    ['Attempts', `${rate(series.attempts.at(-1) ?? 0)}/s`, `${rate(series.attempts_failed.at(-1) ?? 0)}/s failed`],
    ['Callbacks', `${rate(series.callbacks.at(-1) ?? 0)}/s`, `${rate(series.callbacks_failed.at(-1) ?? 0)}/s failed`],
    ['Accept p99', duration(series.accept_p99_ms.at(-1)), `p50 ${duration(series.accept_p50_ms.at(-1))}`],
    ['Live', count(series.live.at(-1) ?? 0), `${count(series.owed.at(-1) ?? 0)} callbacks owed`],
  ];
  return (
    <div class="tiles">
      {tiles.map(([name, value, more]) => (
        <div class="tile" key={name}>
          <span class="tile-name">{name}</span>
          <span class="tile-value">{value}</span>
          <span class="faint">{more}</span>
        </div>
      ))}
      <div class="tile">
        <span class="tile-name">Error budget, {duration(budget.window_ms)}</span>
        <span class="tile-value">
          {percent(left, 1)} <Badge tone={left > 0.5 ? 'good' : left > 0 ? 'warn' : 'bad'}>left</Badge>
        </span>
        <meter min={0} max={1} low={0.25} high={0.5} optimum={1} value={left} aria-label="Error budget left" />
        <span class="faint">
          {count(budget.bad)} of {count(ended)} ended badly; {percent(budget.objective, 3)} aimed at
        </span>
      </div>
    </div>
  );
}

interface Told {
  function: string;
  destination: string;
  minute: DestinationRow | undefined;
  hour: DestinationRow | undefined;
}

function DestinationMetrics({ minute, hour }: { minute: DestinationRow[]; hour: DestinationRow[] }) {
  const rows = new Map<string, Told>();
  const key = (row: DestinationRow) => `${row.function} ${row.destination}`;
  const at = (row: DestinationRow): Told => {
    const found = rows.get(key(row)) ?? { ...row, minute: undefined, hour: undefined };
    rows.set(key(row), found);
    return found;
  };
  for (const row of hour) at(row).hour = row;
  for (const row of minute) at(row).minute = row;
  return (
    <Section title="Destinations">
      <Table
        caption="FunctionDestinationSucceed and FunctionDestinationErrors, those with most errors first"
        rows={[...rows.values()]}
        rowKey={(row) => `${row.function} ${row.destination}`}
        empty="No destination was told anything in the last hour."
        columns={[
          { name: 'Function', isHeader: true, cell: (row) => <FunctionLink name={row.function} /> },
          { name: 'Destination', cell: (row) => <Told arn={row.destination} /> },
          { name: 'Succeed, minute', isNumber: true, cell: (row) => count(row.minute?.succeed ?? 0) },
          { name: 'Errors, minute', isNumber: true, cell: (row) => <Errors of={row.minute} /> },
          { name: 'Succeed, hour', isNumber: true, cell: (row) => count(row.hour?.succeed ?? 0) },
          { name: 'Errors, hour', isNumber: true, cell: (row) => <Errors of={row.hour} /> },
        ]}
      />
    </Section>
  );
}

/** The metrics know some destinations by their kind alone. */
function Told({ arn }: { arn: string }) {
  return arn.startsWith('acs:') ? <DestinationLink arn={arn} /> : <>{arn}</>;
}

function Errors({ of }: { of: DestinationRow | undefined }) {
  const errors = of?.errors ?? 0;
  return errors > 0 ? <strong class="bad-text">{count(errors)}</strong> : <>0</>;
}
