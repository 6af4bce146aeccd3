//! The common part of all doubles: a [`Service`] behind HTTP or HTTPS on loopback, with a mailbox
//! that anyone may read and a script that the test writes.
//!
//! `GET /mailbox` answers `{"taken": N, "messages": […]}`; `?after=N` leaves out the messages up to
//! that number. Every other request is the service's.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::mailbox::{self, Mail, Mailbox, Seen};
use crate::script::{Script, Step, Then};
use crate::tls::Tls;

mod connection;

/// What is answered.
pub type Answer = Response<Bytes>;

/// Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Bytes of a request's body that are taken; a larger one is answered with 413 at once. Above every
/// limit that a service has, so that its own refusal can be seen.
pub const BODY_MAX: usize = 8 * 1024 * 1024;

/// How long [`Server::close`] lets answers that are under way be sent.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its method.
    pub method: Method,
    /// Its path and query, as they came.
    pub uri: Uri,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// When it came, in Unix milliseconds.
    pub at: i64,
}

impl Received {
    /// A header's text; nothing if it is absent or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Path and query, exactly as they came.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }
}

/// What the service makes of a request.
#[derive(Debug)]
pub struct Judged {
    /// Where it goes, as scripts name it; empty where that cannot be read.
    pub destination: String,
    /// The request id that its sender gave it, if any.
    pub id: Option<String>,
    /// Whether it is taken.
    pub outcome: Outcome,
}

/// Whether a request is taken.
#[derive(Debug)]
pub enum Outcome {
    /// It is.
    Taken {
        /// What it brings. The service fills in `destination`, `body`, `message_id` and `tag`; the
        /// rest is filled in from the request.
        mails: Vec<Mail>,
        /// What the service answers.
        answer: Answer,
    },
    /// It is not.
    Refused {
        /// The code of the error.
        code: String,
        /// What the service answers.
        answer: Answer,
    },
}

/// What is behind the server. A judgement does no I/O and waits for nothing.
pub trait Service: Send + Sync + 'static {
    /// Judges a request as the service's documents say.
    fn judge(&self, request: &Received) -> Judged;
}

/// How a double is started.
#[derive(Clone)]
pub struct Options {
    /// Where it listens: loopback only. Port 0 is a free one.
    pub address: SocketAddr,
    /// With it, it speaks HTTPS only.
    pub tls: Option<Tls>,
    /// Where its mail goes: bring the mailbox of another run to go on with it.
    pub mailbox: Mailbox,
    /// What it is told to do.
    pub script: Script,
    /// What time it is.
    pub clock: Clock,
}

impl Options {
    /// A free port, no TLS, an empty mailbox, an empty script.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            mailbox: Mailbox::default(),
            script: Script::default(),
            clock,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("address", &self.address)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// A double that listens. Dropping it ends it at once, as a crash would.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    options: Options,
    closing: watch::Sender<bool>,
    serving: JoinSet<()>,
}

impl Server {
    /// Starts listening.
    ///
    /// # Errors
    /// The address is taken, or not loopback.
    pub async fn start(service: Arc<dyn Service>, options: Options) -> io::Result<Self> {
        if !options.address.ip().is_loopback() {
            let message = format!("a double listens on loopback only, not on {}", options.address);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let listener = TcpListener::bind(options.address).await?;
        let address = listener.local_addr()?;
        let (closing, closed) = watch::channel(false);
        let double = Arc::new(Double { service, options: options.clone(), closed });
        let mut serving = JoinSet::new();
        serving.spawn(connection::accept(listener, double));
        Ok(Self { address, options, closing, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.options.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// What it has taken and seen.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox {
        &self.options.mailbox
    }

    /// What it is told to do.
    #[must_use]
    pub fn script(&self) -> &Script {
        &self.options.script
    }

    /// Stops listening, lets answers that are under way be sent, gives up those that are withheld,
    /// and closes all connections. [`Options`] for a start at the same address with the same mailbox
    /// and script come back.
    pub async fn close(mut self) -> Options {
        self.closing.send_replace(true);
        let ended = async { while self.serving.join_next().await.is_some() {} };
        // What does not end in time ends with the set.
        drop(tokio::time::timeout(CLOSE_MAX, ended).await);
        Options { address: self.address, ..self.options }
    }
}

/// What all connections share.
struct Double {
    service: Arc<dyn Service>,
    options: Options,
    closed: watch::Receiver<bool>,
}

/// The sender gets no answer; its connection is closed.
#[derive(Debug, thiserror::Error)]
#[error("no answer")]
struct NoAnswer;

impl Double {
    async fn answer(&self, head: Request<()>, body: Option<Bytes>) -> Result<Answer, NoAnswer> {
        let (head, ()) = head.into_parts();
        if head.method == Method::GET && head.uri.path() == "/mailbox" {
            return Ok(self.mailbox(head.uri.query().unwrap_or_default()));
        }
        let Some(body) = body else { return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE)) };
        let at = (self.options.clock)();
        let request =
            Received { method: head.method, uri: head.uri, headers: head.headers, body, at };
        let Judged { destination, id, outcome } = self.service.judge(&request);
        let seen = Seen { at, destination, id, refused: None };
        match outcome {
            Outcome::Refused { code, answer } => {
                self.options.mailbox.note(Seen { refused: Some(code), ..seen });
                Ok(answer)
            }
            Outcome::Taken { mails, answer } => {
                let step = self.options.script.next(&seen.destination);
                self.options.mailbox.note(seen);
                let step = step.unwrap_or_else(|| Step::slow(Duration::ZERO));
                self.perform(step, &request, mails, answer).await
            }
        }
    }

    async fn perform(
        &self,
        step: Step,
        request: &Received,
        mails: Vec<Mail>,
        answer: Answer,
    ) -> Result<Answer, NoAnswer> {
        let mut closed = self.closed.clone();
        if !step.delay.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(step.delay) => {}
                _ = closed.wait_for(|closed| *closed) => return Err(NoAnswer),
            }
        }
        if step.is_taken {
            for mail in mails {
                self.options.mailbox.put(Mail {
                    at: request.at,
                    method: request.method.to_string(),
                    path: request.path_and_query().to_owned(),
                    headers: mailbox::plain(&request.headers),
                    raw: request.body.clone(),
                    ..mail
                });
            }
        }
        match step.then {
            Then::Own => Ok(answer),
            Then::Answer(answer) => Ok(answer),
            Then::Close => Err(NoAnswer),
            Then::Withhold => {
                // An error means that the double is gone already.
                drop(closed.wait_for(|closed| *closed).await);
                Err(NoAnswer)
            }
        }
    }

    fn mailbox(&self, query: &str) -> Answer {
        let after = query.split('&').find_map(|pair| pair.strip_prefix("after="));
        let Ok(after) = after.map_or(Ok(0), str::parse) else {
            return plain(StatusCode::BAD_REQUEST);
        };
        let json = self.options.mailbox.to_json(after).to_string();
        let mut answer = Response::new(Bytes::from(json));
        let json = http::HeaderValue::from_static("application/json");
        answer.headers_mut().insert(http::header::CONTENT_TYPE, json);
        answer
    }
}

fn plain(status: StatusCode) -> Answer {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status;
    answer
}

#[cfg(test)]
mod tests;
