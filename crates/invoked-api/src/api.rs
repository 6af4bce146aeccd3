//! The Function Compute API: from a request to an answer.
//!
//! A request is routed by its path; by its head alone it is decided whether the daemon takes new work
//! (`overload.rs`), and [`Api::admit`] decides who makes it and whether they may; only then its body is read as far as its operation allows, and the operation does the
//! rest. [`Call`] is the request when it is whole.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, Request};
use hyper::body::Incoming;
use invoked_core::id::RequestId;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier, ServiceName};
use invoked_engine::{Handle, ServiceKey};
use invoked_fc::argument::InvalidArgument;
use invoked_fc::dto::Shape;
use invoked_fc::headers::values::InvocationType;
use invoked_fc::query::{Page, Query};
use invoked_fc::route::{self, FunctionPath, Operation, Route};
use invoked_fc::sign::Form;

use crate::auth::action::asked;
use crate::auth::{Auth, AuthConfig, AuthError};
use crate::body::{Body, Room, UnreadBody};
use crate::caller::Caller;
use crate::dispatch::body_max;
use crate::ids::RequestIds;
use crate::problem::Problem;
use crate::reply::{REQUEST_ID, Reply, id_value};
use crate::serve::Respond;
use crate::serve::unread::Unread;
use crate::telemetry::Accepts;
use crate::{invoke, proxy, refused};

/// How requests are read.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct ApiConfig {
    /// From the end of a request's head to the end of its body.
    pub body_timeout: Duration,
    /// Bytes that bodies over 128 KiB may hold together; more are told to try again.
    pub large_bodies_bytes: usize,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self { body_timeout: Duration::from_secs(30), large_bodies_bytes: 256 * 1024 * 1024 }
    }
}

/// Serves the Function Compute API. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Handle,
    reading: RwLock<Arc<Reading>>,
    auth: Auth,
    ids: RequestIds,
    changes: tokio::sync::Mutex<()>,
    accepts: Accepts,
}

/// How bodies are read, and the memory for them. Replaced whole; a body that is read keeps what it began with.
struct Reading {
    config: ApiConfig,
    room: Room,
}

impl Reading {
    fn of(config: ApiConfig) -> Arc<Self> {
        Arc::new(Self { config, room: Room::of(config.large_bodies_bytes) })
    }
}

/// A request, whole.
pub(crate) struct Call<'a> {
    /// Method, path and query as they were sent, and the headers.
    pub(crate) head: &'a Parts,
    /// In whose words it is answered.
    pub(crate) shape: Shape,
    /// The query, read.
    pub(crate) query: Query,
    /// The body; empty where the operation has none.
    pub(crate) body: Bytes,
    /// Who makes it.
    pub(crate) caller: Caller,
}

impl Call<'_> {
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The function that the request's path names, of the caller's account.
    pub(crate) fn function(&self, path: &FunctionPath) -> Result<FunctionKey, Problem> {
        let name = FunctionName::parse(&path.name)?;
        Ok(FunctionKey { account: Arc::clone(&self.caller.account), name })
    }

    /// The service of this name, of the caller's account.
    pub(crate) fn service(&self, name: &str) -> Result<ServiceKey, Problem> {
        let name = ServiceName::parse(name)?;
        Ok(ServiceKey { account: Arc::clone(&self.caller.account), name })
    }

    /// Where a list begins: where the page before ended, or where the request says.
    pub(crate) fn start<'p>(&'p self, page: &'p Page) -> Option<&'p str> {
        page.next_token.as_deref().or_else(|| self.query.text("startKey"))
    }

    /// The qualifier of the request, for a function that its path names.
    pub(crate) fn qualifier(&self, path: &FunctionPath) -> Result<Qualifier, Problem> {
        Ok(Qualifier::parse(path.qualifier(&self.query))?)
    }
}

/// A header's text; nothing if it is absent.
pub(crate) fn header<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<Option<&'a str>, InvalidArgument> {
    let expected = "visible ASCII characters";
    let text = |value: &'a HeaderValue| {
        value.to_str().map_err(|_| InvalidArgument::Header { name, expected })
    };
    headers.get(name).map(text).transpose()
}

impl Api {
    /// The API of an engine, open to whoever can connect.
    #[must_use]
    pub fn new(engine: Handle, config: ApiConfig) -> Self {
        Self::guarded(engine, config, Auth::new(AuthConfig::Off))
    }

    /// The API of an engine, for those whom `auth` admits.
    #[must_use]
    pub fn guarded(engine: Handle, config: ApiConfig, auth: Auth) -> Self {
        Self {
            shared: Arc::new(Shared {
                engine,
                reading: RwLock::new(Reading::of(config)),
                auth,
                ids: RequestIds::default(),
                changes: tokio::sync::Mutex::new(()),
                accepts: Accepts::default(),
            }),
        }
    }

    /// From here on reads requests so. Bodies that are being read go on as they began.
    pub fn replace(&self, config: ApiConfig) {
        if self.reading().config != config {
            let reading = Reading::of(config);
            *self.shared.reading.write().unwrap_or_else(PoisonError::into_inner) = reading;
        }
    }

    fn reading(&self) -> Arc<Reading> {
        Arc::clone(&self.shared.reading.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn engine(&self) -> &Handle {
        &self.shared.engine
    }

    /// Held by whoever reads a resource in order to change it.
    pub(crate) async fn changing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.shared.changes.lock().await
    }

    fn next_id(&self) -> RequestId {
        self.shared.ids.next(self.shared.engine.now())
    }

    /// Whether those who call have to say who they are.
    pub(crate) fn is_guarded(&self) -> bool {
        self.shared.auth.is_on()
    }

    async fn answer(
        &self,
        head: &Parts,
        body: UnreadBody<'_>,
        account: &mut Option<Arc<str>>,
    ) -> Result<Reply, Problem> {
        let route = route::parse(head.method.as_str(), head.uri.path())?;
        let is_accept = is_accept(&route.operation, head);
        let answered = self.answer_to(&route, head, body, account).await;
        if is_accept {
            self.shared.accepts.note(answered.as_ref().err());
        }
        answered
    }

    async fn answer_to(
        &self,
        route: &Route,
        head: &Parts,
        body: UnreadBody<'_>,
        account: &mut Option<Arc<str>>,
    ) -> Result<Reply, Problem> {
        self.has_room(head, &route.operation)?;
        let caller = self.admit(head, &route.operation).map_err(|error| self.refused(error))?;
        *account = Some(Arc::clone(&caller.account));
        let reading = self.reading();
        let body = match body_max(&route.operation, head)? {
            Some(limit) => {
                let read = body.read(limit, reading.config.body_timeout, &reading.room);
                let body = read.await.map_err(|error| proxy::of_body(&route.operation, error))?;
                let checked = self.shared.auth.check_body(head, &body.bytes);
                checked.map_err(|error| self.refused(error))?;
                body
            }
            None => Body::default(),
        };
        // The body's part of the memory is held until there is an answer.
        let Body { bytes: body, part: _part } = body;
        let query = Query::parse(head.uri.query().unwrap_or_default());
        let shape = Shape::of(route.version);
        self.perform(&route.operation, Call { head, shape, query, body, caller }).await
    }

    /// Who makes a request, if they may do this.
    fn admit(&self, head: &Parts, operation: &Operation) -> Result<Caller, AuthError> {
        let own = self.engine().identity();
        let caller = self.shared.auth.admit(head, form(operation), own, self.engine().now())?;
        caller.check(asked(operation))?;
        Ok(caller)
    }

    /// Lets strangers wait while there are too many of them, and reads little more of what they send.
    async fn hold_back(&self, problem: &Problem, unread: &Unread) {
        let Problem::Auth(error) = problem else { return };
        let held_back = self.shared.auth.held_back(error, self.engine().now());
        if !held_back.is_zero() {
            unread.cut_short();
            tokio::time::sleep(held_back).await;
        }
    }

    /// A refusal for who made a request: counted here, told to them like any other.
    pub(crate) fn refused(&self, error: AuthError) -> Problem {
        self.shared.auth.report(&error, self.engine().now());
        error.into()
    }
}

/// Whether a request asks for an asynchronous invocation.
fn is_accept(operation: &Operation, head: &Parts) -> bool {
    matches!(operation, Operation::InvokeFunction(_) | Operation::Proxy { .. })
        && matches!(
            invoke::invocation_type(&head.headers),
            Ok(InvocationType::Async | InvocationType::Task)
        )
}

/// Requests to HTTP functions are signed like those to HTTP triggers, which leave more out.
const fn form(operation: &Operation) -> Form {
    if matches!(operation, Operation::Proxy { .. }) { Form::HttpTrigger } else { Form::Api }
}

impl Respond for Api {
    async fn respond(&self, request: Request<Incoming>, unread: &Unread) -> Reply {
        let (head, body) = request.into_parts();
        let body = UnreadBody::new(body, &head.headers, unread);
        let mut account = None;
        let mut reply = match self.answer(&head, body, &mut account).await {
            Ok(reply) => reply,
            Err(problem) => {
                self.hold_back(&problem, unread).await;
                problem.reply(self.next_id())
            }
        };
        refused::note_fc(&mut reply, &head, account.as_deref(), unread.peer());
        let headers = reply.headers_mut();
        if !headers.contains_key(REQUEST_ID) {
            headers.insert(REQUEST_ID, id_value(self.next_id()));
        }
        if is_followed_by_a_stray_body(&head) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }

    fn panicked(&self) -> Reply {
        Problem::Panicked.reply(self.next_id())
    }
}

/// Some Node clients send `{}` after a DELETE without saying so. It would be read as the next
/// request, so there is none.
fn is_followed_by_a_stray_body(head: &Parts) -> bool {
    head.method == Method::DELETE
        && !head.headers.contains_key(CONTENT_LENGTH)
        && !head.headers.contains_key(TRANSFER_ENCODING)
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("config", &self.reading().config).finish_non_exhaustive()
    }
}
