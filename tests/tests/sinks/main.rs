//! One suite over all kinds of destinations: each adapter against its contract, on a real broker or, where there is
//! none, on a strict double. What arrived is read back by a client that is not ours.
//!
//! A kind says in its [`rig::Rig`] how it is reached; [`cases`] says what must hold for all of them. The brokers are
//! those of `cargo xtask brokers up`.

mod amqp;
mod cases;
mod daemon;
mod double;
mod eventbridge;
mod fc;
mod kafka;
mod mns;
mod reader;
mod rig;
mod rocketmq;

/// Every case, for one kind.
macro_rules! suite {
    ($kind:ident, $rig:expr) => {
        suite!($kind, $rig, [
            it_is_delivered_once_the_broker_is_up,
            a_restart_of_the_broker_loses_nothing,
            wrong_credentials_are_permanent,
            a_destination_that_is_missing_is_permanent,
            the_limit_is_delivered_and_one_byte_more_is_not_sent,
            throttling_is_retried,
            a_withheld_answer_is_retried_with_the_same_id,
            a_certificate_that_is_not_trusted_is_retried,
            a_broker_that_hangs_holds_up_nobody_else,
            the_outcome_is_a_tag,
            a_trace_goes_on_beside_the_message,
            the_daemon_tells_of_success_and_failure,
        ]);
    };
    ($kind:ident, $rig:expr, [$($case:ident),* $(,)?]) => {
        mod $kind {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    // One case at a time: one of them stops the broker, and some need a port of their own.
                    let _alone = invoked_tests::brokers::alone(stringify!($kind));
                    crate::cases::$case(&$rig).await;
                }
            )*
        }
    };
}

mod suites {
    suite!(mns_queues, crate::mns::Places::queues());
    suite!(mns_topics, crate::mns::Places::topics());
    suite!(fc, crate::fc::Functions::new());
    suite!(eventbridge, crate::eventbridge::Buses::new());
    suite!(amqp, crate::amqp::Rabbit::new());
    suite!(kafka, crate::kafka::Cluster);
    suite!(rocketmq, crate::rocketmq::Rocket::new());
}
