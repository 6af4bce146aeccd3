//! What goes to the admin listener, and how its answers read.

use clap::Parser;
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{Admin, Told};
use crate::cli::access::AdminArgs;
use crate::config::Environment;
use crate::failure::Failure;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    admin: AdminArgs,
}

fn args(arguments: &[&str]) -> AdminArgs {
    Line::try_parse_from([&["x"], arguments].concat()).unwrap().admin
}

/// Takes one request, which ends with `last`, and answers it. Gives the request back.
async fn answer(listener: &TcpListener, last: &str, status: &str, body: &str) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(last.as_bytes()) {
        assert!(stream.read_buf(&mut request).await.unwrap() > 0, "{request:?}");
    }
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8(request).unwrap()
}

#[tokio::test]
async fn a_call_says_who_it_is_and_what_it_wants() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/below", listener.local_addr().unwrap());
    let variables = [("INVOKED_ADMIN", url.as_str()), ("INVOKED_ADMIN_TOKEN", "token-of-16-bytes")];
    let admin = Admin::new(&args(&["--account", "42"]), &Environment::of(&variables)).unwrap();

    let body = json!({ "url": "http://127.0.0.1:9000" });
    let parameters = [("limit", Some("5".to_owned())), ("token", None)];
    let segments = ["functions", "svc$f"];
    let (told, request) = tokio::join!(
        admin.call(Method::PUT, &segments, &parameters, Some(&body)),
        answer(&listener, "}", "201 Created", r#"{"name":"svc$f"}"#),
    );
    let Told { status, body } = told.unwrap();
    assert_eq!((status, body), (201, json!({ "name": "svc$f" })));
    let start = "PUT /below/v1/functions/svc%24f?account=42&limit=5 HTTP/1.1\r\n";
    assert!(request.starts_with(start), "{request}");
    for header in [
        "x-invoked-admin: 1\r\n",
        "authorization: Bearer token-of-16-bytes\r\n",
        "content-type: application/json\r\n",
    ] {
        assert!(request.contains(header), "{header:?} in {request}");
    }
    assert!(request.ends_with(r#"{"url":"http://127.0.0.1:9000"}"#), "{request}");
    assert!(!format!("{admin:?}").contains("token-of"), "{admin:?}");
}

#[tokio::test]
async fn a_refusal_comes_with_advice() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let admin = Admin::new(&args(&["--admin", &url]), &Environment::default()).unwrap();
    for (status, body, advice) in [
        ("401 x", r#"{"code":"Unauthorized","message":"no token"}"#, Some("INVOKED_ADMIN_TOKEN")),
        ("409 x", r#"{"code":"TaskNotEnded","message":"it runs"}"#, Some("tasks stop")),
        (
            "404 x",
            r#"{"code":"InvocationNotFound","message":"invocation 'a' does not exist"}"#,
            Some("why --function NAME ID"),
        ),
        (
            "503 x",
            r#"{"code":"ServiceUnavailable","message":"nothing was changed: no room left in the store"}"#,
            Some("make room on the disk"),
        ),
        ("503 x", r#"{"code":"ServiceUnavailable","message":"starting"}"#, Some("try again later")),
        ("400 x", r#"{"code":"InvalidArgument","message":"bad","field":"limit"}"#, None),
    ] {
        let (told, _) = tokio::join!(
            admin.call(Method::GET, &["status"], &[], None),
            answer(&listener, "\r\n\r\n", status, body),
        );
        let failure = told.unwrap_err();
        assert_eq!(failure.code(), 1);
        assert!(body.contains(failure.to_string().split(": ").next().unwrap()), "{failure}");
        match advice {
            Some(words) => assert!(failure.advice().unwrap().contains(words), "{failure:?}"),
            None => assert_eq!(failure.advice(), None),
        }
    }
}

#[tokio::test]
async fn an_empty_answer_is_no_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let admin = Admin::new(&args(&["--admin", &url]), &Environment::default()).unwrap();
    let (told, _) = tokio::join!(
        admin.call(Method::DELETE, &["functions", "f"], &[], None),
        answer(&listener, "\r\n\r\n", "204 No Content", ""),
    );
    assert!(told.unwrap().body.is_null());
}

#[test]
fn addresses_and_tokens_that_cannot_be_are_wrong_usage() {
    for (arguments, variable) in [
        (&["--admin", "ftp://x"][..], ("A", "b")),
        (&[], ("INVOKED_ADMIN", "127.0.0.1:7071")),
        (&[], ("INVOKED_ADMIN_TOKEN", "two words")),
    ] {
        let refused = Admin::new(&args(arguments), &Environment::of(&[variable])).unwrap_err();
        assert!(matches!(refused, Failure::Usage(_)), "{refused}");
    }
}
