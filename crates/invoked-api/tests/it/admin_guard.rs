//! Who is let in to the admin API.

use invoked_api::{ApiConfig, Role, Tokens};

use crate::client::{Answer, Client};
use crate::daemon::Daemon;

const CHANGE: (&str, &str) = ("x-invoked-admin", "1");

fn code(answer: &Answer) -> (u16, String) {
    let body = answer.value();
    let code = body.get("code").and_then(|code| code.as_str()).expect("a code");
    (answer.status, code.to_owned())
}

#[tokio::test]
async fn without_tokens_it_is_for_this_machine_and_not_for_its_browsers() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    daemon.pages.started(daemon.engine.handle());
    let mut client = Client::connect(daemon.admin).await;
    assert_eq!(client.send("GET", "/v1/functions", &[], "").await.status, 200);
    for headers in [
        [("origin", "http://evil.example")],
        [("origin", "null")],
        [("sec-fetch-site", "cross-site")],
    ] {
        let answer = client.send("GET", "/metrics", &headers, "").await;
        assert_eq!(code(&answer), (403, "ForbiddenOrigin".to_owned()), "{headers:?}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = client.send("POST", "/v1/tasks/hello/x/stop", &form, "").await;
    assert_eq!(code(&answer), (403, "MissingHeader".to_owned()));
    let answer = client.send("DELETE", "/v1/functions/hello", &[CHANGE], "").await;
    assert_eq!(answer.status, 204);

    let rebound = "GET /v1/status HTTP/1.1\r\nhost: evil.example:7071\r\n\r\n";
    assert!(client.write(rebound).await);
    let answer = client.answer().await.expect("an answer");
    assert_eq!(code(&answer), (403, "ForbiddenHost".to_owned()));
    let probe = "GET /readyz HTTP/1.1\r\nhost: 10.0.0.1:7071\r\n\r\n";
    assert!(client.write(probe).await);
    assert_eq!(client.answer().await.expect("an answer").status, 200);
    daemon.stopped().await;
}

#[tokio::test]
async fn with_tokens_each_role_does_what_it_may_until_the_token_is_replaced() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    daemon.pages.started(daemon.engine.handle());
    let tokens = |salt: &str| {
        [("v", Role::Viewer), ("o", Role::Operator), ("a", Role::Admin)]
            .into_iter()
            .fold(Tokens::default(), |of, (name, role)| {
                of.with(name, role, &format!("{name}{salt}"))
            })
    };
    daemon.tokens.replace(tokens("-first"));
    let mut client = Client::connect(daemon.admin).await;
    for open in ["/healthz", "/readyz"] {
        assert_eq!(client.send("GET", open, &[], "").await.status, 200, "{open}");
    }
    for closed in ["/metrics", "/v1/status", "/v1/openapi.json", "/v1/no-such-thing", "/x"] {
        let answer = client.send("GET", closed, &[], "").await;
        assert_eq!(code(&answer), (401, "Unauthorized".to_owned()), "{closed}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let mut status = async |token: &str, method: &str, path: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), CHANGE];
        client.send(method, path, &headers, "").await.status
    };
    for (method, path, viewer, operator, admin) in [
        ("GET", "/metrics", 200, 200, 200),
        ("GET", "/v1/functions/hello", 200, 200, 200),
        ("POST", "/v1/tasks/hello/none/stop", 403, 404, 404),
        ("POST", "/v1/tasks/hello/none/retry", 403, 404, 404),
        ("DELETE", "/v1/functions/none", 403, 403, 404),
    ] {
        assert_eq!(status("v-first", method, path).await, viewer, "{method} {path}");
        assert_eq!(status("o-first", method, path).await, operator, "{method} {path}");
        assert_eq!(status("a-first", method, path).await, admin, "{method} {path}");
    }
    daemon.tokens.replace(tokens("-second"));
    assert_eq!(status("a-first", "GET", "/v1/status").await, 401);
    assert_eq!(status("a-second", "GET", "/v1/status").await, 200);
    daemon.stopped().await;
}
