// One life, from its acceptance to the end of its callback, live.
import { useState } from 'preact/hooks';

import { get, post, segment, withQuery } from '../api';
import { useInvocationEvents } from '../live';
import { go, href } from '../router';
import { type Task, hasEnded } from '../types';
import { Acts } from '../ui/acts';
import { Ago, CallbackBadge, Facts, FaultText, PageHead, Section, Status, Time } from '../ui/basics';
import { ContentsOnDemand } from '../ui/content';
import { Confirm } from '../ui/dialog';
import { count } from '../ui/format';
import { DestinationLink, FunctionLink, type InvocationName, invocationHref } from '../ui/links';
import { Refused, Show, useLoad } from '../ui/load';
import { useSession } from '../ui/session';
import { WhyPanel } from '../ui/why';
import { Timeline } from './timeline';

export function InvocationPage({ path, account, title }: { path: string; account: string | null; title: string }) {
  const [live, setLive] = useState<Task | null>(null);
  const loaded = useLoad(path, async (signal) => {
    const task = await get<Task>(path, { account }, signal);
    setLive(null);
    return withoutContents(task);
  });
  const [isGone, setGone] = useState(false);
  useInvocationEvents(loaded.data ?? null, (task) => {
    if (task === null) setGone(true);
    else setLive(withoutContents(task));
  });
  if (!loaded.data) {
    return (
      <>
        <PageHead kind="Invocation" title={title} />
        <Show of={loaded}>{() => null}</Show>
      </>
    );
  }
  const task = live ?? loaded.data;
  return (
    <>
      <PageHead
        kind={task.task_id ? 'Task' : 'Invocation'}
        title={title}
        acts={!isGone && <TaskActs task={task} path={path} account={account} reload={loaded.reload} />}
      />
      {loaded.error && <Refused error={loaded.error} retry={loaded.reload} />}
      <p class="summary" role="status">
        {isGone ? (
          'Nothing is kept of it any more: a plain invocation leaves no record once it has succeeded, or was purged.'
        ) : (
          <>
            <Status status={task.status} /> {callbackText(task)}
          </>
        )}
      </p>
      <Body task={task} path={path} account={account} />
    </>
  );
}

/** Payloads stay out of the page until somebody wants to see them. */
function withoutContents(task: Task): Task {
  return { ...task, payload: null, result: null };
}

function callbackText(task: Task) {
  if (!hasEnded(task.status)) return 'The outcome is not decided.';
  if (task.destination === null) return 'Nobody is told.';
  return (
    <>
      Callback: <CallbackBadge state={task.callback} />
    </>
  );
}

function Body({ task, path, account }: { task: Task; path: string; account: string | null }) {
  const { payloads } = useSession();
  return (
    <>
      <div class="columns">
        <Section title="Life">
          <Timeline task={task} />
        </Section>
        <div>
          <Section title="Facts">
            <Facts
              rows={[
                ['Function', <FunctionLink name={task.function} />],
                ['Qualifier', task.qualifier],
                ['Request id', <span class="name">{task.request_id}</span>],
                ...(task.retry_of ? [['Retry of', <span class="name">{task.retry_of}</span>] as [string, preact.JSX.Element]] : []),
                ['Attempts', count(task.attempts)],
                ['Accepted', <Time at={task.accepted_at} />],
                ['Started', <Time at={task.started_at} />],
                ['Ended', <Time at={task.ended_at} />],
                ['Expires', <Time at={task.expires_at} />],
                ['Due', task.due_at && !task.ended_at ? <Ago at={task.due_at} /> : <span class="faint">–</span>],
                ['Error', <FaultText fault={task.error} />],
              ]}
            />
            <WhyPanel path={withQuery(`${path}/why`, { account })} />
          </Section>
          <Section title="Callback">
            {task.destination === null ? (
              <p class="empty">
                {hasEnded(task.status) ? 'Nobody is told.' : 'Who is told is decided with the outcome.'}
              </p>
            ) : (
              <Facts
                rows={[
                  ['Destination', <DestinationLink arn={task.destination} />],
                  ['State', <CallbackBadge state={task.callback} />],
                  ['Tries', count(task.delivery?.tries ?? 0)],
                  ['Settled', <Time at={task.delivery?.settled_at} />],
                  ['Message id', task.delivery?.message_id ?? <span class="faint">–</span>],
                  ['Error', <FaultText fault={task.delivery?.error} />],
                  ...(task.callback === 'Failed'
                    ? ([['Kept', <a href={href(['callbacks'], { function: task.function, status: 'Failed' })}>failed callbacks of {task.function}</a>]] as [string, preact.JSX.Element][])
                    : []),
                ]}
              />
            )}
          </Section>
        </div>
      </div>
      <Section title="Payload and result">
        <ContentsOnDemand
          label="Show payload and result"
          mayRead={payloads}
          ask={async () => {
            const full = await get<Task>(path, { account });
            return {
              isHidden: full.payloads_hidden ?? false,
              contents: [
                { name: 'Payload', content: full.payload },
                { name: 'Result', content: full.result },
              ],
            };
          }}
        />
      </Section>
    </>
  );
}

function TaskActs({
  task,
  path,
  account,
  reload,
}: {
  task: Task;
  path: string;
  account: string | null;
  reload: () => void;
}) {
  const stop = async () => {
    const id = segment(task.task_id ?? task.request_id);
    await post(withQuery(`tasks/${segment(task.function)}/${id}/stop`, { account: task.account }));
    reload();
    return 'The task is stopped, or will be in a moment.';
  };
  const retry = async () => {
    const again = await post<InvocationName>(withQuery(`${path}/retry`, { account }), {});
    go(invocationHref(again));
    return 'A new task does it again.';
  };
  if (hasEnded(task.status)) {
    const button = (
      <Confirm
        label="Retry"
        title="Do it again?"
        text="A new task with the same payload is started; this one stays as it is."
        act={retry}
      />
    );
    const operation = path.startsWith('tasks/') ? 'retryTask' : 'retryInvocation';
    return <Acts of={[{ operation, name: 'Retry', button }]} />;
  }
  // The API stops tasks one by one; plain invocations with all of their function that fit.
  if (task.task_id === null) return null;
  const button = (
    <Confirm
      label="Stop"
      tone="danger"
      title="Stop the task?"
      text="An attempt under way is cancelled. The task ends as Stopped, and its failure destination is told."
      act={stop}
    />
  );
  return <Acts of={[{ operation: 'stopTask', name: 'Stop', button }]} />;
}
