//! Acting: calls of functions, messages to destinations, reads of the store. Each is a task of the
//! shard, and each comes back as an input.

use std::collections::BTreeMap;
use std::sync::Arc;

use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_core::id::{Attempt, InvKey};
use invoked_core::life::Verdict;
use invoked_core::limits::RESULT_MAX;
use invoked_core::shard::{
    AttemptReport, BytesWanted, Call, Dispatch, Effect, FoundCallback, LoadedBytes, Note, ReplyId,
};
use invoked_sink::{Attempted, Delivery, Ended, Step};
use invoked_store::{Store, StoreError};
use tokio::sync::oneshot;

use super::ShardTask;
use super::work::{Done, SweepRead, unavailable};
use crate::clock::stopwatch;
use crate::destinations::deliver;
use crate::registry::interned_destination;
use crate::spans::code_of;
use crate::telemetry;

impl ShardTask {
    /// Does what the core has decided.
    pub(super) fn act(&mut self, effect: Effect) {
        match effect {
            Effect::ReplyAccept { reply, result } => {
                answer(&mut self.replies.accepts, reply, result);
            }
            Effect::ReplyRedrive { reply, result } => {
                answer(&mut self.replies.redrives, reply, result);
            }
            Effect::ReplyStop { reply, result } => answer(&mut self.replies.stops, reply, result),
            Effect::ReplySweep { reply, result } => answer(&mut self.replies.sweeps, reply, result),
            Effect::Dispatch(dispatch) => self.dispatch(*dispatch),
            Effect::CancelAttempt { key, attempt } => self.cancel(key, attempt),
            Effect::Call(call) => self.call(*call),
            Effect::LoadHeads(wanted) => self.reads.pages.want(wanted),
            Effect::LoadSweep { reply, lane, after, limit } => {
                self.load_sweep(SweepRead { reply, lane, after, limit });
            }
            Effect::LoadHead { key } => self.reads.rows.want([key]),
            Effect::LoadKept { key } => self.load_kept(key),
            Effect::ReadBytesAhead { wanted } => self.read_bytes_ahead(wanted),
            Effect::LoadBytes { wanted } => self.reads.bytes.want(wanted),
            Effect::Note(Note::Breaker { lane, breaker }) => self.breaker_moved(lane, &breaker),
            Effect::Note(Note::GivenUp { request_id, fn_id, destination, tried, error }) => {
                self.given_up(request_id, fn_id, &destination, tried, &error);
            }
            Effect::Note(note) => {
                self.shared.flow.note(&note);
                self.meters.note(note, &self.snapshot.directory);
            }
            Effect::Alarm(message) => {
                telemetry::alarm();
                tracing::error!(
                    event = "row_wrong",
                    what = message,
                    "a row was not as it has to be"
                );
            }
        }
    }

    pub(super) fn dispatch(&mut self, dispatch: Dispatch) {
        let Dispatch { key, attempt, function, terms, request_id, depth, trace, payload } =
            dispatch;
        let shared = Arc::clone(&self.shared);
        let target = self.snapshot.targets.get(&function.id).map(Arc::clone);
        let timeout = target.as_ref().map(|target| target.timeout);
        let courier = async move {
            let watch = stopwatch();
            let answer = match target {
                None => unavailable(&format!("function '{}' has no target", function.name)),
                Some(target) => {
                    let mut attempted = Attempted {
                        target,
                        qualifier: terms.qualifier.clone(),
                        request_id,
                        attempt,
                        depth,
                        trace,
                        payload,
                        result_max: RESULT_MAX,
                    };
                    shared.call(&mut attempted).await
                }
            };
            let is_late = timeout.is_some_and(|timeout| timeout <= watch.elapsed());
            Done::Attempt(AttemptReport {
                key,
                attempt,
                verdict: answer.verdict,
                fault: answer.fault,
                is_timeout: is_late && answer.verdict == Verdict::FunctionError,
                result: answer.body,
            })
        };
        let handle = self.work.spawn(courier);
        self.attempts.insert(key, (attempt, handle));
    }

    pub(super) fn cancel(&self, key: InvKey, attempt: Attempt) {
        if let Some((_, handle)) = self.attempts.get(&key).filter(|(of, _)| *of == attempt) {
            handle.abort();
        }
    }

    pub(super) fn call(&mut self, call: Call) {
        let Call { key, tried, destination, request_id, outcome, depth, trace, envelope } = call;
        let kind = destination.kind();
        let sink = self.shared.outside().sinks.get(&kind).map(Arc::clone);
        let limit = self.shared.config().call_timeout;
        let shared = Arc::clone(&self.shared);
        let courier = async move {
            let mut trace = trace;
            let step = Step::Callback { destination: &destination, request_id, tried };
            let span = shared.span(step, &mut trace);
            let delivery = Delivery { destination, envelope, request_id, outcome, depth, trace };
            let verdict = match sink {
                Some(sink) => deliver(sink.as_ref(), &delivery, limit).await,
                None => {
                    let kind = kind.as_str();
                    let message =
                        format!("no [sinks.{kind}] is configured for {}", delivery.destination);
                    CallVerdict::Permanent { error: Fault::new("NoSuchSink", &message, 0) }
                }
            };
            span.end(Ended { request_id: None, error: code_of(&verdict) });
            Done::Call { key, tried, kind, verdict }
        };
        let handle = self.work.spawn(courier);
        self.calls.insert(key, (tried, handle));
    }

    pub(super) fn load_sweep(&mut self, wanted: SweepRead) {
        let store = Arc::clone(&self.shared.store);
        let shard = self.lease.shard;
        self.work.spawn(async move {
            let read = store.heads(shard, wanted.lane, wanted.after, wanted.limit).await;
            Done::Sweep { wanted, read }
        });
    }

    pub(super) fn load_kept(&mut self, key: InvKey) {
        let store = Arc::clone(&self.shared.store);
        self.work.spawn(async move {
            let read = kept(store.as_ref(), key).await.map(|found| found.map(Box::new));
            Done::Kept { key, read }
        });
    }

    pub(super) fn read_bytes_ahead(&mut self, wanted: Vec<BytesWanted>) {
        let store = Arc::clone(&self.shared.store);
        self.work.spawn(async move {
            let loaded = store.bytes(&wanted).await.unwrap_or_else(|error| {
                tracing::warn!(event = "read_ahead_failed", %error, "payloads are not read ahead");
                let none = |wanted: &BytesWanted| LoadedBytes {
                    key: wanted.key,
                    payload: None,
                    result: None,
                };
                wanted.iter().map(none).collect()
            });
            Done::Ahead { loaded }
        });
    }
}

/// A callback that was given up, and what a redrive needs beside it.
async fn kept(store: &dyn Store, key: InvKey) -> Result<Option<FoundCallback>, StoreError> {
    let Some(kept) = store.kept_callback(key).await? else { return Ok(None) };
    let record = store.head(key).await?.map(|found| found.head);
    let destination = store.intern(&interned_destination(&kept.destination)).await?;
    Ok(Some(FoundCallback { kept, record, destination }))
}

/// Tells whoever waits for this answer, if they still do.
fn answer<T>(callers: &mut BTreeMap<ReplyId, oneshot::Sender<T>>, reply: ReplyId, result: T) {
    if let Some(caller) = callers.remove(&reply) {
        let _gone = caller.send(result);
    }
}
