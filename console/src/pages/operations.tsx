// Operations over many rows: those under way and the latest that ended.
import { get } from '../api';
import { href } from '../router';
import type { Operation } from '../types';
import { PageHead, Section, Time } from '../ui/basics';
import { count } from '../ui/format';
import { DestinationLink, FunctionLink } from '../ui/links';
import { Show, useEvery, useLoad } from '../ui/load';
import { OperationBadge, OperationProgress } from '../ui/operation';
import { Table } from '../ui/table';

const REFRESH_MS = 2_000;

export function OperationsPage() {
  const loaded = useLoad('operations', (signal) => get<{ operations: Operation[] }>('operations', {}, signal));
  useEvery(REFRESH_MS, loaded.reload);
  return (
    <>
      <PageHead title="Operations" />
      <Show of={loaded}>
        {({ operations }) => (
          <Table
            caption="Redrives, stops, retries and purges of many at a time"
            rows={operations}
            rowKey={(row) => row.id}
            empty="There was none yet."
            columns={[
              {
                name: 'Operation',
                isHeader: true,
                cell: (row) => (
                  <a class="name id" href={href(['operations', row.id])}>
                    {row.id}
                  </a>
                ),
              },
              { name: 'Kind', cell: (row) => `${row.kind}${row.dry_run ? ' (dry run)' : ''}` },
              { name: 'State', cell: (row) => <OperationBadge operation={row} /> },
              { name: 'Of', cell: (row) => <Meant of={row} /> },
              { name: 'Matched', isNumber: true, cell: (row) => count(row.matched) },
              { name: 'Acted', isNumber: true, cell: (row) => count(row.acted) },
              { name: 'Skipped', isNumber: true, cell: (row) => count(row.skipped) },
              { name: 'By', cell: (row) => row.by || 'nobody known' },
              { name: 'Began', cell: (row) => <Time at={row.began_at} /> },
              { name: 'Ended', cell: (row) => <Time at={row.ended_at} /> },
            ]}
          />
        )}
      </Show>
    </>
  );
}

function Meant({ of }: { of: Operation }) {
  if (of.function !== null) return <FunctionLink name={of.function} />;
  if (of.destination !== null) return <DestinationLink arn={of.destination} />;
  return <span class="faint">callbacks</span>;
}

export function OperationPage({ id }: { id: string }) {
  return (
    <>
      <PageHead kind="Operation" title={id} />
      <Section title="Progress">
        <OperationProgress id={id} />
      </Section>
    </>
  );
}
