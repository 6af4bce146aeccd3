// Asking for what a page shows: waiting, done, refused.
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { ApiError } from '../api';

export interface Loaded<T> {
  data: T | undefined;
  error: ApiError | undefined;
  isLoading: boolean;
  reload: () => void;
}

/**
 * Asks when `key` changes, and again at `reload`; an answer that another question has overtaken is dropped. What was
 * there stays until the next answer, unless the key has changed.
 */
export function useLoad<T>(key: string, ask: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: ApiError; isLoading: boolean }>({
    key,
    isLoading: true,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(ask);
  latest.current = ask;

  useEffect(() => {
    const abort = new AbortController();
    setState((before) => (before.key === key ? { ...before, isLoading: true } : { key, isLoading: true }));
    latest.current(abort.signal).then(
      (data) => {
        if (!abort.signal.aborted) setState({ key, data, isLoading: false });
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const known = error instanceof ApiError ? error : new ApiError(0, 'Unexpected', String(error), null);
        setState((before) => ({ ...before, error: known, isLoading: false }));
      },
    );
    return () => abort.abort();
  }, [key, turn]);

  const reload = useCallback(() => setTurn((before) => before + 1), []);
  const isCurrent = state.key === key;
  return {
    data: isCurrent ? state.data : undefined,
    error: isCurrent ? state.error : undefined,
    isLoading: state.isLoading || !isCurrent,
    reload,
  };
}

/** Calls `act` each `ms` milliseconds while the page is looked at. */
export function useEvery(ms: number, act: () => void): void {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) latest.current();
    }, ms);
    return () => clearInterval(timer);
  }, [ms]);
}

/** Shows what was loaded, or why it was not. */
export function Show<T>({ of, children }: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  if (of.data !== undefined) {
    return (
      <>
        {of.error && <Refused error={of.error} retry={of.reload} />}
        {children(of.data)}
      </>
    );
  }
  if (of.error) return <Refused error={of.error} retry={of.reload} />;
  return (
    <p class="loading" role="status">
      Loading…
    </p>
  );
}

/** Why the daemon did not do it, with a way to try again where that can help. */
export function Refused({ error, retry }: { error: ApiError; retry?: () => void }) {
  return (
    <div class="refused" role="alert">
      <p>
        <strong>{title(error)}</strong> {error.message}
        {error.field && <span class="faint"> (field {error.field})</span>}
      </p>
      {retry && error.status !== 403 && error.status !== 404 && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

function title(error: ApiError): string {
  if (error.status === 403) return 'Your role does not allow this.';
  if (error.status === 404) return 'There is nothing here.';
  if (error.status === 401) return 'Signed out.';
  return `${error.code}:`;
}
