// Every destination, and how it is doing.
import { get } from '../api';
import { useEvents } from '../live';
import type { Destination, Destinations } from '../types';
import { Ago, FaultText, LaneBadge, PageHead } from '../ui/basics';
import { count } from '../ui/format';
import { DestinationLink } from '../ui/links';
import { useEvery } from '../ui/load';
import { Pages, Table, usePages } from '../ui/table';

const LIMIT = 50;
const REFRESH_MS = 10_000;

export function DestinationsPage() {
  const pages = usePages('destinations', (token, signal) =>
    get<Destinations>('destinations', { limit: LIMIT, token }, signal),
  );
  useEvery(REFRESH_MS, pages.loaded.reload);
  useEvents('lanes', ({ destinations }) => {
    const shown = pages.loaded.data?.destinations ?? [];
    if (shown.some((one) => destinations.includes(one.destination))) pages.loaded.reload();
  });
  return (
    <>
      <PageHead title="Destinations" />
      <Pages of={pages}>
        {({ destinations }) => (
          <Table
            caption="Who is told, by ARN"
            rows={destinations}
            rowKey={(row) => row.destination}
            empty="No configuration names a destination."
            columns={[
              { name: 'Destination', isHeader: true, cell: (row) => <DestinationLink arn={row.destination} /> },
              { name: 'Kind', cell: (row) => row.kind ?? <span class="bad-text">no such sink</span> },
              { name: 'Lane', cell: (row) => <LaneBadge paused={row.paused_since !== null} breaker={row.breaker} /> },
              { name: 'Under way', isNumber: true, cell: (row) => count(row.in_flight) },
              { name: 'Owed', isNumber: true, cell: (row) => count(row.owed) },
              { name: 'Waiting', isNumber: true, cell: waiting },
              { name: 'Oldest due', cell: (row) => <Ago at={row.oldest_due} /> },
              { name: 'Last error', cell: (row) => <FaultText fault={row.last_error} /> },
            ]}
          />
        )}
      </Pages>
    </>
  );
}

export function waiting(of: Destination): string {
  return `${count(of.waiting)}${of.more_waiting ? ' or more' : ''}`;
}
