//! What librdkafka says beside its answers: refusals and logs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Characters of a reason that are kept. Ours: it is one line.
const REASON_MAX: usize = 512;

/// How librdkafka marks what it says of a connection that ended.
const ENDED: &str = "FAIL";

/// What the producer of one instance has last heard.
#[derive(Debug)]
pub(crate) struct Heard {
    instance: Box<str>,
    last: Mutex<Last>,
}

/// A producer answers a refused password as it answers a broker that is down: the message's time runs
/// out. The reason is told here, once: librdkafka does not repeat itself for half a minute.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Last {
    /// Refusals of our login so far.
    pub(crate) refusals: u64,
    /// The last of them, if nothing has been delivered since.
    pub(crate) refusal: Option<Box<str>>,
    /// The last trouble of any other kind, if nothing has been delivered and no login refused since.
    pub(crate) trouble: Option<Box<str>>,
}

impl Heard {
    pub(crate) fn new(instance: &str) -> Self {
        Self { instance: instance.into(), last: Mutex::default() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.instance
    }

    pub(crate) fn last(&self) -> Last {
        self.lock().clone()
    }

    /// All is well: whatever was heard is over.
    pub(crate) fn delivered(&self) {
        let mut last = self.lock();
        last.refusal = None;
        last.trouble = None;
    }

    fn note(&self, code: Option<RDKafkaErrorCode>, reason: &str) {
        let text: Box<str> = reason.chars().take(REASON_MAX).collect::<String>().into();
        let instance = self.name();
        match code.filter(|code| !is_broken_handshake(*code, reason)) {
            Some(
                RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SaslAuthenticationFailed
                | RDKafkaErrorCode::UnsupportedSASLMechanism
                | RDKafkaErrorCode::IllegalSASLState,
            ) => {
                tracing::warn!(event = "broker_login_refused", instance, reason = %text, "a Kafka broker refuses our login");
                let mut last = self.lock();
                last.refusals = last.refusals.saturating_add(1);
                last.refusal = Some(text);
                last.trouble = None;
            }
            // Says no more than that the others were said.
            Some(RDKafkaErrorCode::AllBrokersDown) => {}
            Some(RDKafkaErrorCode::SSL) => {
                tracing::warn!(event = "certificate_untrusted", instance, reason = %text, "no TLS with a Kafka broker");
                self.lock().trouble = Some(text);
            }
            _ => {
                tracing::debug!(instance, reason = %text, "trouble with a Kafka broker");
                self.lock().trouble = Some(text);
            }
        }
    }

    /// What is no error to librdkafka: a connection that ended, with a hint why where it knows one.
    fn note_ended(&self, message: &str) {
        // It begins with the thread's name.
        let reason = message.split_once("]: ").map_or(message, |(_thread, reason)| reason);
        let mut last = self.lock();
        if last.refusal.is_none() {
            last.trouble = Some(reason.chars().take(REASON_MAX).collect::<String>().into());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a connection broke while a login was under way, which librdkafka calls an authentication
/// error too: the broker was restarted, or says nothing. What a broker has refused begins with
/// `SASL authentication error:` or with `Broker:`. Source: `rdkafka_broker.c`,
/// `rd_kafka_broker_handle_SaslHandshake`; `rdkafka_transport.c`, `rd_kafka_transport_io_event`.
fn is_broken_handshake(code: RDKafkaErrorCode, reason: &str) -> bool {
    code == RDKafkaErrorCode::Authentication
        && ["handshake failed: Local:", "Disconnected", "Connection reset", "timed out"]
            .iter()
            .any(|broken| reason.contains(broken))
}

impl Last {
    /// Why our login is refused, as far as can be known: it was refused since `before`, or a refusal
    /// is the last that was heard at all.
    pub(crate) fn refusal_since(&self, before: &Self) -> Option<&str> {
        let is_last = self.trouble.is_none();
        let is_new = self.refusals > before.refusals;
        self.refusal.as_deref().filter(|_| is_new || is_last)
    }
}

/// A producer's way to tell.
#[derive(Clone, Debug)]
pub(crate) struct Ears(pub(crate) Arc<Heard>);

impl ClientContext for Ears {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What matters of it is told as an error too; the rest is for whoever looks for it.
        tracing::debug!(instance = self.0.name(), ?level, facility, message, "librdkafka");
        let is_no_error = matches!(
            level,
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info
        );
        if facility == ENDED && is_no_error {
            self.0.note_ended(message);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.note(error.rdkafka_error_code(), reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: Option<RDKafkaErrorCode> = Some(RDKafkaErrorCode::Authentication);
    const DOWN: Option<RDKafkaErrorCode> = Some(RDKafkaErrorCode::BrokerTransportFailure);

    #[test]
    fn a_refused_login_is_told_from_other_trouble() {
        let heard = Heard::new("main");
        heard.note(DOWN, "refused");
        heard.note(Some(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        assert_eq!((heard.last().refusals, heard.last().trouble.as_deref()), (0, Some("refused")));
        let long = "ü".repeat(2 * REASON_MAX);
        heard.note(REFUSED, &long);
        let last = heard.last();
        assert_eq!((last.refusals, last.refusal.unwrap().chars().count()), (1, REASON_MAX));
    }

    #[test]
    fn a_connection_that_breaks_during_a_login_refuses_nothing() {
        for reason in [
            "SaslHandshake handshake failed: Local: Broker transport failure (after 3ms in state AUTH_HANDSHAKE)",
            "SaslHandshake handshake failed: Local: Timed out (after 10001ms)",
            "Disconnected (after 1ms in state AUTH_LEGACY)",
        ] {
            let heard = Heard::new("main");
            heard.note(REFUSED, reason);
            assert_eq!((heard.last().refusals, heard.last().trouble.as_deref()), (0, Some(reason)));
        }
        for reason in [
            "SASL authentication error: Authentication failed during authentication",
            "SaslHandshake handshake failed: Broker: Unsupported SASL mechanism",
        ] {
            let heard = Heard::new("main");
            heard.note(REFUSED, reason);
            assert_eq!(heard.last().refusal.as_deref(), Some(reason));
        }
    }

    #[test]
    fn a_refusal_counts_while_it_is_new_or_the_last_that_was_heard() {
        let heard = Heard::new("main");
        let at_first = heard.last();
        heard.note(REFUSED, "wrong password");
        let refused = heard.last();
        assert_eq!(refused.refusal_since(&at_first), Some("wrong password"));
        // It is not said again for a while, and holds.
        assert_eq!(heard.last().refusal_since(&refused), Some("wrong password"));
        // Something else was said since: only a try that was under way then counts it.
        heard.note(DOWN, "connection refused");
        assert_eq!(heard.last().refusal_since(&at_first), Some("wrong password"));
        assert_eq!(heard.last().refusal_since(&refused), None);
        heard.delivered();
        assert_eq!(heard.last(), Last { refusals: 1, refusal: None, trouble: None });
        assert_eq!(heard.last().refusal_since(&at_first), None);
    }

    #[test]
    fn the_end_of_a_connection_is_heard_and_takes_nothing_from_a_refusal() {
        let heard = Arc::new(Heard::new("main"));
        let ears = Ears(Arc::clone(&heard));
        ears.log(
            RDKafkaLogLevel::Info,
            "FAIL",
            "[thrd:k:1/bootstrap]: k:1/bootstrap: Disconnected",
        );
        assert_eq!(heard.last().trouble.as_deref(), Some("k:1/bootstrap: Disconnected"));
        heard.note(REFUSED, "wrong password");
        ears.log(
            RDKafkaLogLevel::Info,
            "FAIL",
            "[thrd:k:1/bootstrap]: k:1/bootstrap: Disconnected",
        );
        assert_eq!(heard.last().trouble, None);
        heard.delivered();
        // Errors are told as such; and this is none of ours.
        ears.log(RDKafkaLogLevel::Error, "FAIL", "[thrd:k:1/1]: k:1/1: refused");
        ears.log(RDKafkaLogLevel::Info, "GETPID", "[thrd:main]: Acquired");
        assert_eq!(heard.last().trouble, None);
    }
}
