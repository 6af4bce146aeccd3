//! Many finished tasks done again by one operation: all of them, each once, and counted so, whatever comes between.

use std::collections::BTreeMap;

use bytes::Bytes;
use invoked_core::head::Status;
use invoked_core::id::RequestId;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_core::sweep::SweepFilter;
use invoked_engine::{
    Amendment, ConfigChange, EngineConfig, InvokeError, LaneKey, Operation, OperationCounts,
    OperationError, OperationState, TaskWish, WorkKind, WorkRequest,
};
use invoked_testkit::function::Ending;
use invoked_testkit::mem_store::Faults;
use invoked_testkit::script::Script;
use tokio::time::sleep;

use crate::world::{End, World, change, defaults, ms, request};

/// More than one page, and no multiple of one.
const TASKS: usize = 300;

fn key(name: &str) -> FunctionKey {
    FunctionKey::new("1", FunctionName::parse(name).expect("a name"))
}

fn retry() -> WorkRequest {
    retry_of("plain")
}

fn retry_of(function: &str) -> WorkRequest {
    WorkRequest {
        lane: LaneKey::Function(key(function)),
        kind: WorkKind::Retry,
        filter: SweepFilter::default(),
        is_dry_run: false,
        rate: None,
        by: "night-shift".into(),
    }
}

fn all_of(tasks: usize) -> OperationCounts {
    let tasks = u64::try_from(tasks).expect("few");
    OperationCounts { examined: tasks, matched: tasks, acted: tasks, skipped: 0 }
}

impl World {
    /// A daemon in which few requests may wait.
    async fn narrow() -> Self {
        Self::start_with(EngineConfig { accepts_max: 8, ..defaults() }).await
    }

    /// So many tasks that end so. What comes later succeeds.
    async fn ended_tasks(&self, count: usize, ending: Ending) {
        self.ended_tasks_of("plain", count, ending).await;
    }

    async fn ended_tasks_of(&self, function: &str, count: usize, ending: Ending) {
        self.functions.by_default(Script::always(ending));
        for _ in 0..count {
            let task = TaskWish::Task;
            let request = invoked_engine::InvokeRequest {
                task,
                ..request(function, Bytes::from_static(b"{}"))
            };
            self.handle().invoke_async(request).await.expect("it is accepted");
        }
        self.come_to_rest().await;
        self.functions.by_default(Script::always(Ending::Succeed));
    }

    /// A function that clients may change, with tasks that failed.
    async fn created(&self) -> FunctionKey {
        let created = self.handle().create_function(key("ours"), change()).await;
        created.expect("it is created");
        let config = ConfigChange { max_retry_attempts: Some(0), ..ConfigChange::default() };
        let put = self.handle().put_config(&key("ours"), &Qualifier::LATEST, &config).await;
        put.expect("it is put");
        self.ended_tasks_of("ours", TASKS, Ending::Fail).await;
        key("ours")
    }

    async fn come_to_rest(&self) {
        for _ in 0..10_000 {
            if self.store().evidence().live.is_empty() {
                return;
            }
            sleep(ms(100)).await;
        }
        panic!("something is still live");
    }

    async fn begun(&self, request: WorkRequest) -> RequestId {
        self.handle().begin_work(request).await.expect("it begins").id
    }

    fn operation(&self, id: RequestId) -> Operation {
        self.handle().operation(id).expect("it is remembered")
    }

    /// The operation, once this is so.
    async fn when(&self, id: RequestId, is_so: impl Fn(&Operation) -> bool) -> Operation {
        for _ in 0..1_000 {
            let operation = self.operation(id);
            if is_so(&operation) {
                return operation;
            }
            sleep(ms(10)).await;
        }
        panic!("it never came to that: {:?}", self.operation(id));
    }

    /// An operation that has done a page of what failed again, and not all: each takes a commit's time.
    async fn half_way(&self) -> Operation {
        self.ended_tasks(TASKS, Ending::Fail).await;
        self.commits_take(ms(5));
        let id = self.begun(retry()).await;
        self.when(id, |of| 64 < of.counts.acted).await
    }

    async fn end_of(&self, id: RequestId) -> Operation {
        self.when(id, |operation| operation.state != OperationState::Running).await
    }

    /// How often each task was done again.
    fn repeats(&self) -> BTreeMap<String, usize> {
        let mut repeats = BTreeMap::new();
        let evidence = self.store().evidence();
        for head in evidence.live.iter().chain(&evidence.kept) {
            if let Some(old) = head.task.as_ref().and_then(|task| task.history.retry_of()) {
                *repeats.entry(old.to_owned()).or_default() += 1;
            }
        }
        repeats
    }

    fn assert_repeated_once(&self, count: usize) {
        let repeats = self.repeats();
        assert_eq!(repeats.len(), count);
        assert!(repeats.values().all(|times| *times == 1), "{repeats:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_few_may_wait_all_are_done_again_and_counted_once() {
    let world = World::narrow().await;
    world.ended_tasks(TASKS, Ending::Fail).await;
    let id = world.begun(retry()).await;
    let operation = world.end_of(id).await;
    assert_eq!((operation.state, operation.counts), (OperationState::Done, all_of(TASKS)));
    world.come_to_rest().await;
    world.assert_repeated_once(TASKS);
}

#[tokio::test(start_paused = true)]
async fn over_a_crash_each_counts_once() {
    let mut world = World::narrow().await;
    let before = world.half_way().await;
    let id = before.id;
    // In the middle of a page.
    sleep(ms(7)).await;
    assert_eq!(before.state, OperationState::Running);
    world.restart(End::Killed).await;
    world.commits_take(ms(0));
    let operation = world.end_of(id).await;
    assert_eq!((operation.state, operation.counts), (OperationState::Done, all_of(TASKS)));
    world.come_to_rest().await;
    world.assert_repeated_once(TASKS);
}

#[tokio::test(start_paused = true)]
async fn it_says_what_it_waits_for() {
    let world = World::narrow().await;
    let id = world.half_way().await.id;
    world.store().set_full(true);
    let held = world.when(id, |of| of.last_error.is_some()).await;
    let why = held.last_error.as_deref().expect("a reason");
    assert!(why.contains("no room left in the store"), "{why}");
    sleep(ms(5_000)).await;
    assert_eq!(world.operation(id), held, "it waits");

    let other = world.begun(WorkRequest { is_dry_run: true, ..retry() }).await;
    assert_eq!(world.end_of(other).await.state, OperationState::Done, "others go on");
    world.store().set_full(false);
    let operation = world.end_of(id).await;
    assert_eq!((operation.state, operation.counts), (OperationState::Done, all_of(TASKS)));
    assert_eq!(operation.last_error, None);
    world.come_to_rest().await;
    world.assert_repeated_once(TASKS);
}

#[tokio::test(start_paused = true)]
async fn what_is_cancelled_has_done_what_it_counts() {
    let world = World::narrow().await;
    let id = world.half_way().await.id;
    let operation = world.handle().cancel_operation(id).await.expect("it is under way");
    world.come_to_rest().await;
    let acted = usize::try_from(operation.counts.acted).expect("few");
    assert!(acted < TASKS, "{operation:?}");
    world.assert_repeated_once(acted);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_match_costs_no_write_for_each() {
    let world = World::start().await;
    world.ended_tasks(TASKS, Ending::Succeed).await;
    world.ended_tasks(2, Ending::Fail).await;
    let read_delay = ms(1)..=ms(1);
    world.store().set_faults(Faults { read_delay, ..Faults::default() });
    let before = world.store().registry_writes();
    let statuses = vec![Status::Failed, Status::Expired];
    let filter = SweepFilter { statuses, ..SweepFilter::default() };
    let id = world.begun(WorkRequest { filter, rate: Some(1), ..retry() }).await;
    let operation = world.end_of(id).await;
    let counts = OperationCounts { examined: 302, matched: 2, acted: 2, skipped: 0 };
    assert_eq!((operation.state, operation.counts), (OperationState::Done, counts));
    let writes = world.store().registry_writes() - before;
    assert!(writes < 10, "{writes} writes for two matches in five pages");
    world.come_to_rest().await;
    world.assert_repeated_once(2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_for_a_function_that_takes_nothing() {
    let world = World::start().await;
    let ours = world.created().await;
    let disable = Amendment::Disable("moved".into());
    world.handle().amend_function(&ours, disable).await.expect("it is amended");
    for is_dry_run in [false, true] {
        let request = WorkRequest { is_dry_run, ..retry_of("ours") };
        let refused = world.handle().begin_work(request).await.expect_err("it takes nothing");
        assert!(matches!(&refused, OperationError::Invoke(InvokeError::Disabled { .. })));
        assert!(refused.to_string().contains("moved"), "{refused}");
    }
    assert_eq!(world.handle().operations(), []);
    // What waits can be stopped and purged all the same.
    let purge = WorkRequest { kind: WorkKind::Purge, ..retry_of("ours") };
    world.begun(purge).await;
}

#[tokio::test(start_paused = true)]
async fn a_function_that_goes_away_ends_the_operation_which_says_so() {
    for is_deleted in [false, true] {
        let mut world = World::start().await;
        let ours = world.created().await;
        let id = world.begun(WorkRequest { rate: Some(10), ..retry_of("ours") }).await;
        world.when(id, |of| 0 < of.counts.acted).await;
        let why = if is_deleted {
            world.handle().delete_function(&ours).await.expect("it is deleted");
            "does not exist"
        } else {
            let disable = Amendment::Disable("moved".into());
            world.handle().amend_function(&ours, disable).await.expect("it is amended");
            "disabled: moved"
        };
        let operation = world.end_of(id).await;
        assert_eq!(operation.state, OperationState::Failed, "{operation:?}");
        assert!(operation.last_error.as_deref().is_some_and(|text| text.contains(why)));
        let OperationCounts { matched, acted, skipped, .. } = operation.counts;
        assert_eq!((matched, skipped), (acted, 0), "what was not done is not counted");
        assert!(operation.ended_at.is_some());
        world.restart(End::Killed).await;
        assert_eq!(world.operation(id), operation, "it stays so");
        assert_eq!(world.repeats().len(), usize::try_from(acted).expect("few"));
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_of_a_function_that_was_created_anew_are_not_done_again() {
    let world = World::start().await;
    let ours = world.created().await;
    let id = world.begun(WorkRequest { rate: Some(1), ..retry_of("ours") }).await;
    world.when(id, |of| 0 < of.counts.acted).await;
    world.handle().delete_function(&ours).await.expect("it is deleted");
    world.handle().create_function(ours, change()).await.expect("it is created");
    let operation = world.end_of(id).await;
    assert_eq!(operation.state, OperationState::Failed, "{operation:?}");
    assert!(operation.last_error.as_deref().is_some_and(|text| text.contains("created anew")));
}
