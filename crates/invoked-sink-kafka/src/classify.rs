//! What an error of librdkafka means. One table, pure.
//!
//! | error | verdict |
//! |---|---|
//! | too large, by librdkafka or a broker | permanent, `EntityTooLarge` |
//! | topic unknown, invalid, or not allowed; login refused; a policy | permanent |
//! | time ran out, and the last that was heard is that the login is refused | permanent, `AccessDenied` |
//! | everything else: down, timed out, not enough replicas, throttled, queue full, fatal | retry |
//!
//! librdkafka has tried again by itself what is worth it, within the try's time.

use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::context::Last;

/// What a try came to that failed with `error`. `before` and `after` are what was heard of the
/// instance's brokers before and after.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "librdkafka's codes grow; what is new is retried"
)]
pub(crate) fn failed(error: &KafkaError, before: &Last, after: &Last) -> CallVerdict {
    let Some(code) = error.rdkafka_error_code() else {
        return retry("DestinationUnreachable", &error.to_string());
    };
    let text = code.to_string();
    match code {
        Code::MessageSizeTooLarge | Code::InvalidMessageSize => permanent("EntityTooLarge", &text),
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            permanent("TopicNotExist", &text)
        }
        Code::InvalidTopic => permanent("InvalidTopic", &text),
        Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::SaslAuthenticationFailed
        | Code::Authentication => permanent("AccessDenied", &text),
        Code::PolicyViolation
        | Code::InvalidRecord
        | Code::UnsupportedVersion
        | Code::UnsupportedForMessageFormat
        | Code::UnsupportedCompressionType
        | Code::InvalidRequiredAcks => permanent("InvalidArgument", &text),
        Code::MessageTimedOut => timed_out(&text, before, after),
        Code::QueueFull => retry("TooManyRequests", &text),
        Code::ThrottlingQuotaExceeded => retry("TooManyRequests", &text),
        _ => retry("DestinationUnreachable", &told(&text, after)),
    }
}

/// Nothing was heard within the try's time: of the message, that is.
fn timed_out(text: &str, before: &Last, after: &Last) -> CallVerdict {
    match after.refusal_since(before) {
        Some(refusal) => permanent("AccessDenied", refusal),
        None => retry("DestinationTimeout", &told(text, after)),
    }
}

fn told(text: &str, last: &Last) -> String {
    match &last.trouble {
        Some(trouble) => format!("{text}; last heard: {trouble}"),
        None => text.to_owned(),
    }
}

pub(crate) fn permanent(code: &str, message: &str) -> CallVerdict {
    CallVerdict::Permanent { error: Fault::new(code, message, 0) }
}

pub(crate) fn retry(code: &str, message: &str) -> CallVerdict {
    CallVerdict::Retry { error: Fault::new(code, message, 0), retry_after: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(code: Code) -> (bool, Box<str>) {
        let quiet = Last::default();
        match failed(&KafkaError::MessageProduction(code), &quiet, &quiet) {
            CallVerdict::Retry { error, .. } => (true, error.code.as_ref().into()),
            CallVerdict::Permanent { error } => (false, error.code.as_ref().into()),
            CallVerdict::Delivered { .. } => panic!("delivered"),
        }
    }

    #[test]
    fn the_table() {
        for (code, is_retried, name) in [
            (Code::MessageSizeTooLarge, false, "EntityTooLarge"),
            (Code::UnknownTopicOrPartition, false, "TopicNotExist"),
            (Code::UnknownTopic, false, "TopicNotExist"),
            (Code::InvalidTopic, false, "InvalidTopic"),
            (Code::TopicAuthorizationFailed, false, "AccessDenied"),
            (Code::ClusterAuthorizationFailed, false, "AccessDenied"),
            (Code::SaslAuthenticationFailed, false, "AccessDenied"),
            (Code::PolicyViolation, false, "InvalidArgument"),
            (Code::InvalidRecord, false, "InvalidArgument"),
            (Code::UnsupportedVersion, false, "InvalidArgument"),
            (Code::MessageTimedOut, true, "DestinationTimeout"),
            (Code::RequestTimedOut, true, "DestinationUnreachable"),
            (Code::AllBrokersDown, true, "DestinationUnreachable"),
            (Code::BrokerTransportFailure, true, "DestinationUnreachable"),
            (Code::LeaderNotAvailable, true, "DestinationUnreachable"),
            (Code::NotEnoughReplicas, true, "DestinationUnreachable"),
            (Code::NotEnoughReplicasAfterAppend, true, "DestinationUnreachable"),
            (Code::Fatal, true, "DestinationUnreachable"),
            (Code::QueueFull, true, "TooManyRequests"),
            (Code::ThrottlingQuotaExceeded, true, "TooManyRequests"),
        ] {
            assert_eq!(verdict(code), (is_retried, name.into()), "{code:?}");
        }
    }

    #[test]
    fn a_refusal_during_the_try_makes_running_out_of_time_permanent() {
        let timed_out = KafkaError::MessageProduction(Code::MessageTimedOut);
        let heard = |refusals| Last {
            refusals,
            refusal: Some("SASL authentication error".into()),
            trouble: Some("connection refused".into()),
        };
        let CallVerdict::Permanent { error } = failed(&timed_out, &heard(2), &heard(3)) else {
            panic!("retried")
        };
        assert_eq!(&*error.message, "SASL authentication error");
        // One from before is not of this try.
        let CallVerdict::Retry { error, .. } = failed(&timed_out, &heard(3), &heard(3)) else {
            panic!("permanent")
        };
        assert!(error.message.ends_with("last heard: connection refused"), "{}", error.message);
    }
}
