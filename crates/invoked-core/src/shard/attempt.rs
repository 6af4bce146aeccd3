//! Attempts: granted by the lanes, handed out, ended.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::message::{AttemptReport, Dispatch, Effect, Note};
use super::row::{Later, Mark};
use super::{Defect, ShardCore};
use crate::breaker::BreakerEvent;
use crate::fault::Fault;
use crate::id::InvKey;
use crate::life::{Event, Life, Verdict};
use crate::limits::SETTLED_PER_TURN_MAX;
use crate::time::Timestamp;

impl ShardCore {
    /// Gives free slots to due rows, fairly over the functions.
    pub(super) fn grant_attempts(&mut self, now: Timestamp) {
        let mut settled = 0;
        while self.attempts_under_way < self.config.attempts_max && self.has_room() {
            if settled == SETTLED_PER_TURN_MAX {
                self.has_more = true;
                break;
            }
            let Some((lane, key)) = self.lanes.next(now) else { break };
            self.stop_waiting(key);
            let is_gone =
                self.rows.get(&key).is_some_and(|row| self.directory.get(row.head.fn_id).is_none());
            let event = if is_gone { Event::FunctionDeleted } else { Event::SlotGranted };
            self.live(key, event, now);
            let Some(row) = self.rows.get_mut(&key) else { continue };
            if !matches!(row.head.life, Life::Dequeued { .. }) {
                settled += 1;
                continue;
            }
            row.held = Some(lane);
            row.dispatched_at = None;
            let (has_payload, is_read_ahead) = (row.payload.is_some(), row.is_read_ahead);
            self.lanes.occupy(lane, now);
            self.attempts_under_way += 1;
            self.move_breaker(lane, BreakerEvent::Granted(key), now);
            if has_payload {
                self.start(key, false, now);
            } else if !is_read_ahead {
                self.want_bytes(key);
            }
        }
    }

    /// Hands the attempt of a dequeued row out.
    pub(super) fn start(&mut self, key: InvKey, is_payload_missing: bool, now: Timestamp) {
        let Some(row) = self.rows.get_mut(&key) else { return };
        let Life::Dequeued { attempt } = row.head.life else { return };
        let Some(function) = self.directory.get(row.head.fn_id).map(Arc::clone) else {
            self.release_attempt(key, now);
            self.live(key, Event::FunctionDeleted, now);
            return;
        };
        if is_payload_missing {
            self.release_attempt(key, now);
            let fault =
                Fault::new("InternalServerError", "the payload is missing in the store", 500);
            self.end_attempt(
                key,
                Event::AttemptEnded { attempt, verdict: Verdict::Refused },
                Some(fault),
                now,
            );
            return;
        }
        let fn_id = row.head.fn_id;
        let first_waited = row.head.first_started_at.is_none().then(|| now.since(row.head.due));
        self.live(key, Event::AttemptStarted { attempt }, now);
        let Some(row) = self.rows.get_mut(&key) else { return };
        if row.head.life.outcome().is_some() {
            self.release_attempt(key, now);
            return;
        }
        if let Some(waited) = first_waited {
            self.effects.push(Effect::Note(Note::Started { fn_id, waited }));
        }
        row.dispatched_at = Some(now);
        row.is_marked = false;
        let is_task = row.head.task.is_some();
        self.effects.push(Effect::Dispatch(Box::new(Dispatch {
            key,
            attempt,
            function,
            terms: Arc::clone(&row.head.terms),
            request_id: row.head.request_id,
            depth: row.head.depth,
            trace: row.head.trace.clone(),
            payload: row.payload.clone().unwrap_or_default(),
        })));
        let (marks, wait) = match is_task {
            true => (&mut self.task_marks, self.config.task_mark_after),
            false => (&mut self.marks, self.config.started_mark_after),
        };
        marks.push_back(Mark { due: now.plus(wait), key, attempt });
    }

    pub(super) fn attempt_ended(&mut self, report: AttemptReport, now: Timestamp) {
        let key = report.key;
        let Some(row) = self.rows.get(&key) else { return };
        if row.head.life.attempt_under_way() != Some(report.attempt) {
            return;
        }
        let is_committing = row.is_committing;
        let began = row.dispatched_at.unwrap_or(now);
        let took = now.since(began);
        let fn_id = row.head.fn_id;
        let is_stopped = matches!(row.head.life, Life::Stopping { .. });
        if let Some(lane) = row.held.filter(|_| !is_stopped) {
            self.learn_attempt(lane, &report, began, now);
        }
        self.release_attempt(key, now);
        self.effects.push(Effect::Note(Note::Attempt { fn_id, verdict: report.verdict, took }));
        if is_committing && self.config.defect != Some(Defect::OverlappingCommits) {
            let deferred = self.defer(key, Later::AttemptEnded(report));
            debug_assert!(deferred, "the end of an attempt always finds room");
        } else {
            self.apply_attempt(report, now);
        }
    }

    pub(super) fn apply_attempt(&mut self, report: AttemptReport, now: Timestamp) {
        let key = report.key;
        let Some(row) = self.rows.get_mut(&key) else { return };
        row.result = Some(report.result);
        let event = Event::AttemptEnded { attempt: report.attempt, verdict: report.verdict };
        self.end_attempt(key, event, report.fault, now);
    }

    fn end_attempt(&mut self, key: InvKey, event: Event, fault: Option<Fault>, now: Timestamp) {
        if let Some(row) = self.rows.get_mut(&key) {
            row.head.fault = fault;
        }
        self.live(key, event, now);
    }

    /// Gives the slot of an attempt back.
    pub(super) fn release_attempt(&mut self, key: InvKey, now: Timestamp) {
        let Some(row) = self.rows.get_mut(&key) else { return };
        if let Some(lane) = row.held.take() {
            self.attempts_under_way = self.attempts_under_way.saturating_sub(1);
            self.lanes.release(lane, now);
            self.move_breaker(lane, BreakerEvent::Abandoned(key), now);
        }
    }
}
