//! Sweeps: a page of a lane is read, and each row of it that is meant is moved.
//!
//! A row in memory counts as it stands there. One that is not counts as the page shows it, unless it
//! has changed since the read began: then it has moved on, to the back of the lane or out of it. A row
//! whose commit is under way is waited for. The answer follows the commit with the last row of the
//! page, so whoever goes on behind it has missed nothing.

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::ShardCore;
use super::commit::After;
use super::message::{Effect, ReplyId};
use super::row::Row;
use crate::callback::{CallEvent, Callback};
use crate::head::{Head, LaneId};
use crate::id::InvKey;
use crate::lane::Position;
use crate::life::{Event, Life};
use crate::limits::{SWEEP_CALLBACKS, SWEEP_ROWS};
use crate::sweep::{SweepAction, SweepPage, SweepRefused, Swept};
use crate::time::Timestamp;

/// A page of a sweep that is under way.
#[derive(Debug)]
pub(super) struct Sweeping {
    page: SweepPage,
    /// What the read has found and nobody has looked at; `None` while it is under way.
    left: Option<VecDeque<Head>>,
    is_complete: bool,
    /// Rows of the lane that have changed since the read began: what it shows of them is past.
    changed: BTreeSet<InvKey>,
    /// The last row that was looked at.
    at: Option<Position>,
    /// Callbacks whose messages are being read.
    reading: u32,
    swept: Swept,
}

/// What a sweep does with a row.
enum Step {
    /// Its commit is under way.
    Wait,
    /// It is none of its business.
    Pass,
    /// It is counted.
    Count,
    /// It is left alone.
    Skip,
    Stop,
    Drop,
    GiveUp,
}

impl ShardCore {
    pub(super) fn sweep(&mut self, page: SweepPage, reply: ReplyId) {
        if self.is_draining {
            let result = Err(SweepRefused::Draining);
            self.effects.push(Effect::ReplySweep { reply, result });
            return;
        }
        let limit = match (page.lane, page.action) {
            (LaneId::Destination(_), SweepAction::Purge) => SWEEP_CALLBACKS,
            (LaneId::Destination(_) | LaneId::Function(_), _) => SWEEP_ROWS,
        };
        let (lane, after) = (page.lane, page.after);
        let sweeping = Sweeping {
            page,
            left: None,
            is_complete: false,
            changed: BTreeSet::new(),
            at: None,
            reading: 0,
            swept: Swept::default(),
        };
        self.sweeps.insert(reply, sweeping);
        self.effects.push(Effect::LoadSweep { reply, lane, after, limit });
    }

    pub(super) fn sweep_loaded(&mut self, reply: ReplyId, heads: Vec<Head>, is_complete: bool) {
        if let Some(sweeping) = self.sweeps.get_mut(&reply) {
            sweeping.left = Some(heads.into());
            sweeping.is_complete = is_complete;
        }
    }

    /// Nothing more is swept; what was moved stays so.
    pub(super) fn refuse_sweeps(&mut self) {
        for reply in core::mem::take(&mut self.sweeps).into_keys() {
            let result = Err(SweepRefused::Draining);
            self.effects.push(Effect::ReplySweep { reply, result });
        }
    }

    /// A row has changed durably.
    pub(super) fn note_change(&mut self, lane: LaneId, key: InvKey) {
        for sweeping in self.sweeps.values_mut() {
            if sweeping.page.lane == lane {
                sweeping.changed.insert(key);
            }
        }
    }

    /// Goes on with the pages that are read.
    pub(super) fn advance_sweeps(&mut self, now: Timestamp) {
        let pages: Vec<_> = self.sweeps.keys().copied().collect();
        for reply in pages {
            // What is under way is put back below.
            let Some(mut sweeping) = self.sweeps.remove(&reply) else { continue };
            let is_through = self.advance(reply, &mut sweeping, now);
            if !is_through || sweeping.reading > 0 {
                self.sweeps.insert(reply, sweeping);
                continue;
            }
            let is_last = sweeping.is_complete && sweeping.left.is_none_or(|left| left.is_empty());
            let at = sweeping.at.unwrap_or(sweeping.page.after);
            let swept = Swept { next: (!is_last).then_some(at), ..sweeping.swept };
            if swept.acted > 0 {
                self.after.push(After::Swept { reply, swept });
            } else {
                self.effects.push(Effect::ReplySweep { reply, result: Ok(swept) });
            }
        }
    }

    /// Looks at the rows of a page; `true` when no more of them will be.
    fn advance(&mut self, reply: ReplyId, sweeping: &mut Sweeping, now: Timestamp) -> bool {
        let Some(mut left) = sweeping.left.take() else { return false };
        let mut is_through = true;
        while sweeping.swept.acted < sweeping.page.limit {
            let Some(head) = left.front() else { break };
            let step = self.step_of(sweeping, head);
            if matches!(step, Step::Wait) || !self.has_room() {
                is_through = false;
                break;
            }
            let Some(head) = left.pop_front() else { break };
            sweeping.at = Some((head.due, head.key));
            sweeping.swept.examined += 1;
            sweeping.swept.matched += u32::from(!matches!(step, Step::Pass));
            match step {
                Step::Wait | Step::Pass | Step::Count => continue,
                Step::Skip => {
                    sweeping.swept.skipped += 1;
                    continue;
                }
                Step::Stop => self.move_swept(head, Event::StopRequested, now),
                Step::Drop => self.move_swept(head, Event::Purged, now),
                Step::GiveUp => sweeping.reading += self.give_up_swept(head, reply, now),
            }
            sweeping.swept.acted += 1;
        }
        sweeping.left = Some(left);
        is_through
    }

    fn step_of(&self, sweeping: &Sweeping, head: &Head) -> Step {
        let page = &sweeping.page;
        let row = self.rows.get(&head.key);
        let head = match row {
            Some(row) if row.is_committing => return Step::Wait,
            Some(row) => &row.head,
            None if sweeping.changed.contains(&head.key) => return Step::Pass,
            None => head,
        };
        let since = match page.lane {
            LaneId::Function(_) => Some(head.accepted_at),
            LaneId::Destination(_) => head.owed_since(),
        };
        let is_meant = head.slot().lane == page.lane
            && since.is_some_and(|since| since <= page.upto)
            && page.filter.matches(head);
        if !is_meant {
            return Step::Pass;
        }
        let is_left_alone = row.is_some_and(|row| row.held.is_some() || row.is_giving_up);
        match (page.action, page.lane, &head.life, &head.callback) {
            (SweepAction::Count, ..) => Step::Count,
            (
                SweepAction::Stop,
                LaneId::Function(_),
                Life::Enqueued
                | Life::Retrying { .. }
                | Life::Dequeued { .. }
                | Life::Running { .. },
                _,
            ) => Step::Stop,
            (
                SweepAction::Purge,
                LaneId::Function(_),
                Life::Enqueued | Life::Retrying { .. },
                _,
            ) => Step::Drop,
            (SweepAction::Purge, LaneId::Destination(_), _, Callback::Owed { .. })
                if !is_left_alone =>
            {
                Step::GiveUp
            }
            (SweepAction::Stop | SweepAction::Purge, ..) => Step::Skip,
        }
    }

    fn move_swept(&mut self, head: Head, event: Event, now: Timestamp) {
        let key = head.key;
        self.rows.entry(key).or_insert_with(|| Box::new(Row::stored(head)));
        self.leave_lane(key, now);
        self.live(key, event, now);
    }

    /// Gives a callback up, or wants its message read for that. Returns how many reads that takes.
    fn give_up_swept(&mut self, head: Head, reply: ReplyId, now: Timestamp) -> u32 {
        let key = head.key;
        self.rows.entry(key).or_insert_with(|| Box::new(Row::stored(head)));
        self.leave_lane(key, now);
        let Some(row) = self.rows.get_mut(&key) else { return 0 };
        if row.payload.is_some() {
            self.give_up(key, CallEvent::Purged, now);
            return 0;
        }
        row.is_giving_up = true;
        row.purged_by = Some(reply);
        self.want_bytes(key);
        1
    }

    /// The message of a callback that is purged is read.
    pub(super) fn purge_read(&mut self, key: InvKey, reply: ReplyId, now: Timestamp) {
        self.give_up(key, CallEvent::Purged, now);
        if let Some(sweeping) = self.sweeps.get_mut(&reply) {
            sweeping.reading = sweeping.reading.saturating_sub(1);
        }
    }
}
