//! The XML of a message: well-formed, with the elements that its kind may have, each within its
//! bounds.

use std::ops::RangeInclusive;

use roxmltree::{Document, Node, ParsingOptions};

use super::Refusal;

const NAMESPACES: [&str; 2] = ["http://mns.aliyuncs.com/doc/v1/", "http://mns.aliyuncs.com/doc/v1"];

/// Bytes of a body, unescaped but still encoded.
const BODY: RangeInclusive<usize> = 1..=65_536;

/// Characters of a tag.
const TAG_MAX: usize = 16;

/// Seconds that a message may be delayed.
const DELAY: RangeInclusive<u32> = 0..=604_800;

const PRIORITY: RangeInclusive<u32> = 1..=16;

/// Far above what a message has.
const NODES_MAX: u32 = 10_000;

const OF_QUEUES: [&str; 6] = [
    "MessageBody",
    "DelaySeconds",
    "Priority",
    "MessageGroupId",
    "UserProperties",
    "SystemProperties",
];

const OF_TOPICS: [&str; 6] = [
    "MessageBody",
    "MessageTag",
    "MessageGroupId",
    "MessageAttributes",
    "UserProperties",
    "SystemProperties",
];

/// What is in a message.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Message {
    pub(super) body: String,
    pub(super) tag: Option<String>,
}

/// Reads a message. XML with a document type is refused, and with it every entity of its own.
pub(super) fn read(xml: &[u8], is_topic: bool) -> Result<Message, Refusal> {
    let malformed = |why: String| ("MalformedXML", format!("The XML you provided: {why}"));
    let text = str::from_utf8(xml).map_err(|_| malformed("it is not UTF-8".to_owned()))?;
    let options = ParsingOptions { nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| malformed(error.to_string()))?;
    let root = document.root_element();
    let namespace = root.tag_name().namespace().unwrap_or_default();
    if root.tag_name().name() != "Message" || !NAMESPACES.contains(&namespace) {
        return Err(malformed(format!("its root is not a Message of {}", NAMESPACES[0])));
    }
    let known = if is_topic { OF_TOPICS } else { OF_QUEUES };
    let mut found = Vec::new();
    for child in root.children() {
        if child.is_text() && child.text().is_some_and(|text| text.trim().is_empty()) {
            continue;
        }
        let name = child.tag_name().name();
        if !child.is_element() || !known.contains(&name) {
            return Err(malformed(format!("a message has no '{name}' here")));
        }
        if found.iter().any(|(seen, _)| *seen == name) {
            return Err(malformed(format!("it has more than one {name}")));
        }
        found.push((name, child));
    }
    let text_of = |name: &str| {
        let (_, node) = found.iter().find(|(seen, _)| *seen == name)?;
        Some(text_in(*node))
    };
    let body = text_of("MessageBody").transpose()?.unwrap_or_default();
    if !BODY.contains(&body.len()) {
        return Err(out_of_range("MessageBody", &BODY, " bytes"));
    }
    let tag = text_of("MessageTag").transpose()?;
    if tag.as_ref().is_some_and(|tag| tag.is_empty() || tag.chars().count() > TAG_MAX) {
        return Err(out_of_range("MessageTag", &(1..=TAG_MAX), " characters"));
    }
    for (name, range) in [("DelaySeconds", &DELAY), ("Priority", &PRIORITY)] {
        if let Some(given) = text_of(name).transpose()?
            && !given.parse().is_ok_and(|number| range.contains(&number))
        {
            return Err(out_of_range(name, range, ""));
        }
    }
    Ok(Message { body, tag })
}

/// The text of an element that has nothing else.
fn text_in(node: Node<'_, '_>) -> Result<String, Refusal> {
    let name = node.tag_name().name();
    let mut text = String::new();
    for child in node.children() {
        match child.text() {
            Some(part) if child.is_text() => text.push_str(part),
            Some(_) | None => {
                return Err(("MalformedXML", format!("{name} must hold text alone.")));
            }
        }
    }
    Ok(text)
}

fn out_of_range<T: std::fmt::Display>(
    name: &str,
    range: &RangeInclusive<T>,
    unit: &str,
) -> Refusal {
    let (low, high) = (range.start(), range.end());
    ("InvalidArgument", format!("The value of {name} should between {low} and {high}{unit}."))
}
