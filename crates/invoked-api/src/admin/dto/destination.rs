//! Destinations and probes of them.

use invoked_core::breaker::Breaker;
use invoked_core::callback::CallVerdict;
use invoked_engine as engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Fault;
use crate::admin::time::moment;

/// Whether a destination is let alone.
#[derive(Copy, Clone, Debug, Serialize, ToSchema)]
pub(in crate::admin) enum BreakerState {
    /// It is told what it is owed.
    Closed,
    /// Nothing is sent until the hold is over.
    Open,
    /// One callback tries it; the others wait for what comes of that.
    HalfOpen,
}

/// A destination.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Destination {
    /// Its ARN.
    destination: String,
    /// Its kind, such as `mns`; null if the ARN is of none that is known.
    #[schema(required = true)]
    kind: Option<String>,
    breaker: BreakerState,
    /// When the next callback may try it, while it is let alone.
    #[schema(required = true, format = DateTime)]
    held_until: Option<String>,
    /// Since when an operator holds it; null while nobody does.
    #[schema(required = true, format = DateTime)]
    paused_since: Option<String>,
    /// Callbacks that it has yet to be told.
    owed: u64,
    /// Callbacks under way.
    in_flight: u32,
    /// Callbacks that wait in memory.
    waiting: usize,
    /// Whether more wait in the store.
    more_waiting: bool,
    /// When the first of them was due, or is.
    #[schema(required = true, format = DateTime)]
    oldest_due: Option<String>,
    /// What the last try that was not delivered came to, since the daemon started.
    #[schema(required = true)]
    last_error: Option<Fault>,
    #[schema(required = true, format = DateTime)]
    last_error_at: Option<String>,
}

/// A page of destinations.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct DestinationPage {
    /// By ARN.
    pub(in crate::admin) destinations: Vec<Destination>,
    /// What asks for the next page; null at the end.
    #[schema(required = true)]
    pub(in crate::admin) next: Option<String>,
}

/// What is to be probed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct ProbeInput {
    /// Its ARN.
    pub(in crate::admin) destination: String,
}

/// What a probe came to.
#[derive(Copy, Clone, Debug, Serialize, ToSchema)]
pub(in crate::admin) enum ProbeOutcome {
    /// The destination has the message.
    Delivered,
    /// It may work later: a callback would be tried again.
    Retry,
    /// It will not work as it is: a callback would be given up at once.
    Permanent,
    /// It is a function of this daemon, which would be invoked. Nothing was sent.
    Local,
    /// It is a function of this daemon that cannot be told. Nothing was sent.
    LocalRefused,
}

/// What came of a probe.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Probed {
    outcome: ProbeOutcome,
    /// The same in words.
    message: String,
    /// The id of the message that was sent.
    #[schema(required = true)]
    request_id: Option<String>,
    /// The id that the destination gave it, if it gives one.
    #[schema(required = true)]
    message_id: Option<String>,
    #[schema(required = true)]
    error: Option<Fault>,
    /// How long it took, in milliseconds.
    took_ms: u64,
}

impl From<&Breaker> for BreakerState {
    fn from(breaker: &Breaker) -> Self {
        match breaker {
            Breaker::Closed { .. } => Self::Closed,
            Breaker::Open { .. } => Self::Open,
            Breaker::HalfOpen { .. } => Self::HalfOpen,
        }
    }
}

impl From<&engine::DestinationView> for Destination {
    fn from(of: &engine::DestinationView) -> Self {
        let until = match of.breaker {
            Breaker::Open { until, .. } => Some(until),
            Breaker::Closed { .. } | Breaker::HalfOpen { .. } => None,
        };
        Self {
            destination: of.destination.clone(),
            kind: of.kind.map(|kind| kind.as_str().to_owned()),
            breaker: BreakerState::from(&of.breaker),
            held_until: until.map(moment),
            paused_since: of.paused_since.map(moment),
            owed: of.owed,
            in_flight: of.in_flight,
            waiting: of.waiting,
            more_waiting: !of.is_complete,
            oldest_due: of.oldest_due.map(moment),
            last_error: of.last_error.as_ref().map(|(_, error)| Fault::from(error)),
            last_error_at: of.last_error.as_ref().map(|(at, _)| moment(*at)),
        }
    }
}

impl From<&engine::Probed> for Probed {
    fn from(of: &engine::Probed) -> Self {
        let (request_id, verdict, took) = match of {
            engine::Probed::Local { function, fault } => return Self::local(&function.name, fault),
            engine::Probed::Sent { request_id, verdict, took } => (request_id, verdict, took),
        };
        let (outcome, message, message_id, error) = match verdict {
            CallVerdict::Delivered { message_id } => {
                let given = message_id.as_deref().map(|id| format!(" as message {id}"));
                let message = format!("delivered{}", given.unwrap_or_default());
                (ProbeOutcome::Delivered, message, message_id.as_deref(), None)
            }
            CallVerdict::Retry { error, .. } => {
                let message = format!("not delivered; a callback would be tried again: {error}");
                (ProbeOutcome::Retry, message, None, Some(error))
            }
            CallVerdict::Permanent { error } => {
                let message = format!("not delivered; a callback would be given up: {error}");
                (ProbeOutcome::Permanent, message, None, Some(error))
            }
        };
        Self {
            outcome,
            message,
            request_id: Some(request_id.to_string()),
            message_id: message_id.map(str::to_owned),
            error: error.map(Fault::from),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl Probed {
    fn local(
        function: &invoked_core::name::FunctionName,
        fault: &Option<invoked_core::fault::Fault>,
    ) -> Self {
        let (outcome, message) = match fault {
            None => (
                ProbeOutcome::Local,
                format!(
                    "'{function}' is a function of this daemon and would be invoked; nothing was sent"
                ),
            ),
            Some(fault) => {
                (ProbeOutcome::LocalRefused, format!("'{function}' would not be invoked: {fault}"))
            }
        };
        Self {
            outcome,
            message,
            request_id: None,
            message_id: None,
            error: fault.as_ref().map(Fault::from),
            took_ms: 0,
        }
    }
}
