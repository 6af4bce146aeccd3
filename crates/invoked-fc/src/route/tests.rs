//! Paths of all versions, captured and made up.

use super::{ApiVersion, FunctionPath, Operation, TaskPath, parse};
use crate::{captures, error::ErrorCode, query::Query};

fn operation(method: &str, path: &str) -> Operation {
    parse(method, path).unwrap().operation
}

fn function(name: &str, qualifier: Option<&str>) -> FunctionPath {
    FunctionPath { name: name.to_owned(), qualifier: qualifier.map(str::to_owned) }
}

/// The name that a capture's action has in the 2023 version.
fn action_of_2023(action: &str) -> &str {
    match action {
        "PutFunctionAsyncInvokeConfig" => "PutAsyncInvokeConfig",
        "GetFunctionAsyncInvokeConfig" => "GetAsyncInvokeConfig",
        "DeleteFunctionAsyncInvokeConfig" => "DeleteAsyncInvokeConfig",
        "ListFunctionAsyncInvokeConfigs" => "ListAsyncInvokeConfigs",
        "GetStatefulAsyncInvocation" => "GetAsyncTask",
        "ListStatefulAsyncInvocations" => "ListAsyncTasks",
        "StopStatefulAsyncInvocation" => "StopAsyncTask",
        action => action,
    }
}

#[test]
fn captured_requests_route_to_their_action() {
    let mut routed = 0;
    for capture in captures::all() {
        let Some(action) = capture.request().header("x-acs-action") else { continue };
        if action == "ListStatefulAsyncInvocationFunctions" {
            continue; // Of no version but these, and not served yet.
        }
        let operation = operation(capture.method, capture.path);
        assert_eq!(operation.name(), action_of_2023(action), "{} {}", capture.method, capture.path);
        routed += 1;
    }
    assert_eq!(routed, 46);
}

#[test]
fn captured_requests_of_2016_route() {
    let routed: Vec<_> = captures::all()
        .iter()
        .filter(|capture| capture.path.starts_with("/2016-08-15/services/svc"))
        .filter_map(|capture| parse(capture.method, capture.path).ok())
        .collect();
    // All but the alias.
    assert_eq!(routed.len(), 24);
    assert!(routed.iter().all(|route| route.version == ApiVersion::V2016));
}

#[test]
fn every_2023_operation_has_its_path() {
    let f = || function("fn", None);
    let task = || TaskPath { function: f(), task_id: "t_1".to_owned() };
    for (method, path, expected) in [
        ("POST", "functions/fn/invocations", Operation::InvokeFunction(f())),
        ("PUT", "functions/fn/async-invoke-config", Operation::PutAsyncInvokeConfig(f())),
        ("GET", "functions/fn/async-invoke-config", Operation::GetAsyncInvokeConfig(f())),
        ("DELETE", "functions/fn/async-invoke-config", Operation::DeleteAsyncInvokeConfig(f())),
        ("GET", "async-invoke-configs", Operation::ListAsyncInvokeConfigs(None)),
        ("GET", "functions/fn/async-tasks/t_1", Operation::GetAsyncTask(task())),
        ("GET", "functions/fn/async-tasks", Operation::ListAsyncTasks(f())),
        ("PUT", "functions/fn/async-tasks/t_1/stop", Operation::StopAsyncTask(task())),
        ("POST", "functions", Operation::CreateFunction(None)),
        ("GET", "functions/fn", Operation::GetFunction(f())),
        ("GET", "functions/fn/code", Operation::GetFunctionCode(f())),
        ("GET", "functions", Operation::ListFunctions(None)),
        ("PUT", "functions/fn", Operation::UpdateFunction(f())),
        ("DELETE", "functions/fn", Operation::DeleteFunction(f())),
        ("GET", "functions/fn/triggers", Operation::ListTriggers(f())),
    ] {
        let route = parse(method, &format!("/2023-03-30/{path}")).unwrap();
        assert_eq!(route.version, ApiVersion::V2023);
        assert_eq!(route.operation, expected);
    }
}

#[test]
fn services_fold_into_the_name() {
    for (path, expected) in [
        ("/2016-08-15/services/svc/functions/fn", function("svc$fn", None)),
        ("/2016-08-15/services/svc.prod/functions/fn", function("svc$fn", Some("prod"))),
        ("/2021-04-06/services/svc/functions/fn", function("svc$fn", None)),
        ("/2021-04-06/services/svc.1/functions/fn", function("svc$fn", Some("1"))),
        ("/2023-03-30/functions/svc%24fn", function("svc$fn", None)),
    ] {
        assert_eq!(operation("GET", path), Operation::GetFunction(expected), "{path}");
    }
    assert_eq!(
        operation("GET", "/2016-08-15/services/svc.LATEST/functions"),
        Operation::ListFunctions(Some("svc".to_owned()))
    );
}

#[test]
fn the_path_of_an_http_function_stays_as_it_was_sent() {
    for (path, function, expected) in [
        ("/2016-08-15/proxy/svc/fn", function("svc$fn", None), "/"),
        ("/2016-08-15/proxy/svc/fn/", function("svc$fn", None), "/"),
        ("/2016-08-15/proxy/svc.prod/fn/a%20b//c/", function("svc$fn", Some("prod")), "/a%20b//c/"),
        ("/2021-04-06/proxy/s%76c/fn/%FF/proxy/x", function("svc$fn", None), "/%FF/proxy/x"),
        ("/2023-03-30/proxy/fn.1/a", function("fn", Some("1")), "/a"),
        ("/2023-03-30/proxy/svc%24fn", function("svc$fn", None), "/"),
    ] {
        for method in ["GET", "POST", "PROPFIND"] {
            let path_of_function = expected.to_owned();
            let function = function.clone();
            let expected = Operation::Proxy { function, path: path_of_function };
            assert_eq!(operation(method, path), expected, "{path}");
        }
    }
}

#[test]
fn segments_are_decoded_one_by_one() {
    assert_eq!(
        operation("GET", "/2023-03-30/functions/a%2Fb/async-tasks/%E4%BB%BB+"),
        Operation::GetAsyncTask(TaskPath {
            function: function("a/b", None),
            task_id: "任+".to_owned()
        })
    );
}

#[test]
fn qualifiers_come_from_path_then_query_then_default() {
    for (path, query, expected) in [
        (None, "", "LATEST"),
        (None, "qualifier=", "LATEST"),
        (None, "qualifier=prod", "prod"),
        (Some(""), "qualifier=prod", "prod"),
        (Some("1"), "qualifier=prod", "1"),
    ] {
        let query = Query::parse(query);
        assert_eq!(function("fn", path).qualifier(&query), expected);
    }
}

#[test]
fn unknown_paths_are_refused() {
    for (method, path) in [
        ("GET", ""),
        ("GET", "/"),
        ("GET", "/functions"),
        ("GET", "/2020-01-01/functions"),
        ("GET", "/2023-03-30"),
        ("GET", "/2023-03-30/"),
        ("GET", "/2023-03-30/functions/"),
        ("GET", "/2023-03-30//functions"),
        ("POST", "/2023-03-30/functions//invocations"),
        ("POST", "/2023-03-30/functions/%FF/invocations"),
        ("get", "/2023-03-30/functions"),
        ("PATCH", "/2023-03-30/functions/fn"),
        ("PUT", "/2023-03-30/functions/fn/async-tasks/t_1"),
        ("GET", "/2023-03-30/services/svc/functions/fn"),
        ("GET", "/2016-08-15/proxy/"),
        ("GET", "/2016-08-15/proxy/svc"),
        ("GET", "/2016-08-15/proxy/svc/"),
        ("GET", "/2016-08-15/proxy//fn/a"),
        ("GET", "/2023-03-30/proxy//a"),
        ("GET", "/2020-01-01/proxy/svc/fn/"),
        ("PUT", "/2021-04-06/services/svc/functions/fn/stateful-async-invocations/t_1/stop"),
    ] {
        let refusal = parse(method, path).unwrap_err();
        assert_eq!(refusal.code(), ErrorCode::PathNotSupported);
        assert_eq!(refusal.to_string(), format!("'{method}' against '{path}' is not supported"));
    }
}
