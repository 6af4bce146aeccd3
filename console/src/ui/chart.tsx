// One chart over time. Its legend is text, with the newest values or those under the pointer.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

import { moment } from './format';
import { useColours } from './theme';

export interface Line {
  name: string;
  /** The name of a CSS variable. */
  colour: string;
  values: (number | null)[];
}

const HEIGHT = 150;

export function Chart({
  title,
  at,
  from,
  lines,
  format,
}: {
  title: string;
  /** Milliseconds since the epoch, ascending. */
  at: number[];
  /** Where the axis begins, in the same unit. */
  from: number;
  lines: Line[];
  format: (value: number | null | undefined) => string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const colours = useColours();
  const [under, setUnder] = useState<number | null>(null);
  const shape = lines.map((line) => `${line.name} ${line.colour}`).join('\n');
  const data = useMemo<uPlot.AlignedData>(() => [at, ...lines.map((line) => line.values)], [at, lines]);
  const latest = useRef({ data, from });
  latest.current = { data, from };

  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const range = (): uPlot.Range.MinMax => {
      const to = latest.current.data[0].at(-1) ?? Date.now();
      return [latest.current.from, Math.max(to, latest.current.from + 1)];
    };
    const made = new uPlot(options(element, lines, format, range, setUnder), latest.current.data, element);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
    };
    // A chart is made anew for other lines and other colours, and given other data otherwise.
  }, [shape, colours]);

  useEffect(() => plot.current?.setData(data), [data, from]);

  const index = under !== null && under < at.length ? under : at.length - 1;
  const newest = lines.map((line) => `${line.name} ${format(line.values.at(-1))}`).join(', ');
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        <ul class="legend">
          {lines.map((line) => (
            <li key={line.name} class={line.colour.slice(2)}>
              {line.name} <strong>{format(line.values[index])}</strong>
            </li>
          ))}
        </ul>
        <span class="faint chart-time">{under !== null && at[index] ? moment(new Date(at[index]).toISOString()) : ''}</span>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${title}, now: ${newest}`} />
    </figure>
  );
}

function options(
  element: HTMLElement,
  lines: Line[],
  format: (value: number | null | undefined) => string,
  range: () => uPlot.Range.MinMax,
  setUnder: (index: number | null) => void,
): uPlot.Options {
  const colour = (name: string) => resolved(element, name);
  const axis: uPlot.Axis = {
    stroke: colour('--faint'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: colour('--grid'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    ms: 1,
    tzDate: (at) => uPlot.tzDate(new Date(at), 'Etc/UTC'),
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 5 } },
    scales: { x: { time: true, range }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      { ...axis, values: (_, ticks, __, ___, step) => ticks.map((tick) => clock(tick, step)), space: 70, size: 26 },
      { ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [
      {},
      ...lines.map(
        (line): uPlot.Series => ({
          label: line.name,
          stroke: colour(line.colour),
          width: 1.5,
          points: { show: false },
        }),
      ),
    ],
    hooks: { setCursor: [(plot) => setUnder(plot.cursor.idx ?? null)] },
  };
}

/** `13:05`, with seconds where ticks are closer than minutes. */
function clock(at: number, step: number): string {
  return new Date(at).toISOString().slice(11, step < 60_000 ? 19 : 16);
}

/** What a canvas takes for a variable, which may say two colours. */
function resolved(element: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
