//! One host, port and scheme, with the connections that wait for the next call.
//!
//! The last connection back is the first one out: under little load the others age and are closed.
//! What time it is, is read off the timers that a call needs anyway.
//!
//! # Invariants
//!
//! `a_request_that_never_left_goes_over_another_connection`, `a_sent_request_is_not_sent_again`,
//! `dropping_a_call_closes_its_connection`.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::Full;
use tokio::time::{Instant, sleep};

use crate::client::Shared;
use crate::connection::{Connection, Failure};
use crate::egress::Trust;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::retry_after::date_if_it_matters;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// No call takes longer; it keeps arithmetic with times in range. Ours: a year.
const TIMEOUT_MAX: Duration = Duration::from_secs(365 * 86_400);

/// One host, port and scheme, with its idle connections. See [`crate::Client::origin`].
#[derive(Debug)]
pub struct Origin {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    trust: Trust,
    host: HeaderValue,
    idle: Mutex<Vec<Idle>>,
    /// The last connection failed because the certificate is not trusted. One warning for all of a
    /// row of them.
    is_distrusted: AtomicBool,
}

/// What is sent, and what is taken in return.
#[derive(Clone, Debug)]
pub struct Call {
    /// The request; its URI is the path alone, see [`Endpoint::uri`]. A `host` header is added
    /// where there is none.
    pub request: Request<Bytes>,
    /// For everything: connecting, sending, and the whole answer.
    pub timeout: Duration,
    /// Bytes of the answer's body that are taken.
    pub body_bytes_max: usize,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    until: Instant,
}

impl Origin {
    pub(crate) fn new(shared: Arc<Shared>, endpoint: Endpoint, trust: Trust) -> Self {
        let host = HeaderValue::try_from(endpoint.authority())
            .expect("an authority is made of visible characters");
        let is_distrusted = AtomicBool::new(false);
        Self { shared, endpoint, trust, host, idle: Mutex::default(), is_distrusted }
    }

    /// Where it is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Makes one exchange. Dropping the future closes the connection.
    ///
    /// # Errors
    /// There is no whole answer; the error tells whether the request may have arrived. Every
    /// status, redirects included, is an answer.
    pub async fn send(&self, call: Call) -> Result<Response<Bytes>, Error> {
        let within = call.timeout.min(TIMEOUT_MAX);
        let sending = AtomicBool::new(false);
        let mut over = pin!(sleep(within));
        let now = over.deadline().checked_sub(within).unwrap_or_else(|| over.deadline());
        let mut answer = tokio::select! {
            biased;
            answer = self.exchange(call, now, &sending) => answer,
            () = over.as_mut() => Err(Error::Timeout {
                after: within,
                may_have_been_sent: sending.load(Ordering::Relaxed),
            }),
        };
        if let Some(clock) = self.shared.clock {
            match &mut answer {
                Ok(response) => date_if_it_matters(response.headers_mut(), clock),
                Err(Error::TooLarge { head, .. }) => date_if_it_matters(&mut head.headers, clock),
                Err(
                    Error::Egress { .. }
                    | Error::Connect { .. }
                    | Error::Timeout { .. }
                    | Error::Broken { .. }
                    | Error::Protocol(_),
                ) => {}
            }
        }
        answer
    }

    /// Closes the connections that have waited too long.
    pub(crate) fn sweep(&self, now: Instant) {
        self.idle().retain(|idle| now < idle.until);
    }

    async fn exchange(
        &self,
        call: Call,
        now: Instant,
        sending: &AtomicBool,
    ) -> Result<Response<Bytes>, Error> {
        let says_no_length = call.request.body().is_empty();
        let mut request = call.request.map(Full::new);
        request.headers_mut().entry(HOST).or_insert_with(|| self.host.clone());
        if says_no_length && matches!(*request.method(), Method::POST | Method::PUT) {
            // hyper leaves it out; servers then answer 411 or wait for a body.
            let length = HeaderValue::from_static("0");
            request.headers_mut().entry(CONTENT_LENGTH).or_insert(length);
        }

        // Whether a server closed an idle connection is found out by trying: hyper looks before it
        // writes, and hands the request back.
        while let Some(connection) = self.take_idle(now) {
            sending.store(true, Ordering::Relaxed);
            match self.exchange_on(connection, request, call.body_bytes_max).await {
                Ok(response) => return Ok(response),
                Err(Failure::NotSent { request: unsent, .. }) => request = *unsent,
                Err(Failure::Final(error)) => return Err(error),
            }
            sending.store(false, Ordering::Relaxed);
        }

        let connection = self.connect().await?;
        sending.store(true, Ordering::Relaxed);
        match self.exchange_on(connection, request, call.body_bytes_max).await {
            Ok(response) => Ok(response),
            Err(Failure::NotSent { error, .. }) => Err(Error::of_exchange(error, false)),
            Err(Failure::Final(error)) => Err(error),
        }
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let connected = self.shared.connector.connect(&self.endpoint, self.trust).await;
        if self.begins_to_distrust(connected.as_ref().err())
            && let Err(error) = &connected
        {
            let (endpoint, reason) = (&self.endpoint, error.in_full());
            tracing::warn!(event = "certificate_untrusted", %endpoint, %reason, "the certificate of a server is not trusted");
        }
        connected
    }

    /// Notes how a connection came out. Whether it is the first of a row that failed because the
    /// certificate is not trusted.
    pub(crate) fn begins_to_distrust(&self, error: Option<&Error>) -> bool {
        match error {
            None => {
                self.is_distrusted.store(false, Ordering::Relaxed);
                false
            }
            Some(error) => {
                error.is_about_certificate() && !self.is_distrusted.swap(true, Ordering::Relaxed)
            }
        }
    }

    async fn exchange_on(
        &self,
        mut connection: Connection,
        request: Request<Full<Bytes>>,
        body_bytes_max: usize,
    ) -> Result<Response<Bytes>, Failure> {
        let response = connection.exchange(request, body_bytes_max).await?;
        if connection.is_usable().await {
            self.keep(connection, response.headers());
        }
        Ok(response)
    }

    /// The idle connection that was used last. One that has waited too long closes here.
    fn take_idle(&self, now: Instant) -> Option<Connection> {
        let mut idle = self.idle();
        loop {
            let Idle { connection, until } = idle.pop()?;
            if now < until {
                return Some(connection);
            }
        }
    }

    fn keep(&self, connection: Connection, answer: &HeaderMap) {
        let announced = answer.get(KEEP_ALIVE).and_then(announced_idle);
        let keep_for = self.shared.idle_timeout.min(announced.unwrap_or(Duration::MAX));
        let until = sleep(keep_for).deadline();
        {
            let mut idle = self.idle();
            if idle.len() < self.shared.idle_per_origin_max {
                idle.push(Idle { connection, until });
            }
        }
        self.shared.keep_swept();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // A list of connections is whole after every statement that changes it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What `timeout=…` of the `keep-alive` header leaves us, a second short of the server's own so
/// that we are the first to close.
fn announced_idle(value: &HeaderValue) -> Option<Duration> {
    let fields = value.to_str().ok()?.split(',');
    let seconds: u64 =
        fields.filter_map(|field| field.trim().strip_prefix("timeout=")?.parse().ok()).next()?;
    Some(Duration::from_secs(seconds.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announced_idle_time_is_cut_short() {
        for (text, seconds) in [
            ("timeout=5", Some(4)),
            ("timeout=5, max=100", Some(4)),
            ("max=100, timeout=20", Some(19)),
            ("timeout=0", Some(0)),
            ("timeout=x", None),
            ("max=1", None),
        ] {
            let announced = announced_idle(&HeaderValue::from_static(text));
            assert_eq!(announced, seconds.map(Duration::from_secs), "{text}");
        }
    }
}
