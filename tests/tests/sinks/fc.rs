//! Function Compute, in whose place another daemon of ours stands: its release binary, with keys. What arrived is what
//! its function was called with.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use async_trait::async_trait;
use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::limits::FUNCTION_ENVELOPE_MAX;
use invoked_doubles::{Answer, Judged, Outcome, Received, Service};
use invoked_http::Client;
use invoked_sink_fc::RemoteFc;
use invoked_tests::brokers::endpoint;
use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::function::{Call, FunctionServer};
use invoked_tests::metrics::Metrics;
use invoked_tests::poll;
use invoked_tests::proxy::Proxy;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::double::{Double, client, client_that_trusts, unix_millis};
use crate::rig::{Arrived, Rig, TIMEOUT, Way};

const KEY: &str = "testid";
const SECRET: &str = "testsecret";
const FUNCTION: &str = "results";

pub struct Functions {
    worker: Arc<FunctionServer>,
    plain: OnceCell<Remote>,
    tls: OnceCell<Remote>,
    busy: Double,
}

impl Functions {
    pub fn new() -> Self {
        Self {
            worker: Arc::new(FunctionServer::start()),
            plain: OnceCell::new(),
            tls: OnceCell::new(),
            busy: Double::new(Arc::new(Busy)),
        }
    }

    async fn remote(&self) -> &Remote {
        self.plain.get_or_init(|| Remote::start(self.worker.url(), false)).await
    }

    async fn url(&self) -> String {
        format!("http://{}", self.remote().await.api)
    }
}

/// A daemon, owned by a thread of its own.
struct Remote {
    api: SocketAddr,
    admin: SocketAddr,
    /// Each is a wish to be killed and started again; dropped, it ends.
    restarts: mpsc::Sender<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Remote {
    async fn start(worker: String, has_tls: bool) -> Self {
        let start = move || {
            let (restarts, wishes) = mpsc::channel();
            let (ready, is_ready) = mpsc::channel();
            let thread = thread::spawn(move || run(&worker, has_tls, &ready, &wishes));
            let (api, admin) = is_ready.recv().expect("the daemon starts");
            Self { api, admin, restarts, thread: Some(thread) }
        };
        tokio::task::spawn_blocking(start).await.expect("no panic")
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let (nobody, _) = mpsc::channel();
        drop(std::mem::replace(&mut self.restarts, nobody));
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(
            thread::panicking() || matches!(ended, Some(Ok(()))),
            "the daemon's thread panicked"
        );
    }
}

fn run(
    worker: &str,
    has_tls: bool,
    ready: &mpsc::Sender<(SocketAddr, SocketAddr)>,
    wishes: &mpsc::Receiver<mpsc::Sender<()>>,
) {
    let mut config = Config::new()
        .set("auth", "mode", "signed")
        .set(&format!("auth.keys.{KEY}"), "secret", SECRET)
        .function(FUNCTION, worker);
    if has_tls {
        config = config.set("server.tls", "cert", endpoint("tls/certificate")).set(
            "server.tls",
            "key",
            endpoint("tls/key"),
        );
    }
    let site = Site::new(config);
    let mut daemon = site.start();
    ready.send((site.api, site.admin)).expect("somebody waits");
    while let Ok(done) = wishes.recv() {
        daemon.kill();
        daemon = site.start();
        done.send(()).expect("somebody waits");
    }
    daemon.stop();
}

/// In the place of a Function Compute whose limit on requests is reached.
struct Busy;

impl Service for Busy {
    fn judge(&self, _request: &Received) -> Judged {
        let code = "ResourceThrottled";
        let body =
            format!("{{\"Code\":\"{code}\",\"Message\":\"Reserve resource exceeded limit\"}}");
        let mut answer = Answer::new(Bytes::from(body));
        *answer.status_mut() = "429".parse().expect("a status");
        let outcome = Outcome::Refused { code: code.to_owned(), answer };
        Judged { destination: FUNCTION.to_owned(), id: None, outcome }
    }
}

fn way(client: &Client, url: &str, secret: &str, function: &str) -> Way {
    let config = invoked_sink_fc::Config::new(url, KEY, secret);
    let config = config.and_then(|config| config.with_timeout(TIMEOUT));
    let instances = BTreeMap::from([("default".into(), config.expect("an instance"))]);
    let sink = RemoteFc::new(instances, client, Arc::new(|| unix_millis() / 1_000));
    Way::new(sink, &format!("acs:fc:::functions/{function}"))
}

#[async_trait]
impl Rig for Functions {
    async fn good(&self) -> Way {
        way(&client(), &self.url().await, SECRET, FUNCTION)
    }

    async fn wrong_credentials(&self) -> Way {
        way(&client(), &self.url().await, "wrong", FUNCTION)
    }

    async fn missing(&self) -> Way {
        way(&client(), &self.url().await, SECRET, "no-such")
    }

    async fn behind_proxy(&self) -> (SocketAddr, SocketAddr) {
        (([127, 0, 0, 1], 0).into(), self.remote().await.api)
    }

    async fn proxied(&self, proxy: &Proxy) -> Way {
        way(&client(), &format!("http://{}", proxy.address()), SECRET, FUNCTION)
    }

    async fn both(&self, proxy: &Proxy) -> (Way, Way) {
        // An ARN of a function names no instance; what could be held up is the client that all have in common.
        let client = client();
        let slow = way(&client, &format!("http://{}", proxy.address()), SECRET, FUNCTION);
        (slow, way(&client, &self.url().await, SECRET, FUNCTION))
    }

    async fn over_tls(&self, is_trusted: bool) -> Option<Way> {
        let start = || Remote::start(self.worker.url(), true);
        let url = format!("https://{}", self.tls.get_or_init(start).await.api);
        let authority = endpoint(if is_trusted { "tls/ca" } else { "tls/other_ca" });
        Some(way(&client_that_trusts(Some(authority)), &url, SECRET, FUNCTION))
    }

    async fn configured(&self, config: Config) -> (Config, String) {
        let section = "sinks.fc.default";
        let config = config.set(section, "endpoint", self.url().await);
        let config = config.set(section, "access_key_id", KEY);
        let config = config.set(section, "access_key_secret", SECRET);
        (config, format!("acs:fc:cn-elsewhere::functions/{FUNCTION}"))
    }

    async fn throttled(&self) -> Option<Way> {
        Some(way(&client(), &self.busy.url().await, SECRET, FUNCTION))
    }

    fn limit(&self) -> usize {
        FUNCTION_ENVELOPE_MAX
    }

    async fn restart(&self) {
        let restarts = self.remote().await.restarts.clone();
        let restart = move || {
            let (done, is_done) = mpsc::channel();
            restarts.send(done).expect("the daemon's thread lives");
            is_done.recv().expect("the daemon starts again");
        };
        tokio::task::spawn_blocking(restart).await.expect("no panic");
    }

    async fn read(&self, _destination: &Arn) -> Vec<Arrived> {
        let remotes = [self.plain.get(), self.tls.get()];
        let admins: Vec<_> = remotes.into_iter().flatten().map(|remote| remote.admin).collect();
        let worker = Arc::clone(&self.worker);
        let read = move || {
            for admin in admins {
                poll::soon("all of it was run", || Metrics::scrape(admin).backlog() == 0);
            }
            worker.calls()
        };
        let calls = tokio::task::spawn_blocking(read).await.expect("no panic");
        // A kill repeats attempts; an invocation is still the same one.
        let mut seen = BTreeSet::new();
        let invocations = calls.into_iter().filter(|call| seen.insert(call.request_id.clone()));
        let arrived = |call: Call| {
            let body = call.body;
            let message: Value = serde_json::from_slice(&body).expect("a message of the suite");
            // The suite's own messages, and envelopes of the daemon.
            let ids = ["/requestId", "/requestContext/requestId"].map(|path| message.pointer(path));
            let id = ids.into_iter().flatten().find_map(Value::as_str).expect("its id").to_owned();
            let traceparent = call.headers.first("traceparent").map(str::to_owned);
            Arrived { id, body, tag: None, traceparent }
        };
        invocations.map(arrived).collect()
    }

    fn has_tags(&self) -> bool {
        false
    }
}
