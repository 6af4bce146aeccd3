//! The paths of 2016-08-15 and 2021-04-06, after the version.
//!
//! Their tables are the same but for the place of the qualifier: 2016 clients write it behind the
//! service's name, 2021 clients in the query. `s cli fc api` mixes the two, so both are read in
//! both.

use super::{FunctionPath, Nothing, Operation, Owner, PartPath, TaskPath, decode_segment};

pub(super) fn operation(method: &str, path: &[&str]) -> Option<Operation> {
    use Operation as O;

    Some(match (method, path) {
        ("POST", ["services"]) => O::CreateService,
        ("GET", ["services"]) => O::ListServices,
        (_, ["services", service, rest @ ..]) => of_service(method, service, rest)?,

        ("GET", ["stateful-async-invocation-functions"]) => O::ListAsyncTaskFunctions,
        ("GET", ["account-settings"]) => O::GetAccountSettings,

        ("POST", ["tag"]) => O::TagResources,
        // 2016 clients delete, 2021 clients put.
        ("PUT" | "DELETE", ["tag"]) => O::UntagResources,
        ("GET", ["tag"]) => O::GetResourceTags,
        ("GET", ["tags"]) => O::ListTaggedResources,

        ("GET", ["provision-configs"]) => O::ListNothing(Nothing::ProvisionConfigs),
        ("GET", ["on-demand-configs"]) => O::ListNothing(Nothing::OnDemandConfigs),
        // As 2016 and as 2021 clients spell it.
        ("GET", ["reservedCapacities" | "reserved-capacities"]) => {
            O::ListNothing(Nothing::ReservedCapacities)
        }
        ("GET", ["custom-domains"]) => O::ListNothing(Nothing::CustomDomains),
        ("GET", ["layers"]) => O::ListNothing(Nothing::Layers),

        _ => return None,
    })
}

/// What follows `proxy/`: the service, the function, and a path that is the function's own.
pub(super) fn proxy(path: &str) -> Option<Operation> {
    let (service, rest) = path.split_once('/')?;
    let (name, path) = match rest.find('/') {
        Some(end) => rest.split_at(end),
        None => (rest, "/"),
    };
    let (service, name) = (decode_segment(service)?, decode_segment(name)?);
    Some(Operation::Proxy { function: function(&service, &name), path: path.to_owned() })
}

fn of_service(method: &str, service: &str, path: &[&str]) -> Option<Operation> {
    use Operation as O;

    // A service may be read or listed under a version of it; what it holds is the same.
    let name = || split(service).0.to_owned();
    let owner = || Owner::Service(name());
    let part = |part: &str| PartPath { owner: owner(), name: part.to_owned() };
    Some(match (method, path) {
        ("GET", []) => O::GetService(name()),
        ("PUT", []) => O::UpdateService(name()),
        ("DELETE", []) => O::DeleteService(name()),

        ("POST", ["functions"]) => O::CreateFunction(Some(name())),
        ("GET", ["functions"]) => O::ListFunctions(Some(name())),
        (_, ["functions", name, rest @ ..]) => of_function(method, function(service, name), rest)?,

        ("POST", ["versions"]) => O::PublishVersion(owner()),
        ("GET", ["versions"]) => O::ListVersions(owner()),
        ("DELETE", ["versions", version]) => O::DeleteVersion(part(version)),

        ("POST", ["aliases"]) => O::CreateAlias(owner()),
        ("GET", ["aliases"]) => O::ListAliases(owner()),
        ("GET", ["aliases", alias]) => O::GetAlias(part(alias)),
        ("PUT", ["aliases", alias]) => O::UpdateAlias(part(alias)),
        ("DELETE", ["aliases", alias]) => O::DeleteAlias(part(alias)),

        _ => return None,
    })
}

fn of_function(method: &str, function: FunctionPath, path: &[&str]) -> Option<Operation> {
    use Operation as O;

    Some(match (method, path) {
        ("POST", ["invocations"]) => O::InvokeFunction(function),

        ("PUT", ["async-invoke-config"]) => O::PutAsyncInvokeConfig(function),
        ("GET", ["async-invoke-config"]) => O::GetAsyncInvokeConfig(function),
        ("DELETE", ["async-invoke-config"]) => O::DeleteAsyncInvokeConfig(function),
        ("GET", ["async-invoke-configs"]) => O::ListAsyncInvokeConfigs(Some(function)),

        ("GET", ["stateful-async-invocations"]) => O::ListAsyncTasks(function),
        ("GET", ["stateful-async-invocations", id]) => O::GetAsyncTask(task(function, id)),
        // Without `/stop`: a PUT on the record is the stop.
        ("PUT", ["stateful-async-invocations", id]) => O::StopAsyncTask(task(function, id)),

        ("GET", []) => O::GetFunction(function),
        ("PUT", []) => O::UpdateFunction(function),
        ("DELETE", []) => O::DeleteFunction(function),
        ("GET", ["code"]) => O::GetFunctionCode(function),
        ("GET", ["triggers"]) => O::ListTriggers(function),
        ("GET", ["triggers", name]) => {
            O::GetTrigger(PartPath { owner: function, name: (*name).to_owned() })
        }
        ("GET", ["on-demand-config"]) => O::GetOnDemandConfig(function),

        _ => return None,
    })
}

fn function(service: &str, name: &str) -> FunctionPath {
    let (service, qualifier) = split(service);
    FunctionPath { name: format!("{service}${name}"), qualifier: qualifier.map(str::to_owned) }
}

fn task(function: FunctionPath, id: &str) -> TaskPath {
    TaskPath { function, task_id: id.to_owned() }
}

/// A service's name holds no dot, so the first one starts the qualifier.
fn split(service: &str) -> (&str, Option<&str>) {
    match service.split_once('.') {
        Some((service, qualifier)) => (service, Some(qualifier)),
        None => (service, None),
    }
}
