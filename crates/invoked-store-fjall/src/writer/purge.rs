//! Retention: buckets are dropped whole, nothing is deleted one by one.

use std::time::Duration;

use invoked_core::time::{Day, Timestamp};
use invoked_store::{Retention, StoreError};

use super::Writer;
use crate::error::engine;
use crate::keys::{Table, live_count};

const DAY: Duration = Duration::from_secs(86_400);

impl Writer {
    /// Drops the buckets whose last moment lies before the retention and that no live row will
    /// write its record into.
    pub(super) fn purge(
        &mut self,
        now: Timestamp,
        retention: Retention,
    ) -> Result<u64, StoreError> {
        self.drain();
        self.shared.check()?;
        if !self.overlay.is_empty() {
            return Err(StoreError::Full);
        }
        let mut dropped = 0;
        for day in self.tables.days() {
            if now < past(day, retention.records) {
                break;
            }
            if self.is_awaited(day)? {
                continue;
            }
            self.drop_buckets(&[Table::Records(day), Table::Bodies(day)])?;
            dropped += 1;
        }
        for day in self.tables.callback_days() {
            let table = Table::Callbacks(day);
            if now < past(day, retention.callbacks) {
                break;
            }
            if self.tables.existing(table).is_some() {
                self.drop_buckets(&[table])?;
                dropped += 1;
            }
        }
        Ok(dropped)
    }

    fn drop_buckets(&self, tables: &[Table]) -> Result<(), StoreError> {
        self.tables.drop_buckets(tables).map_err(|error| {
            tracing::error!(event = "records_not_dropped", %error, "a bucket cannot be dropped");
            self.shared.poison();
            engine(error)
        })
    }

    fn is_awaited(&self, day: Day) -> Result<bool, StoreError> {
        let Some(meta) = self.tables.existing(Table::Meta) else { return Ok(false) };
        meta.contains_key(live_count::encode_key(day)).map_err(engine)
    }
}

/// When all of a day's records are past their retention.
fn past(day: Day, retention: Duration) -> Timestamp {
    let begin = Duration::from_secs(u64::from(day.0) * DAY.as_secs());
    Timestamp::MIN.plus(begin).plus(DAY).plus(retention)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_past_when_its_last_moment_is() {
        let day = Timestamp::from_millis(20_000 * 86_400_000).day();
        let past = past(day, Duration::from_secs(7 * 86_400));
        assert_eq!(past, Timestamp::from_millis(20_008 * 86_400_000));
    }
}
