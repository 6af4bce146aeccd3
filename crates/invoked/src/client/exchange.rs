//! One request to one listener of a daemon, and what it means that there is no answer.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use invoked_http::{Call, Client, Config, ConnectError, Egress, Endpoint, Error, Origin, Trust};

use crate::cli::access::LinkArgs;
use crate::failure::Failure;

/// Bytes of an answer that are taken: twice what a synchronous function may answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of certificates that are read: any bundle of roots fits.
const CA_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How long an answer may take where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A listener of a daemon, as its users name it.
#[derive(Debug)]
pub(super) struct Listener {
    /// The argument that names another.
    pub(super) argument: &'static str,
    /// The variable that does.
    pub(super) variable: &'static str,
    /// Where it is when nothing is said.
    pub(super) default: &'static str,
}

/// One listener, and how it is spoken to.
#[derive(Debug)]
pub(super) struct Exchange {
    listener: &'static Listener,
    origin: Arc<Origin>,
    timeout: Duration,
}

impl Exchange {
    /// A listener at `url`, or where it is by default. No connection is made yet.
    ///
    /// # Errors
    /// The URL or the file of certificates cannot be used.
    pub(super) fn new(
        listener: &'static Listener,
        url: Option<&str>,
        link: &LinkArgs,
    ) -> Result<Self, Failure> {
        let Listener { argument, variable, default } = listener;
        let url = url.unwrap_or(default);
        let endpoint = Endpoint::parse(url)
            .map_err(|error| Failure::Usage(format!("{argument} ({variable}): {url}: {error}")))?;
        let roots_pem = match &link.ca {
            Some(file) => certificates(file)?,
            None => Vec::new(),
        };
        let config = Config { roots_pem, ..Config::default() };
        let origin = Client::new(&config, Egress::default()).origin(&endpoint, Trust::Operator);
        Ok(Self { listener, origin, timeout: link.answer_within.unwrap_or(TIMEOUT) })
    }

    /// The same with another limit on how long an answer may take.
    pub(super) fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Where it is.
    pub(super) fn endpoint(&self) -> &Endpoint {
        self.origin.endpoint()
    }

    /// Sends `request`, whose URI is the path as it goes out.
    ///
    /// # Errors
    /// There is no answer.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Failure> {
        let call = Call { request, timeout: self.timeout, body_bytes_max: ANSWER_BYTES_MAX };
        self.origin.send(call).await.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &Error) -> Failure {
        let endpoint = self.endpoint();
        let Listener { argument, variable, .. } = self.listener;
        let another = format!("{argument} or {variable} names another address");
        let advice = match error {
            Error::Connect { source: ConnectError::Tcp(_) | ConnectError::Timeout { .. }, .. } => {
                format!(
                    "is the daemon running at {endpoint}? `invoked serve --config FILE` or `invoked dev` starts one; {another}"
                )
            }
            Error::Connect { source: ConnectError::Resolve(_), .. } => {
                format!("check the host's name; {another}")
            }
            Error::Connect {
                source: ConnectError::Handshake(_) | ConnectError::Tls(_), ..
            } => "--ca FILE names the authority that signed the daemon's certificate; a daemon without TLS is at http://".to_owned(),
            Error::Egress { .. } => another,
            Error::Timeout { may_have_been_sent: true, .. } => {
                "the daemon may still do it; --answer-within DURATION waits longer".to_owned()
            }
            Error::Timeout { may_have_been_sent: false, .. } => another,
            Error::Broken { may_have_been_sent: true, .. } => {
                "the daemon may have done it; look before you ask again".to_owned()
            }
            Error::Broken { may_have_been_sent: false, .. } | Error::Protocol(_) => {
                format!("is {endpoint} a daemon, and http or https the right one? {another}")
            }
            Error::TooLarge { .. } => return Failure::Failed(anyhow::anyhow!("{error}")),
        };
        Failure::Unreachable { message: format!("{endpoint}: {}", error.in_full()), advice }
    }
}

fn certificates(file: &Path) -> Result<Vec<u8>, Failure> {
    let wrong = |why: String| Failure::Usage(format!("--ca {}: {why}", file.display()));
    let mut pem = Vec::new();
    File::open(file)
        .and_then(|open| open.take(CA_BYTES_MAX + 1).read_to_end(&mut pem))
        .map_err(|error| wrong(error.to_string()))?;
    if u64::try_from(pem.len()).is_ok_and(|length| length > CA_BYTES_MAX) {
        return Err(wrong(format!("has more than {CA_BYTES_MAX} bytes")));
    }
    Ok(pem)
}
