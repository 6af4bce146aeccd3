//! What an operation is called in a key's list, and what it is done to.
//!
//! The versions of the API have different names for the same operation; a key that is allowed one
//! of them is allowed the operation, whichever version it is asked for in.

use invoked_fc::route::{FunctionPath, Operation};

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
    /// No function that the head names. Where the body names one, or several are shown, the operation
    /// asks for each.
    Several,
}

const fn one(function: &FunctionPath) -> On<'_> {
    On::Function(function.name.as_str())
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
