//! Doing a finished task again: a new invocation with the payload that was kept, under the terms
//! that hold now. The first event of the new task names the old one.

use std::time::Duration;

use invoked_core::head::Head;
use invoked_core::id::RequestId;
use invoked_core::name::{FunctionKey, TaskId};
use invoked_core::shard::Accepted;
use invoked_core::time::Timestamp;

use crate::error::{InvokeError, RetryError};
use crate::handle::Handle;
use crate::invoke::{InvokeRequest, TaskWish};
use crate::tasks::TaskRecord;

/// What is to be done again.
#[derive(Clone, Debug)]
pub enum Repeat {
    /// A task of a function that exists, or did.
    Task {
        /// The function.
        function: FunctionKey,
        /// The task's id.
        id: String,
    },
    /// Whatever the daemon gave this id.
    Invocation {
        /// Its request id.
        id: RequestId,
    },
}

/// What an invocation repeats.
pub(crate) struct RetryOf {
    /// What that is known by.
    pub(crate) task: TaskId,
    /// What the new one is made of; `None` leaves it to chance.
    pub(crate) made: Option<Made>,
}

/// What the key of an invocation is made of that is the same however often it is asked for.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Made {
    pub(crate) at: Timestamp,
    pub(crate) random: u64,
    pub(crate) token: u64,
}

/// A task that was taken to be done again.
#[derive(Clone, Debug)]
pub struct Retried {
    /// The function.
    pub function: FunctionKey,
    /// The task that ended.
    pub old: Head,
    /// The new one.
    pub new: Accepted,
}

impl Handle {
    /// Invokes a function again with what a finished task was invoked with. `task_id` names the new
    /// task; without it the daemon does.
    ///
    /// # Errors
    /// The old task is not there, has not ended, or has lost its payload; or the new invocation is
    /// not taken, for the reasons that hold for any.
    pub async fn retry(
        &self,
        what: Repeat,
        task_id: Option<TaskId>,
    ) -> Result<Retried, RetryError> {
        let (function, old) = match what {
            Repeat::Task { function, id } => {
                let old = self.kept_task(&function, &id).await?;
                (function, old)
            }
            Repeat::Invocation { id } => {
                let missing = || RetryError::NoInvocation { id: id.to_string() };
                let old = self.invocation(id).await.map_err(crate::TaskError::from)?;
                let old = old.ok_or_else(missing)?;
                let function = self.directory().key_of(old.head.fn_id).ok_or_else(missing)?;
                (function, old)
            }
        };
        self.repeat(function, old, task_id, None).await
    }

    /// The same of a record that is at hand. `made` says which invocation does it again, so that it is
    /// one however often it is asked for.
    pub(crate) async fn repeat(
        &self,
        function: FunctionKey,
        old: TaskRecord,
        task_id: Option<TaskId>,
        made: Option<Made>,
    ) -> Result<Retried, RetryError> {
        let TaskRecord { head, payload, result: _ } = old;
        let id = id_of(&head);
        let status = head.status();
        if !status.is_terminal() {
            let id = id.as_str().to_owned();
            return Err(RetryError::NotEnded { id, status: status.as_str() });
        }
        let Some(payload) = payload.filter(|_| head.task.is_some()) else {
            return Err(RetryError::NoPayload { id: id.as_str().to_owned() });
        };
        let request = InvokeRequest {
            function: function.clone(),
            qualifier: head.terms.qualifier.clone(),
            payload,
            delay: Duration::ZERO,
            task_id,
            task: TaskWish::Task,
            depth: head.depth,
            trace: head.trace.clone(),
        };
        let retry = RetryOf { task: id, made };
        let new: Result<Accepted, InvokeError> = self.invoke_again(request, Some(retry)).await;
        Ok(Retried { function, old: head, new: new? })
    }
}

/// What a task is known by; what it would be known by, for what is none.
fn id_of(head: &Head) -> TaskId {
    match &head.task {
        Some(task) => task.id.clone(),
        None => TaskId::trusted(&head.request_id.to_string()),
    }
}
