//! Requests as they are sent, against the signatures' own verification and the captured ones.

use super::{Destination, Moment, Request};
use crate::captures::{NOW, SECRET};
use crate::client::Operation;
use crate::headers;
use crate::route::ApiVersion;
use crate::sign::{self, Authorization, AuthorizationError, Credentials, acs3};

const TO: Destination<'_> = Destination { authority: "127.0.0.1:7070", base_path: "/base" };
const MOMENT: Moment<'_> = Moment { nonce: "0123456789abcdef", unix_seconds: NOW };

fn operation(name: &str, version: ApiVersion) -> &'static Operation {
    Operation::find(name, Some(version)).unwrap().0
}

fn key(security_token: Option<&str>) -> Credentials<'_> {
    Credentials { access_key_id: "testid", access_key_secret: SECRET, security_token }
}

/// The name that each version has for the same.
const CONFIGS: [(&str, ApiVersion); 3] = [
    ("PutFunctionAsyncInvokeConfig", ApiVersion::V2016),
    ("PutFunctionAsyncInvokeConfig", ApiVersion::V2021),
    ("PutAsyncInvokeConfig", ApiVersion::V2023),
];

fn put(name: &str, version: ApiVersion) -> Request<'static> {
    let path: &[_] = match version {
        ApiVersion::V2016 | ApiVersion::V2021 => {
            &[("serviceName", "s v"), ("functionName", "f"), ("qualifier", "prod")]
        }
        ApiVersion::V2023 => &[("functionName", "s$f"), ("qualifier", "prod")],
    };
    Request::new(operation(name, version), version, path)
        .unwrap()
        .with_header("X-Fc-Account-Id", "1234567890")
        .with_body("application/json", br#"{"maxAsyncRetryAttempts":2}"#)
}

#[test]
fn signed_requests_verify() {
    for (name, version) in CONFIGS {
        for token in [None, Some("token")] {
            let request = put(name, version);
            let signed = request.sign(TO, Some(&key(token)), MOMENT);
            let headers: Vec<_> = signed
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let (path, query) = signed.target.split_once('?').unwrap_or((&signed.target, ""));
            let received = sign::Request { method: signed.method, path, query, headers: &headers };
            let authorization = Authorization::read(&received).unwrap();
            assert_eq!(authorization.access_key_id(), "testid");
            assert_eq!(authorization.verify(&received, SECRET, NOW), Ok(()), "{version}");
            assert_eq!(
                authorization.verify(&received, "other", NOW),
                Err(AuthorizationError::Mismatch)
            );
            assert!(acs3::body_matches(&received, request.body()));
            let shown = format!("{request:?} {signed:?}");
            assert!(!shown.contains("token") && !shown.contains(SECRET), "{shown}");
        }
    }
}

#[test]
fn the_qualifier_goes_where_the_version_has_it() {
    let targets = CONFIGS.map(|(name, version)| put(name, version).sign(TO, None, MOMENT).target);
    assert_eq!(
        targets,
        [
            "/base/2016-08-15/services/s%20v.prod/functions/f/async-invoke-config",
            "/base/2021-04-06/services/s%20v/functions/f/async-invoke-config?qualifier=prod",
            "/base/2023-03-30/functions/s%24f/async-invoke-config?qualifier=prod",
        ]
    );
}

#[test]
fn a_path_gets_exactly_the_keys_it_has() {
    let get = operation("GetFunctionAsyncInvokeConfig", ApiVersion::V2016);
    for (path, text) in [
        (
            &[("functionName", "")][..],
            "the path of GetFunctionAsyncInvokeConfig lacks serviceName, functionName",
        ),
        (
            &[("serviceName", "s"), ("functionName", "f"), ("function", "f")],
            "the path of GetFunctionAsyncInvokeConfig has no function",
        ),
        (
            &[("functionName", ".."), ("x", "1"), ("y", "2")],
            "the path of GetFunctionAsyncInvokeConfig lacks serviceName and has no x, y and cannot hold this functionName",
        ),
    ] {
        let refused = Request::new(get, ApiVersion::V2016, path).unwrap_err();
        assert_eq!(refused.to_string(), text);
    }
    let create = operation("CreateService", ApiVersion::V2016);
    let refused = Request::new(create, ApiVersion::V2016, &[("qualifier", "1")]).unwrap_err();
    assert_eq!(refused.unknown, ["qualifier"]);
}

#[test]
fn an_unsigned_request_is_the_same_without_a_key() {
    for (name, version) in CONFIGS {
        let plain = put(name, version).sign(TO, None, MOMENT);
        let signed = put(name, version).sign(TO, Some(&key(None)), MOMENT);
        assert_eq!(plain.target, signed.target);
        assert!(plain.headers.iter().all(|header| signed.headers.contains(header)));
        assert!(!plain.headers.iter().any(|(name, _)| name == "authorization"));
    }
}

#[test]
fn headers_of_signing_are_not_the_callers() {
    for name in ["Host", "authorization", "X-Acs-Action", "Content-Length", "x-fc-security-token"] {
        assert!(Request::is_reserved(name), "{name}");
    }
    for name in ["content-type", headers::INVOCATION_TYPE, headers::IF_MATCH, "x-fc-account-id"] {
        assert!(!Request::is_reserved(name), "{name}");
    }
    let request = put("PutAsyncInvokeConfig", ApiVersion::V2023).with_body("text/plain", b"x");
    let signed = request.sign(TO, None, MOMENT);
    let types: Vec<_> = signed.headers.iter().filter(|(name, _)| name == "content-type").collect();
    assert_eq!(types.len(), 1, "the later one counts");
}
