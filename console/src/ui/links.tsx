// Names that lead to what they name.
import { Fragment } from 'preact';

import { segment } from '../api';
import { href } from '../router';

export function FunctionLink({ name, account }: { name: string; account?: string | undefined }) {
  if (name === '') return <span class="faint">unknown</span>;
  return (
    <a class="name" href={href(['functions', name], { account })}>
      {name}
    </a>
  );
}

export function DestinationLink({ arn }: { arn: string }) {
  return (
    <a class="name arn" href={href(['destinations', arn])}>
      {/* Broken, if at all, between its parts. */}
      {arn.split(/(?<=[:/])/).map((part, index) => (
        <Fragment key={index}>
          {part}
          <wbr />
        </Fragment>
      ))}
    </a>
  );
}

/** What says which invocation is meant. */
export interface InvocationName {
  function: string;
  account: string;
  request_id: string;
  task_id: string | null;
}

/** A task whose id its caller chose is found by that id alone, every other invocation by its request id. */
export function hasChosenId(of: InvocationName): of is InvocationName & { task_id: string } {
  return of.task_id !== null && of.task_id !== of.request_id && of.function !== '';
}

/** Where the API has it. */
export function invocationPath(of: InvocationName): string {
  return hasChosenId(of)
    ? `tasks/${segment(of.function)}/${segment(of.task_id)}`
    : `invocations/${segment(of.request_id)}`;
}

/** Where this page has it. */
export function invocationHref(of: InvocationName): string {
  return hasChosenId(of)
    ? href(['tasks', of.function, of.task_id], { account: of.account })
    : href(['invocations', of.request_id]);
}

export function InvocationLink({ of }: { of: InvocationName }) {
  return (
    <a class="name id whole" href={invocationHref(of)}>
      {of.task_id ?? of.request_id}
    </a>
  );
}
