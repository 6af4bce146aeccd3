//! Rows, and a store to put them into.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::callback::Callback;
use invoked_core::fault::Fault;
use invoked_core::head::{Head, Task};
use invoked_core::history::History;
use invoked_core::id::{Attempt, FnId, InvKey, RequestId, ShardId};
use invoked_core::life::{Life, Outcome, Tally};
use invoked_core::name::{Qualifier, TaskId};
use invoked_core::shard::{Commit, KeptCallback, RowOp};
use invoked_core::terms::Terms;
use invoked_core::time::Timestamp;
use invoked_core::trace::TraceContext;
use invoked_store::{CommitOutcome, Lease, NodeId, ShardWrite, Store};
use tempfile::TempDir;

use crate::{FjallConfig, FjallStore};

pub(super) const SHARD: ShardId = ShardId(0);
pub(super) const FUNCTION: FnId = FnId(1);
/// Noon of 2026-01-01.
pub(super) const NOON: Timestamp = Timestamp::from_millis(1_767_268_800_000);

pub(super) fn later(seconds: u64) -> Timestamp {
    NOON.plus(Duration::from_secs(seconds))
}

/// A plain invocation, accepted so many seconds after noon, with an hour to live.
pub(super) fn plain(seconds: u64) -> Head {
    let now = later(seconds);
    let key = InvKey::generated(SHARD, now, seconds << 1);
    Head {
        key,
        fn_id: FUNCTION,
        request_id: RequestId::from(key),
        token: seconds,
        terms: Terms::defaults(Qualifier::LATEST),
        accepted_at: now,
        expires_at: now.plus(Duration::from_secs(3_600)),
        due: now,
        life: Life::Enqueued,
        attempts: Attempt::NONE,
        tally: Tally::default(),
        first_started_at: None,
        fault: None,
        callback: Callback::None,
        redrives: None,
        depth: 0,
        trace: None,
        task: None,
    }
}

/// The same with a place in a trace.
pub(super) fn traced(seconds: u64) -> Head {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = TraceContext::parse(parent, Some("tenant@vendor=1")).map(Arc::new);
    Head { trace, ..plain(seconds) }
}

/// The same as a task.
pub(super) fn task(id: &str, seconds: u64) -> Head {
    let key = InvKey::chosen(SHARD, "account", "function", id);
    let task = Some(Task { id: TaskId::trusted(id), history: History::default() });
    Head { key, request_id: RequestId::from(key), task, ..plain(seconds) }
}

/// The same as a task whose id the daemon chose.
pub(super) fn own_task(seconds: u64) -> Head {
    let head = plain(seconds);
    let id = TaskId::trusted(&RequestId::from(head.key).to_string());
    Head { task: Some(Task { id, history: History::default() }), ..head }
}

/// The row while its first attempt is under way.
pub(super) fn running(head: &Head) -> Head {
    Head { life: Life::Running { attempt: Attempt(1), since: head.due }, ..head.clone() }
}

pub(super) fn insert(head: &Head) -> RowOp {
    insert_with(head, &payload(head))
}

pub(super) fn insert_with(head: &Head, payload: &Bytes) -> RowOp {
    RowOp::Insert { head: Box::new(head.clone()), payload: payload.clone() }
}

pub(super) fn payload(head: &Head) -> Bytes {
    Bytes::from(format!("event of {:?}", head.key))
}

/// The row after its first attempt has failed.
pub(super) fn retrying(head: &Head) -> Head {
    let due = head.due.plus(Duration::from_secs(1));
    Head { life: Life::Retrying { failed: Attempt(1) }, due, ..head.clone() }
}

pub(super) fn update(from: &Head, to: &Head) -> RowOp {
    RowOp::Update { head: Box::new(to.clone()), was: from.slot(), result: None }
}

pub(super) fn ended(head: &Head, outcome: Outcome) -> Head {
    let at = head.accepted_at.plus(Duration::from_secs(9));
    Head { life: Life::Ended { outcome, at }, ..head.clone() }
}

pub(super) fn finish(head: &Head, outcome: Outcome) -> RowOp {
    RowOp::Finish {
        head: Box::new(ended(head, outcome)),
        was: head.slot(),
        result: Some(Bytes::from_static(b"answer")),
        failed_callback: None,
    }
}

pub(super) fn kept_callback(head: &Head) -> KeptCallback {
    KeptCallback {
        key: head.key,
        request_id: head.request_id,
        fn_id: head.fn_id,
        destination: Arn::parse("acs:mns:::/queues/told/messages").unwrap(),
        outcome: Outcome::Failed,
        qualifier: head.terms.qualifier.clone(),
        accepted_at: head.accepted_at,
        ended_at: head.accepted_at,
        depth: 0,
        trace: None,
        tried: Attempt(14),
        first_at: None,
        failed_at: head.accepted_at,
        redrives: None,
        error: Fault::new("QueueNotExist", "no such queue", 404),
        envelope: Bytes::from_static(b"{}"),
    }
}

/// What a crash of this very moment leaves of the store that is open in `path`.
pub(super) fn image_of(path: &Path) -> TempDir {
    let image = tempfile::tempdir().unwrap();
    copy(path, image.path());
    image
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A store that is open, with its one shard.
pub(super) struct Site {
    pub(super) store: FjallStore,
    pub(super) lease: Lease,
}

impl Site {
    pub(super) async fn open(path: &Path) -> Self {
        Self::with(FjallConfig::new(path)).await
    }

    pub(super) async fn with(config: FjallConfig) -> Self {
        let store = FjallStore::open(config).unwrap();
        let node = NodeId(Arc::from("node"));
        let lease = store.acquire(&node, SHARD).await.unwrap().unwrap();
        Self { store, lease }
    }

    pub(super) async fn commit(&self, ops: Vec<RowOp>) -> CommitOutcome {
        self.write(Commit { ops, totals: Vec::new() }).await
    }

    pub(super) async fn write(&self, commit: Commit) -> CommitOutcome {
        let write = ShardWrite { lease: self.lease, commit };
        self.store.commit(0, Arc::new(vec![write])).await
    }

    /// Commits, and insists.
    pub(super) async fn durable(&self, ops: Vec<RowOp>) {
        let outcome = self.commit(ops).await;
        let CommitOutcome::Durable { conflicts } = outcome else { panic!("{outcome:?}") };
        assert_eq!(conflicts, []);
    }

    pub(super) async fn live_rows(&self) -> u64 {
        self.store.stats().await.unwrap().live_rows
    }
}
