//! The row of an operation: a JSON object in the registry, under the number of one of the slots, so
//! that the registry does not grow.

use bytes::Bytes;
use invoked_core::head::Status;
use invoked_core::id::{FnId, InvKey, RequestId};
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_core::sweep::{ErrorClass, SweepAction, SweepFilter};
use invoked_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::work::{Again, Sweep, Work};
use super::{Operation, OperationCounts, OperationState, RedriveFilter, Redriven};
use crate::pauses::LaneKey;

#[derive(Serialize, Deserialize)]
struct Row {
    id: String,
    by: String,
    which: Which,
    dry_run: bool,
    rate: Option<u32>,
    #[serde(default)]
    expected: Option<u64>,
    #[serde(default)]
    shard: u16,
    #[serde(default)]
    lane: Option<u32>,
    began_at: i64,
    ended_at: Option<i64>,
    state: State,
    examined: u64,
    matched: u64,
    redriven: u64,
    skipped: u64,
    cursor: Option<(i64, String)>,
    #[serde(default)]
    last_error: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Which {
    Ids(Vec<String>),
    Matching(Matching),
    Stop(Lane),
    Purge(Lane),
    Retry(Lane),
}

#[derive(Serialize, Deserialize)]
struct Matching {
    account: Option<String>,
    function: Option<String>,
    destination: Option<String>,
    code: Option<String>,
    failed_from: Option<i64>,
    failed_to: Option<i64>,
}

/// A lane and which of its rows.
#[derive(Serialize, Deserialize)]
struct Lane {
    lane: String,
    id: u32,
    statuses: Vec<String>,
    code: Option<String>,
    class: Option<Class>,
    accepted_from: Option<i64>,
    accepted_to: Option<i64>,
    prefix: String,
    qualifier: Option<String>,
}

#[derive(Copy, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Class {
    Function,
    System,
}

#[derive(Copy, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Running,
    Done,
    Cancelled,
    Failed,
}

/// The name of a slot.
pub(super) fn slot_name(slot: usize) -> String {
    format!("redrive/{slot:02}")
}

/// The slot of a name.
pub(super) fn read_slot_name(name: &str) -> Option<usize> {
    let slot = name.strip_prefix("redrive/")?.parse().ok()?;
    (slot_name(slot) == name).then_some(slot)
}

pub(super) fn encode(operation: &Operation) -> Bytes {
    let row = Row {
        id: operation.id.to_string(),
        by: operation.by.clone(),
        which: which(&operation.work),
        dry_run: operation.is_dry_run,
        rate: operation.rate,
        expected: operation.expected,
        shard: operation.shard,
        lane: operation.lane.map(|lane| lane.0),
        began_at: operation.began_at.millis(),
        ended_at: operation.ended_at.map(Timestamp::millis),
        state: match operation.state {
            OperationState::Running => State::Running,
            OperationState::Done => State::Done,
            OperationState::Cancelled => State::Cancelled,
            OperationState::Failed => State::Failed,
        },
        examined: operation.counts.examined,
        matched: operation.counts.matched,
        redriven: operation.counts.acted,
        skipped: operation.counts.skipped,
        cursor: operation.cursor.map(|(at, key)| (at.millis(), RequestId(key.0).to_string())),
        last_error: operation.last_error.clone(),
    };
    // Nothing in it can fail to be written down.
    Bytes::from(serde_json::to_vec(&row).unwrap_or_default())
}

fn which(work: &Work) -> Which {
    match work {
        Work::Redrive(Redriven::Ids(ids)) => {
            Which::Ids(ids.iter().map(ToString::to_string).collect())
        }
        Work::Redrive(Redriven::Matching(filter)) => Which::Matching(Matching {
            account: filter.function.as_ref().map(|key| key.account.as_ref().to_owned()),
            function: filter.function.as_ref().map(|key| key.name.as_str().to_owned()),
            destination: filter.destination.clone(),
            code: filter.code.clone(),
            failed_from: filter.failed_from.map(Timestamp::millis),
            failed_to: filter.failed_to.map(Timestamp::millis),
        }),
        Work::Sweep(Sweep { lane: name, id, action, filter }) => {
            let lane = lane(name, *id, filter);
            match action {
                SweepAction::Stop => Which::Stop(lane),
                SweepAction::Purge | SweepAction::Count => Which::Purge(lane),
            }
        }
        Work::Retry(Again { function, id, filter }) => {
            Which::Retry(lane(&LaneKey::Function(function.clone()), *id, filter))
        }
    }
}

fn lane(name: &LaneKey, id: FnId, filter: &SweepFilter) -> Lane {
    let text = |text: &str| text.to_owned();
    Lane {
        lane: name.entry(),
        id: id.0,
        statuses: filter.statuses.iter().map(|status| text(status.as_str())).collect(),
        code: filter.code.as_deref().map(text),
        class: filter.class.map(|class| match class {
            ErrorClass::Function => Class::Function,
            ErrorClass::System => Class::System,
        }),
        accepted_from: filter.accepted_from.map(Timestamp::millis),
        accepted_to: filter.accepted_to.map(Timestamp::millis),
        prefix: text(&filter.prefix),
        qualifier: filter.qualifier.as_ref().map(|qualifier| text(qualifier.as_str())),
    }
}

fn work(which: Which) -> Option<Work> {
    let sweep = |action, of: Lane| {
        let (lane, id, filter) = read_lane(of)?;
        Some(Work::Sweep(Sweep { lane, id, action, filter }))
    };
    Some(match which {
        Which::Ids(ids) => Work::Redrive(Redriven::Ids(
            ids.iter().map(|id| RequestId::parse(id)).collect::<Option<_>>()?,
        )),
        Which::Matching(of) => Work::Redrive(Redriven::Matching(RedriveFilter {
            function: match (of.account, of.function) {
                (Some(account), Some(name)) => {
                    Some(FunctionKey::new(&account, FunctionName::parse(&name).ok()?))
                }
                (None, None) => None,
                (Some(_), None) | (None, Some(_)) => return None,
            },
            destination: of.destination,
            code: of.code,
            failed_from: of.failed_from.map(Timestamp::from_millis),
            failed_to: of.failed_to.map(Timestamp::from_millis),
        })),
        Which::Stop(of) => sweep(SweepAction::Stop, of)?,
        Which::Purge(of) => sweep(SweepAction::Purge, of)?,
        Which::Retry(of) => match read_lane(of)? {
            (LaneKey::Function(function), id, filter) => {
                Work::Retry(Again { function, id, filter })
            }
            (LaneKey::Destination(_), ..) => return None,
        },
    })
}

fn read_lane(of: Lane) -> Option<(LaneKey, FnId, SweepFilter)> {
    let filter = SweepFilter {
        statuses: of.statuses.iter().map(|word| Status::parse(word)).collect::<Option<_>>()?,
        code: of.code.map(Into::into),
        class: of.class.map(|class| match class {
            Class::Function => ErrorClass::Function,
            Class::System => ErrorClass::System,
        }),
        accepted_from: of.accepted_from.map(Timestamp::from_millis),
        accepted_to: of.accepted_to.map(Timestamp::from_millis),
        prefix: of.prefix.into(),
        qualifier: match of.qualifier {
            None => None,
            Some(text) => Some(Qualifier::parse(&text).ok()?),
        },
    };
    Some((LaneKey::read_entry(&of.lane)?, FnId(of.id), filter))
}

/// The operation of a row; `None` if it does not read.
pub(super) fn decode(value: &[u8]) -> Option<Operation> {
    let row: Row = serde_json::from_slice(value).ok()?;
    let at = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    Some(Operation {
        id: RequestId::parse(&row.id)?,
        by: row.by,
        work: work(row.which)?,
        is_dry_run: row.dry_run,
        rate: row.rate,
        expected: row.expected,
        shard: row.shard,
        lane: row.lane.map(FnId),
        began_at: Timestamp::from_millis(row.began_at),
        ended_at: at(row.ended_at),
        state: match row.state {
            State::Running => OperationState::Running,
            State::Done => OperationState::Done,
            State::Cancelled => OperationState::Cancelled,
            State::Failed => OperationState::Failed,
        },
        counts: OperationCounts {
            examined: row.examined,
            matched: row.matched,
            acted: row.redriven,
            skipped: row.skipped,
        },
        last_error: row.last_error,
        cursor: match row.cursor {
            None => None,
            Some((at, key)) => {
                Some((Timestamp::from_millis(at), InvKey(RequestId::parse(&key)?.0)))
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(work: Work) -> Operation {
        Operation {
            id: RequestId([7; 16]),
            by: "night-shift".to_owned(),
            work,
            is_dry_run: false,
            rate: Some(10),
            expected: Some(12),
            shard: 3,
            lane: Some(FnId(9)),
            began_at: Timestamp::from_millis(5),
            ended_at: Some(Timestamp::from_millis(9)),
            state: OperationState::Cancelled,
            counts: OperationCounts { examined: 4, matched: 3, acted: 2, skipped: 1 },
            last_error: Some("too many requests are waiting".to_owned()),
            cursor: Some((Timestamp::from_millis(3), InvKey([8; 16]))),
        }
    }

    #[test]
    fn an_operation_reads_back_as_it_was() {
        let function = FunctionKey::new("1", FunctionName::parse("svc$f").unwrap());
        let filter = RedriveFilter {
            function: Some(function),
            destination: Some("acs:mns:::/queues/q/messages".to_owned()),
            code: Some("QueueNotExist".to_owned()),
            failed_from: Some(Timestamp::from_millis(1)),
            failed_to: None,
        };
        let key = FunctionKey::new("1", FunctionName::parse("f").unwrap());
        let swept = SweepFilter {
            statuses: vec![Status::Enqueued, Status::Retrying],
            code: Some("InvocationError".into()),
            class: Some(ErrorClass::System),
            accepted_from: Some(Timestamp::from_millis(1)),
            accepted_to: Some(Timestamp::from_millis(2)),
            prefix: "night-".into(),
            qualifier: Some(Qualifier::parse("prod").unwrap()),
        };
        let arn = "acs:mns:::/queues/q/messages".to_owned();
        let sweep = |lane, action, filter| Work::Sweep(Sweep { lane, id: FnId(4), action, filter });
        for work in [
            Work::Redrive(Redriven::Ids(vec![RequestId([1; 16]), RequestId([2; 16])])),
            Work::Redrive(Redriven::Matching(filter)),
            Work::Redrive(Redriven::Matching(RedriveFilter::default())),
            sweep(LaneKey::Function(key.clone()), SweepAction::Stop, swept.clone()),
            sweep(LaneKey::Destination(arn), SweepAction::Purge, SweepFilter::default()),
            Work::Retry(Again { function: key, id: FnId(4), filter: swept }),
        ] {
            let operation = operation(work);
            let failed = Operation { state: OperationState::Failed, ..operation.clone() };
            for operation in [operation, failed] {
                assert_eq!(decode(&encode(&operation)), Some(operation));
            }
        }
        assert_eq!(decode(b"{}"), None);
    }

    #[test]
    fn an_operation_of_an_older_program_reads() {
        let old = br#"{"id":"07070707-0707-0707-0707-070707070707","by":"","which":{"ids":[]},"dry_run":false,
            "rate":null,"expected":null,"shard":0,"lane":null,"began_at":5,"ended_at":null,"state":"running",
            "examined":4,"matched":3,"redriven":2,"skipped":1,"cursor":null}"#;
        let operation = decode(old).expect("it reads");
        assert_eq!((operation.state, operation.last_error), (OperationState::Running, None));
    }

    #[test]
    fn slots_have_names() {
        assert_eq!(read_slot_name(&slot_name(7)), Some(7));
        for bad in ["", "redrive/", "redrive/7", "redrive/+7", "never there"] {
            assert_eq!(read_slot_name(bad), None, "{bad}");
        }
    }
}
