//! Percent-encoding as RFC 3986 has it: everything but `A-Za-z0-9-_.~` is escaped.
//!
//! Signatures depend on the exact form, which is why the looser sets of URL libraries do not do.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Escapes a path segment, or a key or value of a query.
#[must_use]
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

/// Writes [`encode`] of `text` at the end of `buffer`.
pub(crate) fn encode_into(buffer: &mut String, text: &str) {
    buffer.extend(utf8_percent_encode(text, &RESERVED));
}

/// Undoes the escapes of a path; `+` stands for itself. A `%` that starts no escape is kept.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, [u8]> {
    percent_decode_str(text).into()
}

/// Undoes the escapes of a query's key or value, where `+` is a space (Python) as well as `%20`
/// (Node). Bytes that are not UTF-8 become U+FFFD.
pub(crate) fn decode_query(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(text).decode_utf8_lossy()
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_query, encode};

    #[test]
    fn only_the_unreserved_stay() {
        assert_eq!(encode("aZ9-_.~"), "aZ9-_.~");
        assert_eq!(encode("svc$fn"), "svc%24fn");
        assert_eq!(encode("a/b+c é"), "a%2Fb%2Bc%20%C3%A9");
    }

    #[test]
    fn plus_is_a_space_in_queries_alone() {
        assert_eq!(decode("a+b%20c").as_ref(), b"a+b c");
        assert_eq!(decode_query("a+b%20c%2B"), "a b c+");
    }
}
