//! Callbacks that are not delivered.

use invoked_core::life;
use invoked_core::redrive::{self, Redrives};
use invoked_engine::{CallbackRecord, CallbackStand};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Content, Fault};
use crate::admin::time::moment;

/// How an invocation ended.
#[derive(Copy, Clone, Debug, Serialize, ToSchema)]
pub(in crate::admin) enum Outcome {
    Succeeded,
    Failed,
    Expired,
    Stopped,
    Invalid,
}

/// Where a callback that is not delivered stands.
#[derive(Copy, Clone, Debug, Serialize, ToSchema)]
pub(in crate::admin) enum CallbackStatus {
    /// It was given up, and is kept.
    Failed,
    /// It is owed: waiting for its next try, or trying.
    Pending,
}

/// A callback that is not delivered.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Callback {
    /// What it is known by here. The request id, unless the caller chose the task's id.
    id: String,
    account: String,
    /// The function; empty if nobody knows any more which it was.
    function: String,
    /// Null for an invocation that is no task.
    #[schema(required = true)]
    task_id: Option<String>,
    request_id: String,
    /// ARN of who is told.
    destination: String,
    outcome: Outcome,
    status: CallbackStatus,
    /// Tries so far, since it was last sent anew.
    tries: u16,
    /// When the first of them started, if one did and it is known.
    #[schema(required = true, format = DateTime)]
    first_at: Option<String>,
    /// What the last of them came to.
    #[schema(required = true)]
    error: Option<Fault>,
    /// When it was given up.
    #[schema(required = true, format = DateTime)]
    failed_at: Option<String>,
    /// When it is tried next; in the past while a try is under way or waits for its turn.
    #[schema(required = true, format = DateTime)]
    next_at: Option<String>,
    /// When the last try may start; null before the first, and of one that was given up.
    #[schema(required = true, format = DateTime)]
    deadline: Option<String>,
    /// How often it was sent anew.
    redrive_count: u32,
    /// The last 16 times, oldest first.
    redrives: Vec<Redrive>,
    /// What is said; null in lists.
    #[schema(required = true)]
    envelope: Option<Content>,
    /// Whether the message is left out because who asks has no right to see it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    payloads_hidden: bool,
}

/// One time that a callback was sent anew.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Redrive {
    #[schema(format = DateTime)]
    at: String,
    /// Who asked: an operation, or the name of a token.
    by: String,
    /// Null while it is under way.
    #[schema(required = true, format = DateTime)]
    ended_at: Option<String>,
    /// Tries it took.
    tries: u16,
    /// The code of the error it was given up with; null if it was delivered, or is under way.
    #[schema(required = true)]
    code: Option<String>,
}

/// The last redrives, as they are shown.
pub(in crate::admin) fn redrives(of: Option<&Redrives>) -> Vec<Redrive> {
    let shown = |redrive: &redrive::Redrive| Redrive {
        at: moment(redrive.at),
        by: redrive.by.as_ref().to_owned(),
        ended_at: redrive.end.as_ref().map(|end| moment(end.at)),
        tries: redrive.end.as_ref().map_or(0, |end| end.tried.0),
        code: redrive.end.as_ref().and_then(|end| end.code.as_deref()).map(str::to_owned),
    };
    of.into_iter().flat_map(Redrives::recent).map(shown).collect()
}

/// A page of callbacks.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct CallbackPage {
    /// Those given up, oldest first; then those owed, by destination and due time.
    pub(in crate::admin) callbacks: Vec<Callback>,
    /// What asks for the next page; null at the end.
    #[schema(required = true)]
    pub(in crate::admin) next: Option<String>,
}

impl Callback {
    /// The same, for somebody who may see what is said, or may not.
    pub(in crate::admin) fn shown_to(self, may_see: bool) -> Self {
        if may_see { self } else { Self { envelope: None, payloads_hidden: true, ..self } }
    }
}

impl From<&CallbackRecord> for Callback {
    fn from(record: &CallbackRecord) -> Self {
        let function = record.function.as_ref();
        let (status, failed_at, next_at) = match record.stand {
            CallbackStand::Failed { at } => (CallbackStatus::Failed, Some(at), None),
            CallbackStand::Pending { next_at } => (CallbackStatus::Pending, None, Some(next_at)),
        };
        Self {
            id: record.id.to_string(),
            account: function.map_or_else(String::new, |key| key.account.as_ref().to_owned()),
            function: function.map_or_else(String::new, |key| key.name.as_str().to_owned()),
            task_id: record.task.as_ref().map(|id| id.as_str().to_owned()),
            request_id: record.request_id.to_string(),
            destination: record.destination.clone(),
            outcome: match record.outcome {
                life::Outcome::Succeeded => Outcome::Succeeded,
                life::Outcome::Failed => Outcome::Failed,
                life::Outcome::Expired => Outcome::Expired,
                life::Outcome::Stopped => Outcome::Stopped,
                life::Outcome::Invalid => Outcome::Invalid,
            },
            status,
            tries: record.tried.0,
            first_at: record.first_at.map(moment),
            deadline: record.deadline.map(moment),
            redrive_count: record.redrives.as_ref().map_or(0, |redrives| redrives.count()),
            redrives: redrives(record.redrives.as_deref()),
            error: record.error.as_ref().map(Fault::from),
            failed_at: failed_at.map(moment),
            next_at: next_at.map(moment),
            envelope: record.envelope.as_ref().map(Content::from),
            payloads_hidden: false,
        }
    }
}
