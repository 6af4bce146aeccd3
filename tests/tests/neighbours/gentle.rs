//! A function that takes little is asked for little, and one that is away is left alone.

use std::time::Duration;

use invoked_core::name::FunctionKey;

use super::world::{Limits, Manner, Seen, World, function};

const PLACES: Manner = Manner::Holds { places: 12, takes: Duration::from_millis(50) };
/// Attempts that may come to nothing for each that succeeds.
const WASTED_MAX: f64 = 1.3;

async fn through(world: &World, key: &FunctionKey, manner: Manner, limits: Limits) -> Seen {
    world.create(key, manner, limits).await;
    world.invoke_many(key, 3_000).await;
    world.succeeded(3_000).await;
    world.seen(key)
}

fn wasted(seen: &Seen) -> f64 {
    let of = |count: u64| f64::from(u32::try_from(count).expect("few"));
    of(seen.refused) / of(seen.succeeded)
}

#[tokio::test(start_paused = true)]
async fn a_function_with_few_places_is_not_run_over() {
    let world = World::start().await;
    let seen = through(&world, &function("1", "small"), PLACES, Limits::default()).await;
    let adaptive = wasted(&seen);
    assert!(adaptive < 0.4, "{adaptive} wasted for each success");
    // As fast as its places allow, or nearly: 240 a second at best.
    assert!(world.elapsed() < Duration::from_secs(30), "{:?}", world.elapsed());

    let world = World::start().await;
    let fixed = Limits { concurrency: Some(256), rate: None };
    let seen = through(&world, &function("1", "small"), PLACES, fixed).await;
    assert!(adaptive * 5.0 < wasted(&seen), "without the limit: {}", wasted(&seen));
}

/// Else what waits there is what times out there.
#[tokio::test(start_paused = true)]
async fn a_function_that_queues_is_not_given_more_than_it_works_on() {
    let world = World::start().await;
    let key = function("1", "queues");
    let manner = Manner::Queues { workers: 2, takes: Duration::from_millis(100) };
    world.create(&key, manner, Limits::default()).await;
    world.invoke_many(&key, 3_000).await;
    world.succeeded(500).await;
    world.forget_most(&key);
    world.succeeded(3_000).await;
    let seen = world.seen(&key);
    assert!(seen.most_under_way <= 8, "{} at a time", seen.most_under_way);
    // 20 a second at best.
    assert!(world.elapsed() < Duration::from_secs(170), "{:?}", world.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_function_that_asks_for_time_gets_it() {
    let world = World::start().await;
    let manner = Manner::HalfThrottles { retry_after: Duration::from_millis(500) };
    let key = function("1", "busy");
    world.create(&key, manner, Limits::default()).await;
    world.invoke_many(&key, 300).await;
    world.succeeded(300).await;
    let seen = world.seen(&key);
    assert!(wasted(&seen) < WASTED_MAX, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_function_that_was_away_is_left_alone_and_then_not_stormed() {
    let world = World::start().await;
    let key = function("1", "away");
    world.create(&key, Manner::Away, Limits::default()).await;
    world.invoke_many(&key, 3_000).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let during = world.seen(&key).calls;
    assert!(during < 150, "{during} attempts at a function that is not there");
    world.behaves(&key, PLACES);
    world.succeeded(3_000).await;
    let seen = world.seen(&key);
    assert_eq!(seen.succeeded, 3_000, "no retry was burnt meanwhile");
    assert!(seen.most_under_way < 64, "{} at a time", seen.most_under_way);
}
