//! Destinations that never answer leave everybody else alone.

use std::time::Duration;

use invoked_core::arn::Arn;
use invoked_core::id::RequestId;
use invoked_core::time::Timestamp;
use invoked_testkit::script::Script;
use invoked_testkit::sink::{Arrival, Reception};

use crate::world::{OTHER, QUEUE, World};

/// More than may be under way in all, to one destination or to any.
const HUNG: usize = 1_500;
const ALIVE: usize = 200;
/// On virtual time nothing takes time by itself: it is what others may be held up by.
const AT_ONCE: Duration = Duration::from_millis(100);

async fn many(world: &World, function: &str, count: usize) -> Vec<RequestId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(world.invoke(function).await);
    }
    ids
}

/// Whether all of `ids` reached their destination by `at`.
fn have_arrived(world: &World, ids: &[RequestId], at: Timestamp) -> bool {
    let told = world.sink.told();
    ids.iter().all(|id| {
        told.iter().any(|told| {
            told.request_id == *id && told.arrival == Arrival::Arrived && told.started_at <= at
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_hangs_leaves_others_and_the_functions_untouched() {
    let world = World::start().await;
    let queue = Arn::parse(QUEUE).expect("an ARN");
    world.sink.for_destination(&queue, Script::always(Reception::Hang));
    let hung = many(&world, "told", HUNG).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(world.tries(hung[0]).len() == 1, "the first is under way");

    // While it hangs, when its tries time out, and while its breaker holds the rest back.
    for minute in 0..10 {
        let began = world.timeline.now();
        let alive = many(&world, "other", ALIVE).await;
        let plain = many(&world, "plain", ALIVE).await;
        tokio::time::sleep(AT_ONCE).await;
        assert!(have_arrived(&world, &alive, began.plus(AT_ONCE)), "minute {minute}");
        let late = plain.iter().filter(|id| world.functions.executions_of(**id).is_empty());
        assert_eq!(late.count(), 0, "minute {minute}");
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(world.counts(), (10 * u64::try_from(ALIVE).expect("small"), 0));
    let views = world.handle().destination_views(None, 10).await;
    let of = |arn: &str| views.iter().find(|view| view.destination == arn).expect("it is known");
    assert!(of(QUEUE).in_flight <= 256, "{:?}", of(QUEUE));
    assert_eq!(&*of(QUEUE).last_error.as_ref().expect("an error").1.code, "Timeout");
    assert_eq!((of(OTHER).in_flight, of(OTHER).waiting), (0, 0));
    assert!(of(OTHER).last_error.is_none());

    // It comes back, and nothing that it was owed is lost: what its breaker held back has lost no
    // time.
    world.sink.for_destination(&queue, Script::always(Reception::Take));
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    assert!(have_arrived(&world, &hung, Timestamp::MAX));
    let all = u64::try_from(HUNG + 10 * ALIVE).expect("small");
    assert_eq!(world.counts(), (all, 0));
}

#[tokio::test(start_paused = true)]
async fn several_that_hang_at_once_leave_room_for_the_next() {
    let world = World::start().await;
    for number in 1..=3 {
        let queue = format!("acs:mns:::/queues/hung-{number}/messages");
        let queue = Arn::parse(&queue).expect("an ARN");
        world.sink.for_destination(&queue, Script::always(Reception::Hang));
        many(&world, &format!("hung-{number}"), HUNG).await;
    }
    // Before a try has timed out and a breaker has opened: they have all the slots they may have.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let under_way: u32 =
        world.handle().destination_views(None, 10).await.iter().map(|view| view.in_flight).sum();
    assert!(under_way > 400, "{under_way}: they hang");
    let began = world.timeline.now();
    let alive = many(&world, "other", ALIVE).await;
    tokio::time::sleep(AT_ONCE).await;
    assert!(have_arrived(&world, &alive, began.plus(AT_ONCE)));
}
