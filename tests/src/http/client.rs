//! Sending requests, whole or in pieces.

use std::fmt;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::http::message::{Message, Undeclared, read};

/// Longer than anything the daemon is allowed to take for an answer in these tests.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

const CONNECT_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    #[must_use]
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Start line and headers, without the length, which the test may want to lie about.
    #[must_use]
    pub fn head(&self) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\nhost: 127.0.0.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes =
            format!("{}content-length: {}\r\n\r\n", self.head(), self.body.len()).into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Bytes both ways, in the clear or not.
pub trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

/// One connection, reused for as many requests as both sides like.
pub struct Connection {
    stream: BufReader<Box<dyn Stream>>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::over(tcp(address)?))
    }

    /// A connection over whatever lies on top of TCP.
    #[must_use]
    pub fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// Writes bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// The next response.
    pub fn response(&mut self) -> io::Result<Message> {
        read(&mut self.stream, Undeclared::ToTheEnd)?.ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }

    pub fn send(&mut self, request: &Request) -> io::Result<Message> {
        self.write(&request.bytes())?;
        self.response()
    }

    /// All the responses that still come before the other side closes; an error if it never does.
    pub fn responses_until_closed(&mut self) -> io::Result<Vec<Message>> {
        let mut responses = Vec::new();
        loop {
            match read(&mut self.stream, Undeclared::ToTheEnd) {
                Ok(Some(response)) => responses.push(response),
                Ok(None) => return Ok(responses),
                // A reset is a way of closing, too.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
                    ) =>
                {
                    return Ok(responses);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// A socket that waits for nothing for long.
pub fn tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, CONNECT_WITHIN)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    Ok(stream)
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// One request on a connection of its own.
pub fn send(address: SocketAddr, request: &Request) -> io::Result<Message> {
    Connection::open(address)?.send(request)
}
