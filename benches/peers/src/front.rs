//! The HTTP side of a front: a POST is published, and answered when the broker has it.

use std::cell::Cell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

pub(crate) trait Publisher {
    /// Returns when the broker has confirmed.
    async fn publish(&self, body: Bytes) -> Result<()>;
}

struct Front<P> {
    publisher: P,
    next_id: Cell<u64>,
}

/// A `GET` is answered with 200: whoever asks knows that the broker was there.
pub(crate) async fn serve<P: Publisher + 'static>(listen: SocketAddr, publisher: P) -> Result<()> {
    let front = Rc::new(Front { publisher, next_id: Cell::new(0) });
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let front = Rc::clone(&front);
        let service = service_fn(move |request| {
            let front = Rc::clone(&front);
            async move { Ok::<_, Infallible>(front.answer(request).await) }
        });
        tokio::task::spawn_local(
            http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

impl<P: Publisher> Front<P> {
    async fn answer(&self, request: Request<Incoming>) -> Response<Empty<Bytes>> {
        let mut answer = Response::new(Empty::new());
        if request.method() != Method::POST {
            return answer;
        }
        let Ok(body) = request.into_body().collect().await else {
            *answer.status_mut() = StatusCode::BAD_REQUEST;
            return answer;
        };
        match self.publisher.publish(body.to_bytes()).await {
            Ok(()) => {
                let id = self.next_id.replace(self.next_id.get() + 1);
                let id = HeaderValue::from_str(&format!("{id:032x}")).expect("hexadecimal");
                answer.headers_mut().insert("x-fc-request-id", id);
                *answer.status_mut() = StatusCode::ACCEPTED;
            }
            Err(error) => {
                eprintln!("not published: {error:#}");
                *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
        }
        answer
    }
}
