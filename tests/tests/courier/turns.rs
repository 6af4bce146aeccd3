//! What a turn of a shard does first, and what waits for what.

use invoked_core::id::RequestId;
use invoked_core::time::Timestamp;
use invoked_engine::InvokeError;
use invoked_testkit::function::Ending;
use invoked_testkit::script::Script;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::world::{START_MS, World, ms, request};

/// When the commits below begin to take their time.
const BEGIN: Timestamp = Timestamp::from_millis(START_MS + 1_000);

impl World {
    /// Its calls take long, and from [`BEGIN`] on, which is now, each commit takes 300 ms.
    async fn slow() -> Self {
        let world = Self::start().await;
        world.functions.by_default(Script::slowly(ms(10_000), Ending::Succeed));
        sleep(BEGIN.since(world.timeline.now())).await;
        world.commits_take(ms(300));
        world
    }

    /// Somebody who invokes two functions, the second as soon as the first is accepted.
    fn one_after_the_other(&self) -> JoinHandle<Result<[RequestId; 2], InvokeError>> {
        let handle = self.handle();
        tokio::spawn(async move {
            let first = handle.invoke_async(request("plain", b"{}".as_slice().into())).await?;
            let second = handle.invoke_async(request("other", b"{}".as_slice().into())).await?;
            Ok([first.request_id, second.request_id])
        })
    }

    /// When the executions began, in tenths of a second since [`BEGIN`]: timers are a millisecond late.
    fn started(&self, of: RequestId) -> Vec<u128> {
        let executions = self.functions.executions_of(of);
        let tenths = |at: Timestamp| at.since(BEGIN).as_millis() / 100;
        executions.iter().map(|execution| tenths(execution.started_at)).collect()
    }
}

/// The answer goes out, its caller asks for more, and that is in the next commit; the call is begun beside
/// that commit and not behind it.
#[tokio::test(start_paused = true)]
async fn a_call_begins_beside_the_next_commit_which_has_what_the_answered_ask_for() {
    let world = World::slow().await;
    let pair = world.one_after_the_other();
    sleep(ms(100)).await;
    // Waits for the commit under way, and is in the next.
    let third = world.invoking("told");
    sleep(ms(550)).await;
    let [first, second] = pair.await.expect("it ran").expect("both are accepted");
    let third = third.await.expect("it ran").expect("it is accepted");
    assert_eq!(world.started(first), [3], "beside the second commit");
    assert_eq!(world.started(second), [6], "one commit had both");
    assert_eq!(world.started(third), [6]);
}

#[tokio::test(start_paused = true)]
async fn a_lone_call_waits_for_nothing() {
    let world = World::slow().await;
    let id = world.invoke("plain").await;
    sleep(ms(1)).await;
    assert_eq!(world.started(id), [3]);
}
