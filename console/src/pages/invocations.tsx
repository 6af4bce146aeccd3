// Invocations and tasks: looked up by id, or listed by function, status and time.
import { useState } from 'preact/hooks';

import { ApiError, get, segment } from '../api';
import { type Place, go, href } from '../router';
import { type Invocations, STATUSES, type Task, type Tasks } from '../types';
import { CallbackBadge, PageHead, Status, Time } from '../ui/basics';
import { announceError } from '../ui/announce';
import { Choice, Filters, FunctionField, TextField, TimeField } from '../ui/form';
import { fromField } from '../ui/format';
import { FunctionLink, InvocationLink, invocationHref } from '../ui/links';
import { type Column, type Paged, Pages, Table, filled, usePages } from '../ui/table';

const LIMIT = 50;
const FIELDS = ['function', 'account', 'status', 'prefix', 'after', 'before'] as const;

type Words = Record<(typeof FIELDS)[number] | 'id', string>;

/** Lists tasks where their ids matter, and plain invocations that are live or kept too otherwise. */
async function list(words: Words, token: string | null, signal: AbortSignal): Promise<Invocations> {
  const { status, prefix } = words;
  const common = { function: words.function, account: words.account, status, limit: LIMIT, token };
  const [after, before] = [fromField(words.after), fromField(words.before)];
  if (prefix === '') {
    return get('invocations', { ...common, accepted_after: after, accepted_before: before }, signal);
  }
  const { tasks, next } = await get<Tasks>(
    'tasks',
    { ...common, prefix, started_after: after, started_before: before },
    signal,
  );
  return { invocations: tasks, next };
}

/** The invocation with this request id, or this function's task with this id. */
async function find(id: string, name: string, account: string): Promise<Task> {
  try {
    return await get<Task>(`invocations/${segment(id)}`);
  } catch (error) {
    const isOther = error instanceof ApiError && (error.status === 404 || error.status === 400);
    if (!isOther || name === '') throw error;
    return get<Task>(`tasks/${segment(name)}/${segment(id)}`, { account });
  }
}

const COLUMNS: Column<Task>[] = [
  { name: 'Invocation', isHeader: true, cell: (row) => <InvocationLink of={row} /> },
  { name: 'Function', cell: (row) => <FunctionLink name={row.function} account={row.account} /> },
  { name: 'Status', cell: (row) => <Status status={row.status} /> },
  { name: 'Attempts', isNumber: true, cell: (row) => row.attempts },
  { name: 'Callback', cell: (row) => <CallbackBadge state={row.callback} /> },
  { name: 'Accepted', cell: (row) => <Time at={row.accepted_at} /> },
  { name: 'Ended', cell: (row) => <Time at={row.ended_at} /> },
  { name: 'Error', cell: (row) => row.error?.code ?? <span class="faint">–</span> },
];

export function InvocationsPage({ place }: { place: Place }) {
  const asked = Object.fromEntries(FIELDS.map((field) => [field, place.query.get(field) ?? ''])) as Words;
  const [words, setWords] = useState<Words>({ ...asked, id: '' });
  const set = (field: keyof Words) => (value: string) => setWords({ ...words, [field]: value });
  const pages = usePages(`invocations ${place.query}`, (token, signal) =>
    asked.function === ''
      ? Promise.resolve({ invocations: [], next: null })
      : filled(token, (at) => list(asked, at, signal), (page) => page.invocations.length === 0),
  );
  const search = async () => {
    const id = words.id.trim();
    if (id === '') {
      go(href(['invocations'], { ...words, id: null }));
      return;
    }
    try {
      go(invocationHref(await find(id, words.function, words.account)));
    } catch (error) {
      announceError(error);
    }
  };
  return (
    <>
      <PageHead
        title="Invocations and tasks"
        acts={
          <button type="button" onClick={pages.loaded.reload}>
            Refresh
          </button>
        }
      />
      <Filters onSubmit={() => void search()}>
        <TextField label="Request or task id" value={words.id} set={set('id')} />
        <FunctionField value={words.function} set={set('function')} />
        <Choice
          label="Status"
          value={words.status}
          set={set('status')}
          options={[['', 'any'], ...STATUSES.map((status): [string, string] => [status, status])]}
        />
        <TextField label="Task id begins with" value={words.prefix} set={set('prefix')} />
        <TimeField label="Accepted after" value={words.after} set={set('after')} />
        <TimeField label="Accepted before" value={words.before} set={set('before')} />
      </Filters>
      {asked.function === '' && (
        <p class="empty">Lists are of one function: name it above, or find an invocation by its id.</p>
      )}
      {asked.function !== '' && <List {...{ asked, pages }} />}
    </>
  );
}

function List({ asked, pages }: { asked: Words; pages: Paged<Invocations> }) {
  return (
    <Pages of={pages}>
      {({ invocations, next }) => (
        <Table
          caption={`Invocations of ${asked.function}: live ones by when they are due, then those that have ended, newest first`}
          rows={invocations}
          rowKey={(row) => row.request_id}
          empty={
            next === null
              ? 'Nothing fits. Plain invocations that succeeded leave no record.'
              : 'Nothing on this page fits; there may be more on the next.'
          }
          columns={COLUMNS}
        />
      )}
    </Pages>
  );
}
