//! The admin listener: how the daemon is, and the API that operators steer it through.
//!
//! | path | what |
//! |---|---|
//! | `/metrics` | Prometheus' text format |
//! | `/healthz` | 200 as long as the process runs |
//! | `/readyz` | 200 while new invocations are taken; 503 with the reason while they are not |
//! | `/v1/…` | JSON; `/v1/openapi.json` describes it |
//! | `/console/` | the page for people; `/` leads there |
//!
//! Anything else is a 404. The listener may be up before there is an engine. `/healthz` and
//! `/readyz` are open to all, as the files of the page are; for the rest see [`guard`].

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use invoked_engine::{EngineView, Handle, telemetry as engine_telemetry};
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, mpsc};

use crate::admin::asked::Asked;
use crate::admin::dto::series::Series as Drawn;
use crate::admin::guard::Visitor;
use crate::admin::log_level::LogLevels;
use crate::admin::problem::AdminProblem;
use crate::admin::reload::ReloadWish;
use crate::admin::route::Operation;
use crate::admin::series::Series;
use crate::admin::session::{Sessions, SignIn};
use crate::admin::tokens::{Rights, Role, SharedTokens};
use crate::body::{Room, UnreadBody};
use crate::refused::{self, Refused};
use crate::reply::{Reply, full};
use crate::serve::Respond;
use crate::serve::unread::Unread;

mod about;
mod asked;
mod backup;
mod callbacks;
mod console;
mod destinations;
mod dto;
mod events;
mod functions;
mod guard;
mod invocations;
mod lanes;
pub(crate) mod log_level;
mod openapi;
mod operations;
mod problem;
pub(crate) mod reload;
mod reply;
mod rights;
mod route;
mod series;
mod session;
mod status;
mod tasks;
mod telemetry;
mod time;
pub(crate) mod tokens;
mod why;

pub use about::About;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
/// Who asks where nobody has to say who they are.
const ANYBODY: &str = "anybody on this machine";
/// From one point of the series to the next, in milliseconds.
const STEP_MS: u32 = 5_000;
/// A body of the API, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// From the end of a request's head to the end of its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Those who sign in at a time.
const SIGN_INS_MAX: usize = 8;

/// Renders the metrics, after those of the engine have been published to the recorder.
pub type Render = Arc<dyn Fn(&EngineView) -> String + Send + Sync>;

/// Serves the admin pages. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    shared: Arc<Shared>,
}

struct Shared {
    engine: OnceLock<Handle>,
    render: Render,
    tokens: SharedTokens,
    sessions: Sessions,
    about: About,
    series: Arc<Series>,
    /// Whoever reads the configuration again, if anybody does.
    reloads: OnceLock<mpsc::Sender<ReloadWish>>,
    /// Whoever decides what is logged, if anybody does.
    levels: OnceLock<Arc<dyn LogLevels>>,
    /// Bodies are small: none needs a part of it.
    room: Room,
    /// Places for those who sign in: their bodies are read before it is known who they are.
    sign_ins: Semaphore,
}

impl Admin {
    /// The pages of a daemon that starts. Without tokens they are for whoever is on this machine:
    /// the listener has to be on loopback.
    #[must_use]
    pub fn new(render: Render, tokens: SharedTokens, about: About) -> Self {
        telemetry::describe();
        let shared = Shared {
            engine: OnceLock::new(),
            render,
            tokens,
            sessions: Sessions::default(),
            about,
            series: Arc::default(),
            reloads: OnceLock::new(),
            levels: OnceLock::new(),
            room: Room::of(BODY_BYTES_MAX),
            sign_ins: Semaphore::new(SIGN_INS_MAX),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Keeps the last hour of an engine for the console. Never returns; to be run beside the daemon for as long as it
    /// runs.
    pub async fn sample(self, engine: Handle) {
        Arc::clone(&self.shared.series).sample(engine).await;
    }

    /// The daemon has started: from here on it is ready as long as the engine takes invocations.
    pub fn started(&self, engine: Handle) {
        let _first = self.shared.engine.get_or_init(|| engine);
    }

    /// Somebody reads the configuration again when one of these wishes comes.
    pub fn reloaded_by(&self, wishes: mpsc::Sender<ReloadWish>) {
        let _first = self.shared.reloads.get_or_init(|| wishes);
    }

    /// What is logged is asked of and changed through this.
    pub fn logged_by(&self, levels: Arc<dyn LogLevels>) {
        let _first = self.shared.levels.get_or_init(|| levels);
    }

    fn engine(&self) -> Result<&Handle, AdminProblem> {
        self.shared.engine.get().ok_or(AdminProblem::Starting)
    }

    fn ready(&self) -> Result<Reply, AdminProblem> {
        let engine = self.engine()?;
        let refusing = engine.admission().refusing;
        if refusing.is_empty() {
            return Ok(full(StatusCode::OK, TEXT, "ready\n"));
        }
        let reasons: Vec<_> = refusing.iter().map(ToString::to_string).collect();
        Err(AdminProblem::NotReady { reason: reasons.join("; ") })
    }

    async fn metrics(&self) -> Result<Reply, AdminProblem> {
        let engine = self.engine()?;
        let view = engine.view().await;
        engine_telemetry::publish_store(engine).await;
        let (engine, render) = (engine.clone(), Arc::clone(&self.shared.render));
        // Tens of milliseconds with thousands of functions, which invocations do not wait for.
        let rendered = tokio::task::spawn_blocking(move || {
            engine_telemetry::publish(&engine, &view);
            render(&view) + &engine_telemetry::render_destinations(&engine)
        });
        let text = rendered.await.map_err(|_broken| AdminProblem::Panicked)?;
        Ok(full(StatusCode::OK, PROMETHEUS, text))
    }

    async fn answer(
        &self,
        head: &Parts,
        body: UnreadBody<'_>,
        peer: Option<IpAddr>,
        name: &mut Option<Arc<str>>,
    ) -> Result<Reply, AdminProblem> {
        let path = head.uri.path();
        let page = match path {
            "/healthz" | "/readyz" | "/metrics" if !is_read(&head.method) => {
                return Err(AdminProblem::Method { allowed: "GET, HEAD" });
            }
            "/healthz" => return Ok(full(StatusCode::OK, TEXT, "ok\n")),
            "/readyz" => return self.ready(),
            page => page,
        };
        if console::is_one(page) {
            return console::get(&head.method, page, &head.headers);
        }
        if session::is_one(page) && session::is_change(&head.method) {
            return self.sign(head, body, peer).await;
        }
        let (tokens, sessions) = (self.shared.tokens.current(), &self.shared.sessions);
        let visitor = guard::enter(&head.headers, &tokens, sessions)?;
        name.clone_from(&visitor.name);
        if session::is_one(page) {
            if !is_read(&head.method) {
                return Err(AdminProblem::Method { allowed: session::METHODS });
            }
            return session::get(&visitor, &tokens);
        }
        if page == "/metrics" {
            guard::allow(&visitor, Role::Viewer)?;
            return self.metrics().await;
        }
        let operation = route::find(&head.method, page)?;
        guard::allow(&visitor, operation.role())?;
        if operation.is_change() {
            guard::is_meant(&head.headers)?;
        }
        let asked = Asked::parse(head.uri.query().unwrap_or_default())?;
        let operation_name = operation.name();
        let done = self.perform(operation, asked, head, body, &visitor).await;
        let by = visitor.name.as_deref().unwrap_or(ANYBODY);
        let is_done = done.as_ref().is_ok_and(|reply| reply.status().is_success());
        if is_done && !is_read(&head.method) {
            note(operation_name, path, by);
        }
        done
    }

    #[expect(clippy::too_many_lines, reason = "it is a table")]
    async fn perform(
        &self,
        operation: Operation,
        asked: Asked,
        head: &Parts,
        body: UnreadBody<'_>,
        visitor: &Visitor,
    ) -> Result<Reply, AdminProblem> {
        use Operation as O;

        let by = visitor.name.as_deref().unwrap_or(ANYBODY);
        let may_see = visitor.rights.payloads;

        if operation == O::Describe {
            asked.finish()?;
            return reply::json(StatusCode::OK, &openapi::document());
        }
        if operation == O::Reload {
            return reload::reload(self.shared.reloads.get(), asked, by).await;
        }
        let levels = self.shared.levels.get();
        if operation == O::GetLogLevel {
            return log_level::get(levels, asked);
        }
        if operation == O::SetLogLevel {
            let wish = self.needed(head, body).await?;
            return log_level::put(levels, asked, &wish, by);
        }
        let engine = self.engine()?;
        match operation {
            O::Describe | O::Reload | O::GetLogLevel | O::SetLogLevel => Err(AdminProblem::Path),
            O::Status => status::get(engine, asked).await,
            O::Configuration => about::configuration(&self.shared.about, asked),
            O::Store => about::store(engine, &self.shared.about, asked).await,
            O::Series => series(engine, &self.shared.series, asked),
            O::Events => self.events(engine, asked, head, visitor.rights),
            O::ListInvocations => invocations::list(engine, asked, may_see).await,
            O::GetBackup => backup::get(engine, asked),
            O::BeginBackup => backup::begin(engine, asked, self.needed(head, body).await?).await,
            O::ListFunctions => functions::list(engine, asked),
            O::GetFunction(name) => functions::get(engine, name, asked),
            O::PutFunction(name) => {
                functions::put(engine, name, asked, self.needed(head, body).await?).await
            }
            O::DeleteFunction(name) => functions::delete(engine, name, asked).await,
            O::ListConfigs(name) => functions::configs(engine, name, asked),
            O::CountFunction(name) => lanes::count(engine, name, asked),
            O::PauseFunction(name) => {
                let input: Option<_> = self.input(head, body).await?;
                lanes::pause_function(engine, name, asked, input.unwrap_or_default(), by).await
            }
            O::ResumeFunction(name) => {
                let input: Option<_> = self.input(head, body).await?;
                lanes::resume_function(engine, name, asked, input.unwrap_or_default(), by).await
            }
            O::PurgeFunction(name) => {
                let input: Option<_> = self.input(head, body).await?;
                lanes::purge(engine, name, asked, input.unwrap_or_default(), by).await
            }
            O::StopFunction(name) => {
                let input: Option<_> = self.input(head, body).await?;
                lanes::stop(engine, name, asked, input.unwrap_or_default(), by).await
            }
            O::RetryFunction(name) => {
                let input: Option<_> = self.input(head, body).await?;
                lanes::retry(engine, name, asked, input.unwrap_or_default(), by).await
            }
            O::ListTasks => tasks::list(engine, asked, may_see).await,
            O::GetTask(function, id) => tasks::get(engine, function, &id, asked, may_see).await,
            O::StopTask(function, id) => tasks::stop(engine, function, &id, asked).await,
            O::RetryTask(function, id) => {
                let input: Option<_> = self.input(head, body).await?;
                tasks::retry(engine, function, &id, asked, input.unwrap_or_default()).await
            }
            O::GetInvocation(id) => tasks::invocation(engine, &id, asked, may_see).await,
            O::RetryInvocation(id) => {
                let input: Option<_> = self.input(head, body).await?;
                tasks::retry_invocation(engine, &id, asked, input.unwrap_or_default()).await
            }
            O::ListCallbacks => callbacks::list(engine, asked).await,
            O::GetCallback(id) => callbacks::get(engine, &id, asked, may_see).await,
            O::RedriveCallbacks => {
                operations::redrive(engine, asked, self.needed(head, body).await?, by).await
            }
            O::ListBulk => operations::list(engine, asked),
            O::GetBulk(id) => operations::get(engine, &id, asked),
            O::CancelBulk(id) => operations::cancel(engine, &id, asked).await,
            O::ListDestinations => destinations::list(engine, asked).await,
            O::WhyInvocation(id) => why::invocation(engine, &id, asked, may_see).await,
            O::WhyTask(function, id) => why::task(engine, function, &id, asked, may_see).await,
            O::WhyFunction(name) => why::function(engine, name, asked, may_see).await,
            O::WhyDestination => why::destination(engine, asked).await,
            O::PauseDestination => {
                let input = self.needed(head, body).await?;
                lanes::pause_destination(engine, asked, input, by).await
            }
            O::ResumeDestination => {
                let input = self.needed(head, body).await?;
                lanes::resume_destination(engine, asked, input, by).await
            }
            O::PurgeDestination => {
                let input = self.needed(head, body).await?;
                lanes::purge_destination(engine, asked, input, by).await
            }
            O::ProbeDestination => {
                destinations::probe(engine, asked, self.needed(head, body).await?).await
            }
        }
    }

    /// Begins a session, or ends one.
    async fn sign(
        &self,
        head: &Parts,
        body: UnreadBody<'_>,
        peer: Option<IpAddr>,
    ) -> Result<Reply, AdminProblem> {
        guard::is_of_our_page(&head.headers)?;
        guard::is_meant(&head.headers)?;
        Asked::parse(head.uri.query().unwrap_or_default())?.finish()?;
        let sessions = &self.shared.sessions;
        if head.method == Method::DELETE {
            return Ok(session::end(sessions, head));
        }
        let place = self.shared.sign_ins.try_acquire();
        let _place = place.map_err(|_| AdminProblem::TooManySignIns { after: BODY_TIMEOUT })?;
        let input: SignIn = self.needed(head, body).await?;
        session::begin(sessions, &self.shared.tokens.current(), head, peer, &input)
    }

    /// Events, for as long as whoever reads them would be let in.
    fn events(
        &self,
        engine: &Handle,
        asked: Asked,
        head: &Parts,
        began_with: Rights,
    ) -> Result<Reply, AdminProblem> {
        let (admin, headers) = (self.clone(), head.headers.clone());
        let rights = move || {
            let shared = &admin.shared;
            guard::rights_now(&headers, &shared.tokens.current(), &shared.sessions)
        };
        events::stream(engine, &self.shared.series, asked, began_with, rights)
    }

    /// The body, read; it has to be there.
    async fn needed<T: DeserializeOwned>(
        &self,
        head: &Parts,
        body: UnreadBody<'_>,
    ) -> Result<T, AdminProblem> {
        let input = self.input(head, body).await?;
        input.ok_or_else(|| AdminProblem::Json { problem: "it is empty".into() })
    }

    /// The body, read; `None` if it is empty or null.
    async fn input<T: DeserializeOwned>(
        &self,
        head: &Parts,
        body: UnreadBody<'_>,
    ) -> Result<Option<T>, AdminProblem> {
        let body = body.read(BODY_BYTES_MAX, BODY_TIMEOUT, &self.shared.room).await?;
        if body.bytes.is_empty() {
            return Ok(None);
        }
        if !head.headers.get(CONTENT_TYPE).is_none_or(is_json) {
            return Err(AdminProblem::MediaType);
        }
        // Serde takes a list for a struct.
        if body.bytes.trim_ascii_start().starts_with(b"[") {
            return Err(AdminProblem::Json { problem: "it is a list, not an object".to_owned() });
        }
        serde_json::from_slice(&body.bytes)
            .map_err(|error| AdminProblem::Json { problem: error.to_string() })
    }
}

/// Shows the last hour: what came, what was tried, what was told.
#[utoipa::path(
    get,
    path = "/v1/series",
    operation_id = "getSeries",
    tag = "console",
    responses((status = 200, description = "The last hour.", body = Drawn), openapi::Common)
)]
fn series(engine: &Handle, series: &Arc<Series>, asked: Asked) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let mut drawn = Drawn::of(series.points());
    drawn.step_ms = STEP_MS;
    drawn.destinations = series.destinations(engine);
    drawn.budget = series.budget();
    reply::json(StatusCode::OK, &drawn)
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn is_json(content_type: &HeaderValue) -> bool {
    let text = content_type.to_str().unwrap_or_default();
    let essence = text.split_once(';').map_or(text, |(essence, _)| essence);
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// Leaves a trace of who changed what.
fn note(operation: &str, path: &str, by: &str) {
    tracing::info!(event = "admin_changed", operation, path, by, "changed through the admin API");
}

impl Respond for Admin {
    async fn respond(&self, request: Request<Incoming>, unread: &Unread) -> Reply {
        let (head, body) = request.into_parts();
        let body = UnreadBody::new(body, &head.headers, unread);
        let mut by = None;
        let answered = self.answer(&head, body, unread.peer(), &mut by).await;
        let mut reply = answered.unwrap_or_else(|problem| problem.reply());
        if reply.extensions().get::<Refused>().is_some() {
            let operation = route::find(&head.method, head.uri.path()).ok();
            let operation = operation.map(|operation| operation.name());
            refused::note_admin(&mut reply, &head, operation, by.as_ref(), unread.peer());
        }
        reply
    }

    fn panicked(&self) -> Reply {
        AdminProblem::Panicked.reply()
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("tokens", &self.shared.tokens).finish_non_exhaustive()
    }
}
