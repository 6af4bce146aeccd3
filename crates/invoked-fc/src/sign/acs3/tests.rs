//! The vectors H to M4 of the contract, made with the SDKs' own signing functions.

use super::{Call, authorization, body_matches, canonical_names, canonical_request, sign, verify};
use crate::sign::{
    Credentials, Request,
    mac::{from_hex, sha256_hex},
};

type Header = (&'static str, &'static str);

const CONFIG_BODY: &[u8] = br#"{"asyncTask":true,"destinationConfig":{"onSuccess":{"destination":"acs:fc:cn-hangzhou::functions/ok"}},"maxAsyncEventAgeInSeconds":3600,"maxAsyncRetryAttempts":2}"#;
const CONFIG_SHA256: &str = "4d7e16eea9310a730d9c5677f42798209c8ca6f94409703ed0a76037a2ba7e9c";
const NONCE: &str = "0123456789abcdef0123456789abcdef";
const NOW: i64 = 1_717_401_600;

const USER_AGENT: Header =
    ("user-agent", "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2");
const ACCEPT: Header = ("Accept", "application/json");
const HOST: Header = ("host", "127.0.0.1:9000");
const DATE: Header = ("x-acs-date", "2024-06-03T08:00:00Z");
const NONCE_HEADER: Header = ("x-acs-signature-nonce", NONCE);
const VERSION: Header = ("x-acs-version", "2023-03-30");
const STATIC_AK: Header = ("x-acs-credentials-provider", "static_ak");

const KEY: Credentials<'_> =
    Credentials { access_key_id: "testid", access_key_secret: "testsecret", security_token: None };

struct Vector {
    name: &'static str,
    request: Request<'static>,
    signed: &'static str,
    canonical_sha256: Option<&'static str>,
    signature: &'static str,
}

const PUT: Request<'_> = Request {
    method: "PUT",
    path: "/2023-03-30/functions/fn/async-invoke-config",
    query: "qualifier=LATEST",
    headers: &[
        HOST,
        VERSION,
        ("x-acs-action", "PutAsyncInvokeConfig"),
        USER_AGENT,
        DATE,
        NONCE_HEADER,
        ACCEPT,
        ("content-type", "application/json; charset=utf-8"),
        ("x-acs-content-sha256", CONFIG_SHA256),
        STATIC_AK,
    ],
};

const LIST: Request<'_> = Request {
    method: "GET",
    path: "/2023-03-30/functions/fn/async-tasks",
    query: "includePayload=True&nextToken=a%2Fb%2Bc+~&status=Running",
    headers: &[
        HOST,
        VERSION,
        ("x-acs-action", "ListAsyncTasks"),
        USER_AGENT,
        DATE,
        NONCE_HEADER,
        ACCEPT,
        (
            "x-acs-content-sha256",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        STATIC_AK,
    ],
};

const INVOKE: Request<'_> = Request {
    method: "POST",
    path: "/2023-03-30/functions/fn/invocations",
    query: "",
    headers: &[
        HOST,
        VERSION,
        ("x-acs-action", "InvokeFunction"),
        USER_AGENT,
        DATE,
        NONCE_HEADER,
        ACCEPT,
        ("x-fc-async-task-id", "task_1"),
        ("x-fc-invocation-type", "Async"),
        ("content-type", "application/octet-stream"),
        (
            "x-acs-content-sha256",
            "a0da1fce57d0e4f9f0ae4e4cbe040d34dcc046255c6c8d18e97f55aaed0655f0",
        ),
        ("x-acs-credentials-provider", "static_sts"),
        ("x-acs-accesskey-id", "testid"),
        ("x-acs-security-token", "ststoken123"),
    ],
};

const fn trigger(headers: &'static [Header]) -> Request<'static> {
    Request { method: "POST", path: "/hello", query: "foo=bar&a=1%202", headers }
}

const VECTORS: [Vector; 8] = [
    Vector {
        name: "H",
        request: PUT,
        signed: "accept;content-type;host;user-agent;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version",
        canonical_sha256: Some("070ecb5bc81517f4efee4ab61ab9b2c913b322ae6a7dd5a816574e2e910571f8"),
        signature: "80f6875c3af136741957f70ac87fd39a7f20c9e8a3ec0539340ee04564b10008",
    },
    Vector {
        name: "K",
        request: PUT,
        signed: "content-type;host;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version",
        canonical_sha256: Some("5e6bd28a84c61102478f822b0e85d654f55ea0476def5650a980f82e27804d40"),
        signature: "e80e2c8328c2bfde0236f88f3ef59e2fb21c7668ccfeecab41087b3ca8612cc4",
    },
    Vector {
        name: "I",
        request: LIST,
        signed: "accept;host;user-agent;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-signature-nonce;x-acs-version",
        canonical_sha256: Some("ad37345e553a216963d3183d2b089344eb3e20177e3ca50698729ee408ed432e"),
        signature: "5834fc05449d71b5653981f053e10c7be3090564a737c100dd301f989f9f9355",
    },
    Vector {
        name: "J",
        request: INVOKE,
        signed: "accept;content-type;host;user-agent;x-acs-accesskey-id;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version;x-fc-async-task-id;x-fc-invocation-type",
        canonical_sha256: Some("30ad840db741501444bc315cad9e0d5fd1ab8c610151ae2b07a02180b4af2c93"),
        signature: "27b7760b5a64a33ac6d5b4fa51152baf62b621e4247b4ef2c6b87c0269a21b7e",
    },
    Vector {
        name: "M1",
        request: trigger(&[DATE]),
        signed: "x-acs-date",
        canonical_sha256: None,
        signature: "89f722aa95751612fe8ac4472e1764f426f08bba58b67f52fb25c8805152eeef",
    },
    Vector {
        name: "M2",
        request: trigger(&[DATE, ("x-acs-security-token", "ststoken123")]),
        signed: "x-acs-date;x-acs-security-token",
        canonical_sha256: None,
        signature: "c93303635daaeee9a72ffe312facdb2b2a0d54c2aed45a5d21608f74433eacb5",
    },
    Vector {
        name: "M3",
        request: trigger(&[DATE, ("x-acs-security-token", "")]),
        signed: "x-acs-date;x-acs-security-token",
        canonical_sha256: None,
        signature: "ccd00f23b53147bb1ba8d738f59f5a70efad5d992377d56b85a9bbf3b65c1a12",
    },
    Vector {
        name: "M4",
        request: trigger(&[DATE, ("x-fc-invocation-type", "Async")]),
        signed: "x-acs-date;x-fc-invocation-type",
        canonical_sha256: None,
        signature: "5a828f5dbaec4db89229888209090507ccb7fb62c15c5141d4c44b00ea5b23f0",
    },
];

fn verifies(request: &Request<'_>, signed: &str, signature: &str) -> bool {
    let names: Vec<_> = signed.split(';').collect();
    verify(request, "testsecret", &names, &from_hex(signature).unwrap())
}

#[test]
fn contract_canonical_requests_are_reproduced() {
    for Vector { name, request, signed, canonical_sha256, .. } in &VECTORS {
        let names: Vec<_> = signed.split(';').collect();
        let canonical = canonical_request(request, request.path, &canonical_names(&names));
        if let Some(sha256) = canonical_sha256 {
            assert_eq!(sha256_hex(canonical.as_bytes()), *sha256, "{name}: {canonical}");
        }
    }
    assert_eq!(
        canonical_request(&VECTORS[4].request, "/hello", &["x-acs-date"]),
        "POST\n/hello\na=1%202&foo=bar\nx-acs-date:2024-06-03T08:00:00Z\n\nx-acs-date\n"
    );
}

#[test]
fn repeated_headers_are_sorted_and_joined() {
    let headers = [("x-acs-b", " 2 "), ("X-Acs-B", "1"), ("x-acs-a", "")];
    let request = Request { method: "GET", path: "", query: "b&a=", headers: &headers };
    assert_eq!(
        canonical_request(
            &request,
            request.path,
            &canonical_names(&["X-Acs-B", "x-acs-a", "x-acs-b"])
        ),
        "GET\n/\na=&b=\nx-acs-a:\nx-acs-b:1,2\n\nx-acs-a;x-acs-b\n"
    );
}

#[test]
fn contract_vectors_verify() {
    for Vector { name, request, signed, signature, .. } in &VECTORS {
        assert!(verifies(request, signed, signature), "{name}");
        let names: Vec<_> = signed.split(';').rev().collect();
        assert_eq!(
            authorization(request, &KEY, &names),
            format!(
                "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders={signed},Signature={signature}"
            ),
            "{name}"
        );
    }
}

#[test]
fn unsigned_parts_are_open_and_signed_parts_are_not() {
    let Vector { request, signed, signature, .. } = &VECTORS[1];
    let changed = |name: &str| {
        let headers: Vec<_> = request
            .headers
            .iter()
            .map(|(key, value)| (*key, if *key == name { "changed" } else { value }))
            .collect();
        verifies(&Request { headers: &headers, ..*request }, signed, signature)
    };
    assert!(changed("user-agent"));
    for name in signed.split(';') {
        assert!(!changed(name), "{name}");
    }
    for other in [
        Request { method: "GET", ..*request },
        Request { path: "/2023-03-30/functions/gn/async-invoke-config", ..*request },
        Request { query: "qualifier=prod", ..*request },
        Request { query: "", ..*request },
    ] {
        assert!(!verifies(&other, signed, signature));
    }
}

#[test]
fn dollar_in_the_path_is_signed_either_way() {
    let raw = Request { path: "/2023-03-30/functions/svc$fn", ..PUT };
    let escaped = Request { path: "/2023-03-30/functions/svc%24fn", ..PUT };
    for signed_as in [&raw, &escaped] {
        let authorization = authorization(signed_as, &KEY, &["x-acs-date"]);
        let (_, signature) = authorization.split_once("Signature=").unwrap();
        assert!(verifies(&raw, "x-acs-date", signature));
    }
}

#[test]
fn own_calls_verify() {
    let call = Call {
        method: "PUT",
        host: HOST.1,
        path: PUT.path,
        query: &[("qualifier", "LATEST"), ("extra", "a b/c")],
        headers: &[("content-type", "application/json"), ("X-Fc-Trace-Id", "t")],
        action: "PutAsyncInvokeConfig",
        version: "2023-03-30",
        body: CONFIG_BODY,
    };
    let credentials = Credentials { security_token: Some("ststoken123"), ..KEY };
    let sent = sign(&call, &credentials, NONCE, NOW);
    let headers: Vec<_> =
        sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = Request {
        method: "PUT",
        path: PUT.path,
        query: "extra=a+b%2Fc&qualifier=LATEST",
        headers: &headers,
    };
    let authorization = request.header("authorization").unwrap();
    let (signed, signature) = authorization
        .strip_prefix("ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=")
        .unwrap()
        .split_once(",Signature=")
        .unwrap();
    assert!(verifies(&request, signed, signature));
    assert_eq!(
        signed,
        "accept;content-type;host;x-acs-accesskey-id;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version;x-fc-trace-id"
    );
    assert_eq!(request.header("x-acs-date"), Some(DATE.1));
    assert!(body_matches(&request, CONFIG_BODY));
}

#[test]
fn own_calls_are_signed_as_the_sdk_signs_them() {
    let call = Call {
        method: "PUT",
        host: HOST.1,
        path: PUT.path,
        query: &[("qualifier", "LATEST")],
        headers: &[("content-type", "application/json; charset=utf-8"), USER_AGENT],
        action: "PutAsyncInvokeConfig",
        version: "2023-03-30",
        body: CONFIG_BODY,
    };
    let headers = sign(&call, &KEY, NONCE, NOW);
    assert!(headers.last().unwrap().1.ends_with(VECTORS[0].signature));
}

#[test]
fn bodies_are_held_to_their_hash_where_one_is_sent() {
    assert!(body_matches(&PUT, CONFIG_BODY));
    assert!(!body_matches(&PUT, b"{}"));
    assert!(body_matches(&Request { method: "DELETE", ..PUT }, b""));
    assert!(body_matches(&trigger(&[DATE]), b"anything"));
}
