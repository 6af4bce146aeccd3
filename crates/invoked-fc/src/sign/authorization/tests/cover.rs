//! What must be signed, in which form, and how much is read at all.

use super::KEY;
use crate::{
    captures::SECRET,
    error::ErrorCode,
    sign::{Authorization, AuthorizationError, Form, Request, acs3, limits},
};

const NOW: i64 = 1_717_401_600;
const DATE: (&str, &str) = ("x-acs-date", "2024-06-03T08:00:00Z");
const CALL: [(&str, &str); 5] = [
    ("host", "127.0.0.1:9000"),
    DATE,
    ("X-Acs-Signature-Nonce", "0123456789abcdef"),
    ("x-acs-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("x-acs-security-token", "token"),
];

type Verified = Result<Option<String>, AuthorizationError>;

/// Signs `signed` of `headers`, then verifies; the nonce of what is accepted.
fn check(form: Form, headers: &[(&str, &str)], signed: &[&str]) -> Verified {
    let unsigned = Request { method: "POST", path: "/p", query: "", headers };
    let authorization = acs3::authorization(&unsigned, &KEY, signed);
    verify(form, headers, &authorization)
}

fn verify(form: Form, headers: &[(&str, &str)], authorization: &str) -> Verified {
    let mut headers = headers.to_vec();
    headers.push(("authorization", authorization));
    let request = Request { method: "POST", path: "/p", query: "", headers: &headers };
    let claim = Authorization::read(&request)?;
    claim.verify_as(form, &request, SECRET, NOW)?;
    Ok(claim.nonce(&request).map(str::to_owned))
}

fn names(headers: &[(&'static str, &str)]) -> Vec<&'static str> {
    headers.iter().map(|(name, _)| *name).collect()
}

#[test]
fn api_calls_sign_what_decides() {
    let nonce = Some("0123456789abcdef".to_owned());
    assert_eq!(check(Form::Api, &CALL, &names(&CALL)), Ok(nonce));
    for (left_out, _) in CALL {
        let signed: Vec<_> = names(&CALL).into_iter().filter(|name| *name != left_out).collect();
        let refusal = check(Form::Api, &CALL, &signed).unwrap_err();
        let AuthorizationError::NotSigned { name } = refusal else { panic!("{refusal}") };
        assert!(name.eq_ignore_ascii_case(left_out));
        assert_eq!(refusal.code(), ErrorCode::SignatureNotMatch);
    }
}

#[test]
fn api_calls_send_what_decides() {
    for (absent, _) in CALL {
        let headers: Vec<_> = CALL.into_iter().filter(|(name, _)| *name != absent).collect();
        let verified = check(Form::Api, &headers, &names(&CALL));
        // Most keys have no token.
        if absent == "x-acs-security-token" {
            assert!(verified.is_ok());
        } else {
            let code = verified.unwrap_err().code();
            assert_eq!(code, ErrorCode::MissingRequiredHeader, "{absent}");
        }
    }
}

#[test]
fn http_triggers_are_accepted_where_expected_alone() {
    let headers = [CALL[0], DATE];
    assert_eq!(check(Form::HttpTrigger, &headers, &["x-acs-date"]), Ok(None));
    assert!(check(Form::Api, &headers, &["x-acs-date"]).is_err());
    assert!(check(Form::HttpTrigger, &headers, &["host"]).is_err());
    // What is sent beyond the recipe must still be signed.
    for extra in &CALL[2..] {
        let headers = [CALL[0], DATE, *extra];
        let refusal = check(Form::HttpTrigger, &headers, &["x-acs-date"]).unwrap_err();
        assert!(matches!(refusal, AuthorizationError::NotSigned { .. }), "{refusal}");
    }
    assert!(check(Form::HttpTrigger, &CALL, &names(&CALL)).unwrap().is_some());
}

#[test]
fn headers_that_decide_are_sent_once() {
    // Signed as `a,b`, replayed as two headers with another first value.
    let mut headers = CALL;
    headers[2].1 = "a,b";
    let unsigned = Request { method: "POST", path: "/p", query: "", headers: &headers };
    let authorization = acs3::authorization(&unsigned, &KEY, &names(&CALL));
    assert!(verify(Form::Api, &headers, &authorization).is_ok());
    headers[2].1 = "a";
    let mut replayed = headers.to_vec();
    replayed.push(("x-acs-signature-nonce", "b"));
    assert_eq!(
        verify(Form::Api, &replayed, &authorization),
        Err(AuthorizationError::Repeated { name: "x-acs-signature-nonce" })
    );
    let mut twice = CALL.to_vec();
    twice.push(("Authorization", "FC id:AAAA"));
    assert_eq!(
        check(Form::Api, &twice, &names(&CALL)),
        Err(AuthorizationError::Repeated { name: "Authorization" })
    );
}

#[test]
fn requests_beyond_every_client_are_refused() {
    let read = |query: &str, headers: &[(&str, &str)]| {
        let request = Request { method: "GET", path: "/p", query, headers };
        Authorization::read(&request).map(drop).unwrap_err().to_string()
    };
    let authorization = |text: &str| read("", &[("authorization", text)]);
    let headers = vec![("a", "b"); limits::HEADERS_MAX + 1];
    assert_eq!(
        read("", &headers),
        "the header section of the request is too large: at most 256 headers"
    );
    assert_eq!(
        read(&"&".repeat(limits::QUERY_PARAMETERS_MAX), &[]),
        "the query of the request is too large: at most 1023 separators"
    );
    assert_eq!(
        authorization(&format!("FC {}:", "a".repeat(limits::AUTHORIZATION_BYTES_MAX))),
        "the authorization of the request is too large: at most 8192 bytes"
    );
    assert_eq!(
        authorization(&format!("FC {}:AAAA", "a".repeat(129))),
        "the access key id of the request is too large: at most 128 bytes"
    );
    let names = ["a"; limits::SIGNED_HEADERS_MAX + 1].join(";");
    assert_eq!(
        authorization(&format!("ACS3-HMAC-SHA256 Credential=a,SignedHeaders={names},Signature=00")),
        "the SignedHeaders of the request is too large: at most 128 names"
    );
    let long = "n".repeat(limits::NONCE_BYTES_MAX + 1);
    let mut call = CALL;
    call[2].1 = &long;
    assert!(matches!(
        check(Form::Api, &call, &self::names(&CALL)),
        Err(AuthorizationError::TooLarge { limit: limits::NONCE_BYTES_MAX, .. })
    ));
}
