//! The paths of 2016-08-15 and 2021-04-06, after the version.
//!
//! Their tables are the same but for the place of the qualifier: 2016 clients write it behind the
//! service's name, 2021 clients in the query. `s cli fc api` mixes the two, so both are read in
//! both.

use super::{FunctionPath, Operation, TaskPath, decode_segment};

pub(super) fn operation(method: &str, path: &[&str]) -> Option<Operation> {
    let ["services", service, rest @ ..] = path else {
        return None;
    };
    match (method, rest) {
        ("POST", ["functions"]) => Some(Operation::CreateFunction(Some((*service).to_owned()))),
        ("GET", ["functions"]) => {
            // A listing may be of a version of the service; the functions are the same.
            Some(Operation::ListFunctions(Some(split(service).0.to_owned())))
        }
        (_, ["functions", name, rest @ ..]) => of_function(method, function(service, name), rest),
        _ => None,
    }
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
