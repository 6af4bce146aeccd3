use super::*;

fn delivery() -> Delivery {
    Delivery {
        destination: Arn::parse(crate::sample::DESTINATION).unwrap(),
        envelope: Bytes::from_static(b"{}"),
        request_id: RequestId([1; 16]),
        outcome: Outcome::Failed,
        depth: 1,
        trace: None,
    }
}

#[tokio::test(start_paused = true)]
async fn tries_end_as_told_and_are_logged() {
    let sink = ScriptedSink::new(Timeline::starting_at(Timestamp::MIN));
    let delivery = delivery();
    sink.for_destination(
        &delivery.destination,
        Script::always(Reception::Take)
            .after_times(1, Reception::TakeSilently)
            .after_times(1, Reception::Retry { retry_after: None }),
    );
    assert!(matches!(sink.deliver(&delivery).await, CallVerdict::Retry { .. }));
    assert!(matches!(sink.deliver(&delivery).await, CallVerdict::Retry { .. }));
    assert!(matches!(sink.deliver(&delivery).await, CallVerdict::Delivered { .. }));
    let arrivals: Vec<_> = sink.told().iter().map(|told| told.arrival).collect();
    assert_eq!(arrivals, [Arrival::Lost, Arrival::Arrived, Arrival::Arrived]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_try_is_lost() {
    let sink = ScriptedSink::new(Timeline::starting_at(Timestamp::MIN));
    sink.by_default(Script::always(Reception::Hang));
    let delivery = delivery();
    let given_up = tokio::time::timeout(Duration::from_secs(1), sink.deliver(&delivery)).await;
    assert!(given_up.is_err());
    assert_eq!(sink.told()[0].arrival, Arrival::Lost);
    sink.for_request(delivery.request_id, Script::always(Reception::Refuse));
    assert!(matches!(sink.deliver(&delivery).await, CallVerdict::Permanent { .. }));
}
