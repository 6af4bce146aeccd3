//! Telling of what is done: spans of a trace.

use std::fmt;

use invoked_core::arn::Arn;
use invoked_core::id::{Attempt, RequestId};
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_core::trace::TraceContext;

/// A step of an invocation, and what is known of it when it begins.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A request to invoke is taken, up to its answer.
    Accept {
        /// The function.
        function: &'a FunctionKey,
        /// Version or alias.
        qualifier: &'a Qualifier,
    },
    /// A function is called.
    Attempt {
        /// The function.
        function: &'a FunctionName,
        /// Version or alias.
        qualifier: &'a Qualifier,
        /// Constant over all attempts.
        request_id: RequestId,
        /// Which attempt.
        attempt: Attempt,
    },
    /// A destination is told.
    Callback {
        /// The destination.
        destination: &'a Arn,
        /// The message's id.
        request_id: RequestId,
        /// Which try.
        tried: Attempt,
    },
}

/// How a step ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ended<'a> {
    /// The invocation, where the step itself gave it its id.
    pub request_id: Option<RequestId>,
    /// The code of what went wrong.
    pub error: Option<&'a str>,
}

/// Where spans go.
///
/// # Contract
///
/// - Nothing waits, and nothing grows without bound: what has no room is dropped and counted.
/// - A caller's decision holds: what is not sampled there is not recorded here.
pub trait Spans: Send + Sync + fmt::Debug {
    /// Begins the span of a step, as a child of `parent` or as the first of a trace. `None` if it is not
    /// recorded: what follows goes on from `parent` then.
    fn begin(&self, step: Step<'_>, parent: Option<&TraceContext>) -> Option<Box<dyn Span>>;
}

/// A span under way. One that is dropped ends there, without a word on how.
pub trait Span: Send {
    /// The place in the trace that what follows goes on from.
    fn context(&self) -> TraceContext;

    /// Ends it.
    fn end(self: Box<Self>, ended: Ended<'_>);
}
