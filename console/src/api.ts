// The one place that speaks to the daemon.
import type { Session } from './types';

/** What the daemon refused, in its own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly field: string | null,
  ) {
    super(message);
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;

const onSignedOut = new Set<() => void>();

/** Calls `listener` whenever an answer says that the session is over; returns how to stop that. */
export function whenSignedOut(listener: () => void): () => void {
  onSignedOut.add(listener);
  return () => onSignedOut.delete(listener);
}

/** The page is at `…/console/`, the API beside it. */
function address(path: string): string {
  return `../v1/${path}`;
}

/** `path` with the parts of `query` that say something. */
export function withQuery(path: string, query: Query): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') words.set(name, String(value));
  }
  const text = words.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** One segment of a path out of any text. */
export const segment = encodeURIComponent;

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  // The daemon takes changes only with this header, which no other site can send.
  if (method !== 'GET') headers['x-invoked-admin'] = '1';
  if (body !== undefined) headers['content-type'] = 'application/json';
  let answer: Response;
  try {
    answer = await fetch(address(path), {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: signal ?? null,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'Unreachable', 'The daemon does not answer. It may be restarting.', null);
  }
  if (!answer.ok) throw await refusal(answer, path);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

async function refusal(answer: Response, path: string): Promise<ApiError> {
  let code = `HTTP ${answer.status}`;
  let message = answer.statusText;
  let field: string | null = null;
  try {
    const body = (await answer.json()) as { code?: string; message?: string; field?: string | null };
    code = body.code ?? code;
    message = body.message ?? message;
    field = body.field ?? null;
  } catch {
    // Not one of ours: a proxy's page says nothing that could be shown.
  }
  if (answer.status === 401 && path !== 'session') for (const listener of onSignedOut) listener();
  return new ApiError(answer.status, code, message, field);
}

export function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return call('GET', withQuery(path, query), undefined, signal);
}

export function post<T>(path: string, body?: unknown): Promise<T> {
  return call('POST', path, body);
}

/** Who this is; `null` where a token is needed first. */
export async function session(): Promise<Session | null> {
  try {
    return await call<Session>('GET', 'session');
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

export function signIn(token: string): Promise<Session> {
  return call('POST', 'session', { token });
}

export function signOut(): Promise<void> {
  return call('DELETE', 'session');
}

/** The address of the live stream; `watched` names the invocation whose changes come too. */
export function events(watched: Record<string, string>): string {
  return withQuery(address('events'), watched);
}
