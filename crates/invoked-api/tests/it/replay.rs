//! Every captured request of the wire contract's appendix A, as the official clients put it on the
//! socket, against the daemon: each gets the answer that its client is known to read.
//!
//! The signatures in them are other tests' business.

use invoked_api::ApiConfig;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::daemon::{ASYNC, Daemon};

const CAPTURES: &str = include_str!("../../../invoked-fc/testdata/captures.txt");

struct Capture {
    method: &'static str,
    target: &'static str,
    head: Vec<&'static str>,
    body: &'static str,
}

impl Capture {
    fn read(block: &'static str) -> Self {
        let block = block.split("\n```").next().unwrap_or_default();
        let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
        let mut start = head.lines().next().unwrap_or_default().split(' ');
        let (method, target) = (start.next().unwrap_or_default(), start.next().unwrap_or_default());
        Self { method, target, head: head.lines().collect(), body: body.trim_end_matches('\n') }
    }

    fn header(&self, name: &str) -> Option<&'static str> {
        let headers = self.head.iter().skip(1).filter_map(|line| line.split_once(':'));
        let mut named = headers.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.trim())
    }

    fn path(&self) -> &'static str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The bytes: line ends and chunks are put back, which the listing leaves out.
    fn bytes(&self) -> Vec<u8> {
        let head: String = self.head.iter().map(|line| format!("{line}\r\n")).collect();
        let body = match (self.header("transfer-encoding"), self.header("content-length")) {
            (Some(_), _) if self.body.is_empty() => "0\r\n\r\n".to_owned(),
            (Some(_), _) => format!("{:x}\r\n{}\r\n0\r\n\r\n", self.body.len(), self.body),
            (None, Some(length)) => {
                assert_eq!(length, self.body.len().to_string(), "{} {}", self.method, self.target);
                self.body.to_owned()
            }
            // Some clients send this after a DELETE without a word of it.
            (None, None) if self.method == "DELETE" => "{}".to_owned(),
            (None, None) => self.body.to_owned(),
        };
        format!("{head}\r\n{body}").into_bytes()
    }

    fn is_async(&self) -> bool {
        self.header("x-fc-invocation-type").is_some_and(|kind| kind.eq_ignore_ascii_case("async"))
    }
}

fn captures() -> Vec<Capture> {
    let captures: Vec<_> = CAPTURES.split("\n>>> ").skip(1).map(Capture::read).collect();
    assert_eq!(captures.len(), 74);
    captures
}

/// What the captures ask about; `kind` is that of the function of the service.
async fn furnish(daemon: &Daemon, kind: &str) {
    let mut client = daemon.client().await;
    for (name, kind) in [("fn", "event"), ("svc$fn", kind)] {
        let body = json!({
            "functionName": name,
            "environmentVariables": {
                "INVOKED_TARGET_URL": "http://127.0.0.1:9",
                "INVOKED_FUNCTION_KIND": kind,
            },
        });
        assert_eq!(client.json("POST", "/2023-03-30/functions", &body).await.status, 200);
        let function = format!("/2023-03-30/functions/{}", name.replace('$', "%24"));
        let config = json!({"asyncTask": true});
        client.json("PUT", &format!("{function}/async-invoke-config"), &config).await;
    }
    client.send("POST", "/2016-08-15/services/svc/versions", &[], "").await;
    let alias = json!({"aliasName": "prod", "versionId": "1"});
    client.json("POST", "/2016-08-15/services/svc/aliases", &alias).await;
}

async fn begin_task(daemon: &Daemon) {
    let mut client = daemon.client().await;
    for path in ["/2023-03-30/functions/fn", "/2016-08-15/services/svc/functions/fn"] {
        let id = ("x-fc-async-task-id", "task_1");
        let path = format!("{path}/invocations");
        assert_eq!(client.send("POST", &path, &[ASYNC, id], "hold").await.status, 202);
    }
}

fn list_of(answer: &Answer, name: &str) {
    let body = answer.value();
    assert_eq!(answer.status, 200, "{body}");
    let is_list = body.get(name).is_some_and(Value::is_array);
    assert!(is_list && body.get("nextToken").is_some_and(Value::is_string), "{body}");
}

fn has(answer: &Answer, fields: &[&str]) {
    let body = answer.value();
    assert_eq!(answer.status, 200, "{body}");
    for field in fields {
        assert!(body.get(field).is_some(), "no {field} in {body}");
    }
    // Terraform takes either for an error.
    assert!(body.get("Code").is_none() && body.get("Success").is_none());
}

fn check(capture: &Capture, answer: &Answer) {
    let path = capture.path();
    let is_2023 = path.starts_with("/2023");
    let last = path.rsplit('/').next().unwrap_or_default();
    assert!(!answer.id().is_empty());
    match (capture.method, last) {
        ("PUT" | "GET", "async-invoke-config") => {
            has(answer, &["createdTime", "lastModifiedTime", "destinationConfig"]);
            has(answer, &["maxAsyncEventAgeInSeconds", "maxAsyncRetryAttempts"]);
            match is_2023 {
                true => has(answer, &["functionArn", "asyncTask"]),
                false => has(answer, &["service", "function", "qualifier", "statefulInvocation"]),
            }
            if capture.method == "PUT" {
                let body = answer.value();
                assert_eq!(body.get("maxAsyncEventAgeInSeconds"), Some(&json!(3600)));
                let put: Value = serde_json::from_str(capture.body).expect("JSON");
                let puts_destination = put.to_string().contains("functions/ok");
                assert_eq!(body.to_string().contains("functions/ok"), puts_destination);
            }
        }
        ("GET", "async-invoke-configs") => list_of(answer, "configs"),
        ("DELETE", "async-invoke-config") | ("PUT", "stop" | "task_1") => {
            assert_eq!((answer.status, answer.body.len()), (204, 0), "{}", answer.text());
        }
        ("POST", "invocations" | "a%20b") if capture.is_async() => {
            assert_eq!((answer.status, answer.body.len()), (202, 0), "{}", answer.text());
            assert_eq!(answer.header("content-type"), None);
            let id = capture.header("x-fc-async-task-id");
            let id = id.or_else(|| capture.header("x-fc-stateful-async-invocation-id"));
            let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| answer.id());
            assert_eq!(answer.header("x-fc-async-task-id"), Some(id));
            assert_eq!(answer.header("x-fc-stateful-async-invocation-id"), Some(id));
        }
        ("POST", "invocations") => {
            assert_eq!((answer.status, answer.text().as_str()), (200, capture.body));
            assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
            let tail = capture.header("x-fc-log-type") == Some("Tail");
            assert_eq!(answer.header("x-fc-log-result").is_some(), tail);
        }
        ("GET", "task_1") => {
            has(answer, &["status", "startedTime", "durationMs", "events", "requestId"]);
            assert_eq!(answer.value().get("endTime"), Some(&json!(0)));
            match is_2023 {
                true => has(answer, &["taskId", "functionArn", "taskPayload"]),
                false => has(answer, &["invocationId", "serviceName", "invocationPayload"]),
            }
        }
        // The captures page with a token that was made up.
        ("GET", "async-tasks" | "stateful-async-invocations")
            if capture.target.contains("nextToken=") =>
        {
            answer.is_error(400, "InvalidArgument", &["nextToken"]);
        }
        ("GET", "async-tasks") => list_of(answer, "tasks"),
        ("GET", "stateful-async-invocations") => list_of(answer, "invocations"),
        ("GET", "stateful-async-invocation-functions") => list_of(answer, "data"),
        ("GET", "fn") => has(answer, &["functionName", "functionId", "runtime", "createdTime"]),
        ("GET", "prod") => has(answer, &["aliasName", "versionId", "createdTime"]),
        other => panic!("nobody knows what {other:?} should be answered"),
    }
}

#[tokio::test]
async fn every_captured_request_gets_the_answer_its_client_reads() {
    let mut replayed = 0;
    for capture in captures() {
        let is_http = capture.path().contains("/proxy/");
        let daemon = Daemon::start(ApiConfig::default()).await;
        furnish(&daemon, if is_http { "http" } else { "event" }).await;
        if !is_http && !capture.path().ends_with("/invocations") {
            begin_task(&daemon).await;
        }
        let mut client = daemon.client().await;
        assert!(client.write(capture.bytes()).await);
        let answer = client.answer().await;
        let answer =
            answer.unwrap_or_else(|| panic!("no answer to {} {}", capture.method, capture.target));
        check(&capture, &answer);
        replayed += 1;
    }
    assert_eq!(replayed, 74);
}
