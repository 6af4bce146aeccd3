// Numbers and times as an operator reads them.

const COUNT = new Intl.NumberFormat('en-US');
const RATE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : COUNT.format(value);
}

export function rate(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : RATE.format(value);
}

/** `1.2 ms`, `340 ms`, `12.4 s`, `3 min`, `2.5 h`, `4 d`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  const size = Math.abs(ms);
  if (size < 10) return `${RATE.format(ms)} ms`;
  if (size < 1_000) return `${Math.round(ms)} ms`;
  if (size < 100_000) return `${RATE.format(ms / 1_000)} s`;
  if (size < 6_000_000) return `${Math.round(ms / 60_000)} min`;
  if (size < 172_800_000) return `${RATE.format(ms / 3_600_000)} h`;
  return `${RATE.format(ms / 86_400_000)} d`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  let size = value;
  let unit = 0;
  while (size >= 1_024 && unit < UNITS.length - 1) {
    size /= 1_024;
    unit += 1;
  }
  return `${RATE.format(size)} ${UNITS[unit]}`;
}

/** `0.999` is `99.9%`, with so many digits behind the point at most. */
export function percent(part: number, digits: number): string {
  return `${new Intl.NumberFormat('en-US', { maximumFractionDigits: digits }).format(part * 100)}%`;
}

/** `2026-11-26 12:00:01.250`, in UTC, as logs have it. */
export function moment(at: string): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? at : date.toISOString().replace('T', ' ').replace('Z', '');
}

/** How long ago, or how soon, from `now`. */
export function distance(at: string, now: number): string {
  const ms = now - new Date(at).getTime();
  return ms >= 0 ? `${duration(ms)} ago` : `in ${duration(-ms)}`;
}

/** What a `datetime-local` field holds, read as UTC; `null` where it holds nothing. */
export function fromField(value: string): string | null {
  if (value === '') return null;
  const date = new Date(`${value}Z`);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
