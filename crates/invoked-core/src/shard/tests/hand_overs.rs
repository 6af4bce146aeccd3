//! Functions as destinations: told in the write that settles the callback, and not for ever.

use super::*;

#[test]
fn a_function_of_ours_is_told_in_the_same_write() {
    let mut bench = Bench::new(to("acs:fc:::functions/audit", 9));
    let key = bench.running();
    assert_eq!(bench.ended(key, 1, Verdict::Succeeded), ["insert Enqueued", "finish Succeeded"]);
    let child = bench.commits[0].1.ops[0].head().clone();
    assert_eq!((child.fn_id, child.depth), (AUDIT, 1));
    let RowOp::Finish { head, .. } = &bench.commits[0].1.ops[1] else { panic!("a finish") };
    let Callback::Delivered { message_id, .. } = &head.callback else { panic!("delivered") };
    assert_eq!(message_id.as_deref(), Some(&*child.request_id.to_string()));
    assert_eq!(bench.durable(), ["dispatch 1"], "the child runs");
    assert_eq!(bench.total(AUDIT, Metric::Accepted), 1);
    assert_eq!(bench.total(WORK, Metric::CallbackDelivered(crate::arn::SinkKind::Fc)), 1);
}

#[test]
fn a_chain_that_is_too_deep_is_a_failed_callback() {
    // A function of this daemon and one elsewhere; a queue is not a link of a chain.
    for (arn, is_cut) in [
        ("acs:fc:::functions/audit", true),
        ("acs:fc:cn-far:7:functions/audit", true),
        ("acs:mns:::/queues/q/messages", false),
    ] {
        let mut bench = Bench::new(to(arn, 9));
        let mut request = bench.request(None);
        request.depth = crate::limits::LINEAGE_DEPTH_MAX;
        let key = request.key;
        bench.step(Input::Accept { request, reply: ReplyId(1) });
        bench.durable();
        let words = bench.ended(key, 1, Verdict::Succeeded);
        let words = [words, bench.durable()].concat();
        assert_eq!(
            words.contains(&String::from("finish Succeeded, callback kept")),
            is_cut,
            "{words:?}"
        );
        assert_eq!(words.iter().any(|word| word.starts_with("call ")), !is_cut, "{words:?}");
    }
}

#[test]
fn a_message_too_large_for_a_function_is_a_failed_callback() {
    let mut bench = Bench::new(to("acs:fc:::functions/audit", 9));
    let key = bench.running();
    let result = Bytes::from(vec![b'x'; crate::limits::FUNCTION_ENVELOPE_MAX]);
    let (attempt, verdict, fault) = (Attempt(1), Verdict::Succeeded, None);
    let words = bench.step(Input::AttemptEnded(AttemptReport {
        key,
        attempt,
        verdict,
        fault,
        is_timeout: false,
        result,
    }));
    assert_eq!(words, ["finish Succeeded, callback kept"]);
}
