// Operations over many rows: how far they are, and how they are begun, counted first.
import { useState } from 'preact/hooks';

import { ApiError, get, post, segment } from '../api';
import { href } from '../router';
import type { Operation } from '../types';
import { announce, announceError } from './announce';
import { Withheld } from './acts';
import { Badge, Facts, Time } from './basics';
import { count } from './format';
import { Refused, Show, useEvery, useLoad } from './load';
import { Dialog } from './dialog';
import { useMay } from './session';

const REFRESH_MS = 500;

const TONES = { Running: 'busy', Done: 'good', Cancelled: 'idle', Failed: 'bad' } as const;

export function OperationBadge({ operation }: { operation: Operation }) {
  return <Badge tone={TONES[operation.state]}>{operation.state}</Badge>;
}

/** What it has done so far, followed until it has ended. */
export function OperationProgress({ id, onEnd }: { id: string; onEnd?: (operation: Operation) => void }) {
  const [ended, setEnded] = useState(false);
  const mayCancel = useMay()('cancelOperation');
  const loaded = useLoad(`operation ${id}`, async (signal) => {
    const operation = await get<Operation>(`operations/${segment(id)}`, {}, signal);
    if (operation.state !== 'Running' && !ended) {
      setEnded(true);
      onEnd?.(operation);
    }
    return operation;
  });
  useEvery(REFRESH_MS, () => {
    if (!ended) loaded.reload();
  });
  const cancel = async () => {
    try {
      await post(`operations/${segment(id)}/cancel`);
      announce('The operation is cancelled.');
      loaded.reload();
    } catch (error) {
      announceError(error);
    }
  };
  return (
    <Show of={loaded}>
      {(operation) => (
        <div class="operation">
          <p>
            <OperationBadge operation={operation} />{' '}
            <a href={href(['operations', operation.id])}>
              {operation.kind}
              {operation.dry_run && ' (dry run)'}
            </a>
          </p>
          {operation.expected !== null && operation.state === 'Running' && (
            <progress
              aria-label="Progress"
              max={Math.max(operation.expected, 1)}
              value={Math.min(operation.matched, operation.expected)}
            />
          )}
          {operation.last_error !== null && (
            <p class="fault">
              {operation.state === 'Running' ? 'It waits: ' : 'It ended: '}
              {operation.last_error}
            </p>
          )}
          <OperationFacts operation={operation} />
          {operation.state === 'Running' && !mayCancel && <Withheld names={['Cancel']} />}
          {operation.state === 'Running' && mayCancel && (
            <button type="button" onClick={() => void cancel()}>
              Cancel the operation
            </button>
          )}
        </div>
      )}
    </Show>
  );
}

export function OperationFacts({ operation }: { operation: Operation }) {
  return (
    <Facts
      rows={[
        ['Examined', count(operation.examined)],
        ['Matched', count(operation.matched)],
        [operation.dry_run ? 'Acted (dry run)' : 'Acted', count(operation.acted)],
        ['Skipped', count(operation.skipped)],
        ['Began', <Time at={operation.began_at} />],
        ['Ended', <Time at={operation.ended_at} />],
      ]}
    />
  );
}

/**
 * Counts first, then does: the dry run says how many rows match what is wanted, and only then the act can be begun.
 * Changing what is wanted asks for another count.
 */
export function BulkDialog({
  title,
  act,
  what,
  begin,
  children,
  problem,
  close,
}: {
  title: string;
  /** The verb of the button, such as "Redrive". */
  act: string;
  /** Changes with what is wanted. */
  what: string;
  begin: (dryRun: boolean) => Promise<Operation>;
  /** The fields. */
  children: preact.ComponentChildren;
  /** Why it cannot be begun as it stands. */
  problem: string | null;
  close: () => void;
}) {
  const [run, setRun] = useState<{ id: string; isDry: boolean; what: string; ended?: Operation } | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const counted = run?.isDry && run.what === what ? run.ended : undefined;
  const isDoing = run !== null && !run.isDry;

  const start = async (isDry: boolean) => {
    setBusy(true);
    setError(null);
    try {
      const operation = await begin(isDry);
      setRun({ id: operation.id, isDry, what });
    } catch (refused) {
      if (!(refused instanceof ApiError)) throw refused;
      setError(refused);
    } finally {
      setBusy(false);
    }
  };
  const ended = (operation: Operation) => {
    setRun((before) => before && { ...before, ended: operation });
    announce(
      operation.dry_run
        ? `${count(operation.matched)} match.`
        : `${operation.kind} ${operation.state.toLowerCase()}: ${count(operation.acted)} of ${count(operation.matched)}.`,
    );
  };
  return (
    <Dialog title={title} onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          // Return in a field counts; only the button acts.
          if (problem === null && !isDoing) void start(true);
        }}
      >
        <fieldset class="fields" disabled={isDoing}>
          <legend class="hidden">What is meant</legend>
          {children}
        </fieldset>
        {problem && <p class="empty">{problem}</p>}
        {error && <Refused error={error} />}
        {run && <OperationProgress key={run.id} id={run.id} onEnd={ended} />}
        <div class="dialog-foot">
          <button type="button" onClick={close}>
            {isDoing ? 'Close' : 'Cancel'}
          </button>
          {!isDoing && (
            <button type="button" disabled={isBusy || problem !== null} onClick={() => void start(true)}>
              Count (dry run)
            </button>
          )}
          {!isDoing && (
            <button
              type="button"
              class="danger"
              disabled={isBusy || !counted || counted.matched === 0}
              onClick={() => void start(false)}
            >
              {counted ? `${act} ${count(counted.matched)}` : act}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}
