// Tables, and lists that the daemon pages.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { type Loaded, Show, useLoad } from './load';

export interface Column<T> {
  /** The header. */
  name: ComponentChildren;
  cell: (row: T) => ComponentChildren;
  isNumber?: boolean;
  /** Its cells name the row. */
  isHeader?: boolean;
}

interface TableProps<T> {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string;
  /** Said in the place of rows. */
  empty: ComponentChildren;
}

export function Table<T>({ caption, columns, rows, rowKey, empty }: TableProps<T>) {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    // It scrolls sideways by itself, hence can be reached by keyboard.
    <div class="scroll" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption>
          <span>{caption}</span>
        </caption>
        <thead>
          <tr>
            {columns.map((column, index) => (
              <th key={index} scope="col" class={column.isNumber ? 'number' : ''}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>
              {columns.map((column, index) =>
                column.isHeader ? (
                  <th key={index} scope="row">
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={index} class={column.isNumber ? 'number' : ''}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export interface Paged<T> {
  loaded: Loaded<T>;
  page: number;
  back: (() => void) | undefined;
  forth: (() => void) | undefined;
}

/** How many empty pages are gone through before one is shown. */
const EMPTY_MAX = 10;

/** The daemon looks at so many rows for a page, so one may be empty and have others behind it: the next that is not. */
export async function filled<T extends { next: string | null }>(
  token: string | null,
  ask: (token: string | null) => Promise<T>,
  isEmpty: (page: T) => boolean,
): Promise<T> {
  let page = await ask(token);
  for (let turn = 0; turn < EMPTY_MAX && page.next !== null && isEmpty(page); turn += 1) page = await ask(page.next);
  return page;
}

/** A list page by page: the tokens of the pages so far are the way back. A new `key` begins at the first page. */
export function usePages<T extends { next: string | null }>(
  key: string,
  ask: (token: string | null, signal: AbortSignal) => Promise<T>,
): Paged<T> {
  const [state, setState] = useState<{ key: string; tokens: string[] }>({ key, tokens: [] });
  const tokens = state.key === key ? state.tokens : [];
  useEffect(() => setState((before) => (before.key === key ? before : { key, tokens: [] })), [key]);
  const token = tokens.at(-1) ?? null;
  const loaded = useLoad(`${key} ${token ?? ''}`, (signal) => ask(token, signal));
  const next = loaded.data?.next ?? null;
  return {
    loaded,
    page: tokens.length + 1,
    back: tokens.length > 0 ? () => setState({ key, tokens: tokens.slice(0, -1) }) : undefined,
    forth: next === null ? undefined : () => setState({ key, tokens: [...tokens, next] }),
  };
}

/** One page of a list, and the way to the others. */
export function Pages<T>({ of, children }: { of: Paged<T>; children: (data: T) => ComponentChildren }) {
  return (
    <>
      <Show of={of.loaded}>{children}</Show>
      {(of.back || of.forth) && (
        <nav class="pager" aria-label="Pages">
          <button type="button" disabled={!of.back} onClick={of.back}>
            Previous
          </button>
          <span role="status">Page {of.page}</span>
          <button type="button" disabled={!of.forth} onClick={of.forth}>
            Next
          </button>
        </nav>
      )}
    </>
  );
}
