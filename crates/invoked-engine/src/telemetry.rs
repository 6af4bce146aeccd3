//! Every metric of the engine: one function for each thing that can be observed.
//!
//! Two kinds: what happens (histograms and counters, kept by the recorder) and what is durable
//! ([`publish`], which sets them from the store's totals, so that a restart neither loses nor repeats
//! a count). No label holds an id. All families but the two destination metrics show at most
//! [`FUNCTIONS_SHOWN_MAX`] functions; the rest are `_other`.

mod books;
mod destinations;
mod lanes;
mod meters;
mod names;

use std::collections::BTreeMap;
use std::time::Duration;

use invoked_core::arn::SinkKind;
use invoked_core::directory::Directory;
use invoked_core::head::LaneId;
use invoked_core::id::FnId;
use invoked_core::life::Outcome;
use invoked_core::totals::{Metric, TotalKey};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

pub use books::publish_store;
pub use destinations::render_destinations;
pub(crate) use meters::FunctionMeters;
pub use names::FUNCTIONS_SHOWN_MAX;
pub(crate) use names::Names;

use crate::admission;
use crate::drain;
use crate::handle::{EngineView, Handle};
use names::OTHER;

/// What each metric means, for the `# HELP` lines. Call once, with the recorder in place.
pub fn describe() {
    books::describe();
    lanes::describe();
    meters::describe();
    admission::describe();
    drain::describe();
    for (name, help) in [
        (ENQUEUED, "Invocations accepted since the store was created"),
        (DEQUEUED, "Invocations that ended since the store was created"),
        (EXPIRED, "Invocations that no attempt could start in time for"),
        (REDRIVES, "Callbacks that were given up and became owed again"),
        (REDRIVES_DELIVERED, "Redriven callbacks that ended in delivery"),
        (REDRIVES_FAILED, "Redriven callbacks that were given up again"),
        ("invoked_invocations_total", "Invocations that ended, by outcome"),
        ("invoked_attempts_total", "Attempts that ended in this process, by what they came to"),
        ("invoked_commits_total", "Commits of this process, by what became of them"),
        ("invoked_alarms_total", "Rows that were not as they have to be; look at the log"),
    ] {
        describe_counter!(name, help);
    }
    for (name, help) in [
        ("invoked_backlog", "Invocations that are waiting or running"),
        ("FunctionAsyncMessagesBacklogV2", "Invocations that are waiting"),
        ("FunctionAsyncMessagesInProcess", "Attempts that are with the function"),
        ("invoked_rows_in_memory", "Rows that the windows of the lanes hold"),
        ("invoked_attempts_under_way", "Attempts under way, over all functions"),
        ("invoked_callbacks_under_way", "Callbacks under way, over all destinations"),
        (
            "invoked_destination_breaker_state",
            "Whether a destination is let alone: 0 no, 1 one callback tries it, 2 yes",
        ),
        ("invoked_payload_cache_bytes", "Payloads of waiting rows that are kept in memory"),
    ] {
        describe_gauge!(name, help);
    }
    for (name, help) in [
        ("invoked_commit_seconds", "From handing a batch to the store to its sync"),
        ("invoked_commit_batch_ops", "Operations in a batch"),
        ("invoked_attempt_seconds", "From handing an attempt out to its end"),
        ("invoked_dispatch_delay_seconds", "From the due time of a first attempt to its start"),
    ] {
        describe_histogram!(name, help);
    }
}

/// A commit became durable.
pub(crate) fn committed(ops: usize, took: Duration) {
    histogram!("invoked_commit_seconds").record(took);
    histogram!("invoked_commit_batch_ops")
        .record(f64::from(u32::try_from(ops).unwrap_or(u32::MAX)));
    counter!("invoked_commits_total", "outcome" => "durable").increment(1);
}

/// The store rejected a commit, and it is sent again.
pub(crate) fn commit_rejected() {
    counter!("invoked_commits_total", "outcome" => "rejected").increment(1);
}

/// A row was not as it has to be.
pub(crate) fn alarm() {
    counter!("invoked_alarms_total").increment(1);
}

/// Sets the metrics that show durable counts and the present state. Call before each scrape.
pub fn publish(handle: &Handle, view: &EngineView) {
    let directory = handle.directory();
    let totals = handle.totals();
    redrives(&totals);
    admission::publish(handle);
    meters::publish();
    let shown: BTreeMap<FnId, String> = directory
        .iter()
        .map(|function| (function.id, handle.shared.names.of(function.id, &directory)))
        .filter(|(_, name)| name != OTHER)
        .collect();
    let mut sums: BTreeMap<(String, &'static str), u64> = BTreeMap::new();
    for name in shown.values() {
        for family in FAMILIES {
            sums.insert((name.clone(), family), 0);
        }
    }
    for (key, value) in &totals {
        let name = shown.get(&key.fn_id).cloned().unwrap_or_else(|| OTHER.to_owned());
        for family in families(key.metric) {
            *sums.entry((name.clone(), family)).or_default() += value;
        }
    }
    let mut backlog: BTreeMap<String, i64> = BTreeMap::new();
    for ((name, family), value) in sums {
        let signed = i64::try_from(value).unwrap_or(i64::MAX);
        match family {
            ENQUEUED => *backlog.entry(name.clone()).or_default() += signed,
            DEQUEUED => *backlog.entry(name.clone()).or_default() -= signed,
            _ => {}
        }
        if let Some(outcome) = family.strip_prefix("outcome:") {
            counter!("invoked_invocations_total", "function" => name, "outcome" => outcome.to_owned())
                .absolute(value);
        } else {
            counter!(family, "function" => name).absolute(value);
        }
    }
    let running: BTreeMap<&str, u32> = under_way(view, &directory)
        .into_iter()
        .filter_map(|(id, running)| Some((shown.get(&id)?.as_str(), running)))
        .collect();
    for (name, waiting) in backlog {
        let exact = f64::from(i32::try_from(waiting).unwrap_or(i32::MAX));
        let running = running.get(name.as_str()).copied().unwrap_or_default();
        gauge!("invoked_backlog", "function" => name.clone()).set(exact);
        gauge!("FunctionAsyncMessagesBacklogV2", "function" => name.clone())
            .set((exact - f64::from(running)).max(0.0));
        gauge!("FunctionAsyncMessagesInProcess", "function" => name).set(f64::from(running));
    }
    breakers(handle, view);
    lanes::publish(view, &directory, &shown, handle.now());
    for shard in &view.shards {
        let of = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        gauge!("invoked_rows_in_memory").set(of(shard.rows));
        gauge!("invoked_attempts_under_way").set(of(shard.attempts));
        gauge!("invoked_callbacks_under_way").set(of(shard.callbacks));
        gauge!("invoked_payload_cache_bytes").set(of(shard.cached_bytes));
    }
}

const REDRIVES: &str = "invoked_callback_redrives_total";
const REDRIVES_DELIVERED: &str = "invoked_callback_redrives_delivered_total";
const REDRIVES_FAILED: &str = "invoked_callback_redrives_failed_total";
const ENQUEUED: &str = "FunctionEnqueueCount";
const DEQUEUED: &str = "FunctionDequeueCount";
const EXPIRED: &str = "FunctionAsyncEventExpiredDropped";
const FAMILIES: [&str; 8] = [
    ENQUEUED,
    DEQUEUED,
    EXPIRED,
    "outcome:succeeded",
    "outcome:failed",
    "outcome:expired",
    "outcome:stopped",
    "outcome:invalid",
];

fn families(metric: Metric) -> Vec<&'static str> {
    match metric {
        Metric::Accepted => vec![ENQUEUED],
        Metric::Ended(Outcome::Succeeded) => vec![DEQUEUED, "outcome:succeeded"],
        Metric::Ended(Outcome::Failed) => vec![DEQUEUED, "outcome:failed"],
        Metric::Ended(Outcome::Expired) => vec![DEQUEUED, EXPIRED, "outcome:expired"],
        Metric::Ended(Outcome::Stopped) => vec![DEQUEUED, "outcome:stopped"],
        Metric::Ended(Outcome::Invalid) => vec![DEQUEUED, "outcome:invalid"],
        Metric::CallbackDelivered(_)
        | Metric::CallbackFailed(_)
        | Metric::Redriven(_)
        | Metric::RedriveDelivered(_)
        | Metric::RedriveFailed(_)
        | Metric::Now(_) => vec![],
    }
}

/// Redrives by kind of destination: a series for each kind, at 0 from the start.
fn redrives(totals: &BTreeMap<TotalKey, u64>) {
    let mut series: BTreeMap<(&'static str, SinkKind), u64> = BTreeMap::new();
    for kind in SinkKind::ALL {
        for family in [REDRIVES, REDRIVES_DELIVERED, REDRIVES_FAILED] {
            series.insert((family, kind), 0);
        }
    }
    for (key, value) in totals {
        let (family, kind) = match key.metric {
            Metric::Redriven(kind) => (REDRIVES, kind),
            Metric::RedriveDelivered(kind) => (REDRIVES_DELIVERED, kind),
            Metric::RedriveFailed(kind) => (REDRIVES_FAILED, kind),
            Metric::Accepted
            | Metric::Ended(_)
            | Metric::CallbackDelivered(_)
            | Metric::CallbackFailed(_)
            | Metric::Now(_) => continue,
        };
        *series.entry((family, kind)).or_default() += value;
    }
    for ((family, kind), value) in series {
        counter!(family, "destination" => kind.as_str()).absolute(value);
    }
}

/// The breakers that were ever needed: 0 closed, 1 half-open, 2 open.
fn breakers(handle: &Handle, view: &EngineView) {
    let names = handle.destinations();
    let outlets = view.shards.iter().flat_map(|shard| &shard.outlets);
    let mut shown: BTreeMap<String, f64> = BTreeMap::new();
    for (lane, outlet) in outlets {
        let LaneId::Destination(id) = lane else { continue };
        let Some(name) = names.get(id) else { continue };
        let is_room = shown.len() < FUNCTIONS_SHOWN_MAX;
        let name = if is_room { name.clone() } else { OTHER.to_owned() };
        let state = lanes::state(&outlet.breaker);
        let worst = shown.entry(name).or_default();
        *worst = worst.max(state);
    }
    for (name, state) in shown {
        gauge!("invoked_destination_breaker_state", "destination" => name).set(state);
    }
}

fn under_way(view: &EngineView, directory: &Directory) -> BTreeMap<FnId, u32> {
    let mut busy = BTreeMap::new();
    for (lane, of) in view.shards.iter().flat_map(|shard| &shard.lanes) {
        match lane {
            LaneId::Function(id) => {
                *busy.entry(directory.owner_of(*id).0).or_default() += of.busy;
            }
            LaneId::Destination(_) => {}
        }
    }
    busy
}
