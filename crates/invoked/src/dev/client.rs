//! One request over one connection, as a stranger would send it: the walk knows the daemon only from
//! outside. (The daemon's own client refuses to call the daemon.)

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Bytes of an answer that are taken.
const ANSWER_MAX: usize = 16 * 1024 * 1024;

/// Sends `request` to `address` and reads the whole answer.
///
/// # Errors
/// There is no whole answer.
pub(crate) async fn send(address: SocketAddr, request: Request<Bytes>) -> Result<Response<Bytes>> {
    let stream =
        TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let exchange = async move {
        let answer = sender.send_request(request.map(Full::new)).await?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_MAX).collect().await;
        let body = body.map_err(anyhow::Error::from_boxed)?.to_bytes();
        anyhow::Ok(Response::from_parts(head, body))
    };
    let driven = async {
        // How the connection ends shows in the exchange.
        drop(connection.await);
        std::future::pending::<Result<Response<Bytes>>>().await
    };
    tokio::select! {
        answer = exchange => answer.with_context(|| format!("a request to {address}")),
        never = driven => never,
    }
}
