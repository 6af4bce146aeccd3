// Stopping, retrying or purging what fits, over a whole function.
import { useState } from 'preact/hooks';

import { post } from '../api';
import { type Operation, type Status } from '../types';
import { Opener } from '../ui/dialog';
import { Choice, NumberField, TextField, TimeField } from '../ui/form';
import { fromField } from '../ui/format';
import { BulkDialog } from '../ui/operation';

type Act = 'Stop' | 'Retry' | 'Purge';

/** What can be done to what fits, in the order of its buttons. */
export const WORK: readonly Act[] = ['Stop', 'Retry', 'Purge'];

const LIVE: Status[] = ['Enqueued', 'Running', 'Retrying'];
const ENDED: Status[] = ['Failed', 'Expired', 'Stopped', 'Invalid'];

const SAYS: Record<Act, string> = {
  Stop: 'Live invocations end as Stopped, and their failure destination is told.',
  Retry: 'Finished tasks are done again, as new tasks with the same payload.',
  Purge: 'Live invocations are dropped. Nobody is told.',
};

const RATE_MAX = 10_000;

export function WorkOpener({ act, name, path }: { act: Act; name: string; path: string }) {
  return (
    <Opener label={`${act}…`} {...(act === 'Purge' && { tone: 'danger' as const })}>
      {(close) => <WorkDialog {...{ act, name, path, close }} />}
    </Opener>
  );
}

function WorkDialog({ act, name, path, close }: { act: Act; name: string; path: string; close: () => void }) {
  const [words, setWords] = useState({
    status: act === 'Retry' ? 'Failed' : '',
    code: '',
    error_class: '',
    prefix: '',
    after: '',
    before: '',
    rate: '',
  });
  const set = (field: keyof typeof words) => (value: string) => setWords({ ...words, [field]: value });
  const wanted = {
    ...(words.status && { status: [words.status] }),
    ...(words.code && { code: words.code }),
    ...(words.error_class && { error_class: words.error_class }),
    ...(words.prefix && { prefix: words.prefix }),
    ...(words.after && { accepted_after: fromField(words.after) }),
    ...(words.before && { accepted_before: fromField(words.before) }),
    ...(words.rate && { rate_per_second: Number(words.rate) }),
  };
  const statuses = act === 'Retry' ? ENDED : LIVE;
  return (
    <BulkDialog
      title={`${act} invocations of ${name}`}
      act={act}
      what={JSON.stringify(wanted)}
      begin={(dryRun) => post<Operation>(path, { ...wanted, dry_run: dryRun })}
      problem={null}
      close={close}
    >
      <p>{SAYS[act]}</p>
      <Choice
        label="Status"
        value={words.status}
        set={set('status')}
        options={[
          ...(act === 'Retry' ? [] : [['', 'any that is live'] as [string, string]]),
          ...statuses.map((status): [string, string] => [status, status]),
        ]}
      />
      <TextField label="Error code" value={words.code} set={set('code')} />
      <Choice
        label="Last attempt failed by"
        value={words.error_class}
        set={set('error_class')}
        options={[
          ['', 'anything'],
          ['function', 'the function'],
          ['system', 'the system'],
        ]}
      />
      <TextField label="Id begins with" value={words.prefix} set={set('prefix')} />
      <TimeField label="Accepted after" value={words.after} set={set('after')} />
      <TimeField label="Accepted before" value={words.before} set={set('before')} />
      <NumberField label="At most, per second" value={words.rate} set={set('rate')} max={RATE_MAX} />
    </BulkDialog>
  );
}
