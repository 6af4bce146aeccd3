//! `invoked log-level`: what a daemon logs, and another of it for a while.

use http::Method;
use serde_json::{Value, json};

use super::client;
use crate::cli::{LogLevelArgs, LogLevelCommand, Output};
use crate::client::Admin;
use crate::config::Environment;
use crate::failure::Failure;
use crate::print;
use crate::print::record::plain;

/// Asks, or changes it, and says what is logged.
///
/// # Errors
/// The level is not taken, or there is no answer.
pub(crate) fn run(
    args: &LogLevelArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    client::run(async {
        let (admin, method, body) = match &args.command {
            LogLevelCommand::Get(args) => (&args.admin, Method::GET, None),
            LogLevelCommand::Set(args) => {
                let body = match &args.lasts {
                    Some(lasts) => json!({ "level": args.level, "for": lasts }),
                    None => json!({ "level": args.level }),
                };
                (&args.admin, Method::PUT, Some(body))
            }
        };
        let admin = Admin::new(admin, environment)?;
        let told = admin.call(method, &["log-level"], &[], body.as_ref()).await?;
        match output {
            Output::Json => print::document(&told.body, output),
            Output::Text => print::line(&line(&told.body)),
        }
        Ok(())
    })
}

fn line(told: &Value) -> String {
    let (level, configured) = (plain(told.get("level")), plain(told.get("configured")));
    match told.get("reverts_in_seconds").and_then(Value::as_u64) {
        Some(seconds) => format!("{level} (for {seconds} s, then {configured})"),
        None if level == configured => level,
        None => format!("{level} (the configuration says {configured})"),
    }
}
