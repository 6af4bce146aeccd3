//! One shard: many invocations, decided one input at a time.
//!
//! [`ShardCore::step`] takes an input and decides; [`ShardCore::flush`] ends a turn and hands out
//! what may happen; [`ShardCore::take_commit`] hands out what has to be made durable. What a commit allows (answers, callbacks,
//! cancellations, the next attempt) comes out of the step that handles [`Input::Committed`], never
//! earlier. The one exception is an attempt, which may start from a durable *enqueued* row.
//!
//! # Invariants
//!
//! `effects_follow_commits`, `one_commit_per_row`, `one_due`, `outcome_with_callback`,
//! `counted_once`: see [`crate::invariant`], which the simulation checks after every step.

mod ahead;
mod attempt;
mod callback;
mod commit;
mod inlet;
mod intake;
mod kept;
mod message;
mod outcome;
mod outlet;
mod redrive;
mod row;
mod standing;
mod stop;
mod sweep;
mod window;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

pub use inlet::Inlet;
pub use kept::{FoundCallback, KeptCallback};
pub use message::{
    AcceptRequest, Accepted, AttemptReport, BytesWanted, Call, Commit, Dispatch, Effect, Input,
    LoadedBytes, Note, RedriveRefused, Refused, ReplyId, RowOp, StopRefused, Ticket,
};
pub use outlet::Outlet;
pub use standing::{LaneStanding, Stage, Standing};

use crate::breaker::BreakerPolicy;
use crate::callback::CallbackPolicy;
use crate::directory::Directory;
use crate::head::{LaneId, Slot};
use crate::id::{InvKey, ShardId};
use crate::lane::{LaneRules, LaneView, Lanes, Tenant};
use crate::life::RetryPolicy;
use crate::time::Timestamp;
use crate::totals::Totals;
use commit::After;
use row::{Mark, Row};
use sweep::Sweeping;

/// How a shard works. [`Input::Config`] replaces it, but for the shard itself and the marks.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    /// The shard.
    pub shard: ShardId,
    /// Waits between attempts.
    pub retry: RetryPolicy,
    /// Waits between tries of a callback, and their end.
    pub callback: CallbackPolicy,
    /// When destinations are let alone.
    pub breaker: BreakerPolicy,
    /// When functions are let alone.
    pub function_breaker: BreakerPolicy,
    /// Rows that one lane keeps in memory.
    pub window_max: usize,
    /// Rows that all lanes of the shard keep in memory, about: a quarter of them for those of destinations.
    pub windows_max: usize,
    /// Attempts under way at a time, over all functions.
    pub attempts_max: usize,
    /// Callbacks under way at a time, over all destinations.
    pub callbacks_max: usize,
    /// The most attempts under way at a time for a function without a limit of its own: its adaptive
    /// limit is no higher.
    pub function_limit: u32,
    /// Callbacks under way at a time for one destination.
    pub destination_limit: u32,
    /// Bytes of payloads of waiting rows that are kept in memory; the others are read again.
    pub payload_cache_bytes: usize,
    /// Operations that may wait for a commit before nothing more is settled, granted or loaded.
    pub ops_max: usize,
    /// Age of a plain attempt at which "started" is written.
    pub started_mark_after: Duration,
    /// The same of an attempt of a task.
    pub task_mark_after: Duration,
    /// A deliberate mistake, with which the simulation shows that it finds it. `None` otherwise.
    pub defect: Option<Defect>,
}

/// A mistake that a test makes on purpose.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Defect {
    /// An event of a row does not wait for the commit of that row that is under way.
    OverlappingCommits,
}

impl ShardConfig {
    /// Rows that the lanes of destinations keep in memory.
    fn rows_of_destinations(&self) -> usize {
        self.windows_max / 4
    }

    /// Rows that those of functions do.
    fn rows_of_functions(&self) -> usize {
        self.windows_max - self.rows_of_destinations()
    }
}

/// The decisions of one shard. Pure: see the crate's documentation.
#[derive(Debug)]
pub struct ShardCore {
    config: ShardConfig,
    directory: Arc<Directory>,
    /// Boxed: a map moves its entries about, and a row is large.
    rows: BTreeMap<InvKey, Box<Row>>,
    /// Functions with work to do.
    lanes: Lanes,
    /// Destinations with callbacks to be made.
    outlets: Lanes,
    /// What is known of the functions that were called.
    inlets: BTreeMap<LaneId, Inlet>,
    /// What is known of the destinations that were called.
    outlet_states: BTreeMap<LaneId, Outlet>,
    totals: Totals,
    expiries: BTreeSet<(Timestamp, InvKey)>,
    /// When the last tries of the callbacks that wait in memory may start.
    deadlines: BTreeSet<(Timestamp, InvKey)>,
    /// Callbacks past it whose messages are being read.
    giving_up: usize,
    marks: VecDeque<Mark>,
    task_marks: VecDeque<Mark>,
    attempts_under_way: usize,
    callbacks_under_way: usize,
    cached_bytes: usize,
    /// Accepts of caller-chosen ids that wait for a look at the store.
    probing: BTreeMap<InvKey, (AcceptRequest, ReplyId)>,
    /// Rows that are being read because something is wanted of them.
    fetching: BTreeMap<InvKey, Vec<ReplyId>>,
    /// Those of them that have changed since the read began: it has to be made again.
    stale_fetches: BTreeSet<InvKey>,
    /// Callbacks that are being read because they are to be redriven, and who asks.
    redriving: BTreeMap<InvKey, (Box<str>, ReplyId)>,
    /// Pages of sweeps under way.
    sweeps: BTreeMap<ReplyId, Sweeping>,
    /// What this turn has decided, and what follows once it is durable.
    ops: Vec<RowOp>,
    after: Vec<After>,
    committing: VecDeque<(Ticket, Vec<After>)>,
    next_ticket: Ticket,
    /// What this turn asks of the world without a commit.
    effects: Vec<Effect>,
    bytes_wanted: Vec<BytesWanted>,
    is_draining: bool,
    has_more: bool,
}

/// A shard as operators see it.
#[derive(Clone, Debug)]
pub struct ShardView {
    /// Rows in memory.
    pub rows: usize,
    /// Attempts under way.
    pub attempts: usize,
    /// Callbacks under way.
    pub callbacks: usize,
    /// Payload bytes in memory for waiting rows.
    pub cached_bytes: usize,
    /// The lanes.
    pub lanes: Vec<(LaneId, LaneView)>,
    /// What is known of the functions that were called.
    pub inlets: Vec<(LaneId, Inlet)>,
    /// What is known of the destinations that were called.
    pub outlets: Vec<(LaneId, Outlet)>,
}

impl ShardCore {
    /// A shard as its store has it: `lanes` are those with live rows, `totals` its counts. Nothing
    /// else is read; due work comes in by windows.
    #[must_use]
    pub fn new(
        config: ShardConfig,
        directory: Arc<Directory>,
        totals: Totals,
        lanes: &[LaneId],
        now: Timestamp,
    ) -> Self {
        let mut core = Self {
            lanes: Lanes::sharing(slots(config.attempts_max), config.window_max)
                .keeping(config.rows_of_functions()),
            outlets: Lanes::sharing_carefully(slots(config.callbacks_max), config.window_max)
                .keeping(config.rows_of_destinations()),
            config,
            directory,
            rows: BTreeMap::new(),
            totals,
            expiries: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            giving_up: 0,
            inlets: BTreeMap::new(),
            outlet_states: BTreeMap::new(),
            marks: VecDeque::new(),
            task_marks: VecDeque::new(),
            attempts_under_way: 0,
            callbacks_under_way: 0,
            cached_bytes: 0,
            probing: BTreeMap::new(),
            fetching: BTreeMap::new(),
            redriving: BTreeMap::new(),
            stale_fetches: BTreeSet::new(),
            sweeps: BTreeMap::new(),
            ops: Vec::new(),
            after: Vec::new(),
            committing: VecDeque::new(),
            next_ticket: Ticket(1),
            effects: Vec::new(),
            bytes_wanted: Vec::new(),
            is_draining: false,
            has_more: false,
        };
        for lane in lanes {
            let rules = core.rules_of(*lane);
            core.lanes_of(*lane).open_stored(*lane, rules);
        }
        core.adopt_directory(now);
        core
    }

    /// Takes one input and decides. Call [`ShardCore::flush`] after the last input of a turn.
    pub fn step(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Accept { request, reply } => self.accept(request, reply, now),
            Input::Committed { ticket, conflicts } => self.committed(ticket, &conflicts, now),
            Input::AttemptEnded(report) => self.attempt_ended(report, now),
            Input::CallEnded { key, tried, verdict } => self.call_ended(key, tried, verdict, now),
            Input::Stop { key, reply } => self.stop(key, reply, now),
            Input::Redrive { key, by, reply } => self.redrive(key, by, reply),
            Input::KeptLoaded { key, found } => self.kept_loaded(key, found, now),
            Input::Sweep { page, reply } => self.sweep(page, reply),
            Input::SweepLoaded { reply, heads, is_complete } => {
                self.sweep_loaded(reply, heads, is_complete);
            }
            Input::HeadsLoaded { lane, heads, is_complete } => {
                self.heads_loaded(lane, heads, is_complete, now);
            }
            Input::HeadLoaded { key, head, is_kept } => self.head_loaded(key, head, is_kept, now),
            Input::BytesLoaded(loaded) => self.bytes_loaded(loaded, now),
            Input::BytesReadAhead(loaded) => self.bytes_read_ahead(loaded, now),
            Input::Directory(directory) => {
                let old = core::mem::replace(&mut self.directory, directory);
                self.adopt_directory(now);
                let (old, new) = (&old, &self.directory);
                if old.pauses() != new.pauses() || old.unconfigured() != new.unconfigured() {
                    self.adopt_pauses(now);
                }
                self.lift_holds(old, now);
            }
            Input::Config(config) => self.adopt_config(*config, now),
            Input::Tick => {}
            Input::Drain => {
                self.is_draining = true;
                self.refuse_sweeps();
            }
            Input::MarkAll => self.mark_all(),
        }
    }

    /// Ends a turn: grants free slots, then hands out the effects that need no commit or whose
    /// commit is durable.
    pub fn flush(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        self.pass_time(now);
        if !self.is_draining {
            self.advance_sweeps(now);
            self.grant_attempts(now);
            self.grant_calls(now);
        }
        if self.has_room() {
            for wanted in self.lanes.poll_loads().into_iter().chain(self.outlets.poll_loads()) {
                self.effects.push(Effect::LoadHeads(wanted));
            }
        } else {
            // The next commit makes room; nothing else is worth waking up for.
            self.has_more = false;
        }
        if !self.bytes_wanted.is_empty() {
            let wanted = core::mem::take(&mut self.bytes_wanted);
            self.effects.push(Effect::LoadBytes { wanted });
        }
        out.append(&mut self.effects);
    }

    /// Everything decided since the last commit, as one commit; `None` if there is nothing. Say
    /// [`Input::Committed`] when it is durable. Taking them one at a time makes a commit as large as
    /// what has come in during the one before.
    pub fn take_commit(&mut self) -> Option<(Ticket, Commit)> {
        if self.ops.is_empty() && self.after.is_empty() {
            return None;
        }
        let ticket = self.next_ticket;
        self.next_ticket = Ticket(ticket.0 + 1);
        self.committing.push_back((ticket, core::mem::take(&mut self.after)));
        let ops = core::mem::take(&mut self.ops);
        let totals = self.totals.take_touched();
        Some((ticket, Commit { ops, totals }))
    }

    /// Whether more may be decided before a commit is taken.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.ops.len() < self.config.ops_max
    }

    /// Operations that wait for a commit to be taken.
    #[must_use]
    pub fn ops_waiting(&self) -> usize {
        self.ops.len()
    }

    /// When a turn is worth starting without any input; `None` if only an input can matter.
    #[must_use]
    pub fn next_wakeup(&self, now: Timestamp) -> Option<Timestamp> {
        if self.has_more {
            return Some(now);
        }
        if !self.has_room() {
            return None;
        }
        let marks = [self.marks.front(), self.task_marks.front()];
        let mark = marks.into_iter().flatten().map(|mark| mark.due).min();
        let expiry = self.expiries.first().map(|(at, _)| *at);
        if self.is_draining {
            return mark;
        }
        [mark, expiry, self.next_deadline(), self.lanes.next_wakeup(), self.outlets.next_wakeup()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The row as it stands in memory, if it does and rests on what is durable: a change whose
    /// commit is under way may yet be undone by a crash, and nobody is told of it.
    #[must_use]
    pub fn head(&self, key: &InvKey) -> Option<&crate::head::Head> {
        self.rows.get(key).filter(|row| row.is_stored && !row.is_committing).map(|row| &row.head)
    }

    /// The rows whose attempt is with a function or about to be.
    pub fn heads_under_way(&self) -> impl Iterator<Item = &crate::head::Head> {
        let heads = self.rows.values().map(|row| &row.head);
        heads.filter(|head| head.life.attempt_under_way().is_some())
    }

    /// The counts. Those of a commit under way are included.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Whether nothing is under way and nothing waits for a commit.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.attempts_under_way == 0
            && self.callbacks_under_way == 0
            && self.committing.is_empty()
            && self.ops.is_empty()
            && self.after.is_empty()
    }

    /// The shard as operators see it.
    #[must_use]
    pub fn view(&self, now: Timestamp) -> ShardView {
        let views = [&self.lanes, &self.outlets]
            .into_iter()
            .flat_map(|lanes| lanes.ids().filter_map(move |id| Some((id, lanes.view(id, now)?))));
        ShardView {
            rows: self.rows.len(),
            attempts: self.attempts_under_way,
            callbacks: self.callbacks_under_way,
            cached_bytes: self.cached_bytes,
            lanes: views.collect(),
            inlets: self.inlets.iter().map(|(lane, of)| (*lane, of.clone())).collect(),
            outlets: self.outlet_states.iter().map(|(lane, of)| (*lane, of.clone())).collect(),
        }
    }

    fn rules_of(&self, lane: LaneId) -> LaneRules {
        let id = match lane {
            LaneId::Destination(id) => {
                let unconfigured = self.directory.unconfigured().contains(&id);
                let is_held = self.directory.is_held(id);
                let limit = if is_held { 0 } else { self.config.destination_limit };
                return LaneRules { unconfigured, ..LaneRules::plain(limit) };
            }
            LaneId::Function(id) => id,
        };
        let Some((function, limits)) = self.directory.lane(id) else {
            let (key, _) = self.directory.owner_key_of(id);
            let tenant = key.map_or_else(Tenant::default, |key| Tenant::of(&key.account));
            return LaneRules { closed: true, tenant, ..LaneRules::plain(0) };
        };
        let limit = limits.concurrency.unwrap_or(self.config.function_limit);
        LaneRules {
            limit: if function.paused { 0 } else { limit },
            rate: limits.rate,
            weight: limits.weight,
            tenant: Tenant::of(&function.account),
            share: self.directory.share_of(&function.account),
            closed: false,
            unconfigured: false,
        }
    }

    /// Works as this says from here on. What is under way or waits was decided before and stays so; what is
    /// decided next is held to it.
    fn adopt_config(&mut self, config: ShardConfig, now: Timestamp) {
        let ShardConfig { shard, defect, .. } = self.config;
        self.config = ShardConfig { shard, defect, ..config };
        let config = &self.config;
        let (attempts, callbacks) = (slots(config.attempts_max), slots(config.callbacks_max));
        self.lanes.resize(attempts, config.window_max, config.rows_of_functions());
        self.outlets.resize(callbacks, config.window_max, config.rows_of_destinations());
        for adaptive in self.inlets.values_mut().filter_map(|inlet| inlet.adaptive.as_mut()) {
            adaptive.bound(config.function_limit);
        }
        self.adopt_breakers(now);
        self.adopt_directory(now);
        self.adopt_pauses(now);
    }

    fn adopt_directory(&mut self, now: Timestamp) {
        let known: Vec<_> = self.lanes.ids().collect();
        for lane in known {
            self.set_rules(lane, now);
        }
    }

    /// Lets what is configured hold for a lane, which is opened if it is not there. One whose qualifier has
    /// no limits any more goes by those of its function's own lane, as if it were that.
    fn set_rules(&mut self, lane: LaneId, now: Timestamp) {
        let host = Some(self.directory.limiting(lane)).filter(|host| *host != lane);
        for lane in host.filter(|host| !self.lanes.contains(*host)).into_iter().chain([lane]) {
            let (rules, cap) = (self.rules_of(lane), self.cap_of(lane));
            let lanes = self.lanes_of(lane);
            lanes.set_rules(lane, rules, now);
            lanes.set_cap(lane, cap, now);
        }
        if host.is_some() {
            self.forget_inlet(lane, now);
        }
        self.lanes_of(lane).set_host(lane, host, now);
    }

    /// What was asked with `Retry-After` no longer holds where a function was changed, or where an operator
    /// has let go of what he held.
    fn lift_holds(&mut self, old: &Directory, now: Timestamp) {
        let new = &self.directory;
        let is_lifted = |lane: &LaneId| match *lane {
            LaneId::Function(id) => {
                let (owner, _) = new.owner_of(id);
                let both = old.get(owner).zip(new.get(owner));
                both.is_some_and(|(was, is)| {
                    was.changed_at != is.changed_at || (was.paused && !is.paused)
                })
            }
            LaneId::Destination(id) => old.is_held(id) && !new.is_held(id),
        };
        let lifted: Vec<_> = self.lanes.ids().chain(self.outlets.ids()).filter(is_lifted).collect();
        for lane in lifted {
            self.lanes_of(lane).lift_hold(lane, now);
        }
    }

    fn lanes_of(&mut self, lane: LaneId) -> &mut Lanes {
        match lane {
            LaneId::Function(_) => &mut self.lanes,
            LaneId::Destination(_) => &mut self.outlets,
        }
    }

    /// Opens a lane for the first row of a function or destination.
    fn ensure_lane(&mut self, slot: Slot, now: Timestamp) {
        if !self.lanes_of(slot.lane).contains(slot.lane) {
            self.set_rules(slot.lane, now);
        }
    }
}

fn slots(max: usize) -> u32 {
    u32::try_from(max).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
