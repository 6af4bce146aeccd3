//! What it costs to find out who made a request: reading the claim and verifying it, scheme by scheme.
//!
//! The goal is 10 µs of CPU for a request with a body of 1 KB, the hash of the body included. `refused` is the same
//! request under another secret, which tries every accepted spelling before it gives up: what a stranger can cost.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use invoked_fc::sign::{Authorization, Credentials, Form, Request, acs3, fc, roa};

const NOW: i64 = 1_717_401_600;
const SECRET: &str = "testsecret";
const KEY: Credentials<'_> = Credentials {
    access_key_id: "testid",
    access_key_secret: SECRET,
    security_token: Some("ststoken123"),
};
const BODY: [u8; 1024] = [b'x'; 1024];

/// A request that owns its parts, so that the measured loop borrows alone.
struct Sent {
    path: &'static str,
    query: String,
    headers: Vec<(String, String)>,
}

impl Sent {
    fn check(&self, form: Form, secret: &str) -> bool {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request =
            Request { method: "POST", path: self.path, query: &self.query, headers: &headers };
        Authorization::read(&request)
            .and_then(|claim| claim.verify_as(form, &request, secret, NOW))
            .is_ok()
            && acs3::body_matches(&request, black_box(&BODY))
    }
}

fn owned(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn acs3_call() -> Sent {
    let path = "/2023-03-30/functions/checkout/invocations";
    let call = acs3::Call {
        method: "POST",
        host: "invoked.example.internal:9000",
        path,
        query: &[("qualifier", "LATEST")],
        headers: &[
            ("content-type", "application/octet-stream"),
            ("user-agent", "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2"),
            ("x-fc-invocation-type", "Async"),
            ("x-fc-async-task-id", "order-2024-06-03-000001"),
        ],
        action: "InvokeFunction",
        version: "2023-03-30",
        body: &BODY,
    };
    let headers = acs3::sign(&call, &KEY, "0123456789abcdef0123456789abcdef", NOW);
    Sent { path, query: "qualifier=LATEST".to_owned(), headers }
}

fn acs3_trigger() -> Sent {
    let (path, query) = ("/2023-03-30/proxy/checkout/orders", "foo=bar&a=1%202".to_owned());
    let mut headers = owned(&[
        ("host", "invoked.example.internal:9000"),
        ("content-type", "application/json"),
        ("x-acs-date", "2024-06-03T08:00:00Z"),
        ("x-fc-invocation-type", "Async"),
    ]);
    let borrowed: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = Request { method: "POST", path, query: &query, headers: &borrowed };
    let authorization =
        acs3::authorization(&request, &KEY, &["x-acs-date", "x-fc-invocation-type"]);
    headers.push(("authorization".to_owned(), authorization));
    Sent { path, query, headers }
}

const FC_HEADERS: [(&str, &str); 10] = [
    ("host", "invoked.example.internal:9000"),
    ("accept", "*/*"),
    ("accept-encoding", "gzip, deflate"),
    ("content-length", "1024"),
    ("user-agent", "aliyun-fc-sdk-v2.5.2.python-3.11.7.Linux-6.18.44-fc-v445-x86_64"),
    ("content-type", "application/octet-stream"),
    ("date", "Mon, 03 Jun 2024 08:00:00 GMT"),
    ("x-fc-account-id", "1234567890"),
    ("x-fc-invocation-type", "Async"),
    ("x-fc-stateful-async-invocation-id", "order-2024-06-03-000001"),
];

fn fc_header(path: &'static str, query: &str) -> Sent {
    let request = Request { method: "POST", path, query, headers: &FC_HEADERS };
    let mut headers = owned(&FC_HEADERS);
    headers.push(("authorization".to_owned(), fc::sign(&request, &KEY)));
    Sent { path, query: query.to_owned(), headers }
}

fn fc_url() -> Sent {
    let path = "/2016-08-15/proxy/shop/checkout/orders";
    let request = Request { method: "POST", path, query: "a=1&b=2", headers: &FC_HEADERS };
    Sent { path, query: fc::sign_url(&request, &KEY, NOW + 60), headers: owned(&FC_HEADERS) }
}

fn roa_call() -> Sent {
    let headers = [
        ("accept", "application/json"),
        ("content-type", "application/json; charset=utf-8"),
        ("date", "Mon, 03 Jun 2024 08:00:00 GMT"),
        ("host", "invoked.example.internal:9000"),
        ("user-agent", "TeaDSL/1 Terraform/1.9"),
        ("x-acs-version", "2023-03-30"),
        ("x-acs-accesskey-id", "testid"),
        ("x-acs-security-token", "ststoken123"),
        ("x-acs-signature-method", "HMAC-SHA1"),
        ("x-acs-signature-nonce", "0123456789abcdef0123456789abcdef"),
        ("x-acs-signature-version", "1.0"),
    ];
    let path = "/2023-03-30/functions/checkout/async-invoke-config";
    let request = Request { method: "POST", path, query: "qualifier=LATEST", headers: &headers };
    let authorization = roa::sign(&request, &KEY);
    let mut headers = owned(&headers);
    headers.push(("authorization".to_owned(), authorization));
    Sent { path, query: "qualifier=LATEST".to_owned(), headers }
}

fn verify(criterion: &mut Criterion) {
    let fc_path = "/2016-08-15/services/shop.LATEST/functions/checkout/invocations";
    let cases = [
        ("acs3", Form::Api, acs3_call()),
        ("acs3_trigger", Form::HttpTrigger, acs3_trigger()),
        ("fc", Form::Api, fc_header(fc_path, "")),
        (
            "fc_proxy",
            Form::HttpTrigger,
            fc_header("/2016-08-15/proxy/shop/checkout/a", "q=1+2&a=x&a=y"),
        ),
        ("fc_url", Form::HttpTrigger, fc_url()),
        ("roa", Form::Api, roa_call()),
    ];
    let mut group = criterion.benchmark_group("sign");
    for (name, form, sent) in &cases {
        assert!(sent.check(*form, SECRET), "{name}");
        group.bench_function(format!("{name}/verified"), |bencher| {
            bencher.iter(|| black_box(sent).check(*form, SECRET));
        });
        assert!(!sent.check(*form, "another"), "{name}");
        group.bench_function(format!("{name}/refused"), |bencher| {
            bencher.iter(|| black_box(sent).check(*form, "another"));
        });
    }
    group.finish();
}

criterion_group!(benches, verify);
criterion_main!(benches);
