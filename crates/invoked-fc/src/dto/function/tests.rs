//! What is read, kept, echoed and replaced of a function.

use serde_json::{Value, json};

use super::{Function, FunctionCode, FunctionInput, FunctionList, TriggerList};
use crate::time::MetadataTime;

fn parse(body: &Value) -> FunctionInput {
    FunctionInput::parse(body.to_string().as_bytes()).unwrap()
}

fn answer(given: &FunctionInput) -> Value {
    let at = MetadataTime { unix_ms: 1_597_890_501_000 };
    let function = Function {
        given: given.given().clone(),
        function_name: "fn".to_owned(),
        function_arn: "acs:fc:::functions/fn".to_owned(),
        function_id: "id".to_owned(),
        created_at: at,
        last_modified_at: at,
    };
    serde_json::to_value(function).unwrap()
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
fn empty_lists_are_arrays() {
    let functions = serde_json::to_value(FunctionList::default()).unwrap();
    let triggers = serde_json::to_value(TriggerList::default()).unwrap();
    let code = serde_json::to_value(FunctionCode::default()).unwrap();
    assert_eq!(functions, json!({"functions": [], "nextToken": ""}));
    assert_eq!(triggers, json!({"triggers": [], "nextToken": ""}));
    assert_eq!(code, json!({"url": "", "checksum": ""}));
}
