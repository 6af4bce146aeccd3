//! What is asked: a topic's route, the cluster's brokers, and to take a message. Pure.

use bytes::Bytes;
use invoked_core::id::RequestId;
use invoked_core::trace::TraceContext;

use crate::frame::{self, Fields, LANGUAGE};
use crate::sign::Signer;

const GET_ROUTE: i32 = 105;
const GET_CLUSTER: i32 = 106;
const SEND_MESSAGE_V2: i32 = 310;

/// Separates names from values, and properties from each other.
const NAME_END: char = '\u{1}';
const VALUE_END: char = '\u{2}';

/// Bytes of a topic or a group, namespace included. RocketMQ: `Validators.TOPIC_MAX_LENGTH`.
pub(crate) const NAME_BYTES_MAX: usize = 127;

/// In whose name requests are made.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The producer group, with its namespace.
    pub(crate) group: Box<str>,
    /// The instance of ApsaraMQ 5.x, which travels beside the topic.
    pub(crate) namespace_v2: Option<Box<str>>,
    /// The key, where the cluster wants one.
    pub(crate) signer: Option<Signer>,
}

/// A message as every try sends it.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) topic: Box<str>,
    pub(crate) properties: Box<str>,
    /// Milliseconds since 1970.
    pub(crate) born: i64,
    pub(crate) body: Bytes,
}

/// A request: what it says beside the fields that every request has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request<'a> {
    /// Where a topic's queues are.
    Route { topic: &'a str },
    /// Which brokers are alive.
    Cluster,
    /// To take a message into a queue.
    Send { message: &'a Message, broker: &'a str, queue: u32 },
}

impl Identity {
    /// The frame of `request` up to its body.
    pub(crate) fn head(&self, request: Request<'_>, opaque: i32) -> Vec<u8> {
        self.head_in(request, opaque, LANGUAGE)
    }

    fn head_in(&self, request: Request<'_>, opaque: i32, language: &str) -> Vec<u8> {
        let (code, mut fields) = match request {
            Request::Route { topic } => (GET_ROUTE, route(topic)),
            Request::Cluster => (GET_CLUSTER, Fields::default()),
            Request::Send { message, broker, queue } => {
                (SEND_MESSAGE_V2, self.send(message, broker, queue))
            }
        };
        if let Some(instance) = &self.namespace_v2 {
            fields.push("nsd", "true");
            fields.push("ns", &**instance);
        }
        let body = request.body();
        if let Some(signer) = &self.signer {
            signer.sign(&mut fields, body);
        }
        frame::head(code, language, opaque, &fields, body.len())
    }

    fn send<'a>(&'a self, message: &'a Message, broker: &'a str, queue: u32) -> Fields<'a> {
        let mut fields = Fields::default();
        fields.push("a", &*self.group);
        fields.push("b", &*message.topic);
        fields.push("c", "TBW102"); // The topic that others are made after; we make none.
        fields.push("d", "4"); // Queues that such a topic would have.
        fields.push("e", queue.to_string());
        fields.push("f", "0"); // Not compressed.
        fields.push("g", message.born.to_string());
        fields.push("h", "0"); // Flags of the application.
        fields.push("i", &*message.properties);
        fields.push("j", "0"); // Never consumed before.
        fields.push("k", "false"); // Not in unit mode.
        fields.push("m", "false"); // Not a batch.
        fields.push("n", broker);
        fields
    }
}

impl<'a> Request<'a> {
    /// What follows the header.
    pub(crate) fn body(self) -> &'a [u8] {
        match self {
            Self::Route { .. } | Self::Cluster => &[],
            Self::Send { message, .. } => &message.body,
        }
    }

    /// The same, shared.
    pub(crate) fn shared_body(self) -> Bytes {
        match self {
            Self::Route { .. } | Self::Cluster => Bytes::new(),
            Self::Send { message, .. } => message.body.clone(),
        }
    }
}

fn route(topic: &str) -> Fields<'_> {
    let mut fields = Fields::default();
    fields.push("topic", topic);
    fields.push("acceptStandardJsonOnly", "true");
    fields
}

/// The properties of a message: the id that tells repeats apart, the key it is found by, its tag.
pub(crate) fn properties(
    request_id: RequestId,
    tag: &str,
    trace: Option<&TraceContext>,
) -> Box<str> {
    let mut list = property_list(&unique_key(request_id), &request_id.to_string(), tag);
    for (name, value) in trace.iter().flat_map(|trace| trace.fields()) {
        put(&mut list, name, &value);
    }
    list.into()
}

/// The client's own id of a message: 16 bytes in upper-case hexadecimal, the same at each try.
pub(crate) fn unique_key(request_id: RequestId) -> Box<str> {
    format!("{:032X}", u128::from_be_bytes(request_id.0)).into()
}

fn property_list(unique_key: &str, keys: &str, tags: &str) -> String {
    let mut list = String::with_capacity(128);
    // WAIT: the answer comes when the message is as safe as the broker is set to make it.
    for (name, value) in
        [("UNIQ_KEY", unique_key), ("KEYS", keys), ("TAGS", tags), ("WAIT", "true")]
    {
        put(&mut list, name, value);
    }
    list
}

/// Adds a property. Neither name nor value has a separator.
fn put(list: &mut String, name: &str, value: &str) {
    list.push_str(name);
    list.push(NAME_END);
    list.push_str(value);
    list.push(VALUE_END);
}

/// A topic or group within a namespace: `MQ_INST_…%name`.
pub(crate) fn with_namespace(namespace: Option<&str>, name: &str) -> Box<str> {
    match namespace {
        Some(namespace) if !is_within(namespace, name) => format!("{namespace}%{name}").into(),
        Some(_) | None => name.into(),
    }
}

fn is_within(namespace: &str, name: &str) -> bool {
    name.strip_prefix(namespace).is_some_and(|rest| rest.starts_with('%'))
}

/// Whether RocketMQ takes `name` for a topic or group. Its own rule, so that a name that cannot
/// work is refused with a reason of ours.
pub(crate) fn is_name(name: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'%' | b'|' | b'-' | b'_');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests;
