//! `invoked callbacks`: deliveries that are pending or have failed, and failed ones again, through the
//! admin listener.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{client, lanes};
use crate::cli::Output;
use crate::cli::callbacks::{CallbackStatus, CallbacksArgs, CallbacksCommand, RedriveArgs};
use crate::cli::client::Moment;
use crate::client::Admin;
use crate::config::Environment;
use crate::failure::Failure;
use crate::print;
use crate::print::list::{self, Page, Table};
use crate::print::record::{brief, plain};

const TABLE: Table = Table {
    items: "callbacks",
    columns: &[
        ("ID", |callback| plain(callback.get("id"))),
        ("FUNCTION", |callback| plain(callback.get("function"))),
        ("OUTCOME", |callback| plain(callback.get("outcome"))),
        ("STATUS", |callback| plain(callback.get("status"))),
        ("TRIES", |callback| plain(callback.get("tries"))),
        ("DESTINATION", |callback| plain(callback.get("destination"))),
        ("ERROR", error),
    ],
};

fn error(callback: &Value) -> String {
    let Some(error) = callback.get("error").filter(|error| error.is_object()) else {
        return "-".to_owned();
    };
    brief(&format!("{}: {}", plain(error.get("code")), plain(error.get("message"))))
}

/// Lists or shows.
///
/// # Errors
/// The daemon refused, or there is no answer.
pub(crate) fn run(
    args: &CallbacksArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    client::run(async {
        match &args.command {
            CallbacksCommand::List(args) => {
                let admin = Admin::new(&args.admin, environment)?;
                admin.check_ages(args.age.older_than, args.age.newer_than)?;
                let status = args.status.map(|status| match status {
                    CallbackStatus::Failed => "Failed".to_owned(),
                    CallbackStatus::Pending => "Pending".to_owned(),
                });
                list::list(&args.part, &TABLE, output, async |limit, token| {
                    let parameters = [
                        ("function", args.function.clone()),
                        ("destination", args.destination.clone()),
                        ("status", status.clone()),
                        ("code", args.code.clone()),
                        ("since_before", args.age.older_than.map(|moment| admin.time(moment))),
                        ("since_after", args.age.newer_than.map(|moment| admin.time(moment))),
                        ("limit", Some(limit.to_string())),
                        ("token", token),
                    ];
                    let told = admin.call(Method::GET, &["callbacks"], &parameters, None).await?;
                    Ok(Page::of(told.body, "callbacks", "next"))
                })
                .await
            }
            CallbacksCommand::Get(args) => {
                let admin = Admin::new(&args.admin, environment)?;
                let told = admin.call(Method::GET, &["callbacks", &args.id], &[], None).await?;
                print::record::show(&told.body, output);
                Ok(())
            }
            CallbacksCommand::Redrive(args) => redrive(args, environment, output).await,
        }
    })
}

/// How often it is asked how far a redrive has come.
const LOOK: Duration = Duration::from_millis(200);

/// Sends callbacks again: the daemon does it, in an operation of its own.
async fn redrive(
    args: &RedriveArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let mut admin = Admin::new(&args.admin, environment)?;
    let account = admin.take_account();
    let is_filtered = args.function.is_some()
        || args.destination.is_some()
        || args.code.is_some()
        || args.age.older_than.is_some()
        || args.age.newer_than.is_some();
    if args.ids.is_empty() && !is_filtered && !args.all {
        let message = "name the callbacks, or say what they are, or --all";
        return Err(Failure::Usage(message.to_owned()));
    }
    admin.check_ages(args.age.older_than, args.age.newer_than)?;
    let time = |moment: Option<Moment>| moment.map(|moment| admin.time(moment));
    let given = [
        ("ids", (!args.ids.is_empty()).then(|| json!(args.ids))),
        ("all", args.all.then_some(json!(true))),
        ("function", args.function.as_ref().map(|name| json!(name))),
        ("account", account.map(|account| json!(account))),
        ("destination", args.destination.as_ref().map(|arn| json!(arn))),
        ("code", args.code.as_ref().map(|code| json!(code))),
        ("since_before", time(args.age.older_than).map(|at| json!(at))),
        ("since_after", time(args.age.newer_than).map(|at| json!(at))),
        ("dry_run", args.dry_run.then_some(json!(true))),
        ("rate_per_second", args.rate.map(|rate| json!(rate))),
    ];
    let given = given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let body = Value::Object(given.collect());
    let told = admin.call(Method::POST, &["callbacks", "redrive"], &[], Some(&body)).await?;
    let mut operation = told.body;
    // Whoever only counts wants the count.
    while (args.wait || args.dry_run) && operation.get("state") == Some(&json!("Running")) {
        tokio::time::sleep(LOOK).await;
        let id = plain(operation.get("id"));
        operation = admin.call(Method::GET, &["operations", &id], &[], None).await?.body;
    }
    lanes::show_operation(&operation, output)
}
