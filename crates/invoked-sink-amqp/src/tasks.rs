//! The tasks of a sink, which end with it.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Connections being opened, those that are watched, and the tasks of `lapin`. After
/// [`Tasks::close`] there are none.
#[derive(Debug)]
pub(crate) struct Tasks(Mutex<Option<JoinSet<()>>>);

impl Tasks {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Some(JoinSet::new())))
    }

    /// Starts one more; nothing happens once they are closed.
    pub(crate) fn spawn_on(
        &self,
        handle: &Handle,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.with(|tasks| drop(tasks.spawn_on(task, handle)));
    }

    /// Starts one more that blocks its thread.
    pub(crate) fn spawn_blocking_on(&self, handle: &Handle, task: impl FnOnce() + Send + 'static) {
        self.with(|tasks| drop(tasks.spawn_blocking_on(task, handle)));
    }

    fn with(&self, start: impl FnOnce(&mut JoinSet<()>)) {
        if let Some(tasks) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            while tasks.try_join_next().is_some() {}
            start(tasks);
        }
    }

    /// Ends all of them, and waits until they have.
    pub(crate) async fn close(&self) {
        let tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut tasks) = tasks {
            tasks.shutdown().await;
        }
    }
}
