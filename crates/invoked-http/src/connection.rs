//! One connection: hyper's state machine, polled by whoever has an exchange on it.
//!
//! The usual way is to give the connection a task of its own. Here the exchange polls it, which
//! saves two hand-overs between tasks for each call and leaves nothing behind when the exchange is
//! dropped. An idle connection is not polled at all; whether its server closed it meanwhile, the next
//! exchange finds out before it writes.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::error::Error;

/// Bytes of an answer's head, and of one read. Ours: eight times what Function Compute lets through.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

type Driver = http1::Connection<TokioIo<Stream>, Full<Bytes>>;

/// TCP, or TLS over it.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Taken out when it ends: it must not be polled again.
    driver: Option<Pin<Box<Driver>>>,
}

/// How an exchange went wrong.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request never left; it can go over another connection.
    NotSent { request: Box<Request<Full<Bytes>>>, error: hyper::Error },
    /// It cannot be told how much of it arrived.
    Final(Error),
}

impl Connection {
    pub(crate) async fn start(stream: Stream) -> Result<Self, Error> {
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(BUFFER_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Error::of_exchange(error, false))?;
        Ok(Self { sender, driver: Some(Box::pin(driver)) })
    }

    /// Makes one exchange. The connection can be used again if [`Connection::is_usable`] says so.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        body_bytes_max: usize,
    ) -> Result<Response<Bytes>, Failure> {
        let answered = self.sender.try_send_request(request);
        let response =
            self.drive(answered).await.map_err(|mut refused| match refused.take_message() {
                Some(request) => {
                    Failure::NotSent { request: Box::new(request), error: refused.into_error() }
                }
                None => Failure::Final(Error::of_exchange(refused.into_error(), true)),
            })?;
        let (head, body) = response.into_parts();
        self.collect(head, body, body_bytes_max).await.map_err(Failure::Final)
    }

    /// Whether it is worth keeping after an exchange: the server lets it stay open, and the exchange
    /// is over on both sides.
    pub(crate) async fn is_usable(&mut self) -> bool {
        poll_fn(|cx| {
            self.poll_driver(cx);
            Poll::Ready(self.driver.is_some() && self.sender.is_ready())
        })
        .await
    }

    async fn collect(
        &mut self,
        head: Parts,
        mut body: Incoming,
        limit: usize,
    ) -> Result<Response<Bytes>, Error> {
        let too_large = |head| Err(Error::TooLarge { limit, head: Box::new(head) });
        let announced = body.size_hint().lower();
        if announced > u64::try_from(limit).unwrap_or(u64::MAX) {
            return too_large(head);
        }
        // Most answers are one piece, which is passed on without a copy.
        let mut whole = Bytes::new();
        let mut pieces = BytesMut::new();
        while !body.is_end_stream() {
            let Some(frame) = self.drive(body.frame()).await else { break };
            let frame = frame.map_err(|error| Error::of_exchange(error, true))?;
            let Ok(piece) = frame.into_data() else { continue };
            if whole.len() + pieces.len() + piece.len() > limit {
                return too_large(head);
            }
            if whole.is_empty() && pieces.is_empty() {
                whole = piece;
                continue;
            }
            if pieces.is_empty() {
                let expected = usize::try_from(announced).unwrap_or(0);
                pieces.reserve(expected.max(whole.len() + piece.len()));
                pieces.extend_from_slice(&whole);
                whole.clear();
            }
            pieces.extend_from_slice(&piece);
        }
        let body = if pieces.is_empty() { whole } else { pieces.freeze() };
        Ok(Response::from_parts(head, body))
    }

    /// Runs the connection until `exchange` is through.
    async fn drive<F: Future>(&mut self, exchange: F) -> F::Output {
        let mut exchange = pin!(exchange);
        poll_fn(|cx| {
            // First, so that the connection knows what is wanted from it; again, because its turn
            // may have brought just that.
            if let Poll::Ready(output) = exchange.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            self.poll_driver(cx);
            exchange.as_mut().poll(cx)
        })
        .await
    }

    fn poll_driver(&mut self, cx: &mut Context<'_>) {
        let Some(driver) = &mut self.driver else { return };
        // How it ended is told to the exchange; here it only matters that it did.
        if driver.as_mut().poll(cx).is_ready() {
            self.driver = None;
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("open", &self.driver.is_some()).finish_non_exhaustive()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
