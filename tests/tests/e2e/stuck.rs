//! A lane of the real daemon whose first invocation has been due for ten minutes: the log and the alert's metrics say so,
//! and say when it is over.
//!
//! Nobody waits for ten minutes: between two runs of the daemon, the times at which its rows were due are set back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use invoked_core::head::Head;
use invoked_core::id::{InvKey, ShardId};
use invoked_core::shard::{Commit, RowOp};
use invoked_core::time::Timestamp;
use invoked_store::{CommitOutcome, NodeId, ShardWrite, Store as _};
use invoked_store_fjall::{FjallConfig, FjallStore};
use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::daemon::{Daemon, Site};
use invoked_tests::function::FunctionServer;
use invoked_tests::poll;
use serde_json::json;

use crate::logs::{change, is_as_described, of};

/// The daemon looks at its lanes every 30 seconds.
const LONG: Duration = Duration::from_secs(120);
const SHARD: ShardId = ShardId(0);

/// Sets back what waits in the store of a daemon that has ended. Gives how much that is.
fn set_back(store: &Path, by: Duration) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let store = FjallStore::open(FjallConfig::new(store)).expect("the store opens");
        let node = NodeId("a test".into());
        let lease = store.acquire(&node, SHARD).await.expect("an answer").expect("a free shard");
        let mut ops = Vec::new();
        for lane in store.lanes(SHARD).await.expect("its lanes") {
            let start = (Timestamp::MIN, InvKey::MIN);
            for head in store.heads(SHARD, lane, start, 100).await.expect("its rows").heads {
                let (was, due) = (head.slot(), head.due.minus(by));
                ops.push(RowOp::Update { head: Box::new(Head { due, ..head }), was, result: None });
            }
        }
        let count = ops.len();
        let commit = Commit { ops, totals: Vec::new() };
        let outcome = store.commit(0, Arc::new(vec![ShardWrite { lease, commit }])).await;
        assert!(matches!(outcome, CommitOutcome::Durable { .. }), "{outcome:?}");
        store.release(&node, lease).await.expect("the shard is given back");
        store.close().await.expect("the store closes");
        count
    })
}

/// What `InvokedLaneStuck` goes by: overdue for more than ten minutes, and not paused.
fn is_alarming(daemon: &Daemon<'_>) -> bool {
    let (metrics, of_it) = (daemon.metrics(), [("function", "stuck")]);
    let overdue = metrics.family("invoked_function_overdue_seconds", &of_it);
    let paused = metrics.family("invoked_function_paused", &of_it);
    overdue.map(|sample| sample.value).fold(0.0, f64::max) > 600.0
        && paused.map(|sample| sample.value).fold(0.0, f64::max) < 1.0
}

#[test]
fn a_lane_that_is_stuck_is_told_once_and_so_is_its_end() {
    let function = FunctionServer::start();
    let config = Config::new()
        .function("stuck", &function.url())
        .of_function("stuck", "concurrency", 1)
        .function("beside", &function.url());
    let site = Site::new(config);
    let daemon = site.start();
    let hold = |verb: &str| {
        let (status, held) =
            change(&site, "POST", &format!("/v1/functions/stuck/{verb}"), &json!({}));
        assert_eq!(status, 200, "{held}");
    };
    hold("pause");
    for _ in 0..2 {
        accepted(&daemon.send(&invoke_async("stuck").json(&json!({"plan": ["hold"]}))));
    }
    daemon.stop();
    assert_eq!(set_back(&site.store(), Duration::from_secs(660)), 2);

    let daemon = site.start();
    assert!(!is_alarming(&daemon), "an operator holds it");
    hold("resume");
    function.wait_for(1);
    poll::soon("the alert has what it goes by", || is_alarming(&daemon));
    let stuck = poll::until("the log says so", LONG, || of(&site, "lane_stuck").into_iter().next());
    assert_eq!((&stuck["level"], &stuck["function"]), (&json!("WARN"), &json!("stuck")), "{stuck}");
    assert!(stuck["overdue_seconds"].as_u64().is_some_and(|overdue| overdue >= 660), "{stuck}");
    assert!(of(&site, "lane_unstuck").is_empty(), "it still is");

    function.release();
    daemon.wait_until_idle();
    poll::soon("the alert has nothing to go by", || !is_alarming(&daemon));
    let over =
        poll::until("the log says that too", LONG, || of(&site, "lane_unstuck").into_iter().next());
    assert_eq!((&over["level"], &over["function"]), (&json!("INFO"), &json!("stuck")), "{over}");
    assert_eq!(of(&site, "lane_stuck").len(), 1, "once, and for this function alone");
    is_as_described(&site);
    daemon.stop();
}
