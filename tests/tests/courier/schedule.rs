//! When a callback is tried, on virtual time.

use std::time::Duration;

use invoked_core::id::RequestId;
use invoked_engine::{CallbackFilter, CallbackRecord, CallbackStand};
use invoked_testkit::script::Script;
use invoked_testkit::sink::Reception;

use crate::world::{End, World};

/// The waits between tries in milliseconds, jitter aside; the last one repeats.
const WAITS_MS: [u64; 11] =
    [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000];
/// How much later than its due time a try may start: timers go by milliseconds, rounded up.
const TIMER: Duration = Duration::from_millis(2);
const SPAN: Duration = Duration::from_secs(30 * 60);
const NOT_NOW: Reception = Reception::Retry { retry_after: None };

fn wait(number: usize) -> Duration {
    Duration::from_millis(*WAITS_MS.get(number).unwrap_or(&300_000))
}

/// Every wait is as documented, and adds a tenth at most.
#[track_caller]
fn are_on_schedule(tries: &[Duration]) {
    for (number, pair) in tries.windows(2).enumerate() {
        let (gap, least) = (pair[1] - pair[0], wait(number));
        assert!((least..=least + least / 10 + TIMER).contains(&gap), "wait {number}: {gap:?}");
    }
}

/// The jitter is the invocation's own, so both come at the same times, whatever timers add.
#[track_caller]
fn are_the_same(tries: &[Duration], expected: &[Duration]) {
    assert_eq!(tries.len(), expected.len(), "{tries:?}");
    for (number, (one, other)) in tries.iter().zip(expected).enumerate() {
        let most = TIMER * u32::try_from(number).expect("small");
        assert!(one.abs_diff(*other) <= most, "try {number}: {one:?} instead of {other:?}");
    }
}

/// Lets a day go by.
async fn a_day() {
    tokio::time::sleep(Duration::from_secs(86_400)).await;
}

async fn callbacks(world: &World) -> Vec<CallbackRecord> {
    let filter = CallbackFilter { limit: 100, ..CallbackFilter::default() };
    world.handle().callbacks(&filter).await.expect("a page").callbacks
}

/// Waits until a callback was tried so often, and what came of the last try is durable.
async fn tried(world: &World, id: RequestId, times: usize) {
    while world.tries(id).len() < times {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// The tries of a callback that nobody ever takes, without a restart.
async fn undisturbed() -> Vec<Duration> {
    let world = World::start().await;
    world.sink.by_default(Script::always(NOT_NOW));
    let id = world.invoke("told").await;
    a_day().await;
    world.tries(id)
}

#[tokio::test(start_paused = true)]
async fn waits_double_and_none_starts_thirty_minutes_after_the_first() {
    let world = World::start().await;
    world.sink.by_default(Script::always(NOT_NOW));
    let id = world.invoke("told").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let [pending] = &*callbacks(&world).await else { panic!("one is owed") };
    assert!(matches!(pending.stand, CallbackStand::Pending { .. }), "{pending:?}");
    assert_eq!(pending.deadline, pending.first_at.map(|at| at.plus(SPAN)));
    assert_eq!(usize::from(pending.tried.0), world.tries(id).len());
    assert_eq!(world.counts(), (0, 0));

    a_day().await;
    let tries = world.tries(id);
    are_on_schedule(&tries);
    let last = *tries.last().expect("it is tried");
    assert!(last <= SPAN, "{last:?}");
    // It was tried for as long as there was time.
    assert!(last + wait(tries.len() - 1) * 11 / 10 > SPAN, "{tries:?}");
    assert_eq!(world.counts(), (0, 1));
    let [failed] = &*callbacks(&world).await else { panic!("it is kept") };
    assert!(matches!(failed.stand, CallbackStand::Failed { .. }), "{failed:?}");
    assert_eq!(usize::from(failed.tried.0), tries.len());
    assert_eq!(&*failed.error.as_ref().expect("an error").code, "InternalError");
}

#[tokio::test(start_paused = true)]
async fn three_failures_and_then_a_delivery_are_one_success() {
    let world = World::start().await;
    world.sink.by_default(Script::always(Reception::Take).after_times(3, NOT_NOW));
    let id = world.invoke("told").await;
    a_day().await;
    let tries = world.tries(id);
    assert_eq!(tries.len(), 4);
    are_on_schedule(&tries);
    assert_eq!(world.counts(), (1, 0));
    assert!(callbacks(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_good_is_one_try() {
    let world = World::start().await;
    world.sink.by_default(Script::always(Reception::Refuse));
    let id = world.invoke("told").await;
    a_day().await;
    assert_eq!(world.tries(id), [Duration::ZERO]);
    assert_eq!(world.counts(), (0, 1));
    // After some tries that might have worked later, it ends as soon.
    let worse = Script::always(Reception::Refuse).after_times(2, NOT_NOW);
    world.sink.by_default(worse);
    let id = world.invoke("told").await;
    a_day().await;
    assert_eq!(world.tries(id).len(), 3);
    assert_eq!(world.counts(), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_wish_to_wait_longer_is_honoured_up_to_the_longest_wait() {
    let world = World::start().await;
    let wish = |seconds| Reception::Retry { retry_after: Some(Duration::from_secs(seconds)) };
    let script = Script::always(Reception::Take).after_times(1, wish(86_400));
    world.sink.by_default(script.after_times(1, wish(20)));
    let id = world.invoke("told").await;
    a_day().await;
    let [_, second, third] = *world.tries(id) else { panic!("three tries") };
    let near = |gap: Duration, wished| (wished..=wished + TIMER).contains(&gap);
    assert!(near(second, Duration::from_secs(20)), "{second:?}");
    assert!(near(third - second, Duration::from_secs(300)), "{second:?} {third:?}");
    assert_eq!(world.counts(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_is_asked_for_again_under_the_same_id() {
    let world = World::start().await;
    world.sink.by_default(Script::always(Reception::Take).after_times(1, Reception::TakeSilently));
    let id = world.invoke("told").await;
    a_day().await;
    let told = world.sink.told();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|told| told.request_id == id));
    assert_eq!(told[0].envelope, told[1].envelope);
    assert_eq!(world.counts(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_restart_between_any_two_tries_changes_nothing() {
    let expected = undisturbed().await;
    assert!(expected.len() > 10, "{expected:?}");
    for end in [End::Killed, End::ShutDown] {
        for gap in 1..=expected.len() {
            let mut world = World::start().await;
            world.sink.by_default(Script::always(NOT_NOW));
            let id = world.invoke("told").await;
            tried(&world, id, gap).await;
            world.restart(end).await;
            a_day().await;
            let tries = world.tries(id);
            are_the_same(&tries, &expected);
            are_on_schedule(&tries);
            assert_eq!(world.counts(), (0, 1), "{end:?} after try {gap}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn restarts_between_all_tries_change_nothing() {
    let expected = undisturbed().await;
    for end in [End::Killed, End::ShutDown] {
        let mut world = World::start().await;
        world.sink.by_default(Script::always(NOT_NOW));
        let id = world.invoke("told").await;
        for times in 1..=expected.len() {
            tried(&world, id, times).await;
            world.restart(end).await;
        }
        a_day().await;
        let tries = world.tries(id);
        are_the_same(&tries, &expected);
        are_on_schedule(&tries);
        assert_eq!(world.counts(), (0, 1), "{end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_is_away_beyond_the_deadline_gives_up_and_says_why() {
    let mut world = World::start().await;
    world.sink.by_default(Script::always(NOT_NOW));
    let id = world.invoke("told").await;
    tried(&world, id, 3).await;
    world.away(SPAN * 2).await;
    a_day().await;
    assert_eq!(world.tries(id).len(), 3);
    assert_eq!(world.counts(), (0, 1));
    let [failed] = &*callbacks(&world).await else { panic!("it is kept") };
    assert_eq!(&*failed.error.as_ref().expect("an error").code, "InternalError");
}
