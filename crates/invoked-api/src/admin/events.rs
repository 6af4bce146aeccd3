//! Events as they happen, for pages that are looked at: `GET /v1/events`.
#![expect(unused_qualifications, reason = "the macro of utoipa writes full paths of parameters")]

use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use invoked_core::id::RequestId;
use invoked_core::name::FunctionKey;
use invoked_engine::{Handle, Refusing};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, sleep_until};
use utoipa::IntoParams;

use crate::admin::asked::Asked;
use crate::admin::dto::task::Task;
use crate::admin::functions::OfAccount;
use crate::admin::openapi::Common;
use crate::admin::problem::AdminProblem;
use crate::admin::series::{Seen, Series, Watching};
use crate::admin::tokens::Rights;
use crate::content::{Content, Feed};
use crate::reply::Reply;

/// Streams at a time: some of the listener's connections are left for those who act.
pub(super) const STREAMS_MAX: usize = 48;
/// From one look at an invocation to the next.
const LOOK: Duration = Duration::from_millis(200);
/// The longest silence.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// When a page that lost its stream comes again, in milliseconds.
const RETRY_MS: u32 = 2_000;
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What to watch.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it says what there is")]
pub(super) struct EventsAsked {
    /// An invocation whose changes are events too.
    #[param(nullable = false, pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    invocation: Option<String>,
    /// A task whose changes are events too, by its id, whoever chose that: a task whose id its caller chose is not found
    /// by its request id. Needs `function`; excludes `invocation`.
    #[param(nullable = false, min_length = 1)]
    task: Option<String>,
    /// The task's function.
    #[param(
        nullable = false,
        pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$"
    )]
    function: Option<String>,
    /// The function's account; absent: the daemon's own.
    #[param(nullable = false, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    account: Option<String>,
}

/// Streams what happens: `overview` each second (a point of the series), `lanes` with the names of those that changed, and
/// `invocation` when the invocation or task that was asked for did, `gone` when nothing is kept of it any more. At most 48 streams; each ends when the daemon does.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "watchEvents",
    tag = "console",
    params(EventsAsked),
    responses((status = 200, description = "Server-sent events.", body = String, content_type = "text/event-stream"), Common)
)]
pub(super) fn stream(
    engine: &Handle,
    series: &Arc<Series>,
    mut asked: Asked,
    began_with: Rights,
    rights: impl Fn() -> Option<Rights> + Send + 'static,
) -> Result<Reply, AdminProblem> {
    let watched = Watched::read(engine, &mut asked)?;
    asked.finish()?;
    let watching = series.watch(STREAMS_MAX).ok_or(AdminProblem::TooManyStreams)?;
    let now = invoked_engine::clock::stopwatch();
    let feed = Stream {
        engine: engine.clone(),
        seen: series.subscribe(),
        watched,
        began_with,
        rights: Box::new(rights),
        next_look: now,
        heartbeat: now,
        is_begun: false,
        _watching: watching,
    };
    let mut reply = Reply::new(Content::events(feed));
    reply.headers_mut().insert(CONTENT_TYPE, EVENT_STREAM);
    reply.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    Ok(reply)
}

/// A stream. What is not read is not made: a slow reader misses looks, never more memory.
struct Stream {
    engine: Handle,
    seen: watch::Receiver<Arc<Seen>>,
    watched: Option<Watched>,
    /// What whoever reads may do. When that changes the stream ends: the page comes again and is judged anew.
    began_with: Rights,
    rights: Box<dyn Fn() -> Option<Rights> + Send>,
    next_look: Instant,
    heartbeat: Instant,
    is_begun: bool,
    _watching: Watching,
}

struct Watched {
    what: What,
    last: String,
}

/// An invocation, by what finds it.
enum What {
    Invocation(RequestId),
    Task(FunctionKey, String),
}

impl Watched {
    fn read(engine: &Handle, asked: &mut Asked) -> Result<Option<Self>, AdminProblem> {
        let (id, task) = (asked.text("invocation"), asked.text("task"));
        let what = match (id, task) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(AdminProblem::argument("task", "excludes invocation"));
            }
            (Some(id), None) => {
                let problem = || AdminProblem::argument("invocation", "must be a request id");
                What::Invocation(RequestId::parse(&id).ok_or_else(problem)?)
            }
            (None, Some(task)) => {
                let function = asked.function()?;
                let missing = || AdminProblem::argument("function", "is missing");
                let account = OfAccount::read(asked, engine)?;
                What::Task(account.key(function.ok_or_else(missing)?), task)
            }
        };
        Ok(Some(Self { what, last: String::new() }))
    }
}

impl Feed for Stream {
    fn next(
        mut self: Box<Self>,
    ) -> Pin<Box<dyn Future<Output = Option<(Bytes, Box<dyn Feed>)>> + Send>> {
        Box::pin(async move {
            let text = self.wait().await?;
            Some((Bytes::from(text), self as Box<dyn Feed>))
        })
    }
}

impl Stream {
    /// What comes next; nothing at the end.
    async fn wait(&mut self) -> Option<String> {
        if !self.is_begun {
            self.is_begun = true;
            self.heartbeat += HEARTBEAT;
            return Some(format!("retry: {RETRY_MS}\n\n"));
        }
        let mut ends = interval_at(invoked_engine::clock::stopwatch(), LOOK);
        loop {
            if (self.rights)() != Some(self.began_with) || self.is_draining() {
                return None;
            }
            let is_watched = self.watched.is_some();
            let found = tokio::select! {
                changed = self.seen.changed() => {
                    changed.ok()?;
                    Some(self.look())
                }
                () = sleep_until(self.next_look), if is_watched => self.invocation().await,
                () = sleep_until(self.heartbeat) => Some(": \n\n".to_owned()),
                _ = ends.tick() => None,
            };
            if let Some(found) = found {
                self.heartbeat = invoked_engine::clock::stopwatch() + HEARTBEAT;
                return Some(found);
            }
        }
    }

    fn look(&mut self) -> String {
        let seen = Arc::clone(&self.seen.borrow_and_update());
        let mut text = String::new();
        event(&mut text, "overview", &json!(seen.point).to_string());
        if !seen.functions.is_empty() || !seen.destinations.is_empty() {
            let lanes = json!({ "functions": seen.functions, "destinations": seen.destinations });
            event(&mut text, "lanes", &lanes.to_string());
        }
        text
    }

    async fn invocation(&mut self) -> Option<String> {
        self.next_look = invoked_engine::clock::stopwatch() + LOOK;
        let watched = self.watched.as_mut()?;
        let found = match &watched.what {
            What::Invocation(id) => self.engine.invocation_row(*id).await,
            What::Task(function, id) => self.engine.kept_task_row(function, id).await,
        };
        let (name, shown) = match found.ok()? {
            Some(record) => {
                let key = self.engine.directory().key_of(record.head.fn_id);
                let deadline = self.engine.callback_deadline(&record.head);
                let shown = Task::of(key.as_ref(), &record, deadline);
                let shown = json!(shown.listed_to(self.began_with.payloads));
                ("invocation", shown.to_string())
            }
            None => ("gone", json!({}).to_string()),
        };
        if shown == watched.last {
            return None;
        }
        watched.last.clone_from(&shown);
        let mut text = String::new();
        event(&mut text, name, &shown);
        Some(text)
    }

    fn is_draining(&self) -> bool {
        let refusing = self.engine.admission().refusing;
        refusing.iter().any(|why| matches!(why, Refusing::Draining))
    }
}

fn event(text: &mut String, name: &str, data: &str) {
    // JSON has no line breaks of its own.
    let _written = writeln!(text, "event: {name}\ndata: {data}\n");
}
