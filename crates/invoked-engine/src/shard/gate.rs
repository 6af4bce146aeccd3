//! One line of the log for each change of a breaker, so that nobody has to guess why something waits, and one
//! for each callback that is given up.

use invoked_core::arn::Arn;
use invoked_core::breaker::Breaker;
use invoked_core::fault::Fault;
use invoked_core::head::LaneId;
use invoked_core::id::{Attempt, FnId, RequestId};
use invoked_core::name::Qualifier;

use super::ShardTask;

/// A longer code is no word.
const WORD_BYTES_MAX: usize = 64;

/// A code, if it is a word: it may be what a destination has answered.
fn word(code: &str) -> &str {
    let is_of_one = |letter: u8| letter.is_ascii_alphanumeric() || b"._-".contains(&letter);
    if code.len() <= WORD_BYTES_MAX && code.bytes().all(is_of_one) { code } else { "_other" }
}

impl ShardTask {
    /// The message of an error may be what a destination has answered, so the log has its code alone; the rest is kept
    /// with the callback.
    pub(super) fn given_up(
        &self,
        id: RequestId,
        function: FnId,
        destination: &Arn,
        tried: Attempt,
        error: &Fault,
    ) {
        tracing::warn!(
            event = "callback_given_up",
            request_id = %id,
            function = self.function(function),
            %destination,
            tried = tried.0,
            reason = word(&error.code),
            status = error.status,
            "a callback is given up"
        );
    }

    pub(super) fn breaker_moved(&self, lane: LaneId, breaker: &Breaker) {
        match lane {
            LaneId::Destination(id) => self.destination_moved(id, breaker),
            LaneId::Function(id) => self.function_moved(id, breaker),
        }
    }

    fn destination_moved(&self, id: FnId, breaker: &Breaker) {
        let destinations = &self.snapshot.functions.destinations;
        let named = destinations.iter().find(|(_, known)| **known == id).map(|(arn, _)| arn);
        let destination = named.map_or("unknown", String::as_str);
        match breaker {
            Breaker::Open { hold, .. } => {
                tracing::warn!(
                    event = "breaker_opened",
                    destination,
                    hold_seconds = hold.as_secs_f64(),
                    "a destination does not answer: it is let alone"
                );
            }
            Breaker::HalfOpen { .. } => {
                tracing::info!(
                    event = "breaker_half_open",
                    destination,
                    "a destination is tried with one callback"
                );
            }
            Breaker::Closed { .. } => {
                tracing::info!(
                    event = "breaker_closed",
                    destination,
                    "a destination is no longer let alone: it is told what it is owed"
                );
            }
        }
    }

    fn function_moved(&self, id: FnId, breaker: &Breaker) {
        let (function, qualifier) = self.snapshot.directory.owner_of(id);
        let qualifier = qualifier.map(Qualifier::as_str);
        let function = self.function(function);
        match breaker {
            Breaker::Open { hold, .. } => {
                tracing::warn!(
                    event = "breaker_opened",
                    function,
                    qualifier,
                    hold_seconds = hold.as_secs_f64(),
                    "a function does not answer: it is let alone"
                );
            }
            Breaker::HalfOpen { .. } => {
                tracing::info!(
                    event = "breaker_half_open",
                    function,
                    qualifier,
                    "a function is tried with one invocation"
                );
            }
            Breaker::Closed { .. } => {
                tracing::info!(
                    event = "breaker_closed",
                    function,
                    qualifier,
                    "a function is no longer let alone: what waits for it goes on"
                );
            }
        }
    }

    fn function(&self, id: FnId) -> String {
        let key = self.snapshot.directory.key_of(id);
        key.map_or_else(|| "unknown".to_owned(), |key| key.name.as_str().to_owned())
    }
}
