// The lanes of a function's versions and aliases that have limits of their own.
import { get } from '../api';
import type { FunctionInfo, LaneState, LaneWhy, QualifierLimits } from '../types';
import { Ago, LaneBadge, Section } from '../ui/basics';
import { count } from '../ui/format';
import { limitOf, rateOf, waitingIn } from '../ui/lane';
import { Show, useEvery, useLoad } from '../ui/load';
import { Table } from '../ui/table';

/** A request for each of at most 16 lanes. */
const REFRESH_MS = 5_000;

interface Row {
  qualifier: string;
  limits: QualifierLimits;
  /** Null if nothing has waited there since the daemon started. */
  lane: LaneState | null;
  why: LaneWhy;
}

/** `base` is the function's path, and its `why` of a `qualifier` answers why that one waits. */
export function QualifierLanes({ of, base, account }: { of: FunctionInfo; base: string; account: string | null }) {
  const named = Object.entries(of.qualifiers);
  const ask = async (signal: AbortSignal): Promise<Row[]> =>
    Promise.all(
      named.map(async ([qualifier, limits]) => {
        const why = await get<LaneWhy>(`${base}/why`, { account, qualifier }, signal);
        return { qualifier, limits, lane: why.lane?.qualifier === qualifier ? why.lane : null, why };
      }),
    );
  const loaded = useLoad(`${base} ${account} ${named.map(([name]) => name).join(' ')}`, ask);
  useEvery(REFRESH_MS, () => {
    if (named.length > 0) loaded.reload();
  });
  if (named.length === 0) return null;
  return (
    <Section title="Lanes of qualifiers">
      <Show of={loaded}>
        {(rows) => (
          <Table
            caption="Versions and aliases with limits of their own; all others share the function’s lane"
            rows={rows}
            rowKey={(row) => row.qualifier}
            empty="None."
            columns={[
              { name: 'Qualifier', isHeader: true, cell: (row) => <span class="name">{row.qualifier}</span> },
              {
                name: 'State',
                cell: (row) => <LaneBadge paused={of.paused_since !== null} breaker={row.lane?.breaker} />,
              },
              { name: 'Under way', isNumber: true, cell: (row) => count(row.lane?.in_flight ?? 0) },
              { name: 'Limit', isNumber: true, cell: (row) => limitOf(row.lane, row.limits.concurrency) },
              { name: 'Rate', isNumber: true, cell: (row) => rateOf(row.limits.rate) },
              { name: 'Weight', isNumber: true, cell: (row) => count(row.limits.weight) },
              { name: 'Waiting', isNumber: true, cell: (row) => (row.lane ? waitingIn(row.lane) : '0') },
              {
                name: 'Oldest due',
                cell: (row) => (row.lane?.oldest_due ? <Ago at={row.lane.oldest_due} /> : 'nothing waits'),
              },
              { name: 'Waits for', cell: (row) => <span title={row.why.message}>{row.why.reason}</span> },
            ]}
          />
        )}
      </Show>
    </Section>
  );
}
