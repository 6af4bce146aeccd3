//! One line of the log for each change of a breaker, so that nobody has to guess why something waits.

use invoked_core::breaker::Breaker;
use invoked_core::head::LaneId;
use invoked_core::id::FnId;
use invoked_core::name::Qualifier;

use super::ShardTask;

impl ShardTask {
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
                    destination,
                    ?hold,
                    "a destination does not answer: it is let alone"
                );
            }
            Breaker::HalfOpen { .. } => {
                tracing::info!(destination, "a destination is tried with one callback");
            }
            Breaker::Closed { .. } => {
                tracing::info!(
                    destination,
                    "a destination answers again: it is told what it is owed"
                );
            }
        }
    }

    fn function_moved(&self, id: FnId, breaker: &Breaker) {
        let directory = &self.snapshot.directory;
        let (function, qualifier) = directory.owner_of(id);
        let qualifier = qualifier.map(Qualifier::as_str);
        let key = directory.key_of(function);
        let function = key.map_or_else(|| "unknown".to_owned(), |key| key.name.as_str().to_owned());
        match breaker {
            Breaker::Open { hold, .. } => {
                tracing::warn!(
                    function,
                    qualifier,
                    ?hold,
                    "a function does not answer: it is let alone"
                );
            }
            Breaker::HalfOpen { .. } => {
                tracing::info!(function, qualifier, "a function is tried with one invocation");
            }
            Breaker::Closed { .. } => {
                tracing::info!(
                    function,
                    qualifier,
                    "a function answers again: what waits for it goes on"
                );
            }
        }
    }
}
