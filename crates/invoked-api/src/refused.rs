//! One line of the log for each request that is refused: its code and its reason in words of our own, and who asked
//! for what. Neither a body nor the text of the answer is in it: both may quote what only the caller may know.

use std::net::IpAddr;
use std::sync::Arc;

use http::request::Parts;
use invoked_core::name::FunctionName;
use invoked_fc::route;

use crate::auth::action::{On, asked};
use crate::reply::{REQUEST_ID, Reply};

/// Characters of a key's id that are shown: a stranger may send any text for one.
const KEY_ID_MAX: usize = 64;

/// Why a request was refused. It travels with the answer until that is whole.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// The code of the answer.
    pub(crate) code: &'static str,
    /// A word for why, finer than the code or as fine.
    pub(crate) reason: &'static str,
    /// The key that was named, or nothing.
    pub(crate) key_id: String,
}

impl Refused {
    pub(crate) fn new(code: &'static str, reason: &'static str, key_id: &str) -> Self {
        Self { code, reason, key_id: key_id.chars().take(KEY_ID_MAX).collect() }
    }
}

/// Writes the line, if the answer is a refusal of the Function Compute API. `account` is whose request it was, if it got so far.
pub(crate) fn note_fc(
    reply: &mut Reply,
    head: &Parts,
    account: Option<&str>,
    peer: Option<IpAddr>,
) {
    let Some(Refused { code, reason, key_id }) = reply.extensions_mut().remove() else { return };
    let operation = route::parse(head.method.as_str(), head.uri.path()).ok();
    let operation = operation.as_ref().map(|route| asked(&route.operation));
    let function = operation.and_then(|asked| match asked.on {
        On::Function(name) => shown(name),
        On::Service(_) | On::Several => None,
    });
    tracing::info!(
        event = "request_refused",
        api = "fc",
        status = reply.status().as_u16(),
        code,
        reason,
        operation = operation.and_then(|asked| asked.actions.first().copied()),
        function = function.as_deref(),
        account,
        access_key_id = Some(key_id.as_str()).filter(|id| !id.is_empty()),
        request_id = reply.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()),
        peer = peer.map(tracing::field::display),
        "a request was refused"
    );
}

/// The same of the admin API. `by` is the name of the token, if the request got so far.
pub(crate) fn note_admin(
    reply: &mut Reply,
    head: &Parts,
    operation: Option<&'static str>,
    by: Option<&Arc<str>>,
    peer: Option<IpAddr>,
) {
    let Some(Refused { code, reason, .. }) = reply.extensions_mut().remove() else { return };
    let mut segments = head.uri.path().split('/').skip(2);
    let function = match (segments.next(), segments.next()) {
        (Some("functions" | "tasks"), Some(name)) => shown(name),
        _ => None,
    };
    tracing::info!(
        event = "request_refused",
        api = "admin",
        status = reply.status().as_u16(),
        code,
        reason,
        operation,
        function = function.as_deref(),
        by = by.map(AsRef::<str>::as_ref),
        peer = peer.map(tracing::field::display),
        "a request was refused"
    );
}

/// A name, if it is one: whatever else stands in a path is not for the log.
fn shown(name: &str) -> Option<String> {
    FunctionName::parse(name).ok().map(|name| name.as_str().to_owned())
}
