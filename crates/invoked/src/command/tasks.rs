//! `invoked tasks`: the invocations of functions in task mode.

use http::Method;
use serde_json::{Value, json};

use super::invoke::of_function;
use super::{client, lanes};
use crate::cli::Output;
use crate::cli::access::AdminArgs;
use crate::cli::client::{Order, TaskArgs, TasksArgs, TasksCommand, TasksListArgs};
use crate::cli::lanes::{TaskRetryArgs, TaskStopArgs, WhichArgs};
use crate::client::{Admin, Answer, Fc};
use crate::config::Environment;
use crate::failure::Failure;
use crate::print::list::{self, Page, Table};
use crate::print::record::{brief, moment, plain};
use crate::print::{self, record};

const TABLE: Table = Table {
    items: "tasks",
    columns: &[
        ("TASK", |task| plain(task.get("taskId"))),
        ("STATUS", |task| plain(task.get("status"))),
        ("STARTED", |task| moment(task.get("startedTime"))),
        ("ENDED", |task| moment(task.get("endTime"))),
        ("RETRIES", |task| plain(task.get("alreadyRetriedTimes"))),
        ("DESTINATION", |task| plain(task.get("destinationStatus"))),
        ("ERROR", |task| brief(&plain(task.get("taskErrorMessage")))),
    ],
};

/// Lists, shows, stops or retries.
///
/// # Errors
/// The daemon refused, or there is no answer.
pub(crate) fn run(
    args: &TasksArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    client::run(async {
        match &args.command {
            TasksCommand::List(args) => list(args, environment, output).await,
            TasksCommand::Get(args) => {
                let task = of_task("GetAsyncTask", args, environment).await?.json()?;
                match output {
                    Output::Text => print::line(&record::lines(&task)),
                    Output::Json => print::document(&task, output),
                }
                Ok(())
            }
            TasksCommand::Stop(args) => stop(args, environment, output).await,
            TasksCommand::Retry(args) => retry(args, environment, output).await,
        }
    })
}

async fn list(
    args: &TasksListArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let fc = Fc::new(&args.fc, environment)?;
    let now = fc.now();
    let order = match args.order {
        Order::Asc => "asc",
        Order::Desc => "desc",
    };
    let time = |moment: Option<crate::cli::client::Moment>| {
        moment.map(|moment| moment.unix_ms(now).to_string())
    };
    let filters = [
        ("status", args.status.clone()),
        ("prefix", args.prefix.clone()),
        ("startedTimeBegin", time(args.started_after)),
        ("startedTimeEnd", time(args.started_before)),
        ("sortOrderByTime", Some(order.to_owned())),
        ("qualifier", args.qualifier.clone()),
    ];
    list::list(&args.part, &TABLE, output, async |limit, token| {
        let mut request = of_function("ListAsyncTasks", &args.function, &[])?
            .with_query("limit", &limit.to_string());
        let token = ("nextToken", token);
        for (name, value) in filters.iter().chain([&token]) {
            if let Some(value) = value {
                request = request.with_query(name, value);
            }
        }
        Ok(Page::of(fc.call(request).await?.json()?, "tasks", "nextToken"))
    })
    .await
}

async fn of_task(
    operation: &'static str,
    args: &TaskArgs,
    environment: &Environment,
) -> Result<Answer, Failure> {
    let mut request = of_function(operation, &args.function, &[("taskId", &args.task_id)])?;
    if let Some(qualifier) = &args.qualifier {
        request = request.with_query("qualifier", qualifier);
    }
    Fc::new(&args.fc, environment)?.call(request).await
}

async fn stop(
    args: &TaskStopArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let TaskStopArgs { function, task_id, qualifier, fc, .. } = args;
    if let Some(task_id) = task_id.clone() {
        let (function, qualifier) = (function.clone(), qualifier.clone());
        let task = TaskArgs { function, task_id, qualifier, fc: fc.clone() };
        of_task("StopAsyncTask", &task, environment).await?;
        match output {
            Output::Text => {
                print::line(&format!("stopping  task id {}", print::harmless(&task.task_id)));
            }
            Output::Json => print::document(&json!({ "taskId": task.task_id }), output),
        }
        return Ok(());
    }
    check_which(&args.which, qualifier.is_some(), args.all)?;
    let access = AdminArgs {
        admin: args.admin.clone(),
        admin_token: args.admin_token.clone(),
        account: None,
        link: fc.link.clone(),
    };
    let admin = Admin::new(&access, environment)?;
    let given = lanes::which(&admin, &args.which, qualifier.as_ref())?;
    lanes::work(&admin, &["functions", function, "stop"], given, &args.pace, output).await
}

/// With a version or alias, all of its tasks may be meant, and `--all` says the same.
fn check_which(which: &WhichArgs, is_qualified: bool, is_all: bool) -> Result<(), Failure> {
    match (which.is_any(), is_all) {
        (false, false) if !is_qualified => {
            Err(Failure::Usage("name the task, or say what they are, or --all".to_owned()))
        }
        (true, true) => Err(Failure::Usage("--all cannot stand with what they are".to_owned())),
        (true | false, false) | (false, true) => Ok(()),
    }
}

async fn retry(
    args: &TaskRetryArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let admin = Admin::new(&args.admin, environment)?;
    let Some(old) = &args.task_id else {
        check_which(&args.which, false, args.all)?;
        let given = lanes::which(&admin, &args.which, None)?;
        let segments = ["functions", &args.function, "retry"];
        return lanes::work(&admin, &segments, given, &args.pace, output).await;
    };
    let body = args.new_task_id.as_ref().map(|id| json!({ "task_id": id }));
    let segments = ["tasks", &args.function, old, "retry"];
    let told = admin.call(Method::POST, &segments, &[], body.as_ref()).await?.body;
    match output {
        Output::Json => print::document(&told, output),
        Output::Text => {
            let show =
                |key: &str| print::harmless(&plain(told.get(key).filter(|id| **id != Value::Null)));
            let (request_id, task_id) = (show("request_id"), show("task_id"));
            print::line(&format!(
                "accepted  request id {request_id}  task id {task_id}  a retry of {}",
                print::harmless(old)
            ));
        }
    }
    Ok(())
}
