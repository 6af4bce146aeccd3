//! Bodies of a PUT as clients spell them, and the one spelling of the answer.

use super::{AsyncConfig, DestinationConfig, PutAsyncInvokeConfigInput};
use crate::{
    captures,
    dto::{FunctionNames, Shape},
    time::MetadataTime,
};

fn parse(body: &str) -> PutAsyncInvokeConfigInput {
    PutAsyncInvokeConfigInput::parse(body.as_bytes()).unwrap()
}

fn both(destination: &str) -> DestinationConfig {
    let side = Some(destination.to_owned());
    DestinationConfig { on_success: side.clone(), on_failure: side }
}

#[test]
fn captured_bodies_read() {
    let puts: Vec<_> = captures::all()
        .iter()
        .filter(|capture| capture.path.ends_with("async-invoke-config"))
        .filter(|capture| capture.method == "PUT")
        .map(|capture| parse(capture.body))
        .collect();
    assert_eq!(puts.len(), 9);
    for put in puts {
        assert_eq!(put.max_async_event_age_in_seconds, Some(3600));
        let Some(destinations) = put.destination_config else { continue };
        assert!(destinations.on_success.unwrap().ends_with("functions/ok"));
        assert_eq!(put.max_async_retry_attempts, Some(2));
        assert_eq!(put.async_task, Some(true));
    }
}

#[test]
fn absent_and_empty_destinations_differ() {
    for body in ["", "{}", r#"{"destinationConfig":null,"functionName":"fn"}"#] {
        assert_eq!(parse(body), PutAsyncInvokeConfigInput::default());
    }
    let none = Some(DestinationConfig::default());
    assert_eq!(parse(r#"{"destinationConfig":{}}"#).destination_config, none);
}

#[test]
fn empty_sides_are_unset() {
    for side in ["{}", "null", r#"{"destination":""}"#, r#"{"destination":null}"#] {
        let body = format!(r#"{{"destinationConfig":{{"onSuccess":{side},"onFailure":{side}}}}}"#);
        assert_eq!(parse(&body).destination_config, Some(DestinationConfig::default()));
    }
}

#[test]
fn capitals_and_strings_read() {
    let input = parse(
        r#"{"DestinationConfig":{"OnSuccess":{"Destination":"arn"},"OnFailure":{"Destination":"arn"}},
            "MaxAsyncEventAgeInSeconds":"60","MaxAsyncRetryAttempts":0,"StatefulInvocation":"false"}"#,
    );
    assert_eq!(
        input,
        PutAsyncInvokeConfigInput {
            destination_config: Some(both("arn")),
            max_async_event_age_in_seconds: Some(60),
            max_async_retry_attempts: Some(0),
            async_task: Some(false),
        }
    );
}

#[test]
fn refusals_name_the_field() {
    for (body, message) in [
        (
            r#"{"maxAsyncRetryAttempts":"many"}"#,
            "field 'maxAsyncRetryAttempts' is invalid: expected a 64-bit integer",
        ),
        (
            r#"{"destinationConfig":{"onFailure":{"destination":1}}}"#,
            "field 'destinationConfig.onFailure.destination' is invalid: expected a string",
        ),
        (r#"{"asyncTask":1}"#, "field 'asyncTask' is invalid: expected true or false"),
    ] {
        let refusal = PutAsyncInvokeConfigInput::parse(body.as_bytes()).unwrap_err();
        assert_eq!(refusal.to_string(), message);
    }
}

fn config(shape: Shape, full: &str) -> AsyncConfig {
    let at = MetadataTime { unix_ms: 1_597_890_501_000 };
    AsyncConfig {
        shape,
        function: FunctionNames { arn: "acs:fc:::functions/fn".to_owned(), full: full.to_owned() },
        qualifier: "LATEST".to_owned(),
        created_at: at,
        last_modified_at: at,
        destination_config: DestinationConfig { on_success: None, ..both("arn") },
        max_async_event_age_in_seconds: Some(3600),
        max_async_retry_attempts: None,
        async_task: true,
    }
}

#[test]
fn unset_sides_are_left_out() {
    assert_eq!(
        serde_json::to_string(&config(Shape::Functions, "fn")).unwrap(),
        r#"{"functionArn":"acs:fc:::functions/fn","createdTime":"2020-08-20T02:28:21Z","lastModifiedTime":"2020-08-20T02:28:21Z","destinationConfig":{"onFailure":{"destination":"arn"}},"maxAsyncEventAgeInSeconds":3600,"maxAsyncRetryAttempts":null,"asyncTask":true}"#
    );
    assert_eq!(serde_json::to_string(&DestinationConfig::default()).unwrap(), "{}");
}

#[test]
fn versions_with_services_name_service_function_and_qualifier() {
    assert_eq!(
        serde_json::to_string(&config(Shape::Services, "svc$fn")).unwrap(),
        r#"{"service":"svc","function":"fn","qualifier":"LATEST","createdTime":"2020-08-20T02:28:21Z","lastModifiedTime":"2020-08-20T02:28:21Z","destinationConfig":{"onFailure":{"destination":"arn"}},"maxAsyncEventAgeInSeconds":3600,"maxAsyncRetryAttempts":null,"statefulInvocation":true}"#
    );
}
