//! Moving a row, and what its end brings: counts, the callback it owes, the record it leaves.

use alloc::boxed::Box;

use super::ShardCore;
use super::commit::After;
use super::kept::KeptCallback;
use super::message::RowOp;
use crate::arn::SinkKind;
use crate::callback::Callback;
use crate::directory::Route;
use crate::id::InvKey;
use crate::life::Event;
use crate::time::Timestamp;
use crate::totals::Metric;

impl ShardCore {
    /// Moves a row and writes what has to be written. Attempts of plain invocations start without a
    /// write; everything else that moves is in the next commit.
    pub(super) fn live(&mut self, key: InvKey, event: Event, now: Timestamp) {
        let Some(row) = self.rows.get_mut(&key) else { return };
        if !row.head.live(event, &self.config.retry, now) {
            return;
        }
        let head = &row.head;
        if head.life.outcome().is_some() {
            self.settle(key, now);
        } else if matches!(
            event,
            Event::AttemptEnded { .. } | Event::AttemptLost | Event::StopRequested
        ) {
            row.result = None;
            row.is_marked = false;
            self.update(key, None);
        }
    }

    /// The outcome is decided: one write holds it, its count, and the callback it owes.
    fn settle(&mut self, key: InvKey, now: Timestamp) {
        let Some(row) = self.rows.get(&key) else { return };
        let Some(outcome) = row.head.life.outcome() else { return };
        // A destination that is held is told later, as any other.
        let is_held = self.directory.pauses_for(&row.head).is_paused();
        let has_payload = row.payload.is_some() && !is_held;
        let result = row.result.clone();
        self.totals.count(
            row.head.fn_id,
            &row.head.terms.qualifier.clone(),
            Metric::Ended(outcome),
        );
        match self.owed_route(key) {
            None => self.finish(key),
            Some((_, Route::Local { function, qualifier })) if has_payload => {
                self.hand_over(key, &function, qualifier, now);
                self.finish(key);
            }
            Some((arn, Route::Refused(fault))) if has_payload => {
                self.refuse(key, &arn, fault, now);
                self.finish(key);
            }
            Some((_, Route::Local { .. } | Route::Refused(_) | Route::Sink)) => {
                self.update(key, result);
            }
        }
    }

    /// Nothing is owed any more: the row leaves the live ones, and its callback is counted.
    pub(super) fn finish(&mut self, key: InvKey) {
        let Some(row) = self.rows.get_mut(&key) else { return };
        let overlaps = row.is_committing && self.config.defect.is_none();
        assert!(!overlaps, "one commit per row: {key:?}");
        assert!(row.head.is_finished(), "only what owes nothing is finished: {:?}", row.head);
        row.is_committing = true;
        self.totals.shift(row.gauge.take(), None);
        if let Some(redrives) = &mut row.head.redrives {
            redrives.end(&row.head.callback);
        }
        let head = Box::new(row.head.clone());
        let kind = head.destination().map(|to| to.arn.kind());
        let failed_callback = match (&head.callback, head.destination(), head.life.outcome()) {
            (Callback::Failed { tried, at, error }, Some(to), Some(outcome)) => {
                Some(Box::new(KeptCallback {
                    key,
                    request_id: head.request_id,
                    fn_id: head.fn_id,
                    qualifier: head.terms.qualifier.clone(),
                    destination: to.arn.clone(),
                    outcome,
                    accepted_at: head.accepted_at,
                    ended_at: head.ended_at().unwrap_or(*at),
                    depth: head.depth,
                    trace: head.trace.clone(),
                    tried: *tried,
                    first_at: row.first_try_at,
                    failed_at: *at,
                    redrives: head.redrives.clone(),
                    error: error.clone(),
                    envelope: row.envelope.take().unwrap_or_default(),
                }))
            }
            (
                Callback::Failed { .. }
                | Callback::None
                | Callback::Owed { .. }
                | Callback::Calling { .. }
                | Callback::Delivered { .. },
                _,
                _,
            ) => None,
        };
        let metric = kind.and_then(|kind| settled(&head.callback, head.redrives.is_some(), kind));
        let result = row.result.take().filter(|_| head.task.is_some());
        let was = row.slot;
        if let Some(metric) = metric {
            self.totals.count(head.fn_id, &head.terms.qualifier, metric);
        }
        self.ops.push(RowOp::Finish { head, was, result, failed_callback });
        self.after.push(After::Finished { key });
    }
}

/// What a callback that is settled counts as: once in its life as a callback, and once for each time
/// it was redriven.
fn settled(callback: &Callback, is_redrive: bool, kind: SinkKind) -> Option<Metric> {
    match (callback, is_redrive) {
        (Callback::Delivered { .. }, false) => Some(Metric::CallbackDelivered(kind)),
        (Callback::Delivered { .. }, true) => Some(Metric::RedriveDelivered(kind)),
        (Callback::Failed { .. }, false) => Some(Metric::CallbackFailed(kind)),
        (Callback::Failed { .. }, true) => Some(Metric::RedriveFailed(kind)),
        (Callback::None | Callback::Owed { .. } | Callback::Calling { .. }, _) => None,
    }
}
