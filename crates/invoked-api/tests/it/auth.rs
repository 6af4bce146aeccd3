//! Signed requests: whom the API lets do what.

use std::sync::Arc;

use invoked_api::ApiConfig;
use invoked_api::auth::{AccessKey, Auth, AuthConfig};
use invoked_core::arn::SinkKind;
use invoked_core::pattern::{ArnPattern, Pattern};
use invoked_core::role::Roles;
use invoked_core::totals::Metric;
use invoked_engine::{EngineConfig, Handle, Reconfiguration};
use invoked_fc::sign::{Credentials, acs3};
use serde_json::{Value, json};

use crate::client::{Answer, Client, head};
use crate::daemon::{ASYNC, Daemon, FUNCTIONS, HELLO, INVOKE, function, hello, until};

const CONFIG: &str = "/2023-03-30/functions/hello/async-invoke-config";

/// A key that may do everything in this account.
pub(crate) fn key(id: &str, account: &str) -> AccessKey {
    AccessKey {
        id: id.into(),
        secret: format!("secret-of-{id}").into(),
        security_token: None,
        expires_at: None,
        account: account.into(),
        actions: patterns(&["fc:*"]),
        functions: patterns(&["*"]),
        destinations: vec![ArnPattern::parse("*").expect("a pattern")],
    }
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::parse(text).expect("a pattern")).collect()
}

pub(crate) async fn guarded_by(keys: Vec<AccessKey>) -> Daemon {
    let auth = Auth::new(AuthConfig::Signed { keys, nonces_max: 1_000 });
    Daemon::guarded(ApiConfig::default(), auth, None).await
}

/// Somebody with a key.
pub(crate) struct Signer<'a> {
    pub(crate) id: &'a str,
    pub(crate) client: Client,
    pub(crate) now: i64,
    nonce: u32,
}

impl<'a> Signer<'a> {
    pub(crate) async fn connect(daemon: &Daemon, id: &'a str) -> Self {
        Self::over(daemon, daemon.client().await, id)
    }

    pub(crate) fn over(daemon: &Daemon, client: Client, id: &'a str) -> Self {
        let now = daemon.engine.handle().now().millis() / 1_000;
        Self { id, client, now, nonce: 0 }
    }

    /// The headers of a signed request.
    pub(crate) fn signed(
        &mut self,
        method: &str,
        target: &str,
        body: &str,
    ) -> Vec<(String, String)> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let secret = format!("secret-of-{}", self.id);
        let credentials = Credentials {
            access_key_id: self.id,
            access_key_secret: &secret,
            security_token: None,
        };
        self.nonce += 1;
        let call = acs3::Call {
            method,
            host: "localhost",
            path,
            query: &query,
            headers: &[],
            action: "Any",
            version: "2023-03-30",
            body: body.as_bytes(),
        };
        let nonce = format!("{}-{}", self.id, self.nonce);
        let mut headers = acs3::sign(&call, &credentials, &nonce, self.now);
        headers.retain(|(name, _)| name != "host");
        headers
    }

    pub(crate) async fn send(&mut self, method: &str, target: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = self.signed(method, target, &body);
        let mut headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        headers.push(ASYNC);
        self.client.send(method, target, &headers, &body).await
    }

    async fn names(&mut self, target: &str) -> Vec<String> {
        let answer = self.send("GET", target, &Value::Null).await.value();
        let functions = answer.get("functions").and_then(Value::as_array).expect("a list");
        let name = |of: &Value| Some(of.get("functionName")?.as_str()?.to_owned());
        functions.iter().filter_map(name).collect()
    }
}

#[tokio::test]
async fn only_who_signs_is_served() {
    let daemon = guarded_by(vec![key("ak", "123")]).await;
    let mut signer = Signer::connect(&daemon, "ak").await;
    assert_eq!(signer.send("POST", FUNCTIONS, &hello()).await.status, 200);
    assert_eq!(signer.send("POST", INVOKE, &json!({})).await.status, 202);

    let mut client = daemon.client().await;
    let answer = client.send("POST", INVOKE, &[ASYNC], "{}").await;
    answer.is_error(400, "MissingRequiredHeader", &["Authorization"]);

    let mut stranger = Signer::connect(&daemon, "stranger").await;
    let answer = stranger.send("POST", INVOKE, &json!({})).await;
    answer.is_error(403, "InvalidAccessKeyID", &["stranger"]);

    let headers = signer.signed("POST", INVOKE, "{}");
    let mut headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    headers.push(ASYNC);
    let answer = client.send("POST", INVOKE, &headers, "{ }").await;
    answer.is_error(403, "SignatureNotMatch", &["x-acs-content-sha256"]);

    let headers = signer.signed("POST", INVOKE, "{}");
    let mut headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    headers.push(ASYNC);
    assert_eq!(client.send("POST", INVOKE, &headers, "{}").await.status, 202);
    let answer = client.send("POST", INVOKE, &headers, "{}").await;
    answer.is_error(403, "AccessDenied", &["nonce"]);
    daemon.stopped().await;
}

#[tokio::test]
async fn a_stranger_is_refused_before_the_body_is_read() {
    let daemon = guarded_by(vec![key("ak", "123")]).await;
    let mut client = daemon.client().await;
    let head = head("POST", INVOKE, &[ASYNC, ("content-length", "1000")]) + "\r\n";
    assert!(client.write(head).await);
    let answer = client.answer().await.expect("an answer without a body");
    answer.is_error(400, "MissingRequiredHeader", &["Authorization"]);
    daemon.stopped().await;
}

#[tokio::test]
async fn a_key_is_held_to_its_functions_and_actions() {
    let narrow = AccessKey {
        actions: patterns(&["fc:Get*", "fc:List*", "fc:CreateFunction"]),
        functions: patterns(&["team-*"]),
        ..key("narrow", "123")
    };
    let daemon = guarded_by(vec![key("ak", "123"), narrow]).await;
    let mut all = Signer::connect(&daemon, "ak").await;
    for name in ["hello", "team-a", "team-b", "zebra"] {
        assert_eq!(all.send("POST", FUNCTIONS, &function(name)).await.status, 200);
    }
    let mut narrow = Signer::connect(&daemon, "narrow").await;
    assert_eq!(narrow.names(FUNCTIONS).await, ["team-a", "team-b"]);
    assert_eq!(narrow.names(&format!("{FUNCTIONS}?limit=1")).await, ["team-a"]);
    assert_eq!(all.names(FUNCTIONS).await, ["hello", "team-a", "team-b", "zebra"]);
    assert_eq!(narrow.send("GET", &format!("{FUNCTIONS}/team-a"), &Value::Null).await.status, 200);

    let denied = narrow.send("GET", HELLO, &Value::Null).await;
    denied.is_error(403, "AccessDenied", &["narrow", "fc:GetFunction", "hello"]);
    let denied = narrow.send("POST", &format!("{FUNCTIONS}/team-a/invocations"), &json!({})).await;
    denied.is_error(403, "AccessDenied", &["fc:InvokeFunction", "team-a"]);
    let denied = narrow.send("POST", FUNCTIONS, &function("mine")).await;
    denied.is_error(403, "AccessDenied", &["fc:CreateFunction", "mine"]);
    assert_eq!(narrow.send("POST", FUNCTIONS, &function("team-c")).await.status, 200);
    daemon.stopped().await;
}

#[tokio::test]
async fn a_configuration_names_only_what_its_author_may() {
    let mut author = key("author", "123");
    author.destinations = vec![ArnPattern::parse("acs:fc:::functions/audit*").unwrap()];
    let daemon = guarded_by(vec![author]).await;
    let mut author = Signer::connect(&daemon, "author").await;
    assert_eq!(author.send("POST", FUNCTIONS, &hello()).await.status, 200);
    let to = |arn: &str| json!({"destinationConfig": {"onFailure": {"destination": arn}}});
    let put = author.send("PUT", CONFIG, &to("acs:fc:::functions/audit-1")).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let denied = author.send("PUT", CONFIG, &to("acs:fc:::functions/other")).await;
    let arn = "acs:fc:cn-hangzhou:123:functions/other";
    denied.is_error(403, "AccessDenied", &["author", arn, "onFailure"]);
    let foreign = author.send("PUT", CONFIG, &to("acs:fc::999:functions/audit-1")).await;
    foreign.is_error(400, "InvalidDestinationResources", &["999", "another account"]);
    let kept = author.send("GET", CONFIG, &Value::Null).await.value();
    let kept = &kept["destinationConfig"]["onFailure"]["destination"];
    assert_eq!(kept, "acs:fc:::functions/audit-1");
    daemon.stopped().await;
}

#[tokio::test]
async fn two_accounts_never_meet() {
    let daemon = guarded_by(vec![key("one", "123"), key("two", "456")]).await;
    let mut one = Signer::connect(&daemon, "one").await;
    let mut two = Signer::connect(&daemon, "two").await;
    assert_eq!(one.send("POST", FUNCTIONS, &hello()).await.status, 200);
    two.send("GET", HELLO, &Value::Null).await.is_error(404, "FunctionNotFound", &["hello"]);
    assert!(two.names(FUNCTIONS).await.is_empty());
    assert_eq!(two.send("POST", FUNCTIONS, &hello()).await.status, 200, "a name of its own");
    let shown = two.send("GET", CONFIG, &Value::Null).await;
    shown.is_error(404, "AsyncConfigNotExists", &["hello"]);
    daemon.stopped().await;
}

#[tokio::test]
async fn keys_change_while_connections_stay() {
    let auth = Auth::new(AuthConfig::Signed { keys: vec![key("old", "123")], nonces_max: 1_000 });
    let daemon = Daemon::guarded(ApiConfig::default(), auth.clone(), None).await;
    let mut old = Signer::connect(&daemon, "old").await;
    assert_eq!(old.send("POST", FUNCTIONS, &hello()).await.status, 200);
    auth.replace(AuthConfig::Signed { keys: vec![key("new", "123")], nonces_max: 1_000 });
    let answer = old.send("POST", INVOKE, &json!({})).await;
    answer.is_error(403, "InvalidAccessKeyID", &["old"]);
    let mut new = Signer::over(&daemon, old.client, "new");
    assert_eq!(new.send("POST", INVOKE, &json!({})).await.status, 202, "on the same connection");
    daemon.stopped().await;
}

/// The operator has other roles.
async fn hold_to(engine: &Handle, roles: Roles) {
    let config = EngineConfig { roles: Arc::new(roles), ..(*engine.config()).clone() };
    let wanted = Reconfiguration { config, outside: None, functions: Vec::new() };
    engine.reconfigure(wanted).await.expect("nothing speaks against it");
}

#[tokio::test]
async fn a_function_is_held_to_its_role() {
    let daemon = guarded_by(vec![key("ak", "123")]).await;
    let mut signer = Signer::connect(&daemon, "ak").await;
    let mut worker = function("worker");
    worker["role"] = json!("acs:ram::123:role/worker");
    for made in [worker, function("audit"), function("other")] {
        assert_eq!(signer.send("POST", FUNCTIONS, &made).await.status, 200);
    }
    let config = json!({"destinationConfig": {
        "onSuccess": {"destination": "acs:fc:::functions/audit"},
        "onFailure": {"destination": "acs:fc:::functions/other"},
    }});
    let worker = format!("{FUNCTIONS}/worker");
    let put = signer.send("PUT", &format!("{worker}/async-invoke-config"), &config).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let allowed = ArnPattern::parse("acs:fc:::functions/audit").unwrap();
    let handle = daemon.engine.handle();
    let roles = [("worker".into(), [allowed].into())];
    hold_to(&handle, Roles::new(roles, true)).await;
    let told = |metric: Metric| {
        let totals = handle.totals();
        let of_kind = totals.iter().filter(|(key, _)| key.metric == metric);
        of_kind.map(|(_, total)| *total).sum::<u64>()
    };
    let (delivered, failed) =
        (Metric::CallbackDelivered(SinkKind::Fc), Metric::CallbackFailed(SinkKind::Fc));
    let invoke = format!("{worker}/invocations");
    assert_eq!(signer.send("POST", &invoke, &json!({})).await.status, 202);
    until(async || (told(delivered) == 1).then_some(())).await;
    hold_to(&handle, Roles::new([], true)).await;
    assert_eq!(signer.send("POST", &invoke, &json!({})).await.status, 202);
    until(async || (told(failed) == 1).then_some(())).await;
    assert_eq!(told(delivered), 1);
    daemon.stopped().await;
}
