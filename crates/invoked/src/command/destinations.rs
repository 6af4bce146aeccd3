//! `invoked destinations`: how each is doing, and whether one answers, through the admin listener.

use http::Method;
use serde_json::{Value, json};

use super::{client, lanes};
use crate::cli::Output;
use crate::cli::callbacks::{DestinationsArgs, DestinationsCommand};
use crate::cli::lanes::DestinationHoldArgs;
use crate::client::Admin;
use crate::config::Environment;
use crate::failure::Failure;
use crate::print;
use crate::print::list::{self, Page, Table};
use crate::print::record::plain;

const TABLE: Table = Table {
    items: "destinations",
    columns: &[
        ("DESTINATION", |of| plain(of.get("destination"))),
        ("BREAKER", |of| plain(of.get("breaker"))),
        ("PAUSED SINCE", |of| plain(of.get("paused_since"))),
        ("OWED", |of| plain(of.get("owed"))),
        ("IN FLIGHT", |of| plain(of.get("in_flight"))),
        ("WAITING", |of| {
            let more = of.get("more_waiting") == Some(&Value::Bool(true));
            format!("{}{}", plain(of.get("waiting")), if more { "+" } else { "" })
        }),
        ("LAST ERROR", |of| plain(of.pointer("/last_error/code"))),
    ],
};

/// Lists or probes.
///
/// # Errors
/// The daemon refused, there is no answer, or the probe was not delivered.
pub(crate) fn run(
    args: &DestinationsArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    client::run(async {
        match &args.command {
            DestinationsCommand::List(args) => {
                let admin = Admin::new(&args.admin, environment)?;
                list::list(&args.part, &TABLE, output, async |limit, token| {
                    let parameters = [("limit", Some(limit.to_string())), ("token", token)];
                    let told =
                        admin.call(Method::GET, &["destinations"], &parameters, None).await?;
                    Ok(Page::of(told.body, "destinations", "next"))
                })
                .await
            }
            DestinationsCommand::Pause(args) => hold(args, "pause", environment, output).await,
            DestinationsCommand::Resume(args) => hold(args, "resume", environment, output).await,
            DestinationsCommand::Purge(args) => {
                let admin = Admin::new(&args.admin, environment)?;
                lanes::purge_destination(&admin, args, output).await
            }
            DestinationsCommand::Probe(args) => {
                let admin = Admin::new(&args.admin, environment)?;
                let body = json!({ "destination": args.destination });
                let told =
                    admin.call(Method::POST, &["destinations", "probe"], &[], Some(&body)).await?;
                print::record::show(&told.body, output);
                match told.body.get("outcome").and_then(Value::as_str) {
                    Some("Delivered" | "Local") => Ok(()),
                    _ => Err(Failure::Failed(anyhow::anyhow!(plain(told.body.get("message"))))),
                }
            }
        }
    })
}

async fn hold(
    args: &DestinationHoldArgs,
    verb: &str,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let admin = Admin::new(&args.admin, environment)?;
    let given = vec![
        ("destination", Some(json!(args.destination))),
        ("note", args.note.as_ref().map(|note| json!(note))),
    ];
    lanes::hold(&admin, &["destinations", verb], given, output).await
}
