// One callback: why it failed, what it says, and sending it again.
import { ApiError, get, segment } from '../api';
import type { Callback } from '../types';
import { Acts } from '../ui/acts';
import { Ago, CallbackBadge, Facts, FaultText, PageHead, Section, Status, Time } from '../ui/basics';
import { ContentsOnDemand } from '../ui/content';
import { Opener } from '../ui/dialog';
import { count } from '../ui/format';
import { DestinationLink, FunctionLink, InvocationLink } from '../ui/links';
import { Show, useEvery, useLoad } from '../ui/load';
import { useSession } from '../ui/session';
import { Table } from '../ui/table';
import { RedriveChosen } from './callbacks';

const REFRESH_MS = 2_000;

export function CallbackPage({ id }: { id: string }) {
  const path = `callbacks/${segment(id)}`;
  const { payloads } = useSession();
  const loaded = useLoad(path, async (signal) => {
    const callback = await get<Callback>(path, {}, signal);
    // The envelope stays out of the page until somebody wants to see it.
    return { ...callback, envelope: null };
  });
  useEvery(REFRESH_MS, () => {
    // A dialog goes with its button: what it has to tell of a redrive is read first.
    const isAsked = document.querySelector('dialog[open]') !== null;
    if (loaded.data && !isGone(loaded.error) && !isAsked) loaded.reload();
  });
  const callback = loaded.data;
  return (
    <>
      <PageHead
        kind="Callback"
        title={callback?.task_id ?? id}
        acts={
          callback?.status === 'Failed' &&
          !isGone(loaded.error) && (
            <Acts
              of={[
                {
                  operation: 'redriveCallbacks',
                  name: 'Redrive',
                  button: (
                    <Opener label="Redrive…" tone="primary">
                      {(close) => (
                        <RedriveChosen
                          ids={[id]}
                          close={() => {
                            close();
                            loaded.reload();
                          }}
                        />
                      )}
                    </Opener>
                  ),
                },
              ]}
            />
          )
        }
      />
      {callback && isGone(loaded.error) ? (
        <p class="summary" role="status">
          <CallbackBadge state="Delivered" /> It is kept no more. <InvocationLink of={callback} />
        </p>
      ) : (
        <Show of={loaded}>
          {(of) => (
            <>
              <Section title="Facts">
                <FactsOf callback={of} />
              </Section>
              <Redrives of={of} />
              <Section title="Envelope">
                <ContentsOnDemand
                  label="Show envelope"
                  mayRead={payloads}
                  ask={async () => {
                    const full = await get<Callback>(path);
                    return {
                      isHidden: full.payloads_hidden ?? false,
                      contents: [{ name: 'Envelope', content: full.envelope }],
                    };
                  }}
                />
              </Section>
            </>
          )}
        </Show>
      )}
    </>
  );
}

/** A callback that was delivered is no longer a callback that is kept. */
function isGone(error: ApiError | undefined): boolean {
  return error?.status === 404;
}

function FactsOf({ callback }: { callback: Callback }) {
  return (
    <Facts
      rows={[
        ['State', <CallbackBadge state={callback.status} />],
        ['Error', <FaultText fault={callback.error} />],
        ['Destination', <DestinationLink arn={callback.destination} />],
        ['Function', <FunctionLink name={callback.function} />],
        ['Invocation', <InvocationLink of={callback} />],
        ['Outcome it tells of', <Status status={callback.outcome} />],
        ['Tries', count(callback.tries)],
        ['First try', <Time at={callback.first_at} />],
        ['Given up', <Time at={callback.failed_at} />],
        ['Next try', callback.next_at ? <Ago at={callback.next_at} /> : <span class="faint">–</span>],
        ['Last try before', <Time at={callback.deadline} />],
      ]}
    />
  );
}

function Redrives({ of }: { of: Callback }) {
  return (
    <Section title="Redrives">
      <Table
        caption={`The last ${count(of.redrives.length)} of ${count(of.redrive_count)}, oldest first`}
        rows={of.redrives}
        rowKey={(row) => row.at}
        empty="It was never redriven."
        columns={[
          { name: 'At', isHeader: true, cell: (row) => <Time at={row.at} /> },
          { name: 'By', cell: (row) => row.by || 'nobody known' },
          { name: 'Tries', isNumber: true, cell: (row) => row.tries },
          { name: 'Came to', cell: (row) => row.code ?? <span class="faint">under way or delivered</span> },
          { name: 'Ended', cell: (row) => <Time at={row.ended_at} /> },
        ]}
      />
    </Section>
  );
}
