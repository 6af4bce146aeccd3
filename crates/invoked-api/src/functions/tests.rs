use invoked_core::id::FnId;
use invoked_core::time::Timestamp;
use invoked_engine::Origin;
use serde_json::json;

use super::*;

fn changed(body: &Value) -> Result<FunctionChange, Problem> {
    change(&FunctionInput::parse(body.to_string().as_bytes()).unwrap())
}

#[test]
fn the_environment_says_where_and_what_a_function_is() {
    let change = changed(&json!({
        "functionName": "fn",
        "timeout": 30,
        "environmentVariables": {
            "INVOKED_TARGET_URL": "http://127.0.0.1:9000",
            "INVOKED_FUNCTION_KIND": "HTTP",
        },
    }))
    .unwrap();
    assert_eq!(change.url.as_deref(), Some("http://127.0.0.1:9000"));
    assert_eq!((change.kind, change.timeout), (FunctionKind::Http, Some(Duration::from_secs(30))));
    assert_eq!((change.concurrency, change.initialize), (None, false));

    let change = changed(&json!({"functionName": "fn"})).unwrap();
    assert_eq!((change.url, change.kind, change.timeout), (None, FunctionKind::Event, None));
}

#[test]
fn what_does_not_fit_is_refused_with_field_and_limit() {
    for (body, message) in [
        (json!({"timeout": 0}), "timeout: must be between 1 and 86400 seconds, got 0"),
        (json!({"timeout": 86_401}), "timeout: must be between 1 and 86400 seconds, got 86401"),
        (
            json!({"environmentVariables": {"INVOKED_FUNCTION_KIND": "cron"}}),
            "environmentVariables.INVOKED_FUNCTION_KIND: must be event or http, got 'cron'",
        ),
    ] {
        assert_eq!(changed(&body).unwrap_err().to_string(), message);
    }
}

#[test]
fn an_initializer_counts_if_it_names_something() {
    for (body, initializes) in [
        (json!({"initializer": "index.init"}), true),
        (json!({"initializer": ""}), false),
        (json!({"instanceLifecycleConfig": {"Initializer": {"handler": "index.init"}}}), true),
        (json!({"instanceLifecycleConfig": {"initializer": {"command": ["init"]}}}), true),
        (json!({"instanceLifecycleConfig": {"initializer": {"handler": "", "timeout": 3}}}), false),
        (json!({"instanceLifecycleConfig": {"preStop": {"handler": "index.stop"}}}), false),
        (json!({"customRuntimeConfig": {"port": 9000}}), false),
    ] {
        assert_eq!(changed(&body).unwrap().initialize, initializes, "{body}");
    }
}

#[test]
fn a_function_is_shown_as_it_was_given_and_as_it_is() {
    let identity = Identity { region: "cn-hangzhou".into(), account: "123".into() };
    let record = |attributes: &str| FunctionRecord {
        id: FnId(7),
        name: FunctionName::parse("fn").unwrap(),
        account: "123".into(),
        origin: Origin::Api,
        kind: FunctionKind::Event,
        url: None,
        timeout: Duration::from_millis(1_500),
        concurrency: None,
        rate: None,
        weight: 1,
        qualifiers: [].into(),
        status: StatusMode::Header,
        initialize: false,
        attributes: attributes.into(),
        disabled: None,
        created_at: Timestamp::from_millis(1_717_401_600_000),
        modified_at: Timestamp::from_millis(1_717_401_600_000),
    };
    let given = json!({"runtime": "custom.debian10", "timeout": 2, "description": "of a test"});
    let body =
        serde_json::to_value(shown(Shape::Functions, &identity, &record(&given.to_string())))
            .unwrap();
    for (field, value) in [
        ("functionName", json!("fn")),
        ("functionArn", json!("acs:fc:cn-hangzhou:123:functions/fn")),
        ("runtime", json!("custom.debian10")),
        ("timeout", json!(2)),
        ("description", json!("of a test")),
        ("createdTime", json!("2024-06-03T08:00:00Z")),
        ("state", json!("Active")),
    ] {
        assert_eq!(body[field], value, "{field}");
    }
    let body = serde_json::to_value(shown(Shape::Functions, &identity, &record("{}"))).unwrap();
    assert_eq!((&body["runtime"], &body["timeout"]), (&json!("custom"), &json!(2)));
}
