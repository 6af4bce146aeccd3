//! What is read, kept, echoed and replaced of a function.

use serde_json::{Value, json};

use super::{Function, FunctionCode, FunctionInput, InvocationRestriction};
use crate::{
    dto::{FunctionNames, Shape},
    time::MetadataTime,
};

fn parse(body: &Value) -> FunctionInput {
    FunctionInput::parse(body.to_string().as_bytes()).unwrap()
}

fn shown(given: &FunctionInput, shape: Shape, full: &str) -> Function {
    let at = MetadataTime { unix_ms: 1_597_890_501_000 };
    Function {
        shape,
        given: given.given().clone(),
        function: FunctionNames { arn: "acs:fc:::functions/fn".to_owned(), full: full.to_owned() },
        function_id: "id".to_owned(),
        created_at: at,
        last_modified_at: at,
        restriction: None,
    }
}

fn answer(given: &FunctionInput) -> Value {
    serde_json::to_value(shown(given, Shape::Functions, "fn")).unwrap()
}

#[test]
fn steering_fields_are_read() {
    let input = parse(&json!({
        "functionName": "fn",
        "Runtime": "custom.debian10",
        "timeout": "60",
        "cpu": 0.35,
        "memorySize": 512,
        "environmentVariables": {"INVOKED_TARGET_URL": "http://127.0.0.1:9000", "A": "b"},
        "customRuntimeConfig": {"command": ["python3"], "args": ["a.py"], "port": 9000},
    }));
    assert_eq!(input.function_name.as_deref(), Some("fn"));
    assert_eq!(input.runtime.as_deref(), Some("custom.debian10"));
    assert_eq!(input.timeout, Some(60));
    assert_eq!(input.cpu, Some(0.35));
    assert_eq!(input.memory_size, Some(512));
    assert_eq!(input.target_url(), Some("http://127.0.0.1:9000"));
    let runtime = input.custom_runtime_config.unwrap();
    assert_eq!(runtime.command, Some(vec!["python3".to_owned()]));
    assert_eq!(runtime.args, Some(vec!["a.py".to_owned()]));
    assert_eq!(runtime.port, Some(9000));
}

#[test]
fn what_was_given_is_echoed() {
    let input = parse(&json!({
        "FunctionName": "given",
        "unknown": {"Deep": [1, null]},
        "tags": null,
        "state": "Pending",
    }));
    assert_eq!(
        answer(&input),
        json!({
            "functionName": "fn",
            "functionArn": "acs:fc:::functions/fn",
            "functionId": "id",
            "unknown": {"Deep": [1, null]},
            "state": "Active",
            "lastUpdateStatus": "Successful",
            "createdTime": "2020-08-20T02:28:21Z",
            "lastModifiedTime": "2020-08-20T02:28:21Z",
        })
    );
}

#[test]
fn given_objects_read_back() {
    let input = parse(&json!({"Handler": "h", "handler": "exact", "cpu": "1"}));
    assert_eq!(input.handler.as_deref(), Some("exact"));
    assert_eq!(input.given()["handler"], "exact");
    assert_eq!(FunctionInput::from_given(input.given().clone()).unwrap(), input);
}

#[test]
fn code_is_never_kept() {
    let input = parse(&json!({"Code": {"zipFile": "UEsDBA=="}, "Success": "x", "code": "y"}));
    assert!(input.given().is_empty());
}

#[test]
fn updates_replace_what_they_name() {
    let stored = parse(&json!({
        "functionName": "fn",
        "timeout": 3,
        "role": "r",
        "environmentVariables": {"INVOKED_TARGET_URL": "http://a"},
    }));
    let update = parse(&json!({"timeout": 60, "role": null, "environmentVariables": {}}));
    let updated = update.over(stored);
    assert_eq!(updated.timeout, Some(60));
    assert_eq!(updated.target_url(), None);
    assert_eq!(updated.given()["role"], "r");
    assert_eq!(FunctionInput::from_given(updated.given().clone()).unwrap(), updated);
}

#[test]
fn refusals_name_the_field() {
    let refusal =
        |body: Value| FunctionInput::parse(body.to_string().as_bytes()).unwrap_err().to_string();
    assert_eq!(
        refusal(json!({"environmentVariables": {"A": 1}})),
        "field 'environmentVariables' is invalid: expected an object of strings"
    );
    assert_eq!(
        refusal(json!({"customRuntimeConfig": {"port": "http"}})),
        "field 'customRuntimeConfig.port' is invalid: expected a 64-bit integer"
    );
}

#[test]
fn versions_with_services_know_neither_arn_nor_state() {
    let input = parse(&json!({"functionName": "other", "layers": ["arn"], "timeout": 3}));
    assert_eq!(
        serde_json::to_value(shown(&input, Shape::Services, "svc$fn")).unwrap(),
        json!({
            "functionName": "fn",
            "functionId": "id",
            "layers": ["arn"],
            "timeout": 3,
            "createdTime": "2020-08-20T02:28:21Z",
            "lastModifiedTime": "2020-08-20T02:28:21Z",
        })
    );
}

#[test]
fn layers_and_the_switch_are_shown_as_objects() {
    let input = parse(&json!({"layers": ["arn"], "invocationRestriction": {"disable": true}}));
    assert_eq!(answer(&input)["layers"], json!([{"arn": "arn", "size": 0}]));
    assert_eq!(answer(&input).get("invocationRestriction"), None);
    let restriction = InvocationRestriction {
        disable: true,
        reason: "why".to_owned(),
        last_modified_at: MetadataTime { unix_ms: 0 },
    };
    let off = Function { restriction: Some(restriction), ..shown(&input, Shape::Functions, "fn") };
    assert_eq!(
        serde_json::to_value(off).unwrap()["invocationRestriction"],
        json!({"disable": true, "reason": "why", "lastModifiedTime": "1970-01-01T00:00:00Z"})
    );
}

#[test]
fn no_code_is_an_empty_place() {
    let code = serde_json::to_value(FunctionCode::default()).unwrap();
    assert_eq!(code, json!({"url": "", "checksum": ""}));
}
