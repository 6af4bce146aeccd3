//! The terms an invocation was accepted under. They are fixed at acceptance: a configuration that
//! changes later changes nothing for what is already accepted.

use alloc::sync::Arc;

use crate::arn::Arn;
use crate::id::FnId;
use crate::limits::{EVENT_AGE_SECONDS_DEFAULT, RETRY_ATTEMPTS_DEFAULT};
use crate::name::Qualifier;

/// An asynchronous invoke configuration as its owner put it. `None` means "not set".
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AsyncConfig {
    /// Told after success.
    pub on_success: Option<Arn>,
    /// Told after the last failure, after expiry and after a stop.
    pub on_failure: Option<Arn>,
    /// Retries after function errors, 0 to 8.
    pub max_retry_attempts: Option<u8>,
    /// Seconds from acceptance after which no attempt starts, 1 to 2,592,000.
    pub max_event_age_seconds: Option<u32>,
    /// Whether every asynchronous invocation is a task.
    pub async_task: Option<bool>,
}

/// Who is told, and the lane its callbacks wait in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Destination {
    /// The destination.
    pub arn: Arn,
    /// The store's number for it, equal for equal ARNs.
    pub id: FnId,
}

/// What holds for one invocation from acceptance to its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Terms {
    /// Version or alias that was invoked.
    pub qualifier: Qualifier,
    /// The number of its qualifier's lane, if that had one; it waits in its function's otherwise.
    pub lane: Option<FnId>,
    /// Retries after function errors.
    pub max_retries: u8,
    /// Seconds from acceptance after which no attempt starts.
    pub event_age_seconds: u32,
    /// Told after success.
    pub on_success: Option<Destination>,
    /// Told after failure, expiry and a stop.
    pub on_failure: Option<Destination>,
}

impl Terms {
    /// The terms without a configuration.
    #[must_use]
    pub fn defaults(qualifier: Qualifier) -> Arc<Self> {
        Arc::new(Self {
            qualifier,
            lane: None,
            max_retries: RETRY_ATTEMPTS_DEFAULT,
            event_age_seconds: EVENT_AGE_SECONDS_DEFAULT,
            on_success: None,
            on_failure: None,
        })
    }
}
