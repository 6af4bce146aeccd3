use super::*;

use invoked_core::arn::SinkKind;
use invoked_core::head::{LaneId, Slot, Status};
use invoked_core::id::{FnId, InvKey, RequestId, ShardId};
use invoked_core::name::Qualifier;
use invoked_core::totals::{Metric, Total, TotalKey};
use invoked_store::{RegistryKind, Submission};
use proptest::prelude::*;

fn at() -> impl Strategy<Value = Timestamp> {
    (0..i64::MAX).prop_map(Timestamp::from_millis)
}

fn inv() -> impl Strategy<Value = InvKey> {
    any::<[u8; 16]>().prop_map(InvKey)
}

fn lane() -> impl Strategy<Value = LaneId> {
    (any::<bool>(), any::<u32>()).prop_map(|(function, id)| {
        if function { LaneId::Function(FnId(id)) } else { LaneId::Destination(FnId(id)) }
    })
}

proptest! {
    #[test]
    fn due_keys_round_trip_and_sort_as_positions(
        shard: u16,
        lane in lane(),
        first in (at(), inv()),
        second in (at(), inv()),
    ) {
        let shard = ShardId(shard);
        let key = |(due, key): (Timestamp, InvKey)| due::encode_key(shard, Slot { lane, due }, key);
        prop_assert_eq!(
            due::decode_key(&key(first)),
            Ok((shard, Slot { lane, due: first.0 }, first.1))
        );
        prop_assert_eq!(key(first).cmp(&key(second)), first.cmp(&second));
        prop_assert!(key(first).starts_with(&due::encode_prefix(shard, lane)));
    }

    #[test]
    fn index_keys_round_trip_and_sort_by_acceptance(
        function: u32,
        first in (at(), inv()),
        second in (at(), inv()),
        id in "[A-Za-z_][A-Za-z0-9_-]{0,40}",
    ) {
        let function = FnId(function);
        let failed = |(at, key)| status::encode_key(function, Status::Failed, at, key);
        let prefix = status::encode_prefix(function, Status::Failed);
        prop_assert_eq!(status::decode_position(&prefix, &failed(first)), Ok(first));
        prop_assert_eq!(failed(first).cmp(&failed(second)), first.cmp(&second));

        let by_id = task_id::encode_key(function, &id, first.1);
        let value = task_id::encode_value(first.0);
        prop_assert_eq!(task_id::decode_position(&by_id, &value), Ok(first));
        prop_assert!(by_id.starts_with(&task_id::encode_prefix(function, id.get(..1).unwrap_or_default())));
    }

    #[test]
    fn rows_of_meta_round_trip(shard: u16, id: u32, count: u64, name in "\\PC{0,40}", key in inv()) {
        let shard = ShardId(shard);
        let total = Total {
            key: TotalKey {
                fn_id: FnId(id),
                qualifier: Qualifier::parse("prod").unwrap(),
                metric: Metric::CallbackFailed(SinkKind::Fc),
            },
            value: count,
        };
        let read = total::decode(
            shard,
            &total::encode_key(shard, &total.key),
            &total::encode_value(count),
        );
        prop_assert_eq!(read.unwrap(), total);

        let read = name::decode_id(&name::encode_id_key(FnId(id)), name.as_bytes());
        prop_assert_eq!(read.unwrap(), (FnId(id), name.clone()));
        let value = name::encode_id_value(FnId(id));
        prop_assert_eq!(name::decode_id_value(&name, &value).unwrap(), FnId(id));

        let stored = Some(bytes::Bytes::from_static(b"{}"));
        let entry = registry::decode(
            &registry::encode_key(RegistryKind::LaneState, &name),
            &registry::encode_value(stored.as_ref()),
        ).unwrap();
        prop_assert_eq!((entry.kind, entry.name, entry.value), (RegistryKind::LaneState, name, stored));

        let stop = Submission::Stop { key };
        let read = submission::decode(
            shard,
            &submission::encode_key(shard, count),
            &submission::encode_value(&stop),
        );
        prop_assert_eq!(read.unwrap(), (count, stop));

        let read = live_count::decode(
            &live_count::encode_key(Day(id)),
            &live_count::encode_value(count),
        );
        prop_assert_eq!(read.unwrap(), (Day(id), count));
    }

    #[test]
    fn the_text_of_a_key_is_found_by_its_beginning(key in inv(), other in inv(), length in 0..40usize) {
        let (text, other) = (RequestId::from(key).to_string(), RequestId::from(other).to_string());
        let beginning = text.get(..length).unwrap_or(&text);
        let (first, last) = task_id::keys_beginning(beginning).unwrap();
        prop_assert!(first <= key && key <= last);
        prop_assert_eq!(
            other.starts_with(beginning),
            (first..=last).contains(&InvKey(RequestId::parse(&other).unwrap().0))
        );
        prop_assert_eq!(task_id::is_indexed(&text, key), key.is_chosen());
    }

    #[test]
    fn no_bytes_can_panic_a_reader_of_keys(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        // Reading is all that is asked: any answer will do.
        let answers = [
            due::decode_key(&bytes).is_ok(),
            task_id::decode_position(&bytes, &bytes).is_ok(),
            status::decode_position(&status::encode_prefix(FnId(0), Status::Failed), &bytes).is_ok(),
            registry::decode(&bytes, &bytes).is_ok(),
            callback::decode(&bytes, &bytes).is_ok(),
            name::decode_id(&bytes, &bytes).is_ok(),
            submission::decode(ShardId(0), &bytes, &bytes).is_ok(),
            total::decode(ShardId(0), &bytes, &bytes).is_ok(),
        ];
        prop_assert_eq!(answers.len(), 8);
    }
}

#[test]
fn the_numbers_on_disk_are_pinned() {
    let (at, key) = (Timestamp::from_millis(1), InvKey([7; 16]));
    let slot = Slot { lane: LaneId::Destination(FnId(3)), due: at };
    let due = due::encode_key(ShardId(2), slot, key);
    assert_eq!(due[..15], [0, 2, 2, 0, 0, 0, 3, 0x80, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!((number::FORMAT, number::BATCH, number::SHARDS), ([1], [2], [11]));
    assert_eq!(number::APPLIED, [12]);
    assert_eq!(epoch::encode_key(ShardId(1)), [3, 0, 1]);
    assert_eq!(total::encode_prefix(ShardId(1)), [4, 0, 1]);
    assert_eq!(name::encode_name_key("a"), [5, b'a']);
    assert_eq!(name::encode_id_key(FnId(1)), [6, 0, 0, 0, 1]);
    assert_eq!(registry::encode_key(RegistryKind::AsyncConfig, "a"), [7, 2, b'a']);
    assert_eq!(submission::encode_prefix(ShardId(1)), [8, 0, 1]);
    assert_eq!(number::NEXT_FUNCTION, [9, 1]);
    assert_eq!(number::next_submission(ShardId(1)), [9, 2, 0, 1]);
    assert_eq!(live_count::encode_key(Day(1)), [10, 0, 0, 0, 1]);
    assert_eq!(record::encode_key(key)[..2], [1, 7]);
    assert_eq!(status::encode_prefix(FnId(1), Status::Expired), [3, 0, 0, 0, 1, 12]);
    assert_eq!(task_id::encode_prefix(FnId(1), "a"), [4, 0, 0, 0, 1, b'a']);
    assert_eq!(callback::encode_key(at, key)[..2], [5, 0x80]);
    assert_eq!(body::encode_key(BodyKind::Payload, key)[..2], [1, 7]);
    assert_eq!(body::encode_key(BodyKind::Result, key)[..2], [2, 7]);
    assert_eq!(pay::encode_result_key(key)[16..], [1]);
    let names = [Table::Live, Table::Records(Day(20_000)), Table::Bodies(Day(20_001))];
    assert_eq!(names.map(|table| table.to_string()), ["live", "rec-20000", "body-20001"]);
}

#[test]
fn a_range_ends_behind_its_prefix() {
    assert_eq!(after(&[1, 2]), [1, 3]);
    assert_eq!(after(&[1, 0xff]), [2]);
    assert!(after(&[0xff, 0xff]) > vec![0xff, 0xff]);
}
