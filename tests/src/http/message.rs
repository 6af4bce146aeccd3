//! Reading one message, request or response: start line, headers, body.

use std::io::{self, BufRead, ErrorKind, Read as _};

use serde_json::Value;

/// Longer than any head the daemon or its functions send.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Header fields in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first field of this name, in whatever case it was written.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.first(name).is_some_and(|found| found.eq_ignore_ascii_case(value))
    }
}

#[derive(Debug, Clone)]
pub struct Message {
    pub start: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Message {
    /// The status of a response.
    #[must_use]
    pub fn status(&self) -> u16 {
        let status = self.start.split(' ').nth(1).and_then(|word| word.parse().ok());
        status.unwrap_or_else(|| panic!("not a status line: {:?}", self.start))
    }

    /// Method and path of a request.
    #[must_use]
    pub fn target(&self) -> (&str, &str) {
        let mut words = self.start.split(' ');
        (words.next().unwrap_or_default(), words.next().unwrap_or_default())
    }

    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; panics with the whole message if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {self:?} ({})", self.text()))
    }

    /// Whether the sender closes the connection after this message.
    #[must_use]
    pub fn closes(&self) -> bool {
        self.headers.is("connection", "close")
    }
}

/// What a message without a declared length means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undeclared {
    /// A request: there is no body.
    Empty,
    /// A response: the body ends with the connection.
    ToTheEnd,
}

/// Reads one message; `None` when the connection ends before it begins.
pub fn read(stream: &mut impl BufRead, undeclared: Undeclared) -> io::Result<Option<Message>> {
    let Some(start) = line(stream)? else { return Ok(None) };
    let mut headers = Headers::default();
    let mut size = start.len();
    loop {
        let field = line(stream)?.ok_or(ErrorKind::UnexpectedEof)?;
        if field.is_empty() {
            break;
        }
        size += field.len();
        let (name, value) = field.split_once(':').ok_or_else(|| invalid(&field))?;
        headers.0.push((name.to_owned(), value.trim().to_owned()));
        if size > HEAD_BYTES_MAX {
            return Err(invalid("a head that does not end"));
        }
    }
    let mut message = Message { start, headers, body: Vec::new() };
    read_body(stream, &mut message, undeclared)?;
    Ok(Some(message))
}

fn read_body(
    stream: &mut impl BufRead,
    message: &mut Message,
    undeclared: Undeclared,
) -> io::Result<()> {
    let bodiless =
        message.start.starts_with("HTTP/") && matches!(message.status(), 100..=199 | 204 | 304);
    if bodiless {
        return Ok(());
    }
    if message.headers.is("transfer-encoding", "chunked") {
        return read_chunks(stream, &mut message.body);
    }
    match message.headers.first("content-length") {
        Some(length) => {
            let length = length.parse().map_err(|_| invalid(length))?;
            message.body.resize(length, 0);
            stream.read_exact(&mut message.body)
        }
        None if undeclared == Undeclared::ToTheEnd => {
            stream.read_to_end(&mut message.body).map(drop)
        }
        None => Ok(()),
    }
}

fn read_chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let head = line(stream)?.ok_or(ErrorKind::UnexpectedEof)?;
        let size = head.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| invalid(&head))?;
        let got = stream.take(size).read_to_end(body)?;
        if got as u64 != size {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        // The empty line after a chunk, and the one after the last (nobody here sends trailers).
        line(stream)?;
        if size == 0 {
            return Ok(());
        }
    }
}

fn line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    stream.take(HEAD_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map(Some).map_err(|_| invalid("a head that is not UTF-8"))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("not HTTP: {what:?}"))
}

#[cfg(test)]
mod tests {
    use super::{Undeclared, read};

    #[test]
    fn chunks_are_joined_and_the_next_message_is_left() {
        let mut bytes: &[u8] = b"POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
        let first = read(&mut bytes, Undeclared::Empty).unwrap().unwrap();
        assert_eq!((first.target(), first.text().as_str()), (("POST", "/a"), "abcde"));
        let second = read(&mut bytes, Undeclared::Empty).unwrap().unwrap();
        assert_eq!(second.target(), ("GET", "/b"));
        assert!(read(&mut bytes, Undeclared::Empty).unwrap().is_none());
    }

    #[test]
    fn a_body_cut_off_is_an_error() {
        let mut bytes: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
        assert!(read(&mut bytes, Undeclared::ToTheEnd).is_err());
    }

    #[test]
    fn no_content_has_no_body() {
        let mut bytes: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nX-Fc-Request-Id: 1\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(read(&mut bytes, Undeclared::ToTheEnd).unwrap().unwrap().status(), 204);
        let second = read(&mut bytes, Undeclared::ToTheEnd).unwrap().unwrap();
        assert_eq!(second.headers.first("x-fc-request-id"), Some("1"));
    }
}
