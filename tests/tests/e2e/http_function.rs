//! HTTP functions: a request passes through the daemon, at once or later.

use invoked_tests::api::{accepted, error, get_task, request_id};
use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;
use invoked_tests::http::Request;
use invoked_tests::poll;
use serde_json::Value;

const PATH: &str = "/2016-08-15/proxy/svc/web/a%20b//c?q=1+2&a=x&a=y";

fn site(function: &FunctionServer) -> Site {
    // A function of a service has a name that TOML wants in quotes.
    let name = "\"svc$web\"";
    Site::new(Config::new().function(name, &function.url()).of_function(name, "kind", "http"))
}

#[test]
fn a_request_passes_through() {
    let function = FunctionServer::start();
    let site = site(&function);
    let daemon = site.start();
    let body: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    let request = Request::new("PUT", PATH)
        .header("authorization", "FC testid:signature")
        .header("content-type", "text/plain")
        .header("x-tag", "one")
        .header("cookie", "a=1; invoked_session=of-the-console; b=2")
        .body(body.clone());
    let response = daemon.send(&request);
    assert!(response.status() == 200 && response.body == body, "{:?}", response.headers);
    assert_eq!(response.headers.first("x-fc-status"), None);

    let call = function.calls().remove(0);
    assert_eq!((call.method.as_str(), call.path.as_str()), ("PUT", "/a%20b//c?q=1+2&a=x&a=y"));
    assert!(call.body == body, "the body is not what was sent");
    assert_eq!(call.request_id, request_id(&response));
    for (header, value) in [
        ("content-type", Some("text/plain")),
        ("x-tag", Some("one")),
        ("cookie", Some("a=1; b=2")),
        ("x-fc-control-path", Some("/http-invoke")),
        ("x-fc-function-name", Some("web")),
        ("x-fc-service-name", Some("svc")),
        ("authorization", None),
    ] {
        assert_eq!(call.headers.first(header), value, "{header} of {:?}", call.headers);
    }

    let planned = daemon.send(&Request::new("POST", PATH).body(r#"{"plan":["status:503"]}"#));
    assert_eq!((planned.status(), planned.text().as_str()), (503, "as planned"));
    let event = daemon.send(
        &Request::new("POST", "/2021-04-06/services/svc/functions/web/invocations").body("{}"),
    );
    assert_eq!((event.status(), error(&event).0.as_str()), (400, "InvalidArgument"));
}

#[test]
fn a_request_for_later_is_retried_until_it_succeeds_across_a_restart() {
    let function = FunctionServer::start();
    let site = site(&function);
    let daemon = site.start();
    let body = r#"{"plan":["fail","status:503","hold"]}"#;
    let request = Request::new("PATCH", PATH)
        .header("x-fc-invocation-type", "Task")
        .header("x-fc-async-task-id", "t_1")
        .header("x-tag", "one")
        .body(body);
    let id = accepted(&daemon.send(&request));
    function.wait_for(3);
    daemon.kill();

    let daemon = site.start();
    function.release();
    let record = poll::until("the end of the task", poll::SOON, || {
        let record = daemon.send(&get_task("svc%24web", "t_1")).json();
        (record["status"] == "Succeeded").then_some(record)
    });
    assert_eq!(record["returnPayload"], body);
    let event: Value = serde_json::from_str(record["taskPayload"].as_str().unwrap()).unwrap();
    assert_eq!((&event["rawPath"], &event["body"]), (&"/a%20b//c".into(), &body.into()));
    let calls = function.calls_of(&id);
    assert!(calls.len() >= 4, "{} calls", calls.len());
    for call in calls {
        assert_eq!(
            (call.method.as_str(), call.path.as_str()),
            ("PATCH", "/a%20b//c?q=1+2&a=x&a=y")
        );
        assert_eq!(
            (call.headers.first("x-tag"), call.body.as_slice()),
            (Some("one"), body.as_bytes())
        );
    }
}
