//! From an operation to whatever does it.

use http::request::Parts;
use invoked_core::limits::{ASYNC_PAYLOAD_MAX, SYNC_PAYLOAD_MAX};
use invoked_core::name::{FunctionName, ServiceName};
use invoked_engine::ServiceKey;
use invoked_engine::{ConfigError, FunctionError, InvokeError, ResourceError, TaskError};
use invoked_fc::dto::Shape;
use invoked_fc::headers::values::InvocationType;
use invoked_fc::route::Operation;

use crate::api::{Api, Call};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::{invoke, proxy};

/// A JSON body, in bytes. Its depth is bounded by the reader: 128.
const JSON_BYTES_MAX: usize = 1024 * 1024;

impl Api {
    /// Does what is asked. In the words of the versions with services, a function is missing only
    /// after its service is not.
    pub(crate) async fn perform(
        &self,
        operation: &Operation,
        call: Call<'_>,
    ) -> Result<Reply, Problem> {
        let (shape, account) = (call.shape, call.caller.account.clone());
        let problem = match self.done(operation, call).await {
            Ok(reply) => return Ok(reply),
            Err(problem) => problem,
        };
        let service = match (shape, missing_function(&problem).and_then(FunctionName::service)) {
            (Shape::Services, Some((service, _))) => ServiceName::parse(service)?,
            (Shape::Services | Shape::Functions, _) => return Err(problem),
        };
        match self.engine().service(&ServiceKey { account, name: service }) {
            Ok(_) => Err(problem),
            Err(missing) => Err(missing.into()),
        }
    }

    async fn done(&self, operation: &Operation, call: Call<'_>) -> Result<Reply, Problem> {
        use Operation as O;

        match operation {
            O::InvokeFunction(function) => self.invoke(function, call).await,
            O::Proxy { function, path } => self.proxy(function, path, call).await,

            O::PutAsyncInvokeConfig(function) => self.put_config(function, &call).await,
            O::GetAsyncInvokeConfig(function) => self.config(function, &call),
            O::DeleteAsyncInvokeConfig(function) => self.delete_config(function, &call).await,
            O::ListAsyncInvokeConfigs(function) => self.configs(function.as_ref(), &call),

            O::GetAsyncTask(task) => self.task(task, &call).await,
            O::ListAsyncTasks(function) => self.tasks(function, &call).await,
            O::StopAsyncTask(task) => self.stop_task(task, &call).await,
            O::ListAsyncTaskFunctions => self.task_functions(&call),

            O::CreateFunction(service) => self.create_function(service.as_deref(), &call).await,
            O::GetFunction(function) => self.function(function, &call),
            O::GetFunctionCode(function) => self.function_code(function, &call),
            O::ListFunctions(service) => self.functions(service.as_deref(), &call),
            O::UpdateFunction(function) => self.update_function(function, &call).await,
            O::DeleteFunction(function) => self.delete_function(function, &call).await,
            O::ListTriggers(function) => self.triggers(function, &call),
            O::GetTrigger(trigger) => self.trigger(trigger, &call),

            O::DisableFunctionInvocation(function) => self.disable(function, &call).await,
            O::EnableFunctionInvocation(function) => self.enable(function, &call).await,
            O::PutConcurrencyConfig(function) => self.put_concurrency(function, &call).await,
            O::GetConcurrencyConfig(function) => self.concurrency(function, &call),
            O::DeleteConcurrencyConfig(function) => self.delete_concurrency(function, &call).await,
            O::ListConcurrencyConfigs => self.concurrencies(&call),
            O::GetOnDemandConfig(function) => self.on_demand_config(function, &call),

            O::CreateService => self.create_service(&call).await,
            O::GetService(service) => self.service(service, &call),
            O::ListServices => self.services(&call),
            O::UpdateService(service) => self.update_service(service, &call).await,
            O::DeleteService(service) => self.delete_service(service, &call).await,

            O::PublishVersion(owner) => self.publish_version(owner, &call).await,
            O::ListVersions(owner) => self.versions(owner, &call),
            O::DeleteVersion(version) => self.delete_version(version, &call).await,
            O::CreateAlias(owner) => self.create_alias(owner, &call).await,
            O::GetAlias(alias) => self.alias(alias, &call),
            O::ListAliases(owner) => self.aliases(owner, &call),
            O::UpdateAlias(alias) => self.update_alias(alias, &call).await,
            O::DeleteAlias(alias) => self.delete_alias(alias, &call).await,

            O::TagResources => self.tag(&call).await,
            O::UntagResources => self.untag(&call).await,
            O::ListTagResources => self.tag_resources(&call),
            O::GetResourceTags => self.resource_tags(&call),
            O::ListTaggedResources => self.tagged_resources(&call),

            O::GetAccountSettings => Self::account_settings(),
            O::ListNothing(nothing) => Self::nothing(*nothing, &call),
        }
    }
}

/// The function that a problem says there is not.
fn missing_function(problem: &Problem) -> Option<&FunctionName> {
    match problem {
        Problem::Invoke(InvokeError::NoFunction { function })
        | Problem::Function(FunctionError::NotFound { function })
        | Problem::Config(ConfigError::NoFunction { function })
        | Problem::Task(TaskError::NoFunction { function })
        | Problem::Resource(ResourceError::NoFunction { function }) => Some(function),
        Problem::Path(_)
        | Problem::Auth(_)
        | Problem::Proxy(_)
        | Problem::Argument(_)
        | Problem::Name(_)
        | Problem::Body(_)
        | Problem::EtagDiffers { .. }
        | Problem::Invoke(_)
        | Problem::Refused(_)
        | Problem::NotRun { .. }
        | Problem::Function(_)
        | Problem::Config(_)
        | Problem::Destination { .. }
        | Problem::Task(_)
        | Problem::Resource(_)
        | Problem::Absent { .. }
        | Problem::Value { .. }
        | Problem::Render(_)
        | Problem::Panicked => None,
    }
}

/// How much of a body an operation reads; nothing if it has none, whatever the client sends.
pub(crate) fn body_max(operation: &Operation, head: &Parts) -> Result<Option<usize>, Problem> {
    use Operation as O;

    Ok(match operation {
        O::Proxy { path, .. } => Some(proxy::body_max(head, path)?),
        O::InvokeFunction(_) => Some(match invoke::invocation_type(&head.headers)? {
            InvocationType::Sync => SYNC_PAYLOAD_MAX,
            InvocationType::Async | InvocationType::Task => ASYNC_PAYLOAD_MAX,
        }),
        O::PutAsyncInvokeConfig(_)
        | O::CreateFunction(_)
        | O::UpdateFunction(_)
        | O::DisableFunctionInvocation(_)
        | O::PutConcurrencyConfig(_)
        | O::CreateService
        | O::UpdateService(_)
        | O::PublishVersion(_)
        | O::CreateAlias(_)
        | O::UpdateAlias(_)
        | O::TagResources
        | O::UntagResources => Some(JSON_BYTES_MAX),
        O::GetAsyncInvokeConfig(_)
        | O::DeleteAsyncInvokeConfig(_)
        | O::ListAsyncInvokeConfigs(_)
        | O::GetAsyncTask(_)
        | O::ListAsyncTasks(_)
        | O::StopAsyncTask(_)
        | O::ListAsyncTaskFunctions
        | O::GetFunction(_)
        | O::GetFunctionCode(_)
        | O::ListFunctions(_)
        | O::DeleteFunction(_)
        | O::EnableFunctionInvocation(_)
        | O::ListTriggers(_)
        | O::GetTrigger(_)
        | O::GetService(_)
        | O::ListServices
        | O::DeleteService(_)
        | O::ListVersions(_)
        | O::DeleteVersion(_)
        | O::GetAlias(_)
        | O::ListAliases(_)
        | O::DeleteAlias(_)
        | O::GetConcurrencyConfig(_)
        | O::DeleteConcurrencyConfig(_)
        | O::ListConcurrencyConfigs
        | O::ListTagResources
        | O::GetResourceTags
        | O::ListTaggedResources
        | O::GetAccountSettings
        | O::ListNothing(_)
        | O::GetOnDemandConfig(_) => None,
    })
}
