//! Lanes in figures: how many rows of a function or destination stand where. The counts are maintained
//! with every commit; nothing is looked at to answer.

use std::sync::PoisonError;

use invoked_core::id::FnId;
use invoked_core::life::Outcome;
use invoked_core::name::Qualifier;
use invoked_core::totals::{Gauge, Metric, TotalKey};

use crate::error::LaneError;
use crate::handle::Handle;
use crate::pauses::LaneKey;

/// The rows of a function by status.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct FunctionCounts {
    /// Accepted since it was created.
    pub accepted: u64,
    /// Not ended.
    pub live: u64,
    /// Of these, waiting for the first attempt, or in one that began a moment ago: "started" is not
    /// written at once.
    pub enqueued: u64,
    /// Of these, with the function.
    pub running: u64,
    /// Of these, waiting for another attempt.
    pub retrying: u64,
    /// Of these, about to be stopped.
    pub stopping: u64,
    /// Ended well.
    pub succeeded: u64,
    /// Ended badly.
    pub failed: u64,
    /// Never started in time.
    pub expired: u64,
    /// Stopped by their owner or purged by an operator.
    pub stopped: u64,
    /// Their function was gone.
    pub invalid: u64,
}

impl Handle {
    /// The rows of a function by status.
    ///
    /// # Errors
    /// There is no such function.
    pub fn function_counts(&self, lane: &LaneKey) -> Result<FunctionCounts, LaneError> {
        Ok(self.counts_of(self.lane_id(lane)?))
    }

    /// Callbacks that a destination has yet to be told.
    ///
    /// # Errors
    /// The ARN is none, or stands in no configuration.
    pub fn callbacks_owed(&self, destination: &str) -> Result<u64, LaneError> {
        Ok(self.owed_to(self.destination_id(destination)?))
    }

    /// Rows of a lane.
    pub(crate) fn lane_rows(&self, lane: &LaneKey, id: FnId) -> u64 {
        match lane {
            LaneKey::Function(_) => self.counts_of(id).live,
            LaneKey::Destination(_) => self.owed_to(id),
        }
    }

    pub(crate) fn owed_to(&self, id: FnId) -> u64 {
        let key = TotalKey {
            fn_id: id,
            qualifier: Qualifier::LATEST,
            metric: Metric::Now(Gauge::CallbacksOwed),
        };
        let totals = self.shared.totals.read().unwrap_or_else(PoisonError::into_inner);
        totals.get(&key).copied().unwrap_or_default()
    }

    /// Invocations in a lane of a function that have not ended. The counts go by qualifier, so what was
    /// accepted before its qualifier had a lane counts there.
    pub(crate) fn live_in(&self, lane: FnId) -> u64 {
        let directory = self.directory();
        let (function, qualifier) = directory.owner_of(lane);
        let own = directory.get(function).map(|function| &function.lanes);
        let is_apart = |of: &Qualifier| own.is_some_and(|lanes| lanes.contains_key(of));
        self.sum_of(function, |of| match qualifier {
            Some(qualifier) => of == qualifier,
            None => !is_apart(of),
        })
        .live
    }

    pub(crate) fn counts_of(&self, id: FnId) -> FunctionCounts {
        self.sum_of(id, |_| true)
    }

    fn sum_of(&self, id: FnId, is_meant: impl Fn(&Qualifier) -> bool) -> FunctionCounts {
        let first = TotalKey { fn_id: id, qualifier: Qualifier::LATEST, metric: Metric::Accepted };
        let totals = self.shared.totals.read().unwrap_or_else(PoisonError::into_inner);
        let mut counts = FunctionCounts::default();
        for (key, value) in totals.range(first..).take_while(|(key, _)| key.fn_id == id) {
            if is_meant(&key.qualifier) {
                counts.add(key.metric, *value);
            }
        }
        drop(totals);
        let ended = [counts.succeeded, counts.failed, counts.expired, counts.stopped];
        let ended = ended.into_iter().sum::<u64>() + counts.invalid;
        counts.live = counts.accepted.saturating_sub(ended);
        let others = counts.running + counts.retrying + counts.stopping;
        counts.enqueued = counts.live.saturating_sub(others);
        counts
    }
}

impl FunctionCounts {
    fn add(&mut self, metric: Metric, value: u64) {
        let count = match metric {
            Metric::Accepted => &mut self.accepted,
            Metric::Ended(Outcome::Succeeded) => &mut self.succeeded,
            Metric::Ended(Outcome::Failed) => &mut self.failed,
            Metric::Ended(Outcome::Expired) => &mut self.expired,
            Metric::Ended(Outcome::Stopped) => &mut self.stopped,
            Metric::Ended(Outcome::Invalid) => &mut self.invalid,
            Metric::Now(Gauge::Running) => &mut self.running,
            Metric::Now(Gauge::Retrying) => &mut self.retrying,
            Metric::Now(Gauge::Stopping) => &mut self.stopping,
            Metric::Now(Gauge::CallbacksOwed)
            | Metric::CallbackDelivered(_)
            | Metric::CallbackFailed(_)
            | Metric::Redriven(_)
            | Metric::RedriveDelivered(_)
            | Metric::RedriveFailed(_) => return,
        };
        *count += value;
    }
}
