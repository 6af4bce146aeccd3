//! Callbacks that are not delivered: those given up, which are kept, and those that are still owed.
//!
//! A callback is known by the key of its invocation, in the form of a request id; that is the
//! request id itself unless the caller chose the task's id.

use bytes::Bytes;
use invoked_core::arn::Resource;
use invoked_core::callback::Callback;
use invoked_core::envelope::{cloud_event, envelope};
use invoked_core::fault::Fault;
use invoked_core::head::{Head, LaneId};
use invoked_core::id::{Attempt, FnId, InvKey, RequestId, ShardId};
use invoked_core::lane::Position;
use invoked_core::life::Outcome;
use invoked_core::limits::LIST_EXAMINED_MAX;
use invoked_core::name::{FunctionKey, TaskId};
use invoked_core::redrive::Redrives;
use invoked_core::shard::{BytesWanted, KeptCallback};
use invoked_core::time::Timestamp;
use invoked_store::StoreError;

use crate::error::CallbackError;
use crate::handle::Handle;
use crate::tasks::{TaskRecord, parse_token, token};

/// Which callbacks.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum CallbackStatus {
    /// They were given up.
    Failed,
    /// They are owed.
    Pending,
}

/// Where a callback stands.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum CallbackStand {
    /// It was given up.
    Failed {
        /// When.
        at: Timestamp,
    },
    /// It is owed.
    Pending {
        /// When it is tried next, or was due to be: a try may be under way.
        next_at: Timestamp,
    },
}

/// A callback.
#[derive(Clone, Debug)]
pub struct CallbackRecord {
    /// What it is known by.
    pub id: RequestId,
    /// The function; `None` if the store never heard of it.
    pub function: Option<FunctionKey>,
    /// The task's id, if it is a task.
    pub task: Option<TaskId>,
    /// What the client knows the invocation by.
    pub request_id: RequestId,
    /// Who is told.
    pub destination: String,
    /// How the invocation ended.
    pub outcome: Outcome,
    /// Where it stands.
    pub stand: CallbackStand,
    /// Tries so far, since it was last redriven.
    pub tried: Attempt,
    /// When the first of them started, if one did and it is known.
    pub first_at: Option<Timestamp>,
    /// When the last try of one that is owed may start. It has none before its first try.
    pub deadline: Option<Timestamp>,
    /// What the last of them came to.
    pub error: Option<Fault>,
    /// What came of sending it anew.
    pub redrives: Option<Box<Redrives>>,
    /// What is said. Only of a callback that was asked for by its id.
    pub envelope: Option<Bytes>,
}

/// Which callbacks to list.
#[derive(Clone, Debug, Default)]
pub struct CallbackFilter {
    /// Only of this function, in all its lives.
    pub function: Option<FunctionKey>,
    /// Only to this destination.
    pub destination: Option<String>,
    /// Only those that stand so.
    pub status: Option<CallbackStatus>,
    /// Only those whose last error has this code.
    pub code: Option<String>,
    /// Only those given up, or owed, since this time or later.
    pub since_from: Option<Timestamp>,
    /// Only those given up, or owed, since this time or earlier.
    pub since_to: Option<Timestamp>,
    /// Callbacks on a page, at most.
    pub limit: usize,
    /// What the page before gave.
    pub token: Option<String>,
}

/// A page of callbacks.
#[derive(Clone, Debug, Default)]
pub struct CallbackPage {
    /// Those given up, oldest first; then those owed, by destination and due time.
    pub callbacks: Vec<CallbackRecord>,
    /// What asks for the next page; `None` at the end.
    pub next: Option<String>,
}

/// How far a listing has come.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Mark {
    /// Behind this one of those given up.
    Failed(Option<Position>),
    /// Behind this row of this lane.
    Pending { shard: ShardId, lane: FnId, after: Position },
}

const START: Position = (Timestamp::MIN, InvKey::MIN);

/// What is looked for, with the function's numbers.
struct Wanted<'a> {
    filter: &'a CallbackFilter,
    fn_ids: Option<Vec<FnId>>,
}

/// A page in the making.
struct Listing {
    page: Vec<CallbackRecord>,
    limit: usize,
    examined: usize,
}

impl Listing {
    /// How many more may be looked at, if the page has room.
    fn room(&self) -> Option<usize> {
        let left = LIST_EXAMINED_MAX.saturating_sub(self.examined);
        (self.page.len() < self.limit && left > 0).then_some(left)
    }
}

impl Handle {
    /// Callbacks that are not delivered. A page looks at a bounded number and may come back short
    /// with a token.
    ///
    /// # Errors
    /// There is and was no such function, the token is not one of ours, or the store did not answer.
    pub async fn callbacks(&self, filter: &CallbackFilter) -> Result<CallbackPage, CallbackError> {
        let fn_ids = match &filter.function {
            None => None,
            Some(function) => match self.lives(function) {
                lives if lives.is_empty() => {
                    return Err(CallbackError::NoFunction { function: function.name.clone() });
                }
                lives => Some(lives),
            },
        };
        let wanted = Wanted { filter, fn_ids };
        let mark = match filter.token.as_deref() {
            Some(text) => Mark::parse(text).ok_or(CallbackError::BadToken)?,
            None => Mark::Failed(None),
        };
        let limit = filter.limit.clamp(1, LIST_EXAMINED_MAX);
        let mut listing = Listing { page: Vec::new(), limit, examined: 0 };
        let mut next = Some(mark);
        if let Some(Mark::Failed(after)) = next {
            next = match filter.status {
                Some(CallbackStatus::Pending) => Some(Mark::first_pending()),
                Some(CallbackStatus::Failed) | None => {
                    self.list_failed(&wanted, after, &mut listing).await?
                }
            };
        }
        if let Some(Mark::Pending { shard, lane, after }) = next {
            next = match filter.status {
                Some(CallbackStatus::Failed) => None,
                Some(CallbackStatus::Pending) | None => {
                    self.list_pending(&wanted, (shard, lane, after), &mut listing).await?
                }
            };
        }
        Ok(CallbackPage { callbacks: listing.page, next: next.map(|mark| mark.text()) })
    }

    /// A callback that is not delivered, with what is said.
    ///
    /// # Errors
    /// There is none, or the store did not answer.
    pub async fn callback(&self, id: RequestId) -> Result<CallbackRecord, CallbackError> {
        let key = InvKey(id.0);
        if let Some(head) = self.row(key).await?
            && let Some(pending) = self.pending(&head)
        {
            let envelope = self.envelope_of(head).await?;
            return Ok(CallbackRecord { envelope, ..pending });
        }
        let kept = self.shared.store.kept_callback(key).await?;
        match kept.filter(|kept| self.callbacks_kept_from() <= kept.failed_at) {
            Some(kept) => {
                let envelope = Some(kept.envelope.clone());
                Ok(CallbackRecord { envelope, ..self.failed_one(kept).await? })
            }
            None => Err(CallbackError::NotFound { id: id.to_string() }),
        }
    }

    async fn list_failed(
        &self,
        wanted: &Wanted<'_>,
        mut after: Option<Position>,
        listing: &mut Listing,
    ) -> Result<Option<Mark>, CallbackError> {
        let kept_from = self.callbacks_kept_from();
        while let Some(room) = listing.room() {
            let asked = room.min(listing.limit);
            let read = self.shared.store.kept_callbacks(after, asked).await?;
            let is_last = read.len() < asked;
            for kept in read {
                if listing.room().is_none() {
                    return Ok(Some(Mark::Failed(after)));
                }
                after = Some((kept.failed_at, kept.key));
                listing.examined += 1;
                let error = Some(&kept.error);
                if kept_from <= kept.failed_at
                    && wanted.is_of_age(Some(kept.failed_at))
                    && wanted.matches(kept.fn_id, kept.destination.as_str(), error)
                {
                    listing.page.push(self.failed_one(kept).await?);
                }
            }
            if is_last {
                return Ok(Some(Mark::first_pending()));
            }
        }
        Ok(Some(Mark::Failed(after)))
    }

    async fn list_pending(
        &self,
        wanted: &Wanted<'_>,
        from: (ShardId, FnId, Position),
        listing: &mut Listing,
    ) -> Result<Option<Mark>, CallbackError> {
        let shards = self.shared.shards.iter().map(|port| port.id);
        for shard in shards.filter(|shard| from.0 <= *shard) {
            let mut lanes: Vec<_> = self.shared.store.lanes(shard).await?;
            lanes.sort_unstable();
            for lane in lanes {
                let LaneId::Destination(id) = lane else { continue };
                let mut after = match (shard, id).cmp(&(from.0, from.1)) {
                    std::cmp::Ordering::Less => continue,
                    std::cmp::Ordering::Equal => from.2,
                    std::cmp::Ordering::Greater => START,
                };
                loop {
                    let mark = || Some(Mark::Pending { shard, lane: id, after });
                    let Some(room) = listing.room() else { return Ok(mark()) };
                    let asked = u32::try_from(room.min(listing.limit)).unwrap_or(u32::MAX);
                    let read = self.shared.store.heads(shard, lane, after, asked).await?;
                    let is_last = read.is_complete || read.heads.is_empty();
                    for head in read.heads {
                        if listing.room().is_none() {
                            return Ok(Some(Mark::Pending { shard, lane: id, after }));
                        }
                        after = (head.due, head.key);
                        listing.examined += 1;
                        let pending = self.pending(&head);
                        listing.page.extend(pending.filter(|found| {
                            wanted.is_of_age(head.owed_since())
                                && wanted.matches(
                                    head.fn_id,
                                    &found.destination,
                                    found.error.as_ref(),
                                )
                        }));
                    }
                    if is_last {
                        break;
                    }
                }
            }
        }
        Ok(None)
    }

    async fn failed_one(&self, kept: KeptCallback) -> Result<CallbackRecord, StoreError> {
        // A record is kept of every task.
        let head = self.shared.store.head(kept.key).await?.map(|found| found.head);
        Ok(CallbackRecord {
            id: kept.key.into(),
            function: self.directory().key_of(kept.fn_id),
            task: head.and_then(|head| head.task).map(|task| task.id),
            request_id: kept.request_id,
            destination: kept.destination.as_str().to_owned(),
            outcome: kept.outcome,
            stand: CallbackStand::Failed { at: kept.failed_at },
            tried: kept.tried,
            first_at: kept.first_at,
            deadline: None,
            error: Some(kept.error),
            redrives: kept.redrives,
            envelope: None,
        })
    }

    fn pending(&self, head: &Head) -> Option<CallbackRecord> {
        let (tried, error) = match &head.callback {
            Callback::Owed { tried, error, .. } => (*tried, error.clone()),
            Callback::Calling { trying, .. } => (*trying, None),
            Callback::None | Callback::Delivered { .. } | Callback::Failed { .. } => return None,
        };
        Some(CallbackRecord {
            id: head.key.into(),
            function: self.directory().key_of(head.fn_id),
            task: head.task.as_ref().map(|task| task.id.clone()),
            request_id: head.request_id,
            destination: head.destination()?.arn.as_str().to_owned(),
            outcome: head.life.outcome()?,
            stand: CallbackStand::Pending { next_at: head.due },
            tried,
            first_at: head.callback.first_try_at(),
            deadline: self.callback_deadline(head),
            error,
            redrives: head.redrives.clone(),
            envelope: None,
        })
    }

    /// What the destination of a row is about to be told.
    async fn envelope_of(&self, head: Head) -> Result<Option<Bytes>, StoreError> {
        if head.is_redriven() {
            let message = BytesWanted::message(&head);
            let bytes = self.shared.store.bytes(&[message]).await?;
            return Ok(bytes.into_iter().next().and_then(|bytes| bytes.payload));
        }
        let TaskRecord { head, payload, result } = self.with_bytes(head).await?;
        let directory = self.directory();
        let function = directory.key_of(head.fn_id);
        let (Some(function), Some(to)) = (function, head.destination()) else { return Ok(None) };
        let arn = directory.identity.function_arn(&function, &head.terms.qualifier);
        let (payload, result) = (payload.unwrap_or_default(), result.unwrap_or_default());
        let text = envelope(&head, &arn, &payload, &result);
        let text = match to.arn.resource() {
            Resource::EventBus { bus } => cloud_event(&head, &arn, bus, &text),
            Resource::MnsQueue { .. }
            | Resource::MnsTopic { .. }
            | Resource::Function { .. }
            | Resource::RocketMq { .. }
            | Resource::Kafka { .. }
            | Resource::Amqp { .. } => text,
        };
        Ok(Some(Bytes::from(text)))
    }
}

impl Wanted<'_> {
    fn is_of_age(&self, since: Option<Timestamp>) -> bool {
        let (from, to) = (self.filter.since_from, self.filter.since_to);
        from.is_none_or(|from| since.is_some_and(|since| from <= since))
            && to.is_none_or(|to| since.is_some_and(|since| since <= to))
    }

    fn matches(&self, fn_id: FnId, destination: &str, error: Option<&Fault>) -> bool {
        self.fn_ids.as_ref().is_none_or(|ids| ids.contains(&fn_id))
            && self.filter.destination.as_deref().is_none_or(|wanted| wanted == destination)
            && self
                .filter
                .code
                .as_deref()
                .is_none_or(|wanted| error.is_some_and(|error| &*error.code == wanted))
    }
}

impl Mark {
    fn first_pending() -> Self {
        Self::Pending { shard: ShardId(0), lane: FnId(0), after: START }
    }

    fn text(&self) -> String {
        match self {
            Self::Failed(None) => "f".to_owned(),
            Self::Failed(Some(after)) => format!("f.{}", token(*after)),
            Self::Pending { shard, lane, after } => {
                format!("p.{:x}.{:x}.{}", shard.0, lane.0, token(*after))
            }
        }
    }

    /// Reads what [`Mark::text`] gives, and nothing else that happens to read.
    fn parse(text: &str) -> Option<Self> {
        Self::read(text).filter(|mark| mark.text() == text)
    }

    fn read(text: &str) -> Option<Self> {
        if text == "f" {
            return Some(Self::Failed(None));
        }
        match text.split_once('.')? {
            ("f", after) => Some(Self::Failed(Some(parse_token(after).ok()?))),
            ("p", rest) => {
                let (shard, rest) = rest.split_once('.')?;
                let (lane, after) = rest.split_once('.')?;
                Some(Self::Pending {
                    shard: ShardId(u16::from_str_radix(shard, 16).ok()?),
                    lane: FnId(u32::from_str_radix(lane, 16).ok()?),
                    after: parse_token(after).ok()?,
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_read_back_and_others_are_refused() {
        let after = (Timestamp::from_millis(1_800_000_000_000), InvKey([7; 16]));
        for mark in [
            Mark::Failed(None),
            Mark::Failed(Some(after)),
            Mark::first_pending(),
            Mark::Pending { shard: ShardId(3), lane: FnId(99), after },
        ] {
            assert_eq!(Mark::parse(&mark.text()), Some(mark));
        }
        for bad in [
            "",
            "x",
            "f.",
            "p",
            "p.1.2",
            "f.1.2",
            "p.12345.1.1.x",
            "g.1",
            "p.+0.0.0.00000000-0000-0000-0000-000000000000",
        ] {
            assert_eq!(Mark::parse(bad), None, "{bad}");
        }
    }
}
