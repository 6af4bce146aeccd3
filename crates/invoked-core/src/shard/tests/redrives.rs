//! A callback that was given up becomes a live row again, in one write, and is counted apart.

use super::*;
use crate::arn::SinkKind;
use crate::sweep::{SweepAction, SweepPage};

const QUEUE: &str = "acs:mns:::/queues/q/messages";

fn given_up(bench: &mut Bench) -> Box<KeptCallback> {
    let key = bench.running();
    bench.ended(key, 1, Verdict::Succeeded);
    bench.durable();
    refused(bench, key)
}

/// The try under way is refused for good; what is kept of it.
fn refused(bench: &mut Bench, key: InvKey) -> Box<KeptCallback> {
    let error = Fault::new("QueueNotExist", "no such queue", 404);
    let verdict = CallVerdict::Permanent { error };
    let words = bench.step(Input::CallEnded { key, tried: Attempt(1), verdict });
    assert_eq!(words, ["finish Succeeded, callback kept"]);
    let RowOp::Finish { failed_callback, .. } = &bench.commits[0].1.ops[0] else { panic!() };
    let kept = failed_callback.clone().unwrap();
    bench.durable();
    kept
}

fn redrive(bench: &mut Bench, key: InvKey) -> Vec<String> {
    bench.step(Input::Redrive { key, by: "night-shift".into(), reply: ReplyId(9) })
}

fn found(kept: &KeptCallback, record: Option<Head>) -> Option<Box<FoundCallback>> {
    Some(Box::new(FoundCallback { kept: kept.clone(), record, destination: FnId(9) }))
}

#[test]
fn a_redrive_is_durable_before_anybody_is_told() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let kept = given_up(&mut bench);
    let key = kept.key;
    assert_eq!(redrive(&mut bench, key), ["load kept"]);
    assert_eq!(redrive(&mut bench, key), ["redrive Err(UnderWay)"], "one at a time");
    let words = bench.step(Input::KeptLoaded { key, found: found(&kept, None) });
    assert_eq!(words, ["redrive Succeeded+callback"]);
    let RowOp::Redrive { head, envelope, failed_at } = &bench.commits[0].1.ops[0] else { panic!() };
    assert_eq!((envelope, *failed_at), (&kept.envelope, kept.failed_at));
    assert_eq!(head.slot(), Slot { lane: LaneId::Destination(FnId(9)), due: bench.now });
    assert_eq!(redrive(&mut bench, key), ["redrive Err(UnderWay)"]);
    assert_eq!(bench.durable(), ["redrive Ok(())", format!("call 1 {QUEUE}").as_str()]);
    let verdict = CallVerdict::Delivered { message_id: Some("m-1".into()) };
    let words = bench.step(Input::CallEnded { key, tried: Attempt(1), verdict });
    assert_eq!(words, ["finish Succeeded"]);
    bench.durable();
    assert!(bench.core.is_idle());
    assert_eq!(bench.core.view(bench.now).rows, 0);
    for (metric, count) in [
        (Metric::Accepted, 1),
        (Metric::Ended(Outcome::Succeeded), 1),
        (Metric::CallbackFailed(SinkKind::Mns), 1),
        (Metric::CallbackDelivered(SinkKind::Mns), 0),
        (Metric::Redriven(SinkKind::Mns), 1),
        (Metric::RedriveDelivered(SinkKind::Mns), 1),
        (Metric::RedriveFailed(SinkKind::Mns), 0),
    ] {
        assert_eq!(bench.total(WORK, metric), count, "{metric:?}");
    }
}

#[test]
fn one_that_fails_again_is_kept_with_what_came_of_it() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let first = given_up(&mut bench);
    let key = first.key;
    bench.pass(5_000);
    redrive(&mut bench, key);
    bench.step(Input::KeptLoaded { key, found: found(&first, None) });
    bench.durable();
    let again = refused(&mut bench, key);
    let redrives = again.redrives.clone().unwrap();
    assert_eq!((redrives.count(), redrives.recent().len()), (1, 1));
    assert_eq!(&*redrives.recent()[0].by, "night-shift");
    let end = redrives.recent()[0].end.clone().unwrap();
    assert_eq!((end.tried, end.code.as_deref()), (Attempt(1), Some("QueueNotExist")));
    let same = KeptCallback {
        failed_at: first.failed_at,
        first_at: first.first_at,
        redrives: None,
        ..(*again).clone()
    };
    assert_eq!(same, *first, "it can be sent anew as before");
    assert_eq!(bench.total(WORK, Metric::RedriveFailed(SinkKind::Mns)), 1);
    assert_eq!(bench.total(WORK, Metric::CallbackFailed(SinkKind::Mns)), 1);
}

#[test]
fn its_schedule_begins_anew_and_its_message_is_read_again() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let kept = given_up(&mut bench);
    bench.core.config.payload_cache_bytes = 0;
    let key = kept.key;
    bench.pass(3_600_000);
    redrive(&mut bench, key);
    bench.step(Input::KeptLoaded { key, found: found(&kept, None) });
    assert_eq!(bench.durable(), ["redrive Ok(())", "load bytes"]);
    let message = Some(kept.envelope.clone());
    let loaded = LoadedBytes { key, payload: message, result: None };
    let mut effects = vec![];
    bench.core.step(Input::BytesLoaded(vec![loaded]), bench.now);
    bench.core.flush(bench.now, &mut effects);
    let Some(Effect::Call(call)) = effects.first() else { panic!("{effects:?}") };
    assert_eq!((&call.envelope, call.tried), (&kept.envelope, Attempt(1)));
    let error = Fault::new("Unreachable", "no", 0);
    let verdict = CallVerdict::Retry { error, retry_after: None };
    bench.step(Input::CallEnded { key, tried: Attempt(1), verdict });
    bench.durable();
    assert_eq!(bench.pass(499), [""; 0]);
    assert_eq!(bench.pass(51), ["load bytes"], "half a second after the first try");
}

#[test]
fn a_message_that_is_gone_is_not_sent_empty() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let kept = given_up(&mut bench);
    bench.core.config.payload_cache_bytes = 0;
    let key = kept.key;
    redrive(&mut bench, key);
    bench.step(Input::KeptLoaded { key, found: found(&kept, None) });
    bench.durable();
    let loaded = LoadedBytes { key, payload: None, result: None };
    let words = bench.step(Input::BytesLoaded(vec![loaded]));
    assert_eq!(words.last().unwrap(), "finish Succeeded, callback kept");
    bench.durable();
    assert!(bench.core.is_idle());
}

#[test]
fn what_cannot_be_redriven_says_why() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let kept = given_up(&mut bench);
    let key = kept.key;
    redrive(&mut bench, key);
    let words = bench.step(Input::KeptLoaded { key, found: None });
    assert_eq!(words, ["redrive Err(NotFound)"]);

    // A newer task has the id.
    redrive(&mut bench, key);
    let mut newer = stored_head(&mut bench, Life::Enqueued);
    newer.key = key;
    let words = bench.step(Input::KeptLoaded { key, found: found(&kept, Some(newer)) });
    assert_eq!(words, ["redrive Err(Replaced)"]);

    bench.step(Input::Drain);
    assert_eq!(redrive(&mut bench, key), ["redrive Err(Draining)"]);
    assert!(bench.core.is_idle());
}

#[test]
fn a_record_takes_the_news_of_its_redrive() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let (key, _) = bench.accept(Some("job"));
    bench.step(Input::HeadLoaded { key, head: None, is_kept: false });
    bench.durable();
    bench.ended(key, 1, Verdict::Succeeded);
    bench.durable();
    let error = Fault::new("QueueNotExist", "no such queue", 404);
    let verdict = CallVerdict::Permanent { error };
    bench.step(Input::CallEnded { key, tried: Attempt(1), verdict });
    let RowOp::Finish { head, failed_callback, .. } = bench.commits[0].1.ops[0].clone() else {
        panic!("a finish")
    };
    bench.durable();
    redrive(&mut bench, key);
    bench.step(Input::KeptLoaded { key, found: found(&failed_callback.unwrap(), Some(*head)) });
    bench.durable();
    let verdict = CallVerdict::Delivered { message_id: Some("m-7".into()) };
    bench.step(Input::CallEnded { key, tried: Attempt(1), verdict });
    let RowOp::Finish { head, .. } = &bench.commits[0].1.ops[0] else { panic!("a finish") };
    assert!(head.leaves_record());
    assert_eq!(head.task.as_ref().unwrap().id.as_str(), "job");
    let delivered =
        Callback::Delivered { tried: Attempt(1), at: bench.now, message_id: Some("m-7".into()) };
    assert_eq!(head.callback, delivered);
    assert_eq!(head.redrives.as_ref().unwrap().recent()[0].end.as_ref().unwrap().code, None);
}

#[test]
fn a_purge_leaves_alone_what_was_sent_anew_after_it_began() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let kept = given_up(&mut bench);
    let key = kept.key;
    let began = bench.now;
    bench.core.config.callbacks_max = 0;
    bench.pass(1_000);
    redrive(&mut bench, key);
    bench.step(Input::KeptLoaded { key, found: found(&kept, None) });
    bench.durable();
    let again = bench.now;
    for (upto, action, said) in [
        (began, SweepAction::Count, "swept 0 of 0 of 1, 0 left alone"),
        (began, SweepAction::Purge, "swept 0 of 0 of 1, 0 left alone"),
        (again, SweepAction::Count, "swept 0 of 1 of 1, 0 left alone"),
    ] {
        let lane = LaneId::Destination(FnId(9));
        let (after, filter) = ((Timestamp::MIN, InvKey::MIN), Arc::default());
        let page = SweepPage { lane, after, filter, upto, action, limit: 64 };
        bench.step(Input::Sweep { page, reply: ReplyId(7) });
        let heads = vec![bench.core.rows[&key].head.clone()];
        let words = bench.step(Input::SweepLoaded { reply: ReplyId(7), heads, is_complete: true });
        assert_eq!(words, [said], "{action:?}");
    }
}
