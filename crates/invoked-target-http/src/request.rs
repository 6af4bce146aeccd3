//! From an attempt to the request that the function sees. Pure.
//!
//! What is the same for every attempt is made once, as one map of headers with the rest filled in by
//! placeholders: an attempt copies the map and replaces them, so that it never grows. There is one such map for each
//! function, and there may be very many functions.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};
use invoked_core::name::Qualifier;
use invoked_core::trace;
use invoked_fc::headers::forwarding::reaches_function;
use invoked_fc::{headers, http_event};
use invoked_http::{Endpoint, EndpointError};
use invoked_sink::{Attempted, HttpHead, TargetSpec};

use crate::event::Unusable;

const REQUEST_ID: HeaderName = HeaderName::from_static(headers::REQUEST_ID);
const QUALIFIER: HeaderName = HeaderName::from_static(headers::QUALIFIER);
const VERSION_ID: HeaderName = HeaderName::from_static(headers::VERSION_ID);
const LINEAGE: HeaderName = HeaderName::from_static(headers::LINEAGE);
const ATTEMPT: HeaderName = HeaderName::from_static("x-invoked-attempt");
const CONTROL_PATH: HeaderName = HeaderName::from_static(headers::CONTROL_PATH);
const INVOKE: &str = "/invoke";
const INITIALIZE: &str = "/initialize";
const HTTP_INVOKE: &str = "/http-invoke";
const LATEST: HeaderValue = HeaderValue::from_static("LATEST");

/// The requests to one function, but for what differs between attempts.
#[derive(Debug)]
pub(crate) struct Template {
    /// As an event is sent; the other requests differ in the path and have no content type of ours.
    headers: HeaderMap,
    invoke: Uri,
    initialize: Uri,
    endpoint: Endpoint,
}

/// A function that no request can be made for. The configuration has to change.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("the function's URL is refused")]
    Url(#[source] EndpointError),
    #[error("the function's {what} holds characters that a header cannot carry")]
    Header { what: &'static str },
}

impl Template {
    pub(crate) fn new(spec: &TargetSpec, endpoint: &Endpoint) -> Result<Self, TemplateError> {
        let mut common = HeaderMap::with_capacity(24);
        let name = spec.function.as_str();
        let (service, function) = match spec.function.service() {
            Some((service, function)) => (Some(service), function),
            None => (None, name),
        };
        let timeout = spec.timeout.as_secs() + u64::from(spec.timeout.subsec_nanos() > 0);
        for (header, what, value) in [
            (headers::FUNCTION_NAME, "name", function),
            (headers::FUNCTION_HANDLER, "handler", &spec.handler),
            (headers::REGION, "region", &spec.region),
            (headers::ACCOUNT_ID, "account", &spec.account),
        ] {
            common.insert(HeaderName::from_static(header), header_value(what, value)?);
        }
        if let Some(service) = service {
            let service = header_value("service", service)?;
            common.insert(HeaderName::from_static(headers::SERVICE_NAME), service);
        }
        common.insert(HeaderName::from_static(headers::FUNCTION_MEMORY), spec.memory_mb.into());
        common.insert(HeaderName::from_static(headers::FUNCTION_TIMEOUT), timeout.into());
        for differing in [REQUEST_ID, QUALIFIER, VERSION_ID, LINEAGE, ATTEMPT] {
            common.insert(differing, LATEST);
        }
        // The client would add it to every copy, which has no room for it.
        common.insert(HOST, header_value("host", &endpoint.authority())?);
        common.insert(CONTROL_PATH, HeaderValue::from_static(INVOKE));
        common.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        let uri = |path| endpoint.uri(path).map_err(TemplateError::Url);
        Ok(Self {
            headers: common,
            invoke: uri(INVOKE)?,
            initialize: uri(INITIALIZE)?,
            endpoint: endpoint.clone(),
        })
    }

    pub(crate) fn invoke(&self, attempted: &Attempted) -> Request<Bytes> {
        self.request((&self.invoke, INVOKE), attempted, attempted.payload.clone())
    }

    pub(crate) fn initialize(&self, attempted: &Attempted) -> Request<Bytes> {
        self.request((&self.initialize, INITIALIZE), attempted, Bytes::new())
    }

    /// The request of a caller, with the common headers besides its own.
    pub(crate) fn http(
        &self,
        attempted: &Attempted,
        head: &HttpHead,
        body: Bytes,
    ) -> Result<Request<Bytes>, Unusable> {
        if http_event::climbs(head.uri.path()) {
            return Err(Unusable::Path);
        }
        let path = head.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        // Its path is the caller's.
        let mut request = self.request((&self.invoke, HTTP_INVOKE), attempted, body);
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = self.endpoint.uri(path).map_err(|_| Unusable::Path)?;
        let is_ours = |name: &str| attempted.trace.is_some() && trace::is_field(name);
        let passed = head
            .headers
            .iter()
            .filter(|(name, _)| reaches_function(name.as_str()) && !is_ours(name.as_str()));
        for (name, value) in passed {
            let added = request.headers_mut().try_append(name, value.clone());
            added.map_err(|_| Unusable::Headers)?;
        }
        Ok(request)
    }

    fn request(
        &self,
        (uri, path): (&Uri, &'static str),
        attempted: &Attempted,
        body: Bytes,
    ) -> Request<Bytes> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        let mut headers = self.headers.clone();
        if path != INVOKE {
            headers.insert(CONTROL_PATH, HeaderValue::from_static(path));
            headers.remove(CONTENT_TYPE);
        }
        headers.insert(REQUEST_ID, visible(attempted.request_id.to_string()));
        headers.insert(QUALIFIER, qualifier(&attempted.qualifier));
        headers.insert(VERSION_ID, version(&attempted.qualifier));
        headers.insert(LINEAGE, u16::from(attempted.depth).into());
        headers.insert(ATTEMPT, attempted.attempt.0.into());
        if let Some(trace) = &attempted.trace {
            for (name, value) in trace.fields() {
                headers.insert(HeaderName::from_static(name), visible(value.into_owned()));
            }
        }
        *request.headers_mut() = headers;
        request
    }
}

fn qualifier(qualifier: &Qualifier) -> HeaderValue {
    qualifier.as_named().map_or(LATEST, |named| visible(named.to_owned()))
}

/// Which version an alias stands for is not known here; the code is the same.
fn version(qualifier: &Qualifier) -> HeaderValue {
    match qualifier.as_named() {
        Some(version) if version.bytes().all(|byte| byte.is_ascii_digit()) => {
            visible(version.to_owned())
        }
        Some(_) | None => LATEST,
    }
}

fn visible(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("ids, qualifiers and contexts of traces are visible ASCII")
}

fn header_value(what: &'static str, text: &str) -> Result<HeaderValue, TemplateError> {
    HeaderValue::try_from(text).map_err(|_| TemplateError::Header { what })
}

/// Whether two specifications lead to the same requests; the usual case is one and the same.
pub(crate) fn is_same(left: &Arc<TargetSpec>, right: &Arc<TargetSpec>) -> bool {
    Arc::ptr_eq(left, right) || left == right
}

#[cfg(test)]
mod tests {
    use invoked_core::name::Qualifier;

    use super::{Template, TemplateError};
    use crate::tests::{attempted, spec};
    use invoked_http::{Endpoint, EndpointError};
    use invoked_sink::TargetSpec;

    fn template(spec: &TargetSpec) -> Result<Template, TemplateError> {
        Template::new(spec, &Endpoint::parse("http://127.0.0.1:9000/base").unwrap())
    }

    #[test]
    fn the_function_gets_the_common_headers_and_no_others() {
        let spec = spec("http://unused");
        let mut attempt = attempted(spec.clone());
        attempt.qualifier = Qualifier::parse("3").unwrap();
        let request = template(&spec).unwrap().invoke(&attempt);
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/base/invoke"));
        assert_eq!(request.body(), "event");
        let mut headers: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        headers.sort();
        assert_eq!(
            headers,
            [
                "content-type: application/octet-stream",
                "host: 127.0.0.1:9000",
                "x-fc-account-id: 123",
                "x-fc-control-path: /invoke",
                "x-fc-function-handler: index.handler",
                "x-fc-function-memory: 512",
                "x-fc-function-name: hello",
                "x-fc-function-timeout: 60",
                "x-fc-qualifier: 3",
                "x-fc-region: cn-hangzhou",
                "x-fc-request-id: 07070707-0707-0707-0707-070707070707",
                "x-fc-version-id: 3",
                "x-invoked-attempt: 2",
                "x-invoked-lineage: 1",
            ]
        );
    }

    #[test]
    fn initializing_has_its_own_path_and_no_body() {
        let spec = spec("http://unused");
        let request = template(&spec).unwrap().initialize(&attempted(spec.clone()));
        assert_eq!(request.uri().path(), "/base/initialize");
        assert_eq!(request.headers()["x-fc-control-path"], "/initialize");
        assert!(!request.headers().contains_key("content-type"));
        assert!(request.body().is_empty());
    }

    #[test]
    fn qualifiers_and_versions() {
        let spec = spec("http://unused");
        for (text, qualifier, version) in
            [("", "LATEST", "LATEST"), ("prod", "prod", "LATEST"), ("12", "12", "12")]
        {
            let mut attempt = attempted(spec.clone());
            attempt.qualifier = Qualifier::parse(text).unwrap();
            let request = template(&spec).unwrap().invoke(&attempt);
            assert_eq!(request.headers()["x-fc-qualifier"], qualifier);
            assert_eq!(request.headers()["x-fc-version-id"], version);
        }
    }

    #[test]
    fn a_function_of_a_service_has_both_names() {
        let mut spec = TargetSpec::clone(&spec("http://unused"));
        spec.function = invoked_core::name::FunctionName::parse("svc$fn").unwrap();
        spec.timeout = std::time::Duration::from_millis(1_500);
        let attempt = attempted(std::sync::Arc::new(spec.clone()));
        let request = template(&spec).unwrap().invoke(&attempt);
        assert_eq!(request.headers()["x-fc-function-name"], "fn");
        assert_eq!(request.headers()["x-fc-service-name"], "svc");
        assert_eq!(request.headers()["x-fc-function-timeout"], "2", "rounded up");
    }

    #[test]
    fn what_no_header_carries_is_refused() {
        let mut spec = TargetSpec::clone(&spec("http://unused"));
        spec.handler = "in\ndex".into();
        assert_eq!(template(&spec).unwrap_err(), TemplateError::Header { what: "handler" });
        assert_eq!(EndpointError::Malformed, Endpoint::parse("").unwrap_err());
    }
}
