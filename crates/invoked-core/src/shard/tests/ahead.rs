//! Payloads that are read before their rows' turn.

use super::*;

/// A shard whose one slot is free, after a restart with so many rows of 1 byte that are due.
fn restarted(rows: usize, cache_bytes: usize) -> (Bench, Vec<InvKey>) {
    let mut bench = Bench::new(None);
    let lane = LaneId::Function(WORK);
    let config = ShardConfig { attempts_max: 1, payload_cache_bytes: cache_bytes, ..config() };
    bench.core = ShardCore::new(config, directory(None), Totals::default(), &[lane], bench.now);
    assert_eq!(bench.turn(), ["load heads"]);
    let heads: Vec<_> = (0..rows).map(|_| stored_head(&mut bench, Life::Enqueued)).collect();
    let keys = heads.iter().map(|head| head.key).collect();
    let words = bench.step(Input::HeadsLoaded { lane, heads, is_complete: true });
    assert_eq!(words, ["read ahead"]);
    (bench, keys)
}

fn bytes(keys: &[InvKey], payload: Option<&'static [u8]>) -> Vec<LoadedBytes> {
    let payload = payload.map(Bytes::from_static);
    let loaded = |key: &InvKey| LoadedBytes { key: *key, payload: payload.clone(), result: None };
    keys.iter().map(loaded).collect()
}

#[test]
fn what_comes_in_by_a_window_is_read_at_once_and_dispatched_without_another_read() {
    let (mut bench, keys) = restarted(3, 1_000);
    // The first has the slot already and waits for this very read.
    let read = bytes(&keys, Some(b"x"));
    assert_eq!(bench.step(Input::BytesReadAhead(read)), ["dispatch 1"]);
    assert_eq!(bench.core.view(bench.now).cached_bytes, 2);
    let first = bench.core.heads_under_way().next().unwrap().key;
    let words = bench.ended(first, 1, Verdict::Succeeded);
    assert_eq!(words, ["dispatch 1", "finish Succeeded"]);
    assert_eq!(bench.core.view(bench.now).cached_bytes, 1);
}

#[test]
fn a_payload_that_finds_no_room_is_read_in_its_turn() {
    let (mut bench, keys) = restarted(3, 3);
    let read = bytes(&keys, Some(b"xx"));
    assert_eq!(bench.step(Input::BytesReadAhead(read)), ["dispatch 1"]);
    assert_eq!(bench.core.view(bench.now).cached_bytes, 2);
    for words in [["dispatch 1", "finish Succeeded"], ["load bytes", "finish Succeeded"]] {
        let first = bench.core.heads_under_way().next().unwrap().key;
        assert_eq!(bench.ended(first, 1, Verdict::Succeeded), words);
        bench.durable();
    }
}

#[test]
fn a_read_that_comes_to_nothing_is_made_again_by_whoever_needs_it() {
    let (mut bench, keys) = restarted(2, 1_000);
    assert_eq!(bench.step(Input::BytesReadAhead(bytes(&keys, None))), ["load bytes"]);
    let first = bench.core.heads_under_way().next().unwrap().key;
    let words = bench.step(Input::BytesLoaded(bytes(&[first], Some(b"x"))));
    assert_eq!(words, ["dispatch 1"]);
}

#[test]
fn what_is_not_due_is_not_read_ahead() {
    let mut bench = Bench::new(None);
    let lane = LaneId::Function(WORK);
    bench.core = ShardCore::new(config(), directory(None), Totals::default(), &[lane], bench.now);
    assert_eq!(bench.turn(), ["load heads"]);
    let mut later = stored_head(&mut bench, Life::Enqueued);
    later.due = at(bench.now.millis() + 1);
    let heads = vec![later];
    let words = bench.step(Input::HeadsLoaded { lane, heads, is_complete: true });
    assert_eq!(words, [""; 0]);
    assert_eq!(bench.pass(1), ["load bytes"]);
}
