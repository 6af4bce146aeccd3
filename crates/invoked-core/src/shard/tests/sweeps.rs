//! Sweeps: a page of a lane, and each row of it as it stands in memory or in the store.

use super::*;
use crate::arn::SinkKind;
use crate::sweep::{SweepAction, SweepFilter, SweepPage};
use crate::totals::Gauge;

const QUEUE: &str = "acs:mns:::/queues/q/messages";
const OUTLET: LaneId = LaneId::Destination(FnId(9));
const BEGIN: crate::lane::Position = (Timestamp::MIN, InvKey::MIN);

fn page(bench: &Bench, lane: LaneId, action: SweepAction) -> SweepPage {
    let filter = Arc::new(SweepFilter::default());
    SweepPage { lane, after: BEGIN, filter, upto: bench.now, action, limit: 1_024 }
}

fn sweep(bench: &mut Bench, action: SweepAction) -> Vec<String> {
    let page = page(bench, LaneId::Function(WORK), action);
    bench.step(Input::Sweep { page, reply: ReplyId(7) })
}

fn loaded(bench: &mut Bench, heads: Vec<Head>) -> Vec<String> {
    bench.step(Input::SweepLoaded { reply: ReplyId(7), heads, is_complete: true })
}

/// A row that the store has and nobody here.
fn stored(bench: &mut Bench, life: Life) -> Head {
    let mut request = bench.request(None);
    request.delay = Duration::from_secs(9);
    let key = request.key;
    bench.step(Input::Accept { request, reply: ReplyId(1) });
    bench.durable();
    let mut head = bench.core.rows.remove(&key).unwrap().head;
    bench.core.lanes.remove(LaneId::Function(WORK), (head.due, key), bench.now);
    bench.core.expiries.remove(&(head.expires_at, key));
    head.life = life;
    head
}

/// Accepted and durable, and held back by a function without slots.
fn waiting(bench: &mut Bench) -> InvKey {
    let mut request = bench.request(None);
    request.delay = Duration::from_secs(9);
    let key = request.key;
    bench.step(Input::Accept { request, reply: ReplyId(1) });
    bench.durable();
    key
}

fn head_of(bench: &Bench, key: InvKey) -> Head {
    bench.core.rows[&key].head.clone()
}

#[test]
fn a_purge_ends_what_waits_and_tells_nobody() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let here = waiting(&mut bench);
    let elsewhere = stored(&mut bench, Life::Retrying { failed: Attempt(1) });
    let running = bench.running();
    assert_eq!(sweep(&mut bench, SweepAction::Purge), ["load sweep 1024"]);
    let heads = vec![head_of(&bench, here), elsewhere, head_of(&bench, running)];
    assert_eq!(loaded(&mut bench, heads), ["finish Stopped", "finish Stopped"]);
    for op in &bench.commits[0].1.ops {
        let head = op.head();
        assert!(head.is_purged() && !head.leaves_record(), "{head:?}");
        assert_eq!(crate::invariant::outcome_with_callback(head), Ok(()));
    }
    assert_eq!(bench.durable(), ["swept 2 of 3 of 3, 1 left alone"]);
    assert_eq!(bench.core.view(bench.now).rows, 1, "what runs goes on");
    assert_eq!(bench.total(WORK, Metric::Ended(Outcome::Stopped)), 2);
    assert_eq!(crate::invariant::every_202_has_a_fate(bench.core.totals(), WORK, 1), Ok(()));
    bench.ended(running, 1, Verdict::Succeeded);
}

#[test]
fn a_purged_task_leaves_its_record_and_says_why() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let mut head = stored(&mut bench, Life::Enqueued);
    let history = crate::history::History::default();
    head.task = Some(crate::head::Task { id: TaskId::trusted("t-1"), history });
    sweep(&mut bench, SweepAction::Purge);
    assert_eq!(loaded(&mut bench, vec![head]), ["finish Stopped"]);
    let head = bench.commits[0].1.ops[0].head();
    assert!(head.leaves_record());
    assert_eq!(&*head.fault.as_ref().unwrap().code, "Purged");
    assert_eq!(head.callback, Callback::None);
}

#[test]
fn a_stop_does_what_their_owner_would() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let here = waiting(&mut bench);
    let running = bench.running();
    let lost = stored(&mut bench, Life::Running { attempt: Attempt(1), since: at(1) });
    sweep(&mut bench, SweepAction::Stop);
    let heads = vec![head_of(&bench, here), head_of(&bench, running), lost];
    assert_eq!(
        loaded(&mut bench, heads),
        ["update Stopped+callback", "update Stopping", "update Stopping"]
    );
    assert_eq!(bench.total(WORK, Metric::Now(Gauge::Stopping)), 2);
    let words = bench.durable();
    let call = format!("call 1 {QUEUE}");
    assert!(words.contains(&"swept 3 of 3 of 3, 0 left alone".to_string()), "{words:?}");
    assert!(words.contains(&"cancel 1".to_string()) && words.contains(&call), "{words:?}");
    assert!(words.contains(&"update Stopped+callback".to_string()), "its attempt never left");
    assert_eq!(
        bench.ended(running, 1, Verdict::Refused),
        ["update Stopped+callback"],
        "whatever the attempt came to"
    );
}

#[test]
fn what_has_changed_since_the_read_is_not_what_the_page_shows() {
    let mut bench = Bench::new(None);
    let key = bench.running();
    let as_read = head_of(&bench, key);
    sweep(&mut bench, SweepAction::Purge);
    bench.ended(key, 1, Verdict::Succeeded);
    bench.durable();
    assert!(bench.core.rows.is_empty());
    let mut stale = as_read;
    stale.life = Life::Enqueued;
    assert_eq!(loaded(&mut bench, vec![stale]), ["swept 0 of 0 of 1, 0 left alone"]);
    assert_eq!(bench.total(WORK, Metric::Ended(Outcome::Stopped)), 0);
}

#[test]
fn a_commit_under_way_is_waited_for() {
    let mut bench = Bench::new(None);
    let key = bench.running();
    let as_read = head_of(&bench, key);
    sweep(&mut bench, SweepAction::Purge);
    assert_eq!(bench.ended(key, 1, Verdict::FunctionError), ["update Retrying"]);
    assert_eq!(bench.total(WORK, Metric::Now(Gauge::Retrying)), 1);
    assert_eq!(loaded(&mut bench, vec![as_read]), [""; 0]);
    assert_eq!(bench.durable(), ["finish Stopped"]);
    assert_eq!(bench.durable(), ["swept 1 of 1 of 1, 0 left alone"]);
    assert_eq!(bench.total(WORK, Metric::Now(Gauge::Retrying)), 0);
    assert!(bench.core.is_idle());
}

#[test]
fn only_what_was_there_when_it_began_is_swept_and_a_page_moves_no_more_than_it_may() {
    let mut bench = Bench::new(None);
    let first = stored(&mut bench, Life::Enqueued);
    let second = stored(&mut bench, Life::Enqueued);
    let mut later = stored(&mut bench, Life::Enqueued);
    later.accepted_at = bench.now.plus(Duration::from_millis(1));
    let begun = SweepPage { limit: 1, ..page(&bench, LaneId::Function(WORK), SweepAction::Purge) };
    bench.step(Input::Sweep { page: begun, reply: ReplyId(7) });
    let heads = vec![later, first, second];
    assert_eq!(loaded(&mut bench, heads), ["finish Stopped"]);
    assert_eq!(bench.durable(), ["swept 1 of 1 of 2, 0 left alone, more"]);
}

#[test]
fn counting_changes_nothing() {
    let mut bench = Bench::new(None);
    let head = stored(&mut bench, Life::Enqueued);
    sweep(&mut bench, SweepAction::Count);
    assert_eq!(loaded(&mut bench, vec![head]), ["swept 0 of 1 of 1, 0 left alone"]);
    assert!(bench.commits.is_empty() && bench.core.is_idle());
}

#[test]
fn a_page_that_finds_no_room_goes_on_when_there_is_some() {
    let mut bench = Bench::new(None);
    let heads: Vec<_> = (0..3).map(|_| stored(&mut bench, Life::Enqueued)).collect();
    bench.core.config.ops_max = 2;
    sweep(&mut bench, SweepAction::Purge);
    assert_eq!(loaded(&mut bench, heads), ["finish Stopped"; 2]);
    assert_eq!(bench.durable(), ["finish Stopped"]);
    assert_eq!(bench.durable(), ["swept 3 of 3 of 3, 0 left alone"]);
}

#[test]
fn a_drain_ends_a_sweep() {
    let mut bench = Bench::new(None);
    let head = stored(&mut bench, Life::Enqueued);
    sweep(&mut bench, SweepAction::Purge);
    assert_eq!(bench.step(Input::Drain), ["sweep Draining"]);
    assert_eq!(loaded(&mut bench, vec![head]), [""; 0]);
    assert_eq!(sweep(&mut bench, SweepAction::Purge), ["sweep Draining"]);
}

#[test]
fn a_destinations_purge_gives_up_and_keeps_the_message() {
    let mut bench = Bench::new(to(QUEUE, 9));
    bench.core.config.callbacks_max = 1;
    let calling = bench.running();
    let waits = bench.running();
    bench.ended(calling, 1, Verdict::Succeeded);
    assert_eq!(bench.durable(), [format!("call 1 {QUEUE}")]);
    bench.ended(waits, 1, Verdict::Succeeded);
    bench.durable();
    assert_eq!(bench.total(FnId(9), Metric::Now(Gauge::CallbacksOwed)), 2);
    let heads: Vec<_> = [calling, waits].map(|key| head_of(&bench, key)).into();
    // Its message is not at hand.
    let row = bench.core.rows.get_mut(&waits).unwrap();
    row.payload = None;
    let begun = page(&bench, OUTLET, SweepAction::Purge);
    assert_eq!(bench.step(Input::Sweep { page: begun, reply: ReplyId(7) }), ["load sweep 64"]);
    assert_eq!(loaded(&mut bench, heads), ["load bytes"]);
    let payload = Some(Bytes::from_static(b"{}"));
    let bytes = vec![LoadedBytes { key: waits, payload, result: None }];
    assert_eq!(bench.step(Input::BytesLoaded(bytes)), ["finish Succeeded, callback kept"]);
    let RowOp::Finish { failed_callback, .. } = &bench.commits[0].1.ops[0] else { panic!() };
    let kept = failed_callback.as_ref().unwrap();
    assert_eq!(kept.error, Fault::purged());
    assert!(!kept.envelope.is_empty());
    assert_eq!(bench.durable(), ["swept 1 of 2 of 2, 1 left alone"]);
    assert_eq!(bench.total(WORK, Metric::CallbackFailed(SinkKind::Mns)), 1);
    assert_eq!(bench.total(FnId(9), Metric::Now(Gauge::CallbacksOwed)), 1);
    let verdict = CallVerdict::Delivered { message_id: None };
    bench.step(Input::CallEnded { key: calling, tried: Attempt(1), verdict });
    bench.durable();
    assert_eq!(bench.total(FnId(9), Metric::Now(Gauge::CallbacksOwed)), 0);
}

#[test]
fn a_retry_whose_page_is_done_again_is_the_same_invocation() {
    let mut bench = Bench::new(None);
    let mut request = bench.request(None);
    request.retry_of = Some(TaskId::trusted("t-1"));
    let again = request.clone();
    let words = bench.step(Input::Accept { request, reply: ReplyId(1) });
    assert_eq!(words, ["load head"], "it may be there already");
    let key = again.key;
    let words = bench.step(Input::HeadLoaded { key, head: None, is_kept: false });
    assert_eq!(words, ["insert Enqueued"]);
    bench.durable();
    let words = bench.step(Input::Accept { request: again, reply: ReplyId(2) });
    assert_eq!(words, ["accepted"]);
    assert_eq!(bench.total(WORK, Metric::Accepted), 1);
}
