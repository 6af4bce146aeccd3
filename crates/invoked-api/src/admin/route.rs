//! Which path and method is what, and the least role it needs.

use http::Method;
use invoked_core::name::FunctionName;
use invoked_fc::percent;

use crate::admin::asked::function_name;
use crate::admin::problem::AdminProblem;
use crate::admin::tokens::Role;

/// What a request wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Operation {
    Describe,
    Status,
    Configuration,
    Store,
    Series,
    Events,
    ListInvocations,
    Reload,
    GetLogLevel,
    SetLogLevel,
    GetBackup,
    BeginBackup,
    ListFunctions,
    GetFunction(FunctionName),
    PutFunction(FunctionName),
    DeleteFunction(FunctionName),
    ListConfigs(FunctionName),
    CountFunction(FunctionName),
    PauseFunction(FunctionName),
    ResumeFunction(FunctionName),
    PurgeFunction(FunctionName),
    StopFunction(FunctionName),
    RetryFunction(FunctionName),
    ListTasks,
    GetTask(FunctionName, String),
    StopTask(FunctionName, String),
    RetryTask(FunctionName, String),
    GetInvocation(String),
    RetryInvocation(String),
    ListCallbacks,
    GetCallback(String),
    RedriveCallbacks,
    ListBulk,
    GetBulk(String),
    CancelBulk(String),
    ListDestinations,
    ProbeDestination,
    WhyInvocation(String),
    WhyTask(FunctionName, String),
    WhyFunction(FunctionName),
    WhyDestination,
    PauseDestination,
    ResumeDestination,
    PurgeDestination,
}

impl Operation {
    /// The least role that may do it.
    pub(super) fn role(&self) -> Role {
        match self {
            Self::Describe
            | Self::Status
            | Self::Store
            | Self::Series
            | Self::Events
            | Self::ListInvocations
            | Self::GetBackup
            | Self::GetLogLevel
            | Self::ListFunctions
            | Self::GetFunction(_)
            | Self::ListConfigs(_)
            | Self::CountFunction(_)
            | Self::ListTasks
            | Self::GetTask(..)
            | Self::GetInvocation(_)
            | Self::ListCallbacks
            | Self::GetCallback(_)
            | Self::ListBulk
            | Self::GetBulk(_)
            | Self::ListDestinations
            | Self::WhyInvocation(_)
            | Self::WhyTask(..)
            | Self::WhyFunction(_)
            | Self::WhyDestination => Role::Viewer,
            Self::Configuration
            | Self::StopTask(..)
            | Self::RetryTask(..)
            | Self::RetryInvocation(_)
            | Self::RedriveCallbacks
            | Self::CancelBulk(_)
            | Self::ProbeDestination
            | Self::PauseFunction(_)
            | Self::ResumeFunction(_)
            | Self::StopFunction(_)
            | Self::RetryFunction(_)
            | Self::PauseDestination
            | Self::ResumeDestination => Role::Operator,
            Self::BeginBackup
            | Self::PutFunction(_)
            | Self::DeleteFunction(_)
            | Self::PurgeFunction(_)
            | Self::PurgeDestination
            | Self::Reload
            | Self::SetLogLevel => Role::Admin,
        }
    }

    /// Whether it changes something.
    pub(super) fn is_change(&self) -> bool {
        // The configuration is only looked at, though not by everybody.
        self.role() != Role::Viewer && *self != Self::Configuration
    }

    /// Its name, for the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Describe => "getOpenApi",
            Self::Status => "getStatus",
            Self::Configuration => "getConfiguration",
            Self::Store => "getStore",
            Self::Series => "getSeries",
            Self::Events => "watchEvents",
            Self::ListInvocations => "listInvocations",
            Self::Reload => "reloadConfig",
            Self::GetLogLevel => "getLogLevel",
            Self::SetLogLevel => "setLogLevel",
            Self::GetBackup => "getBackup",
            Self::BeginBackup => "beginBackup",
            Self::ListFunctions => "listFunctions",
            Self::GetFunction(_) => "getFunction",
            Self::PutFunction(_) => "putFunction",
            Self::DeleteFunction(_) => "deleteFunction",
            Self::ListConfigs(_) => "listConfigs",
            Self::CountFunction(_) => "countFunction",
            Self::PauseFunction(_) => "pauseFunction",
            Self::ResumeFunction(_) => "resumeFunction",
            Self::PurgeFunction(_) => "purgeFunction",
            Self::StopFunction(_) => "stopFunction",
            Self::RetryFunction(_) => "retryFunction",
            Self::PauseDestination => "pauseDestination",
            Self::ResumeDestination => "resumeDestination",
            Self::PurgeDestination => "purgeDestination",
            Self::ListTasks => "listTasks",
            Self::GetTask(..) => "getTask",
            Self::StopTask(..) => "stopTask",
            Self::RetryTask(..) => "retryTask",
            Self::GetInvocation(_) => "getInvocation",
            Self::RetryInvocation(_) => "retryInvocation",
            Self::ListCallbacks => "listCallbacks",
            Self::GetCallback(_) => "getCallback",
            Self::RedriveCallbacks => "redriveCallbacks",
            Self::ListBulk => "listOperations",
            Self::GetBulk(_) => "getOperation",
            Self::CancelBulk(_) => "cancelOperation",
            Self::ListDestinations => "listDestinations",
            Self::ProbeDestination => "probeDestination",
            Self::WhyInvocation(_) => "whyInvocation",
            Self::WhyTask(..) => "whyTask",
            Self::WhyFunction(_) => "whyFunction",
            Self::WhyDestination => "whyDestination",
        }
    }
}

/// What stands at a path, and the methods it takes.
#[derive(Copy, Clone, Debug)]
enum Place {
    Read,
    Function,
    Change,
    Backup,
    Level,
}

/// Finds what a request wants.
///
/// # Errors
/// Nothing stands there, it takes other methods, or a name in the path is not in its form.
pub(super) fn find(method: &Method, path: &str) -> Result<Operation, AdminProblem> {
    use Operation as O;

    let text = |segment: &str| String::from_utf8_lossy(&percent::decode(segment)).into_owned();
    let name = |field: &str, segment: &str| function_name(field, &text(segment));
    let rest = path.strip_prefix("/v1/").ok_or(AdminProblem::Path)?;
    let segments: Vec<_> = rest.split('/').collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        return Err(AdminProblem::Path);
    }
    let takes = |place| takes(place, method);
    Ok(match segments.as_slice() {
        ["openapi.json"] => {
            takes(Place::Read)?;
            O::Describe
        }
        [page @ ("status" | "config" | "store" | "series" | "events" | "invocations")] => {
            takes(Place::Read)?;
            match *page {
                "config" => O::Configuration,
                "store" => O::Store,
                "series" => O::Series,
                "events" => O::Events,
                "invocations" => O::ListInvocations,
                _ => O::Status,
            }
        }
        ["reload" | "log-level"] | ["store", "backup"] => of_the_daemon(&segments, method)?,
        ["functions"] => {
            takes(Place::Read)?;
            O::ListFunctions
        }
        ["functions", function] => {
            takes(Place::Function)?;
            let function = name("name", function)?;
            match *method {
                Method::PUT => O::PutFunction(function),
                Method::DELETE => O::DeleteFunction(function),
                _ => O::GetFunction(function),
            }
        }
        ["functions", function, "configs"] => {
            takes(Place::Read)?;
            O::ListConfigs(name("name", function)?)
        }
        ["tasks"] => {
            takes(Place::Read)?;
            O::ListTasks
        }
        ["tasks", function, id] => {
            takes(Place::Read)?;
            O::GetTask(name("function", function)?, text(id))
        }
        ["tasks", function, id, "stop"] => {
            takes(Place::Change)?;
            O::StopTask(name("function", function)?, text(id))
        }
        ["tasks", function, id, "retry"] => {
            takes(Place::Change)?;
            O::RetryTask(name("function", function)?, text(id))
        }
        ["functions", function, "why"] => {
            takes(Place::Read)?;
            O::WhyFunction(name("name", function)?)
        }
        ["functions", function, verb] => of_a_lane(name("name", function), verb, method)?,
        ["tasks", function, id, "why"] => {
            takes(Place::Read)?;
            O::WhyTask(name("function", function)?, text(id))
        }
        ["invocations", id, ..] => of_an_invocation(&segments, text(id), method)?,
        ["callbacks" | "operations" | "destinations", ..] => of_callbacks(&segments, method)?,
        _ => return Err(AdminProblem::Path),
    })
}

/// The same of what is done with the daemon as a whole.
fn of_the_daemon(segments: &[&str], method: &Method) -> Result<Operation, AdminProblem> {
    use Operation as O;

    Ok(match segments {
        ["reload"] => {
            takes(Place::Change, method)?;
            O::Reload
        }
        ["log-level"] => {
            takes(Place::Level, method)?;
            if *method == Method::PUT { O::SetLogLevel } else { O::GetLogLevel }
        }
        ["store", "backup"] => {
            takes(Place::Backup, method)?;
            if *method == Method::POST { O::BeginBackup } else { O::GetBackup }
        }
        _ => return Err(AdminProblem::Path),
    })
}

/// The same of one invocation.
fn of_an_invocation(
    segments: &[&str],
    id: String,
    method: &Method,
) -> Result<Operation, AdminProblem> {
    let (place, operation): (_, fn(String) -> Operation) = match segments {
        [_, _] => (Place::Read, Operation::GetInvocation),
        [_, _, "why"] => (Place::Read, Operation::WhyInvocation),
        [_, _, "retry"] => (Place::Change, Operation::RetryInvocation),
        _ => return Err(AdminProblem::Path),
    };
    takes(place, method)?;
    Ok(operation(id))
}

/// The same of what is done with the lane of a function.
fn of_a_lane(
    name: Result<FunctionName, AdminProblem>,
    verb: &str,
    method: &Method,
) -> Result<Operation, AdminProblem> {
    use Operation as O;

    let (place, operation): (_, fn(FunctionName) -> O) = match verb {
        "count" => (Place::Read, O::CountFunction),
        "pause" => (Place::Change, O::PauseFunction),
        "resume" => (Place::Change, O::ResumeFunction),
        "purge" => (Place::Change, O::PurgeFunction),
        "stop" => (Place::Change, O::StopFunction),
        "retry" => (Place::Change, O::RetryFunction),
        _ => return Err(AdminProblem::Path),
    };
    takes(place, method)?;
    name.map(operation)
}

/// The same of callbacks, and of what is done with many of them.
fn of_callbacks(segments: &[&str], method: &Method) -> Result<Operation, AdminProblem> {
    use Operation as O;

    let text = |segment: &str| String::from_utf8_lossy(&percent::decode(segment)).into_owned();
    let takes = |place| takes(place, method);
    Ok(match segments {
        ["callbacks"] => {
            takes(Place::Read)?;
            O::ListCallbacks
        }
        ["callbacks", "redrive"] => {
            takes(Place::Change)?;
            O::RedriveCallbacks
        }
        ["operations"] => {
            takes(Place::Read)?;
            O::ListBulk
        }
        ["operations", id] => {
            takes(Place::Read)?;
            O::GetBulk(text(id))
        }
        ["operations", id, "cancel"] => {
            takes(Place::Change)?;
            O::CancelBulk(text(id))
        }
        ["destinations"] => {
            takes(Place::Read)?;
            O::ListDestinations
        }
        ["destinations", "why"] => {
            takes(Place::Read)?;
            O::WhyDestination
        }
        ["destinations", "probe"] => {
            takes(Place::Change)?;
            O::ProbeDestination
        }
        ["destinations", "pause"] => {
            takes(Place::Change)?;
            O::PauseDestination
        }
        ["destinations", "resume"] => {
            takes(Place::Change)?;
            O::ResumeDestination
        }
        ["destinations", "purge"] => {
            takes(Place::Change)?;
            O::PurgeDestination
        }
        ["callbacks", id] => {
            takes(Place::Read)?;
            O::GetCallback(text(id))
        }
        _ => return Err(AdminProblem::Path),
    })
}

fn takes(place: Place, method: &Method) -> Result<(), AdminProblem> {
    let (methods, allowed): (&[Method], _) = match place {
        Place::Read => (&[Method::GET, Method::HEAD], "GET, HEAD"),
        Place::Function => {
            (&[Method::GET, Method::HEAD, Method::PUT, Method::DELETE], "GET, HEAD, PUT, DELETE")
        }
        Place::Change => (&[Method::POST], "POST"),
        Place::Level => (&[Method::GET, Method::HEAD, Method::PUT], "GET, HEAD, PUT"),
        Place::Backup => (&[Method::GET, Method::HEAD, Method::POST], "GET, HEAD, POST"),
    };
    if methods.contains(method) { Ok(()) } else { Err(AdminProblem::Method { allowed }) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::admin::rights::BEYOND_VIEWING;

    fn found(method: &str, path: &str) -> Result<Operation, u16> {
        find(&method.parse().unwrap(), path).map_err(|error| error.refusal().status.as_u16())
    }

    #[test]
    fn every_route_is_found_and_has_its_least_role() {
        let mut told = BTreeMap::from(BEYOND_VIEWING);
        let f = || FunctionName::parse("svc$fn").unwrap();
        for (method, path, operation, role) in [
            ("GET", "/v1/openapi.json", Operation::Describe, Role::Viewer),
            ("GET", "/v1/status", Operation::Status, Role::Viewer),
            ("GET", "/v1/config", Operation::Configuration, Role::Operator),
            ("POST", "/v1/reload", Operation::Reload, Role::Admin),
            ("GET", "/v1/log-level", Operation::GetLogLevel, Role::Viewer),
            ("PUT", "/v1/log-level", Operation::SetLogLevel, Role::Admin),
            ("GET", "/v1/store/backup", Operation::GetBackup, Role::Viewer),
            ("POST", "/v1/store/backup", Operation::BeginBackup, Role::Admin),
            ("GET", "/v1/functions", Operation::ListFunctions, Role::Viewer),
            ("GET", "/v1/functions/svc$fn", Operation::GetFunction(f()), Role::Viewer),
            ("HEAD", "/v1/functions/svc%24fn", Operation::GetFunction(f()), Role::Viewer),
            ("PUT", "/v1/functions/svc$fn", Operation::PutFunction(f()), Role::Admin),
            ("DELETE", "/v1/functions/svc$fn", Operation::DeleteFunction(f()), Role::Admin),
            ("GET", "/v1/functions/svc$fn/configs", Operation::ListConfigs(f()), Role::Viewer),
            ("GET", "/v1/functions/svc$fn/count", Operation::CountFunction(f()), Role::Viewer),
            ("POST", "/v1/functions/svc$fn/pause", Operation::PauseFunction(f()), Role::Operator),
            ("POST", "/v1/functions/svc$fn/resume", Operation::ResumeFunction(f()), Role::Operator),
            ("POST", "/v1/functions/svc$fn/purge", Operation::PurgeFunction(f()), Role::Admin),
            ("POST", "/v1/functions/svc$fn/stop", Operation::StopFunction(f()), Role::Operator),
            ("POST", "/v1/functions/svc$fn/retry", Operation::RetryFunction(f()), Role::Operator),
            ("POST", "/v1/destinations/pause", Operation::PauseDestination, Role::Operator),
            ("POST", "/v1/destinations/resume", Operation::ResumeDestination, Role::Operator),
            ("POST", "/v1/destinations/purge", Operation::PurgeDestination, Role::Admin),
            ("GET", "/v1/tasks", Operation::ListTasks, Role::Viewer),
            ("GET", "/v1/tasks/svc$fn/a-1", Operation::GetTask(f(), "a-1".into()), Role::Viewer),
            (
                "POST",
                "/v1/tasks/svc$fn/a-1/stop",
                Operation::StopTask(f(), "a-1".into()),
                Role::Operator,
            ),
            (
                "POST",
                "/v1/tasks/svc$fn/a-1/retry",
                Operation::RetryTask(f(), "a-1".into()),
                Role::Operator,
            ),
            ("GET", "/v1/invocations/x", Operation::GetInvocation("x".into()), Role::Viewer),
            (
                "POST",
                "/v1/invocations/x/retry",
                Operation::RetryInvocation("x".into()),
                Role::Operator,
            ),
            ("GET", "/v1/invocations/x/why", Operation::WhyInvocation("x".into()), Role::Viewer),
            ("GET", "/v1/tasks/svc$fn/a/why", Operation::WhyTask(f(), "a".into()), Role::Viewer),
            ("GET", "/v1/functions/svc$fn/why", Operation::WhyFunction(f()), Role::Viewer),
            ("GET", "/v1/destinations/why", Operation::WhyDestination, Role::Viewer),
            ("GET", "/v1/callbacks", Operation::ListCallbacks, Role::Viewer),
            ("GET", "/v1/callbacks/x", Operation::GetCallback("x".into()), Role::Viewer),
            ("POST", "/v1/callbacks/redrive", Operation::RedriveCallbacks, Role::Operator),
            ("GET", "/v1/operations", Operation::ListBulk, Role::Viewer),
            ("GET", "/v1/operations/x", Operation::GetBulk("x".into()), Role::Viewer),
            ("POST", "/v1/operations/x/cancel", Operation::CancelBulk("x".into()), Role::Operator),
            ("GET", "/v1/destinations", Operation::ListDestinations, Role::Viewer),
            ("POST", "/v1/destinations/probe", Operation::ProbeDestination, Role::Operator),
        ] {
            let it = found(method, path);
            assert_eq!(it.as_ref(), Ok(&operation), "{method} {path}");
            assert_eq!(operation.role(), role, "{method} {path}");
            assert_eq!(told.remove(operation.name()).unwrap_or(Role::Viewer), role, "{path}");
            assert_eq!(operation.is_change(), !matches!(method, "GET" | "HEAD"), "{method} {path}");
        }
        assert!(told.is_empty(), "no route: {told:?}");
    }

    #[test]
    fn what_is_not_there_is_not_found_and_what_is_there_says_how() {
        for path in
            ["/", "/v1", "/v1/", "/v1/functions/", "/v1/tasks//x", "/v1/nothing", "/v2/functions"]
        {
            assert_eq!(found("GET", path), Err(404), "{path}");
        }
        for (method, path) in [
            ("POST", "/v1/functions"),
            ("TRACE", "/v1/functions/f"),
            ("GET", "/v1/tasks/f/x/stop"),
            ("OPTIONS", "/v1/callbacks"),
        ] {
            assert_eq!(found(method, path), Err(405), "{method} {path}");
        }
        for path in ["/v1/functions/1f", "/v1/functions/%FF", "/v1/tasks/a%2Fb/x"] {
            assert_eq!(found("GET", path), Err(400), "{path}");
        }
    }
}
