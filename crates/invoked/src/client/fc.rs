//! Calls of the Function Compute API.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use invoked_engine::clock::{Clock as _, SystemClock};
use invoked_fc::client::{Destination, Moment, Refusal, Request};
use invoked_fc::headers;

use super::access::Access;
use super::advice;
use super::exchange::{Exchange, Listener};
use crate::cli::access::FcArgs;
use crate::config::Environment;
use crate::failure::Failure;

static LISTENER: Listener = Listener {
    argument: "--endpoint",
    variable: "INVOKED_ENDPOINT",
    default: "http://127.0.0.1:7070",
};

/// Who we are, in every request.
const USER_AGENT: &str = concat!("invoked/", env!("CARGO_PKG_VERSION"));

/// The API, and who asks it.
#[derive(Debug)]
pub(crate) struct Fc {
    exchange: Exchange,
    access: Access,
    clock: SystemClock,
}

/// An answer that is no error.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Fc {
    /// The API where the arguments and the environment say it is. No connection is made yet.
    ///
    /// # Errors
    /// The endpoint, the certificates or the key cannot be used.
    pub(crate) fn new(args: &FcArgs, environment: &Environment) -> Result<Self, Failure> {
        let url = args.endpoint.as_deref().or_else(|| environment.get(LISTENER.variable));
        Ok(Self {
            exchange: Exchange::new(&LISTENER, url, &args.link)?,
            access: Access::find(args, environment)?,
            clock: SystemClock::default(),
        })
    }

    /// With another limit on how long an answer may take.
    pub(crate) fn with_timeout(mut self, timeout: Duration) -> Self {
        self.exchange.set_timeout(timeout);
        self
    }

    /// Now, in milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().millis()
    }

    /// Makes a call.
    ///
    /// # Errors
    /// There is no answer, or it is an error.
    pub(crate) async fn call(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let http = self.request(request)?;
        let (head, body) = self.exchange.send(http).await?.into_parts();
        let answer = Answer { status: head.status.as_u16(), headers: head.headers, body };
        if head.status.is_success() {
            return Ok(answer);
        }
        let refusal = Refusal::read(answer.status, answer.request_id().as_deref(), &answer.body);
        let advice = advice::of_fc(&refusal, self.access.key.as_ref());
        Err(Failure::Refused { refusal: Box::new(refusal), advice })
    }

    fn request(&self, mut request: Request<'_>) -> Result<http::Request<Bytes>, Failure> {
        request = request.with_header("user-agent", USER_AGENT);
        if let Some(account) = &self.access.account_id {
            request = request.with_header(headers::ACCOUNT_ID, account);
        }
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).context("no random numbers")?;
        let endpoint = self.exchange.endpoint();
        let signed = request.sign(
            Destination { authority: &endpoint.authority(), base_path: endpoint.path() },
            self.access.key.as_ref().map(super::access::Key::credentials).as_ref(),
            Moment {
                nonce: &format!("{:032x}", u128::from_be_bytes(nonce)),
                unix_seconds: self.now() / 1_000,
            },
        );
        let mut http = http::Request::new(Bytes::copy_from_slice(request.body()));
        *http.method_mut() = Method::from_bytes(signed.method.as_bytes()).context("the method")?;
        *http.uri_mut() = Uri::try_from(signed.target)
            .map_err(|error| Failure::Usage(format!("path and query are too long: {error}")))?;
        for (name, value) in signed.headers {
            let wrong = |rule: &str| Failure::Usage(format!("header {name}: {rule}"));
            let name = HeaderName::try_from(&name).map_err(|_| wrong("no name of a header"))?;
            let value = HeaderValue::try_from(value)
                .map_err(|_| wrong("its value must be visible characters"))?;
            http.headers_mut().append(name, value);
        }
        Ok(http)
    }
}

impl Answer {
    /// A header, if it is there and not empty.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(self.headers.get(name)?.as_bytes()).into_owned();
        (!text.is_empty()).then_some(text)
    }

    pub(crate) fn request_id(&self) -> Option<String> {
        self.header(headers::REQUEST_ID)
    }

    /// The id of the task that was accepted.
    pub(crate) fn task_id(&self) -> Option<String> {
        self.header(headers::ASYNC_TASK_ID)
            .or_else(|| self.header(headers::STATEFUL_ASYNC_INVOCATION_ID))
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn json(&self) -> Result<serde_json::Value, Failure> {
        Ok(serde_json::from_slice(&self.body).context("the answer is not JSON")?)
    }
}
