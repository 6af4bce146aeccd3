use super::*;
use invoked_core::directory::FunctionKind;
use invoked_core::name::Qualifier;
use invoked_sink::{NamedBy, StatusRule, TargetAddress, TargetSpec};

fn attempted(attempt: u16) -> Attempted {
    let target = TargetSpec {
        function: FunctionName::parse("hello").unwrap(),
        account: "1".into(),
        region: "local".into(),
        kind: FunctionKind::Event,
        address: TargetAddress::Runtime { url: "http://function".into() },
        named_by: NamedBy::Operator,
        timeout: Duration::from_secs(60),
        status: StatusRule::Header,
        initialize: false,
        handler: "index.handler".into(),
        memory_mb: 128,
    };
    Attempted {
        target: Arc::new(target),
        qualifier: Qualifier::LATEST,
        request_id: RequestId([1; 16]),
        attempt: Attempt(attempt),
        depth: 0,
        trace: None,
        payload: Bytes::from_static(b"event"),
        result_max: 1_024,
    }
}

#[tokio::test(start_paused = true)]
async fn calls_end_as_told_and_are_logged() {
    let function = ScriptedFunction::new(Timeline::starting_at(Timestamp::from_millis(1_000)));
    function.by_default(Script::always(Ending::Succeed).after_times(1, Ending::Fail));
    assert_eq!(function.invoke(&attempted(1)).await.verdict, Verdict::FunctionError);
    assert_eq!(function.invoke(&attempted(2)).await.body, Bytes::from_static(b"event"));
    let log = function.executions_of(RequestId([1; 16]));
    let attempts: Vec<_> = log.iter().map(|execution| execution.attempt.0).collect();
    assert_eq!(attempts, [1, 2]);
    assert_eq!(log[1].ended, Ended::Answered(Verdict::Succeeded));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_ends_with_its_timeout_or_its_cancellation() {
    let function = ScriptedFunction::new(Timeline::starting_at(Timestamp::MIN));
    function.for_payload("event", Script::always(Ending::Hang));
    let given_up =
        tokio::time::timeout(Duration::from_secs(5), function.invoke(&attempted(1))).await;
    assert!(given_up.is_err());
    assert_eq!(function.invoke(&attempted(2)).await.verdict, Verdict::FunctionError);
    let log = function.executions();
    assert_eq!(log[0].ended, Ended::Cancelled);
    assert_eq!(log[1].started_at, Timestamp::from_millis(5_000));
    assert_eq!(function.timeline.elapsed(), Duration::from_secs(65));
    assert_eq!(function.most_under_way(), 1);
}
