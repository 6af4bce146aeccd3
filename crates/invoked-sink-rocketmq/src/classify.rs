//! What answers of name servers and brokers mean, and what it means that there is none. Pure.
//!
//! | answer | verdict |
//! |---|---|
//! | 0; 10, 11, 12: on the master, not yet on its disk or its slaves | delivered |
//! | 1 with `AclException`, or about the topic's name | permanent |
//! | 1, 2, 14, 205, 1500 | retry, another broker at once; 1500 also on a new connection |
//! | 215 and what is not in the table | retry |
//! | 17 of a broker | the route is asked for again; permanent at the second time |
//! | 3, 13, 15, 16, 29, 204 | permanent |
//! | no connection, a broken one, no answer in time, nonsense | retry, another broker at once |

use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;

use crate::error::LinkError;
use crate::frame::Answer;

/// What an answer is good for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// The master has it.
    Delivered,
    /// This server knows of no such topic.
    NoTopic,
    /// It may work later, and here or elsewhere.
    Later,
    /// It may work later, and at another broker at once.
    Elsewhere,
    /// As [`Class::Elsewhere`], and this connection is about to be closed.
    GoAway,
    /// It will never work.
    Permanent,
}

/// Every code that is told apart: number, name in RocketMQ, meaning.
const TABLE: &[(i32, &str, Class)] = &[
    (0, "SUCCESS", Class::Delivered),
    (1, "SYSTEM_ERROR", Class::Elsewhere),
    (2, "SYSTEM_BUSY", Class::Elsewhere),
    (3, "REQUEST_CODE_NOT_SUPPORTED", Class::Permanent),
    (10, "FLUSH_DISK_TIMEOUT", Class::Delivered),
    (11, "SLAVE_NOT_AVAILABLE", Class::Delivered),
    (12, "FLUSH_SLAVE_TIMEOUT", Class::Delivered),
    (13, "MESSAGE_ILLEGAL", Class::Permanent),
    (14, "SERVICE_NOT_AVAILABLE", Class::Elsewhere),
    (15, "VERSION_NOT_SUPPORTED", Class::Permanent),
    (16, "NO_PERMISSION", Class::Permanent),
    (17, "TOPIC_NOT_EXIST", Class::NoTopic),
    (29, "INVALID_PARAMETER", Class::Permanent),
    (204, "NO_BUYER_ID", Class::Permanent),
    (205, "NOT_IN_CURRENT_UNIT", Class::Elsewhere),
    (215, "FLOW_CONTROL", Class::Later),
    (1500, "GO_AWAY", Class::GoAway),
];

/// What 4.9 says with `SYSTEM_ERROR` that will be said again: an ACL that refuses, and its
/// `TopicValidator`.
const PERMANENT_REMARKS: &[&str] =
    &["AclException", "The specified topic", "conflict with system topic"];

/// Why something did not work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Failure {
    pub(crate) is_permanent: bool,
    pub(crate) fault: Fault,
}

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

/// What an answer is good for.
pub(crate) fn class(answer: &Answer) -> Class {
    let is_lasting =
        answer.code == 1 && PERMANENT_REMARKS.iter().any(|remark| answer.remark.contains(remark));
    if is_lasting {
        return Class::Permanent;
    }
    row(answer.code).map_or(Class::Later, |(_, _, class)| *class)
}

/// What `who` answered, as a failure.
pub(crate) fn answered(who: &str, answer: &Answer) -> Failure {
    let name = row(answer.code).map_or("UNKNOWN_CODE", |(_, name, _)| name);
    // Remarks end with stack traces and addresses of manuals, on lines of their own.
    let remark = answer.remark.lines().next().unwrap_or_default();
    let message = format!("{who} answered {name} ({}): {remark}", answer.code);
    let is_permanent = match class(answer) {
        Class::Permanent | Class::NoTopic => true,
        Class::Delivered | Class::Later | Class::Elsewhere | Class::GoAway => false,
    };
    Failure { is_permanent, fault: Fault::new(name, &message, 0) }
}

/// Why there is no answer of `who`. It may always work later.
pub(crate) fn unanswered(who: &str, error: &LinkError) -> Failure {
    let code = match error {
        LinkError::Connect(_) | LinkError::Certificate(_) | LinkError::TooManyPeers => {
            "DestinationUnreachable"
        }
        LinkError::Unsent | LinkError::Broken(_) => "DestinationDisconnected",
        LinkError::Timeout(_) => "DestinationTimeout",
        LinkError::Frame(_) => "BadResponse",
    };
    Failure::retry(code, &format!("{who}: {error}"))
}

fn row(code: i32) -> Option<&'static (i32, &'static str, Class)> {
    TABLE.iter().find(|(number, _, _)| *number == code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::time::Duration;

    fn answer(code: i32, remark: &str) -> Answer {
        Answer { opaque: 0, code, remark: remark.into(), message_id: None, body: Bytes::new() }
    }

    #[test]
    fn every_code_has_its_class() {
        for (codes, expected, is_permanent) in [
            (&[0, 10, 11, 12][..], Class::Delivered, false),
            (&[1, 2, 14, 205], Class::Elsewhere, false),
            (&[1500], Class::GoAway, false),
            (&[215, 4, -1, 9_999], Class::Later, false),
            (&[17], Class::NoTopic, true),
            (&[3, 13, 15, 16, 29, 204], Class::Permanent, true),
        ] {
            for code in codes {
                let answer = answer(*code, "because");
                assert_eq!(class(&answer), expected, "{code}");
                assert_eq!(answered("b", &answer).is_permanent, is_permanent, "{code}");
            }
        }
    }

    #[test]
    fn the_remark_tells_a_refusal_from_an_accident() {
        for (remark, expected) in [
            ("org.apache.rocketmq.acl.common.AclException: No accessKey", Class::Permanent),
            ("The specified topic contains illegal characters", Class::Permanent),
            ("The topic[x] is conflict with system topic.", Class::Permanent),
            ("java.lang.NullPointerException", Class::Elsewhere),
        ] {
            assert_eq!(class(&answer(1, remark)), expected, "{remark}");
        }
        // Only of this code.
        assert_eq!(class(&answer(2, "AclException")), Class::Elsewhere);
    }

    #[test]
    fn failures_are_told_in_one_line() {
        let failure = answered("broker a (h:1)", &answer(16, "no right\n\tat java.lang.Thread"));
        assert_eq!(&*failure.fault.code, "NO_PERMISSION");
        assert_eq!(&*failure.fault.message, "broker a (h:1) answered NO_PERMISSION (16): no right");
        let failure = unanswered("broker a", &LinkError::Timeout(Duration::from_secs(3)));
        assert_eq!(&*failure.fault.message, "broker a: no answer within 3000 ms");
        assert_eq!(&*failure.fault.code, "DestinationTimeout");
        assert!(!failure.is_permanent);
    }
}
