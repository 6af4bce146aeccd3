//! The named invariants as predicates: written once, used by unit tests and by the simulation.

use alloc::format;
use alloc::string::String;

use crate::head::Head;
use crate::id::FnId;
use crate::life::{Life, Outcome};
use crate::totals::{Metric, Totals};

/// `every_202_has_a_fate`: what was accepted is live or ended, per function. `live` counts the rows
/// whose outcome is not decided.
///
/// # Errors
/// Says by how much the books do not balance.
pub fn every_202_has_a_fate(totals: &Totals, fn_id: FnId, live: u64) -> Result<(), String> {
    let accepted = totals.sum(fn_id, Metric::Accepted);
    let ended: u64 =
        [Outcome::Succeeded, Outcome::Failed, Outcome::Expired, Outcome::Stopped, Outcome::Invalid]
            .into_iter()
            .map(|outcome| totals.sum(fn_id, Metric::Ended(outcome)))
            .sum();
    if accepted == ended + live {
        Ok(())
    } else {
        Err(format!("function {fn_id:?}: accepted {accepted}, ended {ended}, live {live}"))
    }
}

/// `outcome_with_callback`: a row whose outcome has a destination owes it a callback or has settled
/// it; a row without an outcome owes none.
///
/// # Errors
/// Says what is wrong with the row.
pub fn outcome_with_callback(head: &Head) -> Result<(), String> {
    let is_right = match (head.life.outcome(), head.destination()) {
        (Some(_), Some(_)) => head.callback.is_owed() || head.callback.is_settled(),
        (Some(_), None) | (None, _) => head.callback == crate::callback::Callback::None,
    };
    if is_right { Ok(()) } else { Err(format!("callback does not fit the outcome: {head:?}")) }
}

/// `no_start_after_expiry`: an attempt that is under way started before the time-to-live ended.
///
/// # Errors
/// Says which attempt started when.
pub fn no_start_after_expiry(head: &Head) -> Result<(), String> {
    match head.life {
        Life::Running { since, .. } if head.expires_at <= since => {
            Err(format!("started at {since:?}, expired at {:?}", head.expires_at))
        }
        Life::Running { .. }
        | Life::Enqueued
        | Life::Dequeued { .. }
        | Life::Retrying { .. }
        | Life::Stopping { .. }
        | Life::Ended { .. } => Ok(()),
    }
}

/// `attempts_are_bounded`: no more function errors than the terms allow.
///
/// # Errors
/// Says how many there were.
pub fn attempts_are_bounded(head: &Head) -> Result<(), String> {
    if head.tally.failures <= head.terms.max_retries.saturating_add(1) {
        Ok(())
    } else {
        Err(format!("{} failures with {} retries", head.tally.failures, head.terms.max_retries))
    }
}
