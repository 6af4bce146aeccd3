//! Why something waits, where a lane is held and the row is not due yet either.

use std::time::Duration;

use bytes::Bytes;
use invoked_core::id::RequestId;
use invoked_core::lane::Hold;
use invoked_core::name::{FunctionKey, FunctionName};
use invoked_engine::{LaneKey, Reason, Why};
use invoked_testkit::function::Ending;
use invoked_testkit::script::Script;
use invoked_testkit::sink::Reception;

use crate::world::{QUEUE, World, ms, request};

const NOT_NOW: Reception = Reception::Retry { retry_after: None };

fn key(function: &str) -> FunctionKey {
    FunctionKey::new("1", FunctionName::parse(function).expect("a name"))
}

async fn why(world: &World, id: RequestId) -> Why {
    world.handle().why(id).await.expect("an answer").expect("it is there")
}

async fn delayed(world: &World, function: &str, delay: Duration) -> RequestId {
    let mut request = request(function, Bytes::from_static(b"{}"));
    request.delay = delay;
    world.handle().invoke_async(request).await.expect("it is accepted").request_id
}

#[tokio::test(start_paused = true)]
async fn a_delay_in_a_lane_that_is_paused_is_not_what_it_waits_for() {
    let world = World::start().await;
    let id = delayed(&world, "plain", Duration::from_secs(60)).await;
    let before = why(&world, id).await;
    assert_eq!((before.reason, before.next_at), (Reason::Delay, Some(before.head.due)));
    let lane = LaneKey::Function(key("plain"));
    world.handle().pause(lane.clone(), "somebody", "").await.expect("it is paused");
    let held = why(&world, id).await;
    assert_eq!((held.reason, held.next_at), (Reason::Lane(Hold::Paused), None));
    assert!(held.place.is_some(), "it has its place");
    world.handle().resume(lane, "somebody", "").await.expect("it goes on");
    assert_eq!(why(&world, id).await.reason, Reason::Delay);
}

#[tokio::test(start_paused = true)]
async fn a_callback_between_two_tries_waits_for_its_paused_destination() {
    let world = World::start().await;
    world.sink.by_default(Script::always(NOT_NOW));
    let id = world.invoke("told").await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let before = why(&world, id).await;
    assert_eq!((before.reason, before.next_at), (Reason::Backoff, Some(before.head.due)));
    let lane = LaneKey::Destination(QUEUE.to_owned());
    world.handle().pause(lane, "somebody", "").await.expect("it is paused");
    let held = why(&world, id).await;
    assert_eq!((held.reason, held.next_at), (Reason::Lane(Hold::Paused), None));
}

#[tokio::test(start_paused = true)]
async fn what_a_function_asks_for_counts_where_it_is_later_than_a_delay() {
    let world = World::start().await;
    let wish = Ending::Throttle { retry_after: Some(Duration::from_secs(60)) };
    world.functions.by_default(Script::always(wish));
    world.invoke("plain").await;
    tokio::time::sleep(ms(100)).await;
    let sooner = delayed(&world, "plain", Duration::from_secs(5)).await;
    let later = delayed(&world, "plain", Duration::from_secs(90)).await;
    let held = why(&world, sooner).await;
    let Reason::Lane(Hold::RetryAfter { until }) = held.reason else { panic!("{held:?}") };
    assert!(held.head.due < until);
    assert_eq!(held.next_at, Some(until));
    let free = why(&world, later).await;
    assert_eq!((free.reason, free.next_at), (Reason::Delay, Some(free.head.due)));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_counts_from_its_acceptance_however_late_it_is_due() {
    let world = World::start().await;
    world.functions.by_default(Script::always(Ending::Unreachable));
    let first = world.invoke("plain").await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let old = why(&world, first).await;
    delayed(&world, "plain", ms(1)).await;
    world.handle().pause(LaneKey::Function(key("plain")), "somebody", "").await.expect("paused");
    tokio::time::sleep(ms(100)).await;
    let lane = world.handle().why_function(&key("plain"), None).await.expect("it is there");
    let lane = lane.expect("its shard answers");
    assert_eq!(lane.view.in_window, 2, "{lane:?}");
    assert!(old.head.accepted_at < lane.view.first_due.expect("two wait"), "{lane:?}");
    assert_eq!(lane.oldest_accepted_at, Some(old.head.accepted_at));
}
