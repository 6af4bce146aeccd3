//! From method and path to an operation.
//!
//! Routing goes by the path alone: Terraform sends no action, and the version header repeats what
//! the path says. Segments are decoded one by one, so that an escaped `/` stays within a name.
//! The three versions end in the same [`Operation`]; a function of a service is named
//! `service$function` in it, as Function Compute 3.0 names it.
//!
//! Whether the names are well formed is not looked at here.
//!
//! # Invariants
//!
//! `captured_requests_route_to_their_action`, `unknown_paths_are_refused`.

mod services;
mod v2023;

use std::fmt;

use crate::{error::ErrorCode, percent, query::Query};

/// The qualifier of a request that names none.
pub const QUALIFIER_DEFAULT: &str = "LATEST";

/// A version of the API, the first segment of every path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiVersion {
    /// `2016-08-15`, of services and functions.
    V2016,
    /// `2021-04-06`, of services and functions (Function Compute 2.0).
    V2021,
    /// `2023-03-30`, of functions alone (Function Compute 3.0).
    V2023,
}

impl ApiVersion {
    /// The version as it stands in paths.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2016 => "2016-08-15",
            Self::V2021 => "2021-04-06",
            Self::V2023 => "2023-03-30",
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The version in whose shape it is answered.
    pub version: ApiVersion,
    /// What is asked for.
    pub operation: Operation,
}

/// What a request asks for; the names are those of the 2023 version.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the documented operations")]
pub enum Operation {
    InvokeFunction(FunctionPath),
    /// A request to an HTTP function, passed through.
    Proxy {
        function: FunctionPath,
        /// What follows the function's name, from its `/` on and as it was sent; `/` if nothing
        /// follows.
        path: String,
    },
    PutAsyncInvokeConfig(FunctionPath),
    GetAsyncInvokeConfig(FunctionPath),
    DeleteAsyncInvokeConfig(FunctionPath),
    /// Of one function, or of the account, where the query may name a function.
    ListAsyncInvokeConfigs(Option<FunctionPath>),
    GetAsyncTask(TaskPath),
    ListAsyncTasks(FunctionPath),
    StopAsyncTask(TaskPath),
    /// In a service, or without one; the body holds the name.
    CreateFunction(Option<String>),
    GetFunction(FunctionPath),
    GetFunctionCode(FunctionPath),
    /// Of one service, or of the account.
    ListFunctions(Option<String>),
    UpdateFunction(FunctionPath),
    DeleteFunction(FunctionPath),
    ListTriggers(FunctionPath),
}

impl Operation {
    /// The operation's name, which is also the action that a key must be allowed.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InvokeFunction(_) | Self::Proxy { .. } => "InvokeFunction",
            Self::PutAsyncInvokeConfig(_) => "PutAsyncInvokeConfig",
            Self::GetAsyncInvokeConfig(_) => "GetAsyncInvokeConfig",
            Self::DeleteAsyncInvokeConfig(_) => "DeleteAsyncInvokeConfig",
            Self::ListAsyncInvokeConfigs(_) => "ListAsyncInvokeConfigs",
            Self::GetAsyncTask(_) => "GetAsyncTask",
            Self::ListAsyncTasks(_) => "ListAsyncTasks",
            Self::StopAsyncTask(_) => "StopAsyncTask",
            Self::CreateFunction(_) => "CreateFunction",
            Self::GetFunction(_) => "GetFunction",
            Self::GetFunctionCode(_) => "GetFunctionCode",
            Self::ListFunctions(_) => "ListFunctions",
            Self::UpdateFunction(_) => "UpdateFunction",
            Self::DeleteFunction(_) => "DeleteFunction",
            Self::ListTriggers(_) => "ListTriggers",
        }
    }
}

/// A function as a path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionPath {
    /// `function`, or `service$function`.
    pub name: String,
    /// The qualifier in the path, which only the versions with services can hold.
    pub qualifier: Option<String>,
}

impl FunctionPath {
    /// The qualifier of the request: the path's, else the query's, else [`QUALIFIER_DEFAULT`].
    #[must_use]
    pub fn qualifier<'a>(&'a self, query: &'a Query) -> &'a str {
        self.qualifier
            .as_deref()
            .filter(|qualifier| !qualifier.is_empty())
            .or_else(|| query.text("qualifier"))
            .unwrap_or(QUALIFIER_DEFAULT)
    }
}

/// A task as a path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPath {
    /// The function whose task it is.
    pub function: FunctionPath,
    /// The task id.
    pub task_id: String,
}

/// No operation has this method and path. Answer [`PathNotSupported::code`] with this text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{method}' against '{path}' is not supported")]
pub struct PathNotSupported {
    /// The method.
    pub method: String,
    /// The path as it was sent.
    pub path: String,
}

impl PathNotSupported {
    /// The code under which the refusal is answered.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::PathNotSupported
    }
}

/// Reads a method and a path as it was sent, without the query.
///
/// # Errors
///
/// No operation of any version has them.
pub fn parse(method: &str, path: &str) -> Result<Route, PathNotSupported> {
    route(method, path)
        .ok_or_else(|| PathNotSupported { method: method.to_owned(), path: path.to_owned() })
}

fn route(method: &str, path: &str) -> Option<Route> {
    let (version, rest) = path.strip_prefix('/')?.split_once('/')?;
    let version = match version {
        "2016-08-15" => ApiVersion::V2016,
        "2021-04-06" => ApiVersion::V2021,
        "2023-03-30" => ApiVersion::V2023,
        _ => return None,
    };
    if let Some(rest) = rest.strip_prefix("proxy/") {
        let operation = match version {
            ApiVersion::V2016 | ApiVersion::V2021 => services::proxy(rest)?,
            ApiVersion::V2023 => v2023::proxy(rest)?,
        };
        return Some(Route { version, operation });
    }
    let segments: Vec<String> = rest.split('/').map(decode_segment).collect::<Option<_>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let operation = match version {
        ApiVersion::V2016 | ApiVersion::V2021 => services::operation(method, &segments)?,
        ApiVersion::V2023 => v2023::operation(method, &segments)?,
    };
    Some(Route { version, operation })
}

/// A segment's text; nothing if it is empty or not UTF-8.
fn decode_segment(segment: &str) -> Option<String> {
    let text = String::from_utf8(percent::decode(segment).into_owned()).ok()?;
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
