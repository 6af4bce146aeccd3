// What has happened to an invocation, in order: its events, then what became of its callback.
import type { Task } from '../types';
import { Time } from '../ui/basics';
import { count, duration } from '../ui/format';

interface Moment {
  at: string;
  word: string;
  detail: string | null;
  tone: string;
}

const TONES: Record<string, string> = {
  Succeeded: 'good',
  Delivered: 'good',
  Failed: 'bad',
  Expired: 'bad',
  Invalid: 'bad',
  'Callback failed': 'bad',
  Running: 'busy',
  Retrying: 'warn',
  Stopping: 'warn',
  Redriven: 'busy',
};

/** Every event that is kept, and every settlement and redrive of the callback. */
export function moments(task: Task): Moment[] {
  const found: Moment[] = task.events.map((event) => ({
    at: event.at,
    word: event.status,
    detail: readable(event.detail),
    tone: TONES[event.status] ?? 'idle',
  }));
  // Plain invocations keep no events: what is known of them otherwise stands in.
  if (found.length === 0) {
    found.push({ at: task.accepted_at, word: 'Enqueued', detail: 'accepted', tone: 'idle' });
    if (task.started_at) found.push({ at: task.started_at, word: 'Running', detail: 'first attempt', tone: 'busy' });
    if (task.ended_at) {
      found.push({ at: task.ended_at, word: task.status, detail: null, tone: TONES[task.status] ?? 'idle' });
    }
  }
  const add = (at: string | null, word: string, detail: string | null) => {
    if (at !== null) found.push({ at, word, detail, tone: TONES[word] ?? 'idle' });
  };
  for (const redrive of task.delivery?.redrives ?? []) add(redrive.at, 'Redriven', `by ${redrive.by || 'nobody known'}`);
  const tries = task.delivery ? `after ${count(task.delivery.tries)} tries` : null;
  const oneTry = task.delivery?.tries === 1 ? 'at the first try' : tries;
  if (task.callback === 'Delivered') add(task.delivery?.settled_at ?? null, 'Delivered', oneTry);
  if (task.callback === 'Failed') add(task.delivery?.settled_at ?? null, 'Callback failed', task.delivery?.error?.code ?? tries);
  // Stable: what happened in the same millisecond stays in its order.
  return found.sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
}

/** Details are JSON objects in the wire's own words: `{"Error":"ResourceThrottled","Throttled":true}`. */
function readable(detail: string | null): string | null {
  if (detail === null || !detail.startsWith('{')) return detail;
  try {
    const words = Object.entries(JSON.parse(detail) as Record<string, unknown>).map(([name, value]) => {
      if (name === 'Error' && typeof value === 'string') return value;
      return value === true ? name : `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`;
    });
    return words.join(', ');
  } catch {
    return detail;
  }
}

export function Timeline({ task }: { task: Task }) {
  const all = moments(task);
  return (
    <>
      <ol class="timeline" aria-label="Events, oldest first">
        {all.map((moment, index) => {
          const before = all[index - 1];
          const gap = before ? Date.parse(moment.at) - Date.parse(before.at) : null;
          return (
            <li key={index} class={moment.tone}>
              <strong>{moment.word}</strong>
              {gap !== null && <span class="faint"> +{duration(gap)}</span>}
              {moment.detail && <span class="detail"> {moment.detail}</span>}
              <br />
              <Time at={moment.at} />
            </li>
          );
        })}
        {task.callback === 'Pending' && (
          <li class="busy pending">
            <strong>Callback pending</strong>
            <span class="detail"> {count(task.delivery?.tries ?? 0)} tries so far</span>
          </li>
        )}
      </ol>
    </>
  );
}
