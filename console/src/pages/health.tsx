// The store and what stands around it: room, commits, admission, shards.
import { get } from '../api';
import type { Admission, DaemonStatus, Store } from '../types';
import { Badge, Facts, PageHead, Section, Time } from '../ui/basics';
import { bytes, count, duration, rate } from '../ui/format';
import { Show, useEvery, useLoad } from '../ui/load';
import { Table } from '../ui/table';

const REFRESH_MS = 5_000;

export function HealthPage() {
  const store = useLoad('store', (signal) => get<Store>('store', {}, signal));
  const status = useLoad('status', (signal) => get<DaemonStatus>('status', {}, signal));
  useEvery(REFRESH_MS, () => {
    store.reload();
    status.reload();
  });
  return (
    <>
      <PageHead title="Store and cluster" />
      <Show of={status}>{(of) => <Daemon of={of} />}</Show>
      <Show of={store}>{(of) => <StoreFacts of={of} />}</Show>
      <Show of={status}>{(of) => <Shards of={of} />}</Show>
    </>
  );
}

function Daemon({ of }: { of: DaemonStatus }) {
  return (
    <Section title="Daemon">
      <Facts
        rows={[
          ['Accepting', of.accepting ? <Badge tone="good">yes</Badge> : <Badge tone="bad">no</Badge>],
          ['Version', of.version],
          ['Its clock', <Time at={of.now} />],
          ['Live invocations', count(of.live)],
          ...admission(of.admission),
        ]}
      />
    </Section>
  );
}

function admission(of: Admission): [string, preact.ComponentChildren][] {
  const memory =
    of.memory_max_bytes === null ? 'not limited' : `${bytes(of.memory_bytes)} of ${bytes(of.memory_max_bytes)}`;
  return [
    [
      'Refused for',
      of.refused_for.length === 0 ? <Badge tone="good">nothing</Badge> : <Badge tone="bad">{of.refused_for.join(', ')}</Badge>,
    ],
    ['Commit lag', `${duration(of.commit_lag_ms)} of ${duration(of.commit_lag_max_ms)}`],
    ['Memory', memory],
  ];
}

function StoreFacts({ of }: { of: Store }) {
  return (
    <Section title="Store">
      <Facts
        rows={[
          ['Room', of.full ? <Badge tone="bad">full</Badge> : <Badge tone="good">enough</Badge>],
          ['Kind', of.kind],
          ['Path', <span class="name">{of.path}</span>],
          ['Size', bytes(of.bytes)],
          ['Free on its disk', bytes(of.free_bytes)],
          ['Live rows', count(of.live_rows)],
          ['Commits since the start', count(of.commits)],
          ['Operations in one', of.commits === 0 ? '–' : rate(of.operations / of.commits)],
          ['Cluster', of.cluster.kind === 'single' ? 'a single daemon' : of.cluster.kind],
        ]}
      />
    </Section>
  );
}

function Shards({ of }: { of: DaemonStatus }) {
  const rows = of.shards.map((shard, index) => ({ ...shard, index }));
  return (
    <Section title="Shards">
      <Table
        caption="What each shard has in memory"
        rows={rows}
        rowKey={(row) => String(row.index)}
        empty="There is no shard."
        columns={[
          { name: 'Shard', isHeader: true, cell: (row) => row.index },
          { name: 'Rows', isNumber: true, cell: (row) => count(row.rows) },
          { name: 'Attempts', isNumber: true, cell: (row) => count(row.attempts) },
          { name: 'Callbacks', isNumber: true, cell: (row) => count(row.callbacks) },
          { name: 'Payloads', isNumber: true, cell: (row) => bytes(row.cached_bytes) },
        ]}
      />
    </Section>
  );
}
