use http::header::CONTENT_TYPE;
use invoked_core::id::{InvKey, RequestId};
use invoked_core::name::FunctionName;

use super::*;

fn name() -> FunctionName {
    FunctionName::parse("fn").unwrap()
}

#[track_caller]
fn answers(problem: impl Into<Problem>, code: ErrorCode, message: &str) {
    let refusal = problem.into().refusal();
    assert_eq!((refusal.code, refusal.message.as_str()), (code, message));
    let is_later = matches!(code.http_status(), 429 | 503);
    assert_eq!(refusal.retry_after.is_some(), is_later, "{code}");
}

#[test]
fn every_error_of_the_engine_has_its_code() {
    use ErrorCode as C;
    let second = Duration::from_secs(1);
    let missing = "function 'fn' does not exist";
    answers(InvokeError::NoFunction { function: name() }, C::FunctionNotFound, missing);
    answers(FunctionError::NotFound { function: name() }, C::FunctionNotFound, missing);
    answers(ConfigError::NoFunction { function: name() }, C::FunctionNotFound, missing);
    answers(TaskError::NoFunction { function: name() }, C::FunctionNotFound, missing);
    answers(
        InvokeError::NoTarget { function: name() },
        C::InvalidArgument,
        "function 'fn' has no target; set INVOKED_TARGET_URL or its url",
    );
    answers(
        InvokeError::Duplicate { id: "t".into() },
        C::StatefulAsyncInvocationAlreadyExists,
        "a task with the id 't' exists already",
    );
    answers(
        InvokeError::TooLarge { limit: 131_072 },
        C::EntityTooLarge,
        "payload size exceeds maximum allowed size (131072 bytes)",
    );
    answers(
        InvokeError::Overloaded { retry_after: second },
        C::ResourceExhausted,
        "too many requests are waiting",
    );
    answers(
        InvokeError::Unavailable { retry_after: second },
        C::ServiceUnavailable,
        "the daemon cannot take the invocation now",
    );
    for (why, code, reason) in [
        (Refusing::CommitLag, C::ResourceExhausted, "the store is behind with its commits"),
        (Refusing::Memory, C::ServiceUnavailable, "short of memory"),
        (Refusing::Disk, C::ServiceUnavailable, "no room left in the store"),
        (Refusing::Draining, C::ServiceUnavailable, "draining"),
    ] {
        let message = format!("new asynchronous invocations are refused for now: {reason}");
        answers(InvokeError::Refused { why }, code, &message);
        let refusal = Problem::Refused(why).refusal();
        assert_eq!((refusal.code, refusal.retry_after), (code, Some(why.retry_after())));
        assert!(!refusal.message.contains(reason), "who asks is not known yet");
    }
    answers(
        FunctionError::Exists { function: name() },
        C::FunctionAlreadyExists,
        "function 'fn' already exists",
    );
    answers(
        FunctionError::OwnedByFile { function: name() },
        C::AccessDenied,
        "function 'fn' is defined in the daemon's configuration; change it there",
    );
    answers(
        ConfigError::OutOfRange { field: "maxAsyncRetryAttempts", min: 0, max: 8, got: 9 },
        C::InvalidArgument,
        "maxAsyncRetryAttempts must be between 0 and 8, got 9",
    );
    answers(
        ConfigError::Loop { path: "a → a".into() },
        C::InvalidDestinationResources,
        "The destination resource is invalid: destinations form a loop: a → a",
    );
    answers(
        TaskError::NotFound { function: name(), id: "t".into() },
        C::StatefulAsyncInvocationNotFound,
        "task 't' of function 'fn' does not exist",
    );
    answers(
        TaskError::Ended { id: "t".into(), status: "Failed" },
        C::InvalidArgument,
        "task 't' has already ended with status Failed",
    );
    answers(
        TaskError::Unavailable,
        C::ServiceUnavailable,
        "the daemon cannot take the request now",
    );
}

#[test]
fn what_is_our_fault_is_not_told() {
    use invoked_store::StoreError;
    let secret = || StoreError::Engine { message: "/var/lib/invoked: disk on fire".into() };
    for problem in [
        Problem::from(FunctionError::Store(secret())),
        ConfigError::Store(secret()).into(),
        TaskError::Store(secret()).into(),
        Problem::Panicked,
    ] {
        let refusal = problem.refusal();
        assert_eq!(
            (refusal.code, refusal.message.as_str()),
            (ErrorCode::InternalServerError, INTERNAL)
        );
    }
    let problem = Problem::from(TaskError::Store(secret()));
    assert!(in_full(&problem).contains("disk on fire"), "the log has it");
}

#[test]
fn a_store_that_is_closed_or_full_is_to_be_asked_again() {
    use invoked_store::StoreError;
    for problem in [
        Problem::from(TaskError::Store(StoreError::Closed)),
        FunctionError::Store(StoreError::Full).into(),
        ConfigError::Store(StoreError::Full).into(),
    ] {
        let refusal = problem.refusal();
        assert_eq!(refusal.code, ErrorCode::ServiceUnavailable);
        assert!(refusal.retry_after.is_some());
    }
}

#[test]
fn a_call_that_did_not_run_says_what_to_do_and_not_where_it_failed() {
    let waiting = |seconds| Verdict::Unavailable {
        retry_after: (seconds > 0).then(|| Duration::from_secs(seconds)),
    };
    for (verdict, code, status, answered, after) in [
        (waiting(7), "ResourceExhausted", 429, ErrorCode::ResourceExhausted, Some(7)),
        (waiting(0), "ResourceThrottled", 503, ErrorCode::ResourceThrottled, Some(1)),
        (waiting(0), "FunctionUnreachable", 0, ErrorCode::ServiceUnavailable, Some(1)),
        (waiting(0), "BadResponse", 502, ErrorCode::BadResponse, None),
        (Verdict::Refused, "EgressDenied", 0, ErrorCode::AccessDenied, None),
        (Verdict::Refused, "SignatureNotMatch", 403, ErrorCode::BadResponse, None),
        (Verdict::Gone, "FunctionNotFound", 404, ErrorCode::FunctionNotFound, None),
    ] {
        let fault = Fault::new(code, "10.0.0.7:9000 is down", status);
        let refusal = Problem::NotRun { verdict, fault }.refusal();
        assert_eq!(refusal.code, answered, "{code}");
        assert_eq!(refusal.retry_after, after.map(Duration::from_secs), "{code}");
        assert!(verdict == Verdict::Gone || !refusal.message.contains("10.0.0.7"), "{code}");
    }
}

#[test]
fn an_answer_has_its_id_its_wait_and_a_body_for_every_client() {
    let id = RequestId::from(InvKey([7; 16]));
    let problem =
        Problem::from(InvokeError::Overloaded { retry_after: Duration::from_millis(1_001) });
    let reply = problem.reply(id);
    assert_eq!(reply.status(), 429);
    assert_eq!(reply.headers()[RETRY_AFTER], "2");
    assert_eq!(reply.headers()[REQUEST_ID], id.to_string().as_str());
    assert_eq!(reply.headers()[CONTENT_TYPE], "application/json");
    assert!(!reply.headers().contains_key(CONNECTION));

    let reply = Problem::from(BodyError::TooLarge { limit: 1 }).reply(id);
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()[CONNECTION]),
        (400, &"close".parse().unwrap())
    );
}
