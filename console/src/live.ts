// The daemon's events. One connection serves the whole page, since a browser opens only a few to one host.
import { useEffect, useRef, useState } from 'preact/hooks';

import { events, session } from './api';
import type { Point, Task } from './types';
import { type InvocationName, hasChosenId } from './ui/links';

export interface Lanes {
  functions: string[];
  destinations: string[];
}

interface Events {
  overview: Point;
  lanes: Lanes;
  invocation: Task;
  /** Nothing is kept any more of the invocation that is watched. */
  gone: object;
}

/** The invocation that is watched, and how the daemon is asked for it. */
interface Watched {
  requestId: string;
  what: Record<string, string>;
}

type Listener<K extends keyof Events> = (data: Events[K]) => void;

const KINDS = ['overview', 'lanes', 'invocation', 'gone'] as const;
const RETRY_MS = 5_000;

const listeners = {
  overview: new Set<Listener<'overview'>>(),
  lanes: new Set<Listener<'lanes'>>(),
  invocation: new Set<Listener<'invocation'>>(),
  gone: new Set<Listener<'gone'>>(),
};
const watchers = new Set<(connected: boolean) => void>();

let source: EventSource | null = null;
let retry: ReturnType<typeof setTimeout> | undefined;
let watched: Watched | null = null;
let isOn = false;
let isConnected = false;

/** Opens the stream, or closes it while nobody is signed in. */
export function setLive(on: boolean): void {
  if (on === isOn) return;
  isOn = on;
  reopen();
}

function reopen(): void {
  source?.close();
  source = null;
  clearTimeout(retry);
  tell(false);
  if (!isOn) return;
  const opened = new EventSource(events(watched?.what ?? {}));
  source = opened;
  opened.onopen = () => tell(true);
  opened.onerror = () => {
    tell(false);
    // The browser repeats a broken connection by itself, but not one that was refused.
    if (opened.readyState !== EventSource.CLOSED) return;
    retry = setTimeout(() => void ask(), RETRY_MS);
  };
  for (const kind of KINDS) {
    opened.addEventListener(kind, (event) => {
      // Each kind has the listeners of its own type; TypeScript cannot follow that through the loop.
      for (const listener of listeners[kind]) (listener as (data: unknown) => void)(JSON.parse(event.data as string));
    });
  }
}

/** A stream says not why it was refused; another request does, and signs out if that is why. */
async function ask(): Promise<void> {
  const who = await session().catch(() => undefined);
  if (isOn && who !== null) reopen();
}

function tell(connected: boolean): void {
  isConnected = connected;
  for (const watcher of watchers) watcher(connected);
}

/** Calls `listener` for every event of this kind while the component stands. */
export function useEvents<K extends keyof Events>(kind: K, listener: Listener<K>): void {
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => {
    const call: Listener<K> = (data) => latest.current(data);
    const set = listeners[kind] as Set<Listener<K>>;
    set.add(call);
    return () => {
      set.delete(call);
    };
  }, [kind]);
}

/** Asks for the events of one invocation while the component stands; `null` once nothing is kept of it. */
export function useInvocationEvents(of: InvocationName | null, listener: (task: Task | null) => void): void {
  const requestId = of?.request_id ?? null;
  useEvents('invocation', (task) => {
    if (task.request_id === requestId) listener(task);
  });
  useEvents('gone', () => {
    if (requestId !== null && watched?.requestId === requestId) listener(null);
  });
  useEffect(() => {
    if (of === null || requestId === null) return;
    // A task whose id was chosen is not found by its request id.
    const what: Record<string, string> = hasChosenId(of)
      ? { function: of.function, task: of.task_id, account: of.account }
      : { invocation: requestId };
    watched = { requestId, what };
    reopen();
    return () => {
      watched = null;
      reopen();
    };
  }, [requestId]);
}

/** Whether the stream is open. */
export function useConnected(): boolean {
  const [connected, setConnected] = useState(isConnected);
  useEffect(() => {
    watchers.add(setConnected);
    setConnected(isConnected);
    return () => {
      watchers.delete(setConnected);
    };
  }, []);
  return connected;
}
