//! What an operation is called in a key's list, and what it is done to.
//!
//! The versions of the API have different names for the same operation; a key that is allowed one
//! of them is allowed the operation, whichever version it is asked for in.

use invoked_fc::route::{FunctionPath, Nothing, Operation, Owner};

/// To tag a resource, which the body names.
pub(crate) const TAG: &[&str] = &["fc:TagResources", "fc:TagResource"];
/// To remove tags from a resource, which the body or the query names.
pub(crate) const UNTAG: &[&str] = &["fc:UntagResources", "fc:UntagResource"];
/// To see tags.
pub(crate) const LIST_TAGS: &[&str] =
    &["fc:ListTagResources", "fc:GetResourceTags", "fc:ListTaggedResources"];

/// An operation, as a key has to be allowed it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Asked<'a> {
    /// Its names in all versions; the first is the present one.
    pub(crate) actions: &'static [&'static str],
    /// What it is done to.
    pub(crate) on: On<'a>,
}

/// What an operation is done to.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum On<'a> {
    /// A function, by its name.
    Function(&'a str),
    /// A service, by its name: all of its functions.
    Service(&'a str),
    /// No function that the head names. Where the body names one, or several are shown, the operation
    /// asks for each.
    Several,
}

const fn one(function: &FunctionPath) -> On<'_> {
    On::Function(function.name.as_str())
}

const fn owner(owner: &Owner) -> On<'_> {
    match owner {
        Owner::Service(name) => On::Service(name.as_str()),
        Owner::Function(function) => one(function),
    }
}

/// What a key has to be allowed for an operation.
pub(crate) fn asked(operation: &Operation) -> Asked<'_> {
    use Operation as O;

    let (actions, on): (&'static [&'static str], _) = match operation {
        O::InvokeFunction(function) | O::Proxy { function, .. } => {
            (&["fc:InvokeFunction"], one(function))
        }
        O::PutAsyncInvokeConfig(function) => {
            (&["fc:PutAsyncInvokeConfig", "fc:PutFunctionAsyncInvokeConfig"], one(function))
        }
        O::GetAsyncInvokeConfig(function) => {
            (&["fc:GetAsyncInvokeConfig", "fc:GetFunctionAsyncInvokeConfig"], one(function))
        }
        O::DeleteAsyncInvokeConfig(function) => {
            (&["fc:DeleteAsyncInvokeConfig", "fc:DeleteFunctionAsyncInvokeConfig"], one(function))
        }
        O::ListAsyncInvokeConfigs(function) => (
            &["fc:ListAsyncInvokeConfigs", "fc:ListFunctionAsyncInvokeConfigs"],
            function.as_ref().map_or(On::Several, one),
        ),
        O::GetAsyncTask(task) => {
            (&["fc:GetAsyncTask", "fc:GetStatefulAsyncInvocation"], one(&task.function))
        }
        O::ListAsyncTasks(function) => {
            (&["fc:ListAsyncTasks", "fc:ListStatefulAsyncInvocations"], one(function))
        }
        O::StopAsyncTask(task) => {
            (&["fc:StopAsyncTask", "fc:StopStatefulAsyncInvocation"], one(&task.function))
        }
        O::CreateFunction(_) => (&["fc:CreateFunction"], On::Several),
        O::GetFunction(function) => (&["fc:GetFunction"], one(function)),
        O::GetFunctionCode(function) => (&["fc:GetFunctionCode"], one(function)),
        O::ListFunctions(_) => (&["fc:ListFunctions"], On::Several),
        O::UpdateFunction(function) => (&["fc:UpdateFunction"], one(function)),
        O::DeleteFunction(function) => (&["fc:DeleteFunction"], one(function)),
        O::ListTriggers(function) => (&["fc:ListTriggers"], one(function)),
        O::GetTrigger(trigger) => (&["fc:GetTrigger"], one(&trigger.owner)),
        O::ListAsyncTaskFunctions => (&["fc:ListStatefulAsyncInvocationFunctions"], On::Several),
        O::DisableFunctionInvocation(function) => {
            (&["fc:DisableFunctionInvocation"], one(function))
        }
        O::EnableFunctionInvocation(function) => (&["fc:EnableFunctionInvocation"], one(function)),
        O::PutConcurrencyConfig(function) => (&["fc:PutConcurrencyConfig"], one(function)),
        O::GetConcurrencyConfig(function) => (&["fc:GetConcurrencyConfig"], one(function)),
        O::DeleteConcurrencyConfig(function) => (&["fc:DeleteConcurrencyConfig"], one(function)),
        O::ListConcurrencyConfigs => (&["fc:ListConcurrencyConfigs"], On::Several),
        O::GetOnDemandConfig(function) => (&["fc:GetFunctionOnDemandConfig"], one(function)),
        O::CreateService => (&["fc:CreateService"], On::Several),
        O::GetService(service) => (&["fc:GetService"], On::Service(service.as_str())),
        O::ListServices => (&["fc:ListServices"], On::Several),
        O::UpdateService(service) => (&["fc:UpdateService"], On::Service(service.as_str())),
        O::DeleteService(service) => (&["fc:DeleteService"], On::Service(service.as_str())),
        O::PublishVersion(of) => {
            (&["fc:PublishFunctionVersion", "fc:PublishServiceVersion"], owner(of))
        }
        O::ListVersions(of) => (&["fc:ListFunctionVersions", "fc:ListServiceVersions"], owner(of)),
        O::DeleteVersion(version) => {
            (&["fc:DeleteFunctionVersion", "fc:DeleteServiceVersion"], owner(&version.owner))
        }
        O::CreateAlias(of) => (&["fc:CreateAlias"], owner(of)),
        O::GetAlias(alias) => (&["fc:GetAlias"], owner(&alias.owner)),
        O::ListAliases(of) => (&["fc:ListAliases"], owner(of)),
        O::UpdateAlias(alias) => (&["fc:UpdateAlias"], owner(&alias.owner)),
        O::DeleteAlias(alias) => (&["fc:DeleteAlias"], owner(&alias.owner)),
        O::TagResources => (TAG, On::Several),
        O::UntagResources => (UNTAG, On::Several),
        O::ListTagResources | O::GetResourceTags | O::ListTaggedResources => {
            (LIST_TAGS, On::Several)
        }
        O::GetAccountSettings => (&["fc:GetAccountSettings"], On::Several),
        O::ListNothing(Nothing::ProvisionConfigs) => (&["fc:ListProvisionConfigs"], On::Several),
        O::ListNothing(Nothing::OnDemandConfigs) => (&["fc:ListOnDemandConfigs"], On::Several),
        O::ListNothing(Nothing::ScalingConfigs) => (&["fc:ListScalingConfigs"], On::Several),
        O::ListNothing(Nothing::ReservedCapacities) => {
            (&["fc:ListReservedCapacities"], On::Several)
        }
        O::ListNothing(Nothing::CustomDomains) => (&["fc:ListCustomDomains"], On::Several),
        O::ListNothing(Nothing::Layers) => (&["fc:ListLayers"], On::Several),
    };
    Asked { actions, on }
}

#[cfg(test)]
mod tests {
    use invoked_fc::route;

    use super::*;

    #[test]
    fn every_version_asks_for_the_same() {
        let put = ["fc:PutAsyncInvokeConfig", "fc:PutFunctionAsyncInvokeConfig"];
        for (path, function) in [
            ("/2023-03-30/functions/fn/async-invoke-config", "fn"),
            ("/2021-04-06/services/svc/functions/fn/async-invoke-config", "svc$fn"),
            ("/2016-08-15/services/svc.prod/functions/fn/async-invoke-config", "svc$fn"),
        ] {
            let operation = route::parse("PUT", path).unwrap().operation;
            let asked = asked(&operation);
            assert_eq!((asked.actions, asked.on), (put.as_slice(), On::Function(function)));
        }
    }

    #[test]
    fn the_first_name_is_the_operations_own() {
        for (method, path) in [
            ("POST", "/2023-03-30/functions/fn/invocations"),
            ("GET", "/2021-04-06/services/s/functions/f/stateful-async-invocations/id"),
            ("POST", "/2023-03-30/functions"),
            ("GET", "/2023-03-30/async-invoke-configs"),
        ] {
            let operation = route::parse(method, path).unwrap().operation;
            let first = asked(&operation).actions.first().unwrap().strip_prefix("fc:");
            assert_eq!(first, Some(operation.name()));
        }
    }
}
