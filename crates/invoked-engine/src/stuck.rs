//! Functions whose first invocation has been due for ten minutes: one line of the log when it comes to that, and one
//! when it is over. The alert `InvokedLaneStuck` goes by the same.

use std::collections::BTreeMap;
use std::time::Duration;

use invoked_core::head::LaneId;
use invoked_core::id::FnId;
use invoked_core::lane::Hold;
use invoked_core::name::Qualifier;
use invoked_core::time::Timestamp;

use crate::handle::{EngineView, Handle};

/// From one look to the next.
const LOOK: Duration = Duration::from_secs(30);
/// Longer than that is stuck, unless an operator has paused the function.
const OVERDUE_MAX: Duration = Duration::from_secs(600);

/// Looks at the lanes again and again. Never returns.
pub(crate) async fn watch(handle: Handle) {
    let mut known = BTreeMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let stuck = found(&handle.view().await, handle.now());
        let directory = handle.directory();
        tell(&known, &stuck, |id| {
            let (function, qualifier) = directory.owner_key_of(id);
            let function = function.map_or_else(String::new, |key| key.name.as_str().to_owned());
            (function, qualifier.map(Qualifier::as_str))
        });
        known = stuck;
    }
}

/// A line for each lane that is stuck since the last look, and for each that no longer is.
fn tell<'a>(
    known: &BTreeMap<FnId, Duration>,
    stuck: &BTreeMap<FnId, Duration>,
    owner: impl Fn(FnId) -> (String, Option<&'a str>),
) {
    for (id, overdue) in stuck.iter().filter(|(id, _)| !known.contains_key(*id)) {
        let (function, qualifier) = owner(*id);
        tracing::warn!(
            event = "lane_stuck",
            function,
            qualifier,
            overdue_seconds = overdue.as_secs(),
            "a function does not get its turn"
        );
    }
    for id in known.keys().filter(|id| !stuck.contains_key(*id)) {
        let (function, qualifier) = owner(*id);
        tracing::info!(
            event = "lane_unstuck",
            function,
            qualifier,
            "a function gets its turn again"
        );
    }
}

/// The lanes of functions that are stuck, and for how long their first has been due.
fn found(view: &EngineView, now: Timestamp) -> BTreeMap<FnId, Duration> {
    let lanes = view.shards.iter().flat_map(|shard| &shard.lanes);
    let stuck = lanes.filter_map(|(lane, of)| {
        let LaneId::Function(id) = lane else { return None };
        let overdue = now.since(of.first_due?);
        (OVERDUE_MAX < overdue && of.hold != Hold::Paused).then_some((*id, overdue))
    });
    stuck.collect()
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::{Arc, Mutex};

    use invoked_core::lane::LaneView;
    use invoked_core::shard::ShardView;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    /// The fields of each line, but for its message.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Fields(String);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            if field.name() != "message" {
                self.0 += &format!("{}={value:?} ", field.name());
            }
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut fields = Fields(format!("{} ", event.metadata().level()));
            event.record(&mut fields);
            self.0.lock().unwrap().push(fields.0.trim_end().to_owned());
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn a_lane_is_told_once_when_it_is_stuck_and_once_when_it_is_not() {
        let lines = Lines::default();
        let of = |ids: &[u32]| ids.iter().map(|id| (FnId(*id), Duration::from_secs(700))).collect();
        let looks = [of(&[]), of(&[1]), of(&[1, 2]), of(&[2]), of(&[])];
        tracing::subscriber::with_default(lines.clone(), || {
            for (known, stuck) in looks.iter().zip(looks.iter().skip(1)) {
                tell(known, stuck, |id| (format!("f{}", id.0), (id.0 == 2).then_some("canary")));
            }
        });
        let told = lines.0.lock().unwrap();
        let expected = [
            r#"WARN event="lane_stuck" function="f1" overdue_seconds=700"#,
            r#"WARN event="lane_stuck" function="f2" qualifier="canary" overdue_seconds=700"#,
            r#"INFO event="lane_unstuck" function="f1""#,
            r#"INFO event="lane_unstuck" function="f2" qualifier="canary""#,
        ];
        assert_eq!(*told, expected);
    }

    #[test]
    fn who_waits_for_ten_minutes_is_stuck_unless_an_operator_holds_him() {
        let now = Timestamp::from_millis(10_000_000);
        let lane = |id, waits_ms: Option<i64>, hold| {
            let first_due = waits_ms.map(|waits| Timestamp::from_millis(now.millis() - waits));
            let view = LaneView {
                in_window: 1,
                busy: 0,
                first_due,
                is_complete: true,
                limit: 1,
                is_adaptive: false,
                rate: None,
                hold,
                tenant_busy: 0,
                tenants: 1,
            };
            (id, view)
        };
        let function = |id| LaneId::Function(FnId(id));
        let lanes = vec![
            lane(function(1), Some(600_001), Hold::Concurrency),
            lane(function(2), Some(600_000), Hold::Concurrency),
            lane(function(3), Some(9_000_000), Hold::Paused),
            lane(function(4), None, Hold::Nothing),
            lane(LaneId::Destination(FnId(5)), Some(9_000_000), Hold::Concurrency),
        ];
        let shard = ShardView {
            rows: 0,
            attempts: 0,
            callbacks: 0,
            cached_bytes: 0,
            lanes,
            inlets: Vec::new(),
            outlets: Vec::new(),
        };
        let view = EngineView { shards: vec![shard], is_accepting: true };
        let stuck: Vec<_> = found(&view, now).into_iter().collect();
        assert_eq!(stuck, [(FnId(1), Duration::from_millis(600_001))]);
    }
}
