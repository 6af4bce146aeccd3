//! From a message or an attempt to a signed `InvokeFunction`. Pure: time and nonce are arguments.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use invoked_core::id::RequestId;
use invoked_core::name::{FunctionName, Qualifier};
use invoked_fc::sign::{Credentials, acs3};
use invoked_fc::{headers, percent, query};

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
    let (version, path) = path(invocation.function);
    let path = format!("{}{path}", config.endpoint.path());
    let query: Vec<_> =
        invocation.qualifier.as_named().map(|named| ("qualifier", named)).into_iter().collect();

    let request_id = invocation.request_id.to_string();
    let depth = invocation.depth.to_string();
    let attempt = invocation.attempt.map(|attempt| attempt.to_string());
    let mut own = vec![
        ("content-type", "application/octet-stream"),
        (headers::INVOCATION_TYPE, invocation.kind),
        (headers::LOG_TYPE, "None"),
        (headers::REQUEST_ID, request_id.as_str()),
        (headers::LINEAGE, depth.as_str()),
    ];
    own.extend(attempt.as_deref().map(|attempt| ("x-invoked-attempt", attempt)));

    let signed = acs3::sign(
        &acs3::Call {
            method: "POST",
            host: &config.endpoint.authority(),
            path: &path,
            query: &query,
            headers: &own,
            action: "InvokeFunction",
            version,
            body: invocation.body,
        },
        &Credentials {
            access_key_id: &config.access_key_id,
            access_key_secret: &config.access_key_secret,
            security_token: config.security_token.as_deref(),
        },
        &format!("{:032x}", u128::from_be_bytes(moment.nonce)),
        moment.unix_seconds,
    );

    let target = if query.is_empty() { path } else { format!("{path}?{}", query::encode(&query)) };
    let mut request = Request::new(invocation.body.clone());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::try_from(target).expect("every segment is encoded");
    for (name, value) in signed {
        let name = HeaderName::try_from(name).expect("the names are our own");
        let value = HeaderValue::try_from(value).expect("keys were checked, the rest is ours");
        request.headers_mut().append(name, value);
    }
    request
}

/// The version of the API that a function has, and its path there.
fn path(function: &FunctionName) -> (&'static str, String) {
    match function.service() {
        Some((service, name)) => {
            let (service, name) = (percent::encode(service), percent::encode(name));
            let path = format!("/2021-04-06/services/{service}/functions/{name}/invocations");
            ("2021-04-06", path)
        }
        None => {
            let name = percent::encode(function.as_str());
            ("2023-03-30", format!("/2023-03-30/functions/{name}/invocations"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use invoked_fc::sign::{self, Authorization, AuthorizationError};

    const NOW: i64 = 1_717_401_600;

    fn request(function: &str, qualifier: &str, config: &Config) -> Request<Bytes> {
        let invocation = Invocation {
            function: &FunctionName::parse(function).unwrap(),
            qualifier: &Qualifier::parse(qualifier).unwrap(),
            kind: "Async",
            request_id: RequestId([7; 16]),
            depth: 3,
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
