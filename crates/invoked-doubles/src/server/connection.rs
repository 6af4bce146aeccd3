//! Connections: accepted, perhaps wrapped in TLS, served until either side ends them.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{BODY_MAX, Double, NoAnswer};

/// Accepts until the double closes, then waits for the connections that are left.
pub(super) async fn accept(listener: TcpListener, double: Arc<Double>) {
    let mut connections = JoinSet::new();
    let mut closed = double.closed.clone();
    loop {
        tokio::select! {
            // It is dropped at the end of this function at the latest.
            _ = closed.wait_for(|closed| *closed) => break,
            accepted = listener.accept() => {
                // An error here belongs to a connection that is gone already.
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(wrap(stream, Arc::clone(&double)));
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn wrap(stream: TcpStream, double: Arc<Double>) {
    match &double.options.tls {
        None => serve(TokioIo::new(stream), double).await,
        Some(tls) => {
            // A client that does not like the certificate says so and leaves.
            if let Ok(stream) = tls.acceptor.accept(stream).await {
                serve(TokioIo::new(stream), double).await;
            }
        }
    }
}

async fn serve(stream: impl Read + Write + Unpin, double: Arc<Double>) {
    let mut closed = double.closed.clone();
    let service = service_fn(move |request| {
        let double = Arc::clone(&double);
        async move { answer(&double, request).await }
    });
    let mut connection = std::pin::pin!(http1::Builder::new().serve_connection(stream, service));
    tokio::select! {
        // How a connection ends is its sender's to know.
        _ended = connection.as_mut() => return,
        _ = closed.wait_for(|closed| *closed) => {}
    }
    connection.as_mut().graceful_shutdown();
    drop(connection.await);
}

async fn answer(
    double: &Double,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, NoAnswer> {
    let (head, body) = request.into_parts();
    if body.size_hint().lower() > u64::try_from(BODY_MAX).unwrap_or(u64::MAX) {
        return double
            .answer(Request::from_parts(head, ()), None)
            .await
            .map(|it| it.map(Full::new));
    }
    let body = match Limited::new(body, BODY_MAX).collect().await {
        Ok(body) => Some(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => None,
        // The sender left in the middle.
        Err(_) => return Err(NoAnswer),
    };
    double.answer(Request::from_parts(head, ()), body).await.map(|answer| answer.map(Full::new))
}
