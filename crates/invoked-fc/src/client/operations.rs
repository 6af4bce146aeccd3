//! Every operation a client may ask for: its name in each version, method, path, and the query
//! parameters it knows.
//!
//! The names and parameters are those of the official clients (`alibabacloud-fc20230330` 4.8.3,
//! `alibabacloud-fc-open20210406` 2.0.12) and of `s cli fc api` (devsapp/fc-api-component). The
//! versions with services share their rows: only the place of the qualifier differs, which 2016
//! writes behind the service's name and 2021 into the query.
//!
//! # Invariants
//!
//! `every_operation_routes_to_itself`, `names_are_unique_in_a_version`.

use crate::route::ApiVersion;

use ApiVersion::{V2016, V2021, V2023};

/// An operation of one or two versions.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name, which ACS3 sends as the action.
    pub name: &'static str,
    /// The versions that have it with this name, method and path, oldest first; never empty.
    pub versions: &'static [ApiVersion],
    /// The method, in capitals.
    pub method: &'static str,
    /// The query parameters it knows, beside a qualifier of the path.
    pub query: &'static [&'static str],
    /// The path after the version: `{key}` stands for a value, `{.qualifier}` for an optional
    /// qualifier, in the path for 2016 and in the query for 2021.
    pub(super) path: &'static str,
}

const SERVICES: &[ApiVersion] = &[V2016, V2021];
const FIRST: &[ApiVersion] = &[V2016];
const SECOND: &[ApiVersion] = &[V2021];
const FUNCTIONS: &[ApiVersion] = &[V2023];

const NONE: &[&str] = &[];
const PAGE: &[&str] = &["limit", "nextToken"];
const NAMED_PAGE: &[&str] = &["limit", "nextToken", "prefix", "startKey"];
const PREFIX_PAGE: &[&str] = &["limit", "nextToken", "prefix"];
const VERSION_PAGE: &[&str] = &["limit", "nextToken", "startKey", "direction"];
const CONFIG_PAGE: &[&str] = &["functionName", "limit", "nextToken"];
const QUALIFIER: &[&str] = &["qualifier"];
const INVOCATIONS: &[&str] = &[
    "includePayload",
    "invocationIdPrefix",
    "limit",
    "nextToken",
    "qualifier",
    "sortOrderByTime",
    "startedTimeBegin",
    "startedTimeEnd",
    "status",
];
const TASKS: &[&str] = &[
    "includePayload",
    "limit",
    "nextToken",
    "prefix",
    "qualifier",
    "sortOrderByTime",
    "startedTimeBegin",
    "startedTimeEnd",
    "status",
];
const FUNCTION_PAGE: &[&str] = &[
    "description",
    "fcVersion",
    "functionName",
    "gpuType",
    "limit",
    "nextToken",
    "prefix",
    "resourceGroupId",
    "runtime",
    "tags",
];
const TAGGED: &[&str] = &["Limit", "NextToken", "ResourceId", "ResourceType", "Tag"];
const PROVISIONED: &[&str] = &["limit", "nextToken", "serviceName", "qualifier"];
const LAYERS: &[&str] = &["limit", "nextToken", "official", "prefix", "public"];
const UNTAGGED: &[&str] = &["All", "ResourceId", "ResourceType", "TagKey"];

const fn row(
    versions: &'static [ApiVersion],
    name: &'static str,
    method: &'static str,
    path: &'static str,
    query: &'static [&'static str],
) -> Operation {
    Operation { name, versions, method, query, path }
}

/// The table.
#[rustfmt::skip]
pub const OPERATIONS: &[Operation] = &[
    // The asynchronous API.
    row(SERVICES,  "InvokeFunction",                       "POST",   "/services/{serviceName}{.qualifier}/functions/{functionName}/invocations", NONE),
    row(SERVICES,  "PutFunctionAsyncInvokeConfig",         "PUT",    "/services/{serviceName}{.qualifier}/functions/{functionName}/async-invoke-config", NONE),
    row(SERVICES,  "GetFunctionAsyncInvokeConfig",         "GET",    "/services/{serviceName}{.qualifier}/functions/{functionName}/async-invoke-config", NONE),
    row(SERVICES,  "DeleteFunctionAsyncInvokeConfig",      "DELETE", "/services/{serviceName}{.qualifier}/functions/{functionName}/async-invoke-config", NONE),
    row(SERVICES,  "ListFunctionAsyncInvokeConfigs",       "GET",    "/services/{serviceName}/functions/{functionName}/async-invoke-configs", PAGE),
    row(SERVICES,  "GetStatefulAsyncInvocation",           "GET",    "/services/{serviceName}{.qualifier}/functions/{functionName}/stateful-async-invocations/{invocationId}", QUALIFIER),
    row(SERVICES,  "ListStatefulAsyncInvocations",         "GET",    "/services/{serviceName}{.qualifier}/functions/{functionName}/stateful-async-invocations", INVOCATIONS),
    row(SERVICES,  "StopStatefulAsyncInvocation",          "PUT",    "/services/{serviceName}{.qualifier}/functions/{functionName}/stateful-async-invocations/{invocationId}", QUALIFIER),
    row(SERVICES,  "ListStatefulAsyncInvocationFunctions", "GET",    "/stateful-async-invocation-functions", PAGE),

    row(FUNCTIONS, "InvokeFunction",                       "POST",   "/functions/{functionName}/invocations", QUALIFIER),
    row(FUNCTIONS, "PutAsyncInvokeConfig",                 "PUT",    "/functions/{functionName}/async-invoke-config", QUALIFIER),
    row(FUNCTIONS, "GetAsyncInvokeConfig",                 "GET",    "/functions/{functionName}/async-invoke-config", QUALIFIER),
    row(FUNCTIONS, "DeleteAsyncInvokeConfig",              "DELETE", "/functions/{functionName}/async-invoke-config", QUALIFIER),
    row(FUNCTIONS, "ListAsyncInvokeConfigs",               "GET",    "/async-invoke-configs", CONFIG_PAGE),
    row(FUNCTIONS, "GetAsyncTask",                         "GET",    "/functions/{functionName}/async-tasks/{taskId}", QUALIFIER),
    row(FUNCTIONS, "ListAsyncTasks",                       "GET",    "/functions/{functionName}/async-tasks", TASKS),
    row(FUNCTIONS, "StopAsyncTask",                        "PUT",    "/functions/{functionName}/async-tasks/{taskId}/stop", QUALIFIER),

    // Services, and what stands in them.
    row(SERVICES,  "CreateService",                        "POST",   "/services", NONE),
    row(SERVICES,  "ListServices",                         "GET",    "/services", NAMED_PAGE),
    row(SERVICES,  "GetService",                           "GET",    "/services/{serviceName}{.qualifier}", NONE),
    row(SERVICES,  "UpdateService",                        "PUT",    "/services/{serviceName}", NONE),
    row(SERVICES,  "DeleteService",                        "DELETE", "/services/{serviceName}", NONE),
    row(SERVICES,  "CreateFunction",                       "POST",   "/services/{serviceName}/functions", NONE),
    row(SERVICES,  "ListFunctions",                        "GET",    "/services/{serviceName}{.qualifier}/functions", NAMED_PAGE),
    row(SERVICES,  "GetFunction",                          "GET",    "/services/{serviceName}{.qualifier}/functions/{functionName}", NONE),
    row(SERVICES,  "UpdateFunction",                       "PUT",    "/services/{serviceName}/functions/{functionName}", NONE),
    row(SERVICES,  "DeleteFunction",                       "DELETE", "/services/{serviceName}/functions/{functionName}", NONE),
    row(SERVICES,  "GetFunctionCode",                      "GET",    "/services/{serviceName}{.qualifier}/functions/{functionName}/code", NONE),
    row(SERVICES,  "ListTriggers",                         "GET",    "/services/{serviceName}/functions/{functionName}/triggers", NAMED_PAGE),
    row(SERVICES,  "GetTrigger",                           "GET",    "/services/{serviceName}/functions/{functionName}/triggers/{triggerName}", NONE),
    row(SERVICES,  "PublishServiceVersion",                "POST",   "/services/{serviceName}/versions", NONE),
    row(SERVICES,  "ListServiceVersions",                  "GET",    "/services/{serviceName}/versions", VERSION_PAGE),
    row(SERVICES,  "DeleteServiceVersion",                 "DELETE", "/services/{serviceName}/versions/{versionId}", NONE),
    row(SERVICES,  "CreateAlias",                          "POST",   "/services/{serviceName}/aliases", NONE),
    row(SERVICES,  "ListAliases",                          "GET",    "/services/{serviceName}/aliases", NAMED_PAGE),
    row(SERVICES,  "GetAlias",                             "GET",    "/services/{serviceName}/aliases/{aliasName}", NONE),
    row(SERVICES,  "UpdateAlias",                          "PUT",    "/services/{serviceName}/aliases/{aliasName}", NONE),
    row(SERVICES,  "DeleteAlias",                          "DELETE", "/services/{serviceName}/aliases/{aliasName}", NONE),
    row(SERVICES,  "GetAccountSettings",                   "GET",    "/account-settings", NONE),
    row(SERVICES,  "TagResource",                          "POST",   "/tag", NONE),
    row(SERVICES,  "GetResourceTags",                      "GET",    "/tag", &["resourceArn"]),
    row(FIRST,     "UntagResource",                        "DELETE", "/tag", NONE),
    row(SECOND,    "UntagResource",                        "PUT",    "/tag", NONE),
    row(SECOND,    "ListTaggedResources",                  "GET",    "/tags", PAGE),
    row(SERVICES,  "ListProvisionConfigs",                 "GET",    "/provision-configs", PROVISIONED),
    row(SECOND,    "ListOnDemandConfigs",                  "GET",    "/on-demand-configs", NAMED_PAGE),
    row(SECOND,    "GetFunctionOnDemandConfig",            "GET",    "/services/{serviceName}{.qualifier}/functions/{functionName}/on-demand-config", NONE),
    row(FIRST,     "ListReservedCapacities",               "GET",    "/reservedCapacities", PAGE),
    row(SECOND,    "ListReservedCapacities",               "GET",    "/reserved-capacities", PAGE),
    row(SERVICES,  "ListCustomDomains",                    "GET",    "/custom-domains", NAMED_PAGE),
    row(SERVICES,  "ListLayers",                           "GET",    "/layers", NAMED_PAGE),

    // Functions without services, and what belongs to them.
    row(FUNCTIONS, "CreateFunction",                       "POST",   "/functions", NONE),
    row(FUNCTIONS, "ListFunctions",                        "GET",    "/functions", FUNCTION_PAGE),
    row(FUNCTIONS, "GetFunction",                          "GET",    "/functions/{functionName}", QUALIFIER),
    row(FUNCTIONS, "UpdateFunction",                       "PUT",    "/functions/{functionName}", NONE),
    row(FUNCTIONS, "DeleteFunction",                       "DELETE", "/functions/{functionName}", NONE),
    row(FUNCTIONS, "GetFunctionCode",                      "GET",    "/functions/{functionName}/code", QUALIFIER),
    row(FUNCTIONS, "ListTriggers",                         "GET",    "/functions/{functionName}/triggers", PREFIX_PAGE),
    row(FUNCTIONS, "GetTrigger",                           "GET",    "/functions/{functionName}/triggers/{triggerName}", NONE),
    row(FUNCTIONS, "PublishFunctionVersion",               "POST",   "/functions/{functionName}/versions", NONE),
    row(FUNCTIONS, "ListFunctionVersions",                 "GET",    "/functions/{functionName}/versions", VERSION_PAGE),
    row(FUNCTIONS, "DeleteFunctionVersion",                "DELETE", "/functions/{functionName}/versions/{versionId}", NONE),
    row(FUNCTIONS, "CreateAlias",                          "POST",   "/functions/{functionName}/aliases", NONE),
    row(FUNCTIONS, "ListAliases",                          "GET",    "/functions/{functionName}/aliases", PREFIX_PAGE),
    row(FUNCTIONS, "GetAlias",                             "GET",    "/functions/{functionName}/aliases/{aliasName}", NONE),
    row(FUNCTIONS, "UpdateAlias",                          "PUT",    "/functions/{functionName}/aliases/{aliasName}", NONE),
    row(FUNCTIONS, "DeleteAlias",                          "DELETE", "/functions/{functionName}/aliases/{aliasName}", NONE),
    row(FUNCTIONS, "PutConcurrencyConfig",                 "PUT",    "/functions/{functionName}/concurrency", NONE),
    row(FUNCTIONS, "GetConcurrencyConfig",                 "GET",    "/functions/{functionName}/concurrency", NONE),
    row(FUNCTIONS, "DeleteConcurrencyConfig",              "DELETE", "/functions/{functionName}/concurrency", NONE),
    row(FUNCTIONS, "ListConcurrencyConfigs",               "GET",    "/concurrency-configs", CONFIG_PAGE),
    row(FUNCTIONS, "EnableFunctionInvocation",             "POST",   "/functions/{functionName}/invoke/enable", NONE),
    row(FUNCTIONS, "DisableFunctionInvocation",            "POST",   "/functions/{functionName}/invoke/disable", NONE),
    row(FUNCTIONS, "TagResources",                         "POST",   "/tags-v2", NONE),
    row(FUNCTIONS, "ListTagResources",                     "GET",    "/tags-v2", TAGGED),
    row(FUNCTIONS, "UntagResources",                       "DELETE", "/tags-v2", UNTAGGED),
    row(FUNCTIONS, "ListProvisionConfigs",                 "GET",    "/provision-configs", CONFIG_PAGE),
    row(FUNCTIONS, "ListScalingConfigs",                   "GET",    "/scaling-configs", CONFIG_PAGE),
    row(FUNCTIONS, "ListCustomDomains",                    "GET",    "/custom-domains", PREFIX_PAGE),
    row(FUNCTIONS, "ListLayers",                           "GET",    "/layers", LAYERS),
];

impl Operation {
    /// The operation of this name in `version`, or in the newest version that has it.
    #[must_use]
    pub fn find(name: &str, version: Option<ApiVersion>) -> Option<(&'static Self, ApiVersion)> {
        let newest = |operation: &Self| match version {
            Some(version) => operation.versions.contains(&version).then_some(version),
            None => operation.versions.last().copied(),
        };
        OPERATIONS
            .iter()
            .filter(|operation| operation.name == name)
            .filter_map(|operation| Some((operation, newest(operation)?)))
            .max_by_key(|(_, version)| *version)
    }

    /// The versions that have an operation of this name, oldest first.
    #[must_use]
    pub fn versions_of(name: &str) -> Vec<ApiVersion> {
        let named = OPERATIONS.iter().filter(|operation| operation.name == name);
        named.flat_map(|operation| operation.versions).copied().collect()
    }

    /// The keys that its path must be given.
    pub fn path_keys(&self) -> impl Iterator<Item = &'static str> {
        let after_braces = self.path.split('{').skip(1);
        after_braces.filter_map(|rest| rest.split('}').next()).filter(|key| *key != ".qualifier")
    }

    /// Whether its path may be given a qualifier.
    #[must_use]
    pub fn takes_qualifier(&self) -> bool {
        self.path.contains("{.qualifier}") || self.query.contains(&"qualifier")
    }
}

#[cfg(test)]
mod tests;
