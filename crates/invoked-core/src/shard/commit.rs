//! What follows once a commit is durable.

use alloc::boxed::Box;

use bytes::Bytes;

use super::ShardCore;
use super::message::{Effect, Note, ReplyId, RowOp, StopRefused, Ticket};
use super::row::Later;
use crate::callback::Callback;
use crate::id::InvKey;
use crate::life::{Event, Life, Verdict};
use crate::limits::ROW_EVENTS_WAITING_MAX;
use crate::sweep::Swept;
use crate::time::Timestamp;

/// What a commit allows once it is durable.
#[derive(Debug)]
pub(super) enum After {
    /// A new row is there.
    Inserted { key: InvKey, reply: Option<ReplyId> },
    /// A callback that was given up is owed again.
    Redriven { key: InvKey, reply: ReplyId },
    /// A row has changed.
    Changed { key: InvKey },
    /// A row has left the live ones.
    Finished { key: InvKey },
    /// Somebody may be told what a page of a sweep came to.
    Swept { reply: ReplyId, swept: Swept },
    /// Somebody may be told that the stop is taken.
    ReplyStop { reply: ReplyId },
}

impl ShardCore {
    pub(super) fn committed(&mut self, ticket: Ticket, conflicts: &[InvKey], now: Timestamp) {
        let Some((expected, after)) = self.committing.pop_front() else { return };
        assert_eq!(expected, ticket, "commits become durable in the order of their numbers");
        for follow_up in after {
            match follow_up {
                After::Inserted { key, reply } => {
                    self.inserted(key, reply, conflicts.contains(&key), now);
                }
                After::Redriven { key, reply } => self.redriven(key, reply, now),
                After::Changed { key } => self.now_durable(key, now),
                After::Finished { key } => self.finished(key),
                After::Swept { reply, swept } => {
                    self.effects.push(Effect::ReplySweep { reply, result: Ok(swept) });
                }
                After::ReplyStop { reply } => {
                    self.effects.push(Effect::ReplyStop { reply, result: Ok(()) });
                }
            }
        }
    }

    /// Writes the row as it is now with the next commit.
    pub(super) fn update(&mut self, key: InvKey, result: Option<Bytes>) {
        let Some(row) = self.rows.get_mut(&key) else { return };
        let overlaps = row.is_committing && self.config.defect.is_none();
        assert!(!overlaps, "one commit per row: {key:?}");
        row.is_committing = true;
        let gauge = row.head.gauge();
        self.totals.shift(core::mem::replace(&mut row.gauge, gauge), gauge);
        self.ops.push(RowOp::Update { head: Box::new(row.head.clone()), was: row.slot, result });
        self.after.push(After::Changed { key });
    }

    /// The row as it is in memory is the row as it is in the store: what it owes may happen.
    pub(super) fn now_durable(&mut self, key: InvKey, now: Timestamp) {
        let Some(row) = self.rows.get_mut(&key) else { return };
        row.is_committing = false;
        let was = core::mem::replace(&mut row.slot, row.head.slot());
        let life = row.head.life;
        let is_dispatched = row.dispatched_at.is_some();
        let waits = life.is_waiting() || (row.head.callback.is_owed() && row.held.is_none());
        self.lanes_of(was.lane).forget(was.lane, key);
        self.note_change(was.lane, key);
        self.outdate_fetch(key);
        if let Life::Stopping { attempt } = life {
            if is_dispatched {
                self.effects.push(Effect::CancelAttempt { key, attempt });
            } else {
                // The attempt never left, so nobody else will say that it ended.
                self.release_attempt(key, now);
                let event = Event::AttemptEnded { attempt, verdict: Verdict::Refused };
                self.live(key, event, now);
            }
        } else if waits {
            self.place(key, now);
        }
        self.catch_up(key, now);
    }

    /// Takes what has waited for the row's commit.
    fn catch_up(&mut self, key: InvKey, now: Timestamp) {
        while let Some(row) = self.rows.get_mut(&key) {
            if row.is_committing || row.later.is_empty() {
                return;
            }
            match row.later.remove(0) {
                Later::AttemptEnded(report) => self.apply_attempt(report, now),
                Later::Stop(reply) => self.stop(key, reply, now),
            }
        }
    }

    /// Lets an event wait for the row's commit. `false` if too many wait already.
    pub(super) fn defer(&mut self, key: InvKey, event: Later) -> bool {
        let Some(row) = self.rows.get_mut(&key) else { return false };
        // The end of an attempt always finds room: there is one at most.
        let room = match event {
            Later::AttemptEnded(_) => true,
            Later::Stop(_) => row.later.len() < ROW_EVENTS_WAITING_MAX,
        };
        if room {
            row.later.push(event);
        }
        room
    }

    fn finished(&mut self, key: InvKey) {
        let Some(row) = self.rows.remove(&key) else { return };
        self.lanes_of(row.slot.lane).forget(row.slot.lane, key);
        self.note_change(row.slot.lane, key);
        self.outdate_fetch(key);
        if let (Callback::Failed { tried, error, .. }, Some(to)) =
            (&row.head.callback, row.head.destination())
        {
            self.effects.push(Effect::Note(Note::GivenUp {
                request_id: row.head.request_id,
                fn_id: row.head.fn_id,
                destination: to.arn.clone(),
                tried: *tried,
                error: error.clone(),
            }));
        }
        for event in row.later {
            if let Later::Stop(reply) = event {
                let result = Err(StopRefused::Ended);
                self.effects.push(Effect::ReplyStop { reply, result });
            }
        }
    }
}
