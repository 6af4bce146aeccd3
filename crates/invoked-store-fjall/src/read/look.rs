//! What stands above the tables of rows that are known by their keys.

use invoked_core::id::InvKey;
use invoked_core::shard::BytesWanted;
use invoked_core::time::Day;

use crate::keys::{BodyKind, Table, body, live, pay, record};
use crate::overlay::Batches;
use crate::staged::Staged;

/// What there is of rows, live or kept.
pub(crate) fn rows(batches: &Batches, keys: &[InvKey]) -> Staged {
    let mut above = Staged::default();
    let days = batches.days_of_records();
    for key in keys {
        copy(batches, &mut above, Table::Live, &live::encode_key(*key));
        for day in &days {
            copy(batches, &mut above, Table::Records(*day), &record::encode_key(*key));
        }
    }
    above
}

/// What there is of their bytes.
pub(crate) fn bytes(batches: &Batches, wanted: &[BytesWanted]) -> Staged {
    let mut above = Staged::default();
    for wanted in wanted {
        let key = wanted.key;
        match wanted.bucket {
            None => {
                copy(batches, &mut above, Table::Pay, &pay::encode_key(key));
                copy(batches, &mut above, Table::Pay, &pay::encode_result_key(key));
            }
            Some(day) => bodies(batches, &mut above, day, key),
        }
    }
    above
}

fn bodies(batches: &Batches, above: &mut Staged, day: Day, key: InvKey) {
    for kind in [BodyKind::Payload, BodyKind::Result] {
        copy(batches, above, Table::Bodies(day), &body::encode_key(kind, key));
    }
    // It may have the answer.
    copy(batches, above, Table::Records(day), &record::encode_key(key));
}

fn copy(batches: &Batches, above: &mut Staged, table: Table, key: &[u8]) {
    if let Some(value) = batches.get(table, key) {
        above.share(table, key, value.clone());
    }
}
