//! The connections of a listener: accepted up to a limit, each in a task of its own, ended in order.
//!
//! What is limited: the number of connections (at the limit one without a request in hand gives its place up, and where
//! all have one, the kernel's backlog waits), how many of them one address may have, the time that a TLS handshake and
//! a request's head may take, and its size. A panic in a request is an answer of that request and of
//! nothing else.

mod guarded;
mod idle;
pub(crate) mod peers;
mod stalled;
pub(crate) mod tls;
pub(crate) mod unread;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::reply::Reply;
use crate::serve::guarded::guarded;
use crate::serve::idle::{Idle, Standing};
use crate::serve::peers::Peers;
use crate::serve::stalled::Stalled;
use crate::serve::tls::Tls;
use crate::serve::unread::Unread;

/// A request's head at most, and what is read ahead of a body, in bytes.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Pause after an error of `accept` that comes from a lack of something, such as descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// Connections over the limit while those that were told to go have not gone yet.
const LEAVING_MAX: usize = 16;
/// At the limit, from one look to the next whether one has no request in hand.
const LOOK: Duration = Duration::from_millis(50);

/// How connections are run.
#[derive(Copy, Clone, Debug)]
pub struct ServeConfig {
    /// Connections at a time. At the limit one more is accepted in the place of one that has no request in hand.
    pub connections_max: usize,
    /// Connections at a time from one address (of IPv6, one /64); more are closed at once. The loopback
    /// interface has no such limit.
    pub connections_per_peer_max: usize,
    /// From the first moment at which a request may come to the end of its head: how slowly a head
    /// may come, and how long a connection may be idle. Before it, a TLS handshake may take as long.
    /// Connections that come while half of all are in use have a twelfth of it, so that those who hold
    /// connections and send nothing do not keep the others out.
    pub header_timeout: Duration,
    /// After the shutdown, how long the requests in hand may take.
    pub drain_timeout: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            connections_per_peer_max: 2_048,
            header_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// The same for a listener that runs: what is set holds for connections from then on. Cheap to clone; all
/// clones are one.
#[derive(Clone, Debug)]
pub struct SharedServeConfig(Arc<watch::Sender<ServeConfig>>);

impl SharedServeConfig {
    /// From here on connections are run so. Those that are open go on as they began.
    pub fn replace(&self, config: ServeConfig) {
        self.0.send_replace(config);
    }

    /// How connections are run now.
    #[must_use]
    pub fn current(&self) -> ServeConfig {
        *self.0.borrow()
    }
}

impl From<ServeConfig> for SharedServeConfig {
    fn from(config: ServeConfig) -> Self {
        Self(Arc::new(watch::Sender::new(config)))
    }
}

/// How long a stream of events may take to end when the listener closes.
const STREAM_END_MAX: Duration = Duration::from_secs(1);
/// How many times sooner a connection has to send where many are in use.
const CROWDED_PARTS: u32 = 12;

impl ServeConfig {
    /// For a connection that comes while there are so many others.
    fn among(self, others: usize) -> Self {
        let is_crowded = others > self.connections_max / 2;
        let parts = if is_crowded { CROWDED_PARTS } else { 1 };
        Self { header_timeout: self.header_timeout / parts, ..self }
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

/// Where connections come from: a socket, with or without TLS.
#[derive(Debug)]
pub struct Listening {
    tcp: TcpListener,
    tls: Option<Tls>,
}

impl Listening {
    /// A socket whose connections begin with a handshake, if there is a certificate for one.
    #[must_use]
    pub fn new(tcp: TcpListener, tls: Option<Tls>) -> Self {
        Self { tcp, tls }
    }
}

impl From<TcpListener> for Listening {
    fn from(tcp: TcpListener) -> Self {
        Self { tcp, tls: None }
    }
}

/// Accepts connections and serves them until `shutdown`; then accepts nothing more, lets requests
/// in hand end within [`ServeConfig::drain_timeout`], and closes every connection. A change of the
/// configuration holds for connections that come after it.
pub async fn serve<S: Respond>(
    listener: impl Into<Listening>,
    service: S,
    config: impl Into<SharedServeConfig>,
    shutdown: impl Future<Output = ()>,
) {
    let shared = config.into();
    let mut changes = shared.0.subscribe();
    let (close, closing) = watch::channel(false);
    let Listening { tcp, tls } = listener.into();
    let (peers, idle) = (Peers::default(), Idle::default());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let config = *changes.borrow_and_update();
        let is_full = config.connections_max <= connections.len();
        let over = connections.len().saturating_sub(config.connections_max);
        let has_room = || !is_full || (over < LEAVING_MAX && idle.has_any());
        let next = poll_fn(|context| match has_room() {
            true => tcp.poll_accept(context),
            false => Poll::Pending,
        });
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => {
                look_at(ended);
                continue;
            }
            Ok(()) = changes.changed() => continue,
            accepted = next => accepted,
            () = tokio::time::sleep(LOOK), if is_full => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(place) = peers.admit(peer.ip(), config.connections_per_peer_max) else {
                    tracing::debug!(%peer, "a connection too many of one address");
                    continue;
                };
                if is_full {
                    idle.dismiss();
                }
                let config = config.among(connections.len());
                let (tls, service, closing) = (tls.clone(), service.clone(), closing.clone());
                let standing = idle.enter();
                connections.spawn(async move {
                    connection((stream, peer.ip()), tls, service, config, closing, &standing).await;
                    drop(place);
                });
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(event = "accept_failed", %error, "cannot accept a connection");
                tokio::select! {
                    () = &mut shutdown => break,
                    () = tokio::time::sleep(ACCEPT_BACKOFF) => {}
                }
            }
        }
    }
    drop(tcp);
    close.send_replace(true);
    let all_end = async {
        while let Some(ended) = connections.join_next().await {
            look_at(ended);
        }
    };
    if tokio::time::timeout(shared.current().drain_timeout, all_end).await.is_err() {
        tracing::warn!(
            event = "requests_cut_off",
            connections = connections.len(),
            "requests in hand are cut off"
        );
        connections.shutdown().await;
    }
}

fn look_at(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(event = "connection_panicked", %error, "a connection's task broke");
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
    (stream, peer): (TcpStream, IpAddr),
    tls: Option<Tls>,
    service: S,
    config: ServeConfig,
    mut closing: watch::Receiver<bool>,
    standing: &Standing,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let Some(tls) = tls else {
        return exchange((stream, peer), service, config, closing, standing).await;
    };
    let handshake = tokio::select! {
        shaken = tokio::time::timeout(config.header_timeout, tls.accept(stream)) => shaken,
        _closed = closing.wait_for(|is_closing| *is_closing) => return,
        () = standing.dismissed() => return,
    };
    match handshake {
        Ok(Ok(stream)) => exchange((stream, peer), service, config, closing, standing).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_late) => tracing::debug!("a TLS handshake did not end in time"),
    }
}

/// Requests and answers, until one side has enough.
async fn exchange<S: Respond>(
    (stream, peer): (impl AsyncRead + AsyncWrite + Unpin + Send, IpAddr),
    service: S,
    config: ServeConfig,
    mut closing: watch::Receiver<bool>,
    standing: &Standing,
) {
    let unread = Unread::of(peer);
    let is_stream = &AtomicBool::new(false);
    let answer = service_fn(|request| {
        let (service, unread) = (service.clone(), unread.clone());
        standing.takes_request();
        async move {
            let answered = guarded(service.respond(request, &unread)).await;
            let reply = answered.unwrap_or_else(|| service.panicked());
            is_stream.store(reply.body().is_events(), Ordering::Relaxed);
            if !reply.body().is_events() {
                standing.waits();
            }
            Ok::<_, Infallible>(reply)
        }
    });
    let mut served = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(config.header_timeout)
            .max_buf_size(BUFFER_BYTES_MAX)
            .serve_connection(TokioIo::new(Stalled::new(stream)), answer)
    );
    let mut close = pin!(closing.wait_for(|is_closing| *is_closing));
    let mut dismissed = pin!(standing.dismissed());
    let mut is_dismissed = false;
    let mut is_closing = false;
    let mut stream_ends = None;
    let ended = poll_fn(|context| {
        if !is_closing && close.as_mut().poll(context).is_ready() {
            is_closing = true;
            served.as_mut().graceful_shutdown();
            // A stream ends by itself if somebody reads it, and there is no whole answer to wait for.
            stream_ends = is_stream
                .load(Ordering::Relaxed)
                .then(|| Box::pin(tokio::time::sleep(STREAM_END_MAX)));
        }
        if stream_ends.as_mut().is_some_and(|ends| ends.as_mut().poll(context).is_ready()) {
            return Poll::Ready(Ok(()));
        }
        match served.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(ended),
            Poll::Pending => {
                unread.poll_discard(context);
                // Only now: a request that had come by then is in hand, and is answered first.
                if !is_dismissed && dismissed.as_mut().poll(context).is_ready() {
                    is_dismissed = true;
                    served.as_mut().graceful_shutdown();
                }
                if is_dismissed && standing.is_waiting() {
                    return Poll::Ready(Ok(()));
                }
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
