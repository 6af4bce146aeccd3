//! HTTP functions: a request of any method is passed on, and the function's answer is passed back;
//! or it is accepted, and passed on later.
//!
//! Synchronously nothing is changed but the headers that may not pass (see
//! [`invoked_fc::headers::forwarding`]) and the ones that are ours. Asynchronously the request is
//! kept as an event ([`invoked_fc::http_event`]), which is what a task's record shows.

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, SET_COOKIE,
    USER_AGENT,
};
use http::request::Parts;
use http::{Method, Request, Uri};
use invoked_core::directory::FunctionKind;
use invoked_core::fault::Fault;
use invoked_core::id::RequestId;
use invoked_core::life::Verdict;
use invoked_core::limits::{ASYNC_PAYLOAD_MAX, SYNC_PAYLOAD_MAX};
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_engine::HttpAnswer;
use invoked_fc::headers;
use invoked_fc::headers::forwarding::{self, is_named_by, reaches_caller, reaches_function};
use invoked_fc::headers::values::{InvocationType, LogType};
use invoked_fc::http_event::{HttpEvent, RequestContext, climbs};
use invoked_fc::route::{FunctionPath, Operation};

use crate::api::{Api, Call, header};
use crate::body::BodyError;
use crate::invoke::{self, ERROR_TYPE, accepted, invocation_type, said, told};
use crate::problem::Problem;
use crate::reply::{Reply, visible};

/// Names and values of headers together, in bytes, each way. FC contract: 8 KB.
const HEADER_BYTES_MAX: usize = 8 * 1024;
/// The function's path with its query, in bytes. FC contract: 4 KB.
const PATH_BYTES_MAX: usize = 4 * 1024;

const STATUS: HeaderName = HeaderName::from_static(headers::STATUS);

/// A request to an HTTP function, or its answer, cannot be passed on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    /// A part of the request is too large. The names are those of the contract.
    #[error("the {what} of a request to an HTTP function must not exceed {limit} bytes")]
    TooLarge { what: &'static str, limit: usize },
    /// The path leads out of the function's own.
    #[error("the path of a request to an HTTP function must not hold '..' as a segment")]
    Climbs,
    /// They do not make a URI.
    #[error("the path and query of the request cannot be passed on")]
    Uri,
    /// An event is text.
    #[error("header '{name}' is invalid: expected UTF-8 in an asynchronous request")]
    NoText { name: HeaderName },
    /// The function takes other requests.
    #[error("{} is an event function; invoke it with InvokeFunction", function.called())]
    NotHttp { function: FunctionName },
    /// The function is called over HTTP alone.
    #[error(
        "{} is an HTTP function; send it the request itself, \
         under /2016-08-15/proxy/{{service}}/{{function}}/ or /2023-03-30/proxy/{{function}}/",
        function.called()
    )]
    NotEvent { function: FunctionName },
    /// The function ran, but there is no whole answer.
    #[error("{}", fault.message)]
    Failed { fault: Fault },
    /// The function wants to go on in another protocol.
    #[error("the function's answer has the status {status}, which cannot be passed back")]
    AnswerStatus { status: StatusCode },
    /// The function's answer has too many headers.
    #[error("the headers of the function's answer exceed {HEADER_BYTES_MAX} bytes")]
    AnswerHeaders,
}

/// How much of a body a request to an HTTP function may have, if the rest of it may be passed on.
pub(crate) fn body_max(head: &Parts, path: &str) -> Result<usize, Problem> {
    let bytes: usize =
        head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > HEADER_BYTES_MAX {
        let limit = HEADER_BYTES_MAX;
        return Err(ProxyError::TooLarge { what: "headers", limit }.into());
    }
    if path.len() + head.uri.query().map_or(0, |query| 1 + query.len()) > PATH_BYTES_MAX {
        let limit = PATH_BYTES_MAX;
        return Err(ProxyError::TooLarge { what: "path and query", limit }.into());
    }
    if climbs(path) {
        return Err(ProxyError::Climbs.into());
    }
    Ok(match invocation_type(&head.headers)? {
        InvocationType::Sync => SYNC_PAYLOAD_MAX,
        InvocationType::Async | InvocationType::Task => ASYNC_PAYLOAD_MAX,
    })
}

/// What a body that does not read means: of a request to an HTTP function, one too large is an
/// argument as any other.
pub(crate) fn of_body(operation: &Operation, error: BodyError) -> Problem {
    match (operation, error) {
        (Operation::Proxy { .. }, BodyError::TooLarge { limit }) => {
            ProxyError::TooLarge { what: "body", limit }.into()
        }
        (_, error) => error.into(),
    }
}

impl Api {
    pub(crate) async fn proxy(
        &self,
        function: &FunctionPath,
        path: &str,
        call: Call<'_>,
    ) -> Result<Reply, Problem> {
        let name = call.function(function)?;
        self.has_kind(&name, FunctionKind::Http)?;
        // The query is the function's own: no qualifier is taken from it.
        let qualifier = Qualifier::parse(function.qualifier.as_deref().unwrap_or_default())?;
        let Call { head, body, caller, .. } = call;
        match invocation_type(&head.headers)? {
            InvocationType::Sync => {
                let logs = LogType::parse(header(&head.headers, headers::LOG_TYPE)?)?;
                let request = invoke::plain(name, qualifier, &head.headers, body)?;
                let passed = passed_on(head, path)?;
                let answer = self.engine().request_sync(request, &passed).await?;
                Ok(passed_back(answer, &head.method, logs))
            }
            kind @ (InvocationType::Async | InvocationType::Task) => {
                let payload = self.event(head, path, body, &caller.account)?;
                let request = invoke::plain(name, qualifier, &head.headers, payload)?;
                let request = invoke::later(request, kind, &head.headers)?;
                Ok(accepted(&self.engine().invoke_async(request).await?))
            }
        }
    }

    /// Refuses a function that takes requests of another kind. One that does not exist is refused
    /// by the engine.
    pub(crate) fn has_kind(
        &self,
        function: &FunctionKey,
        kind: FunctionKind,
    ) -> Result<(), ProxyError> {
        let directory = self.engine().directory();
        match directory.find(function).map(|found| (found.kind, kind)) {
            None
            | Some(
                (FunctionKind::Event, FunctionKind::Event)
                | (FunctionKind::Http, FunctionKind::Http),
            ) => Ok(()),
            Some((FunctionKind::Event, FunctionKind::Http)) => {
                Err(ProxyError::NotHttp { function: function.name.clone() })
            }
            Some((FunctionKind::Http, FunctionKind::Event)) => {
                Err(ProxyError::NotEvent { function: function.name.clone() })
            }
        }
    }

    /// The request as it is kept.
    fn event(
        &self,
        head: &Parts,
        path: &str,
        body: Bytes,
        account_id: &str,
    ) -> Result<Bytes, Problem> {
        let engine = self.engine();
        let text = |name: &HeaderName| {
            let value = head.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default()
        };
        let event = event(head, path, body)?.encode(&RequestContext {
            account_id,
            host: text(&HOST),
            user_agent: text(&USER_AGENT),
            unix_ms: engine.now().millis(),
        });
        let event = event.map_err(Problem::Render)?;
        if event.len() > ASYNC_PAYLOAD_MAX {
            let limit = ASYNC_PAYLOAD_MAX;
            return Err(ProxyError::TooLarge { what: "event", limit }.into());
        }
        Ok(Bytes::from(event.into_boxed_slice()))
    }
}

fn event(head: &Parts, path: &str, body: Bytes) -> Result<HttpEvent, ProxyError> {
    let mut headers = Vec::new();
    for name in head.headers.keys().filter(|name| is_passed(&head.headers, name, reaches_function))
    {
        let values =
            head.headers.get_all(name).iter().filter_map(|value| value_passed(name, value));
        let text = |value: Cow<'_, HeaderValue>| {
            Some(std::str::from_utf8(value.as_bytes()).ok()?.to_owned())
        };
        let values: Option<Vec<_>> = values.map(text).collect();
        let values = values.ok_or_else(|| ProxyError::NoText { name: name.clone() })?;
        if values.is_empty() {
            continue;
        }
        headers.push((name.as_str().to_owned(), values));
    }
    Ok(HttpEvent {
        method: head.method.as_str().to_owned(),
        path: path.to_owned(),
        query: query(head).map(String::from),
        headers,
        body,
    })
}

/// The request as the function sees it.
fn passed_on(head: &Parts, path: &str) -> Result<Parts, ProxyError> {
    let uri = match query(head) {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::try_from(uri).map_err(|_| ProxyError::Uri)?;
    let passed = head.headers.iter();
    let passed = passed.filter(|(name, _)| is_passed(&head.headers, name, reaches_function));
    for (name, value) in passed {
        if let Some(value) = value_passed(name, value) {
            request.headers_mut().append(name, value.into_owned());
        }
    }
    Ok(request.into_parts().0)
}

/// The function's query: nothing if there was none, or nothing else but a signature.
fn query(head: &Parts) -> Option<Cow<'_, str>> {
    let sent = head.uri.query()?;
    let query = forwarding::query(sent);
    (sent.is_empty() || !query.is_empty()).then_some(query)
}

/// What a function sees of a header's value, if anything.
fn value_passed<'a>(name: &HeaderName, value: &'a HeaderValue) -> Option<Cow<'a, HeaderValue>> {
    if name != COOKIE {
        return Some(Cow::Borrowed(value));
    }
    match forwarding::cookies(value.as_bytes())? {
        Cow::Borrowed(_) => Some(Cow::Borrowed(value)),
        // A part of a value is one.
        Cow::Owned(kept) => HeaderValue::from_bytes(&kept).ok().map(Cow::Owned),
    }
}

fn is_passed(headers: &HeaderMap, name: &HeaderName, reaches: fn(&str) -> bool) -> bool {
    let is_of_connection = |value: &HeaderValue| {
        value.to_str().is_ok_and(|connection| is_named_by(connection, name.as_str()))
    };
    reaches(name.as_str()) && !headers.get_all(CONNECTION).iter().any(is_of_connection)
}

/// The function's answer, as the caller sees it.
fn passed_back(answer: HttpAnswer, method: &Method, logs: LogType) -> Reply {
    let HttpAnswer { request_id, answer, took } = answer;
    let response = match answer {
        Ok(response) => response,
        Err(answer) => return failed(answer.verdict, said(answer.fault), request_id),
    };
    let (head, body) = response.into_parts();
    if head.status.is_informational() {
        return Problem::from(ProxyError::AnswerStatus { status: head.status }).reply(request_id);
    }
    let mut size = 0;
    let mut reply = Reply::new(body.into());
    *reply.status_mut() = head.status;
    for (name, value) in &head.headers {
        size += name.as_str().len() + value.len();
        // The length is the body's own, unless there is none; and nobody signs others in to the console.
        let is_length = name == CONTENT_LENGTH && method != Method::HEAD;
        let is_session = name == SET_COOKIE && forwarding::is_session(value.as_bytes());
        if !is_length && !is_session && is_passed(&head.headers, name, reaches_caller) {
            reply.headers_mut().append(name, value.clone());
        }
    }
    if size > HEADER_BYTES_MAX {
        return Problem::from(ProxyError::AnswerHeaders).reply(request_id);
    }
    told(reply.headers_mut(), request_id, took, logs);
    let status = head.headers.get(STATUS);
    if status.is_some_and(|status| status.as_bytes().trim_ascii() != b"200") {
        reply.headers_mut().insert(ERROR_TYPE, visible("InvocationError"));
    }
    reply
}

/// Without a whole answer of the function there is none that could be passed back.
fn failed(verdict: Verdict, fault: Fault, id: RequestId) -> Reply {
    match verdict {
        Verdict::FunctionError | Verdict::Succeeded => {
            let error_type = visible(&fault.code);
            let mut reply = Problem::from(ProxyError::Failed { fault }).reply(id);
            reply.headers_mut().insert(ERROR_TYPE, error_type);
            reply
        }
        Verdict::Unavailable { .. } | Verdict::Refused | Verdict::Gone => {
            Problem::NotRun { verdict, fault }.reply(id)
        }
    }
}
