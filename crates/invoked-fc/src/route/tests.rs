//! Paths of all versions, captured and made up.

use super::{
    ApiVersion, FunctionPath, Nothing, Operation, Owner, PartPath, Route, TaskPath, parse,
};
use crate::{captures, error::ErrorCode, query::Query};

fn operation(method: &str, path: &str) -> Operation {
    parse(method, path).unwrap().operation
}

fn part<Of>(owner: Of, name: &str) -> PartPath<Of> {
    PartPath { owner, name: name.to_owned() }
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
        let operation = operation(capture.method, capture.path);
        assert_eq!(operation.name(), action_of_2023(action), "{} {}", capture.method, capture.path);
        routed += 1;
    }
    assert_eq!(routed, 47);
}

#[test]
fn captured_requests_of_2016_route() {
    let routed: Vec<_> = captures::all()
        .iter()
        .filter(|capture| capture.path.starts_with("/2016-08-15/"))
        .map(|capture| parse(capture.method, capture.path).unwrap())
        .collect();
    assert_eq!(routed.len(), 27);
    assert!(routed.iter().all(|route| route.version == ApiVersion::V2016));
}

#[test]
fn every_2023_operation_has_its_path() {
    let f = || function("fn", None);
    let of = || Owner::Function(f());
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
        ("GET", "functions/fn/triggers/t", Operation::GetTrigger(part(f(), "t"))),
        ("POST", "functions/fn/invoke/disable", Operation::DisableFunctionInvocation(f())),
        ("PUT", "functions/fn/invoke/disable", Operation::DisableFunctionInvocation(f())),
        ("PUT", "functions/fn/invoke/enable", Operation::EnableFunctionInvocation(f())),
        ("POST", "functions/fn/versions", Operation::PublishVersion(of())),
        ("GET", "functions/fn/versions", Operation::ListVersions(of())),
        ("DELETE", "functions/fn/versions/1", Operation::DeleteVersion(part(of(), "1"))),
        ("POST", "functions/fn/aliases", Operation::CreateAlias(of())),
        ("GET", "functions/fn/aliases", Operation::ListAliases(of())),
        ("GET", "functions/fn/aliases/a", Operation::GetAlias(part(of(), "a"))),
        ("PUT", "functions/fn/aliases/a", Operation::UpdateAlias(part(of(), "a"))),
        ("DELETE", "functions/fn/aliases/a", Operation::DeleteAlias(part(of(), "a"))),
        ("PUT", "functions/fn/concurrency", Operation::PutConcurrencyConfig(f())),
        ("GET", "functions/fn/concurrency", Operation::GetConcurrencyConfig(f())),
        ("DELETE", "functions/fn/concurrency", Operation::DeleteConcurrencyConfig(f())),
        ("GET", "concurrency-configs", Operation::ListConcurrencyConfigs),
        ("POST", "tags-v2", Operation::TagResources),
        ("PUT", "tags-v2", Operation::TagResources),
        ("GET", "tags-v2", Operation::ListTagResources),
        ("DELETE", "tags-v2", Operation::UntagResources),
        ("GET", "account-settings", Operation::GetAccountSettings),
        ("GET", "provision-configs", Operation::ListNothing(Nothing::ProvisionConfigs)),
        ("GET", "scaling-configs", Operation::ListNothing(Nothing::ScalingConfigs)),
        ("GET", "custom-domains", Operation::ListNothing(Nothing::CustomDomains)),
        ("GET", "layers", Operation::ListNothing(Nothing::Layers)),
    ] {
        let route = parse(method, &format!("/2023-03-30/{path}")).unwrap();
        assert_eq!(route.version, ApiVersion::V2023);
        assert_eq!(route.operation, expected);
    }
}

#[test]
fn every_operation_of_services_has_its_path() {
    let f = || function("svc$fn", None);
    let s = || "svc".to_owned();
    let of = || Owner::Service(s());
    let task = || TaskPath { function: f(), task_id: "t_1".to_owned() };
    let fns = "services/svc/functions";
    for (method, path, expected) in [
        ("POST", "services", Operation::CreateService),
        ("GET", "services", Operation::ListServices),
        ("GET", "services/svc", Operation::GetService(s())),
        ("GET", "services/svc.1", Operation::GetService(s())),
        ("PUT", "services/svc", Operation::UpdateService(s())),
        ("DELETE", "services/svc", Operation::DeleteService(s())),
        ("POST", "services/svc/versions", Operation::PublishVersion(of())),
        ("GET", "services/svc/versions", Operation::ListVersions(of())),
        ("DELETE", "services/svc/versions/1", Operation::DeleteVersion(part(of(), "1"))),
        ("POST", "services/svc/aliases", Operation::CreateAlias(of())),
        ("GET", "services/svc/aliases", Operation::ListAliases(of())),
        ("GET", "services/svc/aliases/a", Operation::GetAlias(part(of(), "a"))),
        ("PUT", "services/svc/aliases/a", Operation::UpdateAlias(part(of(), "a"))),
        ("DELETE", "services/svc/aliases/a", Operation::DeleteAlias(part(of(), "a"))),
        ("POST", fns, Operation::CreateFunction(Some(s()))),
        ("GET", fns, Operation::ListFunctions(Some(s()))),
        ("GET", &format!("{fns}/fn"), Operation::GetFunction(f())),
        ("PUT", &format!("{fns}/fn"), Operation::UpdateFunction(f())),
        ("DELETE", &format!("{fns}/fn"), Operation::DeleteFunction(f())),
        ("GET", &format!("{fns}/fn/code"), Operation::GetFunctionCode(f())),
        ("GET", &format!("{fns}/fn/triggers"), Operation::ListTriggers(f())),
        ("GET", &format!("{fns}/fn/triggers/t"), Operation::GetTrigger(part(f(), "t"))),
        ("GET", &format!("{fns}/fn/on-demand-config"), Operation::GetOnDemandConfig(f())),
        ("POST", &format!("{fns}/fn/invocations"), Operation::InvokeFunction(f())),
        ("PUT", &format!("{fns}/fn/async-invoke-config"), Operation::PutAsyncInvokeConfig(f())),
        ("GET", &format!("{fns}/fn/async-invoke-config"), Operation::GetAsyncInvokeConfig(f())),
        (
            "DELETE",
            &format!("{fns}/fn/async-invoke-config"),
            Operation::DeleteAsyncInvokeConfig(f()),
        ),
        (
            "GET",
            &format!("{fns}/fn/async-invoke-configs"),
            Operation::ListAsyncInvokeConfigs(Some(f())),
        ),
        ("GET", &format!("{fns}/fn/stateful-async-invocations"), Operation::ListAsyncTasks(f())),
        (
            "GET",
            &format!("{fns}/fn/stateful-async-invocations/t_1"),
            Operation::GetAsyncTask(task()),
        ),
        (
            "PUT",
            &format!("{fns}/fn/stateful-async-invocations/t_1"),
            Operation::StopAsyncTask(task()),
        ),
        ("GET", "stateful-async-invocation-functions", Operation::ListAsyncTaskFunctions),
        ("GET", "account-settings", Operation::GetAccountSettings),
        ("POST", "tag", Operation::TagResources),
        ("PUT", "tag", Operation::UntagResources),
        ("DELETE", "tag", Operation::UntagResources),
        ("GET", "tag", Operation::GetResourceTags),
        ("GET", "tags", Operation::ListTaggedResources),
        ("GET", "provision-configs", Operation::ListNothing(Nothing::ProvisionConfigs)),
        ("GET", "on-demand-configs", Operation::ListNothing(Nothing::OnDemandConfigs)),
        ("GET", "reserved-capacities", Operation::ListNothing(Nothing::ReservedCapacities)),
        ("GET", "reservedCapacities", Operation::ListNothing(Nothing::ReservedCapacities)),
        ("GET", "custom-domains", Operation::ListNothing(Nothing::CustomDomains)),
        ("GET", "layers", Operation::ListNothing(Nothing::Layers)),
    ] {
        for (version, name) in
            [(ApiVersion::V2016, "2016-08-15"), (ApiVersion::V2021, "2021-04-06")]
        {
            let route = parse(method, &format!("/{name}/{path}")).unwrap();
            assert_eq!(route, Route { version, operation: expected.clone() }, "{method} {path}");
        }
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
        ("POST", "/2023-03-30/functions/fn/triggers"),
        ("PUT", "/2023-03-30/functions/fn/versions/1"),
        ("GET", "/2021-04-06/functions"),
        ("GET", "/2021-04-06/services/svc/functions/fn/provision-config"),
        ("DELETE", "/2016-08-15/services"),
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
