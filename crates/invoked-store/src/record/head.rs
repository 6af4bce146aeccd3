//! The record of an invocation. Its key is not in it: the store's index has it.
//!
//! Times are written as distances from acceptance, which keeps a waiting row at about 50 bytes
//! beside its destinations.

use std::sync::Arc;

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::callback::Callback;
use invoked_core::fault::Fault;
use invoked_core::head::{Head, Status, Task};
use invoked_core::history::{History, TaskEvent};
use invoked_core::id::{Attempt, FnId, InvKey, RequestId};
use invoked_core::life::{Life, Tally};
use invoked_core::name::{Qualifier, TaskId};
use invoked_core::redrive::Redrives;
use invoked_core::terms::{Destination, Terms};
use invoked_core::time::Timestamp;

use super::number::{of_outcome, of_status, to_outcome, to_status};
use super::{redrives, trace};
use crate::codec::{DecodeError, Reader, Writer};

/// The newest version: it has the lane of the qualifier. The third has a place in a trace, and the second
/// redrives; each has what those before it have. A row is written in the first version that can hold it.
pub const VERSION: u8 = 4;
const TRACED: u8 = 3;
const REDRIVEN: u8 = 2;
const FIRST: u8 = 1;

/// The bytes of a row.
#[must_use]
pub fn encode(head: &Head) -> Bytes {
    write(head).finish()
}

/// The bytes of a row, and behind them what [`decode_with_rest`] gives back.
#[must_use]
pub fn encode_with_rest(head: &Head, rest: &[&[u8]]) -> Bytes {
    let mut writer = write(head);
    rest.iter().for_each(|part| writer.fixed(part));
    writer.finish()
}

fn write(head: &Head) -> Writer {
    let version = version_of(head);
    let mut writer = Writer::new(version);
    let base = head.accepted_at;
    writer.number(u64::from(head.fn_id.0));
    writer.option((head.request_id.0 != head.key.0).then_some(head.request_id), |writer, id| {
        writer.fixed(&id.0);
    });
    writer.fixed(&head.token.to_be_bytes());
    writer.signed(base.millis());
    time(&mut writer, base, head.expires_at);
    time(&mut writer, base, head.due);
    writer.u8(head.depth);
    writer.number(u64::from(head.attempts.0));
    writer.u8(head.tally.failures);
    writer.number(u64::from(head.tally.unavailable));
    writer.option(head.tally.unavailable_since, |writer, at| time(writer, base, at));
    writer.option(head.first_started_at, |writer, at| time(writer, base, at));
    life(&mut writer, base, &head.life);
    writer.option(head.fault.as_ref(), fault);
    callback(&mut writer, base, &head.callback);
    terms(&mut writer, &head.terms);
    writer.option(head.task.as_ref(), |writer, of| task(writer, base, of));
    let redrives = |writer: &mut Writer, of: &Redrives| redrives::write(writer, base, of);
    if version == VERSION {
        writer.option(head.terms.lane, |writer, lane| writer.number(u64::from(lane.0)));
    }
    if version == REDRIVEN {
        head.redrives.iter().for_each(|of| redrives(&mut writer, of));
    } else if version > REDRIVEN {
        writer.option(head.redrives.as_deref(), redrives);
        writer.option(head.trace.as_deref(), trace::write);
    }
    writer
}

/// The first version that can hold a row.
fn version_of(head: &Head) -> u8 {
    match (head.terms.lane, &head.trace, &head.redrives) {
        (Some(_), _, _) => VERSION,
        (None, Some(_), _) => TRACED,
        (None, None, Some(_)) => REDRIVEN,
        (None, None, None) => FIRST,
    }
}

/// The row of `key` from its bytes.
///
/// # Errors
/// The bytes are not a record that this program knows.
pub fn decode(key: InvKey, record: &[u8]) -> Result<Head, DecodeError> {
    decode_with_rest(key, record).map(|(head, _)| head)
}

/// The row of `key` from its bytes, and what stands behind them.
///
/// # Errors
/// The bytes are not a record that this program knows.
pub fn decode_with_rest(key: InvKey, record: &[u8]) -> Result<(Head, &[u8]), DecodeError> {
    let (mut reader, version) = Reader::new(record, VERSION)?;
    let head = read(key, version, &mut reader)?;
    Ok((head, reader.rest()))
}

fn read(key: InvKey, version: u8, reader: &mut Reader<'_>) -> Result<Head, DecodeError> {
    let fn_id = FnId(reader.small("function")?);
    let request_id =
        reader.option("request id", |reader| reader.fixed("request id").map(RequestId))?;
    let token = u64::from_be_bytes(reader.fixed("token")?);
    let base = Timestamp::from_millis(reader.signed("accepted at")?);
    let mut head = Head {
        key,
        fn_id,
        request_id: request_id.unwrap_or_else(|| RequestId::from(key)),
        token,
        accepted_at: base,
        expires_at: read_time(reader, base, "expires at")?,
        due: read_time(reader, base, "due")?,
        depth: reader.u8("depth")?,
        attempts: Attempt(reader.small("attempts")?),
        tally: Tally {
            failures: reader.u8("failures")?,
            unavailable: reader.small("unavailable")?,
            unavailable_since: reader.option("unavailable since", |reader| {
                read_time(reader, base, "unavailable since")
            })?,
        },
        first_started_at: reader
            .option("first started at", |reader| read_time(reader, base, "first started at"))?,
        life: read_life(reader, base)?,
        fault: reader.option("fault", read_fault)?,
        callback: read_callback(reader, base)?,
        terms: Arc::new(read_terms(reader)?),
        task: reader.option("task", |reader| read_task(reader, base))?,
        redrives: None,
        trace: None,
    };
    if version == VERSION {
        let lane = reader.option("lane", |reader| reader.small("lane").map(FnId))?;
        Arc::make_mut(&mut head.terms).lane = lane;
    }
    if version == REDRIVEN {
        head.redrives = Some(Box::new(redrives::read(reader, base)?));
    } else if version >= TRACED {
        let redrives = reader.option("redrives", |reader| redrives::read(reader, base))?;
        head.redrives = redrives.map(Box::new);
        head.trace = reader.option("trace", trace::read)?.map(Arc::new);
    }
    Ok(head)
}

/// What an index has to know of a row.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Where it stands.
    pub status: Status,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When the core must look at it.
    pub due: Timestamp,
}

/// Only the standing from the bytes of a row, without building it.
///
/// # Errors
/// The bytes are not a record that this program knows.
pub fn decode_standing(record: &[u8]) -> Result<Standing, DecodeError> {
    let (mut reader, _) = Reader::new(record, VERSION)?;
    let reader = &mut reader;
    let _function: u64 = reader.number("function")?;
    reader.option("request id", |reader| reader.fixed::<16>("request id"))?;
    let _token: [u8; 8] = reader.fixed("token")?;
    let base = Timestamp::from_millis(reader.signed("accepted at")?);
    read_time(reader, base, "expires at")?;
    let due = read_time(reader, base, "due")?;
    let _depth = reader.u8("depth")?;
    let _attempts: u64 = reader.number("attempts")?;
    let _failures = reader.u8("failures")?;
    let _unavailable: u64 = reader.number("unavailable")?;
    reader.option("unavailable since", |reader| reader.signed("unavailable since"))?;
    reader.option("first started at", |reader| reader.signed("first started at"))?;
    let status = Status::from(&read_life(reader, base)?);
    Ok(Standing { status, accepted_at: base, due })
}

pub(super) fn time(writer: &mut Writer, base: Timestamp, at: Timestamp) {
    writer.signed(at.millis().wrapping_sub(base.millis()));
}

pub(super) fn read_time(
    reader: &mut Reader<'_>,
    base: Timestamp,
    field: &'static str,
) -> Result<Timestamp, DecodeError> {
    Ok(Timestamp::from_millis(base.millis().wrapping_add(reader.signed(field)?)))
}

fn life(writer: &mut Writer, base: Timestamp, life: &Life) {
    let mut attempt = |kind: u8, attempt: &Attempt| {
        writer.u8(kind);
        writer.number(u64::from(attempt.0));
    };
    match life {
        Life::Enqueued => writer.u8(1),
        Life::Dequeued { attempt: under_way } => attempt(2, under_way),
        Life::Running { attempt: under_way, since } => {
            attempt(3, under_way);
            time(writer, base, *since);
        }
        Life::Retrying { failed } => attempt(4, failed),
        Life::Stopping { attempt: under_way } => attempt(5, under_way),
        Life::Ended { outcome, at } => {
            writer.u8(6);
            writer.u8(of_outcome(*outcome));
            time(writer, base, *at);
        }
    }
}

fn read_life(reader: &mut Reader<'_>, base: Timestamp) -> Result<Life, DecodeError> {
    let kind = reader.u8("life")?;
    let attempt = |reader: &mut Reader<'_>| reader.small("attempt").map(Attempt);
    Ok(match kind {
        1 => Life::Enqueued,
        2 => Life::Dequeued { attempt: attempt(reader)? },
        3 => Life::Running {
            attempt: attempt(reader)?,
            since: read_time(reader, base, "running since")?,
        },
        4 => Life::Retrying { failed: attempt(reader)? },
        5 => Life::Stopping { attempt: attempt(reader)? },
        6 => Life::Ended {
            outcome: to_outcome(reader.u8("outcome")?)?,
            at: read_time(reader, base, "ended at")?,
        },
        _ => return Err(DecodeError::Unknown { field: "life", number: u64::from(kind) }),
    })
}

pub(super) fn fault(writer: &mut Writer, fault: &Fault) {
    writer.text(&fault.code);
    writer.text(&fault.message);
    writer.number(u64::from(fault.status));
}

pub(super) fn read_fault(reader: &mut Reader<'_>) -> Result<Fault, DecodeError> {
    let (code, message) = (reader.text("fault code")?, reader.text("fault message")?);
    Ok(Fault { code: code.into(), message: message.into(), status: reader.small("fault status")? })
}

fn callback(writer: &mut Writer, base: Timestamp, callback: &Callback) {
    match callback {
        Callback::None => writer.u8(0),
        Callback::Owed { tried, first_at, error } => {
            writer.u8(1);
            writer.number(u64::from(tried.0));
            writer.option(*first_at, |writer, at| time(writer, base, at));
            writer.option(error.as_ref(), fault);
        }
        // A try under way lives in memory only; the tries before it are what is durable.
        Callback::Calling { trying, first_at } => {
            writer.u8(1);
            writer.number(u64::from(trying.0.saturating_sub(1)));
            writer.option(Some(*first_at), |writer, at| time(writer, base, at));
            writer.u8(0);
        }
        Callback::Delivered { tried, at, message_id } => {
            writer.u8(2);
            writer.number(u64::from(tried.0));
            time(writer, base, *at);
            writer.option(message_id.as_deref(), Writer::text);
        }
        Callback::Failed { tried, at, error } => {
            writer.u8(3);
            writer.number(u64::from(tried.0));
            time(writer, base, *at);
            fault(writer, error);
        }
    }
}

fn read_callback(reader: &mut Reader<'_>, base: Timestamp) -> Result<Callback, DecodeError> {
    let kind = reader.u8("callback")?;
    if kind == 0 {
        return Ok(Callback::None);
    }
    let tried = Attempt(reader.small("tries")?);
    Ok(match kind {
        1 => Callback::Owed {
            tried,
            first_at: reader.option("first try", |reader| read_time(reader, base, "first try"))?,
            error: reader.option("callback error", read_fault)?,
        },
        2 => Callback::Delivered {
            tried,
            at: read_time(reader, base, "delivered at")?,
            message_id: reader
                .option("message id", |reader| reader.text("message id"))?
                .map(Into::into),
        },
        3 => Callback::Failed {
            tried,
            at: read_time(reader, base, "failed at")?,
            error: read_fault(reader)?,
        },
        _ => return Err(DecodeError::Unknown { field: "callback", number: u64::from(kind) }),
    })
}

fn terms(writer: &mut Writer, terms: &Terms) {
    writer.option(terms.qualifier.as_named(), Writer::text);
    writer.u8(terms.max_retries);
    writer.number(u64::from(terms.event_age_seconds));
    for destination in [&terms.on_success, &terms.on_failure] {
        writer.option(destination.as_ref(), |writer, to| {
            writer.number(u64::from(to.id.0));
            writer.text(to.arn.as_str());
        });
    }
}

fn read_terms(reader: &mut Reader<'_>) -> Result<Terms, DecodeError> {
    let qualifier = reader.option("qualifier", |reader| reader.text("qualifier"))?;
    let qualifier = Qualifier::parse(qualifier.unwrap_or_default())
        .map_err(|_| DecodeError::Malformed { field: "qualifier" })?;
    Ok(Terms {
        qualifier,
        lane: None,
        max_retries: reader.u8("retries")?,
        event_age_seconds: reader.small("event age")?,
        on_success: reader.option("destination", read_destination)?,
        on_failure: reader.option("destination", read_destination)?,
    })
}

fn read_destination(reader: &mut Reader<'_>) -> Result<Destination, DecodeError> {
    let id = FnId(reader.small("destination")?);
    let arn = Arn::parse(reader.text("destination")?)
        .map_err(|_| DecodeError::Malformed { field: "destination" })?;
    Ok(Destination { arn, id })
}

fn task(writer: &mut Writer, base: Timestamp, task: &Task) {
    writer.text(task.id.as_str());
    writer.number(u64::from(task.history.last_id()));
    writer.number(u64::from(task.history.dropped()));
    writer.number(task.history.events().len() as u64);
    for event in task.history.events() {
        writer.number(u64::from(event.id));
        writer.u8(of_status(event.status));
        time(writer, base, event.at);
        writer.option(event.detail.as_deref(), Writer::text);
    }
}

fn read_task(reader: &mut Reader<'_>, base: Timestamp) -> Result<Task, DecodeError> {
    let id = TaskId::trusted(reader.text("task id")?);
    let last_id = reader.small("last event")?;
    let dropped = reader.small("dropped events")?;
    let count: u64 = reader.number("events")?;
    let mut events = Vec::new();
    for _ in 0..count {
        events.push(TaskEvent {
            id: reader.small("event id")?,
            status: to_status(reader.u8("event status")?)?,
            at: read_time(reader, base, "event time")?,
            detail: reader
                .option("event detail", |reader| reader.text("event detail"))?
                .map(Into::into),
        });
    }
    Ok(Task { id, history: History::from_parts(events, last_id, dropped) })
}

#[cfg(test)]
mod tests;
