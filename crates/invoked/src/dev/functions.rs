//! The demo functions: `echo` and `flaky`, which tell `audit`; `fail`, which tells a queue of MNS, and
//! `slow`, which tells a bus of EventBridge.
//!
//! Real functions behind the custom-runtime protocol, at `http://127.0.0.1:{port}/{name}/invoke`.
//! Whoever holds the receiving end sees every call when it has been answered.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use invoked_engine::clock::stopwatch;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What the playground offers, each with what it does.
pub(crate) const FUNCTIONS: [(&str, &str); 5] = [
    ("echo", "answers with what it is given"),
    ("flaky", "fails twice, then succeeds"),
    (FAIL, "fails always, and tells the MNS queue failures"),
    (SLOW, "takes 5 seconds, and tells the EventBridge bus results"),
    (AUDIT, "is told how echo and flaky end"),
];

/// The function that `echo` and `flaky` tell.
pub(crate) const AUDIT: &str = "audit";

/// The function that fails always, and tells a queue.
pub(crate) const FAIL: &str = "fail";

/// How often `fail` is retried.
pub(crate) const FAIL_RETRIES: u32 = 1;

/// The function that tells a bus.
pub(crate) const SLOW: &str = "slow";

/// How often `flaky` fails before it succeeds.
pub(crate) const FLAKY_FAILURES: u32 = 2;

const SLOW_TAKES: Duration = Duration::from_secs(5);

/// Bytes of an event that are taken: as much as a synchronous call may carry.
const EVENT_MAX: usize = 32 * 1024 * 1024;

/// Calls that may wait to be seen. Beyond, they are answered all the same, but not shown.
const CALLS_MAX: usize = 1_024;

/// Invocations that `flaky` remembers. Beyond, it begins to forget them.
const REMEMBERED_MAX: usize = 10_000;

/// A call of a demo function, after its answer.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Which function.
    pub(crate) function: String,
    /// Of which invocation.
    pub(crate) request_id: String,
    /// Which attempt of it.
    pub(crate) attempt: u32,
    /// The event.
    pub(crate) payload: Bytes,
    /// What the function answered, and whether that is a success.
    pub(crate) answer: Answer,
    /// When it was called.
    pub(crate) called_at: Instant,
    /// When it had its answer.
    pub(crate) answered_at: Instant,
}

/// What a function answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) is_success: bool,
    pub(crate) body: Bytes,
}

/// The demo functions while they can be called. They end with this.
#[derive(Debug)]
pub(crate) struct DemoFunctions {
    /// Where they listen.
    pub(crate) address: SocketAddr,
    /// Their calls.
    pub(crate) calls: mpsc::Receiver<Call>,
    _serving: JoinSet<()>,
}

impl DemoFunctions {
    /// Starts them on a free port of the loopback interface.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.context("cannot listen for the demo functions")?;
        let address = listener.local_addr().context("the address of the demo functions")?;
        let (sender, calls) = mpsc::channel(CALLS_MAX);
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::new(Demo { calls: sender, failed: Mutex::default() })));
        Ok(Self { address, calls, _serving: serving })
    }

    /// Where a function is called.
    pub(crate) fn url(&self, function: &str) -> String {
        format!("http://{}/{function}", self.address)
    }
}

struct Demo {
    calls: mpsc::Sender<Call>,
    /// How often `flaky` has failed, by request id.
    failed: Mutex<BTreeMap<String, u32>>,
}

async fn serve(listener: TcpListener, demo: Arc<Demo>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // An error here belongs to a connection that is gone already.
                let Ok((stream, _)) = accepted else { continue };
                let demo = Arc::clone(&demo);
                let service = service_fn(move |request| answer(Arc::clone(&demo), request));
                let connection =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                // How a connection ends is the daemon's to know.
                connections.spawn(async move { drop(connection.await) });
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn answer(
    demo: Arc<Demo>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let called_at = stopwatch();
    let (head, body) = request.into_parts();
    let mut path = head.uri.path().trim_matches('/').split('/');
    let (function, operation) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
    let is_known = FUNCTIONS.iter().any(|(name, _)| *name == function);
    if head.method != Method::POST || operation != "invoke" || !is_known {
        return Ok(response(404, None, Bytes::new()));
    }
    let Ok(payload) = Limited::new(body, EVENT_MAX).collect().await else {
        return Ok(response(400, None, Bytes::new()));
    };
    let payload = payload.to_bytes();
    let request_id = text(&head.headers, "x-fc-request-id");
    let answer = demo.run(function, &request_id, &payload).await;
    let call = Call {
        function: function.to_owned(),
        attempt: text(&head.headers, "x-invoked-attempt").parse().unwrap_or_default(),
        request_id,
        payload,
        answer: answer.clone(),
        called_at,
        answered_at: stopwatch(),
    };
    // A full channel has nobody who looks.
    drop(demo.calls.try_send(call));
    let status = if answer.is_success { "200" } else { "404" };
    Ok(response(200, Some(status), answer.body))
}

impl Demo {
    async fn run(&self, function: &str, request_id: &str, payload: &Bytes) -> Answer {
        match function {
            "flaky" => match self.failures_of(request_id) {
                Some(nth) => failure(&format!("not yet: failure {nth} of {FLAKY_FAILURES}")),
                None => success(json!({ "finally": "it works" }).to_string()),
            },
            FAIL => failure("this function fails always"),
            SLOW => {
                tokio::time::sleep(SLOW_TAKES).await;
                success(json!({ "slept": "5s" }).to_string())
            }
            _ => Answer { is_success: true, body: payload.clone() },
        }
    }

    /// Which failure of this invocation it is; none if there were enough.
    fn failures_of(&self, request_id: &str) -> Option<u32> {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.len() >= REMEMBERED_MAX {
            failed.pop_first();
        }
        let count = failed.entry(request_id.to_owned()).or_default();
        if *count < FLAKY_FAILURES {
            *count += 1;
            return Some(*count);
        }
        failed.remove(request_id);
        None
    }
}

fn success(body: String) -> Answer {
    Answer { is_success: true, body: Bytes::from(body) }
}

fn failure(message: &str) -> Answer {
    let body = json!({ "errorMessage": message, "errorType": "DemoError" });
    Answer { is_success: false, body: Bytes::from(body.to_string()) }
}

fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn response(status: u16, fc_status: Option<&'static str>, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    if let Some(fc_status) = fc_status {
        response.headers_mut().insert("x-fc-status", http::HeaderValue::from_static(fc_status));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo() -> Demo {
        Demo { calls: mpsc::channel(1).0, failed: Mutex::default() }
    }

    #[test]
    fn flaky_fails_twice_for_each_invocation() {
        let demo = demo();
        assert_eq!(demo.failures_of("a"), Some(1));
        assert_eq!(demo.failures_of("b"), Some(1));
        assert_eq!(demo.failures_of("a"), Some(2));
        assert_eq!(demo.failures_of("a"), None);
        assert_eq!(demo.failures_of("b"), Some(2));
    }

    #[tokio::test]
    async fn each_function_does_what_it_says() {
        let demo = demo();
        let event = Bytes::from_static(b"{}");
        let echo = demo.run("echo", "1", &event).await;
        assert!(echo.is_success && echo.body == event);
        let fail = demo.run("fail", "1", &event).await;
        assert!(!fail.is_success && fail.body.starts_with(b"{\"errorMessage\""));
        assert!(demo.run(AUDIT, "1", &event).await.is_success);
    }
}
