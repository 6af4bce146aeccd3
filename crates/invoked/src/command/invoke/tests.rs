//! What is sent for which arguments, and what a task's end means.

use clap::Parser as _;
use invoked_fc::client::{Destination, Moment};
use serde_json::json;

use super::{is_end, request, result, verdict};
use crate::cli::{Cli, Command};

/// The target and headers for a command line; nothing if it does not parse.
fn sent(arguments: &[&str]) -> Option<(String, Vec<(String, String)>)> {
    let line = [&["invoked", "invoke", "svc$f"], arguments].concat();
    let cli = Cli::try_parse_from(line).ok()?;
    let Command::Invoke(args) = cli.command else { panic!("it is `invoked invoke`") };
    let is_sync = !(args.is_async || args.wait || args.delay.is_some() || args.task_id.is_some());
    let request = request(&args, b"payload", is_sync).unwrap();
    let to = Destination { authority: "h", base_path: "" };
    let signed = request.sign(to, None, Moment { nonce: "n", unix_seconds: 0 });
    Some((signed.target, signed.headers))
}

#[test]
fn arguments_become_headers() {
    for (arguments, expected) in [
        (&[][..], &[("x-fc-invocation-type", "Sync")][..]),
        (&["--sync"], &[("x-fc-invocation-type", "Sync")]),
        (&["--async"], &[("x-fc-invocation-type", "Async")]),
        (&["--wait"], &[("x-fc-invocation-type", "Task")]),
        (
            &["--delay", "5s", "--task-id", "t_1"],
            &[
                ("x-fc-invocation-type", "Async"),
                ("x-fc-async-delay", "5"),
                ("x-fc-async-task-id", "t_1"),
            ],
        ),
    ] {
        let (target, headers) = sent(arguments).unwrap();
        assert_eq!(target, "/2023-03-30/functions/svc%24f/invocations");
        let own: Vec<_> = headers
            .iter()
            .filter(|(name, _)| name.starts_with("x-fc-"))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(own, expected);
    }
    assert!(sent(&["--qualifier", "prod"]).unwrap().0.ends_with("?qualifier=prod"));
}

#[test]
fn what_excludes_each_other_is_wrong_usage() {
    for with in [&["--async"][..], &["--wait"], &["--delay", "1s"], &["--task-id", "t"]] {
        assert!(sent(&[&["--sync"], with].concat()).is_none(), "{with:?}");
    }
    assert!(sent(&["--delay", "2h"]).is_none());
    assert!(sent(&["--payload", "-5"]).is_some());
}

#[test]
fn a_task_that_did_not_succeed_is_a_failure() {
    let record = |status: &str| json!({ "status": status, "taskErrorMessage": "boom" });
    assert!(verdict(&record("Succeeded"), "t").is_ok());
    for status in ["Failed", "Stopped", "Expired", "Invalid"] {
        assert!(is_end(status));
        let failure = verdict(&record(status), "t").unwrap_err();
        assert_eq!(failure.to_string(), format!("task t ended as {status}: boom"));
        assert_eq!(failure.code(), 1);
    }
    for status in ["Enqueued", "Dequeued", "Running", "Retrying", "Stopping", "Delayed", ""] {
        assert!(!is_end(status), "{status}");
    }
}

#[test]
fn a_result_that_is_no_text_is_decoded() {
    assert_eq!(result(&json!({ "returnPayload": "AP8=" })), b"AP8=");
    let encoded = json!({ "returnPayload": "AP8=", "returnPayloadEncoding": "base64" });
    assert_eq!(result(&encoded), [0, 255]);
    assert_eq!(result(&json!({})), b"");
}
