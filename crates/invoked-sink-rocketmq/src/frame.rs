//! Frames of the remoting protocol. Pure.
//!
//! ```text
//! u32  length of what follows                      big-endian, at most 16 MiB
//! u8   kind of header: 0 = JSON                    (1, the binary one, answers only its own kind)
//! u24  length of the header
//! header, then body
//! ```
//!
//! An answer carries the request's `opaque` and bit 0 of `flag`.

use std::borrow::Cow;

use bytes::{Buf as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize, Serializer};

/// Bytes of a frame after its length. RocketMQ: `com.rocketmq.remoting.frameMaxLength`.
pub(crate) const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// `MQVersion.V4_9_4`, whose name servers answer in standard JSON.
const VERSION: i32 = 401;

/// Old brokers know no `RUST`, and refuse what they cannot read.
pub(crate) const LANGUAGE: &str = "OTHER";

const PREFIX_BYTES: usize = 8;
const IS_ANSWER: i32 = 1;

/// The `extFields` of a request: texts by name, in the order they were added.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a>(Vec<(&'static str, Cow<'a, str>)>);

impl<'a> Fields<'a> {
    pub(crate) fn push(&mut self, name: &'static str, value: impl Into<Cow<'a, str>>) {
        self.0.push((name, value.into()));
    }

    pub(crate) fn values_in_order_of_names(&self) -> impl Iterator<Item = &str> {
        let mut fields: Vec<_> = self.0.iter().collect();
        fields.sort_unstable_by_key(|(name, _)| *name);
        fields.into_iter().map(|(_, value)| &**value)
    }

    #[cfg(test)]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|field| field.0 == name).map(|field| &*field.1)
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[derive(Serialize)]
struct RequestHeader<'a> {
    code: i32,
    language: &'a str,
    version: i32,
    opaque: i32,
    flag: i32,
    #[serde(rename = "serializeTypeCurrentRPC")]
    serialize_type: &'a str,
    #[serde(rename = "extFields")]
    fields: &'a Fields<'a>,
}

/// Everything of a request's frame up to its body, which has `body_bytes`.
pub(crate) fn head(
    code: i32,
    language: &str,
    opaque: i32,
    fields: &Fields<'_>,
    body_bytes: usize,
) -> Vec<u8> {
    let header = RequestHeader {
        code,
        language,
        version: VERSION,
        opaque,
        flag: 0,
        serialize_type: "JSON",
        fields,
    };
    let header = serde_json::to_vec(&header).expect("texts and numbers");
    // A header is a few kilobytes and a body at most 4 MiB: configuration and sink check both.
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let mut head = Vec::with_capacity(PREFIX_BYTES + header.len());
    head.extend_from_slice(&length(4 + header.len() + body_bytes));
    head.extend_from_slice(&length(header.len()));
    head.extend_from_slice(&header);
    head
}

/// What a peer answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) opaque: i32,
    pub(crate) code: i32,
    /// For people, where the code is not 0.
    pub(crate) remark: Box<str>,
    /// Of a message that was taken.
    pub(crate) message_id: Option<Box<str>>,
    pub(crate) body: Bytes,
}

/// What came is not the protocol, or too large. The connection cannot be read any further.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of {bytes} bytes, at most {limit} are read")]
    TooLarge { bytes: usize, limit: usize },
    #[error("not a frame of the remoting protocol: {0}")]
    Malformed(&'static str),
}

#[derive(Deserialize)]
struct AnswerHeader<'a> {
    code: i32,
    opaque: i32,
    flag: i32,
    #[serde(borrow, default)]
    remark: Option<Cow<'a, str>>,
    #[serde(default, rename = "extFields")]
    fields: Option<AnswerFields>,
}

#[derive(Deserialize)]
struct AnswerFields {
    #[serde(default, rename = "msgId")]
    message_id: Option<Box<str>>,
}

/// Takes the first whole frame out of `read`; `None` while there is none.
///
/// # Errors
/// It is larger than `limit`, or cannot be one.
pub(crate) fn take(read: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, FrameError> {
    let Some(length) = read.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes)) else {
        return Ok(None);
    };
    let bytes = usize::try_from(length).unwrap_or(usize::MAX);
    let limit = limit.min(FRAME_BYTES_MAX);
    if bytes > limit {
        return Err(FrameError::TooLarge { bytes, limit });
    }
    let Some(missing) = (4 + bytes).checked_sub(read.len()).filter(|missing| *missing > 0) else {
        read.advance(4);
        return Ok(Some(read.split_to(bytes).freeze()));
    };
    read.reserve(missing);
    Ok(None)
}

/// Reads an answer; `None` for a request of the server's, which nobody needs to answer.
///
/// # Errors
/// It is neither.
pub(crate) fn read(mut frame: Bytes) -> Result<Option<Answer>, FrameError> {
    let Some([kind, length @ ..]) = frame.first_chunk::<4>().copied() else {
        return Err(FrameError::Malformed("no header"));
    };
    if kind != 0 {
        return Err(FrameError::Malformed("the header is not JSON"));
    }
    let [a, b, c] = length;
    let header = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
    frame.advance(4);
    if header > frame.len() {
        return Err(FrameError::Malformed("the header ends after the frame"));
    }
    let header = frame.split_to(header);
    let header: AnswerHeader<'_> = serde_json::from_slice(&header)
        .map_err(|_| FrameError::Malformed("the header cannot be read"))?;
    Ok((header.flag & IS_ANSWER != 0).then(|| Answer {
        opaque: header.opaque,
        code: header.code,
        remark: header.remark.unwrap_or_default().into(),
        message_id: header.fields.and_then(|fields| fields.message_id),
        body: frame,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, header: &str, body: &[u8]) -> BytesMut {
        let mut bytes = BytesMut::new();
        let header_bytes = u32::try_from(header.len()).unwrap();
        let total = 4 + header_bytes + u32::try_from(body.len()).unwrap();
        bytes.extend_from_slice(&total.to_be_bytes());
        bytes.extend_from_slice(&(u32::from(kind) << 24 | header_bytes).to_be_bytes());
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn frames_are_taken_whole_however_they_arrive() {
        let answer = r#"{"code":0,"flag":1,"language":"JAVA","opaque":7,"version":479}"#;
        let mut sent = frame(0, answer, b"one");
        sent.unsplit(frame(0, answer, b"two"));
        let mut read = BytesMut::new();
        let mut bodies = Vec::new();
        for byte in sent {
            read.extend_from_slice(&[byte]);
            while let Some(frame) = take(&mut read, 1_000).unwrap() {
                bodies.push(super::read(frame).unwrap().unwrap().body);
            }
        }
        assert_eq!(bodies, ["one", "two"]);
        assert!(read.is_empty());
    }

    #[test]
    fn answers_are_read_and_requests_of_the_server_passed_over() {
        let header = r#"{"code":0,"extFields":{"msgId":"7F","queueId":"0"},"flag":1,"opaque":-3,"remark":"a\nb"}"#;
        let taken = take(&mut frame(0, header, b""), 1_000).unwrap().unwrap();
        let answer = read(taken).unwrap().unwrap();
        assert_eq!((answer.opaque, answer.code), (-3, 0));
        assert_eq!((&*answer.remark, answer.message_id.as_deref()), ("a\nb", Some("7F")));
        let header = r#"{"code":40,"extFields":null,"flag":0,"opaque":1,"remark":null}"#;
        let taken = take(&mut frame(0, header, b""), 1_000).unwrap().unwrap();
        assert_eq!(read(taken).unwrap(), None);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let mut large = frame(0, "{}", b"");
        assert_eq!(take(&mut large, 5), Err(FrameError::TooLarge { bytes: 6, limit: 5 }));
        let mut huge = BytesMut::from(&[0xff; 8][..]);
        assert!(matches!(
            take(&mut huge, usize::MAX),
            Err(FrameError::TooLarge { limit: FRAME_BYTES_MAX, .. })
        ));
        let http = Bytes::from_static(b"HTTP/1.1 400 Bad Request");
        for (bytes, why) in [
            (Bytes::from_static(&[0, 0]), "no header"),
            (http, "not JSON"),
            (Bytes::from_static(&[0, 0, 0, 9, b'{', b'}']), "ends after"),
            (Bytes::from_static(&[0, 0, 0, 2, b'{', b'}']), "cannot be read"),
        ] {
            let error = read(bytes).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
