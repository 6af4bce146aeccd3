//! What the API counts of asynchronous invocations: what became of each request for one, by code.

use metrics::{Counter, counter, describe_counter};

use crate::problem::Problem;

const ACCEPTS: &str = "invoked_accepts_total";

/// Says what the counter means. Call once, with the recorder in place.
pub fn describe() {
    describe_counter!(
        ACCEPTS,
        "Requests for asynchronous invocations: Accepted (202), or the code of the refusal"
    );
}

/// What requests for asynchronous invocations came to. The codes are those of the contract, so they
/// are few.
#[derive(Debug)]
pub(crate) struct Accepts(Counter);

impl Default for Accepts {
    fn default() -> Self {
        Self(counter!(ACCEPTS, "code" => "Accepted"))
    }
}

impl Accepts {
    pub(crate) fn note(&self, refused: Option<&Problem>) {
        match refused {
            None => self.0.increment(1),
            Some(problem) => counter!(ACCEPTS, "code" => problem.code().as_str()).increment(1),
        }
    }
}
