//! Task records and the filters of their list.
//!
//! All times of a task are milliseconds since the epoch, and those that have not come yet are the
//! number 0: Terraform's own tooling polls for `endTime == 0` and breaks on a null.

use serde::{Serialize, Serializer};

use crate::{argument::InvalidArgument, query::Query};

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskStatus {
    /// Waiting in the queue.
    Enqueued,
    /// Taken off the queue, about to run.
    Dequeued,
    /// Running.
    Running,
    /// The function succeeded.
    Succeeded,
    /// The function failed, and its retries are used up.
    Failed,
    /// Asked to stop while an attempt runs.
    Stopping,
    /// Stopped on request.
    Stopped,
    /// Outlived its time before it could run.
    Expired,
    /// Never ran, because its function is gone.
    Invalid,
    /// Failed, and waits for the next attempt.
    Retrying,
}

impl TaskStatus {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Enqueued,
        Self::Dequeued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Stopping,
        Self::Stopped,
        Self::Expired,
        Self::Invalid,
        Self::Retrying,
    ];

    /// The status as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enqueued => "Enqueued",
            Self::Dequeued => "Dequeued",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Expired => "Expired",
            Self::Invalid => "Invalid",
            Self::Retrying => "Retrying",
        }
    }

    /// Reads a status in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text))
    }
}

impl Serialize for TaskStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A task record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AsyncTask {
    /// The function's ARN.
    pub function_arn: String,
    /// The qualifier it was invoked with.
    pub qualifier: String,
    /// The task id.
    pub task_id: String,
    /// The request id that its 202 carried.
    pub request_id: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// When the first attempt started; 0 before.
    #[serde(rename = "startedTime")]
    pub started_at_ms: i64,
    /// When it ended; 0 before.
    #[serde(rename = "endTime")]
    pub ended_at_ms: i64,
    /// How long it ran.
    pub duration_ms: i64,
    /// How the delivery to its destination ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_status: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_error_message: Option<String>,
    /// What it was invoked with; a list shows it on request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_payload: Option<String>,
    /// What the function returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_payload: Option<String>,
    /// Which instance ran it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Retries made so far; 0 on the first attempt.
    pub already_retried_times: i64,
    /// Its history, oldest first.
    pub events: Vec<AsyncTaskEvent>,
}

/// A change of a task's status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AsyncTaskEvent {
    /// Counted from 1.
    pub event_id: i64,
    /// The status it changed to.
    pub status: TaskStatus,
    /// When.
    #[serde(rename = "timestamp")]
    pub at_ms: i64,
    /// More about it, usually a JSON object such as `{"Error":"UnhandledInvocationError"}`.
    pub event_detail: String,
}

/// A page of tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AsyncTaskList {
    /// The tasks.
    pub tasks: Vec<AsyncTask>,
    /// Where the next page starts; empty on the last one.
    pub next_token: String,
}

/// The order of a list of tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    /// Oldest first.
    Ascending,
    /// Newest first.
    #[default]
    Descending,
}

/// Whether a list shows what the tasks were invoked with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payloads {
    /// It does not.
    #[default]
    Omitted,
    /// It does.
    Included,
}

/// Which tasks a list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Only those with this status.
    pub status: Option<TaskStatus>,
    /// Only those whose id starts so: `prefix`, or `invocationIdPrefix` before 2023.
    pub prefix: Option<String>,
    /// Only those that started at or after this, in milliseconds since the epoch.
    pub started_from_ms: Option<i64>,
    /// Only those that started at or before this, in milliseconds since the epoch.
    pub started_until_ms: Option<i64>,
    /// In which order.
    pub order: SortOrder,
    /// With or without payloads.
    pub payloads: Payloads,
}

impl TaskFilter {
    /// Reads the parameters of a list of tasks of any version, except for the page and the
    /// qualifier.
    ///
    /// # Errors
    ///
    /// One of them does not read.
    pub fn parse(query: &Query) -> Result<Self, InvalidArgument> {
        let status = match query.text("status") {
            None => None,
            Some(text) => Some(TaskStatus::parse(text).ok_or(InvalidArgument::Query {
                name: "status",
                expected: "the status of a task, such as Running",
            })?),
        };
        let order = match query.text("sortOrderByTime") {
            None => SortOrder::default(),
            Some(text) if text.eq_ignore_ascii_case("asc") => SortOrder::Ascending,
            Some(text) if text.eq_ignore_ascii_case("desc") => SortOrder::Descending,
            Some(_) => {
                let name = "sortOrderByTime";
                return Err(InvalidArgument::Query { name, expected: "asc or desc" });
            }
        };
        let payloads = match query.flag("includePayload")? {
            Some(true) => Payloads::Included,
            Some(false) | None => Payloads::Omitted,
        };
        Ok(Self {
            status,
            prefix: query
                .text("prefix")
                .or_else(|| query.text("invocationIdPrefix"))
                .map(str::to_owned),
            started_from_ms: query.integer("startedTimeBegin")?,
            started_until_ms: query.integer("startedTimeEnd")?,
            order,
            payloads,
        })
    }
}

#[cfg(test)]
mod tests;
