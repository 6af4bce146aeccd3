//! Live rows by the day of their bucket, in full with every batch that changes them.

use std::collections::BTreeMap;

use invoked_core::time::Day;
use invoked_store::StoreError;

use crate::keys::{Table, live_count};
use crate::staged::Layer;

/// What one request does to the counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    changes: BTreeMap<Day, i64>,
}

impl Counts {
    pub(super) fn appears(&mut self, day: Day) {
        *self.changes.entry(day).or_default() += 1;
    }

    pub(super) fn leaves(&mut self, day: Day) {
        *self.changes.entry(day).or_default() -= 1;
    }

    /// Stages the counts. Returns by how much their sum changes.
    pub(super) fn stage(self, layer: &mut Layer<'_>) -> Result<i64, StoreError> {
        let mut sum = 0;
        for (day, change) in self.changes {
            if change == 0 {
                continue;
            }
            sum += change;
            let key = live_count::encode_key(day);
            let before = match layer.get(Table::Meta, &key)? {
                Some(value) => live_count::decode_value(&value)?,
                None => 0,
            };
            match before.saturating_add_signed(change) {
                0 => layer.remove(Table::Meta, &key),
                after => layer.put(Table::Meta, &key, live_count::encode_value(after)),
            }
        }
        Ok(sum)
    }
}
