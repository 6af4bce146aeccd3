//! A double of EventBridge: `POST /openapi/putEvents`.
//!
//! It checks the path, the content type, the date (15 minutes either way), the signature with its
//! `x-acs-*` headers, that no nonce comes twice, the security token, the batch and its limits, every
//! event as CloudEvents 1.0 and the service's model demand, and whether the bus exists. Scripts name
//! a destination by its bus.
//!
//! What it keeps is the event as it came, byte for byte, with the extensions that the service adds
//! before its closing brace. Unlike the service it has no rules and no targets.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::Method;

use crate::mailbox::Mail;
use crate::server::{Answer, Judged, Outcome, Received, Service};

mod answer;
mod authentic;
mod event;

pub use answer::{ERRORS, error, error_with, failed_entry};

use event::Event;

/// Nonces that are remembered. Ours: the service remembers those of the last 15 minutes.
const NONCES_MAX: usize = 10_000;

/// Buses, and who may put events on them.
pub struct EventBridge {
    account: Account,
    existing: Mutex<Existing>,
    nonces: Mutex<VecDeque<String>>,
    accepted: Mutex<u64>,
}

/// Whose requests are taken, and what the service adds to events of this account.
#[derive(Clone)]
pub struct Account {
    /// The account's id.
    pub id: String,
    /// The region, such as `cn-hangzhou`.
    pub region: String,
    /// The id of its key.
    pub access_key_id: String,
    /// The secret of its key.
    pub access_key_secret: String,
    /// Of a temporary key (STS): the token that has to come with every request.
    pub security_token: Option<String>,
}

/// Which buses there are.
enum Existing {
    /// Every one.
    Any,
    /// These.
    Only(BTreeSet<String>),
}

/// The code and message of an error.
type Refusal = (&'static str, String);

impl EventBridge {
    /// Without a bus.
    #[must_use]
    pub fn new(account: Account) -> Arc<Self> {
        Self::with(account, Existing::Only(BTreeSet::new()))
    }

    /// With every bus.
    #[must_use]
    pub fn with_any(account: Account) -> Arc<Self> {
        Self::with(account, Existing::Any)
    }

    fn with(account: Account, existing: Existing) -> Arc<Self> {
        Arc::new(Self {
            account,
            existing: Mutex::new(existing),
            nonces: Mutex::default(),
            accepted: Mutex::default(),
        })
    }

    /// Creates a bus.
    pub fn create(&self, bus: &str) {
        if let Existing::Only(names) = &mut *lock(&self.existing) {
            names.insert(bus.to_owned());
        }
    }

    /// Deletes a bus. Where all exist, it stays.
    pub fn delete(&self, bus: &str) {
        if let Existing::Only(names) = &mut *lock(&self.existing) {
            names.remove(bus);
        }
    }

    fn take(
        &self,
        request: &Received,
        events: Result<Vec<Event<'_>>, Refusal>,
    ) -> Result<(Vec<Mail>, Answer), Refusal> {
        authentic::check(request, &self.account)?;
        self.remember_nonce(request)?;
        let events = events?;
        for event in &events {
            event.check()?;
        }
        let buses: BTreeSet<_> = events.iter().map(Event::bus).collect();
        let mut buses = buses.into_iter();
        let bus = buses.next().unwrap_or_default();
        if buses.next().is_some() {
            let message = "The put events request has more than one event bus.".to_owned();
            return Err(("PutEventsRequestMoreThanOneEventBus", message));
        }
        let exists = match &*lock(&self.existing) {
            Existing::Any => true,
            Existing::Only(names) => names.contains(bus),
        };
        if !exists {
            return Err(("EventBusNotExist", format!("The event bus [{bus}] not existed!")));
        }
        let number = {
            let mut accepted = lock(&self.accepted);
            *accepted += 1;
            *accepted
        };
        let mails = events.iter().map(|event| Mail {
            destination: bus.to_owned(),
            body: Bytes::from(event.completed(&self.account, request.at)),
            message_id: event.id().to_owned(),
            tag: Some(event.kind().to_owned()),
            ..Mail::default()
        });
        let ids = events.iter().map(Event::id);
        Ok((mails.collect(), answer::taken(ids, &self.account.id, number)))
    }

    fn remember_nonce(&self, request: &Received) -> Result<(), Refusal> {
        let nonce = request.header("x-acs-signature-nonce").unwrap_or_default();
        let mut nonces = lock(&self.nonces);
        if nonces.iter().any(|known| known == nonce) {
            let message = "Specified signature nonce was used already.".to_owned();
            return Err(("SignatureNonceUsed", message));
        }
        if nonces.len() >= NONCES_MAX {
            nonces.pop_front();
        }
        nonces.push_back(nonce.to_owned());
        Ok(())
    }
}

impl Service for EventBridge {
    fn judge(&self, request: &Received) -> Judged {
        let nowhere = |code, message: &str| Judged {
            destination: String::new(),
            id: None,
            outcome: refused(&(code, message.to_owned())),
        };
        if request.uri.path() != "/openapi/putEvents" || request.uri.query().is_some() {
            return nowhere("InvalidAction.NotFound", "Specified api is not found.");
        }
        if request.method != Method::POST {
            return nowhere("UnsupportedHTTPMethod", "This http method is not supported.");
        }
        let events = event::read(&request.body);
        let first = events.as_ref().ok().and_then(|events| events.first());
        let destination = first.map(|event| event.bus().to_owned()).unwrap_or_default();
        let id = first.map(|event| event.id().to_owned()).filter(|id| !id.is_empty());
        let outcome = match self.take(request, events) {
            Ok((mails, answer)) => Outcome::Taken { mails, answer },
            Err(refusal) => refused(&refusal),
        };
        Judged { destination, id, outcome }
    }
}

fn refused((code, message): &Refusal) -> Outcome {
    let answer = error_with(answer::status_of(code), code, message);
    Outcome::Refused { code: (*code).to_owned(), answer }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for EventBridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBridge").field("account", &self.account).finish_non_exhaustive()
    }
}

impl fmt::Debug for Account {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("region", &self.region)
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
