//! The requests of Function Compute's API of 2023-03-30 that the tests send by hand, and what must be true of the
//! answers whatever the request was.

use serde_json::Value;

use crate::http::{Message, Request};

pub const ID_HEADER: &str = "x-fc-request-id";
pub const TASK_HEADER: &str = "x-fc-async-task-id";
pub const DELAY_HEADER: &str = "x-fc-async-delay";

fn of(function: &str, rest: &str) -> String {
    format!("/2023-03-30/functions/{function}{rest}")
}

#[must_use]
pub fn invoke_async(function: &str) -> Request {
    Request::new("POST", of(function, "/invocations")).header("x-fc-invocation-type", "Async")
}

#[must_use]
pub fn invoke_sync(function: &str) -> Request {
    Request::new("POST", of(function, "/invocations")).header("x-fc-invocation-type", "Sync")
}

#[must_use]
pub fn put_config(function: &str) -> Request {
    Request::new("PUT", of(function, "/async-invoke-config"))
}

#[must_use]
pub fn get_config(function: &str) -> Request {
    Request::get(of(function, "/async-invoke-config"))
}

#[must_use]
pub fn get_task(function: &str, task: &str) -> Request {
    Request::get(of(function, &format!("/async-tasks/{task}")))
}

#[must_use]
pub fn list_tasks(function: &str) -> Request {
    Request::get(of(function, "/async-tasks"))
}

#[must_use]
pub fn stop_task(function: &str, task: &str) -> Request {
    Request::new("PUT", of(function, &format!("/async-tasks/{task}/stop")))
}

/// The request id of a 202; panics if it is anything else.
#[track_caller]
pub fn accepted(response: &Message) -> String {
    assert_eq!(response.status(), 202, "{}", response.text());
    assert!(response.body.is_empty(), "a 202 has no body: {}", response.text());
    request_id(response)
}

#[must_use]
#[track_caller]
pub fn request_id(response: &Message) -> String {
    let id = response.headers.first(ID_HEADER).unwrap_or_default();
    assert!(!id.is_empty(), "no {ID_HEADER} in {response:?}");
    id.to_owned()
}

/// An error as every official client can read it: checks the union body and gives back code and message.
#[must_use]
#[track_caller]
pub fn error(response: &Message) -> (String, String) {
    let content_type = response.headers.first("content-type").unwrap_or_default();
    assert!(
        content_type.starts_with("application/json"),
        "content-type {content_type:?}: {}",
        response.text()
    );
    let body = response.json();
    let text = |key: &str| {
        body[key].as_str().unwrap_or_else(|| panic!("no string {key} in {body}")).to_owned()
    };
    assert_eq!(body["HttpStatus"], Value::from(response.status()), "{body}");
    assert_eq!(text("RequestId"), request_id(response), "{body}");
    assert_eq!(text("Code"), text("ErrorCode"), "{body}");
    assert_eq!(text("Message"), text("ErrorMessage"), "{body}");
    (text("Code"), text("Message"))
}
