//! How long a purge's disk space takes to come back.
//!
//! ```text
//! cargo run --release -p invoked-store-fjall --example space -- ROWS LEFT DIRECTORY
//! ```
//!
//! Writes so many plain invocations of 1 KiB, ends all but those that are left, and says what the
//! directory takes until it no longer shrinks.
#![expect(clippy::print_stdout, reason = "this is what it is for")]
#![expect(clippy::disallowed_methods, reason = "it measures")]

use std::error::Error;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use invoked_core::callback::Callback;
use invoked_core::head::Head;
use invoked_core::id::{Attempt, FnId, InvKey, RequestId, ShardId};
use invoked_core::life::{Life, Outcome, Tally};
use invoked_core::name::Qualifier;
use invoked_core::shard::{Commit, RowOp};
use invoked_core::terms::Terms;
use invoked_core::time::Timestamp;
use invoked_store::{CommitOutcome, Lease, NodeId, ShardWrite, Store as _};
use invoked_store_fjall::{FjallConfig, FjallStore};

const BATCH: usize = 1_000;
const PAYLOAD_BYTES: usize = 1_024;
/// After so long without a change it is taken to be what it will be.
const STILL: Duration = Duration::from_secs(45);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rows, left, directory] = arguments.as_slice() else {
        return Err("expected ROWS LEFT DIRECTORY".into());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(measure(rows.parse()?, left.parse()?, Path::new(directory)))
}

async fn measure(rows: u64, left: u64, directory: &Path) -> Result<(), Box<dyn Error>> {
    let store = FjallStore::open(FjallConfig::new(directory))?;
    let shard = ShardId(0);
    let lease = store.acquire(&NodeId(Arc::from("space")), shard).await?.ok_or("no lease")?;
    let empty = store.stats().await?.disk_bytes;
    println!("empty: {} KiB", empty >> 10);
    let payload = Bytes::from(vec![b'x'; PAYLOAD_BYTES]);
    let started = Instant::now();
    let insert = |row| RowOp::Insert { head: Box::new(head(row)), payload: payload.clone() };
    write(&store, lease, 1..=rows, insert).await?;
    let full = store.stats().await?.disk_bytes;
    println!("{rows} rows: {} MiB, in {:.1?}", full >> 20, started.elapsed());
    let started = Instant::now();
    write(&store, lease, left + 1..=rows, finish).await?;
    println!("{} removed in {:.1?}", rows - left, started.elapsed());

    let (started, mut last, mut changed) = (Instant::now(), 0, Instant::now());
    while changed.elapsed() < STILL {
        let bytes = store.stats().await?.disk_bytes;
        if bytes != last {
            println!("{:>6.1} s: {} KiB", started.elapsed().as_secs_f64(), bytes >> 10);
            (last, changed) = (bytes, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    store.close().await?;
    Ok(())
}

async fn write(
    store: &FjallStore,
    lease: Lease,
    rows: RangeInclusive<u64>,
    op: impl Fn(u64) -> RowOp,
) -> Result<(), Box<dyn Error>> {
    let rows: Vec<u64> = rows.collect();
    for rows in rows.chunks(BATCH) {
        let commit = Commit { ops: rows.iter().map(|row| op(*row)).collect(), totals: Vec::new() };
        let outcome = store.commit(0, Arc::new(vec![ShardWrite { lease, commit }])).await;
        let CommitOutcome::Durable { .. } = outcome else { return Err("not durable".into()) };
    }
    Ok(())
}

fn head(row: u64) -> Head {
    let now = Timestamp::from_millis(1_767_268_800_000).plus(Duration::from_millis(row));
    let key = InvKey::generated(ShardId(0), now, row << 1);
    Head {
        key,
        fn_id: FnId(1),
        request_id: RequestId::from(key),
        token: row,
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

fn finish(row: u64) -> RowOp {
    let was = head(row);
    let life = Life::Ended { outcome: Outcome::Succeeded, at: was.accepted_at };
    let slot = was.slot();
    let head = Box::new(Head { life, ..was });
    RowOp::Finish { head, was: slot, result: None, failed_callback: None }
}
