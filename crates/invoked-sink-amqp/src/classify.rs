//! What answers of a broker mean, and what it means that there is none. Pure.
//!
//! | answer | verdict |
//! |---|---|
//! | confirmed | delivered |
//! | confirmed, but returned with 312: no queue takes it | permanent |
//! | not confirmed (nack): a queue is full, or the broker failed within | retry |
//! | the channel closed with 311, 403, 404 or 406 | permanent |
//! | the connection refused with 403 or 530 | permanent; retry where a limit on connections is reached |
//! | any other code of a channel or a connection | retry |
//! | no connection, a broken or blocked one, no confirm in time | retry |
//!
//! A connection that was open is shared: what closes it, or keeps a channel from being opened, is
//! nobody's fault in particular, so it is always a retry, and the next try finds out what is wrong.

use std::time::Duration;

use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use lapin::protocol::{AMQPError, AMQPErrorKind};
use lapin::{Confirmation, Error, ErrorKind};

use crate::address::Address;

/// What was under way when something went wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// A connection was being opened, for one virtual host.
    Opening,
    /// A channel was being opened.
    Preparing,
    /// A message was being published, on a channel of its own.
    Publishing,
}

/// Why something did not work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Failure {
    pub(crate) is_permanent: bool,
    pub(crate) fault: Fault,
}

/// The codes of AMQP 0-9-1: number, name in RabbitMQ, whether it will be the same at the next try.
const TABLE: &[(u16, &str, bool)] = &[
    (311, "CONTENT_TOO_LARGE", true),
    (312, "NO_ROUTE", true),
    (313, "NO_CONSUMERS", false),
    (320, "CONNECTION_FORCED", false),
    (402, "INVALID_PATH", false),
    (403, "ACCESS_REFUSED", true),
    (404, "NOT_FOUND", true),
    (405, "RESOURCE_LOCKED", false),
    (406, "PRECONDITION_FAILED", true),
    (501, "FRAME_ERROR", false),
    (502, "SYNTAX_ERROR", false),
    (503, "COMMAND_INVALID", false),
    (504, "CHANNEL_ERROR", false),
    (505, "UNEXPECTED_FRAME", false),
    (506, "RESOURCE_ERROR", false),
    (530, "NOT_ALLOWED", true),
    (540, "NOT_IMPLEMENTED", false),
    (541, "INTERNAL_ERROR", false),
];

impl Failure {
    pub(crate) fn permanent(code: &str, message: &str) -> Self {
        Self { is_permanent: true, fault: Fault::new(code, message, 0) }
    }

    pub(crate) fn retry(code: &str, message: &str) -> Self {
        Self { is_permanent: false, fault: Fault::new(code, message, 0) }
    }
}

impl From<Failure> for CallVerdict {
    fn from(failure: Failure) -> Self {
        if failure.is_permanent {
            Self::Permanent { error: failure.fault }
        } else {
            Self::Retry { error: failure.fault, retry_after: None }
        }
    }
}

/// What the broker's word on a published message means.
pub(crate) fn confirmed(broker: &Address, confirmation: Confirmation) -> Result<(), Failure> {
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)) => {
            let text = returned.reply_text.as_str();
            Err(answered(broker, returned.reply_code, text, "no queue takes the message"))
        }
        Confirmation::Nack(None) => {
            let message = format!("{broker} did not take the message: a queue is full, or failed");
            Err(Failure::retry("NACK", &message))
        }
        Confirmation::NotRequested => {
            let message = format!("{broker} was not asked to confirm the message");
            Err(Failure::retry("BadResponse", &message))
        }
    }
}

/// What an error of the library means.
pub(crate) fn failed(broker: &Address, stage: Stage, error: &Error) -> Failure {
    if let ErrorKind::ProtocolError(closed) = error.kind() {
        let failure = closed_with(broker, closed);
        return match (stage, closed.kind()) {
            (Stage::Opening, _) if is_limit(closed) => Failure { is_permanent: false, ..failure },
            (Stage::Preparing, _) | (Stage::Publishing, AMQPErrorKind::Hard(_)) => {
                Failure { is_permanent: false, ..failure }
            }
            (Stage::Opening | Stage::Publishing, _) => failure,
        };
    }
    let code = match stage {
        Stage::Opening => "DestinationUnreachable",
        Stage::Preparing | Stage::Publishing => "DestinationDisconnected",
    };
    Failure::retry(code, &format!("{broker}: {error}"))
}

/// No answer within `limit`.
pub(crate) fn late(broker: &Address, stage: Stage, limit: Duration, is_blocked: bool) -> Failure {
    let limit = limit.as_millis();
    if is_blocked {
        let message = format!(
            "{broker} has blocked its publishers for {limit} ms: its memory or its disk is short"
        );
        return Failure::retry("ConnectionBlocked", &message);
    }
    let what = match stage {
        Stage::Opening => "the connection is not open",
        Stage::Preparing | Stage::Publishing => "no confirm",
    };
    Failure::retry("DestinationTimeout", &format!("{broker}: {what} after {limit} ms"))
}

fn closed_with(broker: &Address, closed: &AMQPError) -> Failure {
    answered(broker, closed.get_id(), closed.get_message().as_str(), "")
}

fn answered(broker: &Address, code: u16, text: &str, hint: &str) -> Failure {
    let row = TABLE.iter().find(|(number, _, _)| *number == code);
    let (name, is_permanent) = row.map_or(("UNKNOWN_CODE", false), |(_, name, last)| (name, *last));
    // Texts of RabbitMQ begin with the name.
    let text = text.strip_prefix(name).map_or(text, |rest| rest.trim_start_matches([' ', '-']));
    let text = if text.is_empty() { hint } else { text };
    let message = format!("{broker} answered {name} ({code}): {text}");
    Failure { is_permanent, fault: Fault::new(name, &message, 0) }
}

/// RabbitMQ refuses connections above a limit of a user or a virtual host with the code for things
/// that are not allowed.
fn is_limit(closed: &AMQPError) -> bool {
    closed.get_message().as_str().contains("connection limit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn broker() -> Address {
        Address { host: "h".into(), port: 5672 }
    }

    fn closed(code: u16, text: &str) -> Error {
        ErrorKind::ProtocolError(AMQPError::from_id(code, text.into()).unwrap()).into()
    }

    #[test]
    fn every_code_has_its_verdict_at_every_stage() {
        for (code, opening, publishing) in [
            (311, true, true),
            (312, true, true),
            (313, false, false),
            (320, false, false),
            (402, false, false),
            (403, true, true),
            (404, true, true),
            (405, false, false),
            (406, true, true),
            (501, false, false),
            (502, false, false),
            (503, false, false),
            (504, false, false),
            (505, false, false),
            (506, false, false),
            (530, true, false),
            (540, false, false),
            (541, false, false),
        ] {
            let error = closed(code, "because");
            let failure = failed(&broker(), Stage::Opening, &error);
            assert_eq!(failure.is_permanent, opening, "{code}");
            assert_eq!(failed(&broker(), Stage::Publishing, &error).is_permanent, publishing);
            assert!(!failed(&broker(), Stage::Preparing, &error).is_permanent, "{code}");
            let name = TABLE.iter().find(|row| row.0 == code).unwrap().1;
            assert_eq!(&*failure.fault.code, name);
            assert_eq!(
                &*failure.fault.message,
                format!("h:5672 answered {name} ({code}): because")
            );
        }
    }

    #[test]
    fn a_limit_on_connections_passes() {
        let text = "NOT_ALLOWED - access to vhost '/' refused for user 'u': connection limit (1) is reached";
        let failure = failed(&broker(), Stage::Opening, &closed(530, text));
        assert!(!failure.is_permanent);
        assert_eq!(
            &*failure.fault.message,
            "h:5672 answered NOT_ALLOWED (530): access to vhost '/' refused for user 'u': connection limit (1) is reached"
        );
    }

    #[test]
    fn what_is_no_answer_is_tried_again() {
        let errors: [Error; 4] = [
            io::Error::from(io::ErrorKind::ConnectionReset).into(),
            ErrorKind::MissingHeartbeatError.into(),
            ErrorKind::ChannelsLimitReached.into(),
            ErrorKind::InvalidChannelState(lapin::ChannelState::Closed, "x").into(),
        ];
        for error in errors {
            for (stage, code) in [
                (Stage::Opening, "DestinationUnreachable"),
                (Stage::Preparing, "DestinationDisconnected"),
                (Stage::Publishing, "DestinationDisconnected"),
            ] {
                let failure = failed(&broker(), stage, &error);
                assert!(!failure.is_permanent);
                assert_eq!(&*failure.fault.code, code);
            }
        }
        for (stage, is_blocked, code, message) in [
            (
                Stage::Opening,
                false,
                "DestinationTimeout",
                "h:5672: the connection is not open after 50 ms",
            ),
            (Stage::Publishing, false, "DestinationTimeout", "h:5672: no confirm after 50 ms"),
            (
                Stage::Publishing,
                true,
                "ConnectionBlocked",
                "h:5672 has blocked its publishers for 50 ms: its memory or its disk is short",
            ),
        ] {
            let failure = late(&broker(), stage, Duration::from_millis(50), is_blocked);
            assert!(!failure.is_permanent);
            assert_eq!((&*failure.fault.code, &*failure.fault.message), (code, message));
        }
    }

    #[test]
    fn only_a_confirm_is_a_delivery() {
        assert_eq!(confirmed(&broker(), Confirmation::Ack(None)), Ok(()));
        let nack = confirmed(&broker(), Confirmation::Nack(None)).unwrap_err();
        assert!(!nack.is_permanent);
        assert_eq!(&*nack.fault.code, "NACK");
        assert!(!confirmed(&broker(), Confirmation::NotRequested).unwrap_err().is_permanent);
        let returned = answered(&broker(), 312, "NO_ROUTE", "no queue takes the message");
        assert!(returned.is_permanent);
        assert_eq!(
            &*returned.fault.message,
            "h:5672 answered NO_ROUTE (312): no queue takes the message"
        );
    }
}
