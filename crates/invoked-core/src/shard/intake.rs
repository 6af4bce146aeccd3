//! Accepting: a new row, and what a caller-chosen id needs before it.

use alloc::boxed::Box;
use alloc::collections::btree_map::Entry;
use alloc::sync::Arc;

use super::ShardCore;
use super::commit::After;
use super::message::{AcceptRequest, Accepted, Effect, Refused, ReplyId, RowOp};
use super::row::Row;
use crate::callback::Callback;
use crate::head::{Head, Task};
use crate::history::History;
use crate::id::Attempt;
use crate::life::{Life, Tally};
use crate::time::Timestamp;
use crate::totals::Metric;

impl ShardCore {
    pub(super) fn accept(&mut self, request: AcceptRequest, reply: ReplyId, now: Timestamp) {
        let refused = if self.is_draining {
            Some(Refused::Draining)
        } else if self.directory.get(request.fn_id).is_none() {
            Some(Refused::NoFunction)
        } else {
            None
        };
        if let Some(refused) = refused {
            self.effects.push(Effect::ReplyAccept { reply, result: Err(refused) });
            return;
        }
        // A retry may be one of an operation that does a page again: its key is the same then.
        if !request.key.is_chosen() && request.retry_of.is_none() {
            self.insert(request, Some(reply), now);
            return;
        }
        // The shard is the only writer of its rows: nobody can take the id between look and insert.
        let key = request.key;
        if let Some(row) = self.rows.get(&key) {
            let result = match row.is_stored && row.head.token == request.token {
                true => Ok(accepted(&row.head)),
                false => Err(Refused::Duplicate),
            };
            self.effects.push(Effect::ReplyAccept { reply, result });
            return;
        }
        match self.probing.entry(key) {
            Entry::Occupied(_) => {
                self.effects.push(Effect::ReplyAccept { reply, result: Err(Refused::Duplicate) });
            }
            Entry::Vacant(free) => {
                free.insert((request, reply));
                self.effects.push(Effect::LoadHead { key });
            }
        }
    }

    /// Goes on with an accept once the store has said whether the id is taken.
    pub(super) fn probed(
        &mut self,
        request: AcceptRequest,
        reply: ReplyId,
        found: Option<&Head>,
        now: Timestamp,
    ) {
        match found {
            None => self.insert(request, Some(reply), now),
            Some(head) => {
                let result = match head.token == request.token {
                    true => Ok(accepted(head)),
                    false => Err(Refused::Duplicate),
                };
                self.effects.push(Effect::ReplyAccept { reply, result });
            }
        }
    }

    /// Inserts a new row with the next commit. `reply` is `None` for a child of another invocation.
    pub(super) fn insert(
        &mut self,
        request: AcceptRequest,
        reply: Option<ReplyId>,
        now: Timestamp,
    ) {
        let mut terms = request.terms;
        // Nothing waits in a lane that this shard has yet to be told of.
        if terms.lane.is_some_and(|lane| self.directory.owner_of(lane).0 != request.fn_id) {
            Arc::make_mut(&mut terms).lane = None;
        }
        let age = core::time::Duration::from_secs(u64::from(terms.event_age_seconds));
        let mut head = Head {
            key: request.key,
            fn_id: request.fn_id,
            request_id: request.request_id,
            token: request.token,
            accepted_at: now,
            expires_at: now.plus(age),
            due: now.plus(request.delay),
            life: Life::Enqueued,
            attempts: Attempt::NONE,
            tally: Tally::default(),
            first_started_at: None,
            fault: None,
            callback: Callback::None,
            redrives: None,
            depth: request.depth,
            trace: request.trace,
            task: request.task.map(|id| Task { id, history: History::default() }),
            terms,
        };
        match (&mut head.task, request.retry_of) {
            (Some(task), Some(of)) => task.history.begin_again(of.as_str(), now),
            (Some(_) | None, _) => head.record_event(now),
        }
        self.totals.count(head.fn_id, &head.terms.qualifier, Metric::Accepted);
        self.ops
            .push(RowOp::Insert { head: Box::new(head.clone()), payload: request.payload.clone() });
        self.after.push(After::Inserted { key: head.key, reply });
        self.rows.insert(head.key, Box::new(Row::new(head, request.payload)));
    }

    /// An insert is durable.
    pub(super) fn inserted(
        &mut self,
        key: crate::id::InvKey,
        reply: Option<ReplyId>,
        conflicts: bool,
        now: Timestamp,
    ) {
        if conflicts {
            // Ids are looked up before the insert, so this is a store that broke its contract.
            self.rows.remove(&key);
            self.effects.push(Effect::Alarm(alloc::format!("row {key:?} was there already")));
            if let Some(reply) = reply {
                self.effects.push(Effect::ReplyAccept { reply, result: Err(Refused::Duplicate) });
            }
            return;
        }
        let Some(row) = self.rows.get_mut(&key) else { return };
        row.is_stored = true;
        if let Some(reply) = reply {
            let result = Ok(accepted(&row.head));
            self.effects.push(Effect::ReplyAccept { reply, result });
        }
        self.now_durable(key, now);
    }
}

fn accepted(head: &Head) -> Accepted {
    Accepted { request_id: head.request_id, task: head.task.as_ref().map(|task| task.id.clone()) }
}
