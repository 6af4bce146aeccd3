//! The admin listener: how the daemon is.
//!
//! | path | what |
//! |---|---|
//! | `/metrics` | Prometheus' text format |
//! | `/healthz` | 200 as long as the process runs |
//! | `/readyz` | 200 while new invocations are taken; 503 with the reason while they are not |
//!
//! Anything else is a 404. The listener may be up before there is an engine.

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::header::{ALLOW, HeaderValue};
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use invoked_engine::{EngineView, Handle, telemetry};

use crate::body::UnreadBody;
use crate::reply::{JSON, Reply, full};
use crate::serve::Respond;
use crate::serve::unread::Unread;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Renders the metrics, after those of the engine have been published to the recorder.
pub type Render = Arc<dyn Fn(&EngineView) -> String + Send + Sync>;

/// Serves the admin pages. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    engine: Arc<OnceLock<Handle>>,
    render: Render,
}

impl Admin {
    /// The pages of a daemon that starts.
    #[must_use]
    pub fn new(render: Render) -> Self {
        Self { engine: Arc::default(), render }
    }

    /// The daemon has started: from here on it is ready as long as the engine takes invocations.
    pub fn started(&self, engine: Handle) {
        let _first = self.engine.get_or_init(|| engine);
    }

    fn ready(&self) -> Reply {
        match self.engine.get() {
            None => unavailable("starting"),
            Some(engine) if engine.is_store_full() => unavailable("no room left in the store"),
            Some(engine) if engine.is_accepting() => full(StatusCode::OK, TEXT, "ready\n"),
            Some(_) => unavailable("draining"),
        }
    }

    async fn metrics(&self) -> Reply {
        let Some(engine) = self.engine.get() else { return unavailable("starting") };
        let view = engine.view().await;
        telemetry::publish(engine, &view);
        full(StatusCode::OK, PROMETHEUS, (self.render)(&view))
    }
}

impl Respond for Admin {
    async fn respond(&self, request: Request<Incoming>, unread: &Unread) -> Reply {
        let (head, body) = request.into_parts();
        drop(UnreadBody::new(body, &head.headers, unread));
        let is_read = matches!(head.method, Method::GET | Method::HEAD);
        match head.uri.path() {
            "/metrics" | "/healthz" | "/readyz" if !is_read => {
                let mut reply = refused(StatusCode::METHOD_NOT_ALLOWED, "only GET is served here");
                reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                reply
            }
            "/metrics" => self.metrics().await,
            "/healthz" => full(StatusCode::OK, TEXT, "ok\n"),
            "/readyz" => self.ready(),
            _ => refused(StatusCode::NOT_FOUND, "there is no such page"),
        }
    }

    fn panicked(&self) -> Reply {
        refused(StatusCode::INTERNAL_SERVER_ERROR, "an internal error has occurred")
    }
}

fn unavailable(reason: &'static str) -> Reply {
    refused(StatusCode::SERVICE_UNAVAILABLE, reason)
}

fn refused(status: StatusCode, message: &'static str) -> Reply {
    let code = status.canonical_reason().unwrap_or_default().replace(' ', "");
    let body = serde_json::json!({ "code": code, "message": message });
    full(status, JSON, body.to_string())
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}
