// Callbacks that were given up, or are still tried: found, chosen, redriven.
import { useEffect, useState } from 'preact/hooks';

import { get, post } from '../api';
import { type Place, go, href } from '../router';
import type { Callback, Callbacks, Operation } from '../types';
import { Withheld } from '../ui/acts';
import { CallbackBadge, FaultCode, PageHead, Time } from '../ui/basics';
import { Opener } from '../ui/dialog';
import { Choice, Filters, NumberField, TextField, TimeField } from '../ui/form';
import { count, fromField } from '../ui/format';
import { DestinationLink, FunctionLink } from '../ui/links';
import { useEvery } from '../ui/load';
import { BulkDialog } from '../ui/operation';
import { useMay } from '../ui/session';
import { Pages, Table, filled, usePages } from '../ui/table';

const LIMIT = 50;
const REFRESH_MS = 5_000;
const RATE_MAX = 5_000;
const FIELDS = ['function', 'destination', 'status', 'code', 'after', 'before'] as const;

type Words = Record<(typeof FIELDS)[number], string>;

function predicate(words: Words) {
  return {
    ...(words.function && { function: words.function }),
    ...(words.destination && { destination: words.destination }),
    ...(words.code && { code: words.code }),
    ...(words.after && { since_after: fromField(words.after) }),
    ...(words.before && { since_before: fromField(words.before) }),
  };
}

export function CallbacksPage({ place }: { place: Place }) {
  const asked = Object.fromEntries(FIELDS.map((field) => [field, place.query.get(field) ?? ''])) as Words;
  const [words, setWords] = useState(asked);
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const set = (field: keyof Words) => (value: string) => setWords({ ...words, [field]: value });
  const mayAct = useMay()('redriveCallbacks');
  const key = `callbacks ${place.query}`;
  const pages = usePages(key, (token, signal) =>
    filled(
      token,
      (at) => get<Callbacks>('callbacks', { ...predicate(asked), status: asked.status, limit: LIMIT, token: at }, signal),
      (page) => page.callbacks.length === 0,
    ),
  );
  useEvery(REFRESH_MS, pages.loaded.reload);
  useEffect(() => setMarked(new Set()), [key, pages.page]);
  // What is chosen is what can be seen.
  const failed = (pages.loaded.data?.callbacks ?? []).filter((row) => row.status === 'Failed').map((row) => row.id);
  const chosen = new Set(failed.filter((id) => marked.has(id)));
  const close = (shut: () => void) => () => {
    shut();
    pages.loaded.reload();
  };
  return (
    <>
      <PageHead
        title="Callbacks"
        acts={
          <>
            <button type="button" onClick={pages.loaded.reload}>
              Refresh
            </button>
            {!mayAct && <Withheld names={['Redrive']} />}
            {mayAct && (
              <>
                <Opener label={`Redrive chosen (${count(chosen.size)})…`} disabled={chosen.size === 0}>
                  {(shut) => <RedriveChosen ids={[...chosen]} close={close(shut)} />}
                </Opener>
                <Opener label="Redrive what fits…" tone="primary">
                  {(shut) => <RedriveFitting asked={asked} close={close(shut)} />}
                </Opener>
              </>
            )}
          </>
        }
      />
      <Filters onSubmit={() => go(href(['callbacks'], words))}>
        <TextField label="Function" value={words.function} set={set('function')} />
        <TextField label="Destination" hint="ARN" value={words.destination} set={set('destination')} />
        <Choice
          label="Status"
          value={words.status}
          set={set('status')}
          options={[
            ['', 'failed, then pending'],
            ['Failed', 'Failed'],
            ['Pending', 'Pending'],
          ]}
        />
        <TextField label="Error code" value={words.code} set={set('code')} />
        <TimeField label="Given up after" value={words.after} set={set('after')} />
        <TimeField label="Given up before" value={words.before} set={set('before')} />
      </Filters>
      <Pages of={pages}>
        {({ callbacks, next }) => (
          <List {...{ callbacks, failed, chosen, mayAct }} setChosen={setMarked} isLast={next === null} />
        )}
      </Pages>
    </>
  );
}

function List({
  callbacks,
  failed,
  chosen,
  setChosen,
  mayAct,
  isLast,
}: {
  callbacks: Callback[];
  /** The ids of those that can be chosen. */
  failed: string[];
  chosen: ReadonlySet<string>;
  setChosen: (chosen: ReadonlySet<string>) => void;
  mayAct: boolean;
  isLast: boolean;
}) {
  const isAll = failed.length > 0 && failed.every((id) => chosen.has(id));
  const toggle = (id: string) => {
    const other = new Set(chosen);
    if (!other.delete(id)) other.add(id);
    setChosen(other);
  };
  const choose = {
    name: (
      <input
        type="checkbox"
        aria-label="Choose all failed ones of this page"
        checked={isAll}
        disabled={failed.length === 0}
        onChange={() => setChosen(new Set(isAll ? [] : failed))}
      />
    ),
    cell: (row: Callback) => (
      <input
        type="checkbox"
        aria-label={`Choose ${row.id}`}
        checked={chosen.has(row.id)}
        disabled={row.status !== 'Failed'}
        onChange={() => toggle(row.id)}
      />
    ),
  };
  return (
    <Table
      caption="Callbacks, failed ones first"
      rows={callbacks}
      rowKey={(row) => row.id}
      empty={isLast ? 'None. Every destination has what it was owed.' : 'None on this page; there may be more on the next.'}
      columns={[
        ...(mayAct ? [choose] : []),
        {
          name: 'Invocation',
          isHeader: true,
          cell: (row) => (
            <a class="name id" href={href(['callbacks', row.id])}>
              {row.task_id ?? row.request_id}
            </a>
          ),
        },
        { name: 'Status', cell: (row) => <CallbackBadge state={row.status} /> },
        { name: 'Function', cell: (row) => <FunctionLink name={row.function} /> },
        { name: 'Destination', cell: (row) => <DestinationLink arn={row.destination} /> },
        { name: 'Outcome', cell: (row) => row.outcome },
        { name: 'Error', cell: (row) => <FaultCode fault={row.error} /> },
        { name: 'Tries', isNumber: true, cell: (row) => row.tries },
        { name: 'Redrives', isNumber: true, cell: (row) => row.redrive_count },
        { name: 'Given up', cell: (row) => <Time at={row.failed_at} /> },
      ]}
    />
  );
}

export function RedriveChosen({ ids, close }: { ids: string[]; close: () => void }) {
  const [rate, setRate] = useState('');
  const wanted = { ids, ...(rate && { rate_per_second: Number(rate) }) };
  return (
    <BulkDialog
      title={ids.length === 1 ? 'Redrive this callback' : `Redrive ${count(ids.length)} callbacks`}
      act="Redrive"
      what={JSON.stringify(wanted)}
      begin={(dryRun) => post<Operation>('callbacks/redrive', { ...wanted, dry_run: dryRun })}
      problem={null}
      close={close}
    >
      <p>Their messages are sent again as they are; no function runs.</p>
      <NumberField label="At most, per second" hint="100 if empty" value={rate} set={setRate} max={RATE_MAX} />
    </BulkDialog>
  );
}

function RedriveFitting({ asked, close }: { asked: Words; close: () => void }) {
  const [words, setWords] = useState({ ...asked, rate: '' });
  const [isAll, setAll] = useState(false);
  const set = (field: keyof typeof words) => (value: string) => setWords({ ...words, [field]: value });
  const fitting = predicate(words);
  const isEmpty = Object.keys(fitting).length === 0;
  const wanted = {
    ...fitting,
    ...(isEmpty && isAll && { all: true }),
    ...(words.rate && { rate_per_second: Number(words.rate) }),
  };
  return (
    <BulkDialog
      title="Redrive what fits"
      act="Redrive"
      what={JSON.stringify(wanted)}
      begin={(dryRun) => post<Operation>('callbacks/redrive', { ...wanted, dry_run: dryRun })}
      problem={isEmpty && !isAll ? 'Say which, or that all of them are meant.' : null}
      close={close}
    >
      <p>Their messages are sent again as they are; no function runs.</p>
      <TextField label="Function" value={words.function} set={set('function')} />
      <TextField label="Destination" hint="ARN" value={words.destination} set={set('destination')} />
      <TextField label="Error code" value={words.code} set={set('code')} />
      <TimeField label="Given up after" value={words.after} set={set('after')} />
      <TimeField label="Given up before" value={words.before} set={set('before')} />
      <NumberField
        label="At most, per second"
        hint="100 if empty"
        value={words.rate}
        set={set('rate')}
        max={RATE_MAX}
      />
      {isEmpty && (
        <label class="check">
          <input type="checkbox" checked={isAll} onChange={() => setAll(!isAll)} /> Every failed callback
        </label>
      )}
    </BulkDialog>
  );
}
