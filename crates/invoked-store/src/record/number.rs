//! The numbers that stand for variants on disk. Never renumber, never reuse.

use invoked_core::arn::SinkKind;
use invoked_core::head::{LaneId, Status};
use invoked_core::id::FnId;
use invoked_core::life::Outcome;
use invoked_core::totals::{Gauge, Metric};

use crate::codec::DecodeError;

fn unknown(field: &'static str, number: u8) -> DecodeError {
    DecodeError::Unknown { field, number: u64::from(number) }
}

/// Number of an outcome.
#[must_use]
pub fn of_outcome(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Succeeded => 1,
        Outcome::Failed => 2,
        Outcome::Expired => 3,
        Outcome::Stopped => 4,
        Outcome::Invalid => 5,
    }
}

/// Outcome of a number.
///
/// # Errors
/// The number stands for none.
pub fn to_outcome(number: u8) -> Result<Outcome, DecodeError> {
    Ok(match number {
        1 => Outcome::Succeeded,
        2 => Outcome::Failed,
        3 => Outcome::Expired,
        4 => Outcome::Stopped,
        5 => Outcome::Invalid,
        _ => return Err(unknown("outcome", number)),
    })
}

/// Number of a status.
#[must_use]
pub fn of_status(status: Status) -> u8 {
    match status {
        Status::Enqueued => 1,
        Status::Dequeued => 2,
        Status::Running => 3,
        Status::Retrying => 4,
        Status::Stopping => 5,
        Status::Succeeded => 10,
        Status::Failed => 11,
        Status::Expired => 12,
        Status::Stopped => 13,
        Status::Invalid => 14,
    }
}

/// Status of a number.
///
/// # Errors
/// The number stands for none.
pub fn to_status(number: u8) -> Result<Status, DecodeError> {
    let known = Status::ALL.into_iter().find(|status| of_status(*status) == number);
    known.ok_or_else(|| unknown("status", number))
}

/// Number of a kind of destination.
#[must_use]
pub fn of_sink(kind: SinkKind) -> u8 {
    match kind {
        SinkKind::Mns => 1,
        SinkKind::Fc => 2,
        SinkKind::EventBridge => 3,
        SinkKind::RocketMq => 4,
        SinkKind::Kafka => 5,
        SinkKind::Amqp => 6,
    }
}

/// Number of what a total counts: a kind, and a variant of it.
#[must_use]
pub fn of_metric(metric: Metric) -> [u8; 2] {
    match metric {
        Metric::Accepted => [1, 0],
        Metric::Ended(outcome) => [2, of_outcome(outcome)],
        Metric::CallbackDelivered(kind) => [3, of_sink(kind)],
        Metric::CallbackFailed(kind) => [4, of_sink(kind)],
        Metric::Redriven(kind) => [5, of_sink(kind)],
        Metric::RedriveDelivered(kind) => [6, of_sink(kind)],
        Metric::RedriveFailed(kind) => [7, of_sink(kind)],
        Metric::Now(gauge) => [8, of_gauge(gauge)],
    }
}

/// Number of where a live row stands.
#[must_use]
pub fn of_gauge(gauge: Gauge) -> u8 {
    match gauge {
        Gauge::Running => 1,
        Gauge::Retrying => 2,
        Gauge::Stopping => 3,
        Gauge::CallbacksOwed => 4,
    }
}

/// What a total counts, of its number.
///
/// # Errors
/// The number stands for nothing.
pub fn to_metric(number: [u8; 2]) -> Result<Metric, DecodeError> {
    let sink = |of: u8| {
        let known = SinkKind::ALL.into_iter().find(|kind| of_sink(*kind) == of);
        known.ok_or_else(|| unknown("kind of destination", of))
    };
    Ok(match number {
        [1, 0] => Metric::Accepted,
        [2, of] => Metric::Ended(to_outcome(of)?),
        [3, of] => Metric::CallbackDelivered(sink(of)?),
        [4, of] => Metric::CallbackFailed(sink(of)?),
        [5, of] => Metric::Redriven(sink(of)?),
        [6, of] => Metric::RedriveDelivered(sink(of)?),
        [7, of] => Metric::RedriveFailed(sink(of)?),
        [8, of] => {
            let known = Gauge::ALL.into_iter().find(|gauge| of_gauge(*gauge) == of);
            Metric::Now(known.ok_or_else(|| unknown("gauge", of))?)
        }
        [of, _] => return Err(unknown("metric", of)),
    })
}

/// Number of a lane: a kind, and the number of the function or destination.
#[must_use]
pub fn of_lane(lane: LaneId) -> (u8, u32) {
    match lane {
        LaneId::Function(id) => (1, id.0),
        LaneId::Destination(id) => (2, id.0),
    }
}

/// Lane of a number.
///
/// # Errors
/// The kind stands for none.
pub fn to_lane(kind: u8, id: u32) -> Result<LaneId, DecodeError> {
    Ok(match kind {
        1 => LaneId::Function(FnId(id)),
        2 => LaneId::Destination(FnId(id)),
        _ => return Err(unknown("lane", kind)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_on_disk_are_pinned() {
        let statuses: Vec<_> = Status::ALL.into_iter().map(of_status).collect();
        assert_eq!(statuses, [1, 2, 3, 4, 5, 10, 11, 12, 13, 14]);
        let sinks: Vec<_> = SinkKind::ALL.into_iter().map(of_sink).collect();
        assert_eq!(sinks, [1, 2, 3, 4, 5, 6]);
        assert_eq!(of_metric(Metric::Ended(Outcome::Invalid)), [2, 5]);
        assert_eq!(of_metric(Metric::CallbackFailed(SinkKind::Fc)), [4, 2]);
        assert_eq!(of_metric(Metric::Redriven(SinkKind::Mns)), [5, 1]);
        assert_eq!(of_metric(Metric::RedriveDelivered(SinkKind::Mns)), [6, 1]);
        assert_eq!(of_metric(Metric::RedriveFailed(SinkKind::Mns)), [7, 1]);
        let gauges: Vec<_> = Gauge::ALL.into_iter().map(of_gauge).collect();
        assert_eq!(gauges, [1, 2, 3, 4]);
        assert_eq!(of_metric(Metric::Now(Gauge::CallbacksOwed)), [8, 4]);
        assert_eq!(of_lane(LaneId::Destination(FnId(7))), (2, 7));
    }

    #[test]
    fn every_number_reads_back() {
        for status in Status::ALL {
            assert_eq!(to_status(of_status(status)), Ok(status));
        }
        for kind in SinkKind::ALL {
            for metric in [
                Metric::CallbackDelivered(kind),
                Metric::CallbackFailed(kind),
                Metric::Redriven(kind),
                Metric::RedriveDelivered(kind),
                Metric::RedriveFailed(kind),
            ] {
                assert_eq!(to_metric(of_metric(metric)), Ok(metric));
            }
        }
        for gauge in Gauge::ALL {
            assert_eq!(to_metric(of_metric(Metric::Now(gauge))), Ok(Metric::Now(gauge)));
        }
        assert!(to_metric([8, 9]).is_err());
        assert!(to_metric([9, 9]).is_err());
        assert!(to_status(0).is_err());
        assert!(to_lane(3, 0).is_err());
    }
}
