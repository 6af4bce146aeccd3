//! Windows: which rows wait in memory, and how the others come in.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::ShardCore;
use super::message::{BytesWanted, Effect, LoadedBytes, StopRefused};
use super::row::{Mark, Row};
use crate::callback::CallEvent;
use crate::fault::Fault;
use crate::head::{Head, LaneId};
use crate::id::InvKey;
use crate::lane::Placed;
use crate::life::{Event, Life};
use crate::limits::{SETTLED_PER_TURN_MAX, TRIMMED_PER_TURN_MAX};
use crate::time::Timestamp;

impl ShardCore {
    /// Puts a durable row where it waits: into its lane's window, or back to the store.
    pub(super) fn place(&mut self, key: InvKey, now: Timestamp) {
        let Some(slot) = self.rows.get(&key).map(|row| row.slot) else { return };
        self.ensure_lane(slot, now);
        let position = (slot.due, key);
        match self.lanes_of(slot.lane).place(slot.lane, position, now) {
            Placed::InWindow => self.wait_in_memory(key),
            Placed::Behind => self.evict(key),
            Placed::Displaced(other) => {
                self.wait_in_memory(key);
                self.evict(other);
            }
        }
    }

    fn wait_in_memory(&mut self, key: InvKey) {
        let Some(row) = self.rows.get_mut(&key) else { return };
        row.waiting_at = Some((row.slot.due, key));
        if matches!(row.slot.lane, LaneId::Function(_)) {
            self.expiries.insert((row.head.expires_at, key));
        }
        let pauses = self.directory.pauses_for(&row.head);
        row.deadline = row.head.callback.deadline(&self.config.callback, pauses);
        if let Some(deadline) = row.deadline {
            self.deadlines.insert((deadline, key));
        }
        let bytes = row.bytes();
        if self.cached_bytes + bytes > self.config.payload_cache_bytes {
            row.payload = None;
            row.result = None;
        } else {
            self.cached_bytes += bytes;
        }
    }

    /// The row no longer waits in memory; its lane knows.
    pub(super) fn stop_waiting(&mut self, key: InvKey) {
        let Some(row) = self.rows.get_mut(&key) else { return };
        if row.waiting_at.take().is_some() {
            self.cached_bytes = self.cached_bytes.saturating_sub(row.bytes());
            self.expiries.remove(&(row.head.expires_at, key));
            if let Some(deadline) = row.deadline.take() {
                self.deadlines.remove(&(deadline, key));
            }
        }
    }

    /// Takes a waiting row out of its lane, because something other than a slot moves it.
    pub(super) fn leave_lane(&mut self, key: InvKey, now: Timestamp) {
        let Some(row) = self.rows.get(&key) else { return };
        if let Some(position) = row.waiting_at {
            let lane = row.slot.lane;
            self.lanes_of(lane).remove(lane, position, now);
            self.stop_waiting(key);
        }
    }

    /// Sends rows of large windows back to the store if there are too many in memory.
    fn trim(&mut self) {
        let mut keys = self.lanes.trim(TRIMMED_PER_TURN_MAX);
        keys.append(&mut self.outlets.trim(TRIMMED_PER_TURN_MAX));
        self.has_more |= TRIMMED_PER_TURN_MAX <= keys.len();
        for key in keys {
            self.evict(key);
        }
    }

    fn evict(&mut self, key: InvKey) {
        self.stop_waiting(key);
        self.rows.remove(&key);
    }

    pub(super) fn heads_loaded(
        &mut self,
        lane: LaneId,
        heads: Vec<Head>,
        is_complete: bool,
        now: Timestamp,
    ) {
        let upto = match heads.last() {
            Some(last) if !is_complete => Some((last.due, last.key)),
            Some(_) | None => None,
        };
        let mut fresh: BTreeMap<InvKey, Head> = heads
            .into_iter()
            .filter(|head| !self.rows.contains_key(&head.key) && head.slot().lane == lane)
            .map(|head| (head.key, head))
            .collect();
        let mut found: Vec<_> = fresh.values().map(|head| (head.due, head.key)).collect();
        found.sort_unstable();
        let loaded = self.lanes_of(lane).loaded(lane, &found, upto, now);
        for key in &loaded.keys {
            if let Some(head) = fresh.remove(key) {
                self.adopt(head, now);
            }
        }
        self.read_ahead(&loaded.keys, now);
        for key in loaded.displaced {
            self.evict(key);
        }
        for key in loaded.missed {
            if !self.rows.contains_key(&key) && !self.fetching.contains_key(&key) {
                self.fetching.insert(key, Vec::new());
                self.effects.push(Effect::LoadHead { key });
            }
        }
    }

    /// Takes a stored row, which its lane already counts as waiting, into memory.
    fn adopt(&mut self, head: Head, now: Timestamp) {
        let key = head.key;
        let is_under_way = head.life.attempt_under_way().is_some();
        self.rows.insert(key, Box::new(Row::stored(head)));
        self.wait_in_memory(key);
        if is_under_way {
            self.leave_lane(key, now);
            self.lose_attempt(key, now);
        }
    }

    /// A row that the store has under way and nobody here started: a restart lost its attempt.
    fn lose_attempt(&mut self, key: InvKey, now: Timestamp) {
        if let Some(row) = self.rows.get_mut(&key) {
            let lost = "the daemon was restarted while this attempt was under way";
            row.head.fault = Some(Fault::new("AttemptLost", lost, 500));
        }
        self.live(key, Event::AttemptLost, now);
    }

    pub(super) fn head_loaded(
        &mut self,
        key: InvKey,
        head: Option<Box<Head>>,
        is_kept: bool,
        now: Timestamp,
    ) {
        if let Some((request, reply)) = self.probing.remove(&key) {
            self.probed(request, reply, head.as_deref(), now);
        }
        if self.stale_fetches.remove(&key) {
            self.effects.push(Effect::LoadHead { key });
            return;
        }
        let Some(replies) = self.fetching.remove(&key) else { return };
        if let Some(head) = head.filter(|_| !is_kept && !self.rows.contains_key(&key)) {
            let is_under_way = head.life.attempt_under_way().is_some();
            self.rows.insert(key, Box::new(Row::stored(*head)));
            if is_under_way {
                self.lose_attempt(key, now);
            } else if replies.is_empty() {
                self.place(key, now);
            }
        }
        let is_here = self.rows.contains_key(&key);
        let was_wanted = !replies.is_empty();
        for reply in replies {
            if is_here {
                self.stop(key, reply, now);
            } else {
                let refused = if is_kept { StopRefused::Ended } else { StopRefused::NotFound };
                self.effects.push(Effect::ReplyStop { reply, result: Err(refused) });
            }
        }
        // A stop that came too late leaves the row as it is: what it owes is owed all the same.
        let is_left = self.rows.get(&key).is_some_and(|row| {
            row.head.callback.is_owed()
                && !row.is_committing
                && row.waiting_at.is_none()
                && row.held.is_none()
                && !row.is_giving_up
        });
        if was_wanted && is_left {
            self.place(key, now);
        }
    }

    /// A read of this row that is under way may show it as it was before.
    pub(super) fn outdate_fetch(&mut self, key: InvKey) {
        if self.fetching.contains_key(&key) {
            self.stale_fetches.insert(key);
        }
    }

    pub(super) fn want_bytes(&mut self, key: InvKey) {
        if let Some(row) = self.rows.get(&key) {
            let wanted = match row.head.is_redriven() {
                true => BytesWanted::message(&row.head),
                false => BytesWanted::from(&row.head),
            };
            self.bytes_wanted.push(wanted);
        }
    }

    pub(super) fn bytes_loaded(&mut self, loaded: Vec<LoadedBytes>, now: Timestamp) {
        for bytes in loaded {
            let key = bytes.key;
            let Some(row) = self.rows.get_mut(&key) else { continue };
            if row.held.is_none() && !row.is_giving_up {
                continue;
            }
            let lane = row.held;
            let is_missing = bytes.payload.is_none();
            row.payload = Some(bytes.payload.unwrap_or_default());
            row.result = bytes.result.or(row.result.take());
            if is_missing {
                let alarm = alloc::format!("the payload of {key:?} is missing");
                self.effects.push(Effect::Alarm(alarm));
            }
            match lane {
                None => {
                    row.is_giving_up = false;
                    if let Some(sweep) = row.purged_by.take() {
                        self.purge_read(key, sweep, now);
                        continue;
                    }
                    self.giving_up = self.giving_up.saturating_sub(1);
                    self.give_up(key, CallEvent::DeadlinePassed, now);
                }
                Some(LaneId::Function(_)) => self.start(key, is_missing, now),
                Some(LaneId::Destination(_)) if is_missing && row.head.is_redriven() => {
                    self.lose_message(key, now);
                }
                Some(LaneId::Destination(_)) => self.call(key, now),
            }
        }
    }

    /// What time alone brings: due rows, expired rows, attempts that outlive their first seconds.
    pub(super) fn pass_time(&mut self, now: Timestamp) {
        self.has_more = false;
        self.lanes.tick(now);
        self.outlets.tick(now);
        self.trim();
        let mut settled = 0;
        while let Some(&(at, key)) = self.expiries.first() {
            if now < at || self.is_draining || !self.has_room() {
                break;
            }
            if settled == SETTLED_PER_TURN_MAX {
                self.has_more = true;
                break;
            }
            settled += 1;
            self.expiries.pop_first();
            self.leave_lane(key, now);
            self.live(key, Event::ExpiryReached, now);
        }
        self.pass_deadlines(now);
        let is_due = |mark: &mut Mark| mark.due <= now;
        while let Some(Mark { key, attempt, .. }) =
            self.marks.pop_front_if(is_due).or_else(|| self.task_marks.pop_front_if(is_due))
        {
            let Some(row) = self.rows.get_mut(&key) else { continue };
            let is_running = matches!(row.head.life, Life::Running { attempt: now_running, .. } if now_running == attempt);
            if is_running && !row.is_committing && !row.is_marked {
                row.is_marked = true;
                self.update(key, None);
            }
        }
    }

    pub(super) fn mark_all(&mut self) {
        let unmarked: Vec<_> = self
            .rows
            .iter()
            .filter(|(_, row)| matches!(row.head.life, Life::Running { .. }))
            .filter(|(_, row)| !row.is_committing && !row.is_marked)
            .map(|(key, _)| *key)
            .collect();
        for key in unmarked {
            if let Some(row) = self.rows.get_mut(&key) {
                row.is_marked = true;
            }
            self.update(key, None);
        }
    }
}
