//! A double of MNS (SMQ): `SendMessage` to queues and `PublishMessage` to topics.
//!
//! It checks, in the order of the service: the path, the headers that must be there, the date
//! (15 minutes either way), signature V2 and the security token, a `Content-MD5` if there is one, the
//! XML and its elements, and whether the queue or topic exists. Scripts name a destination
//! `/queues/{queue}` or `/topics/{topic}`.
//!
//! Unlike the service it delivers to nobody and keeps no message for `ReceiveMessage`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use md5::{Digest as _, Md5};

use crate::mailbox::Mail;
use crate::server::{Answer, Judged, Outcome, Received, Service};

mod answer;
mod authentic;
mod body;

pub use answer::{ERRORS, error, error_with, wrong_md5};

/// Characters in a name.
const NAME_MAX: usize = 120;

/// Queues and topics, and who may send to them.
pub struct Mns {
    account: Account,
    existing: Mutex<Existing>,
    accepted: Mutex<u64>,
}

/// Whose requests are taken.
#[derive(Clone)]
pub struct Account {
    /// The id of its key.
    pub access_key_id: String,
    /// The secret of its key.
    pub access_key_secret: String,
    /// Of a temporary key (STS): the token that has to come with every request.
    pub security_token: Option<String>,
}

/// Which queues and topics there are.
enum Existing {
    /// Every one that has a valid name.
    Any,
    /// These, as scripts name them.
    Only(BTreeSet<String>),
}

/// The code and message of an error.
type Refusal = (&'static str, String);

impl Mns {
    /// Without a queue or topic.
    #[must_use]
    pub fn new(account: Account) -> Arc<Self> {
        Self::with(account, Existing::Only(BTreeSet::new()))
    }

    /// With every queue and topic that has a valid name.
    #[must_use]
    pub fn with_any(account: Account) -> Arc<Self> {
        Self::with(account, Existing::Any)
    }

    fn with(account: Account, existing: Existing) -> Arc<Self> {
        Arc::new(Self { account, existing: Mutex::new(existing), accepted: Mutex::new(0) })
    }

    /// Creates `/queues/{queue}` or `/topics/{topic}`.
    pub fn create(&self, destination: &str) {
        if let Existing::Only(names) = &mut *lock(&self.existing) {
            names.insert(destination.to_owned());
        }
    }

    /// Deletes `/queues/{queue}` or `/topics/{topic}`. Where all exist, it stays.
    pub fn delete(&self, destination: &str) {
        if let Existing::Only(names) = &mut *lock(&self.existing) {
            names.remove(destination);
        }
    }

    fn take(&self, request: &Received, place: &Place<'_>) -> Result<(Mail, Answer), Refusal> {
        authentic::check(request, &self.account)?;
        place.check_name()?;
        let message = body::read(&request.body, place.is_topic)?;
        let destination = place.destination();
        let exists = match &*lock(&self.existing) {
            Existing::Any => true,
            Existing::Only(names) => names.contains(&destination),
        };
        if !exists {
            let (code, kind) = if place.is_topic {
                ("TopicNotExist", "topic")
            } else {
                ("QueueNotExist", "queue")
            };
            return Err((code, format!("The {kind} name you provided is not exist.")));
        }
        let number = {
            let mut accepted = lock(&self.accepted);
            *accepted += 1;
            *accepted
        };
        let message_id = format!("{:016X}-1-{:011X}-{number:09}", request.at, request.at);
        let md5 = format!("{:032X}", u128::from_be_bytes(Md5::digest(&message.body).into()));
        let answer = answer::taken(&message_id, &md5);
        let body = decoded(&message.body);
        Ok((Mail { destination, body, message_id, tag: message.tag, ..Mail::default() }, answer))
    }
}

impl Service for Mns {
    fn judge(&self, request: &Received) -> Judged {
        let id = request.header("x-mns-user-request-id").map(str::to_owned);
        let Some(place) = Place::of(request) else {
            let message = "The request url is invalid.".to_owned();
            let outcome = refused(&("InvalidRequestURL", message));
            return Judged { destination: String::new(), id, outcome };
        };
        let outcome = match self.take(request, &place) {
            Ok((mail, answer)) => Outcome::Taken { mails: vec![mail], answer },
            Err(refusal) => refused(&refusal),
        };
        Judged { destination: place.destination(), id, outcome }
    }
}

fn refused((code, message): &Refusal) -> Outcome {
    let answer = error_with(answer::status_of(code), code, message);
    Outcome::Refused { code: (*code).to_owned(), answer }
}

/// A queue or a topic.
struct Place<'a> {
    is_topic: bool,
    name: &'a str,
}

impl<'a> Place<'a> {
    fn of(request: &'a Received) -> Option<Self> {
        let path = request.uri.path().strip_suffix("/messages")?;
        if request.method != Method::POST || request.uri.query().is_some() {
            return None;
        }
        let queue = path.strip_prefix("/queues/").map(|name| Self { is_topic: false, name });
        let place = queue
            .or_else(|| path.strip_prefix("/topics/").map(|name| Self { is_topic: true, name }))?;
        (!place.name.is_empty() && !place.name.contains('/')).then_some(place)
    }

    fn destination(&self) -> String {
        let kind = if self.is_topic { "topics" } else { "queues" };
        format!("/{kind}/{}", self.name)
    }

    fn check_name(&self) -> Result<(), Refusal> {
        if self.name.len() > NAME_MAX {
            let code = if self.is_topic { "TopicNameLengthError" } else { "QueueNameLengthError" };
            return Err((code, format!("A name has at most {NAME_MAX} characters.")));
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !self.name.bytes().all(is_plain) {
            let code = if self.is_topic { "TopicNameInvalid" } else { "InvalidQueueName" };
            return Err((code, "A name has letters, digits, hyphens and underscores.".to_owned()));
        }
        Ok(())
    }
}

/// The body as a receiver has it: from base64, if all of it is base64, and as it came otherwise. (A
/// JSON object or array is never base64.)
fn decoded(body: &str) -> Bytes {
    match STANDARD.decode(body) {
        Ok(decoded) => decoded.into(),
        Err(_) => Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Mns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mns").field("account", &self.account).finish_non_exhaustive()
    }
}

impl fmt::Debug for Account {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
