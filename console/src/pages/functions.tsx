// Every function, page by page.
import { useState } from 'preact/hooks';

import { get } from '../api';
import { useEvents } from '../live';
import { type Place, go, href } from '../router';
import type { DaemonStatus, FunctionInfo, Functions, Lane } from '../types';
import { Ago, LaneBadge, PageHead, Time } from '../ui/basics';
import { Filters, TextField } from '../ui/form';
import { count, duration } from '../ui/format';
import { FunctionLink } from '../ui/links';
import { useEvery, useLoad } from '../ui/load';
import { Pages, Table, usePages } from '../ui/table';

const LIMIT = 50;
const REFRESH_MS = 5_000;

export function FunctionsPage({ place }: { place: Place }) {
  const prefix = place.query.get('prefix') ?? '';
  const account = place.query.get('account') ?? '';
  const [words, setWords] = useState({ prefix, account });
  const pages = usePages(`functions ${prefix} ${account}`, (token, signal) =>
    get<Functions>('functions', { prefix, account, limit: LIMIT, token }, signal),
  );
  // The busiest lanes; what is not among them has next to nothing under way.
  const status = useLoad('status', (signal) => get<DaemonStatus>('status', {}, signal));
  useEvery(REFRESH_MS, status.reload);
  const lane = (of: FunctionInfo) =>
    status.data?.lanes.find((one) => one.kind === 'function' && one.name === of.name && one.account === of.account);
  useEvents('lanes', ({ functions }) => {
    const shown = pages.loaded.data?.functions ?? [];
    if (shown.some((one) => functions.includes(one.name))) pages.loaded.reload();
  });
  return (
    <>
      <PageHead title="Functions" />
      <Filters onSubmit={() => go(href(['functions'], words))}>
        <TextField label="Name begins with" value={words.prefix} set={(value) => setWords({ ...words, prefix: value })} />
        <TextField label="Account" value={words.account} set={(value) => setWords({ ...words, account: value })} />
      </Filters>
      <Pages of={pages}>
        {({ functions }) => (
          <Table
            caption="Functions by name"
            rows={functions}
            rowKey={(row) => `${row.account} ${row.name}`}
            empty={prefix === '' ? 'No function is registered.' : 'No function’s name begins so.'}
            columns={[
              { name: 'Name', isHeader: true, cell: (row) => <FunctionLink name={row.name} account={account} /> },
              { name: 'Lane', cell: (row) => <LaneBadge paused={row.paused_since !== null} /> },
              { name: 'Under way', isNumber: true, cell: (row) => count(lane(row)?.busy ?? 0) },
              { name: 'Waiting', isNumber: true, cell: (row) => waiting(lane(row)) },
              { name: 'Oldest due', cell: (row) => <Ago at={lane(row)?.first_due_at} /> },
              { name: 'Kind', cell: (row) => row.kind },
              { name: 'Concurrency', isNumber: true, cell: (row) => row.concurrency ?? 'adaptive' },
              { name: 'Rate', isNumber: true, cell: (row) => (row.rate === null ? 'any' : `${count(row.rate)}/s`) },
              { name: 'Timeout', isNumber: true, cell: (row) => duration(row.timeout_ms) },
              { name: 'Modified', cell: (row) => <Time at={row.modified_at} /> },
            ]}
          />
        )}
      </Pages>
    </>
  );
}

function waiting(lane: Lane | undefined): string {
  if (!lane) return '0';
  return `${count(lane.in_window)}${lane.is_complete ? '' : ' or more'}`;
}
