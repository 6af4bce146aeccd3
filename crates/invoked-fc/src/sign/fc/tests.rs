//! The vectors A to G of the contract, made with the SDKs' own signing functions.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{sign, sign_url, verify, verify_url};
use crate::sign::{Credentials, Request};

const DATE: (&str, &str) = ("Date", "Mon, 03 Jun 2024 08:00:00 GMT");
const JSON: (&str, &str) = ("content-type", "application/json");
const BYTES: (&str, &str) = ("content-type", "application/octet-stream");
const ASYNC: (&str, &str) = ("X-Fc-Invocation-Type", "Async");
const KEY: Credentials<'_> =
    Credentials { access_key_id: "testid", access_key_secret: "testsecret", security_token: None };

struct Vector {
    name: &'static str,
    request: Request<'static>,
    signature: &'static str,
}

const fn vector(
    name: &'static str,
    method: &'static str,
    (path, query): (&'static str, &'static str),
    headers: &'static [(&'static str, &'static str)],
    signature: &'static str,
) -> Vector {
    Vector { name, request: Request { method, path, query, headers }, signature }
}

const CONFIG: (&str, &str) =
    ("/2016-08-15/services/svc.LATEST/functions/fn/async-invoke-config", "");
const INVOCATIONS: (&str, &str) = ("/2016-08-15/services/svc.LATEST/functions/fn/invocations", "");

const VECTORS: [Vector; 7] = [
    vector("A", "PUT", CONFIG, &[DATE, JSON], "TD6j+EkQ9beMzjiBV2XLdKn51vY8ZcAHUgxgzL0ZGmg="),
    vector(
        "B",
        "POST",
        INVOCATIONS,
        &[
            DATE,
            BYTES,
            ("content-md5", "ZTU5MTM4ZjM1MTkyZTMyMDA4OGI4M2QyODM4OGQ2YmI="),
            ASYNC,
            ("x-fc-stateful-async-invocation-id", "task_1"),
            ("x-fc-account-id", "1234567890"),
            ("X-Fc-Async-Delay", "5"),
        ],
        "VUV7iVzpgwkl1dQtUL1nUyHUiFGLIv9PtVTOoyJXLps=",
    ),
    vector(
        "B2",
        "POST",
        INVOCATIONS,
        &[
            DATE,
            BYTES,
            ("content-md5", "e59138f35192e320088b83d28388d6bb"),
            ("x-fc-account-id", ""),
            ASYNC,
        ],
        "TbYnjnHYCX7OfikQjIS9lWqCGNFnRTy3l5C8AKDX5jo=",
    ),
    vector(
        "C",
        "GET",
        ("/2016-08-15/services/svc/functions/fn/async-invoke-configs", "limit=10&nextToken=x"),
        &[DATE, JSON],
        "jlC2Hky+jpAppwVT5Lg1uNOXqS3fGk7p5dV/96clvSw=",
    ),
    vector(
        "D",
        "POST",
        ("/2016-08-15/proxy/svc/fn/a%20b", "q=1+2&a=x&a=y"),
        &[DATE, JSON, ASYNC],
        "b/wh38XuTEy4PgcNZArzWWwKTM8vLD855WpvRTL6BNo=",
    ),
    vector(
        "D2",
        "GET",
        ("/2016-08-15/proxy/svc/fn/", ""),
        &[DATE, JSON],
        "QrH1nZGE1bwFZSEKigqLgGbYWqwcq1doXqJHo3Y9XN8=",
    ),
    vector(
        "E",
        "GET",
        CONFIG,
        &[DATE, JSON, ("x-fc-security-token", "ststoken123")],
        "pJaCc1lAw0DvFa+adk+RjswyJzhTUV2RdqhvQ3ZB4Tc=",
    ),
];

const G: &str = "jHmoJFniCb8s9CBnMY1XYx8kXluSMdSa9Lt3lT/H4XI=";

fn verifies(request: &Request<'_>, signature: &str) -> bool {
    verify(request, "testsecret", &STANDARD.decode(signature).unwrap())
}

#[test]
fn contract_vectors_are_reproduced() {
    for Vector { name, request, signature } in &VECTORS {
        assert_eq!(sign(request, &KEY), format!("FC testid:{signature}"), "{name}");
    }
}

#[test]
fn contract_vectors_verify() {
    for Vector { name, request, signature } in &VECTORS {
        assert!(verifies(request, signature), "{name}");
        let other = Request { method: "PATCH", ..*request };
        assert!(!verifies(&other, signature), "{name}");
    }
}

#[test]
fn unsorted_queries_of_the_gateway_utility_verify() {
    let sent = VECTORS[4].request;
    assert!(verifies(&sent, G));
    assert!(!verifies(&Request { query: "a=x&q=1+2&a=y", ..sent }, G));
}

#[test]
fn escaped_paths_of_the_go_client_verify() {
    let escaped = Request { path: "/2016-08-15/services/s%40/x", ..VECTORS[0].request };
    // What the signing form takes for the unescaped path is the escaped one of the first.
    let as_go_signs = Request { path: "/2016-08-15/services/s%2540/x", ..escaped };
    let authorization = sign(&as_go_signs, &KEY);
    assert!(verifies(&escaped, authorization.strip_prefix("FC testid:").unwrap()));
}

#[test]
fn the_date_of_the_java_client_outranks_the_other() {
    let request = VECTORS[0].request;
    let with = |headers| Request { headers, ..request };
    let signed = sign(&with(&[DATE, JSON, ("x-fc-date", "java")]), &KEY);
    assert_eq!(signed, sign(&with(&[("Date", "any"), JSON, ("x-fc-date", "java")]), &KEY));
    assert_ne!(signed, sign(&with(&[DATE, JSON, ("x-fc-date", "other")]), &KEY));
}

#[test]
fn signed_urls_of_the_go_client_are_reproduced() {
    let request = |path| Request { method: "GET", path, query: "", headers: &[] };
    let go = |security_token| Credentials {
        access_key_id: "akid",
        access_key_secret: "akSec",
        security_token,
    };
    let service = request("/2016-08-15/proxy/service/func/");
    let signed = |query: String, signature| {
        let signature = crate::percent::encode(signature);
        assert!(query.contains(&format!("x-fc-signature={signature}")), "{query}");
    };
    signed(
        sign_url(&service, &go(Some("stsToken")), 1_583_339_600),
        "Yi0jCBQ6cTZc+tN8wtYUz9FbYNijx5jDiE3sVNW6XwA=",
    );
    signed(
        sign_url(&service, &go(None), 1_583_339_600),
        "6Rc4KxEAv3+lHpbNQWceIUqWVWq3ewxhadlJBRzZ0XQ=",
    );
    signed(
        sign_url(&request("/2016-08-15/proxy/svc/fn/"), &KEY, 1_717_401_600),
        "h/ZBcEJYi9si0JltCIBDUHyFjULVPsIW18W8dycCBZM=",
    );
}

#[test]
fn signed_urls_are_bound_to_their_query() {
    let request = Request {
        method: "GET",
        path: "/2016-08-15/proxy/svc/fn/a%20b",
        query: "q=1+2",
        headers: &[],
    };
    let query = sign_url(&request, &KEY, 1_717_401_600);
    let signature = crate::query::Query::parse(&query);
    let signature = STANDARD.decode(signature.text("x-fc-signature").unwrap()).unwrap();
    let verifies = |query: &str| {
        verify_url(&Request { query, ..request }, "testsecret", "1717401600", &signature)
    };
    assert!(verifies(&query));
    assert!(!verifies(&query.replace("q=1", "q=2")));
    assert!(!verifies(&format!("{query}&more=1")));
}
