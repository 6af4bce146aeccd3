//! What a double has taken, and every request that it has seen.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

/// A message that was taken.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// Its number, from 1; those that were dropped keep theirs.
    pub number: u64,
    /// When it came, in Unix milliseconds.
    pub at: i64,
    /// Where it went, as the service's scripts name it, such as `/queues/q` or the name of a bus.
    pub destination: String,
    /// The method of its request.
    pub method: String,
    /// Path and query of its request, as they came.
    pub path: String,
    /// The headers of its request, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body of its request, as it came.
    pub raw: Bytes,
    /// The message itself, as the service's own client would hand it to a receiver.
    pub body: Bytes,
    /// The id that the service gave it.
    pub message_id: String,
    /// Its tag, where the service has tags.
    pub tag: Option<String>,
}

/// A request for the service, whatever became of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// When it came, in Unix milliseconds.
    pub at: i64,
    /// Where it was to go; empty where that could not be read.
    pub destination: String,
    /// The request id that its sender gave it, if any.
    pub id: Option<String>,
    /// Of a request that the service refused: the code of the error. A scripted error is not one.
    pub refused: Option<String>,
}

/// The mail of a double. Clones share it.
#[derive(Clone, Debug)]
pub struct Mailbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    max: usize,
    content: Mutex<Content>,
    /// Messages taken so far.
    taken: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Content {
    mails: VecDeque<Mail>,
    seen: VecDeque<Seen>,
    taken: u64,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self::new(Self::MAX_DEFAULT)
    }
}

impl Mailbox {
    /// Messages and requests that are kept where nothing is said.
    pub const MAX_DEFAULT: usize = 10_000;

    /// An empty one that keeps the newest `max` messages and requests.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let taken = watch::Sender::new(0);
        Self { shared: Arc::new(Shared { max, content: Mutex::default(), taken }) }
    }

    /// What has been taken, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.content().mails.iter().cloned().collect()
    }

    /// Every request for the service, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.content().seen.iter().cloned().collect()
    }

    /// Requests that the service itself refused: of a client that does everything right there are
    /// none but those it was made to send.
    #[must_use]
    pub fn refused(&self) -> Vec<Seen> {
        self.content().seen.iter().filter(|seen| seen.refused.is_some()).cloned().collect()
    }

    /// Waits until `count` messages have been taken in all, dropped ones included.
    pub async fn wait(&self, count: u64) {
        let mut taken = self.shared.taken.subscribe();
        // The sender lives as long as the mailbox.
        drop(taken.wait_for(|taken| *taken >= count).await);
    }

    /// The mailbox as `GET /mailbox` shows it: the newest messages with a number above `after`.
    #[must_use]
    pub fn to_json(&self, after: u64) -> Value {
        let content = self.content();
        let mails = content.mails.iter().filter(|mail| mail.number > after).map(Mail::to_json);
        json!({ "taken": content.taken, "messages": mails.collect::<Vec<_>>() })
    }

    pub(crate) fn put(&self, mut mail: Mail) {
        let mut content = self.content();
        content.taken += 1;
        mail.number = content.taken;
        if content.mails.len() >= self.shared.max {
            content.mails.pop_front();
        }
        content.mails.push_back(mail);
        self.shared.taken.send_replace(content.taken);
    }

    pub(crate) fn note(&self, seen: Seen) {
        let mut content = self.content();
        if content.seen.len() >= self.shared.max {
            content.seen.pop_front();
        }
        content.seen.push_back(seen);
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.shared.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mail {
    /// The first header of a name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The message, as `GET /mailbox` shows it. Texts that are not UTF-8 are base64, under a name
    /// that says so.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let headers: Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let mut shown = Map::new();
        shown.insert("number".to_owned(), json!(self.number));
        shown.insert("at".to_owned(), json!(self.at));
        shown.insert("destination".to_owned(), json!(self.destination));
        shown.insert("message_id".to_owned(), json!(self.message_id));
        shown.insert("tag".to_owned(), json!(self.tag));
        shown.insert("method".to_owned(), json!(self.method));
        shown.insert("path".to_owned(), json!(self.path));
        shown.insert("headers".to_owned(), headers.into());
        for (name, bytes) in [("raw", &self.raw), ("body", &self.body)] {
            match std::str::from_utf8(bytes) {
                Ok(text) => shown.insert(name.to_owned(), json!(text)),
                Err(_) => shown.insert(format!("{name}_base64"), json!(STANDARD.encode(bytes))),
            };
        }
        shown.into()
    }
}

/// Headers in the order they came; bytes that are not UTF-8 are shown as well as can be.
pub(crate) fn plain(headers: &HeaderMap) -> Vec<(String, String)> {
    let plain = headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    plain.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_mail_makes_room_and_numbers_stay() {
        let mailbox = Mailbox::new(2);
        for body in ["a", "b", "c"] {
            mailbox.put(Mail { body: body.into(), ..Mail::default() });
        }
        let numbers: Vec<_> = mailbox.mails().iter().map(|mail| mail.number).collect();
        assert_eq!(numbers, [2, 3]);
        let shown = mailbox.to_json(2);
        assert_eq!(shown["taken"], 3);
        assert_eq!(shown["messages"].as_array().unwrap().len(), 1);
        assert_eq!(shown["messages"][0]["body"], "c");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_base64() {
        let mail = Mail { body: Bytes::from_static(b"\xff"), ..Mail::default() };
        assert_eq!(mail.to_json()["body_base64"], "/w==");
        assert!(mail.to_json().get("body").is_none());
    }

    #[tokio::test]
    async fn waiting_ends_when_enough_has_come() {
        let mailbox = Mailbox::default();
        mailbox.wait(0).await;
        let waiting = mailbox.wait(1);
        mailbox.put(Mail::default());
        waiting.await;
    }
}
