//! A place in a trace goes where the invocation goes.

use super::*;
use crate::trace::TraceContext;

fn trace() -> Option<Arc<TraceContext>> {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    TraceContext::parse(parent, Some("a=1")).map(Arc::new)
}

/// With the function, as part of a trace.
fn running(bench: &mut Bench) -> InvKey {
    let request = AcceptRequest { trace: trace(), ..bench.request(None) };
    let key = request.key;
    bench.step(Input::Accept { request, reply: ReplyId(1) });
    assert_eq!(bench.commits[0].1.ops[0].head().trace, trace());
    assert_eq!(bench.durable(), ["accepted", "dispatch 1"]);
    key
}

#[test]
fn whoever_is_told_in_the_same_write_goes_on_with_it() {
    let mut bench = Bench::new(to("acs:fc:::functions/audit", 9));
    let key = running(&mut bench);
    bench.ended(key, 1, Verdict::Succeeded);
    assert_eq!(bench.commits[0].1.ops[0].head().fn_id, AUDIT);
    assert_eq!(bench.commits[0].1.ops[0].head().trace, trace());
}

#[test]
fn a_callback_that_is_given_up_keeps_it_for_its_redrive() {
    let mut bench = Bench::new(to("acs:mns:::/queues/q/messages", 9));
    let key = running(&mut bench);
    bench.ended(key, 1, Verdict::Succeeded);
    bench.durable();
    let error = Fault::new("QueueNotExist", "no such queue", 404);
    let verdict = CallVerdict::Permanent { error };
    bench.step(Input::CallEnded { key, tried: Attempt(1), verdict });
    let RowOp::Finish { failed_callback, .. } = &bench.commits[0].1.ops[0] else { panic!() };
    let kept = failed_callback.clone().unwrap();
    assert_eq!(kept.trace, trace());
    bench.durable();

    bench.step(Input::Redrive { key, by: "night-shift".into(), reply: ReplyId(9) });
    let found = FoundCallback { kept: *kept, record: None, destination: FnId(9) };
    bench.step(Input::KeptLoaded { key, found: Some(Box::new(found)) });
    assert_eq!(bench.commits[0].1.ops[0].head().trace, trace());
}
