use http::header::{HeaderName, HeaderValue};

use super::*;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    headers
}

fn status(result: Result<Visitor, AdminProblem>) -> u16 {
    result.map_or_else(|problem| problem.refusal().status.as_u16(), |_| 200)
}

#[test]
fn without_tokens_only_names_of_this_machine_are_hosts() {
    for host in [
        "localhost",
        "LocalHost:7071",
        "localhost.:7071",
        "127.0.0.1",
        "127.0.0.1:7071",
        "127.9.9.9:1",
        "[::1]:7071",
        "[::1]",
    ] {
        assert_eq!(
            status(enter(&headers(&[("host", host)]), &Tokens::default(), &Sessions::default())),
            200,
            "{host}"
        );
    }
    for host in [
        "",
        "evil.example:7071",
        "localhost.evil.example",
        "127.0.0.1.evil.example:7071",
        "10.0.0.1:7071",
        "0.0.0.0:7071",
        "[::2]:7071",
        "[::1",
        "::1",
        "@localhost",
    ] {
        assert_eq!(
            status(enter(&headers(&[("host", host)]), &Tokens::default(), &Sessions::default())),
            403,
            "{host}"
        );
    }
    assert_eq!(status(enter(&headers(&[]), &Tokens::default(), &Sessions::default())), 403);
    let twice = headers(&[("host", "localhost"), ("host", "evil.example")]);
    assert_eq!(status(enter(&twice, &Tokens::default(), &Sessions::default())), 403);
}

#[test]
fn without_tokens_other_pages_are_refused() {
    let with = |name, value| {
        let headers = headers(&[("host", "localhost:7071"), (name, value)]);
        status(enter(&headers, &Tokens::default(), &Sessions::default()))
    };
    assert_eq!(with("origin", "http://localhost:7071"), 200);
    for origin in ["http://localhost:3000", "http://evil.example", "null", "", "localhost:7071"] {
        assert_eq!(with("origin", origin), 403, "{origin}");
    }
    assert_eq!(with("sec-fetch-site", "same-origin"), 200);
    assert_eq!(with("sec-fetch-site", "none"), 200);
    for site in ["cross-site", "same-site", "anything"] {
        assert_eq!(with("sec-fetch-site", site), 403, "{site}");
    }
}

#[test]
fn with_tokens_only_a_token_counts() {
    let tokens = Tokens::default().with("day", Role::Operator, "a-token-for-the-day");
    let with =
        |value: &str| enter(&headers(&[("authorization", value)]), &tokens, &Sessions::default());
    for good in ["Bearer a-token-for-the-day", "bearer  a-token-for-the-day"] {
        let visitor = with(good).unwrap();
        assert_eq!((visitor.name.as_deref(), visitor.rights.role), (Some("day"), Role::Operator));
        assert!(allow(&visitor, Role::Viewer).is_ok() && allow(&visitor, Role::Operator).is_ok());
        let refusal = allow(&visitor, Role::Admin).unwrap_err().refusal();
        assert_eq!(refusal.status.as_u16(), 403);
        assert!(refusal.message.contains("admin"), "{}", refusal.message);
    }
    for bad in ["", "Bearer", "Bearer ", "Bearer a-token", "Basic a-token-for-the-day"] {
        let refusal = with(bad).unwrap_err().refusal();
        assert_eq!(refusal.status.as_u16(), 401, "{bad}");
        assert!(!refusal.message.contains("a-token"), "{}", refusal.message);
    }
    assert_eq!(
        status(enter(&headers(&[("host", "localhost")]), &tokens, &Sessions::default())),
        401
    );
    let good = "Bearer a-token-for-the-day";
    let twice = headers(&[("authorization", good), ("authorization", good)]);
    assert_eq!(status(enter(&twice, &tokens, &Sessions::default())), 401);
}

#[test]
fn a_change_says_that_it_is_meant() {
    assert!(is_meant(&headers(&[("X-Invoked-Admin", "1")])).is_ok());
    assert!(is_meant(&headers(&[])).is_err());
    assert!(is_meant(&headers(&[("x-invoked-admin", "0")])).is_err());
}
