use super::*;

#[test]
fn a_gate_stays_as_it_is_between_its_marks() {
    let gate = Gate::new(Refusing::CommitLag, 500, 250);
    let values = [0, 300, 500, 501, 400, 250, 249, 300, 500, 9_000, 0];
    let shut = values.map(|value| gate.look(value));
    let wanted = [false, false, false, true, true, true, false, false, false, true, false];
    assert_eq!(shut, wanted);
}

fn admission(memory_max: Option<u64>) -> Admission {
    let identity = invoked_core::envelope::Identity { region: "r".into(), account: "1".into() };
    Admission::new(&EngineConfig { memory_max, ..EngineConfig::new(identity, 1) }, 2)
}

#[tokio::test(start_paused = true)]
async fn the_lag_is_that_of_the_shard_which_is_behind_most() {
    let admission = admission(None);
    assert_eq!(admission.lag(), 0);
    tokio::time::advance(Duration::from_millis(100)).await;
    admission.publish(1, Some(admission.now()));
    tokio::time::advance(Duration::from_millis(300)).await;
    admission.publish(0, Some(admission.now()));
    assert_eq!(admission.lag(), 300);
    admission.publish(1, None);
    tokio::time::advance(Duration::from_millis(7)).await;
    assert_eq!(admission.lag(), 7);
    admission.publish(0, None);
    assert_eq!(admission.lag(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_waits_counts_from_its_accept_until_it_is_durable() {
    let admission = admission(None);
    let mut lag = crate::shard::lag::Lag::default();
    lag.accepted(0, 1);
    tokio::time::advance(Duration::from_millis(40)).await;
    lag.accepted(40, 16 * 1024 * 1024 - 2);
    assert!(!lag.is_large());
    lag.publish(&admission, 0, None, true);
    assert_eq!(admission.lag(), 40, "the oldest counts, its way to the shard included");
    lag.accepted(50, 1);
    assert!(lag.is_large(), "16 MiB wait for one commit");
    let under_way = lag.taken(&admission);
    assert!(!lag.is_large());
    lag.publish(&admission, 0, Some(under_way), false);
    tokio::time::advance(Duration::from_millis(10)).await;
    lag.publish(&admission, 0, Some(under_way), true);
    assert_eq!(admission.lag(), 50, "the commit under way is older than what waits for the next");
    lag.publish(&admission, 0, None, true);
    assert_eq!(admission.lag(), 0, "the next began to wait just now");
    // An accept that came to nothing waits for nothing.
    let mut idle = crate::shard::lag::Lag::default();
    idle.accepted(0, 16 * 1024 * 1024);
    idle.publish(&admission, 0, None, false);
    assert!(!idle.is_large());
    assert_eq!(admission.lag(), 0);
}

#[tokio::test]
async fn memory_is_taken_again_below_nine_tenths() {
    let admission = admission(Some(1_000));
    let gate = &admission.memory_used;
    let shut = [1_000, 1_001, 901, 900, 899, 950].map(|resident| gate.look(resident));
    assert_eq!(shut, [false, true, true, true, false, false]);
}
