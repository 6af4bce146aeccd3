//! From the event of an HTTP request back to the request. Pure.
//!
//! The events are ours, but a function may have become an HTTP function after it was invoked with
//! any other event, so everything is checked.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request};
use invoked_fc::http_event::{HttpEvent, HttpEventError};
use invoked_sink::HttpHead;

/// A request that cannot be sent. Sending it again does not help.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("the function takes HTTP requests, but it was invoked with something else: {0}")]
    Event(#[from] HttpEventError),
    #[error("the request's method is not one that can be passed on")]
    Method,
    #[error("the request's path and query are not ones that can be passed on")]
    Path,
    #[error("the request's headers are not ones that can be passed on")]
    Headers,
}

/// The request that an event stands for.
pub(crate) fn request(event: &[u8]) -> Result<(HttpHead, Bytes), Unusable> {
    let event = HttpEvent::decode(event)?;
    let method = Method::from_bytes(event.method.as_bytes()).map_err(|_| Unusable::Method)?;
    if method == Method::CONNECT {
        return Err(Unusable::Method);
    }
    let path = match event.query {
        Some(query) => format!("{}?{query}", event.path),
        None => event.path,
    };
    // The URI of a request is read otherwise if it does not start like a path.
    if !path.starts_with('/') {
        return Err(Unusable::Path);
    }
    let head = Request::builder().method(method).uri(path).body(());
    let (mut head, ()) = head.map_err(|_| Unusable::Path)?.into_parts();
    for (name, values) in event.headers {
        let name = HeaderName::try_from(name).map_err(|_| Unusable::Headers)?;
        for value in values {
            let value = HeaderValue::try_from(value).map_err(|_| Unusable::Headers)?;
            head.headers.try_append(&name, value).map_err(|_| Unusable::Headers)?;
        }
    }
    Ok((head, event.body))
}

#[cfg(test)]
mod tests {
    use invoked_fc::http_event::RequestContext;

    use super::*;

    fn event(change: impl Fn(&mut HttpEvent)) -> Vec<u8> {
        let mut event = HttpEvent {
            method: "DELETE".to_owned(),
            path: "/a%20b".to_owned(),
            query: Some("q=1+2".to_owned()),
            headers: vec![("x-tag".to_owned(), vec!["one".to_owned(), "zw\u{f6}lf".to_owned()])],
            body: Bytes::from_static(b"\xff"),
        };
        change(&mut event);
        let context = RequestContext { account_id: "1", host: "h", user_agent: "", unix_ms: 0 };
        event.encode(&context).unwrap()
    }

    #[test]
    fn an_event_becomes_the_request_again() {
        let (head, body) = request(&event(|_| ())).unwrap();
        assert_eq!((head.method.as_str(), head.uri.to_string()), ("DELETE", "/a%20b?q=1+2".into()));
        let tags: Vec<_> =
            head.headers.get_all("x-tag").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(tags, [b"one", "zw\u{f6}lf".as_bytes()]);
        assert_eq!(body.as_ref(), b"\xff");
        let (head, _) = request(&event(|event| event.query = None)).unwrap();
        assert_eq!(head.uri.path_and_query().unwrap(), "/a%20b");
    }

    #[test]
    fn what_no_request_can_hold_is_refused() {
        let refusal = |change: fn(&mut HttpEvent)| request(&event(change)).map(|_| ()).unwrap_err();
        let no_path = |event: &mut HttpEvent| event.path = "http://elsewhere/".to_owned();
        let many = |event: &mut HttpEvent| {
            event.headers = (0..40_000).map(|n| (format!("x-{n}"), vec![String::new()])).collect();
        };
        assert!(matches!(refusal(|event| event.method = "A B".to_owned()), Unusable::Method));
        assert!(matches!(refusal(|event| event.method = "CONNECT".to_owned()), Unusable::Method));
        assert!(matches!(refusal(no_path), Unusable::Path));
        assert!(matches!(refusal(|event| event.path = "/a b".to_owned()), Unusable::Path));
        assert!(matches!(refusal(|event| event.headers[0].0.push(' ')), Unusable::Headers));
        assert!(matches!(refusal(|event| event.headers[0].1[0].push('\n')), Unusable::Headers));
        assert!(matches!(refusal(many), Unusable::Headers));
        assert!(matches!(request(b"{}").unwrap_err(), Unusable::Event(_)));
    }
}
