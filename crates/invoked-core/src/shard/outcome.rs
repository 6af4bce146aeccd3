//! Moving a row, and what its end brings: counts, the callback it owes, the record it leaves.

use alloc::boxed::Box;

use super::ShardCore;
use super::commit::After;
use super::message::{KeptCallback, RowOp};
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
        let has_payload = row.payload.is_some();
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
        let head = row.head.clone();
        let kind = head.destination().map(|to| to.arn.kind());
        let failed_callback = match (&head.callback, head.destination(), head.life.outcome()) {
            (Callback::Failed { tried, at, error }, Some(to), Some(outcome)) => {
                Some(Box::new(KeptCallback {
                    key,
                    request_id: head.request_id,
                    fn_id: head.fn_id,
                    destination: to.arn.clone(),
                    outcome,
                    tried: *tried,
                    failed_at: *at,
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
        let metric = match (&head.callback, kind) {
            (Callback::Delivered { .. }, Some(kind)) => Some(Metric::CallbackDelivered(kind)),
            (Callback::Failed { .. }, Some(kind)) => Some(Metric::CallbackFailed(kind)),
            (
                Callback::None
                | Callback::Owed { .. }
                | Callback::Calling { .. }
                | Callback::Delivered { .. }
                | Callback::Failed { .. },
                _,
            ) => None,
        };
        let result = row.result.take().filter(|_| head.task.is_some());
        let was = row.slot;
        if let Some(metric) = metric {
            self.totals.count(head.fn_id, &head.terms.qualifier, metric);
        }
        self.ops.push(RowOp::Finish { head, was, result, failed_callback });
        self.after.push(After::Finished { key });
    }
}
