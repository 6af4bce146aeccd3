//! The last hour, in memory: a point for each five seconds, and what destinations were told in each minute.
//!
//! One task samples; pages read. Without anybody who watches it looks every five seconds, else every second.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem::{Discriminant, discriminant};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use invoked_core::arn::SinkKind;
use invoked_core::head::LaneId;
use invoked_core::id::FnId;
use invoked_core::lane::Hold;
use invoked_core::life::Outcome;
use invoked_core::name::Qualifier;
use invoked_core::totals::{Gauge, Metric, TotalKey};
use invoked_engine::{FlowView, Handle};
use tokio::sync::watch;

use crate::admin::dto::series::{Budget, Destinations, Point, Told};

/// From one look to the next while somebody watches.
const TICK: Duration = Duration::from_secs(1);
/// Looks for each point that is kept.
const TICKS_PER_POINT: u64 = 5;
/// Points that are kept: an hour.
const POINTS_MAX: usize = 720;
/// Points of a minute.
const POINTS_PER_MINUTE: usize = 12;
/// Minutes that are kept.
const MINUTES_MAX: usize = 60;
/// Functions with a qualifier and a kind of destination that are told apart in one span; more count as `_other`.
const TOLD_MAX: usize = 2_000;
/// Those that are shown, worst first.
const TOLD_SHOWN_MAX: usize = 100;
/// The part of what ends that is to end well, in thousandths.
const OBJECTIVE_PERMILLE: u64 = 999;
/// Lanes that an event names. More that have changed are named by the next.
const LANES_NAMED_MAX: usize = 200;

/// Who told whom: nobody in particular beyond [`TOLD_MAX`].
type Teller = Option<(FnId, Qualifier, SinkKind)>;
type Tally = BTreeMap<Teller, Count>;

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    succeeded: u64,
    failed: u64,
}

/// What a look has seen: sent to every stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) point: Point,
    pub(super) functions: Vec<String>,
    pub(super) destinations: Vec<String>,
}

/// The last hour.
#[derive(Debug)]
pub(super) struct Series {
    kept: RwLock<Kept>,
    seen: watch::Sender<Arc<Seen>>,
    watchers: AtomicUsize,
}

#[derive(Debug, Default)]
struct Kept {
    points: VecDeque<Point>,
    /// What was told in each of the last points of a minute.
    recent: VecDeque<Tally>,
    /// What was told in each minute; the last one is not over.
    minutes: VecDeque<Tally>,
    points_in_minute: usize,
    outcomes: VecDeque<Ends>,
}

/// What ended well and what did not.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    good: u64,
    bad: u64,
}

/// Somebody who watches; looks are a second apart while there is one.
#[derive(Debug)]
pub(super) struct Watching {
    series: Arc<Series>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.series.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Series {
    fn default() -> Self {
        let (seen, _) = watch::channel(Arc::default());
        Self { kept: RwLock::default(), seen, watchers: AtomicUsize::new(0) }
    }
}

impl Series {
    /// A place among those who watch, unless there are `max` of them.
    pub(super) fn watch(self: &Arc<Self>, max: usize) -> Option<Watching> {
        let place = |count: usize| (count < max).then_some(count + 1);
        self.watchers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, place).ok()?;
        Some(Watching { series: Arc::clone(self) })
    }

    /// What is seen from here on.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Seen>> {
        self.seen.subscribe()
    }

    /// The points of the last hour, oldest first.
    pub(super) fn points(&self) -> Vec<Point> {
        self.read(|kept| kept.points.iter().cloned().collect())
    }

    /// What destinations were told in the last minute and hour.
    pub(super) fn destinations(&self, engine: &Handle) -> Destinations {
        let (minute, hour) = self.read(|kept| {
            let sum = |tallies: &VecDeque<Tally>| {
                let mut sum = Tally::new();
                for (teller, count) in tallies.iter().flatten() {
                    add(&mut sum, teller.clone(), *count, usize::MAX);
                }
                sum
            };
            (sum(&kept.recent), sum(&kept.minutes))
        });
        Destinations { minute: shown(engine, minute), hour: shown(engine, hour) }
    }

    /// How much of what may fail in an hour has.
    pub(super) fn budget(&self) -> Budget {
        let ends = self.read(|kept| {
            kept.outcomes.iter().fold(Ends::default(), |sum, ends| Ends {
                good: sum.good + ends.good,
                bad: sum.bad + ends.bad,
            })
        });
        Budget::of(ends.good, ends.bad, OBJECTIVE_PERMILLE)
    }

    fn read<T>(&self, look: impl FnOnce(&Kept) -> T) -> T {
        look(&self.kept.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Samples for as long as the daemon runs. Never returns.
    pub(super) async fn sample(self: Arc<Self>, engine: Handle) {
        let mut before = Look::at(&engine);
        let mut point_before = before.clone();
        let mut lanes = LanesTold::default();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut count = 0_u64;
        loop {
            ticks.tick().await;
            count += 1;
            let is_point = count.is_multiple_of(TICKS_PER_POINT);
            let is_watched = 0 < self.watchers.load(Ordering::Relaxed);
            if !is_point && !is_watched {
                continue;
            }
            let look = Look::at(&engine);
            if is_point {
                self.keep(&point_before, &look);
                point_before = look.clone();
            }
            if is_watched {
                let (functions, destinations) = changed(&engine, &mut lanes).await;
                let point = look.since(&before);
                self.seen.send_replace(Arc::new(Seen { point, functions, destinations }));
            }
            before = look;
        }
    }

    fn keep(&self, before: &Look, look: &Look) {
        let (point, tally, ends) = (look.since(before), look.told(before), look.ends(before));
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        push(&mut kept.points, point, POINTS_MAX);
        push(&mut kept.outcomes, ends, POINTS_MAX);
        if kept.points_in_minute.is_multiple_of(POINTS_PER_MINUTE) {
            push(&mut kept.minutes, Tally::new(), MINUTES_MAX);
        }
        kept.points_in_minute = (kept.points_in_minute + 1) % POINTS_PER_MINUTE;
        if let Some(minute) = kept.minutes.back_mut() {
            for (teller, count) in &tally {
                add(minute, teller.clone(), *count, TOLD_MAX);
            }
        }
        push(&mut kept.recent, tally, POINTS_PER_MINUTE);
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T, max: usize) {
    if queue.len() == max {
        queue.pop_front();
    }
    queue.push_back(item);
}

fn add(tally: &mut Tally, teller: Teller, count: Count, max: usize) {
    let has_room = tally.len() < max || tally.contains_key(&teller);
    let sum = tally.entry(if has_room { teller } else { None }).or_default();
    sum.succeeded += count.succeeded;
    sum.failed += count.failed;
}

fn shown(engine: &Handle, tally: Tally) -> Vec<Told> {
    let directory = engine.directory();
    let mut told: Vec<_> = tally.into_iter().collect();
    told.sort_by_key(|(_, count)| std::cmp::Reverse((count.failed, count.succeeded)));
    told.truncate(TOLD_SHOWN_MAX);
    let other = || "_other".to_owned();
    let row = |(teller, count): (Teller, Count)| {
        let (function, destination) = match teller {
            None => (other(), other()),
            Some((fn_id, _, kind)) => {
                let key = directory.key_of(fn_id);
                let name = key.map_or_else(other, |key| key.name.as_str().to_owned());
                (name, kind.as_str().to_owned())
            }
        };
        Told { function, destination, succeed: count.succeeded, errors: count.failed }
    };
    told.into_iter().map(row).collect()
}

/// The counts at one instant.
#[derive(Clone)]
struct Look {
    at: i64,
    flow: FlowView,
    accepted: u64,
    live: u64,
    owed: u64,
    delivered: u64,
    failed: u64,
    ends: Ends,
    told: BTreeMap<(FnId, Qualifier, SinkKind), Count>,
}

impl Look {
    fn at(engine: &Handle) -> Self {
        let mut look = Self {
            at: engine.now().millis(),
            flow: engine.flow(),
            accepted: 0,
            live: 0,
            owed: 0,
            delivered: 0,
            failed: 0,
            ends: Ends::default(),
            told: BTreeMap::new(),
        };
        let mut ended = 0;
        engine.each_total(|key, value| {
            match key.metric {
                Metric::Accepted => look.accepted += value,
                Metric::Ended(outcome) => {
                    ended += value;
                    match outcome {
                        Outcome::Succeeded => look.ends.good += value,
                        Outcome::Failed | Outcome::Expired => look.ends.bad += value,
                        // Somebody wanted it so.
                        Outcome::Stopped | Outcome::Invalid => {}
                    }
                }
                Metric::CallbackDelivered(kind) => {
                    look.delivered += value;
                    look.ends.good += value;
                    look.teller(key, kind).succeeded += value;
                }
                Metric::CallbackFailed(kind) => {
                    look.failed += value;
                    look.ends.bad += value;
                    look.teller(key, kind).failed += value;
                }
                Metric::Now(Gauge::CallbacksOwed) => look.owed += value,
                Metric::Now(Gauge::Running | Gauge::Retrying | Gauge::Stopping)
                | Metric::Redriven(_)
                | Metric::RedriveDelivered(_)
                | Metric::RedriveFailed(_) => {}
            }
        });
        look.live = look.accepted.saturating_sub(ended);
        look
    }

    fn teller(&mut self, key: &TotalKey, kind: SinkKind) -> &mut Count {
        self.told.entry((key.fn_id, key.qualifier.clone(), kind)).or_default()
    }

    fn since(&self, before: &Self) -> Point {
        let millis = self.at.saturating_sub(before.at).max(1);
        let rate = |now: u64, then: u64| {
            let micros = now.saturating_sub(then).saturating_mul(1_000_000);
            let thousandths = micros / u64::try_from(millis).unwrap_or(1);
            f64::from(u32::try_from(thousandths).unwrap_or(u32::MAX)) / 1e3
        };
        let ms = |took: Duration| took.as_secs_f64() * 1e3;
        let (accept, waited) = (
            self.flow.accept.since(&before.flow.accept),
            self.flow.waited.since(&before.flow.waited),
        );
        Point {
            at: self.at,
            accepted: rate(self.accepted, before.accepted),
            attempts: rate(self.flow.attempts, before.flow.attempts),
            attempts_failed: rate(self.flow.attempts_failed, before.flow.attempts_failed),
            callbacks: rate(self.delivered + self.failed, before.delivered + before.failed),
            callbacks_failed: rate(self.failed, before.failed),
            accept_p50_ms: accept.quantile(500).map(ms),
            accept_p99_ms: accept.quantile(990).map(ms),
            wait_p99_ms: waited.quantile(990).map(ms),
            live: self.live,
            owed: self.owed,
        }
    }

    fn told(&self, before: &Self) -> Tally {
        let mut tally = Tally::new();
        for (teller, count) in &self.told {
            let was = before.told.get(teller).copied().unwrap_or_default();
            let since = Count {
                succeeded: count.succeeded.saturating_sub(was.succeeded),
                failed: count.failed.saturating_sub(was.failed),
            };
            if 0 < since.succeeded + since.failed {
                add(&mut tally, Some(teller.clone()), since, TOLD_MAX);
            }
        }
        tally
    }

    fn ends(&self, before: &Self) -> Ends {
        Ends {
            good: self.ends.good.saturating_sub(before.ends.good),
            bad: self.ends.bad.saturating_sub(before.ends.bad),
        }
    }
}

/// What a page shows of a lane.
type State = (u32, usize, u32, Discriminant<Hold>);

/// What is known of the lanes, and how far round they have been told of.
#[derive(Debug, Default)]
struct LanesTold {
    known: BTreeMap<LaneId, State>,
    last: Option<LaneId>,
}

impl LanesTold {
    /// Some of the lanes that are not as they were told of last, at most so many: those behind the last one that
    /// was told of go first. The others are told of at the next look.
    fn changed(&mut self, now: &BTreeMap<LaneId, State>, max: usize) -> Vec<LaneId> {
        let all: BTreeSet<_> = self.known.keys().chain(now.keys()).copied().collect();
        let is_other = |id: &LaneId| self.known.get(id) != now.get(id);
        let mut changed: Vec<_> = all.into_iter().filter(is_other).collect();
        let told = changed.partition_point(|id| self.last.is_some_and(|last| *id <= last));
        changed.rotate_left(told);
        changed.truncate(max);
        for id in &changed {
            match now.get(id) {
                Some(state) => drop(self.known.insert(*id, *state)),
                None => drop(self.known.remove(id)),
            }
        }
        self.last = changed.last().copied().or(self.last);
        changed
    }
}

/// The names of lanes that are not as they were.
async fn changed(engine: &Handle, told: &mut LanesTold) -> (Vec<String>, Vec<String>) {
    let view = engine.view().await;
    let mut now = BTreeMap::new();
    for (id, lane) in view.shards.iter().flat_map(|shard| shard.lanes.iter()) {
        now.insert(*id, (lane.busy, lane.in_window, lane.limit, discriminant(&lane.hold)));
    }
    let (directory, destinations) = (engine.directory(), engine.destinations());
    let mut names = (Vec::new(), Vec::new());
    for id in told.changed(&now, LANES_NAMED_MAX) {
        match id {
            LaneId::Function(id) => {
                let (function, _) = directory.owner_key_of(id);
                names.0.extend(function.map(|key| key.name.as_str().to_owned()));
            }
            LaneId::Destination(id) => names.1.extend(destinations.get(&id).cloned()),
        }
    }
    names
}

#[cfg(test)]
mod tests;
