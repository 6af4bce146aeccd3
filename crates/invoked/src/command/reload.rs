//! `invoked reload`: has the daemon read its configuration again, through the admin listener.

use http::Method;
use serde_json::Value;

use super::client;
use crate::cli::{Output, ReloadArgs};
use crate::client::Admin;
use crate::config::Environment;
use crate::failure::Failure;
use crate::print;
use crate::print::record::plain;

/// Reloads, and says what is different.
///
/// # Errors
/// The configuration is not taken, or there is no answer.
pub(crate) fn run(
    args: &ReloadArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    client::run(async {
        let admin = Admin::new(&args.admin, environment)?;
        let parameters = [("dry_run", args.dry_run.then(|| "true".to_owned()))];
        let told = admin.call(Method::POST, &["reload"], &parameters, None).await?;
        match output {
            Output::Json => print::document(&told.body, output),
            Output::Text => print::line(&lines(&told.body)),
        }
        Ok(())
    })
}

fn lines(told: &Value) -> String {
    let changes = told.get("changes").and_then(Value::as_array);
    let changes = changes.map(Vec::as_slice).unwrap_or_default();
    if changes.is_empty() {
        return "nothing is different".to_owned();
    }
    let warnings = told.get("warnings").and_then(Value::as_array);
    let warnings = warnings.map(Vec::as_slice).unwrap_or_default();
    let warning =
        |of: &Value| format!("warning: {}: {}", plain(of.get("path")), plain(of.get("message")));
    let line = |change: &Value| {
        let masked = change.get("masked") == Some(&Value::Bool(true));
        let (kind, path) = (plain(change.get("change")), plain(change.get("path")));
        format!("{kind} {path}{}", if masked { " (masked)" } else { "" })
    };
    let mut lines: Vec<_> = changes.iter().map(line).chain(warnings.iter().map(warning)).collect();
    if told.get("dry_run") == Some(&Value::Bool(true)) {
        lines.push("nothing of it is in force: a dry run".to_owned());
    }
    lines.join("\n")
}
