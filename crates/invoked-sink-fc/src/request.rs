//! From a message or an attempt to a signed `InvokeFunction`. Pure: time and nonce are arguments.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use invoked_core::id::RequestId;
use invoked_core::name::{FunctionName, Qualifier};
use invoked_core::trace::TraceContext;
use invoked_fc::client::{self, Destination, Operation};
use invoked_fc::headers;
use invoked_fc::route::ApiVersion;
use invoked_fc::sign::Credentials;

use crate::config::Config;

/// An invocation as it is to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invocation<'a> {
    pub(crate) function: &'a FunctionName,
    pub(crate) qualifier: &'a Qualifier,
    /// `Sync` or `Async`.
    pub(crate) kind: &'static str,
    pub(crate) request_id: RequestId,
    pub(crate) depth: u8,
    pub(crate) trace: Option<&'a TraceContext>,
    /// Of a target, which attempt.
    pub(crate) attempt: Option<u16>,
    pub(crate) body: &'a Bytes,
}

/// What makes a request one of a kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) nonce: [u8; 16],
    pub(crate) unix_seconds: i64,
}

/// The signed request.
pub(crate) fn signed(
    invocation: &Invocation<'_>,
    config: &Config,
    moment: Moment,
) -> Request<Bytes> {
    let (operation, version, path) = called(invocation.function);
    let mut call = client::Request::new(operation, version, &path)
        .expect("a function's name is neither empty nor dots")
        .with_header(headers::INVOCATION_TYPE, invocation.kind)
        .with_header(headers::LOG_TYPE, "None")
        .with_header(headers::REQUEST_ID, &invocation.request_id.to_string())
        .with_header(headers::LINEAGE, &invocation.depth.to_string())
        .with_body("application/octet-stream", invocation.body);
    if let Some(named) = invocation.qualifier.as_named() {
        call = call.with_query("qualifier", named);
    }
    if let Some(attempt) = invocation.attempt {
        call = call.with_header("x-invoked-attempt", &attempt.to_string());
    }
    for (name, value) in invocation.trace.iter().flat_map(|trace| trace.fields()) {
        call = call.with_header(name, &value);
    }
    let signed = call.sign(
        Destination { authority: &config.endpoint.authority(), base_path: config.endpoint.path() },
        Some(&Credentials {
            access_key_id: &config.access_key_id,
            access_key_secret: &config.access_key_secret,
            security_token: config.security_token.as_deref(),
        }),
        client::Moment {
            nonce: &format!("{:032x}", u128::from_be_bytes(moment.nonce)),
            unix_seconds: moment.unix_seconds,
        },
    );

    let mut request = Request::new(invocation.body.clone());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::try_from(signed.target).expect("every segment is encoded");
    for (name, value) in signed.headers {
        let name = HeaderName::try_from(name).expect("the names are our own");
        let value = HeaderValue::try_from(value).expect("keys were checked, the rest is ours");
        request.headers_mut().append(name, value);
    }
    request
}

/// What is called: the operation in the version that a function has, and the path's keys.
fn called(function: &FunctionName) -> (&'static Operation, ApiVersion, Vec<(&'static str, &str)>) {
    let (version, path) = match function.service() {
        Some((service, name)) => {
            (ApiVersion::V2021, vec![("serviceName", service), ("functionName", name)])
        }
        None => (ApiVersion::V2023, vec![("functionName", function.as_str())]),
    };
    let (operation, version) =
        Operation::find("InvokeFunction", Some(version)).expect("every version invokes functions");
    (operation, version, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use invoked_fc::sign::{self, Authorization, AuthorizationError, acs3};

    const NOW: i64 = 1_717_401_600;

    fn request(function: &str, qualifier: &str, config: &Config) -> Request<Bytes> {
        traced(function, qualifier, config, None)
    }

    fn traced(
        function: &str,
        qualifier: &str,
        config: &Config,
        trace: Option<&TraceContext>,
    ) -> Request<Bytes> {
        let invocation = Invocation {
            function: &FunctionName::parse(function).unwrap(),
            qualifier: &Qualifier::parse(qualifier).unwrap(),
            kind: "Async",
            request_id: RequestId([7; 16]),
            depth: 3,
            trace,
            attempt: None,
            body: &Bytes::from_static(b"envelope"),
        };
        signed(&invocation, config, Moment { nonce: [9; 16], unix_seconds: NOW })
    }

    fn config() -> Config {
        Config::new("http://127.0.0.1:7070/base", "testid", "testsecret").unwrap()
    }

    fn verify(request: &Request<Bytes>, secret: &str) -> Result<(), AuthorizationError> {
        let headers: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        let received = sign::Request {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            headers: &headers,
        };
        assert!(acs3::body_matches(&received, request.body()));
        let authorization = Authorization::read(&received)?;
        assert_eq!(authorization.access_key_id(), "testid");
        authorization.verify(&received, secret, NOW)
    }

    #[test]
    fn requests_verify() {
        let sts = config().with_security_token("token").unwrap();
        for config in [config(), sts] {
            for (function, qualifier) in [("f", ""), ("f", "prod"), ("s$f", ""), ("s$f", "2")] {
                let request = request(function, qualifier, &config);
                assert_eq!(verify(&request, "testsecret"), Ok(()), "{function} {qualifier}");
                assert_eq!(verify(&request, "other"), Err(AuthorizationError::Mismatch));
                let token = request.headers().get("x-acs-security-token").is_some();
                assert_eq!(token, config.security_token.is_some());
            }
        }
    }

    #[test]
    fn a_place_in_a_trace_travels_beside_the_signature() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = TraceContext::parse(parent, Some("a=1"));
        let request = traced("f", "", &config(), trace.as_ref());
        assert_eq!(request.headers()["traceparent"], parent);
        assert_eq!(request.headers()["tracestate"], "a=1");
        assert_eq!(verify(&request, "testsecret"), Ok(()));
    }

    #[test]
    fn each_version_of_the_api_has_its_path() {
        for (function, qualifier, uri, version) in [
            ("f", "", "/base/2023-03-30/functions/f/invocations", "2023-03-30"),
            ("f", "v", "/base/2023-03-30/functions/f/invocations?qualifier=v", "2023-03-30"),
            (
                "s$f",
                "v",
                "/base/2021-04-06/services/s/functions/f/invocations?qualifier=v",
                "2021-04-06",
            ),
        ] {
            let request = request(function, qualifier, &config());
            assert_eq!(request.uri(), uri);
            assert_eq!(request.headers()["x-acs-version"], version);
            assert_eq!(request.headers()["x-acs-action"], "InvokeFunction");
        }
    }

    #[test]
    fn the_envelope_travels_with_its_id_and_depth() {
        let request = request("f", "", &config());
        let headers = request.headers();
        assert_eq!(headers["x-fc-invocation-type"], "Async");
        assert_eq!(headers["x-fc-request-id"], RequestId([7; 16]).to_string().as_str());
        assert_eq!(headers["x-invoked-lineage"], "3");
        assert_eq!(headers["content-type"], "application/octet-stream");
        assert_eq!(headers["host"], "127.0.0.1:7070");
        assert_eq!(headers.get_all("host").iter().count(), 1);
        assert_eq!(request.body(), "envelope");
    }
}
