//! throwaway
use std::sync::Arc; use std::time::{Duration, Instant};
use invoked_core::head::*; use invoked_core::id::*; use invoked_core::life::*; use invoked_core::name::*; use invoked_core::shard::*; use invoked_core::terms::*; use invoked_core::time::*; use invoked_core::callback::Callback; use invoked_core::history::History;
use invoked_store::*; use invoked_store_fjall::*;
fn head(i: u64, task: bool) -> Head { let now = Timestamp::from_millis(1_800_000_000_000 + (i / 50) as i64); let mut key = InvKey::generated(ShardId(0), now, i.wrapping_mul(0x9E3779B97F4A7C15)); let mut t = None; if task { let id = format!("task_{i}"); key = InvKey::chosen(ShardId(0), "a", "f", &id); let mut h = History::default(); h.push(Status::Enqueued, now, None); t = Some(Task { id: TaskId::trusted(&id), history: h }); }
 Head { key, fn_id: FnId(1), request_id: RequestId::from(key), token: i, terms: Terms::defaults(Qualifier::LATEST), accepted_at: now, expires_at: now.plus(Duration::from_secs(86400)), due: now, life: Life::Enqueued, attempts: Attempt::NONE, tally: Tally::default(), first_started_at: None, fault: None, callback: Callback::None, depth: 0, task: t } }
fn ins(h: &Head, p: &bytes::Bytes) -> RowOp { RowOp::Insert { head: h.clone(), payload: p.clone() } }
fn fin(h: &Head) -> RowOp { RowOp::Finish { head: Head { life: Life::Ended { outcome: Outcome::Succeeded, at: h.accepted_at }, ..h.clone() }, was: h.slot(), result: h.task.is_some().then(|| bytes::Bytes::from_static(b"ok")), failed_callback: None } }
async fn commit(s: &FjallStore, lease: Lease, ops: Vec<RowOp>) { let b = Arc::new(vec![ShardWrite { lease, commit: Commit { ops, totals: vec![] } }]); match s.commit(0, b).await { CommitOutcome::Durable { .. } => {}, o => panic!("{o:?}") } }
fn rss() -> u64 { std::fs::read_to_string("/proc/self/status").unwrap().lines().find(|l| l.starts_with("VmRSS")).unwrap().split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024 }
fn hwm() -> u64 { std::fs::read_to_string("/proc/self/status").unwrap().lines().find(|l| l.starts_with("VmHWM")).unwrap().split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024 }
fn cpu() -> f64 { let s = std::fs::read_to_string("/proc/self/stat").unwrap(); let v: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect(); (v[11].parse::<f64>().unwrap() + v[12].parse::<f64>().unwrap()) / 100.0 }

fn main() { tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run()) }
async fn run() {
    let dir = std::env::args().nth(1).unwrap(); let _ = std::fs::remove_dir_all(&dir);
    let t = Instant::now(); let s = Arc::new(FjallStore::open(FjallConfig::new(&dir)).unwrap()); println!("open new {:?}", t.elapsed());
    let lease = s.acquire(&NodeId("n".into()), ShardId(0)).await.unwrap().unwrap();
    let p = bytes::Bytes::from(vec![7u8; 1024]);
    for (task, tasks, per, n) in [(false, 1u64, 1u64, 2000u64), (false, 64, 1, 60000), (false, 1, 200, 200_000), (true, 64, 1, 40000)] {
        let before = s.stats().await.unwrap(); let t = Instant::now(); let c = cpu(); let mut set = tokio::task::JoinSet::new();
        for k in 0..tasks { let (s, p) = (s.clone(), p.clone()); set.spawn(async move { let mut i = k * per; let mut worst = Duration::ZERO; while i < n { let hs: Vec<_> = (i..i + per).map(|j| head(j + tasks * 10_000_000, task)).collect(); let t = Instant::now(); commit(&s, lease, hs.iter().map(|h| ins(h, &p)).collect()).await; commit(&s, lease, hs.iter().map(fin).collect()).await; worst = worst.max(t.elapsed()); i += tasks * per; } worst }); }
        let mut worst = Duration::ZERO; while let Some(w) = set.join_next().await { worst = worst.max(w.unwrap()); }
        let e = t.elapsed().as_secs_f64(); let st = s.stats().await.unwrap(); let b = st.batches - before.batches;
        println!("task={task} callers={tasks} ops/commit={per}: {:.0} rows/s insert+finish, {:.0} commits/s, {b} batches, {:.2} ms/batch, worst pair {worst:?}, cpu/row {:.1} us live {} disk {} MiB rss {}", n as f64 / e, 2.0 * n as f64 / per as f64 / e, e * 1000.0 / b as f64, (cpu() - c) * 1e6 / n as f64, st.live_rows, st.disk_bytes >> 20, rss());
    }
    // backlog
    let n = 500_000u64; let base = 900_000_000u64; let t = Instant::now();
    for i in (0..n).step_by(500) { let hs: Vec<_> = (i..i + 500).map(|j| head(base + j, false)).collect(); commit(&s, lease, hs.iter().map(|h| ins(h, &p)).collect()).await; }
    let st = s.stats().await.unwrap(); println!("backlog of {n} x 1 KiB: {:.0} rows/s live {} disk {} MiB rss {} hwm {}", n as f64 / t.elapsed().as_secs_f64(), st.live_rows, st.disk_bytes >> 20, rss(), hwm());
    s.close().await.unwrap(); drop(s); let t = Instant::now(); let s = Arc::new(FjallStore::open(FjallConfig::new(&dir)).unwrap()); println!("reopen with backlog {:?}", t.elapsed());
    let lease = s.acquire(&NodeId("n".into()), ShardId(0)).await.unwrap().unwrap();
    let mut after = (Timestamp::MIN, InvKey::MIN); let t = Instant::now(); let (mut th, mut tb, mut tc) = (Duration::ZERO, Duration::ZERO, Duration::ZERO); let mut done = 0;
    loop { let t1 = Instant::now(); let page = s.heads(ShardId(0), LaneId::Function(FnId(1)), after, 512).await.unwrap(); th += t1.elapsed(); let Some(l) = page.heads.last() else { break }; after = (l.due, l.key);
        let w: Vec<_> = page.heads.iter().map(BytesWanted::from).collect(); let t1 = Instant::now(); let b = s.bytes(&w).await.unwrap(); tb += t1.elapsed(); assert!(b.iter().all(|b| b.payload.as_ref().unwrap().len() == 1024)); done += w.len();
        let t1 = Instant::now(); commit(&s, lease, page.heads.iter().map(fin).collect()).await; tc += t1.elapsed(); }
    println!("drain: {done} rows {:.0}/s heads {th:?} bytes {tb:?} commits {tc:?} rss {} hwm {}", done as f64 / t.elapsed().as_secs_f64(), rss(), hwm());
    let h = head(base, false); let t = Instant::now(); for _ in 0..2000 { s.head(h.key).await.unwrap(); } println!("head() of an absent row {:?}", t.elapsed() / 2000);
    let t = Instant::now(); let mut last = 0; while t.elapsed() < Duration::from_secs(20) { tokio::time::sleep(Duration::from_millis(500)).await; let d = s.stats().await.unwrap().disk_bytes; if d != last { println!("  idle {:?}: disk {:.1} MiB rss {}", t.elapsed(), d as f64 / 1048576.0, rss()); last = d; } }
    s.close().await.unwrap(); drop(s); let t = Instant::now(); let s = FjallStore::open(FjallConfig::new(&dir)).unwrap(); println!("reopen empty {:?} live {}", t.elapsed(), s.stats().await.unwrap().live_rows); s.close().await.unwrap();
}
