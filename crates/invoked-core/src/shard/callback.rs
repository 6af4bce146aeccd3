//! Callbacks: granted by the outlets, handed to a sink or over to a function of this daemon.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;

use bytes::Bytes;

use super::ShardCore;
use super::message::{AcceptRequest, Call, Effect};
use crate::arn::{Arn, Resource};
use crate::breaker::BreakerEvent;
use crate::callback::{CallEvent, CallVerdict, Callback, Patience};
use crate::directory::{Function, FunctionKind, Route, TaskMode};
use crate::envelope::{cloud_event, envelope};
use crate::fault::Fault;
use crate::head::Head;
use crate::id::{Attempt, InvKey, RequestId};
use crate::limits::{FUNCTION_ENVELOPE_MAX, LINEAGE_DEPTH_MAX};
use crate::name::{Qualifier, TaskId};
use crate::time::Timestamp;

impl ShardCore {
    /// Gives free slots to due callbacks, fairly over the destinations.
    pub(super) fn grant_calls(&mut self, now: Timestamp) {
        while self.callbacks_under_way < self.config.callbacks_max && self.has_room() {
            let Some((lane, key)) = self.outlets.next(now) else { break };
            self.stop_waiting(key);
            let Some(row) = self.rows.get_mut(&key) else { continue };
            row.held = Some(lane);
            let has_bytes = row.payload.is_some();
            self.outlets.occupy(lane, now);
            self.callbacks_under_way += 1;
            self.move_breaker(lane, BreakerEvent::Granted(key), now);
            if has_bytes {
                self.call(key, now);
            } else {
                self.want_bytes(key);
            }
        }
    }

    /// Makes the callback of a row that holds a slot and has its bytes at hand.
    pub(super) fn call(&mut self, key: InvKey, now: Timestamp) {
        let Some((arn, route)) = self.owed_route(key) else { return };
        match route {
            Route::Local { function, qualifier } => {
                self.release_call(key, now);
                self.hand_over(key, &function, qualifier, now);
                self.finish(key);
                return;
            }
            Route::Refused(fault) => {
                self.release_call(key, now);
                self.refuse(key, &arn, fault, now);
                self.finish(key);
                return;
            }
            Route::Sink => {
                if let Some(fault) = self.loop_through(key, &arn) {
                    self.release_call(key, now);
                    self.refuse(key, &arn, fault, now);
                    self.finish(key);
                    return;
                }
            }
        }
        let Some(envelope) = self.envelope_of(key, &arn) else { return };
        let policy = self.config.callback;
        let Some(row) = self.rows.get_mut(&key) else { return };
        row.envelope = Some(envelope.clone());
        let pauses = self.directory.pauses_for(&row.head);
        let patience = Patience { policy: &policy, pauses };
        let due = row.head.due;
        let first_try_at = row.head.callback.first_try_at();
        let Some(due) = row.head.callback.apply(key, due, CallEvent::CallGranted, patience, now)
        else {
            return;
        };
        row.head.due = due;
        row.first_try_at = row.head.callback.first_try_at().or(first_try_at);
        match (&row.head.callback, row.head.life.outcome()) {
            (Callback::Calling { trying, .. }, Some(outcome)) => {
                self.effects.push(Effect::Call(Box::new(Call {
                    key,
                    tried: *trying,
                    destination: arn,
                    request_id: row.head.request_id,
                    outcome,
                    depth: row.head.depth.saturating_add(1),
                    trace: row.head.trace.clone(),
                    envelope,
                })));
            }
            // Its deadline is over.
            (
                Callback::Failed { .. }
                | Callback::None
                | Callback::Owed { .. }
                | Callback::Calling { .. }
                | Callback::Delivered { .. },
                _,
            ) => {
                self.release_call(key, now);
                self.finish(key);
            }
        }
    }

    pub(super) fn call_ended(
        &mut self,
        key: InvKey,
        tried: Attempt,
        verdict: CallVerdict,
        now: Timestamp,
    ) {
        let policy = self.config.callback;
        let lane = self.rows.get(&key).and_then(|row| row.held);
        if let Some(lane) = lane {
            self.learn(lane, key, &verdict, now);
        }
        let Some(row) = self.rows.get_mut(&key) else { return };
        let due = row.head.due;
        let event = CallEvent::CallEnded { tried, verdict };
        let pauses = self.directory.pauses_for(&row.head);
        let patience = Patience { policy: &policy, pauses };
        let Some(due) = row.head.callback.apply(key, due, event, patience, now) else {
            return;
        };
        row.head.due = due;
        let is_settled = row.head.callback.is_settled();
        if !is_settled {
            // It is built again for the next try; meanwhile it would be outside of every budget.
            row.envelope = None;
        }
        self.release_call(key, now);
        if is_settled {
            self.finish(key);
        } else {
            self.update(key, None);
        }
    }

    /// Gives up a callback whose time for tries is over or that is purged, and whose bytes are at hand.
    pub(super) fn give_up(&mut self, key: InvKey, event: CallEvent, now: Timestamp) {
        let Some((arn, _)) = self.owed_route(key) else { return };
        let envelope = self.envelope_of(key, &arn);
        let policy = self.config.callback;
        let Some(row) = self.rows.get_mut(&key) else { return };
        row.envelope = envelope;
        row.first_try_at = row.head.callback.first_try_at();
        let pauses = self.directory.pauses_for(&row.head);
        let patience = Patience { policy: &policy, pauses };
        let due = row.head.due;
        let Some(due) = row.head.callback.apply(key, due, event, patience, now) else {
            // Its destination was held meanwhile, so there is time again.
            row.envelope = None;
            self.place(key, now);
            return;
        };
        row.head.due = due;
        self.finish(key);
    }

    /// Tells a function of this daemon: its invocation is inserted by the commit that settles the
    /// callback, so the hand-over happens exactly once.
    pub(super) fn hand_over(
        &mut self,
        key: InvKey,
        function: &Arc<Function>,
        qualifier: Qualifier,
        now: Timestamp,
    ) {
        let Some(arn) =
            self.rows.get(&key).and_then(|row| row.head.destination()).map(|to| to.arn.clone())
        else {
            return;
        };
        let Some(envelope) = self.envelope_of(key, &arn) else { return };
        let Some(row) = self.rows.get_mut(&key) else { return };
        row.envelope = Some(envelope.clone());
        let depth = row.head.depth.saturating_add(1);
        let tried = tried_so_far(&row.head.callback).next();
        if let Some(error) = refusal(function, &envelope, depth) {
            row.head.callback = Callback::Failed { tried, at: now, error };
            return;
        }
        let child = InvKey::child_of(key, now);
        let prepared = function.prepared(&qualifier);
        let request_id = RequestId::from(child);
        row.head.callback =
            Callback::Delivered { tried, at: now, message_id: Some(request_id.to_string().into()) };
        let task = match prepared.task_mode {
            TaskMode::On => Some(TaskId::trusted(&request_id.to_string())),
            TaskMode::Off => None,
        };
        let request = AcceptRequest {
            key: child,
            request_id,
            token: crate::id::mix(child, 0x70CE),
            fn_id: function.id,
            terms: prepared.terms,
            task,
            delay: core::time::Duration::ZERO,
            depth,
            trace: row.head.trace.clone(),
            retry_of: None,
            payload: envelope,
        };
        self.insert(request, None, now);
    }

    /// Gives a callback up that may not be made. Its message is kept, as that of any failed one.
    pub(super) fn refuse(&mut self, key: InvKey, arn: &Arn, error: Fault, now: Timestamp) {
        let Some(envelope) = self.envelope_of(key, arn) else { return };
        let Some(row) = self.rows.get_mut(&key) else { return };
        row.envelope = Some(envelope);
        let tried = tried_so_far(&row.head.callback).next();
        row.head.callback = Callback::Failed { tried, at: now, error };
    }

    /// Why a function elsewhere is not told: the chain it would continue is too long to be none that
    /// comes back.
    fn loop_through(&self, key: InvKey, arn: &Arn) -> Option<Fault> {
        let depth = self.rows.get(&key)?.head.depth.saturating_add(1);
        match arn.resource() {
            Resource::Function { .. } => too_deep(depth),
            Resource::MnsQueue { .. }
            | Resource::MnsTopic { .. }
            | Resource::EventBus { .. }
            | Resource::RocketMq { .. }
            | Resource::Kafka { .. }
            | Resource::Amqp { .. } => None,
        }
    }

    /// Who has yet to be told about the row's end, and the way there.
    pub(super) fn owed_route(&self, key: InvKey) -> Option<(Arn, Route)> {
        let head = &self.rows.get(&key)?.head;
        let arn = head.owed_destination()?.arn.clone();
        let route = self.directory.route(head.fn_id, &arn);
        Some((arn, route))
    }

    /// What the destination is told, in the form its kind takes.
    fn envelope_of(&self, key: InvKey, arn: &Arn) -> Option<Bytes> {
        let row = self.rows.get(&key)?;
        let head: &Head = &row.head;
        if head.is_redriven() {
            return Some(row.payload.clone().unwrap_or_default());
        }
        let function_arn = match self.directory.key_of(head.fn_id) {
            Some(function) => {
                self.directory.identity.function_arn(&function, &head.terms.qualifier)
            }
            // A number that this store never gave out.
            None => format!(
                "acs:fc:{}:{}:functions/",
                self.directory.identity.region, self.directory.identity.account
            ),
        };
        let payload = row.payload.clone().unwrap_or_default();
        let result = row.result.clone().unwrap_or_default();
        let text = envelope(head, &function_arn, &payload, &result);
        let text = match arn.resource() {
            Resource::EventBus { bus } => cloud_event(head, &function_arn, bus, &text),
            Resource::MnsQueue { .. }
            | Resource::MnsTopic { .. }
            | Resource::Function { .. }
            | Resource::RocketMq { .. }
            | Resource::Kafka { .. }
            | Resource::Amqp { .. } => text,
        };
        Some(Bytes::from(text))
    }

    pub(super) fn release_call(&mut self, key: InvKey, now: Timestamp) {
        let Some(row) = self.rows.get_mut(&key) else { return };
        if let Some(lane) = row.held.take() {
            self.callbacks_under_way = self.callbacks_under_way.saturating_sub(1);
            self.outlets.release(lane, now);
            self.move_breaker(lane, BreakerEvent::Abandoned(key), now);
        }
    }
}

fn tried_so_far(callback: &Callback) -> Attempt {
    match callback {
        Callback::Owed { tried, .. } => *tried,
        Callback::Calling { trying, .. } => *trying,
        Callback::None | Callback::Delivered { .. } | Callback::Failed { .. } => Attempt::NONE,
    }
}

/// Why a function of this daemon cannot be told; `None` if it can.
fn refusal(function: &Function, envelope: &Bytes, depth: u8) -> Option<Fault> {
    if function.kind == FunctionKind::Http {
        let message = format!(
            "'{}' is an HTTP function; a destination has to be an event function",
            function.name
        );
        Some(Fault::new("InvalidDestination", &message, 400))
    } else if envelope.len() > FUNCTION_ENVELOPE_MAX {
        let message = format!(
            "the message has {} bytes, a function takes at most {FUNCTION_ENVELOPE_MAX}",
            envelope.len()
        );
        Some(Fault::new("EntityTooLarge", &message, 400))
    } else {
        too_deep(depth)
    }
}

/// A chain of hand-overs that is cut; `None` if it may go on.
fn too_deep(depth: u8) -> Option<Fault> {
    let message =
        format!("more than {LINEAGE_DEPTH_MAX} hand-overs in a row: destinations form a loop");
    (depth > LINEAGE_DEPTH_MAX).then(|| Fault::new("LoopDetected", &message, 400))
}
