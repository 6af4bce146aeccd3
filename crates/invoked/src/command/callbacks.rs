//! `invoked callbacks`: deliveries that are pending or have failed, through the admin listener.

use http::Method;
use serde_json::Value;

use super::client;
use crate::cli::Output;
use crate::cli::client::{CallbackStatus, CallbacksArgs, CallbacksCommand};
use crate::client::Admin;
use crate::config::Environment;
use crate::failure::Failure;
use crate::print::list::{self, Page, Table};
use crate::print::record::{brief, plain};
use crate::print::{self, record};

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
                match output {
                    Output::Text => print::line(&record::lines(&told.body)),
                    Output::Json => print::document(&told.body, output),
                }
                Ok(())
            }
        }
    })
}
