use bytes::Bytes;
use invoked_core::id::{InvKey, RequestId};
use invoked_sink::Answer;

use super::*;
use crate::reply::JSON;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .collect()
}

#[test]
fn a_task_is_wished_for_by_type_or_by_header() {
    use InvocationType::{Async, Task};
    let enable = |value| headers(&[(headers::STATEFUL_ASYNC_INVOCATION_ENABLE, value)]);
    for (kind, headers, wish) in [
        (Async, HeaderMap::new(), TaskWish::AsConfigured),
        (Async, enable("true"), TaskWish::Task),
        (Async, enable("False"), TaskWish::Plain),
        (Task, HeaderMap::new(), TaskWish::Task),
        (Task, enable("false"), TaskWish::Task),
    ] {
        assert_eq!(task_wish(kind, &headers).unwrap(), wish);
    }
    assert!(task_wish(Async, &enable("1")).is_err());
}

#[test]
fn both_names_of_a_task_id_are_read_and_the_newer_one_goes_first() {
    let id = |pairs: &[(&'static str, &str)]| {
        task_id(&headers(pairs)).unwrap().map(|id| id.as_str().to_owned())
    };
    let (new, old) = (headers::ASYNC_TASK_ID, headers::STATEFUL_ASYNC_INVOCATION_ID);
    assert_eq!(id(&[]), None);
    assert_eq!(id(&[(new, "")]), None);
    assert_eq!(id(&[(old, "a")]).as_deref(), Some("a"));
    assert_eq!(id(&[(old, "a"), (new, "b")]).as_deref(), Some("b"));
    let refused = task_id(&headers(&[(new, "grün")])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "header 'x-fc-async-task-id' is invalid: expected visible ASCII characters"
    );
}

#[test]
fn lineage_is_a_number_up_to_the_depth() {
    let of = |text: &str| depth(&headers(&[(headers::LINEAGE, text)]));
    assert_eq!(depth(&HeaderMap::new()).unwrap(), 0);
    assert_eq!(of("0").unwrap(), 0);
    assert_eq!(of(" 16").unwrap(), 16);
    for bad in ["", "17", "256", "-1", "x"] {
        assert_eq!(
            of(bad).unwrap_err().to_string(),
            "header 'x-invoked-lineage' is invalid: expected a whole number from 0 to 16"
        );
    }
    assert_eq!(LINEAGE_DEPTH_MAX, 16, "the message names it");
}

#[test]
fn a_202_has_the_task_id_under_both_names() {
    let request_id = RequestId::from(InvKey([7; 16]));
    let plain = accepted(&Accepted { request_id, task: None });
    let task = accepted(&Accepted { request_id, task: Some(TaskId::trusted("t")) });
    for (reply, id) in [(plain, request_id.to_string()), (task, "t".to_owned())] {
        assert_eq!(reply.status(), 202);
        assert_eq!(reply.headers()[REQUEST_ID], request_id.to_string().as_str());
        assert_eq!(reply.headers()[ASYNC_TASK_ID], id.as_str());
        assert_eq!(reply.headers()[STATEFUL_ID], id.as_str());
    }
}

#[test]
fn a_failed_function_is_a_200_and_an_unreachable_one_is_not() {
    let request_id = RequestId::from(InvKey([7; 16]));
    let answer = |verdict, fault| SyncAnswer {
        request_id,
        answer: Answer { verdict, fault, body: Bytes::from_static(b"{}") },
        took: Duration::from_millis(12),
    };
    let reply = answered(answer(Verdict::Succeeded, None), LogType::Tail, latest());
    assert_eq!(reply.status(), 200);
    assert_eq!(
        (&reply.headers()[DURATION], &reply.headers()[LOG_RESULT]),
        (&12.into(), &visible(""))
    );
    assert!(!reply.headers().contains_key(ERROR_TYPE));

    let fault = Fault::new("InvocationError", "as planned", 200);
    let reply = answered(answer(Verdict::FunctionError, Some(fault)), LogType::None, latest());
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()[ERROR_TYPE]),
        (200, &visible("InvocationError"))
    );
    assert!(!reply.headers().contains_key(LOG_RESULT));

    let fault = Fault::new("FunctionUnreachable", "connection refused", 0);
    let reply = answered(
        answer(Verdict::Unavailable { retry_after: None }, Some(fault)),
        LogType::None,
        latest(),
    );
    assert_eq!(reply.status(), 503);
    assert_eq!(reply.headers()[REQUEST_ID], request_id.to_string().as_str(), "the function saw it");
    assert_eq!(reply.headers()[http::header::CONTENT_TYPE], JSON);
}

fn latest() -> HeaderValue {
    HeaderValue::from_static("LATEST")
}
