//! Asynchronous tasks: what a list is asked for, and what is shown of a task.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use invoked_core::callback::Callback;
use invoked_core::envelope::Identity;
use invoked_core::head::{Head, Status};
use invoked_core::id::Attempt;
use invoked_core::name::{FunctionKey, Qualifier};
use invoked_core::time::Timestamp;
use invoked_engine::{TaskFilter, TaskRecord};
use invoked_fc::dto::list::List;
use invoked_fc::dto::task::{
    AsyncTask, AsyncTaskEvent, DestinationDetail, Payload, Payloads, SortOrder,
    TaskFilter as AskedTasks, TaskStatus,
};
use invoked_fc::dto::{FunctionNames, Shape};
use invoked_fc::query::Query;
use invoked_fc::route::{FunctionPath, TaskPath};

use crate::api::{Api, Call};
use crate::problem::Problem;
use crate::reply::{Reply, empty, json};

impl Api {
    /// The qualifier of the request is not looked at: ids are unique in a function.
    pub(crate) async fn task(&self, path: &TaskPath, call: &Call<'_>) -> Result<Reply, Problem> {
        let function = call.function(&path.function)?;
        let task = self.engine().task(&function, &path.task_id).await?;
        let config = self.engine().config();
        let deadline = self.engine().callback_deadline(&task.head);
        json(&shown(call.shape, &config.identity, &function, &task, deadline))
    }

    pub(crate) async fn tasks(
        &self,
        path: &FunctionPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let function = call.function(path)?;
        let filter = filter(path, &call.query)?;
        let page = self.engine().tasks(&function, &filter).await?;
        let config = self.engine().config();
        let shown = |task: &TaskRecord| {
            let deadline = self.engine().callback_deadline(&task.head);
            shown(call.shape, &config.identity, &function, task, deadline)
        };
        json(&List {
            name: match call.shape {
                Shape::Services => "invocations",
                Shape::Functions => "tasks",
            },
            items: page.tasks.iter().map(shown).collect(),
            next_token: page.next.unwrap_or_default(),
        })
    }

    pub(crate) async fn stop_task(
        &self,
        path: &TaskPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        self.engine().stop_task(&call.function(&path.function)?, &path.task_id).await?;
        Ok(empty(StatusCode::NO_CONTENT))
    }
}

/// A list without a qualifier is of all of them.
fn filter(path: &FunctionPath, query: &Query) -> Result<TaskFilter, Problem> {
    let asked = AskedTasks::parse(query)?;
    let page = query.page()?;
    let in_path = path.qualifier.as_deref().filter(|qualifier| !qualifier.is_empty());
    let qualifier = in_path.or_else(|| query.text("qualifier"));
    Ok(TaskFilter {
        qualifier: qualifier.map(Qualifier::parse).transpose()?,
        status: asked.status.and_then(|wanted| {
            Status::ALL.into_iter().find(|status| shown_status(*status) == wanted)
        }),
        prefix: asked.prefix.unwrap_or_default(),
        started_from: asked.started_from_ms.map(Timestamp::from_millis),
        started_to: asked.started_until_ms.map(Timestamp::from_millis),
        is_ascending: asked.order == SortOrder::Ascending,
        limit: usize::from(page.limit),
        token: page.next_token,
        with_payload: asked.payloads == Payloads::Included,
    })
}

fn shown(
    shape: Shape,
    identity: &Identity,
    function: &FunctionKey,
    task: &TaskRecord,
    deadline: Option<Timestamp>,
) -> AsyncTask {
    let head = &task.head;
    let qualifier = &head.terms.qualifier;
    let events = head.task.iter().flat_map(|task| task.history.events());
    let duration = head.ended_at().zip(head.first_started_at);
    let duration = duration.map(|(ended, started)| ended.since(started).as_millis());
    AsyncTask {
        shape,
        function: FunctionNames {
            arn: identity.function_arn(function, qualifier),
            full: function.name.as_str().to_owned(),
        },
        qualifier: qualifier.as_str().to_owned(),
        task_id: head.task.as_ref().map(|task| task.id.as_str().to_owned()).unwrap_or_default(),
        request_id: head.request_id.to_string(),
        status: shown_status(head.status()),
        started_at_ms: head.first_started_at.map_or(0, Timestamp::millis),
        ended_at_ms: head.ended_at().map_or(0, Timestamp::millis),
        duration_ms: duration.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(0),
        destination_status: destination_status(&head.callback).to_owned(),
        destination_detail: destination_detail(head, deadline),
        error_message: error_message(head).to_owned(),
        payload: task.payload.as_ref().map(text_or_base64),
        result: task.result.as_ref().map(text_or_base64),
        instance_id: String::new(),
        already_retried_times: i64::from(head.attempts.0.saturating_sub(1)),
        events: events
            .map(|event| AsyncTaskEvent {
                event_id: i64::from(event.id),
                status: shown_status(event.status),
                at_ms: event.at.millis(),
                event_detail: event.detail.as_deref().unwrap_or_default().to_owned(),
            })
            .collect(),
    }
}

fn shown_status(status: Status) -> TaskStatus {
    match status {
        Status::Enqueued => TaskStatus::Enqueued,
        Status::Dequeued => TaskStatus::Dequeued,
        Status::Running => TaskStatus::Running,
        Status::Retrying => TaskStatus::Retrying,
        Status::Stopping => TaskStatus::Stopping,
        Status::Succeeded => TaskStatus::Succeeded,
        Status::Failed => TaskStatus::Failed,
        Status::Expired => TaskStatus::Expired,
        Status::Stopped => TaskStatus::Stopped,
        Status::Invalid => TaskStatus::Invalid,
    }
}

/// The cloud documents no values. Nothing to tell is empty.
fn destination_status(callback: &Callback) -> &'static str {
    match callback {
        Callback::None => "",
        Callback::Owed { tried: Attempt::NONE, .. }
        | Callback::Calling { trying: Attempt(0 | 1), .. } => "Pending",
        Callback::Owed { .. } | Callback::Calling { .. } => "Retrying",
        Callback::Delivered { .. } => "Succeeded",
        Callback::Failed { .. } => "Failed",
    }
}

/// What the record says of the delivery beyond its status. Ours.
fn destination_detail(head: &Head, deadline: Option<Timestamp>) -> Option<DestinationDetail> {
    let callback = &head.callback;
    let (attempts, error, settled, message_id) = match callback {
        Callback::None => return None,
        Callback::Owed { tried, error, .. } => (tried, error.as_ref(), None, None),
        Callback::Calling { trying, .. } => (trying, None, None, None),
        Callback::Delivered { tried, at, message_id } => {
            (tried, None, Some(*at), message_id.as_deref())
        }
        Callback::Failed { tried, at, error } => (tried, Some(error), Some(*at), None),
    };
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let millis = |at: Option<Timestamp>| at.map_or(0, Timestamp::millis);
    let redrives = head.redrives.as_ref().map_or(0, |redrives| redrives.count());
    Some(DestinationDetail {
        destination: text(head.destination().map(|to| to.arn.as_str())),
        attempts: i64::from(attempts.0),
        error_code: text(error.map(|error| &*error.code)),
        error_message: text(error.map(|error| &*error.message)),
        next_time: millis(callback.is_owed().then_some(head.due)),
        deadline: millis(deadline),
        settled_time: millis(settled),
        message_id: text(message_id),
        redrives: i64::from(redrives),
    })
}

/// Why the task failed, or what the attempt before came to while it waits for the next.
fn error_message(head: &Head) -> &str {
    match (head.status(), &head.fault) {
        (Status::Failed | Status::Retrying | Status::Expired | Status::Invalid, Some(fault)) => {
            &fault.message
        }
        (
            Status::Failed
            | Status::Retrying
            | Status::Expired
            | Status::Invalid
            | Status::Enqueued
            | Status::Dequeued
            | Status::Running
            | Status::Stopping
            | Status::Succeeded
            | Status::Stopped,
            _,
        ) => "",
    }
}

/// A payload is a string on the wire. One that is not UTF-8 is shown as base64: nothing is lost.
fn text_or_base64(payload: &Bytes) -> Payload {
    match str::from_utf8(payload) {
        Ok(text) => Payload::Text(text.to_owned()),
        Err(_) => Payload::Base64(STANDARD.encode(payload)),
    }
}

#[cfg(test)]
mod tests;
