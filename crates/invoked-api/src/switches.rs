//! How much of a function runs at a time and whether it runs; and what an account has none of.

use http::StatusCode;
use invoked_core::limits::CONCURRENCY_MAX;
use invoked_core::name::Qualifier;
use invoked_engine::{Amendment, FunctionRecord};
use invoked_fc::dto::concurrency::{
    ConcurrencyConfig, DisableInvocationInput, PutConcurrencyInput, Switched,
};
use invoked_fc::dto::list::List;
use invoked_fc::error::ErrorCode;
use invoked_fc::route::{FunctionPath, Nothing};
use serde_json::json as value;

use crate::api::{Api, Call};
use crate::problem::Problem;
use crate::reply::{Reply, empty, json, resource};

impl Api {
    pub(crate) async fn put_concurrency(
        &self,
        path: &FunctionPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let key = call.function(path)?;
        let asked = PutConcurrencyInput::parse(&call.body)?.reserved_concurrency;
        let concurrency = asked
            .and_then(|asked| u32::try_from(asked).ok())
            .filter(|asked| (1..=CONCURRENCY_MAX).contains(asked));
        if concurrency.is_none() {
            let problem = format!(
                "must be between 1 and {CONCURRENCY_MAX}; to let nothing run, disable the function"
            );
            return Err(Problem::Value { field: "reservedConcurrency", problem });
        }
        let amendment = Amendment::Concurrency(concurrency);
        let record = self.engine().amend_function(&key, amendment).await?;
        resource(&self.shown_concurrency(&record))
    }

    /// Without a limit of its own, a function has no such configuration: Terraform looks for this
    /// code.
    pub(crate) fn concurrency(
        &self,
        path: &FunctionPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let record = self.engine().function(&call.function(path)?)?;
        match record.concurrency {
            Some(_) => resource(&self.shown_concurrency(&record)),
            None => Err(no_concurrency(&record)),
        }
    }

    pub(crate) async fn delete_concurrency(
        &self,
        path: &FunctionPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let key = call.function(path)?;
        let record = self.engine().function(&key)?;
        if record.concurrency.is_none() {
            return Err(no_concurrency(&record));
        }
        self.engine().amend_function(&key, Amendment::Concurrency(None)).await?;
        Ok(empty(StatusCode::NO_CONTENT))
    }

    pub(crate) fn concurrencies(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let page = call.query.page()?;
        let wanted = call.query.text("functionName");
        let (start, limit) = (page.next_token.as_deref(), usize::from(page.limit));
        let listed = self.engine().functions_that(&call.caller.account, start, limit, |record| {
            let is_wanted = wanted.is_none_or(|wanted| wanted == record.name.as_str());
            is_wanted && record.concurrency.is_some() && call.caller.sees(record.name.as_str())
        });
        json(&List {
            name: "configs",
            items: listed.functions.iter().map(|of| self.shown_concurrency(of)).collect(),
            next_token: listed.next.unwrap_or_default(),
        })
    }

    /// New invocations are refused from here on; what was accepted still runs.
    pub(crate) async fn disable(
        &self,
        path: &FunctionPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let key = call.function(path)?;
        let input = DisableInvocationInput::parse(&call.body)?;
        if input.abort_ongoing_request == Some(true) {
            let problem = "is not supported: stop the tasks that are to end".to_owned();
            return Err(Problem::Value { field: "abortOngoingRequest", problem });
        }
        let reason = input.reason.unwrap_or_default();
        self.engine().amend_function(&key, Amendment::Disable(reason)).await?;
        json(&Switched { success: true })
    }

    pub(crate) async fn enable(
        &self,
        path: &FunctionPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        self.engine().amend_function(&call.function(path)?, Amendment::Enable).await?;
        json(&Switched { success: true })
    }

    pub(crate) fn on_demand_config(
        &self,
        path: &FunctionPath,
        call: &Call<'_>,
    ) -> Result<Reply, Problem> {
        let record = self.engine().function(&call.function(path)?)?;
        let what = format!("on-demand config of {}", record.name.called());
        Err(Problem::Absent { code: ErrorCode::OnDemandConfigNotFound, what })
    }

    /// A daemon has neither zones nor a role of its own.
    pub(crate) fn account_settings() -> Result<Reply, Problem> {
        json(&value!({"availableAZs": [], "defaultRole": ""}))
    }

    pub(crate) fn nothing(nothing: Nothing, call: &Call<'_>) -> Result<Reply, Problem> {
        call.query.page()?;
        let name = match nothing {
            Nothing::ProvisionConfigs => "provisionConfigs",
            Nothing::OnDemandConfigs => "configs",
            Nothing::ScalingConfigs => "scalingConfigs",
            Nothing::ReservedCapacities => "reservedCapacities",
            Nothing::CustomDomains => "customDomains",
            Nothing::Layers => "layers",
        };
        json(&List::<()> { name, items: Vec::new(), next_token: String::new() })
    }

    fn shown_concurrency(&self, record: &FunctionRecord) -> ConcurrencyConfig {
        let identity = self.engine().identity();
        ConcurrencyConfig {
            function_arn: identity.function_arn(&record.key(), &Qualifier::LATEST),
            reserved_concurrency: record.concurrency,
        }
    }
}

fn no_concurrency(record: &FunctionRecord) -> Problem {
    let what = format!("concurrency config of {}", record.name.called());
    Problem::Absent { code: ErrorCode::OnDemandConfigNotFound, what }
}
