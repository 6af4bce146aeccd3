//! `invoked functions`: what is registered, through the admin listener.

use http::Method;
use serde_json::{Map, json};

use super::{client, lanes};
use crate::cli::Output;
use crate::cli::client::{FunctionPutArgs, FunctionsArgs, FunctionsCommand, Kind, StatusRule};
use crate::cli::lanes::HoldArgs;
use crate::client::Admin;
use crate::config::Environment;
use crate::failure::Failure;
use crate::print::list::{self, Page, Table};
use crate::print::record::plain;
use crate::print::{self, record};

const TABLE: Table = Table {
    items: "functions",
    columns: &[
        ("NAME", |function| plain(function.get("name"))),
        ("KIND", |function| plain(function.get("kind"))),
        ("FROM", |function| plain(function.get("origin"))),
        ("TIMEOUT MS", |function| plain(function.get("timeout_ms"))),
        ("CONCURRENCY", |function| plain(function.get("concurrency"))),
        ("PAUSED SINCE", |function| plain(function.get("paused_since"))),
        ("URL", |function| plain(function.get("url"))),
    ],
};

/// Lists, shows, registers or deletes.
///
/// # Errors
/// The daemon refused, or there is no answer.
pub(crate) fn run(
    args: &FunctionsArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    client::run(async {
        match &args.command {
            FunctionsCommand::List(args) => {
                let admin = Admin::new(&args.admin, environment)?;
                list::list(&args.part, &TABLE, output, async |limit, token| {
                    let parameters = [
                        ("prefix", args.prefix.clone()),
                        ("limit", Some(limit.to_string())),
                        ("token", token),
                    ];
                    let told = admin.call(Method::GET, &["functions"], &parameters, None).await?;
                    Ok(Page::of(told.body, "functions", "next"))
                })
                .await
            }
            FunctionsCommand::Get(args) => {
                let admin = Admin::new(&args.admin, environment)?;
                let told = admin.call(Method::GET, &["functions", &args.name], &[], None).await?;
                match output {
                    Output::Text => print::line(&record::lines(&told.body)),
                    Output::Json => print::document(&told.body, output),
                }
                Ok(())
            }
            FunctionsCommand::Count(args) => {
                let admin = Admin::new(&args.admin, environment)?;
                let segments = ["functions", &args.name, "count"];
                let told = admin.call(Method::GET, &segments, &[], None).await?;
                record::show(&told.body, output);
                Ok(())
            }
            FunctionsCommand::Pause(args) => hold(args, "pause", environment, output).await,
            FunctionsCommand::Resume(args) => hold(args, "resume", environment, output).await,
            FunctionsCommand::Purge(args) => {
                let admin = Admin::new(&args.admin, environment)?;
                let given = lanes::which(&admin, &args.which, args.qualifier.as_ref())?;
                let segments = ["functions", &args.name, "purge"];
                lanes::work(&admin, &segments, given, &args.pace, output).await
            }
            FunctionsCommand::Put(args) => put(args, environment, output).await,
            FunctionsCommand::Delete(args) => {
                let admin = Admin::new(&args.admin, environment)?;
                admin.call(Method::DELETE, &["functions", &args.name], &[], None).await?;
                match output {
                    Output::Text => {
                        print::line(&format!("deleted  {}", print::harmless(&args.name)))
                    }
                    Output::Json => print::document(&json!({ "name": args.name }), output),
                }
                Ok(())
            }
        }
    })
}

async fn hold(
    args: &HoldArgs,
    verb: &str,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let admin = Admin::new(&args.admin, environment)?;
    let given = vec![("note", args.note.as_ref().map(|note| json!(note)))];
    lanes::hold(&admin, &["functions", &args.name, verb], given, output).await
}

async fn put(
    args: &FunctionPutArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let admin = Admin::new(&args.admin, environment)?;
    let kind = match args.kind {
        Kind::Event => "event",
        Kind::Http => "http",
    };
    let status = match args.status {
        StatusRule::Header => "header",
        StatusRule::Ignore => "ignore",
    };
    let mut qualifiers = Map::new();
    for of in &args.qualifiers {
        if qualifiers.insert(of.qualifier.clone(), json!(of.limits)).is_some() {
            let problem = format!("--qualifier names '{}' twice", of.qualifier);
            return Err(Failure::Usage(problem));
        }
    }
    let mut body = json!({
        "url": args.url,
        "kind": kind,
        "concurrency": args.concurrency,
        "rate": args.rate,
        "weight": args.weight,
        "qualifiers": qualifiers,
        "status": status,
        "initialize": args.initialize,
    });
    if let (Some(timeout), Some(fields)) = (args.timeout, body.as_object_mut()) {
        let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        fields.insert("timeout_ms".to_owned(), millis.into());
    }
    let told = admin.call(Method::PUT, &["functions", &args.name], &[], Some(&body)).await?;
    match output {
        Output::Json => print::document(&told.body, output),
        Output::Text => {
            let done = if told.status == 201 { "registered" } else { "replaced" };
            print::line(&format!("{done}\n\n{}", record::lines(&told.body)));
        }
    }
    Ok(())
}
