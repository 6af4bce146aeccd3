//! `invoked api`: one call of the Function Compute API, in the words of `s cli fc api`.

use invoked_fc::client::{Operation, Request};
use invoked_fc::headers;
use serde_json::{Value, json};

use super::client;
use crate::cli::Output;
use crate::cli::client::ApiArgs;
use crate::client::{Answer, Fc};
use crate::config::Environment;
use crate::failure::Failure;
use crate::print;

/// Makes the call and prints the answer.
///
/// # Errors
/// The arguments are none of the operation's, there is no answer, or it is an error.
pub(crate) fn run(
    args: &ApiArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let body = args.body.as_deref().map(|body| client::bytes("--body", body)).transpose()?;
    let request = request(args, body.as_deref())?;
    let fc = Fc::new(&args.fc, environment)?;
    client::run(async {
        let answer = fc.call(request).await?;
        show(&answer, output);
        match answer.header(headers::ERROR_TYPE) {
            Some(kind) => Err(Failure::Failed(anyhow::anyhow!("the function failed: {kind}"))),
            None => Ok(()),
        }
    })
}

/// The request that the arguments describe.
fn request<'a>(args: &ApiArgs, body: Option<&'a [u8]>) -> Result<Request<'a>, Failure> {
    let name = args.operation.as_str();
    let (operation, version) = Operation::find(name, args.api_version).ok_or_else(|| {
        let versions: Vec<_> = Operation::versions_of(name)
            .iter()
            .map(|version| version.as_str().replace('-', ""))
            .collect();
        Failure::Usage(format!("--apiVersion: {name} is an operation of {}", versions.join(", ")))
    })?;
    let mut request = Request::new(operation, version, &args.path)
        .map_err(|error| Failure::Usage(format!("--path: {error}")))?;

    let known = |key: &str| {
        operation.query.contains(&key) || (key == "qualifier" && operation.takes_qualifier())
    };
    let unknown: Vec<_> =
        args.query.iter().map(|(key, _)| key.as_str()).filter(|key| !known(key)).collect();
    if !unknown.is_empty() {
        let there = if operation.query.is_empty() { "none" } else { &operation.query.join(", ") };
        let unknown = unknown.join(", ");
        return Err(Failure::Usage(format!("--query: {name} has no {unknown}; it has {there}")));
    }
    for (key, value) in &args.query {
        request = request.with_query(key, value);
    }
    if let Some(body) = body {
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
        let kind = if is_json { "application/json" } else { "application/octet-stream" };
        request = request.with_body(kind, body);
    }
    for (key, value) in &args.header {
        if Request::is_reserved(key) {
            return Err(Failure::Usage(format!("--header: {key} is written by the client itself")));
        }
        request = request.with_header(key, value);
    }
    Ok(request)
}

/// The body; where there is none, what the headers tell.
fn show(answer: &Answer, output: Output) {
    if answer.body.is_empty() {
        let told = json!({
            "httpStatus": answer.status,
            "requestId": answer.request_id(),
            "taskId": answer.task_id(),
        });
        return print::document(&told, output);
    }
    match (output, serde_json::from_slice::<Value>(&answer.body)) {
        (Output::Text, Ok(document)) => print::document(&document, output),
        (Output::Json, _) | (Output::Text, Err(_)) => print::bytes(&answer.body),
    }
}

#[cfg(test)]
mod tests;
