//! What is counted for each attempt and each call of a destination. Handles are kept, so that counting
//! costs neither a look-up in the recorder nor a label.

use std::collections::BTreeMap;
use std::sync::Arc;

use invoked_core::arn::SinkKind;
use invoked_core::callback::CallVerdict;
use invoked_core::directory::Directory;
use invoked_core::id::FnId;
use invoked_core::life::Verdict;
use invoked_core::shard::Note;
use metrics::{Counter, Histogram, counter, describe_counter, describe_histogram, histogram};

use super::names::Names;
use crate::error::InvokeError;

const CALLS: &str = "invoked_callback_attempts_total";
const DELAY: &str = "invoked_function_delay_seconds";

pub(super) fn describe() {
    for (name, help) in [
        ("FunctionTotalInvocations", "Calls of the function that ended, attempts each for itself"),
        ("FunctionFunctionErrors", "Calls that the function itself let fail"),
        ("FunctionServerErrors", "Calls that were not executed: unreachable, throttled, broken"),
        ("FunctionClientErrors", "Calls and invocations that were refused as they are (4xx)"),
        (
            "FunctionConcurrencyThrottles",
            "Invocations that a limit of the function itself refused with 429",
        ),
        ("FunctionResourceThrottles", "Invocations that were refused with 503"),
        ("FunctionHTTPStatus2xx", "Synchronous answers of an HTTP function of this class"),
        ("FunctionHTTPStatus3xx", "Synchronous answers of an HTTP function of this class"),
        ("FunctionHTTPStatus4xx", "Synchronous answers of an HTTP function of this class"),
        ("FunctionHTTPStatus5xx", "Synchronous answers of an HTTP function of this class"),
        ("RegionTotalInvocations", "FunctionTotalInvocations over all functions"),
        ("RegionFunctionErrors", "FunctionFunctionErrors over all functions"),
        ("RegionServerErrors", "FunctionServerErrors over all functions"),
        ("RegionClientErrors", "FunctionClientErrors over all functions"),
        ("RegionThrottles", "Invocations that were refused with 429, by the daemon as a whole too"),
        ("RegionResourceThrottles", "FunctionResourceThrottles over all functions"),
        (CALLS, "Calls of destinations that ended in this process, by what they came to"),
    ] {
        describe_counter!(name, help);
    }
    describe_histogram!(DELAY, "From the due time of a first attempt to its start, by function");
}

/// What attempts come to, by function, and calls, by kind of destination.
#[derive(Debug, Default)]
pub(crate) struct FunctionMeters {
    names: Arc<Names>,
    by_function: BTreeMap<FnId, Meters>,
    calls: BTreeMap<SinkKind, Calls>,
    waited: Option<Histogram>,
    took: Option<Histogram>,
}

impl FunctionMeters {
    pub(crate) fn new(names: Arc<Names>) -> Self {
        Self { names, ..Self::default() }
    }

    pub(crate) fn note(&mut self, note: Note, directory: &Directory) {
        match note {
            Note::Breaker { .. } | Note::GivenUp { .. } => {}
            Note::Started { fn_id, waited } => {
                self.waited
                    .get_or_insert_with(|| histogram!("invoked_dispatch_delay_seconds"))
                    .record(waited);
                self.of(fn_id, directory).delay.record(waited);
            }
            Note::Attempt { fn_id, verdict, took } => {
                self.took.get_or_insert_with(|| histogram!("invoked_attempt_seconds")).record(took);
                let meters = self.of(fn_id, directory);
                match verdict {
                    Verdict::Succeeded => meters.succeeded.increment(1),
                    Verdict::FunctionError => meters.function_error.increment(1),
                    Verdict::Unavailable { .. } => meters.unavailable.increment(1),
                    Verdict::Refused | Verdict::Gone => meters.refused.increment(1),
                }
                meters.ended(verdict);
            }
        }
    }

    /// A call of a destination ended.
    pub(crate) fn called(&mut self, kind: SinkKind, verdict: &CallVerdict) {
        let calls = self.calls.entry(kind).or_insert_with(|| Calls::new(kind));
        match verdict {
            CallVerdict::Delivered { .. } => calls.delivered.increment(1),
            CallVerdict::Retry { .. } => calls.retry.increment(1),
            CallVerdict::Permanent { .. } => calls.permanent.increment(1),
        }
    }

    /// A synchronous call ended.
    pub(crate) fn answered(&mut self, fn_id: FnId, verdict: Verdict, directory: &Directory) {
        self.of(fn_id, directory).ended(verdict);
    }

    /// An HTTP function answered with this status.
    pub(crate) fn responded(&mut self, fn_id: FnId, status: u16, directory: &Directory) {
        let name = self.names.of(fn_id, directory);
        let meters = self.of(fn_id, directory);
        meters.total.count();
        let class = match status {
            200..300 => "FunctionHTTPStatus2xx",
            300..400 => "FunctionHTTPStatus3xx",
            400..500 => "FunctionHTTPStatus4xx",
            _ => "FunctionHTTPStatus5xx",
        };
        // Answers that pass through are large beside a label.
        counter!(class, "function" => name).increment(1);
    }

    /// An invocation of a function that there is was refused.
    pub(crate) fn refused(&mut self, fn_id: FnId, error: &InvokeError, directory: &Directory) {
        let meters = self.of(fn_id, directory);
        match error {
            // Everybody's invocations wait in what is full: no limit of this function is reached.
            InvokeError::Overloaded { .. } => meters.throttles.region.increment(1),
            InvokeError::Unavailable { .. } => meters.resource_throttles.count(),
            // The whole daemon takes nothing new then: no limit of this function is reached.
            InvokeError::Refused { .. } => {}
            InvokeError::NoFunction { .. }
            | InvokeError::NoTarget { .. }
            | InvokeError::Disabled { .. }
            | InvokeError::Duplicate { .. }
            | InvokeError::TooLarge { .. } => meters.client_errors.count(),
        }
    }

    fn of(&mut self, fn_id: FnId, directory: &Directory) -> &Meters {
        let names = &self.names;
        self.by_function.entry(fn_id).or_insert_with(|| Meters::new(names.of(fn_id, directory)))
    }
}

/// A counter of a function, and the same over all functions.
#[derive(Debug)]
struct Both {
    function: Counter,
    region: Counter,
}

impl Both {
    fn new(function: &'static str, region: &'static str, name: &str) -> Self {
        let function = counter!(function, "function" => name.to_owned());
        Self { function, region: counter!(region) }
    }

    fn count(&self) {
        self.function.increment(1);
        self.region.increment(1);
    }
}

#[derive(Debug)]
struct Meters {
    succeeded: Counter,
    function_error: Counter,
    unavailable: Counter,
    refused: Counter,
    delay: Histogram,
    total: Both,
    function_errors: Both,
    server_errors: Both,
    client_errors: Both,
    throttles: Both,
    resource_throttles: Both,
}

impl Meters {
    fn new(name: String) -> Self {
        let attempts = |outcome: &'static str| counter!("invoked_attempts_total", "function" => name.clone(), "outcome" => outcome);
        let both = |function, region| Both::new(function, region, &name);
        Self {
            succeeded: attempts("succeeded"),
            function_error: attempts("function_error"),
            unavailable: attempts("unavailable"),
            refused: attempts("refused"),
            total: both("FunctionTotalInvocations", "RegionTotalInvocations"),
            function_errors: both("FunctionFunctionErrors", "RegionFunctionErrors"),
            server_errors: both("FunctionServerErrors", "RegionServerErrors"),
            client_errors: both("FunctionClientErrors", "RegionClientErrors"),
            throttles: both("FunctionConcurrencyThrottles", "RegionThrottles"),
            resource_throttles: both("FunctionResourceThrottles", "RegionResourceThrottles"),
            delay: histogram!(DELAY, "function" => name),
        }
    }

    fn ended(&self, verdict: Verdict) {
        self.total.count();
        match verdict {
            Verdict::Succeeded => {}
            Verdict::FunctionError => self.function_errors.count(),
            Verdict::Unavailable { .. } => self.server_errors.count(),
            Verdict::Refused | Verdict::Gone => self.client_errors.count(),
        }
    }
}

#[derive(Debug)]
struct Calls {
    delivered: Counter,
    retry: Counter,
    permanent: Counter,
}

impl Calls {
    fn new(kind: SinkKind) -> Self {
        let of = |outcome: &'static str| counter!(CALLS, "destination" => kind.as_str(), "outcome" => outcome);
        Self { delivered: of("delivered"), retry: of("retry"), permanent: of("permanent") }
    }
}

/// What has happened seldom or never stands at 0 from the start: an increase from nothing is none.
pub(super) fn publish() {
    counter!("invoked_alarms_total").increment(0);
    for outcome in ["durable", "rejected"] {
        counter!("invoked_commits_total", "outcome" => outcome).increment(0);
    }
    for kind in SinkKind::ALL {
        Calls::new(kind);
    }
}
