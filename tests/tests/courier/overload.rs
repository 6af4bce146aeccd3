//! A daemon that is behind takes nothing new, finishes what it has, and takes more when it has caught up.

use bytes::Bytes;
use invoked_engine::{InvokeError, Refusing};
use invoked_testkit::function::{Ended, Ending};
use invoked_testkit::script::Script;
use tokio::time::sleep;

use crate::world::{World, defaults, ms, request};

impl World {
    async fn refused(&self) -> Refusing {
        match self.handle().invoke_async(request("plain", Bytes::new())).await {
            Err(InvokeError::Refused { why }) => why,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn behind_with_its_commits_it_refuses_new_work_and_finishes_what_it_has() {
    let world = World::start().await;
    world.functions.by_default(Script::slowly(ms(4_000), Ending::Succeed));
    // Its attempt ends, and its callback becomes owed, while new work is refused.
    let told = world.invoke("told").await;
    sleep(ms(1_000)).await;

    world.commits_take(ms(3_000));
    let (first, second) = (world.invoking("plain"), world.invoking("other"));
    sleep(ms(400)).await;
    assert_eq!(world.handle().admission().refusing, []);
    sleep(ms(101)).await;
    assert_eq!(world.refused().await, Refusing::CommitLag);
    assert_eq!(world.handle().admission().refusing, [Refusing::CommitLag]);
    assert!(world.handle().admission().commit_lag > ms(500));

    // The commit under way ends at 4 s; those of the attempt and of the callback come after it.
    sleep(ms(2_600)).await;
    let accepted = (first.await.expect("it ran"), second.await.expect("it ran"));
    assert!(accepted.0.is_ok() && accepted.1.is_ok(), "what came before is taken: {accepted:?}");
    sleep(ms(1_500)).await;
    assert_eq!(world.refused().await, Refusing::CommitLag, "the end of the attempt waits");
    world.commits_take(ms(0));
    sleep(ms(4_000)).await;
    let executions = world.functions.executions_of(told);
    assert!(matches!(executions[0].ended, Ended::Answered(_)), "{executions:?}");
    assert_eq!(world.tries(told).len(), 1, "the callback was made");
    assert_eq!(world.counts().1, 0);

    assert_eq!(world.handle().admission().refusing, []);
    let last = world.invoke("plain").await;
    sleep(ms(10_000)).await;
    assert_eq!(world.functions.executions_of(last).len(), 1);
    assert_eq!(world.counts(), (2, 0), "of both that owed one");
}

#[tokio::test(start_paused = true)]
async fn it_stays_refused_until_the_lag_is_below_half_of_the_limit() {
    let world = World::start().await;
    let limit = defaults().commit_lag_max;
    assert_eq!(limit, ms(500));
    world.commits_take(ms(600));
    let first = world.invoking("plain");
    // Decided while the first commit is under way, so that it waits for the next.
    sleep(ms(300)).await;
    let second = world.invoking("plain");
    sleep(ms(250)).await;
    assert_eq!(world.refused().await, Refusing::CommitLag);
    sleep(ms(60)).await;
    assert!(first.is_finished(), "the first commit is durable");
    assert_eq!(world.refused().await, Refusing::CommitLag, "the next has waited for 310 ms");
    assert!(world.handle().admission().commit_lag < limit);
    world.commits_take(ms(0));
    sleep(ms(1_000)).await;
    assert!(second.is_finished());
    world.invoke("plain").await;
}

#[tokio::test(start_paused = true)]
async fn a_full_store_and_short_memory_are_refusals_that_end_by_themselves() {
    let world = World::start().await;
    world.functions.by_default(Script::slowly(ms(1_000), Ending::Succeed));
    let told = world.invoke("told").await;
    world.store().set_full(true);
    assert_eq!(world.refused().await, Refusing::Disk);
    sleep(ms(2_000)).await;
    assert_eq!(world.counts(), (1, 0), "what runs ends, and its callback is made");
    assert_eq!(world.tries(told).len(), 1);
    assert_eq!(world.refused().await, Refusing::Disk);
    world.store().set_full(false);
    sleep(ms(100)).await;
    world.invoke("plain").await;

    // Nobody has said how much memory there may be.
    world.handle().note_memory(u64::MAX);
    world.invoke("plain").await;
    assert_eq!(world.handle().admission().refusing, []);
}
