//! Rows to start a test with, and the moves that tests of a store need.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::callback::Callback;
use invoked_core::fault::Fault;
use invoked_core::head::{Head, Slot, Status, Task};
use invoked_core::history::History;
use invoked_core::id::{Attempt, FnId, InvKey, RequestId, ShardId};
use invoked_core::life::{Life, Outcome, Tally};
use invoked_core::name::{Qualifier, TaskId};
use invoked_core::shard::{BytesWanted, KeptCallback, RowOp};
use invoked_core::terms::{Destination, Terms};
use invoked_core::time::Timestamp;

/// Noon of 2026-01-01, UTC: an hour either way is the same day.
pub const NOON: Timestamp = Timestamp::from_millis(1_767_268_800_000);

/// The ARN that [`Sample::owing`] rows tell.
pub const DESTINATION: &str = "acs:mns:::/queues/told/messages";

/// A row as a test moves it along, with the slot that the store has it at.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The row.
    pub head: Head,
    /// Where the store has it.
    pub was: Slot,
}

impl Sample {
    /// A plain invocation of `fn_id`, accepted `after` [`NOON`] with an hour to live.
    #[must_use]
    pub fn plain(shard: ShardId, fn_id: FnId, random: u64, after: Duration) -> Self {
        let now = NOON.plus(after);
        let key = InvKey::generated(shard, now, random << 1);
        let terms =
            Terms { event_age_seconds: 3_600, ..(*Terms::defaults(Qualifier::LATEST)).clone() };
        let head = Head {
            key,
            fn_id,
            request_id: RequestId::from(key),
            token: random,
            terms: Arc::new(terms),
            accepted_at: now,
            expires_at: now.plus(Duration::from_secs(3_600)),
            due: now,
            life: Life::Enqueued,
            attempts: Attempt::NONE,
            tally: Tally::default(),
            first_started_at: None,
            fault: None,
            callback: Callback::None,
            redrives: None,
            depth: 0,
            trace: None,
            task: None,
        };
        Self { was: head.slot(), head }
    }

    /// The same as a task, whose key comes from its id.
    #[must_use]
    pub fn task(shard: ShardId, fn_id: FnId, id: &str, after: Duration) -> Self {
        let mut sample = Self::plain(shard, fn_id, 0, after);
        let head = &mut sample.head;
        head.key = InvKey::chosen(shard, "account", &fn_id.0.to_string(), id);
        head.token = invoked_core::id::mix(head.key, 1);
        let mut history = History::default();
        history.push(Status::Enqueued, head.accepted_at, None);
        head.task = Some(Task { id: TaskId::trusted(id), history });
        sample
    }

    /// Owes a callback to [`DESTINATION`], whose number is `id`, however it ends.
    #[must_use]
    pub fn owing(mut self, id: FnId) -> Self {
        let arn = Arn::parse(DESTINATION).expect("the destination of samples is an ARN");
        let destination = Some(Destination { arn, id });
        let terms = Terms {
            on_success: destination.clone(),
            on_failure: destination,
            ..(*self.head.terms).clone()
        };
        self.head.terms = Arc::new(terms);
        self
    }

    /// Was invoked by version or alias.
    #[must_use]
    pub fn of_qualifier(mut self, qualifier: &str) -> Self {
        let qualifier = Qualifier::parse(qualifier).expect("a qualifier of a test");
        self.head.terms = Arc::new(Terms { qualifier, ..(*self.head.terms).clone() });
        self
    }

    /// Waits in this lane of its qualifier.
    #[must_use]
    pub fn in_lane(mut self, lane: FnId) -> Self {
        self.head.terms = Arc::new(Terms { lane: Some(lane), ..(*self.head.terms).clone() });
        self.was = self.head.slot();
        self
    }

    /// Is due `after` its acceptance.
    #[must_use]
    pub fn due_after(mut self, after: Duration) -> Self {
        self.head.due = self.head.accepted_at.plus(after);
        self.was = self.head.slot();
        self
    }

    /// The insert.
    #[must_use]
    pub fn insert(&self, payload: &'static [u8]) -> RowOp {
        RowOp::Insert { head: Box::new(self.head.clone()), payload: Bytes::from_static(payload) }
    }

    /// The update that writes the row as it is.
    pub fn update(&mut self) -> RowOp {
        self.update_with(None)
    }

    /// The update that writes the row as it is, and the function's answer.
    pub fn update_with(&mut self, result: Option<&'static [u8]>) -> RowOp {
        let was = std::mem::replace(&mut self.was, self.head.slot());
        RowOp::Update {
            head: Box::new(self.head.clone()),
            was,
            result: result.map(Bytes::from_static),
        }
    }

    /// Its callback that was given up is owed again, `after` its acceptance. The row it becomes is
    /// the one that the store has from then on.
    pub fn redrive(&mut self, after: Duration, envelope: &'static [u8]) -> RowOp {
        let now = self.head.accepted_at.plus(after);
        let failed_at = match self.head.callback {
            Callback::Failed { at, .. } => at,
            Callback::None
            | Callback::Owed { .. }
            | Callback::Calling { .. }
            | Callback::Delivered { .. } => now,
        };
        self.head.redrives.get_or_insert_default().begin("a test", now);
        self.head.callback = Callback::owed(now);
        self.head.due = now;
        self.was = self.head.slot();
        let envelope = Bytes::from_static(envelope);
        RowOp::Redrive { head: Box::new(self.head.clone()), envelope, failed_at }
    }

    /// The finish of the row as it is; a callback that failed is kept.
    #[must_use]
    pub fn finish(&self, result: Option<&'static [u8]>) -> RowOp {
        let failed_callback = match &self.head.callback {
            Callback::Failed { tried, at, error } => Some(Box::new(KeptCallback {
                key: self.head.key,
                request_id: self.head.request_id,
                fn_id: self.head.fn_id,
                qualifier: self.head.terms.qualifier.clone(),
                accepted_at: self.head.accepted_at,
                ended_at: self.head.ended_at().unwrap_or(*at),
                depth: self.head.depth,
                trace: self.head.trace.clone(),
                first_at: self.head.ended_at(),
                redrives: self.head.redrives.clone(),
                destination: Arn::parse(DESTINATION).expect("the destination of samples is an ARN"),
                outcome: self.head.life.outcome().unwrap_or(Outcome::Failed),
                tried: *tried,
                failed_at: *at,
                error: error.clone(),
                envelope: Bytes::from_static(b"{}"),
            })),
            Callback::None
            | Callback::Owed { .. }
            | Callback::Calling { .. }
            | Callback::Delivered { .. } => None,
        };
        RowOp::Finish {
            head: Box::new(self.head.clone()),
            was: self.was,
            result: result.map(Bytes::from_static),
            failed_callback,
        }
    }

    /// Where its bytes are.
    #[must_use]
    pub fn bytes(&self) -> BytesWanted {
        BytesWanted::from(&self.head)
    }

    /// Its next attempt has started, `after` its acceptance.
    pub fn start(&mut self, after: Duration) {
        let since = self.head.accepted_at.plus(after);
        let attempt = self.head.attempts.next();
        self.head.attempts = attempt;
        self.head.first_started_at = self.head.first_started_at.or(Some(since));
        self.head.life = Life::Running { attempt, since };
    }

    /// Its attempt failed, and the next is due `after` its acceptance.
    pub fn retry(&mut self, after: Duration) {
        self.head.attempts = self.head.attempts.max(Attempt(1));
        self.head.tally.failures += 1;
        self.head.life = Life::Retrying { failed: self.head.attempts };
        self.head.fault = Some(Fault::new("InvocationError", "it did not work", 200));
        self.head.due = self.head.accepted_at.plus(after);
    }

    /// Its outcome is decided, `after` its acceptance; what it owes then is owed.
    pub fn end(&mut self, outcome: Outcome, after: Duration) {
        let at = self.head.accepted_at.plus(after);
        self.head.life = Life::Ended { outcome, at };
        self.head.due = at;
        if self.head.destination().is_some() {
            self.head.callback = Callback::owed(at);
        }
    }

    /// Its destination has been told.
    pub fn deliver(&mut self) {
        let at = self.head.due;
        self.head.callback = Callback::Delivered { tried: Attempt(1), at, message_id: None };
    }

    /// Its callback was given up, `after` its acceptance.
    pub fn give_up(&mut self, after: Duration) {
        let at = self.head.accepted_at.plus(after);
        let error = Fault::new("QueueNotExist", "no such queue", 404);
        self.head.callback = Callback::Failed { tried: Attempt(3), at, error };
    }
}
