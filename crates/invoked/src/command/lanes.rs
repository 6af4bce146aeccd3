//! What the commands about whole lanes share: holding one, and beginning an operation over one.

use std::time::Duration;

use anyhow::anyhow;
use http::Method;
use serde_json::{Value, json};

use crate::cli::Output;
use crate::cli::lanes::{DestinationPurgeArgs, ErrorClass, PaceArgs, WhichArgs};
use crate::client::Admin;
use crate::failure::Failure;
use crate::print;
use crate::print::record::plain;

/// How often it is asked how far an operation has come.
const LOOK: Duration = Duration::from_millis(200);

/// Pauses or resumes.
pub(super) async fn hold(
    admin: &Admin,
    segments: &[&str],
    given: Vec<(&str, Option<Value>)>,
    output: Output,
) -> Result<(), Failure> {
    let body = object(given);
    let told = admin.call(Method::POST, segments, &[], Some(&body)).await?;
    print::record::show(&told.body, output);
    Ok(())
}

/// Begins an operation, and waits for its end if that is wanted.
pub(super) async fn work(
    admin: &Admin,
    segments: &[&str],
    mut given: Vec<(&str, Option<Value>)>,
    pace: &PaceArgs,
    output: Output,
) -> Result<(), Failure> {
    given.push(("dry_run", pace.dry_run.then_some(json!(true))));
    given.push(("rate_per_second", pace.rate.map(|rate| json!(rate))));
    let body = object(given);
    let told = admin.call(Method::POST, segments, &[], Some(&body)).await?;
    let mut operation = told.body;
    // Whoever only counts wants the count.
    while (pace.wait || pace.dry_run) && operation.get("state") == Some(&json!("Running")) {
        tokio::time::sleep(LOOK).await;
        let id = plain(operation.get("id"));
        operation = admin.call(Method::GET, &["operations", &id], &[], None).await?.body;
        let of = |key: &str| plain(operation.get(key));
        let waits = operation.get("last_error").and_then(Value::as_str);
        print::progress(&format!(
            "{} of {} looked at, {} moved{}",
            of("examined"),
            of("expected"),
            of("acted"),
            waits.map_or_else(String::new, |why| format!("; it waits: {why}"))
        ));
    }
    print::progress("");
    show_operation(&operation, output)
}

/// Prints an operation; of one that goes on, how to look at it later.
///
/// # Errors
/// It has ended before it was through.
pub(super) fn show_operation(operation: &Value, output: Output) -> Result<(), Failure> {
    print::record::show(operation, output);
    if output == Output::Text && operation.get("state") == Some(&json!("Running")) {
        print::note(&format!(
            "it goes on in the daemon: GET /v1/operations/{} of the admin listener says how far it is (--wait waits for it)",
            plain(operation.get("id"))
        ));
    }
    if operation.get("state") == Some(&json!("Failed")) {
        let why = plain(operation.get("last_error"));
        return Err(anyhow!("the operation ended before it was through: {why}").into());
    }
    Ok(())
}

/// Which rows, as the listener reads it.
///
/// # Errors
/// No row can be both older and newer.
pub(super) fn which<'a>(
    admin: &Admin,
    which: &WhichArgs,
    qualifier: Option<&String>,
) -> Result<Vec<(&'a str, Option<Value>)>, Failure> {
    admin.check_ages(which.older_than, which.newer_than)?;
    let class = which.error_class.map(|class| match class {
        ErrorClass::Function => json!("function"),
        ErrorClass::System => json!("system"),
    });
    Ok(vec![
        ("status", (!which.status.is_empty()).then(|| json!(which.status))),
        ("code", which.error.as_ref().map(|code| json!(code))),
        ("error_class", class),
        ("accepted_before", which.older_than.map(|moment| json!(admin.time(moment)))),
        ("accepted_after", which.newer_than.map(|moment| json!(admin.time(moment)))),
        ("prefix", which.prefix.as_ref().map(|prefix| json!(prefix))),
        ("qualifier", qualifier.map(|qualifier| json!(qualifier))),
    ])
}

/// Purges the lane of a destination.
pub(super) async fn purge_destination(
    admin: &Admin,
    args: &DestinationPurgeArgs,
    output: Output,
) -> Result<(), Failure> {
    admin.check_ages(args.older_than, args.newer_than)?;
    let given = vec![
        ("destination", Some(json!(args.destination))),
        ("code", args.error.as_ref().map(|code| json!(code))),
        ("accepted_before", args.older_than.map(|moment| json!(admin.time(moment)))),
        ("accepted_after", args.newer_than.map(|moment| json!(admin.time(moment)))),
        ("prefix", args.prefix.as_ref().map(|prefix| json!(prefix))),
    ];
    work(admin, &["destinations", "purge"], given, &args.pace, output).await
}

fn object(given: Vec<(&str, Option<Value>)>) -> Value {
    let given = given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(given.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_that_failed_is_a_failure_and_says_why() {
        let of = |state: &str| json!({"id": "i", "state": state, "last_error": "it is disabled"});
        for fine in ["Running", "Done", "Cancelled"] {
            assert!(show_operation(&of(fine), Output::Json).is_ok(), "{fine}");
        }
        let failure = show_operation(&of("Failed"), Output::Json).expect_err("it failed");
        assert_eq!(failure.code(), 1);
        assert!(failure.to_string().contains("it is disabled"), "{failure}");
    }
}
