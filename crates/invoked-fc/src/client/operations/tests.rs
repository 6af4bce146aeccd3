//! The table against the routes: what a client asks for is what a daemon understands.

use super::{OPERATIONS, Operation};
use crate::client::{Destination, Moment, Request};
use crate::route::{self, ApiVersion};

/// The name under which the routes know an operation.
fn routed_name(operation: &Operation) -> &'static str {
    match operation.name {
        "PutFunctionAsyncInvokeConfig" => "PutAsyncInvokeConfig",
        "GetFunctionAsyncInvokeConfig" => "GetAsyncInvokeConfig",
        "DeleteFunctionAsyncInvokeConfig" => "DeleteAsyncInvokeConfig",
        "ListFunctionAsyncInvokeConfigs" => "ListAsyncInvokeConfigs",
        "GetStatefulAsyncInvocation" => "GetAsyncTask",
        "ListStatefulAsyncInvocations" => "ListAsyncTasks",
        "StopStatefulAsyncInvocation" => "StopAsyncTask",
        "TagResource" => "TagResources",
        "UntagResource" => "UntagResources",
        name => name,
    }
}

fn sent(operation: &'static Operation, version: ApiVersion) -> (&'static str, String) {
    let path: Vec<_> = operation.path_keys().map(|key| (key, "a b")).collect();
    let request = Request::new(operation, version, &path).unwrap();
    let to = Destination { authority: "localhost", base_path: "" };
    let signed = request.sign(to, None, Moment { nonce: "n", unix_seconds: 0 });
    (signed.method, signed.target)
}

#[test]
fn every_operation_routes_to_itself() {
    for operation in OPERATIONS {
        for version in operation.versions {
            let (method, path) = sent(operation, *version);
            let route = route::parse(method, &path).unwrap();
            assert_eq!(route.version, *version);
            assert_eq!(route.operation.name(), routed_name(operation), "{method} {path}");
        }
    }
}

#[test]
fn names_are_unique_in_a_version() {
    for version in [ApiVersion::V2016, ApiVersion::V2021, ApiVersion::V2023] {
        let mut names: Vec<_> = OPERATIONS
            .iter()
            .filter(|operation| operation.versions.contains(&version))
            .map(|operation| operation.name)
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{version}");
        assert!(OPERATIONS.iter().all(|operation| operation.versions.is_sorted()));
    }
}

#[test]
fn the_newest_version_goes_first() {
    for (name, asked, found) in [
        ("InvokeFunction", None, Some(ApiVersion::V2023)),
        ("InvokeFunction", Some(ApiVersion::V2016), Some(ApiVersion::V2016)),
        ("PutFunctionAsyncInvokeConfig", None, Some(ApiVersion::V2021)),
        ("PutFunctionAsyncInvokeConfig", Some(ApiVersion::V2023), None),
        ("GetAsyncTask", None, Some(ApiVersion::V2023)),
        ("NoSuchOperation", None, None),
    ] {
        let operation = Operation::find(name, asked);
        assert_eq!(operation.map(|(_, version)| version), found, "{name}");
        assert!(operation.is_none_or(|(operation, _)| operation.name == name));
    }
    assert_eq!(
        Operation::versions_of("InvokeFunction"),
        [ApiVersion::V2016, ApiVersion::V2021, ApiVersion::V2023]
    );
}

#[test]
fn every_routed_operation_can_be_asked_for() {
    let routes = include_str!("../../route.rs");
    let names = routes.split("pub const fn name(").nth(1).unwrap();
    let names = names.split("\n    }\n").next().unwrap();
    let names: Vec<_> = names.split('"').skip(1).step_by(2).collect();
    assert!(names.contains(&"InvokeFunction"), "{names:?}");
    for name in names {
        assert!(OPERATIONS.iter().any(|operation| routed_name(operation) == name), "{name}");
    }
}
