//! Tasks, and other invocations of which a record is kept.

use invoked_core::callback::Callback;
use invoked_core::head::{self, Head};
use invoked_core::history::TaskEvent;
use invoked_core::name::FunctionKey;
use invoked_core::time::Timestamp;
use invoked_engine::{Retried, TaskRecord};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::callback::{Redrive, redrives};
use super::{Content, Fault};
use crate::admin::time::moment;

/// Where an invocation stands, in Function Compute's words.
#[derive(Copy, Clone, Debug, Deserialize, Serialize, ToSchema)]
pub(in crate::admin) enum Status {
    Enqueued,
    Dequeued,
    Running,
    Retrying,
    Stopping,
    Succeeded,
    Failed,
    Expired,
    Stopped,
    Invalid,
}

impl From<Status> for head::Status {
    fn from(status: Status) -> Self {
        match status {
            Status::Enqueued => Self::Enqueued,
            Status::Dequeued => Self::Dequeued,
            Status::Running => Self::Running,
            Status::Retrying => Self::Retrying,
            Status::Stopping => Self::Stopping,
            Status::Succeeded => Self::Succeeded,
            Status::Failed => Self::Failed,
            Status::Expired => Self::Expired,
            Status::Stopped => Self::Stopped,
            Status::Invalid => Self::Invalid,
        }
    }
}

impl From<head::Status> for Status {
    fn from(status: head::Status) -> Self {
        match status {
            head::Status::Enqueued => Self::Enqueued,
            head::Status::Dequeued => Self::Dequeued,
            head::Status::Running => Self::Running,
            head::Status::Retrying => Self::Retrying,
            head::Status::Stopping => Self::Stopping,
            head::Status::Succeeded => Self::Succeeded,
            head::Status::Failed => Self::Failed,
            head::Status::Expired => Self::Expired,
            head::Status::Stopped => Self::Stopped,
            head::Status::Invalid => Self::Invalid,
        }
    }
}

/// Where the callback of an invocation stands.
#[derive(Copy, Clone, Debug, Serialize, ToSchema)]
pub(in crate::admin) enum CallbackState {
    /// The destination has yet to be told.
    Pending,
    /// The destination has it.
    Delivered,
    /// It was given up, and is kept.
    Failed,
}

/// How far telling the destination has come.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Delivery {
    /// Tries so far, since it was last sent anew.
    tries: u16,
    /// What the last of them came to.
    #[schema(required = true)]
    error: Option<Fault>,
    /// When it is tried next, while it is owed.
    #[schema(required = true, format = DateTime)]
    next_at: Option<String>,
    /// When the last try may start, while it is owed and was tried.
    #[schema(required = true, format = DateTime)]
    deadline: Option<String>,
    /// When it was delivered or given up.
    #[schema(required = true, format = DateTime)]
    settled_at: Option<String>,
    /// The id that the destination gave the message, if it gives one.
    #[schema(required = true)]
    message_id: Option<String>,
    /// The last 16 times it was sent anew, oldest first.
    redrives: Vec<Redrive>,
}

impl Delivery {
    fn of(head: &Head, deadline: Option<Timestamp>) -> Option<Self> {
        let owed = head.callback.is_owed();
        let (tries, error, settled, message_id) = match &head.callback {
            Callback::None => return None,
            Callback::Owed { tried, error, .. } => (tried, error.as_ref(), None, None),
            Callback::Calling { trying, .. } => (trying, None, None, None),
            Callback::Delivered { tried, at, message_id } => {
                (tried, None, Some(*at), message_id.as_deref())
            }
            Callback::Failed { tried, at, error } => (tried, Some(error), Some(*at), None),
        };
        Some(Self {
            tries: tries.0,
            error: error.map(Fault::from),
            next_at: owed.then(|| moment(head.due)),
            deadline: deadline.map(moment),
            settled_at: settled.map(moment),
            message_id: message_id.map(str::to_owned),
            redrives: redrives(head.redrives.as_deref()),
        })
    }
}

/// One change of a task's status.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Event {
    /// Counts from 1 and only grows.
    id: u32,
    /// The status that was reached.
    status: Status,
    #[schema(format = DateTime)]
    at: String,
    /// What there is to say: JSON, such as `{"Error":"…"}` or `{"RetryOf":"…"}`.
    #[schema(required = true)]
    detail: Option<String>,
}

/// A task, or another invocation of which a record is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Task {
    account: String,
    /// The function; empty if nobody knows any more which it was.
    function: String,
    /// Version or alias; `LATEST` for the function as it was then.
    qualifier: String,
    /// Null for an invocation that is no task.
    #[schema(required = true)]
    task_id: Option<String>,
    request_id: String,
    status: Status,
    #[schema(format = DateTime)]
    accepted_at: String,
    /// No attempt starts from here on.
    #[schema(format = DateTime)]
    expires_at: String,
    /// When the next attempt may start, if it waits for one.
    #[schema(required = true, format = DateTime)]
    due_at: Option<String>,
    /// When the first attempt started.
    #[schema(required = true, format = DateTime)]
    started_at: Option<String>,
    /// When the outcome was decided.
    #[schema(required = true, format = DateTime)]
    ended_at: Option<String>,
    /// Attempts so far.
    attempts: u16,
    /// What the last attempt that did not succeed came to.
    #[schema(required = true)]
    error: Option<Fault>,
    /// ARN of who is told, or was, now that the outcome is decided.
    #[schema(required = true)]
    destination: Option<String>,
    /// Null while there is nothing to tell.
    #[schema(required = true)]
    callback: Option<CallbackState>,
    /// How far telling it has come; null while there is nothing to tell.
    #[schema(required = true)]
    delivery: Option<Delivery>,
    /// The task that this one repeats.
    #[schema(required = true)]
    retry_of: Option<String>,
    /// The event; null in lists, and where it is not kept.
    #[schema(required = true)]
    payload: Option<Content>,
    /// The function's answer; null in lists, and where it is not kept.
    #[schema(required = true)]
    result: Option<Content>,
    /// Whether event and answer are left out because who asks has no right to see them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    payloads_hidden: bool,
    /// Oldest first, at most 64; of tasks alone.
    events: Vec<Event>,
}

/// A page of invocations, tasks or not.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct InvocationPage {
    /// Those that live by when they are due, then tasks that have ended, newest first.
    pub(in crate::admin) invocations: Vec<Task>,
    /// What asks for the next page; null at the end.
    #[schema(required = true)]
    pub(in crate::admin) next: Option<String>,
}

/// A page of tasks.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct TaskPage {
    /// In the order asked.
    pub(in crate::admin) tasks: Vec<Task>,
    /// What asks for the next page; null at the end.
    #[schema(required = true)]
    pub(in crate::admin) next: Option<String>,
}

/// How the new task is to be named.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct RetryInput {
    /// Its id. Absent: the daemon makes one.
    #[serde(default)]
    #[schema(pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}$")]
    pub(in crate::admin) task_id: Option<String>,
}

/// A task that was taken to be done again.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct RetriedTask {
    account: String,
    function: String,
    /// The task that is repeated.
    retry_of: String,
    retry_of_request_id: String,
    /// The new task.
    task_id: String,
    request_id: String,
}

impl Task {
    /// The same, for somebody who may see what it carries, or may not.
    pub(in crate::admin) fn shown_to(self, may_see: bool) -> Self {
        if may_see {
            return self;
        }
        Self { payload: None, result: None, payloads_hidden: true, ..self.listed_to(may_see) }
    }

    /// The same, where neither event nor answer is shown to anybody.
    pub(in crate::admin) fn listed_to(self, may_see: bool) -> Self {
        Self { error: self.error.map(|error| error.shown_to(may_see)), ..self }
    }

    /// `function` is the one of the record.
    pub(in crate::admin) fn of(
        function: Option<&FunctionKey>,
        record: &TaskRecord,
        deadline: Option<Timestamp>,
    ) -> Self {
        let head = &record.head;
        let history = head.task.as_ref().map(|task| &task.history);
        let due = match head.status() {
            head::Status::Enqueued | head::Status::Retrying => Some(head.due),
            head::Status::Dequeued
            | head::Status::Running
            | head::Status::Stopping
            | head::Status::Succeeded
            | head::Status::Failed
            | head::Status::Expired
            | head::Status::Stopped
            | head::Status::Invalid => None,
        };
        let events = history.into_iter().flat_map(|history| history.events());
        Self {
            account: function.map_or_else(String::new, |key| key.account.as_ref().to_owned()),
            function: function.map_or_else(String::new, |key| key.name.as_str().to_owned()),
            qualifier: head.terms.qualifier.as_str().to_owned(),
            task_id: head.task.as_ref().map(|task| task.id.as_str().to_owned()),
            request_id: head.request_id.to_string(),
            status: head.status().into(),
            accepted_at: moment(head.accepted_at),
            expires_at: moment(head.expires_at),
            due_at: due.map(moment),
            started_at: head.first_started_at.map(moment),
            ended_at: head.ended_at().map(moment),
            attempts: head.attempts.0,
            error: head.fault.as_ref().map(Fault::from),
            destination: head.destination().map(|to| to.arn.as_str().to_owned()),
            callback: match head.callback {
                Callback::None => None,
                Callback::Owed { .. } | Callback::Calling { .. } => Some(CallbackState::Pending),
                Callback::Delivered { .. } => Some(CallbackState::Delivered),
                Callback::Failed { .. } => Some(CallbackState::Failed),
            },
            delivery: Delivery::of(head, deadline),
            retry_of: history.and_then(|history| history.retry_of()).map(str::to_owned),
            payload: record.payload.as_ref().map(Content::from),
            payloads_hidden: false,
            result: record.result.as_ref().map(Content::from),
            events: events.map(Event::from).collect(),
        }
    }
}

impl From<&TaskEvent> for Event {
    fn from(event: &TaskEvent) -> Self {
        Self {
            id: event.id,
            status: event.status.into(),
            at: moment(event.at),
            detail: event.detail.as_deref().map(str::to_owned),
        }
    }
}

impl From<&Retried> for RetriedTask {
    fn from(retried: &Retried) -> Self {
        let id = |task: Option<&str>, request: &str| task.unwrap_or(request).to_owned();
        let old = retried.old.request_id.to_string();
        let new = retried.new.request_id.to_string();
        Self {
            account: retried.function.account.as_ref().to_owned(),
            function: retried.function.name.as_str().to_owned(),
            retry_of: id(retried.old.task.as_ref().map(|task| task.id.as_str()), &old),
            retry_of_request_id: old,
            task_id: id(retried.new.task.as_ref().map(|task| task.as_str()), &new),
            request_id: new,
        }
    }
}
