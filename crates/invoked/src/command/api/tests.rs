//! From arguments to requests: the captures of Serverless Devs, and what is refused.

use clap::Parser;
use invoked_fc::client::{Destination, Moment, Signed};
use invoked_fc::sign::Credentials;

use super::request;
use crate::cli::{Cli, Command};

const CAPTURES: &str = include_str!("../../../../invoked-fc/testdata/captures.txt");

/// The request of a command line, signed, or what it is refused with.
fn signed(arguments: &[&str], authority: &str) -> Result<(Signed, String), String> {
    let line = [&["invoked", "api"], arguments].concat();
    let cli = Cli::try_parse_from(line).map_err(|error| error.to_string())?;
    let Command::Api(args) = cli.command else { panic!("it is `invoked api`") };
    let body = args.body.clone().unwrap_or_default();
    let given = args.body.as_ref().map(|_| body.as_bytes());
    let request = request(&args, given)
        .map_err(|failure| failure.to_string())?
        .with_header("x-fc-account-id", "1234567890");
    let to = Destination { authority, base_path: "" };
    let credentials = Credentials {
        access_key_id: "testid",
        access_key_secret: "testsecret",
        security_token: None,
    };
    let moment = Moment { nonce: "n", unix_seconds: 0 };
    Ok((request.sign(to, Some(&credentials), moment), body.clone()))
}

/// Not compared: date, nonce and signature, what stands on the connection alone, who the client
/// says it is, and the digest that Node encodes in a way of its own.
fn is_compared(name: &str) -> bool {
    !matches!(
        name,
        "authorization"
            | "connection"
            | "content-length"
            | "content-md5"
            | "date"
            | "transfer-encoding"
            | "user-agent"
            | "x-acs-date"
            | "x-acs-signature-nonce"
    )
}

/// The headers that are compared, sorted. Values of `content-type` are, up to their charset.
fn compared<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    let mut headers: Vec<_> = headers
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .filter(|(name, _)| is_compared(name))
        .map(|(name, value)| (name, value.trim_end_matches("; charset=utf-8").to_owned()))
        .collect();
    headers.sort();
    headers
}

#[test]
fn the_captures_of_serverless_devs_are_reproduced() {
    let function = r#"{"serviceName":"svc","functionName":"fn"}"#;
    let latest = r#"{"serviceName":"svc","functionName":"fn","qualifier":"LATEST"}"#;
    let task = r#"{"serviceName":"svc","functionName":"fn","invocationId":"task_1"}"#;
    let numbers = r#"{"maxAsyncEventAgeInSeconds":"3600","maxAsyncRetryAttempts":"2"}"#;
    let age = r#"{"maxAsyncEventAgeInSeconds":"3600"}"#;
    let (old, new) = ("--apiVersion=20160815", "--apiVersion=20210416");
    // `s` sends `{}` where it is given no body.
    let none = ["--body", "{}"];
    let lines: [Vec<&str>; 9] = [
        [&["GetFunctionAsyncInvokeConfig", old, "--path", function], &none[..]].concat(),
        vec!["PutFunctionAsyncInvokeConfig", old, "--path", latest, "--body", numbers],
        [
            &["ListFunctionAsyncInvokeConfigs", old, "--path", function, "--query"],
            &[r#"{"limit":10}"#][..],
            &none,
        ]
        .concat(),
        [&["DeleteFunctionAsyncInvokeConfig", old, "--path", latest], &none[..]].concat(),
        [&["StopStatefulAsyncInvocation", old, "--path", task], &none[..]].concat(),
        vec![
            "InvokeFunction",
            old,
            "--path",
            function,
            "--header",
            r#"{"X-Fc-Invocation-Type":"Async"}"#,
            "--body",
            r#"{"k":1}"#,
        ],
        vec!["PutFunctionAsyncInvokeConfig", new, "--path", function, "--body", age],
        [&["GetFunctionAsyncInvokeConfig", new, "--path", function], &none[..]].concat(),
        [&["DeleteFunctionAsyncInvokeConfig", new, "--path", function], &none[..]].concat(),
    ];

    let section = CAPTURES.split("\n## ").find(|section| section.starts_with("A.7")).unwrap();
    let captures: Vec<_> = section.split("\n>>> ").skip(1).collect();
    assert_eq!(captures.len(), lines.len());
    for (capture, line) in captures.into_iter().zip(&lines) {
        let capture = capture.split("\n```").next().unwrap();
        let (head, body) = capture.split_once("\n\n").unwrap_or((capture, ""));
        let (start, headers) = head.split_once('\n').unwrap();
        let mut captured: Vec<_> =
            headers.lines().map(|header| header.split_once(':').unwrap()).collect();
        let authority = captured.iter().find(|(name, _)| *name == "host").unwrap().1.trim();
        if line.contains(&new) {
            // The 2021 client has no account; ours says it to whoever is asked.
            captured.push(("x-fc-account-id", "1234567890"));
        }
        let (signed, sent) = signed(&[&line[..], &["--region", "cn-hangzhou"]].concat(), authority)
            .unwrap_or_else(|error| panic!("{line:?}: {error}"));
        assert_eq!(format!("{} {} HTTP/1.1", signed.method, signed.target), start);
        if !(line.contains(&new) && line.ends_with(&none)) {
            // Node hashes these two bodies and does not send them.
            assert_eq!(sent, body.trim_end(), "{start}");
        }
        let ours = signed.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        assert_eq!(compared(ours), compared(captured.into_iter()), "{start}");
    }
}

#[test]
fn refusals_say_what_the_operation_has() {
    for (arguments, words) in [
        (&["GetAsyncTsk"][..], &["GetAsyncTask"][..]),
        (
            &["GetAsyncTask", "--path", r#"{"functionName":"f","id":"t"}"#],
            &["--path", "lacks taskId", "has no id"],
        ),
        (
            &["ListAsyncInvokeConfigs", "--query", r#"{"name":"f"}"#],
            &["--query", "has no name", "functionName, limit, nextToken"],
        ),
        (&["CreateService", "--query", r#"{"a":1}"#], &["it has none"]),
        (
            &["GetAsyncTask", "--apiVersion", "20160815"],
            &["GetAsyncTask is an operation of 20230330"],
        ),
        (
            &["ListFunctions", "--apiVersion", "20230330", "--header", r#"{"Host":"x"}"#],
            &["--header: Host"],
        ),
        (&["ListFunctions", "--path", "functions"], &["expected a JSON object"]),
        (&["ListFunctions", "--apiVersion", "2024"], &["20160815, 20210416"]),
    ] {
        let error = signed(arguments, "h").unwrap_err();
        for word in words {
            assert!(error.contains(word), "{word:?} in {error}");
        }
    }
}

#[test]
fn a_body_that_is_not_json_travels_as_bytes() {
    let path = r#"{"functionName":"f"}"#;
    for (body, kind) in [
        ("plain", "application/octet-stream"),
        (r#"{"k":1}"#, "application/json"),
        ("{\"k\":1", "application/octet-stream"),
    ] {
        let (signed, _) = signed(&["InvokeFunction", "--path", path, "--body", body], "h").unwrap();
        assert!(signed.headers.contains(&("content-type".to_owned(), kind.to_owned())), "{body}");
    }
}
