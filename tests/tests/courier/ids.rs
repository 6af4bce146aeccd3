//! Ids that callers choose are looked up before they are taken.

use invoked_core::name::{FunctionKey, FunctionName, TaskId};
use invoked_core::shard::Accepted;
use invoked_engine::{InvokeError, TaskWish};
use invoked_testkit::mem_store::Faults;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::world::{World, ms, request};

impl World {
    fn naming(&self, id: &str) -> JoinHandle<Result<Accepted, InvokeError>> {
        let mut request = request("plain", b"{}".as_slice().into());
        request.task = TaskWish::Task;
        request.task_id = Some(TaskId::parse(id).expect("an id"));
        let handle = self.handle();
        tokio::spawn(async move { handle.invoke_async(request).await })
    }

    fn reads_take(&self, millis: u64) {
        let faults = Faults { read_delay: ms(millis)..=ms(millis), ..Faults::default() };
        self.store().set_faults(faults);
    }
}

/// Many are looked up with one read; if it fails, each of them by itself.
#[tokio::test(start_paused = true)]
async fn a_row_that_does_not_read_keeps_no_other_id_from_being_taken() {
    let world = World::start().await;
    world.naming("torn").await.expect("it ran").expect("it is accepted");
    sleep(ms(100)).await;
    let function = FunctionKey::new("1", FunctionName::parse("plain").expect("a name"));
    let task = world.handle().task(&function, "torn").await.expect("it is there");
    assert!(task.head.life.outcome().is_some());
    world.store().set_damaged([task.head.key]);
    // Two reads are under way, so that those behind them share the next.
    world.reads_take(50);
    let mut others = vec![world.naming("first"), world.naming("second")];
    sleep(ms(10)).await;
    let torn = world.naming("torn");
    others.extend(["third", "fourth", "fifth"].map(|id| world.naming(id)));
    sleep(ms(900)).await;
    for other in others {
        assert!(other.is_finished(), "it waits for what does not read");
        other.await.expect("it ran").expect("it is accepted");
    }
    assert!(!torn.is_finished());
    // Somebody has mended the disk.
    world.store().set_damaged([]);
    let refused = torn.await.expect("it ran").expect_err("the id is taken");
    assert!(matches!(refused, InvokeError::Duplicate { .. }), "{refused}");
}
