// Fields of forms. Every one has a visible label.
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

import { get } from '../api';
import type { Functions } from '../types';
import { useLoad } from './load';

interface FieldProps {
  label: string;
  value: string;
  set: (value: string) => void;
  hint?: string;
}

const PLAIN = { autocomplete: 'off', spellcheck: false } as const;

export function TextField({ label, value, set, hint }: FieldProps) {
  return (
    <label class="field">
      <Label {...{ label, hint }} />
      <input type="text" value={value} {...PLAIN} onInput={(event) => set(event.currentTarget.value)} />
    </label>
  );
}

/** The name of a function, with some that there are. */
export function FunctionField({ value, set }: { value: string; set: (value: string) => void }) {
  const id = useId();
  const known = useLoad('functions to choose from', (signal) => get<Functions>('functions', { limit: 100 }, signal));
  return (
    <label class="field">
      <Label label="Function" hint={undefined} />
      <input type="text" list={id} value={value} {...PLAIN} onInput={(event) => set(event.currentTarget.value)} />
      <datalist id={id}>
        {known.data?.functions.map((one) => (
          <option key={`${one.account} ${one.name}`} value={one.name} />
        ))}
      </datalist>
    </label>
  );
}

/** A moment, which is read as UTC. */
export function TimeField({ label, value, set }: FieldProps) {
  return (
    <label class="field time-field">
      <Label {...{ label, hint: 'UTC' }} />
      <input type="datetime-local" step={1} value={value} onInput={(event) => set(event.currentTarget.value)} />
    </label>
  );
}

export function NumberField({ label, value, set, hint, max }: FieldProps & { max: number }) {
  return (
    <label class="field">
      <Label {...{ label, hint }} />
      <input type="number" min={1} max={max} value={value} onInput={(event) => set(event.currentTarget.value)} />
    </label>
  );
}

function Label({ label, hint }: { label: string; hint: string | undefined }) {
  return (
    <span>
      {label}
      {hint && ` (${hint})`}
    </span>
  );
}

export function Choice({
  label,
  value,
  set,
  options,
}: {
  label: string;
  value: string;
  set: (value: string) => void;
  /** Values with what is shown. */
  options: [string, ComponentChildren][];
}) {
  return (
    <label class="field">
      <span>{label}</span>
      <select value={value} onChange={(event) => set(event.currentTarget.value)}>
        {options.map(([option, shown]) => (
          <option key={option} value={option}>
            {shown}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A form that filters a list: what it holds goes into the address, so a list can be linked. */
export function Filters({ onSubmit, children }: { onSubmit: () => void; children: ComponentChildren }) {
  return (
    <form
      class="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
      <button type="submit" class="primary">
        Search
      </button>
    </form>
  );
}
