//! What the API counts: requests to invoke, by what they were answered.

use http::StatusCode;
use metrics::{Counter, counter, describe_counter};

const REQUESTS: &str = "invoked_invocation_requests_total";

/// Says what the counter means. Call once, with the recorder in place.
pub(crate) fn describe() {
    describe_counter!(
        REQUESTS,
        "Requests to invoke a function, by the status they were answered with"
    );
}

/// The counters. The usual answer's is at hand; there are as many others as there are statuses.
pub(crate) struct Requests {
    accepted: Counter,
}

impl Default for Requests {
    fn default() -> Self {
        Self { accepted: of(StatusCode::ACCEPTED) }
    }
}

impl Requests {
    /// A request to invoke was answered so.
    pub(crate) fn answered(&self, status: StatusCode) {
        if status == StatusCode::ACCEPTED {
            self.accepted.increment(1);
        } else {
            of(status).increment(1);
        }
    }
}

fn of(status: StatusCode) -> Counter {
    counter!(REQUESTS, "code" => status.as_str().to_owned())
}
