//! Redrives: a callback that was given up becomes a live row again.
//!
//! The commit that makes it live is the one that no longer keeps it, so it is in one place at every
//! instant. From then on it is a callback like any other: its lane, its schedule from the beginning,
//! restarts and its settling are the same. The shard is the only writer of its rows: nobody can
//! redrive the callback between the look at it and the commit.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::ShardCore;
use super::commit::After;
use super::kept::{FoundCallback, KeptCallback};
use super::message::{Effect, RedriveRefused, ReplyId, RowOp};
use super::row::Row;
use crate::callback::Callback;
use crate::fault::Fault;
use crate::head::Head;
use crate::id::{Attempt, FnId, InvKey};
use crate::life::{Life, Outcome, Tally};
use crate::terms::{Destination, Terms};
use crate::time::Timestamp;
use crate::totals::Metric;

impl ShardCore {
    pub(super) fn redrive(&mut self, key: InvKey, by: Box<str>, reply: ReplyId) {
        let refused = if self.is_draining {
            Some(RedriveRefused::Draining)
        } else if self.rows.contains_key(&key)
            || self.redriving.contains_key(&key)
            || self.probing.contains_key(&key)
        {
            Some(RedriveRefused::UnderWay)
        } else {
            None
        };
        if let Some(refused) = refused {
            self.effects.push(Effect::ReplyRedrive { reply, result: Err(refused) });
            return;
        }
        self.redriving.insert(key, (by, reply));
        self.effects.push(Effect::LoadKept { key });
    }

    /// Goes on with a redrive once the store has said what is kept.
    pub(super) fn kept_loaded(
        &mut self,
        key: InvKey,
        found: Option<Box<FoundCallback>>,
        now: Timestamp,
    ) {
        let Some((by, reply)) = self.redriving.remove(&key) else { return };
        let revived = if self.rows.contains_key(&key) || self.probing.contains_key(&key) {
            Err(RedriveRefused::UnderWay)
        } else {
            found.ok_or(RedriveRefused::NotFound).and_then(|found| revived(*found, &by, now))
        };
        let (head, kept) = match revived {
            Ok(revived) => revived,
            Err(refused) => {
                self.effects.push(Effect::ReplyRedrive { reply, result: Err(refused) });
                return;
            }
        };
        let metric = Metric::Redriven(kept.destination.kind());
        self.totals.count(head.fn_id, &head.terms.qualifier, metric);
        let (envelope, failed_at) = (kept.envelope, kept.failed_at);
        let op =
            RowOp::Redrive { head: Box::new(head.clone()), envelope: envelope.clone(), failed_at };
        self.ops.push(op);
        self.after.push(After::Redriven { key, reply });
        let gauge = head.gauge();
        self.totals.shift(None, gauge);
        self.rows.insert(key, Box::new(Row { gauge, ..Row::new(head, envelope) }));
    }

    /// A redrive is durable.
    pub(super) fn redriven(&mut self, key: InvKey, reply: ReplyId, now: Timestamp) {
        self.effects.push(Effect::ReplyRedrive { reply, result: Ok(()) });
        if let Some(row) = self.rows.get_mut(&key) {
            row.is_stored = true;
        }
        self.now_durable(key, now);
    }

    /// Gives up a redriven callback whose message is gone.
    pub(super) fn lose_message(&mut self, key: InvKey, now: Timestamp) {
        self.release_call(key, now);
        let Some(row) = self.rows.get_mut(&key) else { return };
        let tried = match row.head.callback {
            Callback::Owed { tried, .. } => tried,
            Callback::None
            | Callback::Calling { .. }
            | Callback::Delivered { .. }
            | Callback::Failed { .. } => return,
        };
        let error = Fault::new("InternalServerError", "the message is missing in the store", 500);
        row.head.callback = Callback::Failed { tried, at: now, error };
        self.finish(key);
    }
}

/// The row that owes a callback again, or why there can be none.
fn revived(
    found: FoundCallback,
    by: &str,
    now: Timestamp,
) -> Result<(Head, KeptCallback), RedriveRefused> {
    let FoundCallback { mut kept, record, destination } = found;
    let mut head = match record {
        None => unrecorded(&kept, destination),
        Some(record) if is_of(&record, &kept) => record,
        Some(_) => return Err(RedriveRefused::Replaced),
    };
    let mut redrives = kept.redrives.take().unwrap_or_default();
    redrives.begin(by, now);
    head.redrives = Some(redrives);
    head.callback = Callback::owed(now);
    head.due = now;
    Ok((head, kept))
}

/// Whether a record is that of the invocation whose callback was kept.
fn is_of(record: &Head, kept: &KeptCallback) -> bool {
    record.request_id == kept.request_id
        && record.fn_id == kept.fn_id
        && record.life.outcome() == Some(kept.outcome)
        && record.destination().is_some_and(|to| to.arn == kept.destination)
        && matches!(record.callback, Callback::Failed { .. })
}

/// The row of an invocation that left no record, as far as it still matters.
fn unrecorded(kept: &KeptCallback, destination: FnId) -> Head {
    let told = Some(Destination { arn: kept.destination.clone(), id: destination });
    let (on_success, on_failure) = match kept.outcome {
        Outcome::Succeeded => (told, None),
        Outcome::Failed | Outcome::Expired | Outcome::Stopped | Outcome::Invalid => (None, told),
    };
    let defaults = Terms::defaults(kept.qualifier.clone());
    let terms = Terms { on_success, on_failure, ..Terms::clone(&defaults) };
    Head {
        key: kept.key,
        fn_id: kept.fn_id,
        request_id: kept.request_id,
        token: 0,
        terms: Arc::new(terms),
        accepted_at: kept.accepted_at,
        expires_at: kept.ended_at,
        due: kept.failed_at,
        life: Life::Ended { outcome: kept.outcome, at: kept.ended_at },
        attempts: Attempt::NONE,
        tally: Tally::default(),
        first_started_at: None,
        fault: None,
        callback: Callback::None,
        redrives: None,
        depth: kept.depth,
        trace: kept.trace.clone(),
        task: None,
    }
}
