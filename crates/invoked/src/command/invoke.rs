//! `invoked invoke`: a payload in; the function's answer, the ids of what was accepted, or the
//! result of a task out.

use std::time::Duration;

use anyhow::anyhow;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use invoked_fc::client::{Operation, PathError, Request};
use invoked_fc::headers;
use invoked_fc::route::ApiVersion;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::client;
use crate::cli::Output;
use crate::cli::client::InvokeArgs;
use crate::client::{Answer, Fc};
use crate::config::Environment;
use crate::failure::Failure;
use crate::print;

/// How long a function may take to answer where nothing is said. Source: the longest timeout.
const SYNC_TIMEOUT: Duration = Duration::from_secs(86_400);

/// Between two looks at a task: at first, and at most.
const LOOK_MIN: Duration = Duration::from_millis(100);
const LOOK_MAX: Duration = Duration::from_secs(2);

/// Looks in a row that may fail before we stop waiting: a restart of the daemon takes less.
const LOOKS_LOST_MAX: u32 = 30;

/// Invokes.
///
/// # Errors
/// The invocation was refused, the function failed, or there is no answer.
pub(crate) fn run(
    args: &InvokeArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    let payload = client::bytes("--payload", &args.payload)?;
    let is_sync = !(args.is_async || args.wait || args.delay.is_some() || args.task_id.is_some());
    let mut fc = Fc::new(&args.fc, environment)?;
    if is_sync && args.fc.link.answer_within.is_none() {
        fc = fc.with_timeout(SYNC_TIMEOUT);
    }
    let request = request(args, &payload, is_sync)?;
    client::run(async {
        let answer = fc.call(request).await?;
        if is_sync {
            return answered(&answer, output);
        }
        if !args.wait {
            accepted(&answer, output);
            return Ok(());
        }
        let task = answer
            .task_id()
            .ok_or_else(|| anyhow!("the invocation was accepted, but without the id of a task"))?;
        let waited = wait(&fc, args, &task).await;
        print::progress("");
        let record = waited?;
        match output {
            Output::Json => print::document(&record, output),
            Output::Text => print::bytes(&result(&record)),
        }
        verdict(&record, &task)
    })
}

fn request<'a>(
    args: &InvokeArgs,
    payload: &'a [u8],
    is_sync: bool,
) -> Result<Request<'a>, Failure> {
    let kind = if is_sync {
        "Sync"
    } else if args.wait {
        "Task"
    } else {
        "Async"
    };
    let mut request = of_function("InvokeFunction", &args.function, &[])?
        .with_body("application/octet-stream", payload)
        .with_header(headers::INVOCATION_TYPE, kind);
    if let Some(delay) = args.delay {
        request = request.with_header(headers::ASYNC_DELAY, &delay.to_string());
    }
    if let Some(id) = &args.task_id {
        request = request.with_header(headers::ASYNC_TASK_ID, id);
    }
    if let Some(qualifier) = &args.qualifier {
        request = request.with_query("qualifier", qualifier);
    }
    Ok(request)
}

/// A request of the 2023 version, in which every function has a name of its own, for a function
/// and what else the path holds.
///
/// # Errors
/// A part of the path cannot be one.
pub(super) fn of_function(
    operation: &'static str,
    function: &str,
    more: &[(&str, &str)],
) -> Result<Request<'static>, Failure> {
    let version = ApiVersion::V2023;
    let (operation, version) = Operation::find(operation, Some(version))
        .ok_or_else(|| anyhow!("{operation} is no operation of {version}"))?;
    let path: Vec<_> = [("functionName", function)].iter().chain(more).copied().collect();
    let wrong = |error: PathError| Failure::Usage(error.to_string());
    Request::new(operation, version, &path).map_err(wrong)
}

fn answered(answer: &Answer, output: Output) -> Result<(), Failure> {
    let error = answer.header(headers::ERROR_TYPE);
    match output {
        Output::Text => print::bytes(&answer.body),
        Output::Json => {
            let (encoding, payload) = match std::str::from_utf8(&answer.body) {
                Ok(text) => ("utf8", text.to_owned()),
                Err(_) => ("base64", STANDARD.encode(&answer.body)),
            };
            let told = json!({
                "requestId": answer.request_id(),
                "errorType": error,
                "payload": payload,
                "payloadEncoding": encoding,
            });
            print::document(&told, output);
        }
    }
    match error {
        Some(kind) => Err(Failure::Failed(anyhow!("the function failed: {kind}"))),
        None => Ok(()),
    }
}

fn accepted(answer: &Answer, output: Output) {
    let (request_id, task_id) = (answer.request_id(), answer.task_id());
    match output {
        Output::Json => {
            print::document(&json!({ "requestId": request_id, "taskId": task_id }), output);
        }
        Output::Text => {
            let show =
                |id: Option<String>| id.map_or_else(|| "-".to_owned(), |id| print::harmless(&id));
            let (request_id, task_id) = (show(request_id), show(task_id));
            print::line(&format!("accepted  request id {request_id}  task id {task_id}"));
        }
    }
}

/// Looks at the task until it has ended. Looks that fail for a while are made again.
async fn wait(fc: &Fc, args: &InvokeArgs, task: &str) -> Result<Value, Failure> {
    let mut pause = LOOK_MIN;
    let mut lost = 0;
    loop {
        let mut look = of_function("GetAsyncTask", &args.function, &[("taskId", task)])?;
        if let Some(qualifier) = &args.qualifier {
            look = look.with_query("qualifier", qualifier);
        }
        match fc.call(look).await {
            Ok(answer) => {
                lost = 0;
                let record = answer.json()?;
                let status = text(&record, "status");
                if is_end(status) {
                    return Ok(record);
                }
                print::progress(&format!("{task}: {status}"));
            }
            Err(failure) if lost < LOOKS_LOST_MAX && is_passing(&failure) => {
                lost += 1;
                print::progress(&format!("{task}: {failure}"));
            }
            Err(failure) => return Err(failure),
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LOOK_MAX);
    }
}

/// Whether the status is one that a task keeps.
fn is_end(status: &str) -> bool {
    matches!(status, "Succeeded" | "Failed" | "Stopped" | "Expired" | "Invalid")
}

/// Whether asking again later may help.
fn is_passing(failure: &Failure) -> bool {
    match failure {
        Failure::Unreachable { .. } => true,
        Failure::Refused { refusal, .. } => refusal.status == 429 || refusal.status >= 500,
        Failure::Config(_) | Failure::Usage(_) | Failure::Failed(_) => false,
    }
}

/// Whether a task that has ended succeeded.
fn verdict(record: &Value, task: &str) -> Result<(), Failure> {
    match text(record, "status") {
        "Succeeded" => Ok(()),
        status => {
            let error = text(record, "taskErrorMessage");
            let because = if error.is_empty() { String::new() } else { format!(": {error}") };
            Err(Failure::Failed(anyhow!("task {task} ended as {status}{because}")))
        }
    }
}

/// What the function answered.
fn result(record: &Value) -> Vec<u8> {
    let payload = text(record, "returnPayload");
    let decoded = match text(record, "returnPayloadEncoding") {
        "base64" => STANDARD.decode(payload).ok(),
        _ => None,
    };
    decoded.unwrap_or_else(|| payload.as_bytes().to_vec())
}

fn text<'a>(record: &'a Value, key: &str) -> &'a str {
    record.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
