//! The paths of 2023-03-30, after the version.

use super::{FunctionPath, Operation, TaskPath, decode_segment};

pub(super) fn operation(method: &str, path: &[&str]) -> Option<Operation> {
    use Operation as O;

    Some(match (method, path) {
        ("POST", ["functions", name, "invocations"]) => O::InvokeFunction(function(name)),

        ("PUT", ["functions", name, "async-invoke-config"]) => {
            O::PutAsyncInvokeConfig(function(name))
        }
        ("GET", ["functions", name, "async-invoke-config"]) => {
            O::GetAsyncInvokeConfig(function(name))
        }
        ("DELETE", ["functions", name, "async-invoke-config"]) => {
            O::DeleteAsyncInvokeConfig(function(name))
        }
        ("GET", ["async-invoke-configs"]) => O::ListAsyncInvokeConfigs(None),

        ("GET", ["functions", name, "async-tasks"]) => O::ListAsyncTasks(function(name)),
        ("GET", ["functions", name, "async-tasks", id]) => O::GetAsyncTask(task(name, id)),
        ("PUT", ["functions", name, "async-tasks", id, "stop"]) => O::StopAsyncTask(task(name, id)),

        ("POST", ["functions"]) => O::CreateFunction(None),
        ("GET", ["functions"]) => O::ListFunctions(None),
        ("GET", ["functions", name]) => O::GetFunction(function(name)),
        ("PUT", ["functions", name]) => O::UpdateFunction(function(name)),
        ("DELETE", ["functions", name]) => O::DeleteFunction(function(name)),
        ("GET", ["functions", name, "code"]) => O::GetFunctionCode(function(name)),
        ("GET", ["functions", name, "triggers"]) => O::ListTriggers(function(name)),

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

fn function(name: &str) -> FunctionPath {
    FunctionPath { name: name.to_owned(), qualifier: None }
}

fn task(name: &str, id: &str) -> TaskPath {
    TaskPath { function: function(name), task_id: id.to_owned() }
}
