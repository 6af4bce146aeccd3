//! A function is held to its role whenever it has something to tell, and in one place.

use super::*;
use crate::arn::SinkKind;
use crate::role::Roles;

/// The same functions, with a role that allows nothing.
fn with_role(directory: &Directory) -> Arc<Directory> {
    let role = Roles::new([], true).of("nobody");
    let held = |function: &Arc<Function>| {
        Arc::new(Function { role: role.clone(), ..(**function).clone() })
    };
    let functions: Vec<_> = directory.iter().map(held).collect();
    Arc::new(Directory::new(directory.identity.clone(), functions, Arc::default()))
}

#[test]
fn what_a_role_does_not_allow_is_a_failed_callback() {
    for (destination, kind) in [
        ("acs:fc:::functions/audit", SinkKind::Fc),
        ("acs:mns:::/queues/q/messages", SinkKind::Mns),
    ] {
        let mut bench = Bench::new(to(destination, 9));
        let key = bench.running();
        bench.step(Input::Directory(with_role(&bench.core.directory)));
        let told = bench.ended(key, 1, Verdict::Succeeded);
        assert_eq!(told, ["finish Succeeded, callback kept"], "{destination}");
        let RowOp::Finish { head, .. } = &bench.commits[0].1.ops[0] else { panic!("a finish") };
        let Callback::Failed { error, .. } = &head.callback else { panic!("failed") };
        assert_eq!((&*error.code, error.status), ("AccessDenied", 403));
        bench.durable();
        assert_eq!(bench.total(WORK, Metric::CallbackFailed(kind)), 1);
        assert!(bench.core.is_idle());
    }
}

#[test]
fn a_role_that_is_taken_away_stops_what_is_tried_again() {
    let mut bench = Bench::new(to("acs:mns:::/queues/q/messages", 9));
    let key = bench.running();
    bench.ended(key, 1, Verdict::Succeeded);
    bench.durable();
    let error = Fault::new("Unreachable", "no", 0);
    let verdict = CallVerdict::Retry { error, retry_after: None };
    bench.step(Input::CallEnded { key, tried: Attempt(1), verdict });
    bench.durable();
    bench.step(Input::Directory(with_role(&bench.core.directory)));
    assert_eq!(bench.pass(1_000), ["finish Succeeded, callback kept"]);
    bench.durable();
    assert!(bench.core.is_idle(), "its slot is free again");
}
