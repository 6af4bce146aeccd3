//! The row of an operation: a JSON object in the registry, under the number of one of the slots, so
//! that the registry does not grow.

use bytes::Bytes;
use invoked_core::id::{InvKey, RequestId};
use invoked_core::name::{FunctionKey, FunctionName};
use invoked_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Operation, OperationCounts, OperationState, RedriveFilter, Redriven};

#[derive(Serialize, Deserialize)]
struct Row {
    id: String,
    by: String,
    which: Which,
    dry_run: bool,
    rate: u32,
    began_at: i64,
    ended_at: Option<i64>,
    state: State,
    examined: u64,
    matched: u64,
    redriven: u64,
    skipped: u64,
    cursor: Option<(i64, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Which {
    Ids(Vec<String>),
    Matching(Matching),
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

#[derive(Copy, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Running,
    Done,
    Cancelled,
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
        which: match &operation.which {
            Redriven::Ids(ids) => Which::Ids(ids.iter().map(ToString::to_string).collect()),
            Redriven::Matching(filter) => Which::Matching(Matching {
                account: filter.function.as_ref().map(|key| key.account.as_ref().to_owned()),
                function: filter.function.as_ref().map(|key| key.name.as_str().to_owned()),
                destination: filter.destination.clone(),
                code: filter.code.clone(),
                failed_from: filter.failed_from.map(Timestamp::millis),
                failed_to: filter.failed_to.map(Timestamp::millis),
            }),
        },
        dry_run: operation.is_dry_run,
        rate: operation.rate,
        began_at: operation.began_at.millis(),
        ended_at: operation.ended_at.map(Timestamp::millis),
        state: match operation.state {
            OperationState::Running => State::Running,
            OperationState::Done => State::Done,
            OperationState::Cancelled => State::Cancelled,
        },
        examined: operation.counts.examined,
        matched: operation.counts.matched,
        redriven: operation.counts.redriven,
        skipped: operation.counts.skipped,
        cursor: operation.cursor.map(|(at, key)| (at.millis(), RequestId(key.0).to_string())),
    };
    // Nothing in it can fail to be written down.
    Bytes::from(serde_json::to_vec(&row).unwrap_or_default())
}

/// The operation of a row; `None` if it does not read.
pub(super) fn decode(value: &[u8]) -> Option<Operation> {
    let row: Row = serde_json::from_slice(value).ok()?;
    let at = |millis: Option<i64>| millis.map(Timestamp::from_millis);
    Some(Operation {
        id: RequestId::parse(&row.id)?,
        by: row.by,
        which: match row.which {
            Which::Ids(ids) => {
                Redriven::Ids(ids.iter().map(|id| RequestId::parse(id)).collect::<Option<_>>()?)
            }
            Which::Matching(of) => Redriven::Matching(RedriveFilter {
                function: match (of.account, of.function) {
                    (Some(account), Some(name)) => {
                        Some(FunctionKey::new(&account, FunctionName::parse(&name).ok()?))
                    }
                    (None, None) => None,
                    (Some(_), None) | (None, Some(_)) => return None,
                },
                destination: of.destination,
                code: of.code,
                failed_from: at(of.failed_from),
                failed_to: at(of.failed_to),
            }),
        },
        is_dry_run: row.dry_run,
        rate: row.rate,
        began_at: Timestamp::from_millis(row.began_at),
        ended_at: at(row.ended_at),
        state: match row.state {
            State::Running => OperationState::Running,
            State::Done => OperationState::Done,
            State::Cancelled => OperationState::Cancelled,
        },
        counts: OperationCounts {
            examined: row.examined,
            matched: row.matched,
            redriven: row.redriven,
            skipped: row.skipped,
        },
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

    fn operation(which: Redriven) -> Operation {
        Operation {
            id: RequestId([7; 16]),
            by: "night-shift".to_owned(),
            which,
            is_dry_run: false,
            rate: 10,
            began_at: Timestamp::from_millis(5),
            ended_at: Some(Timestamp::from_millis(9)),
            state: OperationState::Cancelled,
            counts: OperationCounts { examined: 4, matched: 3, redriven: 2, skipped: 1 },
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
        for which in [
            Redriven::Ids(vec![RequestId([1; 16]), RequestId([2; 16])]),
            Redriven::Matching(filter),
            Redriven::Matching(RedriveFilter::default()),
        ] {
            let operation = operation(which);
            assert_eq!(decode(&encode(&operation)), Some(operation));
        }
        assert_eq!(decode(b"{}"), None);
    }

    #[test]
    fn slots_have_names() {
        assert_eq!(read_slot_name(&slot_name(7)), Some(7));
        for bad in ["", "redrive/", "redrive/7", "redrive/+7", "never there"] {
            assert_eq!(read_slot_name(bad), None, "{bad}");
        }
    }
}
