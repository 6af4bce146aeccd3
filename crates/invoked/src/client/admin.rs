//! Calls of the admin listener.

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request};
use invoked_engine::clock::{Clock as _, SystemClock};
use invoked_fc::client::Refusal;
use invoked_fc::time::rfc3339;
use invoked_fc::{percent, query};
use serde_json::Value;

use super::advice;
use super::exchange::{Exchange, Listener};
use crate::cli::access::AdminArgs;
use crate::cli::client::Moment;
use crate::config::{Environment, Secret};
use crate::failure::Failure;

static LISTENER: Listener =
    Listener { argument: "--admin", variable: "INVOKED_ADMIN", default: "http://127.0.0.1:7071" };

/// The variable with the token.
const TOKEN: &str = "INVOKED_ADMIN_TOKEN";

/// What tells a program from a browser's form; the listener asks for it before it changes anything.
const OURS: (&str, &str) = ("x-invoked-admin", "1");

/// The admin listener.
#[derive(Debug)]
pub(crate) struct Admin {
    exchange: Exchange,
    token: Option<Secret>,
    account: Option<String>,
    clock: SystemClock,
}

/// An answer that is no error.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    /// Null where there is no body.
    pub(crate) body: Value,
}

impl Admin {
    /// The listener where the arguments and the environment say it is. No connection is made yet.
    ///
    /// # Errors
    /// The address, the certificates or the token cannot be used.
    pub(crate) fn new(args: &AdminArgs, environment: &Environment) -> Result<Self, Failure> {
        let url = args.admin.as_deref().or_else(|| environment.get(LISTENER.variable));
        let variable = || {
            let text = environment.get(TOKEN).filter(|text| !text.is_empty())?;
            Some(Secret::parse(text).map_err(|rule| Failure::Usage(format!("{TOKEN}: {rule}"))))
        };
        let token = match &args.admin_token {
            Some(token) => Some(token.clone()),
            None => variable().transpose()?,
        };
        let exchange = Exchange::new(&LISTENER, url, &args.link)?;
        let clock = SystemClock::default();
        Ok(Self { exchange, token, account: args.account.clone(), clock })
    }

    /// The account that was asked for, which no further call then carries in its query.
    pub(crate) fn take_account(&mut self) -> Option<String> {
        self.account.take()
    }

    /// The time of a moment, as the listener reads times.
    pub(crate) fn time(&self, moment: Moment) -> String {
        rfc3339(moment.unix_ms(self.clock.now().millis()).div_euclid(1_000))
    }

    /// Looks whether something can be older than one moment and newer than the other.
    ///
    /// # Errors
    /// Nothing can.
    pub(crate) fn check_ages(
        &self,
        older_than: Option<Moment>,
        newer_than: Option<Moment>,
    ) -> Result<(), Failure> {
        let now = self.clock.now().millis();
        let at = |moment: Option<Moment>| moment.map(|moment| moment.unix_ms(now));
        match at(older_than).zip(at(newer_than)) {
            Some((before, after)) if before < after => {
                let wrong = "--newer-than is a later time than --older-than: nothing is both";
                Err(Failure::Usage(wrong.to_owned()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Makes a call for the path of these segments, with the parameters that have a value.
    ///
    /// # Errors
    /// There is no answer, or it is an error.
    pub(crate) async fn call(
        &self,
        method: Method,
        segments: &[&str],
        parameters: &[(&str, Option<String>)],
        body: Option<&Value>,
    ) -> Result<Told, Failure> {
        let path: String =
            segments.iter().map(|segment| format!("/{}", percent::encode(segment))).collect();
        let account = ("account", self.account.clone());
        let pairs: Vec<_> = parameters
            .iter()
            .chain([&account])
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)))
            .collect();
        let query =
            if pairs.is_empty() { String::new() } else { format!("?{}", query::encode(&pairs)) };
        let uri = self
            .exchange
            .endpoint()
            .uri(&format!("/v1{path}{query}"))
            .map_err(|_| Failure::Usage("the arguments are too long for a URL".to_owned()))?;
        let mut request = Request::builder().method(method).uri(uri).header(OURS.0, OURS.1);
        if let Some(token) = &self.token {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
                .context("the admin token cannot stand in a header")?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let sent = body.map(Value::to_string).unwrap_or_default();
        if body.is_some() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let request = request.body(Bytes::from(sent)).context("a request")?;

        let (head, body) = self.exchange.send(request).await?.into_parts();
        let status = head.status.as_u16();
        if !head.status.is_success() {
            let refusal = Refusal::read(status, None, &body);
            let advice = advice::of_admin(&refusal, self.token.is_some());
            return Err(Failure::Refused { refusal: Box::new(refusal), advice });
        }
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).context("the admin listener's answer is not JSON")?
        };
        Ok(Told { status, body })
    }
}

#[cfg(test)]
mod tests;
