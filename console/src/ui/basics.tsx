// The small pieces that every page is made of.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import type { Breaker, Fault, Status as StatusName } from '../types';
import { distance, moment } from './format';

/** The wall clock, each second. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** A moment in UTC. */
export function Time({ at }: { at: string | null | undefined }) {
  if (!at) return <span class="faint">–</span>;
  return (
    <time class="time" dateTime={at} title={at}>
      {moment(at)}
    </time>
  );
}

/** The same as a distance from now, which goes on. */
export function Ago({ at }: { at: string | null | undefined }) {
  const now = useNow();
  if (!at) return <span class="faint">–</span>;
  return (
    <time dateTime={at} title={`${moment(at)} UTC`}>
      {distance(at, now)}
    </time>
  );
}

type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'idle';

const TONES: Record<StatusName, Tone> = {
  Enqueued: 'idle',
  Dequeued: 'idle',
  Running: 'busy',
  Retrying: 'warn',
  Stopping: 'warn',
  Succeeded: 'good',
  Failed: 'bad',
  Expired: 'bad',
  Stopped: 'idle',
  Invalid: 'bad',
};

/** A word with a colour; the word alone says all. */
export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export function Status({ status }: { status: StatusName }) {
  return <Badge tone={TONES[status]}>{status}</Badge>;
}

export function CallbackBadge({ state }: { state: 'Pending' | 'Delivered' | 'Failed' | null }) {
  if (state === null) return <span class="faint">none</span>;
  const tone = state === 'Delivered' ? 'good' : state === 'Failed' ? 'bad' : 'busy';
  return <Badge tone={tone}>{state}</Badge>;
}

export function LaneBadge({ paused, breaker }: { paused: boolean; breaker?: Breaker | undefined }) {
  if (paused) return <Badge tone="warn">Paused</Badge>;
  if (breaker === 'Open') return <Badge tone="bad">Breaker open</Badge>;
  if (breaker === 'HalfOpen') return <Badge tone="warn">Breaker half-open</Badge>;
  return <Badge tone="good">Open</Badge>;
}

/** An error that the daemon knows of: code, message, and the HTTP status where one was. */
export function FaultText({ fault }: { fault: Fault | null | undefined }) {
  if (!fault) return <span class="faint">none</span>;
  return (
    <span class="fault">
      <strong>{fault.code}</strong>
      {fault.status > 0 && <span class="faint"> ({fault.status})</span>} {fault.message}
    </span>
  );
}

/** The same in short, where there is a page that says it in full. */
export function FaultCode({ fault }: { fault: Fault | null | undefined }) {
  if (!fault) return <span class="faint">none</span>;
  return (
    <span title={fault.message}>
      {fault.code}
      {fault.status > 0 && <span class="faint"> ({fault.status})</span>}
    </span>
  );
}

/** Names and their values. */
export function Facts({ rows }: { rows: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A part of a page with a heading of its own. */
export function Section({
  title,
  acts,
  children,
}: {
  title: string;
  acts?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="section" aria-label={title}>
      <div class="section-head">
        <h2>{title}</h2>
        {acts && <div class="acts">{acts}</div>}
      </div>
      {children}
    </section>
  );
}

/** The heading of a page, which takes the focus when the page is opened. */
export function PageHead({
  title,
  kind,
  acts,
  children,
}: {
  title: string;
  kind?: string;
  acts?: ComponentChildren;
  children?: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${kind ? `${kind} ` : ''}${title} · invoked`;
  }, [title, kind]);
  return (
    <header class="page-head">
      <div>
        <h1 id="title" tabIndex={-1}>
          {kind && <span class="kind">{kind} </span>}
          <span class={kind ? 'name' : ''}>{title}</span>
        </h1>
        {children}
      </div>
      {acts && <div class="acts">{acts}</div>}
    </header>
  );
}
