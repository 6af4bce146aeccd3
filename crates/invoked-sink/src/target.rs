//! Calling a function.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use invoked_core::directory::FunctionKind;
use invoked_core::fault::Fault;
use invoked_core::id::{Attempt, RequestId};
use invoked_core::life::Verdict;
use invoked_core::name::{FunctionName, Qualifier};
use invoked_core::trace::TraceContext;

/// Where a function lives and how it is called.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TargetSpec {
    /// Its name.
    pub function: FunctionName,
    /// Its account.
    pub account: Arc<str>,
    /// The daemon's region.
    pub region: Arc<str>,
    /// What requests it takes.
    pub kind: FunctionKind,
    /// Where it lives.
    pub address: TargetAddress,
    /// Who said so.
    pub named_by: NamedBy,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// How a status without `x-fc-status` reads.
    pub status: StatusRule,
    /// Whether `POST /initialize` comes before the first request.
    pub initialize: bool,
    /// The handler's name, sent along as `x-fc-function-handler`.
    pub handler: Arc<str>,
    /// Memory in MB, sent along as `x-fc-function-memory`.
    pub memory_mb: u32,
}

/// Who said where a function lives. What may be reached depends on it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum NamedBy {
    /// The operator, in the configuration file.
    Operator,
    /// A client, through the API: only what `egress.allow` covers.
    Client,
}

/// Where a function lives.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TargetAddress {
    /// A process that speaks the custom-runtime protocol: `POST {url}/invoke`.
    Runtime {
        /// `http://` or `https://`, without a trailing slash.
        url: Arc<str>,
    },
    /// A function of a remote Function Compute, or of another `invoked`.
    Remote {
        /// The entry of `[sinks.fc]` with endpoint and credentials.
        instance: Arc<str>,
        /// Its name there.
        function: FunctionName,
        /// Version or alias there.
        qualifier: Qualifier,
    },
}

/// How an answer without `x-fc-status` reads.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum StatusRule {
    /// The HTTP status counts, as users of plain HTTP functions expect.
    #[default]
    Header,
    /// Only `x-fc-status` counts, as in the cloud.
    Ignore,
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct Attempted {
    /// The function.
    pub target: Arc<TargetSpec>,
    /// Version or alias.
    pub qualifier: Qualifier,
    /// Constant over all attempts.
    pub request_id: RequestId,
    /// Which attempt. Travels as `x-invoked-attempt`.
    pub attempt: Attempt,
    /// Hand-overs from function to function before this one. Travels as `x-invoked-lineage`.
    pub depth: u8,
    /// The trace it belongs to. Travels as `traceparent` and `tracestate`.
    pub trace: Option<Arc<TraceContext>>,
    /// The event. Of an HTTP function: an HTTP request as an event for [`Target::invoke`], its body
    /// for [`Target::request`].
    pub payload: Bytes,
    /// Bytes of an answer that are taken; a larger one is a function error that names the limit.
    pub result_max: usize,
}

/// What an attempt came to.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What it means.
    pub verdict: Verdict,
    /// What there is to say, unless it succeeded. A function error has status 200 and the error's
    /// type as its code; a system error has the HTTP status, or 0 where there was none.
    pub fault: Option<Fault>,
    /// The function's answer; for a failure without one, a JSON object with an `errorMessage`.
    pub body: Bytes,
}

impl Answer {
    /// The code of what there is to say.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.fault.as_ref().map(|fault| &*fault.code)
    }
}

/// Method, path with query, and headers of a request to an HTTP function. The path is the
/// function's own; the headers are those of the caller that a function may see.
pub type HttpHead = http::request::Parts;

/// What an HTTP function answered.
pub type HttpResponse = http::Response<Bytes>;

/// A way to call functions.
///
/// # Contract
///
/// - The answer's verdict follows the table "How does a function's answer read?" of
///   `ARCHITECTURE.md`.
/// - The daemon's own credentials are never sent to a function.
/// - Dropping the future cancels the call and closes its connection.
#[async_trait]
pub trait Target: Send + Sync + 'static {
    /// Makes one attempt, within the function's timeout.
    async fn invoke(&self, attempted: &Attempted) -> Answer;

    /// Passes a request on to an HTTP function and gives back whatever it answers, within the
    /// function's timeout. Every status is an answer.
    ///
    /// # Errors
    /// There is no whole answer; the verdict is never [`Verdict::Succeeded`].
    async fn request(
        &self,
        _attempted: &Attempted,
        _head: &HttpHead,
    ) -> Result<HttpResponse, Answer> {
        let message = "HTTP requests cannot be passed on to functions of this kind";
        let fault = Fault::new("InvalidTarget", message, 0);
        Err(Answer { verdict: Verdict::Refused, fault: Some(fault), body: Bytes::new() })
    }
}
