//! One connection: many requests under way at a time, told apart by their numbers.
//!
//! A task of its own dials, writes and reads, so that whoever waits may give up at any time and
//! disturb nobody. It ends when the connection breaks, when nothing was asked for a minute, and when
//! nobody holds the [`Connection`] any more.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufWriter};
use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::address::Address;
use crate::error::LinkError;
use crate::frame::{self, Answer};
use crate::request::{Identity, Request};
use crate::tls::Dialer;
use crate::waiters::Waiters;

/// Requests under way on a connection; more wait. Ours: a broker's queue takes 10,000 of all.
const IN_FLIGHT_MAX: usize = 512;

/// How long a connection may do nothing. Servers close theirs after 120 s
/// (`serverChannelMaxIdleTimeSeconds`), and ours must be gone before.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(60);

const WRITE_BUFFER_BYTES: usize = 64 * 1024;
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// What holds for one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of an answer.
    pub(crate) answer_bytes: usize,
    /// How long the other side may take to read what is written.
    pub(crate) write: Duration,
}

/// A connection that is open, or about to be.
#[derive(Debug)]
pub(crate) struct Connection {
    commands: mpsc::Sender<Command>,
    in_flight: Semaphore,
    waiters: Arc<Waiters>,
    next: AtomicI32,
}

/// A frame to be written.
#[derive(Debug)]
struct Command {
    opaque: i32,
    head: Vec<u8>,
    body: Bytes,
}

/// Somebody waits. Dropping it ends that.
struct Waiting<'a> {
    waiters: &'a Waiters,
    opaque: i32,
    _permit: SemaphorePermit<'a>,
}

/// Tells those who wait that it is over, also when the task is cancelled or panics.
struct Ending {
    waiters: Arc<Waiters>,
    error: LinkError,
}

impl Connection {
    /// A connection, and what makes and carries it; that has to be polled as a task.
    pub(crate) fn new(
        dialer: Arc<Dialer>,
        address: Address,
        limits: Limits,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, commands) = mpsc::channel(IN_FLIGHT_MAX);
        let waiters = Arc::new(Waiters::default());
        let connection = Self {
            commands: sender,
            in_flight: Semaphore::new(IN_FLIGHT_MAX),
            waiters: Arc::clone(&waiters),
            next: AtomicI32::new(0),
        };
        // Made here, so that a task that never gets to run ends the connection too.
        let cancelled = LinkError::Broken("it was given up".into());
        let ending = Ending { waiters, error: cancelled };
        (connection, run(dialer, address, limits, commands, ending))
    }

    /// Whether requests are still taken.
    pub(crate) fn is_open(&self) -> bool {
        !self.commands.is_closed()
    }

    /// Answers that have come in so far.
    pub(crate) fn answers(&self) -> u64 {
        self.waiters.answers()
    }

    /// Sends `request` and waits for its answer, however long that takes.
    ///
    /// # Errors
    /// The connection ended first.
    pub(crate) async fn exchange(
        &self,
        identity: &Identity,
        request: Request<'_>,
    ) -> Result<Answer, LinkError> {
        let permit = self.in_flight.acquire().await.map_err(|_| LinkError::Unsent)?;
        let opaque = self.next.fetch_add(1, Ordering::Relaxed);
        let answer = self.waiters.add(opaque)?;
        let _waiting = Waiting { waiters: &self.waiters, opaque, _permit: permit };
        let head = identity.head(request, opaque);
        let command = Command { opaque, head, body: request.shared_body() };
        self.commands.send(command).await.map_err(|_| LinkError::Unsent)?;
        answer.await.unwrap_or(Err(LinkError::Unsent))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.waiters.remove(self.opaque);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.waiters.end(&self.error);
    }
}

async fn run(
    dialer: Arc<Dialer>,
    address: Address,
    limits: Limits,
    mut commands: mpsc::Receiver<Command>,
    mut ending: Ending,
) {
    ending.error = match dialer.dial(&address).await {
        Ok(stream) => {
            let (reader, writer) = tokio::io::split(stream);
            let writer = BufWriter::with_capacity(WRITE_BUFFER_BYTES, writer);
            tokio::select! {
                error = receive(reader, &ending.waiters, limits) => error,
                error = send(writer, &mut commands, &ending.waiters, limits) => error,
            }
        }
        Err(error) => error,
    };
    if let LinkError::Certificate(reason) = &ending.error {
        tracing::warn!(event = "certificate_untrusted", %address, %reason, "the certificate of a RocketMQ server is not trusted");
    } else {
        tracing::debug!(%address, error = %ending.error, "a connection to RocketMQ ended");
    }
}

async fn receive(
    mut reader: impl AsyncRead + Unpin,
    waiters: &Waiters,
    limits: Limits,
) -> LinkError {
    let mut read = BytesMut::with_capacity(READ_BUFFER_BYTES);
    loop {
        match frame::take(&mut read, limits.answer_bytes) {
            Ok(Some(frame)) => match frame::read(frame) {
                Ok(answer) => answer.into_iter().for_each(|answer| waiters.answer(answer)),
                Err(error) => return error.into(),
            },
            Ok(None) => match reader.read_buf(&mut read).await {
                Ok(0) => return LinkError::Broken("closed by the other side".into()),
                Ok(_) => {}
                Err(error) => return LinkError::broken(&error),
            },
            Err(error) => return error.into(),
        }
    }
}

/// Writes what is asked for, and flushes when there is nothing more for the moment.
async fn send(
    mut writer: BufWriter<impl AsyncWrite + Unpin>,
    commands: &mut mpsc::Receiver<Command>,
    waiters: &Waiters,
    limits: Limits,
) -> LinkError {
    loop {
        let command = match commands.try_recv() {
            Ok(command) => command,
            Err(TryRecvError::Disconnected) => return LinkError::Unsent,
            Err(TryRecvError::Empty) => {
                if let Err(error) = in_time(limits, writer.flush()).await {
                    return error;
                }
                match timeout(IDLE_MAX, commands.recv()).await {
                    Ok(Some(command)) => command,
                    Ok(None) => return LinkError::Unsent,
                    Err(_) if waiters.is_empty() => return LinkError::Unsent,
                    Err(_) => continue,
                }
            }
        };
        if !waiters.begin_sending(command.opaque) {
            continue;
        }
        let written = async {
            writer.write_all(&command.head).await?;
            writer.write_all(&command.body).await
        };
        if let Err(error) = in_time(limits, written).await {
            return error;
        }
    }
}

async fn in_time(
    limits: Limits,
    writing: impl Future<Output = io::Result<()>>,
) -> Result<(), LinkError> {
    match timeout(limits.write, writing).await {
        Ok(written) => written.map_err(|error| LinkError::broken(&error)),
        Err(_) => Err(LinkError::Broken("the other side does not read".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle() -> (Connection, impl Future<Output = ()> + Send + 'static) {
        let dialer = Dialer { tls: None, timeout: IDLE_MAX };
        let limits = Limits { answer_bytes: 1_000, write: IDLE_MAX };
        Connection::new(Arc::new(dialer), Address::parse("127.0.0.1:1").unwrap(), limits)
    }

    fn identity() -> Identity {
        Identity { group: "g".into(), namespace_v2: None, signer: None }
    }

    #[tokio::test]
    async fn who_gives_up_leaves_nothing_behind() {
        let (connection, _task) = idle();
        let identity = identity();
        tokio::select! {
            biased;
            _ = connection.exchange(&identity, Request::Cluster) => panic!("nobody answers"),
            is_alone = async { connection.waiters.is_empty() } => assert!(!is_alone),
        }
        assert!(connection.waiters.is_empty());
        assert!(!connection.waiters.begin_sending(0), "it is not to be sent any more");
    }

    #[tokio::test]
    async fn a_task_that_never_runs_keeps_nobody_waiting() {
        let (connection, task) = idle();
        let identity = identity();
        let (answer, ()) = tokio::join!(connection.exchange(&identity, Request::Cluster), async {
            drop(task);
        });
        assert!(matches!(answer, Err(LinkError::Unsent)));
        assert!(!connection.is_open());
    }
}
