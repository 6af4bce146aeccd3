//! Captured traffic of the official clients, and every way to be refused.

use http::{HeaderName, HeaderValue};
use invoked_core::arn::Arn;
use invoked_core::pattern::{ArnPattern, Pattern};
use invoked_fc::error::ErrorCode;
use invoked_fc::sign::{AuthorizationError, Credentials, acs3, fc, roa};

use super::action::{Asked, On};
use super::*;

/// The daemon's clock when the captures were taken: 2026-11-22T19:15:00Z.
const NOW: i64 = 1_795_374_900;
const TOKEN: &str = "ststoken123";
const SECRET: &str = "testsecret";
const OWN: &str = "1234567890";

/// A request as it was on the wire.
#[derive(Clone)]
struct Message {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Message {
    fn captured() -> Vec<Self> {
        let text = include_str!("../../../invoked-fc/testdata/captures.txt");
        let all: Vec<_> = text.split("\n>>> ").skip(1).map(Self::read).collect();
        assert_eq!(all.len(), 74, "every capture is read");
        all
    }

    fn read(block: &str) -> Self {
        let block = block.split("\n```").next().unwrap();
        let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
        let mut lines = head.lines();
        let mut start = lines.next().unwrap().split(' ').map(str::to_owned);
        let (method, target) = (start.next().unwrap(), start.next().unwrap());
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_owned(), value.trim().to_owned())
        };
        let body = body.trim_end_matches('\n').to_owned();
        Self { method, target, headers: lines.map(header).collect(), body }
    }

    /// A call of ours, signed with ACS3.
    fn signed(credentials: &Credentials<'_>, nonce: &str, now: i64, body: &str) -> Self {
        let call = acs3::Call {
            method: "POST",
            host: "localhost",
            path: "/2023-03-30/functions/fn/invocations",
            query: &[],
            headers: &[],
            action: "InvokeFunction",
            version: "2023-03-30",
            body: body.as_bytes(),
        };
        let headers = acs3::sign(&call, credentials, nonce, now);
        let target = call.path.to_owned();
        Self { method: "POST".into(), target, headers, body: body.to_owned() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(of, _)| of.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(of, _)| !of.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn head(&self) -> Parts {
        let mut request = http::Request::builder().method(&*self.method).uri(&self.target);
        for (name, value) in &self.headers {
            let name: HeaderName = name.to_lowercase().parse().unwrap();
            request = request.header(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        request.body(()).unwrap().into_parts().0
    }
}

fn own() -> Identity {
    Identity { region: "cn-hangzhou".into(), account: OWN.into() }
}

fn key(id: &str, token: Option<&str>) -> AccessKey {
    AccessKey {
        id: id.into(),
        secret: SECRET.into(),
        security_token: token.map(Into::into),
        expires_at: None,
        account: OWN.into(),
        actions: vec![Pattern::parse("fc:*").unwrap()],
        functions: vec![Pattern::parse("*").unwrap()],
        destinations: vec![ArnPattern::parse("*").unwrap()],
    }
}

fn signed_by(keys: impl Into<Vec<AccessKey>>) -> Auth {
    Auth::new(AuthConfig::Signed { keys: keys.into(), nonces_max: 1_000 })
}

/// Whoever can have sent a captured request.
fn of_capture(message: &Message) -> Auth {
    let names = ["x-fc-security-token", "x-acs-security-token"];
    let token = names.iter().find_map(|name| message.header(name));
    signed_by([key("testid", token), key("STS.testid", token)])
}

fn admitted(auth: &Auth, message: &Message, now: i64) -> Result<Caller, AuthError> {
    let head = message.head();
    let caller = auth.admit(&head, Form::Api, &own(), Timestamp::from_millis(now * 1_000))?;
    auth.check_body(&head, message.body.as_bytes())?;
    Ok(caller)
}

#[track_caller]
fn refused(auth: &Auth, message: &Message, now: i64) -> (ErrorCode, &'static str, String) {
    let error = admitted(auth, message, now).unwrap_err();
    (error.code(), error.reason(), error.to_string())
}

const KEY: Credentials<'_> =
    Credentials { access_key_id: "testid", access_key_secret: SECRET, security_token: None };

fn call(nonce: &str) -> Message {
    Message::signed(&KEY, nonce, NOW, "{}")
}

#[test]
fn captured_requests_are_admitted() {
    let mut with_token = 0;
    for message in Message::captured() {
        let auth = of_capture(&message);
        let caller = admitted(&auth, &message, NOW);
        let caller = caller.unwrap_or_else(|error| panic!("{error}: {}", message.target));
        assert_eq!(&*caller.account, OWN);
        let token = message.header("x-fc-security-token");
        with_token += usize::from(token.or(message.header("x-acs-security-token")).is_some());
    }
    assert_eq!(with_token, 5);
}

/// The headers that a request's signature covers.
fn covered(message: &Message) -> Vec<String> {
    let authorization = message.header("authorization").unwrap();
    match authorization.split_once("SignedHeaders=") {
        Some((_, rest)) => rest.split(',').next().unwrap().split(';').map(str::to_owned).collect(),
        None => {
            let names = message.headers.iter().map(|(name, _)| name.to_lowercase());
            let fixed = ["date", "content-type", "content-md5"];
            names.filter(|name| name.starts_with("x-fc-") || fixed.contains(&&**name)).collect()
        }
    }
}

/// The text with its last letter or digit another one.
fn changed(text: &str) -> String {
    let at = text.rfind(|letter: char| letter.is_ascii_alphanumeric()).unwrap();
    let (before, rest) = text.split_at(at);
    let (letter, after) = rest.split_at(1);
    format!("{before}{}{after}", if letter == "1" { "2" } else { "1" })
}

#[test]
fn captured_requests_are_refused_when_a_signed_byte_changes() {
    let mut changes = 0;
    let mut refuse = |message: &Message, what: &str| {
        changes += 1;
        let found = admitted(&of_capture(message), message, NOW);
        assert!(found.is_err(), "{what} of {}", message.target);
    };
    for message in Message::captured() {
        let (path, query) = message.target.split_once('?').unwrap_or((&message.target, ""));
        refuse(
            &Message { target: format!("{}?{query}", changed(path)), ..message.clone() },
            "path",
        );
        refuse(&Message { method: "PATCH".into(), ..message.clone() }, "method");
        let is_acs3 = message.header("authorization").unwrap().starts_with("ACS3");
        if is_acs3 && !query.is_empty() {
            let target = format!("{path}?{}", changed(query));
            refuse(&Message { target, ..message.clone() }, "query");
        }
        let has_hash = message.header("x-acs-content-sha256").is_some();
        if has_hash && !matches!(&*message.method, "GET" | "DELETE") {
            let body = format!("{} ", message.body);
            refuse(&Message { body, ..message.clone() }, "body");
        }
        for name in covered(&message) {
            let Some(value) = message.header(&name).filter(|value| !value.is_empty()) else {
                continue;
            };
            // The token is compared as well, so the key has to have the changed one.
            let value = changed(value);
            refuse(&message.clone().with(&name, &value), &name);
        }
    }
    assert!(changes > 74 * 6, "{changes}");
}

#[test]
fn a_captured_request_is_not_done_twice() {
    for message in Message::captured() {
        let auth = of_capture(&message);
        admitted(&auth, &message, NOW).unwrap();
        let has_nonce = message.header("x-acs-signature-nonce").is_some();
        // As long as its date is good.
        for now in [NOW, NOW + 60, NOW + 6 * 60] {
            assert_eq!(admitted(&auth, &message, now).is_err(), has_nonce, "{}", message.target);
        }
    }
}

#[test]
fn off_admits_everybody_and_looks_at_nothing() {
    let auth = Auth::new(AuthConfig::Off);
    for message in [call("a").with("authorization", "what is this"), call("a")] {
        assert_eq!(&*admitted(&auth, &message, NOW).unwrap().account, OWN);
    }
}

#[test]
fn strangers_are_refused() {
    let auth = signed_by([key("testid", None)]);
    let text = |text: &str| text.to_owned();
    let mut unsigned = call("a");
    unsigned.headers.retain(|(name, _)| name != "authorization");
    let missing = text("required HTTP header Authorization was not specified");
    assert_eq!(
        refused(&auth, &unsigned, NOW),
        (ErrorCode::MissingRequiredHeader, "missing_header", missing)
    );
    let other = Credentials { access_key_id: "nobody", ..KEY };
    assert_eq!(
        refused(&auth, &Message::signed(&other, "a", NOW, ""), NOW),
        (ErrorCode::InvalidAccessKeyID, "unknown_key", text("invalid access key ID 'nobody'"))
    );
    let wrong = Credentials { access_key_secret: "guess", ..KEY };
    let (code, reason, said) = refused(&auth, &Message::signed(&wrong, "a", NOW, ""), NOW);
    assert_eq!((code, reason), (ErrorCode::SignatureNotMatch, "signature"));
    assert!(!said.contains("POST") && !said.contains(SECRET), "{said}");
    for now in [NOW - 901, NOW + 901] {
        let (code, reason, _) = refused(&auth, &call("a"), now);
        assert_eq!((code, reason), (ErrorCode::AccessDenied, "skewed"));
    }
    let strange = call("a").with("x-fc-async-task-id", "\u{fc}");
    let mut head = strange.head();
    head.headers.insert("x-fc-log-type", HeaderValue::from_bytes(b"\xff").unwrap());
    let error =
        auth.admit(&head, Form::Api, &own(), Timestamp::from_millis(NOW * 1_000)).unwrap_err();
    assert_eq!((error.code(), error.reason()), (ErrorCode::InvalidArgument, "malformed"));
    // None of this was remembered.
    admitted(&auth, &call("a"), NOW).unwrap();
}

#[test]
fn an_empty_list_of_keys_admits_nobody() {
    assert_eq!(refused(&signed_by([]), &call("a"), NOW).1, "unknown_key");
}

#[test]
fn a_body_is_the_one_that_was_signed() {
    let auth = signed_by([key("testid", None)]);
    let other = Message { body: "{ }".into(), ..call("a") };
    let (code, reason, _) = refused(&auth, &other, NOW);
    assert_eq!((code, reason), (ErrorCode::SignatureNotMatch, "body"));
    // Some clients hash a body with a GET that they do not send. Nobody else may send one for them.
    let captured = Message::captured();
    let announced = captured.iter().find(|message| message.method == "GET").unwrap();
    admitted(&of_capture(announced), announced, NOW).unwrap();
    let smuggled = Message { body: "smuggled".into(), ..announced.clone() };
    assert_eq!(refused(&of_capture(&smuggled), &smuggled, NOW).1, "body");
}

#[test]
fn a_temporary_key_needs_its_token_until_it_expires() {
    let mut temporary = key("testid", Some(TOKEN));
    temporary.expires_at = Some(NOW + 60);
    let auth = signed_by([temporary]);
    let with = |token| Credentials { security_token: token, ..KEY };
    for (token, nonce) in [(None, "a"), (Some("another"), "b"), (Some("ststoken1234"), "c")] {
        let message = Message::signed(&with(token), nonce, NOW, "");
        let (code, reason, said) = refused(&auth, &message, NOW);
        assert_eq!((code, reason), (ErrorCode::AccessDenied, "token"));
        assert!(!said.contains(TOKEN), "{said}");
    }
    let message = |nonce| Message::signed(&with(Some(TOKEN)), nonce, NOW, "");
    admitted(&auth, &message("d"), NOW + 59).unwrap();
    let (code, reason, _) = refused(&auth, &message("e"), NOW + 60);
    assert_eq!((code, reason), (ErrorCode::AccessDenied, "expired_key"));
    // A key without a token takes none.
    let permanent = signed_by([key("testid", None)]);
    assert_eq!(refused(&permanent, &message("f"), NOW).1, "token");
}

#[test]
fn every_scheme_is_taken() {
    let auth = signed_by([key("testid", None)]);
    let date = "Sun, 22 Nov 2026 19:15:00 GMT";
    let headers = [("date", date), ("x-acs-signature-nonce", "n"), ("accept", "application/json")];
    let target = "/2023-03-30/functions/fn/async-invoke-config";
    let request = Request { method: "GET", path: target, query: "", headers: &headers };
    let message = |target: &str, authorization: Option<String>| {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let headers: Vec<_> =
            headers.chain(authorization.map(|value| ("authorization".to_owned(), value))).collect();
        Message { method: "GET".into(), target: target.into(), headers, body: String::new() }
    };
    let with_roa = message(target, Some(roa::sign(&request, &KEY)));
    admitted(&auth, &with_roa, NOW).unwrap();
    assert_eq!(refused(&auth, &with_roa, NOW).1, "replayed", "its nonce is remembered too");
    let with_fc = message(target, Some(fc::sign(&request, &KEY)));
    admitted(&auth, &with_fc, NOW).unwrap();
    admitted(&auth, &with_fc, NOW).unwrap();
    let url = format!("{target}?{}", fc::sign_url(&request, &KEY, NOW + 60));
    admitted(&auth, &message(&url, None), NOW).unwrap();
    let (code, reason, _) = refused(&auth, &message(&url, None), NOW + 61);
    assert_eq!((code, reason), (ErrorCode::AccessDenied, "expired_url"));
}

#[test]
fn a_request_of_an_http_trigger_is_taken_where_there_are_some() {
    let auth = signed_by([key("testid", None)]);
    let headers = [("x-acs-date", "2026-11-22T19:15:00Z")];
    let path = "/2016-08-15/proxy/svc/fn/hello";
    let request = Request { method: "POST", path, query: "", headers: &headers };
    let authorization = acs3::authorization(&request, &KEY, &["x-acs-date"]);
    let message = Message {
        method: "POST".into(),
        target: path.into(),
        headers: vec![(headers[0].0.into(), headers[0].1.into())],
        body: "anything".into(),
    };
    let head = message.with("authorization", &authorization).head();
    let now = Timestamp::from_millis(NOW * 1_000);
    auth.admit(&head, Form::HttpTrigger, &own(), now).unwrap();
    auth.check_body(&head, b"anything").unwrap();
    let error = auth.admit(&head, Form::Api, &own(), now).unwrap_err();
    let missing = AuthError::Claim(AuthorizationError::MissingHeader { name: "Host" });
    assert_eq!(error.code(), missing.code(), "{error}");
}

#[test]
fn a_nonce_is_remembered_only_for_a_signature_that_holds() {
    let auth = signed_by([key("testid", None), key("other", Some(TOKEN))]);
    let forged = call("n").with("x-acs-action", "DeleteFunction");
    assert_eq!(refused(&auth, &forged, NOW).1, "signature");
    admitted(&auth, &call("n"), NOW).unwrap();
    let (code, reason, _) = refused(&auth, &call("n"), NOW);
    assert_eq!((code, reason), (ErrorCode::AccessDenied, "replayed"));
    // Another key's nonces are its own.
    let other = Credentials { access_key_id: "other", security_token: Some(TOKEN), ..KEY };
    admitted(&auth, &Message::signed(&other, "n", NOW, ""), NOW).unwrap();
}

#[test]
fn a_key_that_fills_its_share_is_told_to_wait_and_others_are_not() {
    let keys = vec![key("testid", None), key("other", None)];
    let auth = Auth::new(AuthConfig::Signed { keys, nonces_max: 4 });
    for nonce in ["a", "b"] {
        admitted(&auth, &call(nonce), NOW).unwrap();
    }
    let (code, reason, _) = refused(&auth, &call("c"), NOW);
    assert_eq!((code, reason), (ErrorCode::ServiceUnavailable, "nonces_full"));
    assert_eq!(refused(&auth, &call("a"), NOW).1, "replayed", "rather than taken again");
    let other = Credentials { access_key_id: "other", ..KEY };
    admitted(&auth, &Message::signed(&other, "c", NOW, ""), NOW).unwrap();
    let later = NOW + 16 * 60;
    admitted(&auth, &Message::signed(&KEY, "c", later, ""), later).unwrap();
}

#[test]
fn what_is_replaced_takes_effect_at_once_and_forgets_no_nonce() {
    let auth = signed_by([key("testid", None), key("old", None)]);
    admitted(&auth, &call("n"), NOW).unwrap();
    let mut rotated = key("testid", None);
    rotated.secret = "rotated".into();
    let config = |key| AuthConfig::Signed { keys: vec![key], nonces_max: 1_000 };
    auth.replace(config(rotated));
    assert_eq!(refused(&auth, &call("m"), NOW).1, "signature");
    let old = Credentials { access_key_id: "old", ..KEY };
    assert_eq!(refused(&auth, &Message::signed(&old, "m", NOW, ""), NOW).1, "unknown_key");
    auth.replace(config(key("testid", None)));
    assert_eq!(refused(&auth, &call("n"), NOW).1, "replayed");
    admitted(&auth, &call("m"), NOW).unwrap();
}

fn caller(actions: &[&str], functions: &[&str], destinations: &[&str]) -> Caller {
    let patterns =
        |texts: &[&str]| texts.iter().map(|text| Pattern::parse(text).unwrap()).collect();
    Caller::of(Arc::new(AccessKey {
        actions: patterns(actions),
        functions: patterns(functions),
        destinations: destinations.iter().map(|text| ArnPattern::parse(text).unwrap()).collect(),
        ..key("testid", None)
    }))
}

#[test]
fn a_key_may_do_what_its_lists_say() {
    let may = |caller: &Caller, actions: &'static [&'static str], function: &'static str| {
        caller.check(Asked { actions, on: On::Function(function) }).is_ok()
    };
    let reader = caller(&["fc:Get*", "fc:List*"], &["svc$*", "audit"], &[]);
    assert!(may(&reader, &["fc:GetAsyncTask", "fc:GetStatefulAsyncInvocation"], "svc$fn"));
    assert!(may(&reader, &["fc:GetFunction"], "audit"));
    assert!(!may(&reader, &["fc:GetFunction"], "other$fn"));
    assert!(!may(&reader, &["fc:InvokeFunction"], "svc$fn"));
    assert!(reader.sees("audit") && !reader.sees("hello"));
    // The name of any version.
    let old = caller(&["fc:PutFunctionAsyncInvokeConfig"], &["*"], &[]);
    assert!(may(&old, &["fc:PutAsyncInvokeConfig", "fc:PutFunctionAsyncInvokeConfig"], "f"));
    let nothing = caller(&[], &["*"], &["*"]);
    let error = nothing.check(Asked { actions: &["fc:ListFunctions"], on: On::Several });
    let error = error.unwrap_err();
    assert_eq!((error.code(), error.reason()), (ErrorCode::AccessDenied, "not_allowed"));
    assert_eq!(error.to_string(), "the access key 'testid' may not do fc:ListFunctions on '*'");
}

#[test]
fn a_key_may_name_the_destinations_of_its_list() {
    let field = "destinationConfig.onSuccess.destination";
    let check = |caller: &Caller, arn: &str| {
        let arn = Arn::parse(arn).unwrap();
        caller.check_destination(field, &arn, "cn-hangzhou").map_err(|error| error.code())
    };
    let one = caller(&["*"], &["*"], &["acs:mns:::/queues/ok-*/messages"]);
    assert_eq!(check(&one, "acs:mns:::/queues/ok-1/messages"), Ok(()));
    let in_full = format!("acs:mns:cn-hangzhou:{OWN}:/queues/ok-1/messages");
    assert_eq!(check(&one, &in_full), Ok(()));
    assert_eq!(check(&one, "acs:fc:::functions/f"), Err(ErrorCode::AccessDenied));
    let foreign = Err(ErrorCode::InvalidDestinationResources);
    for caller in [caller(&["*"], &["*"], &["*"]), Caller::anybody(&own())] {
        assert_eq!(check(&caller, "acs:fc:::functions/f"), Ok(()));
        assert_eq!(check(&caller, "acs:fc::999:functions/f"), foreign);
    }
}

#[test]
fn secrets_are_not_shown() {
    let auth = signed_by([key("testid", Some(TOKEN))]);
    let shown = format!("{auth:?} {:?}", key("testid", Some(TOKEN)));
    assert!(!shown.contains(SECRET) && !shown.contains(TOKEN), "{shown}");
}
