//! Invoking: asynchronously, through a shard and a commit; synchronously, straight through.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use invoked_core::directory::{Function, FunctionKind, TaskMode};
use invoked_core::id::{Attempt, FnId, InvKey, RequestId, ShardId};
use invoked_core::limits::{ASYNC_PAYLOAD_MAX, SYNC_PAYLOAD_MAX, SYNC_RESULT_MAX};
use invoked_core::name::{FunctionKey, FunctionName, Qualifier, TaskId};
use invoked_core::shard::{AcceptRequest, Accepted, Refused};
use invoked_core::trace::TraceContext;
use invoked_sink::{Answer, Attempted, Ended, HttpHead, HttpResponse, Step, Target, TargetAddress};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use crate::clock::stopwatch;
use crate::error::InvokeError;
use crate::handle::{Handle, Shared, Snapshot};
use crate::reconfigure::Outside;
use crate::retry::{Made, RetryOf};
use crate::shard::Message;
use crate::spans::UnderWay;
use crate::targets::REMOTE_HTTP;

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Whether a request asks to be a task.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum TaskWish {
    /// As the configuration says.
    #[default]
    AsConfigured,
    /// Yes, whatever the configuration says.
    Task,
    /// No, whatever the configuration says.
    Plain,
}

/// A request to invoke a function.
#[derive(Clone, Debug)]
pub struct InvokeRequest {
    /// The function.
    pub function: FunctionKey,
    /// Version or alias.
    pub qualifier: Qualifier,
    /// The event. It is kept: hand over a buffer of its own size, not a slice of a larger one.
    pub payload: Bytes,
    /// From acceptance to the first attempt; asynchronous only.
    pub delay: Duration,
    /// The id the caller chose; counts only for tasks.
    pub task_id: Option<TaskId>,
    /// Whether it is to be a task.
    pub task: TaskWish,
    /// Hand-overs from function to function before this one.
    pub depth: u8,
    /// The trace it belongs to.
    pub trace: Option<Arc<TraceContext>>,
}

/// The answer to a synchronous invocation.
#[derive(Clone, Debug)]
pub struct SyncAnswer {
    /// The id it ran under.
    pub request_id: RequestId,
    /// What the function, or the way to it, answered.
    pub answer: Answer,
    /// How long it took.
    pub took: Duration,
}

/// The answer to a synchronous HTTP request.
#[derive(Debug)]
pub struct HttpAnswer {
    /// The id it ran under.
    pub request_id: RequestId,
    /// What the function answered; or why it did not, which is never a success.
    pub answer: Result<HttpResponse, Answer>,
    /// How long it took.
    pub took: Duration,
}

impl Handle {
    /// Accepts an invocation. When this returns, it is durable.
    ///
    /// # Errors
    /// See [`InvokeError`]; nothing was stored, except that after [`InvokeError::Unavailable`] it
    /// may have been.
    pub async fn invoke_async(&self, mut request: InvokeRequest) -> Result<Accepted, InvokeError> {
        let function = request.function.clone();
        let span = self.accept_span(&mut request);
        let accepted = self.invoke_again(request, None).await;
        self.note_refusal(&function, accepted.as_ref().err());
        span.end(match &accepted {
            Ok(accepted) => Ended { request_id: Some(accepted.request_id), error: None },
            Err(error) => Ended { request_id: None, error: Some(error.reason()) },
        });
        accepted
    }

    fn accept_span(&self, request: &mut InvokeRequest) -> UnderWay {
        let InvokeRequest { function, qualifier, trace, .. } = request;
        self.shared.span(Step::Accept { function, qualifier }, trace)
    }

    /// Counts an invocation that was refused, if there is such a function: names that callers invent
    /// are no labels.
    fn note_refusal(&self, function: &FunctionKey, error: Option<&InvokeError>) {
        let Some(error) = error else { return };
        let directory = self.directory();
        if let Some(fn_id) = directory.find(function).map(|function| function.id) {
            self.shared.count(|meters| meters.refused(fn_id, error, &directory));
        }
    }

    /// The same, for an invocation that may repeat a task.
    pub(crate) async fn invoke_again(
        &self,
        request: InvokeRequest,
        retry: Option<RetryOf>,
    ) -> Result<Accepted, InvokeError> {
        let shared = &self.shared;
        if request.payload.len() > ASYNC_PAYLOAD_MAX {
            return Err(InvokeError::TooLarge { limit: ASYNC_PAYLOAD_MAX });
        }
        shared.admit()?;
        let snapshot = shared.snapshot();
        let function = snapshot.invocable(&request.function)?;
        let prepared = function.prepared(&request.qualifier);
        let is_task = match request.task {
            TaskWish::Task => true,
            TaskWish::Plain => false,
            TaskWish::AsConfigured => prepared.task_mode == TaskMode::On,
        };
        let shard = shared.shard_of(function.id.0);
        let made = retry.as_ref().and_then(|retry| retry.made);
        let made = made.unwrap_or_else(|| Made {
            at: shared.clock.now(),
            random: shared.random.next(),
            token: shared.random.next(),
        });
        let fresh = InvKey::generated(shard, made.at, made.random);
        let request_id = RequestId::from(fresh);
        let (key, task) = match (is_task, request.task_id) {
            (false, _) => (fresh, None),
            (true, None) => (fresh, Some(TaskId::trusted(&request_id.to_string()))),
            (true, Some(id)) => {
                (shared.chosen_key(&function.key(), function.id, id.as_str()), Some(id))
            }
        };
        let accept = AcceptRequest {
            key,
            request_id,
            token: made.token,
            fn_id: function.id,
            terms: prepared.terms,
            task,
            delay: request.delay,
            depth: request.depth,
            trace: request.trace,
            retry_of: retry.map(|retry| retry.task),
            payload: request.payload,
        };
        self.accept(shard, request.function.name, accept).await
    }

    async fn accept(
        &self,
        shard: ShardId,
        function: FunctionName,
        accept: AcceptRequest,
    ) -> Result<Accepted, InvokeError> {
        let shared = &self.shared;
        let unavailable = || InvokeError::Unavailable { retry_after: RETRY_AFTER };
        let id = accept.task.as_ref().map_or_else(String::new, |id| id.as_str().to_owned());
        let (reply, answer) = oneshot::channel();
        let port = shared.shard(shard).ok_or_else(unavailable)?;
        let since = shared.admission.now();
        let watch = stopwatch();
        match port.accepts.try_send(Message { since, accept, reply }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(InvokeError::Overloaded { retry_after: RETRY_AFTER });
            }
            Err(TrySendError::Closed(_)) => return Err(unavailable()),
        }
        match tokio::time::timeout(shared.config().accept_deadline, answer).await {
            Ok(Ok(Ok(accepted))) => {
                shared.flow.accepted(watch.elapsed());
                Ok(accepted)
            }
            Ok(Ok(Err(Refused::Duplicate))) => Err(InvokeError::Duplicate { id }),
            Ok(Ok(Err(Refused::NoFunction))) => Err(InvokeError::NoFunction { function }),
            Ok(Ok(Err(Refused::Draining)) | Err(_)) | Err(_) => Err(unavailable()),
        }
    }

    /// Runs a function once and waits for its answer. Nothing is stored.
    ///
    /// # Errors
    /// See [`InvokeError`]. A function that fails is an answer, not an error.
    pub async fn invoke_sync(&self, request: InvokeRequest) -> Result<SyncAnswer, InvokeError> {
        let (span, fn_id, mut attempted, _slot) = self.sync_attempt(request)?;
        let watch = stopwatch();
        let answer = self.shared.call(&mut attempted).await;
        let directory = self.directory();
        self.shared.count(|meters| meters.answered(fn_id, answer.verdict, &directory));
        span.end(Ended { request_id: Some(attempted.request_id), error: answer.code() });
        Ok(SyncAnswer { request_id: attempted.request_id, answer, took: watch.elapsed() })
    }

    /// Passes an HTTP request on to a function once and waits for its answer; the body is the
    /// payload. Nothing is stored.
    ///
    /// # Errors
    /// See [`InvokeError`]. Whatever the function answers is an answer, not an error.
    pub async fn request_sync(
        &self,
        request: InvokeRequest,
        head: &HttpHead,
    ) -> Result<HttpAnswer, InvokeError> {
        let (span, fn_id, mut attempted, _slot) = self.sync_attempt(request)?;
        let watch = stopwatch();
        let answer = self.shared.request(&mut attempted, head).await;
        let directory = self.directory();
        self.shared.count(|meters| match &answer {
            Ok(response) => meters.responded(fn_id, response.status().as_u16(), &directory),
            Err(failed) => meters.answered(fn_id, failed.verdict, &directory),
        });
        let error = answer.as_ref().err().and_then(Answer::code);
        span.end(Ended { request_id: Some(attempted.request_id), error });
        Ok(HttpAnswer { request_id: attempted.request_id, answer, took: watch.elapsed() })
    }

    /// The span of a synchronous invocation, its function, its only attempt, and the slot that it holds. A
    /// refusal is counted, and the end of the span.
    fn sync_attempt(
        &self,
        mut request: InvokeRequest,
    ) -> Result<(UnderWay, FnId, Attempted, OwnedSemaphorePermit), InvokeError> {
        let function = request.function.clone();
        let span = self.accept_span(&mut request);
        match self.sync_attempt_of(request) {
            Ok((fn_id, attempted, slot)) => Ok((span, fn_id, attempted, slot)),
            Err(error) => {
                self.note_refusal(&function, Some(&error));
                span.end(Ended { request_id: None, error: Some(error.reason()) });
                Err(error)
            }
        }
    }

    fn sync_attempt_of(
        &self,
        request: InvokeRequest,
    ) -> Result<(FnId, Attempted, OwnedSemaphorePermit), InvokeError> {
        let shared = &self.shared;
        if request.payload.len() > SYNC_PAYLOAD_MAX {
            return Err(InvokeError::TooLarge { limit: SYNC_PAYLOAD_MAX });
        }
        if !self.is_accepting() {
            return Err(InvokeError::Unavailable { retry_after: RETRY_AFTER });
        }
        let snapshot = shared.snapshot();
        let function = known(&snapshot.directory, &request.function)?;
        snapshot.check_enabled(&function)?;
        let target = snapshot.targets.get(&function.id);
        let target = target.ok_or(InvokeError::NoTarget { function: request.function.name })?;
        let slots = Arc::clone(&shared.sync_slots.read().unwrap_or_else(PoisonError::into_inner));
        let slot = slots
            .try_acquire_owned()
            .map_err(|_full| InvokeError::Overloaded { retry_after: RETRY_AFTER })?;
        let shard = shared.shard_of(function.id.0);
        let key = InvKey::generated(shard, shared.clock.now(), shared.random.next());
        let attempted = Attempted {
            target: Arc::clone(target),
            qualifier: request.qualifier,
            request_id: RequestId::from(key),
            attempt: Attempt(1),
            depth: request.depth,
            trace: request.trace,
            payload: request.payload,
            result_max: SYNC_RESULT_MAX,
        };
        Ok((function.id, attempted, slot))
    }
}

fn known(
    directory: &invoked_core::directory::Directory,
    key: &FunctionKey,
) -> Result<Arc<Function>, InvokeError> {
    let found = directory.find(key).map(Arc::clone);
    found.ok_or_else(|| InvokeError::NoFunction { function: key.name.clone() })
}

impl Snapshot {
    /// A function, if it can be invoked as things stand.
    pub(crate) fn invocable(&self, key: &FunctionKey) -> Result<Arc<Function>, InvokeError> {
        let function = known(&self.directory, key)?;
        self.check_enabled(&function)?;
        match self.targets.contains_key(&function.id) {
            true => Ok(function),
            false => Err(InvokeError::NoTarget { function: key.name.clone() }),
        }
    }
}

impl Shared {
    /// The shard that takes the invocations of a function: one, so that its limits hold exactly.
    pub(crate) fn shard_of(&self, function: u32) -> ShardId {
        let count = self.shards.len().max(1);
        let index = usize::try_from(function).unwrap_or_default() % count;
        self.shards.get(index).map(|port| port.id).unwrap_or_default()
    }

    /// The key of the task that a caller named. A function that was created anew has tasks anew.
    pub(crate) fn chosen_key(&self, function: &FunctionKey, fn_id: FnId, id: &str) -> InvKey {
        let name = format!("{}#{}", function.name, fn_id.0);
        InvKey::chosen(self.shard_of(fn_id.0), &function.account, &name, id)
    }

    /// Makes one attempt with whatever the function's address needs.
    pub(crate) async fn call(&self, attempted: &mut Attempted) -> Answer {
        let span = self.attempt_span(attempted);
        let answer = match way_to(&self.outside(), attempted) {
            Ok(way) => way.invoke(attempted).await,
            Err(misconfigured) => misconfigured,
        };
        span.end(Ended { request_id: None, error: answer.code() });
        answer
    }

    /// Passes an HTTP request on with whatever the function's address needs.
    async fn request(
        &self,
        attempted: &mut Attempted,
        head: &HttpHead,
    ) -> Result<HttpResponse, Answer> {
        let span = self.attempt_span(attempted);
        let answer = match way_to(&self.outside(), attempted) {
            Ok(way) => way.request(attempted, head).await,
            Err(misconfigured) => Err(misconfigured),
        };
        let error = answer.as_ref().err().and_then(Answer::code);
        span.end(Ended { request_id: None, error });
        answer
    }

    fn attempt_span(&self, attempted: &mut Attempted) -> UnderWay {
        let Attempted { target, qualifier, request_id, attempt, trace, .. } = attempted;
        let function = &target.function;
        let (request_id, attempt) = (*request_id, *attempt);
        self.span(Step::Attempt { function, qualifier, request_id, attempt }, trace)
    }
}

fn way_to(outside: &Outside, attempted: &Attempted) -> Result<Arc<dyn Target>, Answer> {
    let target = &attempted.target;
    match (&target.address, target.kind, &outside.remote) {
        (TargetAddress::Runtime { .. }, _, _) => Ok(Arc::clone(&outside.runtime)),
        (TargetAddress::Remote { .. }, FunctionKind::Http, _) => {
            Err(crate::shard::misconfigured(REMOTE_HTTP))
        }
        (TargetAddress::Remote { .. }, FunctionKind::Event, Some(remote)) => Ok(Arc::clone(remote)),
        (TargetAddress::Remote { instance, .. }, FunctionKind::Event, None) => {
            let message = format!("no entry [sinks.fc.{instance}] is configured");
            Err(crate::shard::misconfigured(&message))
        }
    }
}
