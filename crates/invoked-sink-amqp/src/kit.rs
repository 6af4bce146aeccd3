//! What `lapin` runs on: an executor whose tasks are ours, and no way to connect by itself.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_rs::traits::{Executor, Reactor, RuntimeKit};
use async_rs::util::{Task, TaskImpl};
use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::tasks::Tasks;
use crate::wire::Wire;

/// The executor and the reactor of one sink's connections.
#[derive(Clone)]
pub(crate) struct Kit {
    tasks: Arc<Tasks>,
    handle: Handle,
}

/// A task, as whoever started it sees it. Dropping it ends nothing.
pub(crate) struct Spawned<T>(oneshot::Receiver<T>);

impl Kit {
    /// Runs things on the runtime of the caller.
    pub(crate) fn new(tasks: Arc<Tasks>) -> Self {
        Self { tasks, handle: Handle::current() }
    }
}

impl RuntimeKit for Kit {}

impl Executor for Kit {
    type Task<T: Send + 'static> = Spawned<T>;

    /// Called on the thread that `lapin` has for each connection, never on one of the runtime.
    fn block_on<T, F: Future<Output = T>>(&self, future: F) -> T {
        self.handle.block_on(future)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        future: F,
    ) -> Task<Spawned<T>> {
        let (done, result) = oneshot::channel();
        self.tasks.spawn_on(&self.handle, async move { drop(done.send(future.await)) });
        Task::from(Spawned(result))
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        work: F,
    ) -> Task<Spawned<T>> {
        let (done, result) = oneshot::channel();
        self.tasks.spawn_blocking_on(&self.handle, move || drop(done.send(work())));
        Task::from(Spawned(result))
    }
}

impl Reactor for Kit {
    type TcpStream = Wire;
    type Sleep = Sleep;

    fn register<H: Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Wire, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, wait: Duration) -> Sleep {
        let _runtime = self.handle.enter();
        tokio::time::sleep(wait)
    }

    fn interval(&self, _: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        Never
    }

    fn tcp_connect_addr(
        &self,
        _: SocketAddr,
    ) -> impl Future<Output = io::Result<Wire>> + Send + 'static {
        std::future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}

impl fmt::Debug for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kit").finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Future for Spawned<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match Pin::new(&mut self.0).poll(context) {
            Poll::Ready(Ok(result)) => Poll::Ready(result),
            // The sink has closed and its tasks with it: there is nobody left who would go on.
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: Send + 'static> TaskImpl for Spawned<T> {}

/// `lapin` asks for no interval.
struct Never;

impl Stream for Never {
    type Item = Instant;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Instant>> {
        Poll::Ready(None)
    }
}
