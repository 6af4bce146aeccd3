//! Counts that survive restarts.
//!
//! A total is a row of the store, written in full by the very commit that settles what it counts;
//! so neither a crash nor a repeated commit loses or repeats a count.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::arn::SinkKind;
use crate::id::FnId;
use crate::life::Outcome;
use crate::limits::TOTALS_PER_FUNCTION_MAX;
use crate::name::Qualifier;

/// What is counted.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Metric {
    /// Invocations accepted.
    Accepted,
    /// Invocations that ended, by outcome.
    Ended(Outcome),
    /// Callbacks delivered, by kind of destination.
    CallbackDelivered(SinkKind),
    /// Callbacks given up, by kind of destination.
    CallbackFailed(SinkKind),
    /// Callbacks that became owed again, by kind of destination.
    Redriven(SinkKind),
    /// Redrives that ended in delivery, by kind of destination.
    RedriveDelivered(SinkKind),
    /// Redrives that ended in failure, by kind of destination.
    RedriveFailed(SinkKind),
    /// Live rows that stand so now. All qualifiers of a function count under `LATEST`.
    Now(Gauge),
}

/// Where live rows stand, as the store has them: it goes up and down. What waits for its first attempt
/// is what is left: accepted less ended less these three of its function.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Gauge {
    /// With the function, as far as "started" was written.
    Running,
    /// Waiting for another attempt.
    Retrying,
    /// A stop is wanted.
    Stopping,
    /// Callbacks that a destination has yet to be told. The number is the destination's.
    CallbacksOwed,
}

impl Gauge {
    /// Every gauge.
    pub const ALL: [Self; 4] = [Self::Running, Self::Retrying, Self::Stopping, Self::CallbacksOwed];
}

/// The row a count lives in.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TotalKey {
    /// The function.
    pub fn_id: FnId,
    /// Version or alias.
    pub qualifier: Qualifier,
    /// What is counted.
    pub metric: Metric,
}

/// One count, in full.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Total {
    /// What is counted, for whom.
    pub key: TotalKey,
    /// The count since the store was created.
    pub value: u64,
}

/// What was accepted, what of it has ended, and what is still to be told: the sums over all functions.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Balance {
    /// Invocations accepted.
    pub accepted: u64,
    /// Invocations that ended, however.
    pub ended: u64,
    /// Callbacks that destinations have yet to be told.
    pub callbacks_owed: u64,
}

impl Balance {
    /// Takes a count in.
    pub fn add(&mut self, metric: Metric, value: u64) {
        match metric {
            Metric::Accepted => self.accepted += value,
            Metric::Ended(_) => self.ended += value,
            Metric::Now(Gauge::CallbacksOwed) => self.callbacks_owed += value,
            Metric::Now(Gauge::Running | Gauge::Retrying | Gauge::Stopping)
            | Metric::CallbackDelivered(_)
            | Metric::CallbackFailed(_)
            | Metric::Redriven(_)
            | Metric::RedriveDelivered(_)
            | Metric::RedriveFailed(_) => {}
        }
    }

    /// Invocations that have not ended.
    #[must_use]
    pub fn live(&self) -> u64 {
        self.accepted.saturating_sub(self.ended)
    }
}

/// The counts of one shard, and which of them have changed since they were last taken.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    values: BTreeMap<TotalKey, (u64, Touched)>,
    touched: Vec<TotalKey>,
    keys: BTreeMap<FnId, usize>,
}

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Touched {
    Yes,
    No,
}

impl Totals {
    /// Restores what a store has kept.
    #[must_use]
    pub fn restored(totals: Vec<Total>) -> Self {
        let mut restored = Self::default();
        for Total { key, value } in totals {
            if !matches!(key.metric, Metric::Now(_)) {
                *restored.keys.entry(key.fn_id).or_default() += 1;
            }
            restored.values.insert(key, (value, Touched::No));
        }
        restored
    }

    /// Counts one. Qualifiers are the caller's words: those of a function that has very many counts
    /// already are counted together, as `_other`.
    pub fn count(&mut self, fn_id: FnId, qualifier: &Qualifier, metric: Metric) {
        let mut key = TotalKey { fn_id, qualifier: qualifier.clone(), metric };
        if !self.values.contains_key(&key) {
            let keys = self.keys.entry(fn_id).or_default();
            if *keys >= TOTALS_PER_FUNCTION_MAX {
                key.qualifier = Qualifier::other();
            } else {
                *keys += 1;
            }
        }
        self.add(key, 1);
    }

    /// A row that stood as `was` stands as `is` with the commit that is being made.
    pub fn shift(&mut self, was: Option<(FnId, Gauge)>, is: Option<(FnId, Gauge)>) {
        if was == is {
            return;
        }
        for (of, change) in [(was, -1), (is, 1)] {
            if let Some((fn_id, gauge)) = of {
                let qualifier = Qualifier::LATEST;
                self.add(TotalKey { fn_id, qualifier, metric: Metric::Now(gauge) }, change);
            }
        }
    }

    fn add(&mut self, key: TotalKey, change: i64) {
        match self.values.get_mut(&key) {
            Some((value, touched)) => {
                *value = value.saturating_add_signed(change);
                if *touched == Touched::No {
                    *touched = Touched::Yes;
                    self.touched.push(key);
                }
            }
            None => {
                let value = 0u64.saturating_add_signed(change);
                self.values.insert(key.clone(), (value, Touched::Yes));
                self.touched.push(key);
            }
        }
    }

    /// The counts that have changed since the last call, in full.
    pub fn take_touched(&mut self) -> Vec<Total> {
        let mut taken = Vec::with_capacity(self.touched.len());
        for key in self.touched.drain(..) {
            if let Some((value, touched)) = self.values.get_mut(&key) {
                *touched = Touched::No;
                taken.push(Total { value: *value, key });
            }
        }
        taken
    }

    /// One count.
    #[must_use]
    pub fn value(&self, key: &TotalKey) -> u64 {
        self.values.get(key).map_or(0, |(value, _)| *value)
    }

    /// The sum over the qualifiers of a function.
    #[must_use]
    pub fn sum(&self, fn_id: FnId, metric: Metric) -> u64 {
        let of_metric =
            self.values.iter().filter(|(key, _)| key.fn_id == fn_id && key.metric == metric);
        of_metric.map(|(_, (value, _))| value).sum()
    }

    /// Every count, ordered by function.
    pub fn iter(&self) -> impl Iterator<Item = (&TotalKey, u64)> {
        self.values.iter().map(|(key, (value, _))| (key, *value))
    }
}
