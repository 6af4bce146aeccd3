//! An engine over a store in memory, with the API and the admin pages before it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use invoked_api::auth::{Auth, AuthConfig};
use invoked_api::{About, Admin, Api, ApiConfig, Listening, ServeConfig, SharedTokens, Tls, serve};
use invoked_core::arn::SinkKind;
use invoked_core::callback::CallVerdict;
use invoked_core::envelope::Identity;
use invoked_core::fault::Fault;
use invoked_core::life::Verdict;
use invoked_engine::clock::SystemClock;
use invoked_engine::{Engine, EngineConfig, Parts, TargetCheck};
use invoked_sink::{Answer, Attempted, Delivery, HttpHead, HttpResponse, Sink, Target};
use invoked_store::NodeId;
use invoked_testkit::mem_store::{MemStore, MemStoreConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::client::Client;

/// The path of the function that every daemon here has.
pub(crate) const HELLO: &str = "/2023-03-30/functions/hello";
pub(crate) const FUNCTIONS: &str = "/2023-03-30/functions";
pub(crate) const INVOKE: &str = "/2023-03-30/functions/hello/invocations";
pub(crate) const ASYNC: (&str, &str) = ("x-fc-invocation-type", "Async");

/// What makes the function.
pub(crate) fn hello() -> Value {
    function("hello")
}

pub(crate) fn function(name: &str) -> Value {
    json!({
        "functionName": name,
        "environmentVariables": {"INVOKED_TARGET_URL": "http://127.0.0.1:9"},
    })
}

/// A function that does what its payload says, and echoes any other.
struct Script;

#[async_trait]
impl Target for Script {
    async fn request(
        &self,
        attempted: &Attempted,
        head: &HttpHead,
    ) -> Result<HttpResponse, Answer> {
        http_answer(attempted, head)
    }

    async fn invoke(&self, attempted: &Attempted) -> Answer {
        let failed = |verdict, fault| Answer {
            verdict,
            fault: Some(fault),
            body: Bytes::from_static(br#"{"errorMessage":"as planned"}"#),
        };
        match &*attempted.payload {
            b"hold" => std::future::pending().await,
            b"fail" => {
                failed(Verdict::FunctionError, Fault::new("InvocationError", "as planned", 200))
            }
            b"down" => failed(
                Verdict::Unavailable { retry_after: Some(Duration::from_secs(7)) },
                Fault::new("ResourceThrottled", "10.0.0.7 is down", 503),
            ),
            b"panic" => panic!("as planned"),
            b"depth" => Answer {
                verdict: Verdict::Succeeded,
                fault: None,
                body: attempted.depth.to_string().into(),
            },
            _ => {
                Answer { verdict: Verdict::Succeeded, fault: None, body: attempted.payload.clone() }
            }
        }
    }
}

/// Queues: [`GOOD`] takes everything, [`BROKEN`] does not exist until it is mended, and every other
/// is busy.
#[derive(Clone, Default)]
pub(crate) struct Queues {
    is_mended: Arc<AtomicBool>,
}

pub(crate) const GOOD: &str = "acs:mns:::/queues/good/messages";
pub(crate) const BROKEN: &str = "acs:mns:::/queues/broken/messages";
pub(crate) const BUSY: &str = "acs:mns:::/queues/q/messages";

impl Queues {
    pub(crate) fn mend(&self) {
        self.is_mended.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Sink for Queues {
    async fn deliver(&self, delivery: &Delivery) -> CallVerdict {
        let delivered = || CallVerdict::Delivered {
            message_id: Some(format!("m-{}", delivery.request_id).into()),
        };
        match delivery.destination.as_str() {
            GOOD => delivered(),
            BROKEN if self.is_mended.load(Ordering::Relaxed) => delivered(),
            BROKEN => {
                let error = Fault::new("QueueNotExist", "the queue is not there, as planned", 404);
                CallVerdict::Permanent { error }
            }
            _ => {
                let error = Fault::new("ServiceUnavailable", "as planned", 503);
                CallVerdict::Retry { error, retry_after: Some(Duration::from_secs(600)) }
            }
        }
    }
}

/// What [`Script`] does with an HTTP request: it tells what it got, unless the path says otherwise.
fn http_answer(attempted: &Attempted, head: &HttpHead) -> Result<HttpResponse, Answer> {
    let answer = |response: http::response::Builder, body: Bytes| {
        Ok(response.body(body).expect("a response"))
    };
    let failed = |verdict, fault| {
        Err(Answer { verdict, fault: Some(fault), body: Bytes::from_static(b"{}") })
    };
    let response = http::Response::builder();
    match head.uri.path() {
        "/teapot" => {
            let response = response
                .status(418)
                .header("x-of", "me")
                .header("set-cookie", "a=1")
                .header("set-cookie", "b=2")
                .header("x-fc-status", "404")
                .header("x-fc-request-id", "forged")
                .header("connection", "close, x-hop")
                .header("x-hop", "1")
                .header("content-length", "999");
            answer(response, Bytes::from_static(b"tea"))
        }
        "/large" => answer(response.header("x-large", "x".repeat(9_000)), Bytes::new()),
        "/switch" => answer(response.status(101), Bytes::new()),
        "/cached" => answer(response.status(304).header("content-length", "999"), Bytes::new()),
        "/head" => answer(response.header("content-length", "999"), Bytes::new()),
        "/slow" => {
            let fault = Fault::new("InvocationError", "Function timed out after 60 seconds", 200);
            failed(Verdict::FunctionError, fault)
        }
        "/down" => {
            let fault = Fault::new("FunctionUnreachable", "10.0.0.7 is down", 0);
            failed(Verdict::Unavailable { retry_after: None }, fault)
        }
        _ => {
            let headers = head.headers.iter().map(|(name, value)| {
                json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())])
            });
            let seen = json!({
                "method": head.method.as_str(),
                "uri": head.uri.to_string(),
                "headers": headers.collect::<Vec<_>>(),
                "body": String::from_utf8_lossy(&attempted.payload),
                "qualifier": attempted.qualifier.as_str(),
                "depth": attempted.depth,
            });
            answer(response, seen.to_string().into())
        }
    }
}

pub(crate) struct Daemon {
    pub(crate) engine: Engine,
    pub(crate) api: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) pages: Admin,
    pub(crate) tokens: SharedTokens,
    pub(crate) queues: Queues,
    pub(crate) store: MemStore,
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    (listener, address)
}

fn defaults() -> EngineConfig {
    let identity = Identity { region: "cn-hangzhou".into(), account: "123".into() };
    EngineConfig::new(identity, 1)
}

impl Daemon {
    /// A daemon with a function `hello`.
    pub(crate) async fn start(config: ApiConfig) -> Self {
        Self::start_checked(config, TargetCheck::default()).await
    }

    /// The same, where clients may not say that a function lives anywhere.
    pub(crate) async fn start_checked(config: ApiConfig, target_check: TargetCheck) -> Self {
        let work = EngineConfig { target_check, ..defaults() };
        Self::with_hello(config, work).await
    }

    /// A daemon with a function `hello`, and no more memory than this.
    pub(crate) async fn limited(memory_max: u64) -> Self {
        let work = EngineConfig { memory_max: Some(memory_max), ..defaults() };
        Self::with_hello(ApiConfig::default(), work).await
    }

    async fn with_hello(config: ApiConfig, work: EngineConfig) -> Self {
        let daemon = Self::made(config, Auth::new(AuthConfig::Off), None, work).await;
        let answer = daemon.client().await.json("POST", FUNCTIONS, &hello()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        daemon
    }

    /// A daemon without functions, for those whom `auth` admits.
    pub(crate) async fn guarded(config: ApiConfig, auth: Auth, tls: Option<Tls>) -> Self {
        Self::made(config, auth, tls, defaults()).await
    }

    async fn made(config: ApiConfig, auth: Auth, tls: Option<Tls>, work: EngineConfig) -> Self {
        let queues = Queues::default();
        let store = MemStore::new(MemStoreConfig::default());
        let parts = Parts {
            store: Arc::new(store.clone()),
            node: NodeId("test".into()),
            runtime: Arc::new(Script),
            remote: None,
            sinks: [(SinkKind::Mns, Arc::new(queues.clone()) as Arc<dyn Sink>)].into(),
            spans: None,
            clock: Arc::new(SystemClock::default()),
        };
        let engine = Engine::start(work, parts, vec![]).await;
        let engine = engine.expect("the engine starts");
        let (api_listener, api) = listener().await;
        let (admin_listener, admin) = listener().await;
        let tokens = SharedTokens::default();
        let pages = Admin::new(
            Arc::new(|view| format!("shards {}\n", view.shards.len())),
            tokens.clone(),
            About::default(),
        );
        let (stop, stopped) = watch::channel(false);
        let until = |mut stopped: watch::Receiver<bool>| async move {
            let _gone = stopped.wait_for(|is_stopped| *is_stopped).await.is_err();
        };
        let mut listeners = JoinSet::new();
        let serving = ServeConfig::default();
        let service = Api::guarded(engine.handle(), config, auth);
        let api_listener = Listening::new(api_listener, tls);
        listeners.spawn(serve(api_listener, service, serving, until(stopped.clone())));
        listeners.spawn(serve(admin_listener, pages.clone(), serving, until(stopped)));
        Self { engine, api, admin, pages, tokens, queues, store, stop, listeners }
    }

    /// Adds an HTTP function.
    pub(crate) async fn http_function(&self, name: &str) {
        let function = json!({
            "functionName": name,
            "environmentVariables": {
                "INVOKED_TARGET_URL": "http://127.0.0.1:9",
                "INVOKED_FUNCTION_KIND": "http",
            },
        });
        let answer = self.client().await.json("POST", "/2023-03-30/functions", &function).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.api).await
    }

    pub(crate) async fn stopped(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.listeners.join_next().await {
            ended.expect("a listener ends well");
        }
        let drained = self.engine.shutdown(Duration::from_millis(100)).await;
        drained.expect("the store closes");
    }
}

/// Looks until `found` returns something.
pub(crate) async fn until<T>(mut found: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(found) = found().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come true");
}
