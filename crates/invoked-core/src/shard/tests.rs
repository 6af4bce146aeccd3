//! Exact outputs of a shard: one input, the whole list of what comes out, nothing left over.

use super::*;
use crate::arn::Arn;
use crate::callback::{CallVerdict, Callback};
use crate::directory::{Function, FunctionKind, Prepared, TaskMode};
use crate::envelope::Identity;
use crate::fault::Fault;
use crate::head::{Head, Status};
use crate::id::{Attempt, FnId, RequestId};
use crate::life::{Life, Outcome, Verdict};
use crate::name::{FunctionName, Qualifier, TaskId};
use crate::qualifiers::Limits;
use crate::terms::{Destination, Terms};
use crate::totals::{Metric, TotalKey};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use bytes::Bytes;

mod ahead;
mod breakers;
mod config;
mod hand_overs;
mod inlets;
mod pauses;
mod qualifiers;
mod redrives;
mod roles;
mod sweeps;
mod traces;

const WORK: FnId = FnId(1);
const AUDIT: FnId = FnId(2);

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn to(text: &str, id: u32) -> Option<Destination> {
    Some(Destination { arn: Arn::parse(text).unwrap(), id: FnId(id) })
}

fn function(id: FnId, name: &str, destination: Option<Destination>) -> Arc<Function> {
    let terms = Terms {
        on_success: destination.clone(),
        on_failure: destination,
        max_retries: 1,
        ..(*Terms::defaults(Qualifier::LATEST)).clone()
    };
    let prepared = Prepared { terms: Arc::new(terms), task_mode: TaskMode::Off };
    Arc::new(Function {
        id,
        account: "123".into(),
        name: FunctionName::parse(name).unwrap(),
        kind: FunctionKind::Event,
        limits: Limits::default(),
        lanes: BTreeMap::new(),
        paused: false,
        role: None,
        default_retries: 3,
        default_event_age_seconds: 3_600,
        configs: [(Qualifier::LATEST, prepared)].into(),
        changed_at: Timestamp::MIN,
    })
}

fn directory(destination: Option<Destination>) -> Arc<Directory> {
    let identity = Identity { region: "cn-x".into(), account: "123".into() };
    let functions = [function(WORK, "work", destination), function(AUDIT, "audit", None)];
    Arc::new(Directory::new(identity, functions, Arc::default()))
}

fn config() -> ShardConfig {
    ShardConfig {
        shard: ShardId(0),
        retry: RetryPolicy::default(),
        callback: CallbackPolicy::default(),
        breaker: BreakerPolicy::default(),
        function_breaker: BreakerPolicy { failures: 16, ..BreakerPolicy::default() },
        window_max: 100,
        windows_max: 10_000,
        attempts_max: 10,
        callbacks_max: 10,
        function_limit: 10,
        destination_limit: 10,
        payload_cache_bytes: 1_000,
        ops_max: 8_192,
        started_mark_after: Duration::from_secs(2),
        task_mark_after: Duration::from_millis(100),
        defect: None,
    }
}

/// A shard with a store that says "durable" when it is told to.
struct Bench {
    core: ShardCore,
    now: Timestamp,
    commits: Vec<(Ticket, Commit)>,
    random: u64,
}

impl Bench {
    fn new(destination: Option<Destination>) -> Self {
        let now = at(1_000_000);
        let core = ShardCore::new(config(), directory(destination), Totals::default(), &[], now);
        Self { core, now, commits: vec![], random: 0 }
    }

    /// One input; what comes out, a word each. Counting is left out.
    fn step(&mut self, input: Input) -> Vec<String> {
        self.core.step(input, self.now);
        self.turn()
    }

    fn turn(&mut self) -> Vec<String> {
        let mut effects = vec![];
        self.core.flush(self.now, &mut effects);
        let mut words: Vec<_> = effects.iter().filter_map(word).collect();
        if let Some((ticket, commit)) = self.core.take_commit() {
            words.extend(commit.ops.iter().map(op_word));
            self.commits.push((ticket, commit));
        }
        words
    }

    /// The oldest commit is durable.
    fn durable(&mut self) -> Vec<String> {
        let (ticket, _) = self.commits.remove(0);
        self.step(Input::Committed { ticket, conflicts: vec![] })
    }

    fn request(&mut self, task: Option<&str>) -> AcceptRequest {
        self.random += 2;
        let fresh = InvKey::generated(ShardId(0), self.now, self.random);
        let key = match task {
            Some(id) => InvKey::chosen(ShardId(0), "123", "work", id),
            None => fresh,
        };
        let terms = self.core.directory.get(WORK).unwrap().prepared(&Qualifier::LATEST).terms;
        AcceptRequest {
            key,
            request_id: RequestId::from(fresh),
            token: self.random,
            fn_id: WORK,
            terms,
            task: task.map(TaskId::trusted),
            delay: Duration::ZERO,
            depth: 0,
            trace: None,
            retry_of: None,
            payload: Bytes::from_static(b"{}"),
        }
    }

    fn accept(&mut self, task: Option<&str>) -> (InvKey, Vec<String>) {
        let request = self.request(task);
        let key = request.key;
        (key, self.step(Input::Accept { request, reply: ReplyId(1) }))
    }

    /// Accepted, durable, and with the function.
    fn running(&mut self) -> InvKey {
        let (key, _) = self.accept(None);
        assert_eq!(self.durable(), ["accepted", "dispatch 1"]);
        key
    }

    fn ended(&mut self, key: InvKey, attempt: u16, verdict: Verdict) -> Vec<String> {
        let fault =
            (verdict != Verdict::Succeeded).then(|| Fault::new("InvocationError", "x", 200));
        let attempt = Attempt(attempt);
        let result = Bytes::from_static(b"out");
        self.step(Input::AttemptEnded(AttemptReport {
            key,
            attempt,
            verdict,
            fault,
            is_timeout: false,
            result,
        }))
    }

    fn total(&self, fn_id: FnId, metric: Metric) -> u64 {
        let key = TotalKey { fn_id, qualifier: Qualifier::LATEST, metric };
        self.core.totals().value(&key)
    }

    fn pass(&mut self, ms: i64) -> Vec<String> {
        self.now = at(self.now.millis() + ms);
        self.step(Input::Tick)
    }
}

fn word(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::ReplyAccept { result: Ok(_), .. } => "accepted".to_string(),
        Effect::ReplyAccept { result: Err(refused), .. } => format!("refused {refused:?}"),
        Effect::ReplyStop { result, .. } => format!("stop {result:?}"),
        Effect::ReplyRedrive { result, .. } => format!("redrive {result:?}"),
        Effect::LoadKept { .. } => "load kept".to_string(),
        Effect::ReplySweep { result: Ok(swept), .. } => format!(
            "swept {} of {} of {}, {} left alone{}",
            swept.acted,
            swept.matched,
            swept.examined,
            swept.skipped,
            if swept.next.is_some() { ", more" } else { "" }
        ),
        Effect::ReplySweep { result: Err(refused), .. } => format!("sweep {refused:?}"),
        Effect::LoadSweep { limit, .. } => format!("load sweep {limit}"),
        Effect::Dispatch(dispatch) => format!("dispatch {}", dispatch.attempt),
        Effect::CancelAttempt { attempt, .. } => format!("cancel {attempt}"),
        Effect::Call(call) => format!("call {} {}", call.tried, call.destination),
        Effect::LoadHeads(_) => "load heads".to_string(),
        Effect::LoadHead { .. } => "load head".to_string(),
        Effect::ReadBytesAhead { .. } => "read ahead".to_string(),
        Effect::LoadBytes { .. } => "load bytes".to_string(),
        Effect::Note(_) => return None,
        Effect::Alarm(message) => format!("alarm {message}"),
    })
}

fn op_word(op: &RowOp) -> String {
    let status = op.head().status().as_str();
    let owes = if op.head().callback.is_owed() { "+callback" } else { "" };
    match op {
        RowOp::Insert { .. } => format!("insert {status}"),
        RowOp::Redrive { .. } => format!("redrive {status}{owes}"),
        RowOp::Update { .. } => format!("update {status}{owes}"),
        RowOp::Finish { failed_callback: Some(_), .. } => format!("finish {status}, callback kept"),
        RowOp::Finish { .. } => format!("finish {status}"),
    }
}

#[test]
fn effects_follow_commits() {
    let mut bench = Bench::new(None);
    let (key, words) = bench.accept(None);
    assert_eq!(words, ["insert Enqueued"]);
    assert_eq!(bench.turn(), [""; 0], "neither answer nor attempt before the commit is durable");
    assert_eq!(bench.durable(), ["accepted", "dispatch 1"]);
    assert_eq!(bench.ended(key, 1, Verdict::Succeeded), ["finish Succeeded"]);
    assert_eq!(bench.durable(), [""; 0]);
    assert!(bench.core.is_idle());
    assert_eq!(bench.core.view(bench.now).rows, 0);
    assert_eq!(bench.total(WORK, Metric::Accepted), 1);
    assert_eq!(bench.total(WORK, Metric::Ended(Outcome::Succeeded)), 1);
}

#[test]
fn a_retry_waits_until_its_failure_is_durable() {
    let mut bench = Bench::new(None);
    let key = bench.running();
    assert_eq!(bench.ended(key, 1, Verdict::FunctionError), ["update Retrying"]);
    assert_eq!(bench.pass(60_000), [""; 0], "nothing is owed from a tentative state");
    assert_eq!(bench.durable(), ["dispatch 2"]);
    assert_eq!(bench.ended(key, 2, Verdict::FunctionError), ["finish Failed"]);
}

#[test]
fn the_outcome_and_the_callback_it_owes_are_one_write() {
    let mut bench = Bench::new(to("acs:mns:::/queues/q/messages", 9));
    let key = bench.running();
    assert_eq!(bench.ended(key, 1, Verdict::Succeeded), ["update Succeeded+callback"]);
    assert_eq!(bench.durable(), ["call 1 acs:mns:::/queues/q/messages"]);
    let error = Fault::new("Unreachable", "no", 0);
    let verdict = CallVerdict::Retry { error: error.clone(), retry_after: None };
    let words = bench.step(Input::CallEnded { key, tried: Attempt(1), verdict });
    assert_eq!(words, ["update Succeeded+callback"]);
    assert_eq!(bench.durable(), [""; 0]);
    assert_eq!(bench.pass(1_000), ["call 2 acs:mns:::/queues/q/messages"]);
    let words = bench.step(Input::CallEnded {
        key,
        tried: Attempt(2),
        verdict: CallVerdict::Permanent { error },
    });
    assert_eq!(words, ["finish Succeeded, callback kept"]);
    bench.durable();
    assert_eq!(bench.total(WORK, Metric::CallbackFailed(crate::arn::SinkKind::Mns)), 1);
    assert!(bench.core.is_idle());
}

#[test]
fn a_plain_attempt_is_marked_only_when_it_outlives_two_seconds() {
    let mut bench = Bench::new(None);
    let key = bench.running();
    assert_eq!(bench.pass(1_999), [""; 0]);
    assert_eq!(bench.pass(1), ["update Running"]);
    assert_eq!(bench.ended(key, 1, Verdict::Succeeded), [""; 0], "one commit per row");
    assert_eq!(bench.durable(), ["finish Succeeded"]);
}

#[test]
fn a_task_is_marked_when_it_outlives_a_moment() {
    let mut bench = Bench::new(None);
    let (key, _) = bench.accept(Some("t"));
    bench.step(Input::HeadLoaded { key, head: None, is_kept: false });
    assert_eq!(bench.durable(), ["accepted", "dispatch 1"]);
    assert_eq!(bench.pass(99), [""; 0]);
    assert_eq!(bench.pass(1), ["update Running"]);
    assert_eq!(bench.durable(), [""; 0]);
    assert_eq!(bench.ended(key, 1, Verdict::Succeeded), ["finish Succeeded"]);
}

#[test]
fn a_short_task_has_its_whole_history_and_its_id_is_looked_up_first() {
    let mut bench = Bench::new(None);
    let (key, words) = bench.accept(Some("t"));
    assert_eq!(words, ["load head"]);
    let (_, words) = bench.accept(Some("t"));
    assert_eq!(words, ["refused Duplicate"]);
    let words = bench.step(Input::HeadLoaded { key, head: None, is_kept: false });
    assert_eq!(words, ["insert Enqueued"]);
    assert_eq!(bench.durable(), ["accepted", "dispatch 1"]);
    let (_, words) = bench.accept(Some("t"));
    assert_eq!(words, ["refused Duplicate"]);
    assert_eq!(bench.ended(key, 1, Verdict::Succeeded), ["finish Succeeded"]);
    let RowOp::Finish { head, result, .. } = &bench.commits[0].1.ops[0] else { panic!("a finish") };
    assert_eq!(result.as_deref(), Some(&b"out"[..]));
    let statuses: Vec<_> =
        head.task.as_ref().unwrap().history.events().iter().map(|event| event.status).collect();
    use Status as S;
    assert_eq!(statuses, [S::Enqueued, S::Dequeued, S::Running, S::Succeeded]);
}

#[test]
fn what_waits_is_stopped_at_once() {
    let mut bench = Bench::new(None);
    let mut request = bench.request(None);
    request.delay = Duration::from_secs(60);
    let key = request.key;
    bench.step(Input::Accept { request, reply: ReplyId(1) });
    assert_eq!(bench.durable(), ["accepted"]);
    assert_eq!(bench.step(Input::Stop { key, reply: ReplyId(2) }), ["finish Stopped"]);
    assert_eq!(bench.durable(), ["stop Ok(())"]);
    assert_eq!(bench.pass(60_000), [""; 0]);
}

#[test]
fn a_stop_is_durable_before_the_call_is_cancelled() {
    let mut bench = Bench::new(None);
    let key = bench.running();
    assert_eq!(bench.step(Input::Stop { key, reply: ReplyId(2) }), ["update Stopping"]);
    assert_eq!(bench.durable(), ["cancel 1", "stop Ok(())"]);
    assert_eq!(bench.step(Input::Stop { key, reply: ReplyId(3) }), ["stop Ok(())"]);
    assert_eq!(bench.ended(key, 1, Verdict::Succeeded), ["finish Stopped"]);
    assert_eq!(bench.step(Input::Stop { key, reply: ReplyId(4) }), ["stop Err(Ended)"]);
}

#[test]
fn a_row_that_is_not_in_memory_is_fetched_to_be_stopped() {
    let mut bench = Bench::new(None);
    let stored = stored_head(&mut bench, Life::Retrying { failed: Attempt(1) });
    let key = stored.key;
    assert_eq!(bench.step(Input::Stop { key, reply: ReplyId(2) }), ["load head"]);
    let head = Some(Box::new(stored));
    let words = bench.step(Input::HeadLoaded { key, head, is_kept: false });
    assert_eq!(words, ["finish Stopped"]);
    assert_eq!(bench.step(Input::Stop { key: InvKey::MAX, reply: ReplyId(3) }), ["load head"]);
    let words = bench.step(Input::HeadLoaded { key: InvKey::MAX, head: None, is_kept: false });
    assert_eq!(words, ["stop Err(NotFound)"]);
}

fn stored_head(bench: &mut Bench, life: Life) -> Head {
    let request = bench.request(None);
    let mut head = crate::head::tests::head();
    head.key = request.key;
    head.request_id = request.request_id;
    head.terms = request.terms;
    head.expires_at = at(i64::MAX);
    head.attempts = life.last_attempt().unwrap_or_default();
    head.life = life;
    head
}

#[test]
fn a_restart_takes_up_what_is_due_and_counts_lost_attempts() {
    let mut bench = Bench::new(None);
    let lane = LaneId::Function(WORK);
    bench.core = ShardCore::new(config(), directory(None), Totals::default(), &[lane], bench.now);
    assert_eq!(bench.turn(), ["load heads"]);
    let heads = vec![
        stored_head(&mut bench, Life::Enqueued),
        stored_head(&mut bench, Life::Running { attempt: Attempt(1), since: at(5) }),
        stored_head(&mut bench, Life::Stopping { attempt: Attempt(2) }),
    ];
    let words = bench.step(Input::HeadsLoaded { lane, heads, is_complete: true });
    assert_eq!(words, ["read ahead", "update Retrying", "finish Stopped"]);
    let key = bench.core.rows.keys().next().copied().unwrap();
    let payload = Some(Bytes::from_static(b"{}"));
    let loaded = vec![LoadedBytes { key, payload, result: None }];
    assert_eq!(bench.step(Input::BytesReadAhead(loaded)), ["dispatch 1"]);
}

#[test]
fn payloads_beyond_the_cache_are_read_again() {
    let mut bench = Bench::new(None);
    bench.core.config.payload_cache_bytes = 1;
    let (key, _) = bench.accept(None);
    assert_eq!(bench.durable(), ["accepted", "load bytes"]);
    let lost = vec![LoadedBytes { key, payload: None, result: None }];
    let words = bench.step(Input::BytesLoaded(lost));
    assert_eq!(words, [format!("alarm the payload of {key:?} is missing"), "finish Failed".into()]);
}

#[test]
fn what_waits_for_a_deleted_function_becomes_invalid() {
    let mut bench = Bench::new(None);
    let mut request = bench.request(None);
    request.delay = Duration::from_secs(3_000);
    bench.step(Input::Accept { request, reply: ReplyId(1) });
    bench.durable();
    let identity = bench.core.directory.identity.clone();
    let words =
        bench.step(Input::Directory(Arc::new(Directory::new(identity, [], Arc::default()))));
    assert_eq!(words, ["finish Invalid"]);
    let (_, words) = {
        let mut request = stored_request();
        request.fn_id = WORK;
        (request.key, bench.step(Input::Accept { request, reply: ReplyId(2) }))
    };
    assert_eq!(words, ["refused NoFunction"]);
}

fn stored_request() -> AcceptRequest {
    Bench::new(None).request(None)
}

#[test]
fn a_blocked_row_expires_on_time() {
    let mut bench = Bench::new(None);
    bench.core.config.attempts_max = 0;
    bench.accept(None);
    bench.durable();
    let age = Duration::from_secs(u64::from(crate::limits::EVENT_AGE_SECONDS_DEFAULT));
    assert_eq!(bench.core.next_wakeup(bench.now), Some(bench.now.plus(age)));
    assert_eq!(bench.pass(i64::try_from(age.as_millis()).unwrap()), ["finish Expired"]);
}

#[test]
fn a_row_whose_payload_comes_too_late_expires_and_gives_its_slot_back() {
    let mut bench = Bench::new(None);
    bench.core.config.payload_cache_bytes = 1;
    let (key, _) = bench.accept(None);
    assert_eq!(bench.durable(), ["accepted", "load bytes"]);
    bench.now = bench.now.plus(Duration::from_secs(86_400));
    let payload = Some(Bytes::from_static(b"{}"));
    let loaded = vec![LoadedBytes { key, payload, result: None }];
    assert_eq!(bench.step(Input::BytesLoaded(loaded)), ["finish Expired"]);
    let RowOp::Finish { head, .. } = &bench.commits[0].1.ops[0] else { panic!("a finish") };
    assert_eq!(head.attempts, Attempt::NONE);
    bench.durable();
    assert!(bench.core.is_idle());
}

#[test]
fn draining_starts_nothing_new() {
    let mut bench = Bench::new(None);
    let key = bench.running();
    let (_, words) = bench.accept(None);
    assert_eq!(words, ["insert Enqueued"]);
    assert_eq!(bench.step(Input::Drain), [""; 0]);
    assert_eq!(bench.durable(), ["accepted"]);
    let (_, words) = bench.accept(None);
    assert_eq!(words, ["refused Draining"]);
    assert_eq!(bench.step(Input::MarkAll), ["update Running"]);
    assert_eq!(bench.durable(), [""; 0]);
    assert_eq!(bench.ended(key, 1, Verdict::Succeeded), ["finish Succeeded"]);
    bench.durable();
    assert!(bench.core.is_idle());
}

#[test]
fn counted_once() {
    let mut bench = Bench::new(to("acs:fc:::functions/audit", 9));
    for verdict in [Verdict::Succeeded, Verdict::Refused, Verdict::Gone] {
        let key = bench.running();
        bench.ended(key, 1, verdict);
        // The child of the hand-over runs and ends too.
        bench.durable();
        if let Some(child) = bench.core.rows.keys().next().copied() {
            bench.ended(child, 1, Verdict::Succeeded);
            bench.durable();
        }
    }
    assert_eq!(bench.total(WORK, Metric::Accepted), 3);
    for (outcome, count) in [
        (Outcome::Succeeded, 1),
        (Outcome::Failed, 1),
        (Outcome::Invalid, 1),
        (Outcome::Stopped, 0),
    ] {
        assert_eq!(bench.total(WORK, Metric::Ended(outcome)), count, "{outcome:?}");
    }
    assert_eq!(bench.total(AUDIT, Metric::Accepted), 2);
    assert_eq!(crate::invariant::every_202_has_a_fate(bench.core.totals(), WORK, 0), Ok(()));
    assert_eq!(crate::invariant::every_202_has_a_fate(bench.core.totals(), AUDIT, 0), Ok(()));
}
