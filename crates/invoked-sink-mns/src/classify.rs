//! What MNS's answer means for a callback. Pure.
//!
//! | answer | callback |
//! |---|---|
//! | 2xx with `MessageId` and the MD5 of what was sent | delivered |
//! | 2xx with another MD5, or that does not read | retry |
//! | 429, 408, 5xx | retry |
//! | any other with `QpsLimitExceeded`, `TooManyRequests` or `TimeExpired` | retry |
//! | other 4xx, 1xx, 3xx | permanent |
//! | timeout, no connection, broken, not HTTP | retry |
//! | egress | permanent |
//! | too large | as its status |

use bytes::Bytes;
use http::{HeaderMap, Response, response};
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_http::{Error, retry_after};
use roxmltree::{Document, ParsingOptions};

const REQUEST_ID: &str = "x-mns-request-id";

/// Codes that say "later", whatever their status.
const RETRIED: [&str; 3] = ["QpsLimitExceeded", "TooManyRequests", "TimeExpired"];

/// Bytes of an answer that is not the service's that are kept with the error.
const TEXT_MAX: usize = 512;

/// Nodes of an answer that are read. It has some ten.
const NODES_MAX: u32 = 64;

/// What a try came to, of a message whose body has the MD5 `body_md5`.
pub(crate) fn callback(outcome: Result<Response<Bytes>, Error>, body_md5: &str) -> CallVerdict {
    let (head, body) = match outcome {
        Ok(response) => response.into_parts(),
        Err(Error::TooLarge { head, .. }) => (*head, Bytes::new()),
        Err(error) => return failed(&error),
    };
    if head.status.is_success() {
        return taken(&head, &body, body_md5);
    }
    let error = fault(&head, &body);
    let is_later = matches!(error.status, 408 | 429 | 500..=599) || RETRIED.contains(&&*error.code);
    if is_later {
        CallVerdict::Retry { error, retry_after: retry_after(&head.headers) }
    } else {
        CallVerdict::Permanent { error }
    }
}

fn taken(head: &response::Parts, body: &[u8], body_md5: &str) -> CallVerdict {
    let status = head.status.as_u16();
    let retry = |code, message: &str| CallVerdict::Retry {
        error: Fault::new(code, message, status),
        retry_after: None,
    };
    let fields = Fields::read("Message", body);
    let (id, md5) = (fields.get("MessageId"), fields.get("MessageBodyMD5"));
    let (Some(id), Some(md5)) = (id, md5) else {
        let message = format!(
            "the endpoint answered {status}, but not with the id and the MD5 of a message; is it MNS? {}",
            start(body)
        );
        return retry("BadResponse", message.trim_end());
    };
    if md5.eq_ignore_ascii_case(body_md5) {
        return CallVerdict::Delivered { message_id: Some(id.into()) };
    }
    let message = format!("MNS has a message with the MD5 {md5}, {body_md5} was sent");
    retry("MessageBodyMD5Mismatch", &message)
}

fn failed(error: &Error) -> CallVerdict {
    let because = |code| Fault::new(code, &error.in_full(), 0);
    let retry = |code| CallVerdict::Retry { error: because(code), retry_after: None };
    match error {
        Error::Egress { .. } => CallVerdict::Permanent { error: because("EgressDenied") },
        Error::Connect { .. } => retry("DestinationUnreachable"),
        Error::Timeout { .. } => retry("DestinationTimeout"),
        Error::Broken { .. } => retry("DestinationDisconnected"),
        Error::Protocol(_) | Error::TooLarge { .. } => retry("BadResponse"),
    }
}

/// The code and message of the error body; of an answer that has none, what its status usually has
/// and how it begins.
fn fault(head: &response::Parts, body: &[u8]) -> Fault {
    let status = head.status.as_u16();
    let fields = Fields::read("Error", body);
    let code = fields.get("Code").unwrap_or(match status {
        408 => "RequestTimeout",
        429 => "TooManyRequests",
        500..=599 => "InternalServerError",
        _ => "UnexpectedAnswer",
    });
    let mut message = match fields.get("Message") {
        Some(message) => message.to_owned(),
        None => format!("the endpoint answered {status} {}", start(body)).trim_end().to_owned(),
    };
    message.push_str(match code {
        "TimeExpired" => "; is the clock of this machine right?",
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" => {
            "; are access_key_id and access_key_secret of the instance right?"
        }
        _ => "",
    });
    if let Some(id) = header(&head.headers).or(fields.get("RequestId")) {
        message.push_str(&format!(" (MNS request {id})"));
    }
    Fault::new(code, &message, status)
}

fn header(headers: &HeaderMap) -> Option<&str> {
    headers.get(REQUEST_ID)?.to_str().ok().filter(|id| !id.is_empty())
}

/// How an answer begins that is not the service's.
fn start(body: &[u8]) -> String {
    let start = body.get(..TEXT_MAX).unwrap_or(body);
    String::from_utf8_lossy(start).trim().to_owned()
}

/// The children of an answer's root, each with its text.
struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads an answer whose root is called `root`; of any other there is nothing. Document types,
    /// and with them entities beyond the five, are not read.
    fn read(root: &str, body: &[u8]) -> Self {
        let options = ParsingOptions { nodes_limit: NODES_MAX, ..ParsingOptions::default() };
        let read = || {
            let text = str::from_utf8(body).ok()?;
            let document = Document::parse_with_options(text, options).ok()?;
            let found = document.root_element();
            let fields = found.children().filter(roxmltree::Node::is_element).map(|field| {
                let text = field.children().filter_map(|child| child.text());
                (field.tag_name().name().to_owned(), text.collect::<String>().trim().to_owned())
            });
            (found.tag_name().name() == root).then(|| fields.collect())
        };
        Self(read().unwrap_or_default())
    }

    fn get(&self, name: &str) -> Option<&str> {
        let (_, text) = self.0.iter().find(|(field, text)| field == name && !text.is_empty())?;
        Some(text)
    }
}

#[cfg(test)]
mod tests;
