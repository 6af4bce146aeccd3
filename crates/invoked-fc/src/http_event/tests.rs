use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

const CONTEXT: RequestContext<'static> = RequestContext {
    account_id: "123",
    host: "localhost:7070",
    user_agent: "curl/8",
    unix_ms: 1_717_401_600_123,
};

fn event() -> HttpEvent {
    HttpEvent {
        method: "PATCH".to_owned(),
        path: "/a%20b/".to_owned(),
        query: Some("q=1+2&a=x&a=y".to_owned()),
        headers: vec![
            ("x-tag".to_owned(), vec!["one".to_owned(), "two, three".to_owned()]),
            ("accept".to_owned(), vec!["*/*".to_owned()]),
        ],
        body: Bytes::from_static(b"hi \"you\""),
    }
}

#[test]
fn the_event_has_the_documented_form() {
    let encoded = String::from_utf8(event().encode(&CONTEXT).unwrap()).unwrap();
    let expected = concat!(
        r#"{"version":"v1","rawPath":"/a%20b/","rawQueryString":"q=1+2&a=x&a=y","#,
        r#""body":"hi \"you\"","isBase64Encoded":false,"#,
        r#""headers":{"x-tag":["one","two, three"],"accept":"*/*"},"#,
        r#""queryParameters":{"a":"x,y","q":"1 2"},"#,
        r#""requestContext":{"accountId":"123","domainName":"localhost:7070","#,
        r#""http":{"method":"PATCH","path":"/a b/","protocol":"HTTP/1.1","userAgent":"curl/8"},"#,
        r#""time":"2024-06-03T08:00:00Z","timeEpoch":"1717401600123"}}"#,
    );
    assert_eq!(encoded, expected);
}

#[test]
fn bytes_that_are_no_text_are_base64() {
    let binary = HttpEvent { body: Bytes::from_static(&[0xff, 0, 1]), ..event() };
    let encoded = String::from_utf8(binary.encode(&CONTEXT).unwrap()).unwrap();
    assert!(encoded.contains(r#""body":"/wAB","isBase64Encoded":true"#), "{encoded}");
}

#[test]
fn what_is_no_event_is_refused() {
    for other in ["", "{}", "[]", "event", r#"{"version":"v1","rawPath":7}"#] {
        assert!(matches!(HttpEvent::decode(other.as_bytes()), Err(HttpEventError::Form(_))));
    }
    let encoded = String::from_utf8(event().encode(&CONTEXT).unwrap()).unwrap();
    let broken = encoded.replace(r#""isBase64Encoded":false"#, r#""isBase64Encoded":true"#);
    assert!(matches!(HttpEvent::decode(broken.as_bytes()), Err(HttpEventError::Base64)));
}

#[test]
fn paths_that_climb_are_found_however_they_are_written() {
    for path in ["/..", "/a/../b", "/%2e%2E/", "/a%2f..%2fb", "/..%5cb"] {
        assert!(climbs(path), "{path}");
    }
    for path in ["/", "/a..b/...", "/.", "/%252e%252e/"] {
        assert!(!climbs(path), "{path}");
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        method in "[A-Z]{1,9}",
        path in "/\\PC{0,20}",
        query in option::of("\\PC{0,20}"),
        headers in vec(("[a-z-]{1,12}", vec("\\PC{0,12}", 0..4)), 0..8),
        body in prop_oneof![vec(any::<u8>(), 0..64), any::<String>().prop_map(String::into_bytes)],
    ) {
        let event = HttpEvent { method, path, query, headers, body: body.into() };
        let encoded = event.encode(&CONTEXT).unwrap();
        prop_assert_eq!(HttpEvent::decode(&encoded).unwrap(), event);
    }
}
