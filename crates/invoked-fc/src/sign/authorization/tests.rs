//! Every captured request through reading and verifying, and the ways to be refused.

mod cover;

use super::{Authorization, AuthorizationError, Scheme};
use crate::{
    captures::{self, NOW, SECRET},
    error::ErrorCode,
    sign::{Credentials, Request, acs3, fc},
};

const KEY: Credentials<'_> =
    Credentials { access_key_id: "testid", access_key_secret: SECRET, security_token: None };

fn check(request: &Request<'_>, now: i64) -> Result<(), AuthorizationError> {
    Authorization::read(request)?.verify(request, SECRET, now)
}

#[test]
fn captured_requests_verify() {
    let (mut fc, mut acs3) = (0, 0);
    for capture in captures::all() {
        let request = capture.request();
        let authorization = Authorization::read(&request).unwrap();
        match authorization.scheme() {
            Scheme::Fc => fc += 1,
            Scheme::Acs3 => acs3 += 1,
            Scheme::FcUrl | Scheme::Roa => panic!("no client was captured with these"),
        }
        assert!(authorization.access_key_id().ends_with("testid"));
        authorization.verify(&request, SECRET, NOW).unwrap();
        assert!(acs3::body_matches(&request, capture.body.as_bytes()), "{}", capture.path);
    }
    assert_eq!((fc, acs3), (27, 47));
}

#[test]
fn captured_requests_are_refused_when_changed() {
    for capture in captures::all() {
        let request = capture.request();
        let path = format!("{}x", request.path);
        for changed in [Request { method: "PATCH", ..request }, Request { path: &path, ..request }]
        {
            assert_eq!(check(&changed, NOW), Err(AuthorizationError::Mismatch));
        }
        let authorization = Authorization::read(&request).unwrap();
        let other_secret = authorization.verify(&request, "another", NOW);
        assert_eq!(other_secret, Err(AuthorizationError::Mismatch));
    }
}

#[test]
fn captured_tokens_are_seen() {
    let with_token = captures::all()
        .iter()
        .filter(|capture| {
            let request = capture.request();
            let authorization = Authorization::read(&request).unwrap();
            authorization.security_token(&request).as_deref() == Some("ststoken123")
        })
        .count();
    assert_eq!(with_token, 5);
}

#[test]
fn requests_out_of_time_are_refused() {
    let day = 24 * 60 * 60;
    for capture in captures::all() {
        for now in [NOW - day, NOW + day] {
            let refusal = check(&capture.request(), now).unwrap_err();
            assert!(matches!(refusal, AuthorizationError::Skewed { .. }));
            assert_eq!(refusal.code(), ErrorCode::AccessDenied);
        }
    }
}

#[test]
fn skew_is_allowed_up_to_fifteen_minutes() {
    let headers = [("date", "Mon, 03 Jun 2024 08:00:00 GMT")];
    let mut request = Request { method: "GET", path: "/p", query: "", headers: &headers };
    let authorization = fc::sign(&request, &KEY);
    let headers = [headers[0], ("Authorization", authorization.as_str())];
    request.headers = &headers;
    for (difference, allowed) in [(-901, false), (-900, true), (900, true), (901, false)] {
        assert_eq!(check(&request, 1_717_401_600 + difference).is_ok(), allowed, "{difference}");
    }
}

#[test]
fn signed_urls_hold_until_they_expire() {
    let request =
        Request { method: "GET", path: "/2016-08-15/proxy/svc/fn/", query: "a=1", headers: &[] };
    let credentials = Credentials { security_token: Some("token"), ..KEY };
    let query = fc::sign_url(&request, &credentials, 1_717_401_600);
    let request = Request { query: &query, ..request };
    let authorization = Authorization::read(&request).unwrap();
    assert_eq!(authorization.scheme(), Scheme::FcUrl);
    assert_eq!(authorization.access_key_id(), "testid");
    assert_eq!(authorization.security_token(&request).as_deref(), Some("token"));
    assert_eq!(check(&request, 1_717_401_600), Ok(()));
    let late = check(&request, 1_717_401_601).unwrap_err();
    assert!(matches!(late, AuthorizationError::Expired { .. }));
}

#[test]
fn refusals_tell_the_missing_from_the_unreadable() {
    let refusal = |headers: &[(&str, &str)]| {
        let request = Request { method: "GET", path: "/p", query: "", headers };
        let error = check(&request, 0).unwrap_err();
        (error.code(), error.to_string())
    };
    assert_eq!(
        refusal(&[]),
        (
            ErrorCode::MissingRequiredHeader,
            "required HTTP header Authorization was not specified".to_owned()
        )
    );
    for header in
        ["FC", "Bearer x", "FC id", "FC id:***", "acs id", "ACS3-HMAC-SHA256 Credential=a"]
    {
        assert_eq!(
            refusal(&[("Authorization", header)]),
            (
                ErrorCode::InvalidArgument,
                "the authorization of the request cannot be read".to_owned()
            ),
            "{header}"
        );
    }
    assert_eq!(
        refusal(&[("Authorization", "FC id:AAAA")]),
        (
            ErrorCode::MissingRequiredHeader,
            "required HTTP header Date was not specified".to_owned()
        )
    );
    assert_eq!(
        refusal(&[("Authorization", "FC id:AAAA"), ("date", "today")]),
        (ErrorCode::InvalidArgument, "the date of the request cannot be read".to_owned())
    );
}
