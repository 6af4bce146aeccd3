//! The paths of 2023-03-30, after the version.

use super::{FunctionPath, Nothing, Operation, Owner, PartPath, TaskPath, decode_segment};

pub(super) fn operation(method: &str, path: &[&str]) -> Option<Operation> {
    use Operation as O;

    Some(match (method, path) {
        ("POST", ["functions"]) => O::CreateFunction(None),
        ("GET", ["functions"]) => O::ListFunctions(None),
        (_, ["functions", name, rest @ ..]) => of_function(method, name, rest)?,

        ("GET", ["async-invoke-configs"]) => O::ListAsyncInvokeConfigs(None),
        ("GET", ["concurrency-configs"]) => O::ListConcurrencyConfigs,

        ("POST" | "PUT", ["tags-v2"]) => O::TagResources,
        ("GET", ["tags-v2"]) => O::ListTagResources,
        ("DELETE", ["tags-v2"]) => O::UntagResources,

        ("GET", ["account-settings"]) => O::GetAccountSettings,

        ("GET", ["provision-configs"]) => O::ListNothing(Nothing::ProvisionConfigs),
        ("GET", ["scaling-configs"]) => O::ListNothing(Nothing::ScalingConfigs),
        ("GET", ["custom-domains"]) => O::ListNothing(Nothing::CustomDomains),
        ("GET", ["layers"]) => O::ListNothing(Nothing::Layers),

        _ => return None,
    })
}

/// What follows `proxy/`: the function, with a qualifier after a dot, and a path that is the
/// function's own. Ours: in the cloud, functions of this version have a host of their own.
pub(super) fn proxy(path: &str) -> Option<Operation> {
    let (name, path) = match path.find('/') {
        Some(end) => path.split_at(end),
        None => (path, "/"),
    };
    let name = decode_segment(name)?;
    let (name, qualifier) = match name.split_once('.') {
        Some((name, qualifier)) => (name, Some(qualifier.to_owned())),
        None => (name.as_str(), None),
    };
    let function = FunctionPath { name: name.to_owned(), qualifier };
    Some(Operation::Proxy { function, path: path.to_owned() })
}

fn of_function(method: &str, name: &str, path: &[&str]) -> Option<Operation> {
    use Operation as O;

    let function = || FunctionPath { name: name.to_owned(), qualifier: None };
    let task = |id: &str| TaskPath { function: function(), task_id: id.to_owned() };
    let owner = || Owner::Function(function());
    let part = |name: &str| PartPath { owner: owner(), name: name.to_owned() };
    Some(match (method, path) {
        ("POST", ["invocations"]) => O::InvokeFunction(function()),

        ("PUT", ["async-invoke-config"]) => O::PutAsyncInvokeConfig(function()),
        ("GET", ["async-invoke-config"]) => O::GetAsyncInvokeConfig(function()),
        ("DELETE", ["async-invoke-config"]) => O::DeleteAsyncInvokeConfig(function()),

        ("GET", ["async-tasks"]) => O::ListAsyncTasks(function()),
        ("GET", ["async-tasks", id]) => O::GetAsyncTask(task(id)),
        ("PUT", ["async-tasks", id, "stop"]) => O::StopAsyncTask(task(id)),

        ("GET", []) => O::GetFunction(function()),
        ("PUT", []) => O::UpdateFunction(function()),
        ("DELETE", []) => O::DeleteFunction(function()),
        ("GET", ["code"]) => O::GetFunctionCode(function()),
        // The SDKs post, Terraform puts.
        ("POST" | "PUT", ["invoke", "disable"]) => O::DisableFunctionInvocation(function()),
        ("POST" | "PUT", ["invoke", "enable"]) => O::EnableFunctionInvocation(function()),

        ("GET", ["triggers"]) => O::ListTriggers(function()),
        ("GET", ["triggers", name]) => {
            O::GetTrigger(PartPath { owner: function(), name: (*name).to_owned() })
        }

        ("POST", ["versions"]) => O::PublishVersion(owner()),
        ("GET", ["versions"]) => O::ListVersions(owner()),
        ("DELETE", ["versions", version]) => O::DeleteVersion(part(version)),

        ("POST", ["aliases"]) => O::CreateAlias(owner()),
        ("GET", ["aliases"]) => O::ListAliases(owner()),
        ("GET", ["aliases", alias]) => O::GetAlias(part(alias)),
        ("PUT", ["aliases", alias]) => O::UpdateAlias(part(alias)),
        ("DELETE", ["aliases", alias]) => O::DeleteAlias(part(alias)),

        ("PUT", ["concurrency"]) => O::PutConcurrencyConfig(function()),
        ("GET", ["concurrency"]) => O::GetConcurrencyConfig(function()),
        ("DELETE", ["concurrency"]) => O::DeleteConcurrencyConfig(function()),

        _ => return None,
    })
}
