//! What must hold for every kind.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_core::life::Outcome;
use invoked_core::trace::TraceContext;
use invoked_tests::proxy::{Mode, Proxy};
use tokio::task::JoinSet;

pub use crate::daemon::the_daemon_tells_of_success_and_failure;
use crate::rig::{Arrived, Message, Rig, Way};

/// The engine's part: again after a while, until it is settled.
async fn until_settled(way: &Way, message: &Message) -> (u32, CallVerdict) {
    for tried in 1..=240 {
        match way.deliver(message).await {
            CallVerdict::Retry { .. } => tokio::time::sleep(Duration::from_millis(250)).await,
            verdict @ (CallVerdict::Delivered { .. } | CallVerdict::Permanent { .. }) => {
                return (tried, verdict);
            }
        }
    }
    panic!("{} is never settled", message.id)
}

#[track_caller]
fn is_delivered(verdict: &CallVerdict) {
    assert!(matches!(verdict, CallVerdict::Delivered { .. }), "{verdict:?}");
}

#[track_caller]
fn permanent(verdict: CallVerdict) -> Fault {
    let CallVerdict::Permanent { error } = verdict else { panic!("not permanent: {verdict:?}") };
    error
}

#[track_caller]
fn retried(verdict: CallVerdict) -> Fault {
    let CallVerdict::Retry { error, .. } = verdict else { panic!("not retried: {verdict:?}") };
    error
}

async fn arrived(rig: &dyn Rig, way: &Way, message: &Message) -> Vec<Arrived> {
    let id = message.id.to_string();
    rig.read(&way.destination).await.into_iter().filter(|found| found.id == id).collect()
}

async fn arrived_once(rig: &dyn Rig, way: &Way, message: &Message) {
    let found = arrived(rig, way, message).await;
    assert_eq!(found.len(), 1, "{}: {} times", message.id, found.len());
    assert!(found[0].body == message.body, "{}: another body", message.id);
}

async fn proxy(rig: &dyn Rig, mode: Mode) -> Proxy {
    let (address, broker) = rig.behind_proxy().await;
    Proxy::start(address, broker, mode).await
}

pub async fn it_is_delivered_once_the_broker_is_up(rig: &dyn Rig) {
    let proxy = proxy(rig, Mode::Down).await;
    let way = rig.proxied(&proxy).await;
    let message = Message::small();
    let error = retried(way.deliver(&message).await);
    assert!(!error.message.is_empty());
    proxy.set(Mode::Pass);
    is_delivered(&until_settled(&way, &message).await.1);
    arrived_once(rig, &way, &message).await;
}

pub async fn a_restart_of_the_broker_loses_nothing(rig: &dyn Rig) {
    let way = Arc::new(rig.good().await);
    let first = Message::small();
    is_delivered(&until_settled(&way, &first).await.1);
    let has_restarted = Arc::new(AtomicBool::new(false));
    let mut deliveries = JoinSet::new();
    for _ in 0..8 {
        let (way, has_restarted) = (Arc::clone(&way), Arc::clone(&has_restarted));
        deliveries.spawn(async move {
            let mut told = Vec::new();
            // To the end of the restart, so that it is met.
            while told.len() < 25 || !has_restarted.load(Ordering::Relaxed) {
                let message = Message::small();
                let (tried, verdict) = until_settled(&way, &message).await;
                is_delivered(&verdict);
                told.push((message, tried));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            told
        });
    }
    rig.restart().await;
    has_restarted.store(true, Ordering::Relaxed);
    let mut told = vec![(first, 1)];
    while let Some(of_one) = deliveries.join_next().await {
        told.extend(of_one.expect("no panic"));
    }
    let last = Message::small();
    let (tried, verdict) = until_settled(&way, &last).await;
    is_delivered(&verdict);
    told.push((last, tried));

    let found = rig.read(&way.destination).await;
    for (message, tried) in told {
        let id = message.id.to_string();
        let times = found.iter().filter(|found| found.id == id).count();
        assert!(times >= 1, "{id} is lost");
        assert!(times == 1 || tried > 1, "{id} is there {times} times after one try");
    }
    let ids: BTreeSet<_> = found.iter().map(|found| found.id.as_str()).collect();
    assert!(ids.len() >= 202, "{} ids", ids.len());
}

pub async fn wrong_credentials_are_permanent(rig: &dyn Rig) {
    let way = rig.wrong_credentials().await;
    let message = Message::small();
    // What is known only after a while (a password that a broker does not answer to) may be retried first.
    let (_, verdict) = until_settled(&way, &message).await;
    let error = permanent(verdict);
    assert!(!error.code.is_empty() && !error.message.is_empty(), "{error:?}");
}

pub async fn a_destination_that_is_missing_is_permanent(rig: &dyn Rig) {
    let way = rig.missing().await;
    let error = permanent(way.deliver(&Message::small()).await);
    assert!(!error.code.is_empty() && !error.message.is_empty(), "{error:?}");
    // The connection it was found out on is none the worse.
    let good = rig.good().await;
    is_delivered(&good.deliver(&Message::small()).await);
}

pub async fn the_limit_is_delivered_and_one_byte_more_is_not_sent(rig: &dyn Rig) {
    let proxy = proxy(rig, Mode::Pass).await;
    let way = rig.proxied(&proxy).await;
    let limit = rig.limit();
    let most = Message::of(limit);
    is_delivered(&until_settled(&way, &most).await.1);
    arrived_once(rig, &way, &most).await;

    let sent = proxy.sent();
    let more = Message::of(limit + 1);
    let error = permanent(way.deliver(&more).await);
    assert!(proxy.sent() - sent < limit as u64, "it was sent");
    let digits = |text: &str| text.chars().any(|letter| letter.is_ascii_digit());
    assert!(digits(&error.message), "size and limit are named: {error:?}");
    assert_eq!(arrived(rig, &way, &more).await, []);
}

pub async fn throttling_is_retried(rig: &dyn Rig) {
    if let Some(way) = rig.throttled().await {
        let error = retried(way.deliver(&Message::small()).await);
        assert!(!error.message.is_empty());
    }
}

pub async fn a_withheld_answer_is_retried_with_the_same_id(rig: &dyn Rig) {
    let proxy = proxy(rig, Mode::Pass).await;
    let way = rig.proxied(&proxy).await;
    // The connection is there; what is withheld is the answer to the message alone.
    is_delivered(&until_settled(&way, &Message::small()).await.1);
    proxy.set(Mode::Withhold);
    let message = Message::small();
    retried(way.deliver(&message).await);
    proxy.set(Mode::Down);
    proxy.set(Mode::Pass);
    is_delivered(&until_settled(&way, &message).await.1);
    let found = arrived(rig, &way, &message).await;
    assert!((1..=2).contains(&found.len()), "{} times", found.len());
    assert!(found.iter().all(|found| found.body == message.body), "the same body each time");
}

pub async fn a_certificate_that_is_not_trusted_is_retried(rig: &dyn Rig) {
    let Some(doubtful) = rig.over_tls(false).await else { return };
    let error = retried(doubtful.deliver(&Message::small()).await);
    assert!(!error.message.is_empty());
    let way = rig.over_tls(true).await.expect("TLS with a certificate that is trusted");
    let message = Message::small();
    is_delivered(&until_settled(&way, &message).await.1);
    arrived_once(rig, &way, &message).await;
}

pub async fn a_broker_that_hangs_holds_up_nobody_else(rig: &dyn Rig) {
    let proxy = proxy(rig, Mode::Withhold).await;
    let (slow, good) = rig.both(&proxy).await;
    let slow = Arc::new(slow);
    let mut hanging = JoinSet::new();
    for _ in 0..32 {
        let slow = Arc::clone(&slow);
        hanging.spawn(async move { slow.deliver(&Message::small()).await });
    }
    let first = Message::small();
    // 32 tries hang for as long as they may; the others never wait for one of them.
    let others = async {
        is_delivered(&good.deliver(&first).await);
        for _ in 0..20 {
            is_delivered(&good.deliver(&Message::small()).await);
        }
    };
    tokio::select! {
        biased;
        Some(ended) = hanging.join_next() => panic!("a try that hangs has ended first: {ended:?}"),
        () = others => {}
    }
    arrived_once(rig, &good, &first).await;
    while let Some(ended) = hanging.join_next().await {
        retried(ended.expect("no panic"));
    }
}

pub async fn the_outcome_is_a_tag(rig: &dyn Rig) {
    if !rig.has_tags() {
        return;
    }
    let way = rig.good().await;
    for (outcome, word) in [(Outcome::Succeeded, "succeeded"), (Outcome::Failed, "failed")] {
        let message = Message { outcome, ..Message::small() };
        is_delivered(&until_settled(&way, &message).await.1);
        let found = arrived(rig, &way, &message).await;
        let tags: Vec<_> = found.iter().map(|found| found.tag.as_deref()).collect();
        assert_eq!(tags, [Some(word)]);
    }
}

pub async fn a_trace_goes_on_beside_the_message(rig: &dyn Rig) {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let way = rig.good().await;
    let trace = TraceContext::parse(parent, Some("tenant@vendor=1")).map(Arc::new);
    let message = Message { trace, ..Message::small() };
    is_delivered(&until_settled(&way, &message).await.1);
    let found = arrived(rig, &way, &message).await;
    let parents: Vec<_> = found.iter().map(|found| found.traceparent.as_deref()).collect();
    assert_eq!(parents, [rig.has_traces().then_some(parent)]);
    assert_eq!(found[0].body, message.body);
}
