//! A row in memory: the head as it stands, and what the shard is doing with it.

use bytes::Bytes;
use smallvec::SmallVec;

use super::message::{AttemptReport, ReplyId};
use crate::head::{Head, LaneId, Slot};
use crate::id::{Attempt, FnId, InvKey};
use crate::lane::Position;
use crate::time::Timestamp;
use crate::totals::Gauge;

/// An invocation in memory.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) head: Head,
    /// Where the store has it in the order of due work.
    pub(super) slot: Slot,
    /// Whether its insert is durable.
    pub(super) is_stored: bool,
    /// Whether a commit of it is under way. Events wait in `later` meanwhile.
    pub(super) is_committing: bool,
    /// Whether "started" is durable, or about to be.
    pub(super) is_marked: bool,
    /// Where it waits in memory.
    pub(super) waiting_at: Option<Position>,
    /// The lane whose slot it holds.
    pub(super) held: Option<LaneId>,
    /// When its attempt was handed out.
    pub(super) dispatched_at: Option<Timestamp>,
    /// When the time for its tries is over, as it is noted while it waits in memory.
    pub(super) deadline: Option<Timestamp>,
    /// What the counts of live rows have of it, once what is decided is durable.
    pub(super) gauge: Option<(FnId, Gauge)>,
    /// The sweep that gives its callback up.
    pub(super) purged_by: Option<ReplyId>,
    /// Whether its callback is given up as soon as its bytes are read.
    pub(super) is_giving_up: bool,
    /// Whether its payload is being read before its turn.
    pub(super) is_read_ahead: bool,
    pub(super) payload: Option<Bytes>,
    pub(super) result: Option<Bytes>,
    pub(super) envelope: Option<Bytes>,
    /// When the first try of its callback started.
    pub(super) first_try_at: Option<Timestamp>,
    pub(super) later: SmallVec<[Later; 1]>,
}

/// An event that waits until the row's commit is durable.
#[derive(Debug)]
pub(super) enum Later {
    AttemptEnded(AttemptReport),
    Stop(ReplyId),
}

/// An attempt that gets its "started" written if it is still under way then.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) due: Timestamp,
    pub(super) key: InvKey,
    pub(super) attempt: Attempt,
}

impl Row {
    /// A row that is about to be inserted.
    pub(super) fn new(head: Head, payload: Bytes) -> Self {
        Self {
            slot: head.slot(),
            head,
            is_stored: false,
            is_committing: true,
            is_marked: false,
            waiting_at: None,
            held: None,
            dispatched_at: None,
            deadline: None,
            gauge: None,
            purged_by: None,
            is_giving_up: false,
            is_read_ahead: false,
            payload: Some(payload),
            result: None,
            envelope: None,
            first_try_at: None,
            later: SmallVec::new(),
        }
    }

    /// A row as the store has it.
    pub(super) fn stored(head: Head) -> Self {
        Self {
            slot: head.slot(),
            gauge: head.gauge(),
            head,
            is_stored: true,
            is_committing: false,
            is_marked: false,
            waiting_at: None,
            held: None,
            dispatched_at: None,
            deadline: None,
            purged_by: None,
            is_giving_up: false,
            is_read_ahead: false,
            payload: None,
            result: None,
            envelope: None,
            first_try_at: None,
            later: SmallVec::new(),
        }
    }

    /// Whether it waits for its attempt, and its payload is in the store alone.
    pub(super) fn waits_for_payload(&self) -> bool {
        self.waiting_at.is_some()
            && self.payload.is_none()
            && matches!(self.slot.lane, LaneId::Function(_))
    }

    /// Bytes it keeps in memory.
    pub(super) fn bytes(&self) -> usize {
        self.payload.as_ref().map_or(0, Bytes::len) + self.result.as_ref().map_or(0, Bytes::len)
    }
}
