use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::*;

/// Thu, 15 Jan 2026 08:30:00 GMT.
const AT: i64 = 1_768_465_800_000;
const MINUTE: i64 = 60_000;
const NONCE: &str = "7b1f3d52-5d0e-4a0c-9d5e-0123456789ab";
/// V-B1, whose signature was captured from the vendor's SDK. It does not cover the body.
const SIGNATURE: &str = "acs:testAccessKeyId:qS4AlJar2btlEqo/qSDTaNLeSGg=";
/// V-B2, the same with a token.
const STS_SIGNATURE: &str = "acs:testAccessKeyId:dKbEGIjtipX7tI/6TMsQnfm9aMY=";

fn account() -> Account {
    Account {
        id: "123456789".to_owned(),
        region: "cn-hangzhou".to_owned(),
        access_key_id: "testAccessKeyId".to_owned(),
        access_key_secret: "testAccessKeySecret".to_owned(),
        security_token: None,
    }
}

fn event() -> Value {
    json!({
        "id": "r-1",
        "source": "acs:fc",
        "specversion": "1.0",
        "type": "fc:AsyncInvoke:succeeded",
        "datacontenttype": "application/json",
        "subject": "acs:fc:cn-hangzhou:123456789:functions/f1",
        "time": "2026-01-15T08:30:00.000Z",
        "data": {"requestContext": {"requestId": "r-1"}},
        "aliyuneventbusname": "my-bus",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut event = event();
    event[name] = value;
    event
}

fn without(name: &str) -> Value {
    let mut event = event();
    event.as_object_mut().unwrap().remove(name);
    event
}

fn request(body: impl Into<Bytes>) -> Received {
    let headers = [
        ("date", "Thu, 15 Jan 2026 08:30:00 GMT"),
        ("host", "127.0.0.1:18081"),
        ("x-acs-signature-nonce", NONCE),
        ("x-acs-signature-method", "HMAC-SHA1"),
        ("x-acs-signature-version", "1.0"),
        ("x-eventbridge-version", "2015-06-06"),
        ("content-type", "application/cloudevents-batch+json; charset=utf-8"),
        ("authorization", SIGNATURE),
    ];
    let headers = headers
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    Received {
        method: Method::POST,
        uri: "/openapi/putEvents".parse().unwrap(),
        headers: HeaderMap::from_iter(headers),
        body: body.into(),
        at: AT,
    }
}

fn batch(events: &[Value]) -> Received {
    request(json!(events).to_string())
}

/// What a double with one bus, `my-bus`, makes of a request.
fn judged(request: &Received) -> Judged {
    judged_for(account(), request)
}

fn judged_for(account: Account, request: &Received) -> Judged {
    let double = EventBridge::new(account);
    double.create("my-bus");
    double.judge(request)
}

fn code(judged: &Judged) -> &str {
    match &judged.outcome {
        Outcome::Taken { .. } => "",
        Outcome::Refused { code, answer } => {
            let body: Value = serde_json::from_slice(answer.body()).unwrap();
            assert_eq!(body["code"], *code);
            code
        }
    }
}

#[test]
fn the_vendors_request_is_taken_and_completed() {
    let sent = event().to_string();
    let judged = judged(&request(format!("[{sent}]")));
    assert_eq!((&*judged.destination, judged.id.as_deref()), ("my-bus", Some("r-1")));
    let Outcome::Taken { mails, answer } = judged.outcome else { panic!("{judged:?}") };
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!((&*mail.message_id, &*mail.destination), ("r-1", "my-bus"));
    assert_eq!(mail.tag.as_deref(), Some("fc:AsyncInvoke:succeeded"));
    let kept = std::str::from_utf8(&mail.body).unwrap();
    assert!(kept.starts_with(sent.strip_suffix('}').unwrap()), "the event stays byte for byte");
    let mut completed = event();
    for (name, value) in [
        ("aliyunaccountid", "123456789"),
        ("aliyunoriginalaccountid", "123456789"),
        ("aliyunpublishaddr", "127.0.0.1"),
        ("aliyunpublishtime", "2026-01-15T08:30:00.000Z"),
        ("aliyunregionid", "cn-hangzhou"),
    ] {
        completed[name] = json!(value);
    }
    assert_eq!(serde_json::from_str::<Value>(kept).unwrap(), completed);
    let answered: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!((answer.status(), &answered["FailedEntryCount"]), (StatusCode::OK, &json!(0)));
    assert_eq!(answered["EntryList"][0]["EventId"], "r-1");
}

#[test]
fn extensions_that_the_sender_set_are_kept() {
    let judged = judged(&batch(&[with("aliyunpublishtime", json!("then"))]));
    let Outcome::Taken { mails, .. } = judged.outcome else { panic!("{judged:?}") };
    let kept = std::str::from_utf8(&mails[0].body).unwrap();
    assert_eq!(kept.matches("aliyunpublishtime").count(), 1);
}

#[test]
fn a_temporary_key_needs_its_token() {
    let temporary = Account { security_token: Some("CAISstsToken==".to_owned()), ..account() };
    let mut request = batch(&[event()]);
    assert_eq!(code(&judged_for(temporary.clone(), &request)), "SecurityTokenInvalid");
    let headers = &mut request.headers;
    headers.insert("x-acs-security-token", HeaderValue::from_static("CAISstsToken=="));
    headers.insert("x-acs-accesskey-id", HeaderValue::from_static("testAccessKeyId"));
    assert_eq!(code(&judged_for(temporary.clone(), &request)), "SignatureDoesNotMatch");
    request.headers.insert("authorization", HeaderValue::from_static(STS_SIGNATURE));
    assert_eq!(code(&judged_for(temporary, &request)), "");
    assert_eq!(code(&judged(&request)), "SecurityTokenInvalid", "a token that was never given");
}

#[test]
fn headers_that_do_not_fit_are_refused() {
    for (name, value, refused) in [
        ("content-type", "application/json", "InvalidContentType"),
        ("content-type", "application/cloudevents-batch+json", "SignatureDoesNotMatch"),
        ("date", "2026-01-15T08:30:00Z", "IllegalTimestamp"),
        ("date", "Thu, 15 Jan 2026 08:30:01 GMT", "SignatureDoesNotMatch"),
        ("x-acs-signature-method", "HMAC-SHA256", "SignatureDoesNotMatch"),
        ("x-acs-signature-version", "2.0", "SignatureDoesNotMatch"),
        ("x-acs-signature-nonce", "", "SignatureDoesNotMatch"),
        ("x-acs-signature-nonce", "other", "SignatureDoesNotMatch"),
        ("x-acs-more", "unsigned", "SignatureDoesNotMatch"),
        ("x-eventbridge-version", "unsigned too, but not covered", ""),
        ("authorization", "acs testAccessKeyId:x", "SignatureDoesNotMatch"),
        ("authorization", "acs:other:qS4AlJar2btlEqo/qSDTaNLeSGg=", "InvalidAccessKeyId"),
        ("authorization", "acs:testAccessKeyId:", "SignatureDoesNotMatch"),
    ] {
        let mut request = batch(&[event()]);
        request.headers.insert(name, HeaderValue::from_static(value));
        assert_eq!(code(&judged(&request)), refused, "{name}: {value}");
    }
    let other = Account { access_key_secret: "other".to_owned(), ..account() };
    assert_eq!(code(&judged_for(other, &batch(&[event()]))), "SignatureDoesNotMatch");
    for (late, refused) in [(15, ""), (-15, ""), (16, "InvalidTimeStamp.Expired")] {
        let request = Received { at: AT + late * MINUTE, ..batch(&[event()]) };
        assert_eq!(code(&judged(&request)), refused, "{late}");
    }
    for (method, uri, refused) in [
        (Method::GET, "/openapi/putEvents", "UnsupportedHTTPMethod"),
        (Method::POST, "/openapi/putEvent", "InvalidAction.NotFound"),
        (Method::POST, "/openapi/putEvents?x=1", "InvalidAction.NotFound"),
    ] {
        let request = Received { method, uri: uri.parse().unwrap(), ..batch(&[event()]) };
        assert_eq!(code(&judged(&request)), refused, "{uri}");
    }
}

#[test]
fn a_nonce_is_good_for_one_request() {
    let double = EventBridge::with_any(account());
    let request = batch(&[event()]);
    assert_eq!(code(&double.judge(&request)), "");
    assert_eq!(code(&double.judge(&request)), "SignatureNonceUsed");
}

#[test]
fn events_that_are_none_are_refused() {
    for event in [
        without("id"),
        without("source"),
        without("specversion"),
        without("type"),
        without("time"),
        without("aliyuneventbusname"),
        with("id", json!("")),
        with("id", json!(7)),
        with("source", json!("a b")),
        with("source", json!("s".repeat(129))),
        with("type", json!("t".repeat(65))),
        with("specversion", json!("0.3")),
        with("time", json!("yesterday")),
        with("subject", json!("")),
        with("Upper", json!("x")),
        with("nested", json!({})),
        with("nothing", json!(null)),
        with("data_base64", json!("e30=")),
        with("datacontenttype", json!("application/json; charset=utf-8")),
        json!([]),
    ] {
        let judged = judged(&batch(std::slice::from_ref(&event)));
        assert_eq!(code(&judged), "JsonAttributeInvalid", "{event}");
    }
    for body in ["", "{}", "[", "[{\"id\":]"] {
        assert_eq!(code(&judged(&request(body))), "JsonAttributeInvalid", "{body}");
    }
}

#[test]
fn limits_of_events_and_batches() {
    let frame = with("data", json!("")).to_string().len();
    let sized = |size: usize| with("data", json!("x".repeat(size - frame)));
    assert_eq!(code(&judged(&batch(&[sized(65_536)]))), "");
    assert_eq!(code(&judged(&batch(&[sized(65_537)]))), "EventSizeExceedLimit");
    let five = [(); 5].map(|()| sized(60_000));
    assert_eq!(code(&judged(&batch(&five))), "EventSizeExceedLimit");
    assert_eq!(code(&judged(&batch(&[(); 16].map(|()| event())))), "");
    assert_eq!(code(&judged(&batch(&[(); 17].map(|()| event())))), "EventCountExceedLimit");
    assert_eq!(code(&judged(&batch(&[]))), "EventCountExceedLimit");
}

#[test]
fn a_batch_is_for_one_bus_that_exists() {
    let elsewhere = with("aliyuneventbusname", json!("gone"));
    let missing = judged(&batch(std::slice::from_ref(&elsewhere)));
    assert_eq!((code(&missing), &*missing.destination), ("EventBusNotExist", "gone"));
    let Outcome::Refused { answer, .. } = missing.outcome else { panic!("refused above") };
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let both = judged(&batch(&[event(), elsewhere]));
    assert_eq!(code(&both), "PutEventsRequestMoreThanOneEventBus");
    let double = EventBridge::new(account());
    double.create("my-bus");
    double.delete("my-bus");
    assert_eq!(code(&double.judge(&batch(&[event()]))), "EventBusNotExist");
}

#[test]
fn errors_on_demand_have_the_status_of_the_table() {
    for (status, code) in ERRORS {
        let answer = error(code);
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!((answer.status().as_u16(), &body["code"]), (status, &json!(code)));
    }
    let failed = failed_entry("EventBusNotExist", "gone");
    let body: Value = serde_json::from_slice(failed.body()).unwrap();
    assert_eq!((failed.status(), &body["FailedEntryCount"]), (StatusCode::OK, &json!(1)));
    assert_eq!(body["EntryList"][0]["ErrorCode"], "EventBusNotExist");
}

#[test]
fn secrets_are_not_shown() {
    let account = Account { security_token: Some("toptoken".to_owned()), ..account() };
    let shown = format!("{:?}", EventBridge::new(account));
    assert!(!shown.contains("Secret") && !shown.contains("toptoken"), "{shown}");
}
