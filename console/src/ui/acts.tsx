// Buttons that change something: those that the role of whoever is signed in allows, and which ones it does not.
import type { ComponentChildren } from 'preact';

import { useMay, useSession } from './session';

export interface Act {
  /** What the API calls it. */
  operation: string;
  /** What its button says. */
  name: string;
  button: ComponentChildren;
}

/** A button that would be refused is not shown; that it is missing is. */
export function Acts({ of }: { of: Act[] }) {
  const may = useMay();
  return (
    <>
      <Withheld names={of.filter(({ operation }) => !may(operation)).map(({ name }) => name)} />
      {/* By their places: a button that says another word after the act is the same one, and keeps the focus. */}
      {of.map(({ operation, button }, index) => may(operation) && <span key={index}>{button}</span>)}
    </>
  );
}

/** What the role does not allow. */
export function Withheld({ names }: { names: string[] }) {
  const { role } = useSession();
  if (names.length === 0) return null;
  return (
    <span class="faint withheld">
      Not with the role {role}: {names.join(', ')}
    </span>
  );
}
