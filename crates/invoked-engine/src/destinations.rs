//! Destinations as operators see them, and one message to see whether one answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::arn::{Arn, Resource, SinkKind};
use invoked_core::breaker::Breaker;
use invoked_core::callback::{CallVerdict, Callback};
use invoked_core::directory::{FunctionKind, Route};
use invoked_core::envelope::{cloud_event, envelope};
use invoked_core::fault::Fault;
use invoked_core::head::{Head, LaneId};
use invoked_core::id::{Attempt, FnId, InvKey, RequestId, ShardId};
use invoked_core::life::{Life, Outcome, Tally};
use invoked_core::name::{FunctionKey, Qualifier};
use invoked_core::terms::Terms;
use invoked_core::time::Timestamp;
use invoked_sink::{Delivery, Sink};

use crate::clock::stopwatch;
use crate::error::ProbeError;
use crate::handle::Handle;
use crate::pauses::LaneKey;

/// Probes at a time.
pub(crate) const PROBES_MAX: usize = 4;
/// What a probe's event says. Whoever reads the queue can tell it from an outcome.
const PROBE_PAYLOAD: &[u8] =
    b"{\"probe\":true,\"message\":\"invoked tests this destination; no function ran\"}";

/// A destination.
#[derive(Clone, Debug)]
pub struct DestinationView {
    /// Its ARN.
    pub destination: String,
    /// Its kind; `None` if the ARN is of none that is known.
    pub kind: Option<SinkKind>,
    /// Whether it is let alone.
    pub breaker: Breaker,
    /// Since when an operator holds it; `None` while nobody does.
    pub paused_since: Option<Timestamp>,
    /// Callbacks that it has yet to be told.
    pub owed: u64,
    /// Callbacks under way.
    pub in_flight: u32,
    /// Callbacks that wait in memory. More may wait in the store.
    pub waiting: usize,
    /// Whether that is all of them.
    pub is_complete: bool,
    /// When the first of them was due, or is.
    pub oldest_due: Option<Timestamp>,
    /// What the last try that was not delivered came to since the daemon started, and when.
    pub last_error: Option<(Timestamp, Fault)>,
}

/// What came of a probe.
#[derive(Clone, Debug)]
pub enum Probed {
    /// A message was sent.
    Sent {
        /// Its id.
        request_id: RequestId,
        /// What the destination said.
        verdict: CallVerdict,
        /// How long it took.
        took: Duration,
    },
    /// It is a function of this daemon: nothing was sent, because it would have run.
    Local {
        /// The function.
        function: FunctionKey,
        /// Why callbacks to it fail; `None` if they would be handed over.
        fault: Option<Fault>,
    },
}

impl Handle {
    /// The destinations of all configurations, and those that have callbacks, by ARN; `limit` at
    /// most, behind `after`.
    pub async fn destination_views(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<DestinationView> {
        let mut views: BTreeMap<FnId, DestinationView> = self
            .destinations()
            .into_iter()
            .map(|(id, destination)| (id, DestinationView::idle(destination)))
            .collect();
        for shard in self.view().await.shards {
            for (lane, of) in shard.lanes {
                let LaneId::Destination(id) = lane else { continue };
                let Some(view) = views.get_mut(&id) else { continue };
                view.in_flight += of.busy;
                view.waiting += of.in_window;
                view.is_complete &= of.is_complete;
                view.oldest_due = view.oldest_due.into_iter().chain(of.first_due).min();
            }
            for (lane, of) in shard.outlets {
                let LaneId::Destination(id) = lane else { continue };
                let Some(view) = views.get_mut(&id) else { continue };
                if !matches!(of.breaker, Breaker::Closed { .. }) {
                    view.breaker = of.breaker;
                }
                let at = |error: &Option<(Timestamp, Fault)>| error.as_ref().map(|(at, _)| *at);
                if at(&view.last_error) < at(&of.last_error) {
                    view.last_error = of.last_error;
                }
            }
        }
        let mut views: Vec<_> = views
            .into_values()
            .filter(|view| after.is_none_or(|after| after < view.destination.as_str()))
            .collect();
        views.sort_by(|one, other| one.destination.cmp(&other.destination));
        views.truncate(limit);
        for view in &mut views {
            view.owed = self.callbacks_owed(&view.destination).unwrap_or_default();
            let lane = LaneKey::Destination(view.destination.clone());
            view.paused_since = self.lane_hold(&lane).and_then(|hold| hold.pauses.since());
        }
        views
    }

    /// Sends one message to a destination, past its breaker and its schedule. Its envelope is that
    /// of a success whose event says that it is a probe. A function of this daemon is not invoked.
    ///
    /// # Errors
    /// The ARN is none, no sink is configured for it, or too many probes are under way.
    pub async fn probe(&self, destination: &str) -> Result<Probed, ProbeError> {
        let arn = Arn::parse(destination)
            .map_err(|error| ProbeError::BadArn { problem: error.to_string() })?;
        let directory = self.directory();
        if let Route::Local { function, .. } = directory.route(FnId(0), &arn) {
            let fault = (function.kind == FunctionKind::Http).then(|| {
                let message = "it is an HTTP function; a destination has to be an event function";
                Fault::new("InvalidDestination", message, 400)
            });
            return Ok(Probed::Local { function: function.key(), fault });
        }
        let kind = arn.kind();
        let sink = self.shared.outside().sinks.get(&kind).map(Arc::clone);
        let sink = sink.ok_or(ProbeError::NoSink { kind: kind.as_str() })?;
        let _slot = self.shared.probe_slots.try_acquire().map_err(|_| ProbeError::Busy)?;
        let request_id = self.fresh_id();
        let delivery = Delivery {
            envelope: self.probe_envelope(request_id, &arn),
            destination: arn,
            request_id,
            outcome: Outcome::Succeeded,
            depth: 1,
            trace: None,
        };
        let since = stopwatch();
        let limit = self.shared.config().call_timeout;
        let verdict = deliver(sink.as_ref(), &delivery, limit).await;
        Ok(Probed::Sent { request_id, verdict, took: since.elapsed() })
    }

    pub(crate) fn fresh_id(&self) -> RequestId {
        let key = InvKey::generated(ShardId(0), self.now(), self.shared.random.next());
        RequestId::from(key)
    }

    fn probe_envelope(&self, request_id: RequestId, arn: &Arn) -> Bytes {
        let now = self.now();
        let head = Head {
            key: InvKey(request_id.0),
            fn_id: FnId(0),
            request_id,
            token: 0,
            terms: Terms::defaults(Qualifier::LATEST),
            accepted_at: now,
            expires_at: now,
            due: now,
            life: Life::Ended { outcome: Outcome::Succeeded, at: now },
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
        let identity = &self.shared.identity;
        let from = format!("acs:fc:{}:{}:functions/", identity.region, identity.account);
        let text = envelope(&head, &from, PROBE_PAYLOAD, b"");
        Bytes::from(match arn.resource() {
            Resource::EventBus { bus } => cloud_event(&head, &from, bus, &text),
            Resource::MnsQueue { .. }
            | Resource::MnsTopic { .. }
            | Resource::Function { .. }
            | Resource::RocketMq { .. }
            | Resource::Kafka { .. }
            | Resource::Amqp { .. } => text,
        })
    }
}

/// Makes a try that ends in time, whatever the sink does.
pub(crate) async fn deliver(sink: &dyn Sink, delivery: &Delivery, limit: Duration) -> CallVerdict {
    match tokio::time::timeout(limit, sink.deliver(delivery)).await {
        Ok(verdict) => verdict,
        Err(_late) => {
            let message = format!("no answer within {limit:?}");
            CallVerdict::Retry { error: Fault::new("Timeout", &message, 0), retry_after: None }
        }
    }
}

impl DestinationView {
    fn idle(destination: String) -> Self {
        Self {
            kind: Arn::parse(&destination).ok().map(|arn| arn.kind()),
            destination,
            breaker: Breaker::default(),
            paused_since: None,
            owed: 0,
            in_flight: 0,
            waiting: 0,
            is_complete: true,
            oldest_due: None,
            last_error: None,
        }
    }
}
