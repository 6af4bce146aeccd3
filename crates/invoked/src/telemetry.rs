//! What the daemon tells of itself: a log on standard error, and metrics for whoever scrapes them.
//!
//! The recorder of metrics is global, because the engine counts through the `metrics` facade. Its
//! recommended naming stays off: it would append `_total` to names that the field prescribes.

mod flood;
mod level;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use anyhow::{Context as _, Result};
use invoked_engine::clock::{Clock as _, SystemClock, stopwatch};
use metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::Instant;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub(crate) use self::flood::Flood;
pub(crate) use self::level::LogFilter;
use self::level::{SetFilter, filter};
use crate::config::{LogFormat, Telemetry};

/// Bounds of every family in seconds: a commit takes a fraction of a millisecond, an attempt up to
/// hours.
const SECONDS: [f64; 18] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 600.0, 3_600.0,
];

/// Bounds of families that count operations of a batch.
const OPS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0, 16_384.0];

/// Bounds of what every function has a histogram of its own for: few, since there are many.
const DELAYS: [f64; 5] = [0.1, 1.0, 10.0, 60.0, 600.0];

const CLOCK_OFFSET: &str = "invoked_clock_offset_seconds";

/// How often what histograms collected is sorted into buckets when nobody scrapes. Everything else waits meanwhile, so
/// it must not be much at a time.
const UPKEEP_INTERVAL: Duration = Duration::from_millis(500);

/// Starts the log.
///
/// # Errors
/// There is one already, or the filter does not read (the configuration has checked it).
pub(crate) fn start_log(config: &Telemetry) -> Result<Log> {
    let flood = Flood::default();
    let filter = filter(&config.log_level)?;
    let is_terminal = io::stderr().is_terminal();
    let is_text = match config.log_format {
        LogFormat::Auto => is_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(is_terminal);
    let (set, started): (Box<SetFilter>, _) = if is_text {
        let builder = builder.with_filter_reloading();
        let handle = builder.reload_handle();
        let log = builder.finish().with(flood.clone());
        (Box::new(move |filter| handle.reload(filter)), log.try_init())
    } else {
        let builder = builder.json().flatten_event(true).with_filter_reloading();
        let handle = builder.reload_handle();
        let log = builder.finish().with(flood.clone());
        (Box::new(move |filter| handle.reload(filter)), log.try_init())
    };
    started.context("cannot start the log")?;
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if is_text {
            report(panic);
        } else {
            tracing::error!(event = "panicked", "{panic}");
        }
    }));
    Ok(Log { filter: LogFilter::new(&config.log_level, set), flood })
}

/// The log that was started.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) filter: LogFilter,
    pub(crate) flood: Flood,
}

/// The metrics of this process.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    recorded: PrometheusHandle,
    /// What the two clocks said when the process started.
    began: (Instant, Duration),
}

impl Metrics {
    /// Starts to record.
    ///
    /// # Errors
    /// Somebody records already.
    pub(crate) fn start() -> Result<Self> {
        let recorder = PrometheusBuilder::new()
            .with_recommended_naming(false)
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_ops".to_owned()), &OPS)
            })
            .and_then(|builder| {
                let full = Matcher::Full("invoked_function_delay_seconds".to_owned());
                builder.set_buckets_for_metric(full, &DELAYS)
            })
            .context("cannot lay out the histograms")?
            .build_recorder();
        let began = (stopwatch(), since_1970());
        let metrics = Self { recorded: recorder.handle(), began };
        metrics::set_global_recorder(recorder).context("cannot record metrics")?;
        invoked_engine::telemetry::describe();
        invoked_api::auth::describe();
        crate::reload::describe();
        flood::describe();
        invoked_api::describe();
        crate::wire::describe();
        describe_gauge!("invoked_build_info", "Which version this is");
        describe_gauge!(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970"
        );
        describe_gauge!(
            CLOCK_OFFSET,
            "How far the wall clock has moved against the steady one since the start"
        );
        gauge!("invoked_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        gauge!("process_start_time_seconds").set(began.1.as_secs_f64());
        Ok(metrics)
    }

    /// Everything recorded, in Prometheus' text format.
    pub(crate) fn render(&self) -> String {
        let (watch, began) = self.began;
        let jumped = since_1970().as_secs_f64() - (began + watch.elapsed()).as_secs_f64();
        gauge!(CLOCK_OFFSET).set(jumped);
        self.recorded.render()
    }

    /// Keeps what histograms collect small while nobody scrapes. Never returns.
    pub(crate) async fn keep_small(self) {
        loop {
            tokio::time::sleep(UPKEEP_INTERVAL).await;
            self.recorded.run_upkeep();
        }
    }
}

fn since_1970() -> Duration {
    Duration::from_millis(u64::try_from(SystemClock::default().now().millis()).unwrap_or_default())
}
