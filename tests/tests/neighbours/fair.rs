//! A bad neighbour costs nobody else anything: not a function, and not an account.

use std::time::Duration;

use super::world::{Limits, Manner, World, function};

const SECOND: Duration = Duration::from_secs(1);
const QUICK: Manner = Manner::Works { takes: Duration::from_millis(1), fails_every: 0 };
/// What an invocation may wait for its first attempt beside any neighbour.
const BEARABLE: Duration = Duration::from_millis(20);

/// One invocation a second, twenty times.
async fn a_call_a_second(world: &World, key: &invoked_core::name::FunctionKey) {
    for _ in 0..20 {
        world.invoke(key).await;
        tokio::time::sleep(SECOND).await;
    }
    let waited = world.seen(key).waited;
    assert_eq!(waited.len(), 20);
    let longest = waited.iter().max().unwrap();
    assert!(*longest < BEARABLE, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_backlog_of_slow_failing_calls_delays_no_other_function() {
    let world = World::start().await;
    let (bad, good) = (function("1", "bad"), function("1", "good"));
    world.create(&bad, Manner::Works { takes: SECOND, fails_every: 2 }, Limits::default()).await;
    world.create(&good, QUICK, Limits::default()).await;
    world.invoke_many(&bad, 6_000).await;
    a_call_a_second(&world, &good).await;
    let bad = world.seen(&bad);
    assert!(bad.most_under_way == 256, "it has all it may have: {}", bad.most_under_way);
    assert!(bad.calls > 2_000, "and gets on: {}", bad.calls);
}

#[tokio::test(start_paused = true)]
async fn many_functions_whose_calls_hang_delay_no_other_function() {
    let world = World::start().await;
    let hang = Manner::Works { takes: Duration::from_secs(50), fails_every: 0 };
    let mut all = Vec::new();
    for number in 0..12 {
        let key = function("1", &format!("bad-{number}"));
        world.create(&key, hang, Limits { concurrency: Some(1_000), rate: None }).await;
        all.push(key);
    }
    let good = function("1", "good");
    world.create(&good, QUICK, Limits::default()).await;
    for key in &all {
        world.invoke_many(key, 500).await;
    }
    a_call_a_second(&world, &good).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_with_very_many_functions_delays_no_other_account() {
    let world = World::start().await;
    let all: Vec<_> = (0..1_000).map(|number| function("1", &format!("bad-{number}"))).collect();
    world.create_all(&all, Manner::Works { takes: SECOND, fails_every: 0 }).await;
    let good = function("2", "good");
    world.create(&good, QUICK, Limits::default()).await;
    world.invoke(&good).await;
    for key in &all {
        world.invoke_many(key, 12).await;
    }
    tokio::time::sleep(SECOND).await;
    for _ in 0..20 {
        world.invoke(&good).await;
        tokio::time::sleep(SECOND / 2).await;
    }
    let waited = world.seen(&good).waited;
    assert_eq!(waited.len(), 21, "every one of them has started");
    assert!(waited.iter().all(|waited| *waited < BEARABLE), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_hangs_delays_no_other_qualifier_of_its_function() {
    let world = World::start().await;
    let key = function("1", "shop");
    world.create(&key, Manner::CanaryTakes(Duration::from_secs(50)), Limits::default()).await;
    world.limit(&key, &[("canary", 3), ("prod", 10)]).await;
    for _ in 0..500 {
        world.invoke_as(&key, "canary").await;
    }
    for _ in 0..20 {
        world.invoke_as(&key, "prod").await;
        world.invoke(&key).await;
        tokio::time::sleep(SECOND).await;
    }
    let seen = world.seen(&key);
    assert!(seen.most_under_way <= 5, "three of the canary: {}", seen.most_under_way);
    let quick = seen.waited.iter().filter(|waited| **waited < BEARABLE);
    assert_eq!(quick.count(), 43, "all but the canary's fourth and later: {:?}", seen.waited);
    // Its limits taken back, what waits in its lane goes on under those of the function.
    world.limit(&key, &[("prod", 10)]).await;
    tokio::time::sleep(SECOND).await;
    let seen = world.seen(&key);
    assert!(seen.most_under_way > 20, "{} at a time", seen.most_under_way);
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_kept_and_used_up() {
    let world = World::start().await;
    let key = function("1", "slow");
    world.create(&key, QUICK, Limits { concurrency: None, rate: Some(100) }).await;
    world.invoke_many(&key, 1_000).await;
    let mut before = 0;
    for _ in 0..8 {
        tokio::time::sleep(SECOND).await;
        let calls = world.seen(&key).calls;
        let in_a_second = calls - before;
        assert!((95..=111).contains(&in_a_second), "{in_a_second} in a second");
        before = calls;
    }
}
