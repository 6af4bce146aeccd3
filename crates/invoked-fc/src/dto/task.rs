//! Task records and the filters of their list.
//!
//! All times of a task are milliseconds since the epoch, and those that have not come yet are the
//! number 0: Terraform's own tooling polls for `endTime == 0` and breaks on a null.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{FunctionNames, Shape};
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

/// A task record: `AsyncTask` in the 2023 version, `StatefulAsyncInvocation` before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsyncTask {
    /// In whose words.
    pub shape: Shape,
    /// The function; its ARN with the qualifier.
    pub function: FunctionNames,
    /// The qualifier it was invoked with.
    pub qualifier: String,
    /// The task id.
    pub task_id: String,
    /// The request id that its 202 carried.
    pub request_id: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// When the first attempt started; 0 before.
    pub started_at_ms: i64,
    /// When it ended; 0 before.
    pub ended_at_ms: i64,
    /// How long it ran.
    pub duration_ms: i64,
    /// How the delivery to its destination ended; empty where there is nothing to tell.
    pub destination_status: String,
    /// More about it, in a field of ours; absent where there is nothing to tell.
    pub destination_detail: Option<DestinationDetail>,
    /// Why it failed; empty if it did not.
    pub error_message: String,
    /// What it was invoked with; a list shows it on request.
    pub payload: Option<Payload>,
    /// What the function returned.
    pub result: Option<Payload>,
    /// Which instance ran it; empty if that is not known.
    pub instance_id: String,
    /// Retries made so far; 0 on the first attempt.
    pub already_retried_times: i64,
    /// Its history, oldest first.
    pub events: Vec<AsyncTaskEvent>,
}

/// Bytes as a string of JSON: as they are if they are text, else in base64, and then the record
/// says so in a field of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// UTF-8, as it is.
    Text(String),
    /// Anything else, in base64.
    Base64(String),
}

/// The keys of a record that the versions call differently.
struct Names {
    task_id: &'static str,
    error_message: &'static str,
    payload: [&'static str; 2],
}

impl Serialize for AsyncTask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let names = match self.shape {
            Shape::Services => {
                let (service, function) = self.function.in_service();
                map.serialize_entry("serviceName", service)?;
                map.serialize_entry("functionName", function)?;
                Names {
                    task_id: "invocationId",
                    error_message: "invocationErrorMessage",
                    payload: ["invocationPayload", "invocationPayloadEncoding"],
                }
            }
            Shape::Functions => {
                map.serialize_entry("functionArn", &self.function.arn)?;
                Names {
                    task_id: "taskId",
                    error_message: "taskErrorMessage",
                    payload: ["taskPayload", "taskPayloadEncoding"],
                }
            }
        };
        map.serialize_entry("qualifier", &self.qualifier)?;
        map.serialize_entry(names.task_id, &self.task_id)?;
        map.serialize_entry("requestId", &self.request_id)?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("startedTime", &self.started_at_ms)?;
        map.serialize_entry("endTime", &self.ended_at_ms)?;
        map.serialize_entry("durationMs", &self.duration_ms)?;
        map.serialize_entry("destinationStatus", &self.destination_status)?;
        if let Some(detail) = &self.destination_detail {
            map.serialize_entry("destinationDetail", detail)?;
        }
        map.serialize_entry(names.error_message, &self.error_message)?;
        let result = ["returnPayload", "returnPayloadEncoding"];
        for ([name, encoding], payload) in [(names.payload, &self.payload), (result, &self.result)]
        {
            match payload {
                None => {}
                Some(Payload::Text(text)) => map.serialize_entry(name, text)?,
                Some(Payload::Base64(text)) => {
                    map.serialize_entry(name, text)?;
                    map.serialize_entry(encoding, "base64")?;
                }
            }
        }
        map.serialize_entry("instanceId", &self.instance_id)?;
        map.serialize_entry("alreadyRetriedTimes", &self.already_retried_times)?;
        map.serialize_entry("events", &self.events)?;
        map.end()
    }
}

/// How far the delivery to a destination has come. Times are milliseconds since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DestinationDetail {
    /// Who is told, or was.
    pub destination: String,
    /// Tries so far, since it was last sent anew.
    pub attempts: i64,
    /// The code of the error that the last of them came to; empty if it came to none.
    pub error_code: String,
    /// The same in words.
    pub error_message: String,
    /// When it is tried next; 0 if it is not.
    pub next_time: i64,
    /// When the last try may start; 0 before the first, and when none may.
    pub deadline: i64,
    /// When it was delivered or given up; 0 before.
    pub settled_time: i64,
    /// The id that the destination gave the message; empty if it gave none.
    pub message_id: String,
    /// How often it was sent anew after it was given up.
    pub redrives: i64,
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
