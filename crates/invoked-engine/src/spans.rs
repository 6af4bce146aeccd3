//! Spans around what is done. Without somebody who wants them nothing is made, and a caller's place in a
//! trace goes on as it came.

use std::sync::Arc;

use invoked_core::callback::CallVerdict;
use invoked_core::trace::TraceContext;
use invoked_sink::{Ended, Span, Spans, Step};

use crate::error::InvokeError;

/// The span of a step, if one is recorded. Dropped, it ends without a word on how.
pub(crate) struct UnderWay(Option<Box<dyn Span>>);

impl UnderWay {
    /// Begins it; what follows goes on from it then, instead of `trace`.
    pub(crate) fn begin(
        spans: Option<&dyn Spans>,
        step: Step<'_>,
        trace: &mut Option<Arc<TraceContext>>,
    ) -> Self {
        let span = spans.and_then(|spans| spans.begin(step, trace.as_deref()));
        if let Some(span) = &span {
            *trace = Some(Arc::new(span.context()));
        }
        Self(span)
    }

    /// Ends it.
    pub(crate) fn end(self, ended: Ended<'_>) {
        if let Some(span) = self.0 {
            span.end(ended);
        }
    }
}

impl InvokeError {
    /// A word for why, the same in the log and in spans.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoFunction { .. } => "no_function",
            Self::NoTarget { .. } => "no_target",
            Self::Disabled { .. } => "disabled",
            Self::Duplicate { .. } => "duplicate",
            Self::TooLarge { .. } => "too_large",
            Self::Overloaded { .. } => "overloaded",
            Self::Unavailable { .. } => "unavailable",
            Self::Refused { why } => why.as_str(),
        }
    }
}

/// The code of a try that did not deliver.
pub(crate) fn code_of(verdict: &CallVerdict) -> Option<&str> {
    match verdict {
        CallVerdict::Delivered { .. } => None,
        CallVerdict::Retry { error, .. } | CallVerdict::Permanent { error } => Some(&error.code),
    }
}
