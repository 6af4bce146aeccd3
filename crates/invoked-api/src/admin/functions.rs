//! Functions: looked at, put, deleted.
#![expect(unused_qualifications, reason = "the macro of utoipa writes full paths of parameters")]

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_core::qualifiers::Limits;
use invoked_engine::{FunctionChange, FunctionError, FunctionRecord, Handle};
use serde_json::{Map, Value};
use utoipa::IntoParams;

use crate::admin::asked::Asked;
use crate::admin::dto::function::{
    AsyncConfig, AsyncConfigPage, Function, FunctionInput, FunctionKind, FunctionPage,
};
use crate::admin::openapi::{Common, Conflict};
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::reply::{Reply, empty};

const URL_BYTES_MAX: usize = 2_048;
const VARIABLES: &str = "environmentVariables";

/// Whose function a name is.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OfAccount {
    /// The account; absent: the daemon's own.
    #[param(nullable = false, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    account: Option<String>,
}

impl OfAccount {
    pub(super) fn read(asked: &mut Asked, engine: &Handle) -> Result<Self, AdminProblem> {
        let own = || engine.identity().account.clone();
        Ok(Self { account: asked.account()?.or_else(|| Some(own())) })
    }

    pub(super) fn key(self, name: FunctionName) -> FunctionKey {
        FunctionKey::new(&self.account.unwrap_or_default(), name)
    }
}

/// Which functions.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FunctionsAsked {
    /// Only those whose names begin so.
    #[param(nullable = false, min_length = 1)]
    prefix: Option<String>,
    /// The account; absent: the daemon's own.
    #[param(nullable = false, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    account: Option<String>,
    /// Functions on a page, at most.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    limit: Option<usize>,
    /// What the page before gave as `next`.
    #[param(nullable = false, min_length = 1)]
    token: Option<String>,
}

/// Which part of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageAsked {
    /// Items on a page, at most.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    limit: Option<usize>,
    /// What the page before gave as `next`.
    #[param(nullable = false, min_length = 1)]
    token: Option<String>,
}

/// Lists functions by name.
#[utoipa::path(
    get,
    path = "/v1/functions",
    operation_id = "listFunctions",
    tag = "functions",
    params(FunctionsAsked),
    responses((status = 200, description = "A page of functions.", body = FunctionPage), Common)
)]
pub(super) fn list(engine: &Handle, mut asked: Asked) -> Result<Reply, AdminProblem> {
    let wanted = FunctionsAsked {
        prefix: asked.text("prefix"),
        limit: Some(asked.limit()?),
        token: asked.text("token"),
        account: OfAccount::read(&mut asked, engine)?.account,
    };
    asked.finish()?;
    let page = engine.functions(
        wanted.account.as_deref().unwrap_or_default(),
        wanted.prefix.as_deref().unwrap_or_default(),
        wanted.token.as_deref(),
        wanted.limit.unwrap_or_default(),
    );
    let functions = page.functions.iter().map(|record| Function::of(engine, record)).collect();
    json(StatusCode::OK, &FunctionPage { functions, next: page.next })
}

/// Shows a function.
#[utoipa::path(
    get,
    path = "/v1/functions/{name}",
    operation_id = "getFunction",
    tag = "functions",
    params(
        ("name" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        OfAccount,
    ),
    responses((status = 200, description = "The function.", body = Function), Common)
)]
pub(super) fn get(
    engine: &Handle,
    name: FunctionName,
    mut asked: Asked,
) -> Result<Reply, AdminProblem> {
    let key = OfAccount::read(&mut asked, engine)?.key(name);
    asked.finish()?;
    json(StatusCode::OK, &Function::of(engine, &engine.function(&key)?))
}

/// Creates a function, or replaces what it is.
#[utoipa::path(
    put,
    path = "/v1/functions/{name}",
    operation_id = "putFunction",
    tag = "functions",
    params(
        ("name" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        OfAccount,
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = FunctionInput,
    responses(
        (status = 201, description = "The function was created.", body = Function),
        (status = 200, description = "The function was replaced.", body = Function),
        Conflict,
        Common,
    )
)]
pub(super) async fn put(
    engine: &Handle,
    name: FunctionName,
    mut asked: Asked,
    input: FunctionInput,
) -> Result<Reply, AdminProblem> {
    let key = OfAccount::read(&mut asked, engine)?.key(name);
    asked.finish()?;
    check(&input)?;
    let present = match engine.function(&key) {
        Ok(present) => Some(present),
        Err(FunctionError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let change = change(&input, present.as_ref())?;
    let (status, record) = match present {
        Some(_) => (StatusCode::OK, engine.update_function(&key, change).await?),
        None => (StatusCode::CREATED, engine.create_function(key, change).await?),
    };
    json(status, &Function::of(engine, &record))
}

/// Deletes a function and its configurations. What waits for it ends as `Invalid`.
#[utoipa::path(
    delete,
    path = "/v1/functions/{name}",
    operation_id = "deleteFunction",
    tag = "functions",
    params(
        ("name" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        OfAccount,
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    responses((status = 204, description = "The function is deleted."), Conflict, Common)
)]
pub(super) async fn delete(
    engine: &Handle,
    name: FunctionName,
    mut asked: Asked,
) -> Result<Reply, AdminProblem> {
    let key = OfAccount::read(&mut asked, engine)?.key(name);
    asked.finish()?;
    engine.delete_function(&key).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Lists the asynchronous invoke configurations of a function, by qualifier.
#[utoipa::path(
    get,
    path = "/v1/functions/{name}/configs",
    operation_id = "listConfigs",
    tag = "functions",
    params(
        ("name" = String, Path, pattern = "^[A-Za-z_][A-Za-z0-9_-]{0,127}([$][A-Za-z_][A-Za-z0-9_-]{0,127})?$", description = "The function."),
        OfAccount,
        PageAsked,
    ),
    responses((status = 200, description = "A page of configurations.", body = AsyncConfigPage), Common)
)]
pub(super) fn configs(
    engine: &Handle,
    name: FunctionName,
    mut asked: Asked,
) -> Result<Reply, AdminProblem> {
    let key = OfAccount::read(&mut asked, engine)?.key(name);
    let page = PageAsked { limit: Some(asked.limit()?), token: asked.text("token") };
    asked.finish()?;
    engine.function(&key)?;
    let (start, limit) = (page.token.as_deref(), page.limit.unwrap_or_default());
    let page = engine.configs(&key.account, Some(&key.name), start, limit);
    let configs = page.configs.iter().map(AsyncConfig::from).collect();
    json(StatusCode::OK, &AsyncConfigPage { configs, next: page.next })
}

/// What the engine cannot know to be wrong, because it is told of it in another form.
fn check(input: &FunctionInput) -> Result<(), AdminProblem> {
    if input.timeout_ms.is_some_and(|ms| !(1..=86_400_000).contains(&ms)) {
        return Err(AdminProblem::argument("timeout_ms", "must be between 1 and 86400000"));
    }
    if input.url.as_ref().is_some_and(|url| URL_BYTES_MAX < url.len()) {
        return Err(AdminProblem::argument("url", format!("is over {URL_BYTES_MAX} bytes")));
    }
    Ok(())
}

fn change(
    input: &FunctionInput,
    present: Option<&FunctionRecord>,
) -> Result<FunctionChange, AdminProblem> {
    Ok(FunctionChange {
        kind: input.kind.into(),
        url: input.url.clone(),
        timeout: input.timeout_ms.map(Duration::from_millis),
        concurrency: input.concurrency,
        rate: input.rate,
        weight: input.weight,
        qualifiers: qualifiers(input)?,
        status: input.status.into(),
        initialize: input.initialize,
        attributes: Value::Object(attributes(input, present)).to_string(),
    })
}

/// The limits of its versions and aliases. Their values are the engine's to judge.
fn qualifiers(input: &FunctionInput) -> Result<BTreeMap<Qualifier, Limits>, AdminProblem> {
    let mut read = BTreeMap::new();
    for (name, of) in &input.qualifiers {
        let wrong = |rule: &str| {
            AdminProblem::argument("qualifiers", format!("has the name '{name}': must be {rule}"))
        };
        if name.is_empty() {
            return Err(wrong("a version, an alias or LATEST"));
        }
        let qualifier = Qualifier::parse(name).map_err(|error| wrong(error.rule))?;
        read.insert(qualifier, Limits::from(of));
    }
    Ok(read)
}

/// What the clients of Function Compute see of it, in step with what it is: an update of theirs
/// starts from there.
fn attributes(input: &FunctionInput, present: Option<&FunctionRecord>) -> Map<String, Value> {
    let given = present.and_then(|record| serde_json::from_str(&record.attributes).ok());
    let mut given: Map<String, Value> = given.unwrap_or_default();
    let mut variables = match given.remove(VARIABLES) {
        Some(Value::Object(variables)) => variables,
        Some(_) | None => Map::new(),
    };
    let mut set = |name: &str, value: Option<&str>| match value {
        Some(value) => drop(variables.insert(name.to_owned(), Value::from(value))),
        None => drop(variables.remove(name)),
    };
    set("INVOKED_TARGET_URL", input.url.as_deref());
    set("INVOKED_FUNCTION_KIND", (input.kind == FunctionKind::Http).then_some("http"));
    if !variables.is_empty() {
        given.insert(VARIABLES.to_owned(), Value::Object(variables));
    }
    given.remove("timeout");
    if let Some(ms) = input.timeout_ms {
        given.insert("timeout".to_owned(), Value::from(ms.div_ceil(1_000)));
    }
    given
}
