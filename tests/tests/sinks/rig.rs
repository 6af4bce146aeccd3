//! What the suite asks of each kind of destination.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::callback::CallVerdict;
use invoked_core::id::RequestId;
use invoked_core::life::Outcome;
use invoked_core::trace::TraceContext;
use invoked_sink::{Delivery, Sink};
use invoked_tests::config::Config;
use invoked_tests::proxy::Proxy;

/// How long a try may take where an answer will not come.
pub const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

/// A destination, and the sink that reaches it.
pub struct Way {
    pub sink: Arc<dyn Sink>,
    pub destination: Arn,
}

impl Way {
    pub fn new(sink: impl Sink, destination: &str) -> Self {
        let destination = Arn::parse(destination).expect("an ARN");
        Self { sink: Arc::new(sink), destination }
    }

    pub async fn deliver(&self, message: &Message) -> CallVerdict {
        self.sink.deliver(&Self::delivery(self.destination.as_str(), message)).await
    }

    pub fn delivery(destination: &str, message: &Message) -> Delivery {
        Delivery {
            destination: Arn::parse(destination).expect("an ARN"),
            envelope: message.body.clone(),
            request_id: message.id,
            outcome: message.outcome,
            depth: 1,
            trace: message.trace.clone(),
        }
    }
}

/// What is told.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: RequestId,
    pub outcome: Outcome,
    pub trace: Option<Arc<TraceContext>>,
    pub body: Bytes,
}

impl Message {
    /// A message that nobody else in the world has, of so many bytes of JSON.
    pub fn of(bytes: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut id = [0; 16];
        id[..4].copy_from_slice(&std::process::id().to_be_bytes());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.expect("after 1970").subsec_nanos();
        id[4..8].copy_from_slice(&now.to_be_bytes());
        id[8..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let id = RequestId(id);
        let head =
            format!("{{\"requestId\":\"{id}\",\"note\":\"grün <&> \\\"zitiert\\\"\",\"fill\":\"");
        let fill = bytes.checked_sub(head.len() + 2).expect("room for the head");
        let body = format!("{head}{}\"}}", "x".repeat(fill)).into();
        Self { id, outcome: Outcome::Succeeded, trace: None, body }
    }

    pub fn small() -> Self {
        Self::of(256)
    }
}

/// What arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    pub id: String,
    pub body: Vec<u8>,
    /// The word for the outcome, where the wire has one.
    pub tag: Option<String>,
    /// Its `traceparent`, where the wire has a place for it.
    pub traceparent: Option<String>,
}

/// A kind of destination.
#[async_trait]
pub trait Rig: Send + Sync {
    /// A destination that works. Each call may make a new one.
    async fn good(&self) -> Way;

    /// The same with a key or password that is wrong.
    async fn wrong_credentials(&self) -> Way;

    /// A queue, topic, exchange or function that is not there.
    async fn missing(&self) -> Way;

    /// Where a proxy has to listen, and who is behind it.
    async fn behind_proxy(&self) -> (SocketAddr, SocketAddr);

    /// A destination that works, through a proxy; a try takes at most [`TIMEOUT`].
    async fn proxied(&self, proxy: &Proxy) -> Way;

    /// One sink with two instances, or two destinations: the first through the proxy, the second straight.
    async fn both(&self, proxy: &Proxy) -> (Way, Way);

    /// A destination that works over TLS; `is_trusted` says whether its certificate is. `None` if the kind leaves TLS
    /// to the HTTP client that all share.
    async fn over_tls(&self, is_trusted: bool) -> Option<Way>;

    /// The daemon's configuration with an instance of this kind, and a destination there that works.
    async fn configured(&self, config: Config) -> (Config, String);

    /// A destination that has too much to do. `None` where a real broker cannot be made to say so; the adapter's own
    /// tests have it then.
    async fn throttled(&self) -> Option<Way>;

    /// Bytes of a message that are taken, if there is a limit that a test can reach.
    fn limit(&self) -> usize;

    /// Stops the broker and starts it again.
    async fn restart(&self);

    /// Everything that has arrived there, read by a client that is not ours.
    async fn read(&self, destination: &Arn) -> Vec<Arrived>;

    /// Whether the wire has a place for a trace beside the message.
    fn has_traces(&self) -> bool {
        true
    }

    /// Whether the wire has a tag or header for the outcome.
    fn has_tags(&self) -> bool {
        true
    }
}
