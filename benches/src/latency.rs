//! Latencies as they are reported: a few percentiles, in microseconds.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Latency {
    pub count: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub max_us: u64,
}

pub struct Recorder(Histogram<u64>);

impl Default for Recorder {
    fn default() -> Self {
        // From a microsecond to ten minutes in three digits: about 200 KB.
        Self(Histogram::new_with_bounds(1, 600_000_000, 3).expect("the bounds are valid"))
    }
}

impl Recorder {
    pub fn record(&mut self, from_ns: u64, to_ns: u64) {
        self.0.saturating_record(to_ns.saturating_sub(from_ns) / 1_000);
    }

    pub fn reset(&mut self) {
        self.0.reset();
    }

    #[must_use]
    pub fn latency(&self) -> Latency {
        Latency {
            count: self.0.len(),
            p50_us: self.0.value_at_quantile(0.5),
            p90_us: self.0.value_at_quantile(0.9),
            p99_us: self.0.value_at_quantile(0.99),
            p999_us: self.0.value_at_quantile(0.999),
            max_us: self.0.max(),
        }
    }
}
