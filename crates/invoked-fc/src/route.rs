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

/// What a request asks for; the names are those of the 2023 version where it has the operation.
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
    /// `ListStatefulAsyncInvocationFunctions`: which functions are in task mode.
    ListAsyncTaskFunctions,
    /// In a service, or without one; the body holds the name.
    CreateFunction(Option<String>),
    GetFunction(FunctionPath),
    GetFunctionCode(FunctionPath),
    /// Of one service, or of the account.
    ListFunctions(Option<String>),
    UpdateFunction(FunctionPath),
    DeleteFunction(FunctionPath),
    DisableFunctionInvocation(FunctionPath),
    EnableFunctionInvocation(FunctionPath),
    ListTriggers(FunctionPath),
    GetTrigger(PartPath<FunctionPath>),
    CreateService,
    GetService(String),
    ListServices,
    UpdateService(String),
    DeleteService(String),
    PublishVersion(Owner),
    ListVersions(Owner),
    DeleteVersion(PartPath<Owner>),
    CreateAlias(Owner),
    GetAlias(PartPath<Owner>),
    ListAliases(Owner),
    UpdateAlias(PartPath<Owner>),
    DeleteAlias(PartPath<Owner>),
    PutConcurrencyConfig(FunctionPath),
    GetConcurrencyConfig(FunctionPath),
    DeleteConcurrencyConfig(FunctionPath),
    ListConcurrencyConfigs,
    TagResources,
    UntagResources,
    /// The tags of the account's resources, one entry for each tag.
    ListTagResources,
    /// `GetResourceTags` of the versions with services: the tags of one resource, as an object.
    GetResourceTags,
    /// `ListTaggedResources` of the versions with services.
    ListTaggedResources,
    GetAccountSettings,
    /// A list that clients ask for, of things that this daemon has none of.
    ListNothing(Nothing),
    /// No function has one: `OnDemandConfigNotFound`.
    GetOnDemandConfig(FunctionPath),
}

/// Things that clients list and this daemon has none of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// `ListProvisionConfigs`.
    ProvisionConfigs,
    /// `ListOnDemandConfigs`.
    OnDemandConfigs,
    /// `ListScalingConfigs`.
    ScalingConfigs,
    /// `ListReservedCapacities`.
    ReservedCapacities,
    /// `ListCustomDomains`.
    CustomDomains,
    /// `ListLayers`.
    Layers,
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
            Self::ListAsyncTaskFunctions => "ListStatefulAsyncInvocationFunctions",
            Self::CreateFunction(_) => "CreateFunction",
            Self::GetFunction(_) => "GetFunction",
            Self::GetFunctionCode(_) => "GetFunctionCode",
            Self::ListFunctions(_) => "ListFunctions",
            Self::UpdateFunction(_) => "UpdateFunction",
            Self::DeleteFunction(_) => "DeleteFunction",
            Self::DisableFunctionInvocation(_) => "DisableFunctionInvocation",
            Self::EnableFunctionInvocation(_) => "EnableFunctionInvocation",
            Self::ListTriggers(_) => "ListTriggers",
            Self::GetTrigger(_) => "GetTrigger",
            Self::CreateService => "CreateService",
            Self::GetService(_) => "GetService",
            Self::ListServices => "ListServices",
            Self::UpdateService(_) => "UpdateService",
            Self::DeleteService(_) => "DeleteService",
            Self::PublishVersion(Owner::Service(_)) => "PublishServiceVersion",
            Self::PublishVersion(Owner::Function(_)) => "PublishFunctionVersion",
            Self::ListVersions(Owner::Service(_)) => "ListServiceVersions",
            Self::ListVersions(Owner::Function(_)) => "ListFunctionVersions",
            Self::DeleteVersion(PartPath { owner: Owner::Service(_), .. }) => {
                "DeleteServiceVersion"
            }
            Self::DeleteVersion(PartPath { owner: Owner::Function(_), .. }) => {
                "DeleteFunctionVersion"
            }
            Self::CreateAlias(_) => "CreateAlias",
            Self::GetAlias(_) => "GetAlias",
            Self::ListAliases(_) => "ListAliases",
            Self::UpdateAlias(_) => "UpdateAlias",
            Self::DeleteAlias(_) => "DeleteAlias",
            Self::PutConcurrencyConfig(_) => "PutConcurrencyConfig",
            Self::GetConcurrencyConfig(_) => "GetConcurrencyConfig",
            Self::DeleteConcurrencyConfig(_) => "DeleteConcurrencyConfig",
            Self::ListConcurrencyConfigs => "ListConcurrencyConfigs",
            Self::TagResources => "TagResources",
            Self::UntagResources => "UntagResources",
            Self::ListTagResources => "ListTagResources",
            Self::GetResourceTags => "GetResourceTags",
            Self::ListTaggedResources => "ListTaggedResources",
            Self::GetAccountSettings => "GetAccountSettings",
            Self::ListNothing(Nothing::ProvisionConfigs) => "ListProvisionConfigs",
            Self::ListNothing(Nothing::OnDemandConfigs) => "ListOnDemandConfigs",
            Self::ListNothing(Nothing::ScalingConfigs) => "ListScalingConfigs",
            Self::ListNothing(Nothing::ReservedCapacities) => "ListReservedCapacities",
            Self::ListNothing(Nothing::CustomDomains) => "ListCustomDomains",
            Self::ListNothing(Nothing::Layers) => "ListLayers",
            Self::GetOnDemandConfig(_) => "GetFunctionOnDemandConfig",
        }
    }

    /// The function that the path names, if it names one.
    #[must_use]
    pub const fn function(&self) -> Option<&FunctionPath> {
        match self {
            Self::InvokeFunction(function)
            | Self::Proxy { function, .. }
            | Self::PutAsyncInvokeConfig(function)
            | Self::GetAsyncInvokeConfig(function)
            | Self::DeleteAsyncInvokeConfig(function)
            | Self::ListAsyncInvokeConfigs(Some(function))
            | Self::GetAsyncTask(TaskPath { function, .. })
            | Self::ListAsyncTasks(function)
            | Self::StopAsyncTask(TaskPath { function, .. })
            | Self::GetFunction(function)
            | Self::GetFunctionCode(function)
            | Self::UpdateFunction(function)
            | Self::DeleteFunction(function)
            | Self::DisableFunctionInvocation(function)
            | Self::EnableFunctionInvocation(function)
            | Self::ListTriggers(function)
            | Self::GetTrigger(PartPath { owner: function, .. })
            | Self::PutConcurrencyConfig(function)
            | Self::GetConcurrencyConfig(function)
            | Self::DeleteConcurrencyConfig(function)
            | Self::GetOnDemandConfig(function)
            | Self::PublishVersion(Owner::Function(function))
            | Self::ListVersions(Owner::Function(function))
            | Self::DeleteVersion(PartPath { owner: Owner::Function(function), .. })
            | Self::CreateAlias(Owner::Function(function))
            | Self::GetAlias(PartPath { owner: Owner::Function(function), .. })
            | Self::ListAliases(Owner::Function(function))
            | Self::UpdateAlias(PartPath { owner: Owner::Function(function), .. })
            | Self::DeleteAlias(PartPath { owner: Owner::Function(function), .. }) => {
                Some(function)
            }
            Self::ListAsyncInvokeConfigs(None)
            | Self::ListAsyncTaskFunctions
            | Self::CreateFunction(_)
            | Self::ListFunctions(_)
            | Self::CreateService
            | Self::GetService(_)
            | Self::ListServices
            | Self::UpdateService(_)
            | Self::DeleteService(_)
            | Self::PublishVersion(Owner::Service(_))
            | Self::ListVersions(Owner::Service(_))
            | Self::DeleteVersion(PartPath { owner: Owner::Service(_), .. })
            | Self::CreateAlias(Owner::Service(_))
            | Self::GetAlias(PartPath { owner: Owner::Service(_), .. })
            | Self::ListAliases(Owner::Service(_))
            | Self::UpdateAlias(PartPath { owner: Owner::Service(_), .. })
            | Self::DeleteAlias(PartPath { owner: Owner::Service(_), .. })
            | Self::ListConcurrencyConfigs
            | Self::TagResources
            | Self::UntagResources
            | Self::ListTagResources
            | Self::GetResourceTags
            | Self::ListTaggedResources
            | Self::GetAccountSettings
            | Self::ListNothing(_) => None,
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

/// What versions and aliases are of: a service before 2023, a function since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The service with this name.
    Service(String),
    /// The function.
    Function(FunctionPath),
}

/// A named part of something: an alias, a version, a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartPath<Of> {
    /// Whose it is.
    pub owner: Of,
    /// Its name; of a version its number, not checked.
    pub name: String,
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
