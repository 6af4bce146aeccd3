//! The connections of a listener: accepted up to a limit, each in a task of its own, ended in order.
//!
//! What is limited: the number of connections (at the limit nothing is accepted, and the kernel's
//! backlog waits), the time a request's head may take, and its size. A panic in a request is an
//! answer of that request and of nothing else.

mod guarded;
pub(crate) mod unread;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::reply::Reply;
use crate::serve::guarded::guarded;
use crate::serve::unread::Unread;

/// A request's head at most, and what is read ahead of a body, in bytes.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Pause after an error of `accept` that comes from a lack of something, such as descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// How connections are run.
#[derive(Copy, Clone, Debug)]
pub struct ServeConfig {
    /// Connections at a time. At the limit nothing more is accepted until one ends.
    pub connections_max: usize,
    /// From the first moment at which a request may come to the end of its head: how slowly a head
    /// may come, and how long a connection may be idle.
    pub header_timeout: Duration,
    /// After the shutdown, how long the requests in hand may take.
    pub drain_timeout: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            header_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Answers the requests of a listener.
pub trait Respond: Clone + Send + Sync + 'static {
    /// Answers a request. What it leaves of the body, it gives to `unread`.
    fn respond(
        &self,
        request: Request<Incoming>,
        unread: &Unread,
    ) -> impl Future<Output = Reply> + Send;

    /// The answer to a request that ended in a panic.
    fn panicked(&self) -> Reply;
}

/// Accepts connections and serves them until `shutdown`; then accepts nothing more, lets requests
/// in hand end within [`ServeConfig::drain_timeout`], and closes every connection.
pub async fn serve<S: Respond>(
    listener: TcpListener,
    service: S,
    config: ServeConfig,
    shutdown: impl Future<Output = ()>,
) {
    let (close, closing) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let has_room = connections.len() < config.connections_max;
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => {
                look_at(ended);
                continue;
            }
            accepted = listener.accept(), if has_room => accepted,
        };
        match accepted {
            Ok((stream, _peer)) => {
                connections.spawn(connection(stream, service.clone(), config, closing.clone()));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::select! {
                    () = &mut shutdown => break,
                    () = tokio::time::sleep(ACCEPT_BACKOFF) => {}
                }
            }
        }
    }
    drop(listener);
    close.send_replace(true);
    let all_end = async {
        while let Some(ended) = connections.join_next().await {
            look_at(ended);
        }
    };
    if tokio::time::timeout(config.drain_timeout, all_end).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests in hand are cut off");
        connections.shutdown().await;
    }
}

fn look_at(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task broke");
    }
}

/// The connection was gone before it was accepted; the next one is none the worse.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

async fn connection<S: Respond>(
    stream: TcpStream,
    service: S,
    config: ServeConfig,
    mut closing: watch::Receiver<bool>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let unread = Unread::default();
    let answer = service_fn(|request| {
        let (service, unread) = (service.clone(), unread.clone());
        async move {
            let answered = guarded(service.respond(request, &unread)).await;
            Ok::<_, Infallible>(answered.unwrap_or_else(|| service.panicked()))
        }
    });
    let mut served = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(config.header_timeout)
            .max_buf_size(BUFFER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), answer)
    );
    let mut close = pin!(closing.wait_for(|is_closing| *is_closing));
    let mut is_closing = false;
    let ended = poll_fn(|context| {
        if !is_closing && close.as_mut().poll(context).is_ready() {
            is_closing = true;
            served.as_mut().graceful_shutdown();
        }
        match served.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(ended),
            Poll::Pending => {
                unread.poll_discard(context);
                Poll::Pending
            }
        }
    });
    // The client went away, was too slow, or does not speak HTTP: its connection ends, no more.
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a connection broke");
    }
}

#[cfg(test)]
mod tests;
