//! Records as operators look for them: of functions that are gone too, and by request id alone.

use std::collections::BTreeMap;

use invoked_core::id::{FnId, RequestId};
use invoked_core::name::FunctionKey;
use invoked_store::StoreError;

use crate::error::TaskError;
use crate::handle::Handle;
use crate::tasks::{TaskFilter, TaskRecord, TaskRecordPage};

/// Former lives of a function that a task is looked for in. Each costs a look at every bucket.
const FORMER_LIVES_MAX: usize = 16;

impl Handle {
    /// A task of a function as it is, or as it was before it was deleted; the newest one of this id.
    ///
    /// # Errors
    /// There is and was no such function or task, or the store did not answer.
    pub async fn kept_task(
        &self,
        function: &FunctionKey,
        id: &str,
    ) -> Result<TaskRecord, TaskError> {
        let lives = self.lives(function);
        let mut missing = TaskError::NoFunction { function: function.name.clone() };
        for fn_id in lives {
            match self.task_of(function, fn_id, id).await {
                Err(error @ TaskError::NotFound { .. }) => missing = error,
                found => return found,
            }
        }
        Err(missing)
    }

    /// The same without its event and answer; `None` if there is and was no such function or task.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn kept_task_row(
        &self,
        function: &FunctionKey,
        id: &str,
    ) -> Result<Option<TaskRecord>, StoreError> {
        for fn_id in self.lives(function) {
            if let Some(head) = self.task_row(function, fn_id, id).await? {
                return Ok(Some(TaskRecord { head, payload: None, result: None }));
            }
        }
        Ok(None)
    }

    /// Tasks of a function; if it was deleted, those of its last life.
    ///
    /// # Errors
    /// There is and was no such function, the token is not one of ours, or the store did not answer.
    pub async fn kept_tasks(
        &self,
        function: &FunctionKey,
        filter: &TaskFilter,
    ) -> Result<TaskRecordPage, TaskError> {
        let Some(fn_id) = self.lives(function).into_iter().next() else {
            return Err(TaskError::NoFunction { function: function.name.clone() });
        };
        self.tasks_of(fn_id, filter).await
    }

    /// The invocation that the daemon gave this id, live or kept, a task or not. Tasks whose id the
    /// caller chose are found by that id alone.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn invocation(&self, id: RequestId) -> Result<Option<TaskRecord>, StoreError> {
        let Some(key) = id.as_generated_key() else { return Ok(None) };
        match self.row(key).await? {
            Some(head) => Ok(Some(self.with_bytes(head).await?)),
            None => Ok(None),
        }
    }

    /// The same, without its event and answer.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn invocation_row(&self, id: RequestId) -> Result<Option<TaskRecord>, StoreError> {
        let Some(key) = id.as_generated_key() else { return Ok(None) };
        let head = self.row(key).await?;
        Ok(head.map(|head| TaskRecord { head, payload: None, result: None }))
    }

    /// The destinations of all configurations, past ones too, by their numbers.
    #[must_use]
    pub fn destinations(&self) -> BTreeMap<FnId, String> {
        let snapshot = self.shared.snapshot();
        let destinations = &snapshot.functions.destinations;
        destinations.iter().map(|(arn, id)| (*id, arn.clone())).collect()
    }

    /// The numbers of a function, newest first.
    pub(crate) fn lives(&self, function: &FunctionKey) -> Vec<FnId> {
        self.directory().ids_of(function).take(FORMER_LIVES_MAX).collect()
    }
}
