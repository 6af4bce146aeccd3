//! InvokeFunction: a payload in, a 202 or the function's answer out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use invoked_core::directory::FunctionKind;
use invoked_core::fault::Fault;
use invoked_core::id::RequestId;
use invoked_core::life::Verdict;
use invoked_core::limits::LINEAGE_DEPTH_MAX;
use invoked_core::name::{FunctionKey, Qualifier, TaskId};
use invoked_core::shard::Accepted;
use invoked_core::trace::{TRACEPARENT, TRACESTATE, TraceContext};
use invoked_engine::{InvokeRequest, SyncAnswer, TaskWish};
use invoked_fc::argument::InvalidArgument;
use invoked_fc::headers;
use invoked_fc::headers::values::{
    InvocationType, LogType, parse_async_delay, parse_stateful_enable, parse_task_id,
};
use invoked_fc::route::FunctionPath;

use crate::api::{Api, Call, header};
use crate::problem::Problem;
use crate::reply::{REQUEST_ID, Reply, empty, full, id_value, visible};

const ASYNC_TASK_ID: HeaderName = HeaderName::from_static(headers::ASYNC_TASK_ID);
const STATEFUL_ID: HeaderName = HeaderName::from_static(headers::STATEFUL_ASYNC_INVOCATION_ID);
pub(crate) const ERROR_TYPE: HeaderName = HeaderName::from_static(headers::ERROR_TYPE);
const DURATION: HeaderName = HeaderName::from_static(headers::INVOCATION_DURATION);
const CODE_CHECKSUM: HeaderName = HeaderName::from_static(headers::CODE_CHECKSUM);
const INSTANCE_ID: HeaderName = HeaderName::from_static(headers::INSTANCE_ID);
const MAX_MEMORY: HeaderName = HeaderName::from_static(headers::MAX_MEMORY_USAGE);
const SERVICE_VERSION: HeaderName = HeaderName::from_static(headers::INVOCATION_SERVICE_VERSION);
const CODE_VERSION: HeaderName = HeaderName::from_static(headers::INVOCATION_CODE_VERSION);
const LOG_RESULT: HeaderName = HeaderName::from_static(headers::LOG_RESULT);
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// How an invocation is to be answered.
pub(crate) fn invocation_type(headers: &HeaderMap) -> Result<InvocationType, InvalidArgument> {
    InvocationType::parse(header(headers, headers::INVOCATION_TYPE)?)
}

impl Api {
    pub(crate) async fn invoke(
        &self,
        function: &FunctionPath,
        call: Call<'_>,
    ) -> Result<Reply, Problem> {
        let headers = &call.head.headers;
        let (function, qualifier) = (call.function(function)?, call.qualifier(function)?);
        self.has_kind(&function, FunctionKind::Event)?;
        let kind = invocation_type(headers)?;
        let request = plain(function, qualifier, headers, call.body)?;
        match kind {
            InvocationType::Sync => {
                let logs = LogType::parse(header(headers, headers::LOG_TYPE)?)?;
                let version = visible(request.qualifier.as_str());
                let answer = self.engine().invoke_sync(request).await?;
                Ok(answered(answer, logs, version))
            }
            InvocationType::Async | InvocationType::Task => {
                let request = later(request, kind, headers)?;
                Ok(accepted(&self.engine().invoke_async(request).await?))
            }
        }
    }
}

/// What every invocation has.
pub(crate) fn plain(
    function: FunctionKey,
    qualifier: Qualifier,
    headers: &HeaderMap,
    payload: Bytes,
) -> Result<InvokeRequest, InvalidArgument> {
    Ok(InvokeRequest {
        function,
        qualifier,
        depth: depth(headers)?,
        trace: trace(headers),
        delay: Duration::ZERO,
        task_id: None,
        task: TaskWish::AsConfigured,
        payload,
    })
}

/// With what an asynchronous one has besides.
pub(crate) fn later(
    request: InvokeRequest,
    kind: InvocationType,
    headers: &HeaderMap,
) -> Result<InvokeRequest, InvalidArgument> {
    Ok(InvokeRequest {
        delay: parse_async_delay(header(headers, headers::ASYNC_DELAY)?)?,
        task_id: task_id(headers)?,
        task: task_wish(kind, headers)?,
        ..request
    })
}

/// Both names are read in every version; the newer one goes first.
fn task_id(headers: &HeaderMap) -> Result<Option<TaskId>, InvalidArgument> {
    for name in [headers::ASYNC_TASK_ID, headers::STATEFUL_ASYNC_INVOCATION_ID] {
        if let Some(id) = parse_task_id(name, header(headers, name)?)? {
            return Ok(Some(TaskId::trusted(id)));
        }
    }
    Ok(None)
}

fn task_wish(kind: InvocationType, headers: &HeaderMap) -> Result<TaskWish, InvalidArgument> {
    let enable =
        parse_stateful_enable(header(headers, headers::STATEFUL_ASYNC_INVOCATION_ENABLE)?)?;
    Ok(match (kind, enable) {
        (InvocationType::Task, _) | (_, Some(true)) => TaskWish::Task,
        (InvocationType::Sync | InvocationType::Async, Some(false)) => TaskWish::Plain,
        (InvocationType::Sync | InvocationType::Async, None) => TaskWish::AsConfigured,
    })
}

/// Hand-overs before this one. A longer chain than any that a daemon lets pass is not ours.
fn depth(headers: &HeaderMap) -> Result<u8, InvalidArgument> {
    let Some(text) = header(headers, headers::LINEAGE)? else { return Ok(0) };
    let depth = text.trim().parse().ok().filter(|depth| *depth <= LINEAGE_DEPTH_MAX);
    depth.ok_or(InvalidArgument::Header {
        name: headers::LINEAGE,
        expected: "a whole number from 0 to 16",
    })
}

/// The place in a trace that the caller names; one that cannot be read is passed over, as W3C Trace
/// Context asks (2.2.4). The lines of a list are put together.
fn trace(headers: &HeaderMap) -> Option<Arc<TraceContext>> {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let parent = parents.next()?.to_str().ok().filter(|_| parents.next().is_none())?;
    let state: Result<Vec<_>, _> =
        headers.get_all(TRACESTATE).iter().map(HeaderValue::to_str).collect();
    let state = state.ok().map(|lines| lines.join(","));
    TraceContext::parse(parent.trim(), state.as_deref()).map(Arc::new)
}

/// The 202. Of a plain invocation, the task id is the request id.
pub(crate) fn accepted(accepted: &Accepted) -> Reply {
    let id = id_value(accepted.request_id);
    let task = accepted.task.as_ref().map_or_else(|| id.clone(), |task| visible(task.as_str()));
    let mut reply = empty(StatusCode::ACCEPTED);
    let headers = reply.headers_mut();
    headers.insert(ASYNC_TASK_ID, task.clone());
    headers.insert(STATEFUL_ID, task);
    headers.insert(REQUEST_ID, id);
    reply
}

/// What a synchronous invocation came to. A function that failed did answer: that is a 200.
fn answered(answered: SyncAnswer, logs: LogType, version: HeaderValue) -> Reply {
    let SyncAnswer { request_id, answer, took } = answered;
    let fault = said(answer.fault);
    let error_type = match answer.verdict {
        Verdict::Succeeded => None,
        Verdict::FunctionError => Some(visible(&fault.code)),
        Verdict::Unavailable { .. } | Verdict::Refused | Verdict::Gone => {
            return Problem::NotRun { verdict: answer.verdict, fault }.reply(request_id);
        }
    };
    let mut reply = full(StatusCode::OK, BYTES, answer.body);
    told(reply.headers_mut(), request_id, took, logs);
    let headers = reply.headers_mut();
    // What clients read and the daemon does not know: it keeps no code and owns no instances.
    headers.insert(CODE_CHECKSUM, HeaderValue::from_static(""));
    headers.insert(INSTANCE_ID, HeaderValue::from_static(""));
    headers.insert(MAX_MEMORY, HeaderValue::from(0));
    headers.insert(SERVICE_VERSION, version.clone());
    headers.insert(CODE_VERSION, version);
    if let Some(error_type) = error_type {
        reply.headers_mut().insert(ERROR_TYPE, error_type);
    }
    reply
}

/// What a failure has to say.
pub(crate) fn said(fault: Option<Fault>) -> Fault {
    fault.unwrap_or_else(|| Fault::new("InvocationError", "", 200))
}

/// What the headers tell of every synchronous invocation.
pub(crate) fn told(headers: &mut HeaderMap, id: RequestId, took: Duration, logs: LogType) {
    headers.insert(REQUEST_ID, id_value(id));
    let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    headers.insert(DURATION, HeaderValue::from(took));
    if logs == LogType::Tail {
        // Functions are processes of their own: their logs never come this way.
        headers.insert(LOG_RESULT, HeaderValue::from_static(""));
    }
}

#[cfg(test)]
mod tests;
