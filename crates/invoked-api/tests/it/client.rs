//! Requests as bytes on a connection, and the answers read back.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A connection, in the clear or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(crate) struct Client {
    stream: BufReader<Box<dyn Stream>>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The head of a request, without the empty line at its end.
pub(crate) fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the daemon listens");
        Self::over(stream)
    }

    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// Whether the daemon still takes bytes.
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let length = body.as_ref().len();
        let head = head(method, path, headers) + &format!("content-length: {length}\r\n\r\n");
        assert!(self.write(head).await && self.write(body).await, "the daemon reads");
        self.answer().await.expect("an answer")
    }

    pub(crate) async fn json(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(method, path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// The next answer; nothing if the connection ends before.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let mut answer = self.answer_head().await?;
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        answer.body.resize(length.unwrap_or(0), 0);
        self.stream.read_exact(&mut answer.body).await.ok()?;
        Some(answer)
    }

    /// The head of the next answer, which is all of it if it answers a HEAD.
    pub(crate) async fn answer_head(&mut self) -> Option<Answer> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line).await {
                Ok(0) | Err(_) => return None,
                Ok(_) if line == "\r\n" => break,
                Ok(_) => lines.push(line.trim_end().to_owned()),
            }
        }
        let status = lines.first()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Some(Answer { status, headers, body: Vec::new() })
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn id(&self) -> &str {
        self.header("x-fc-request-id").expect("every answer has an id")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Status, code and message of an error in the body that every client reads.
    pub(crate) fn error(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let body = self.value();
        let field = |name: &str| body.get(name).unwrap_or_else(|| panic!("no {name} in {body}"));
        assert_eq!(
            (field("HttpStatus"), field("RequestId")),
            (&self.status.into(), &self.id().into())
        );
        assert_eq!(field("Code"), field("ErrorCode"));
        assert_eq!(field("Message"), field("ErrorMessage"));
        let text = |name: &str| field(name).as_str().expect("a string").to_owned();
        (self.status, text("Code"), text("Message"))
    }

    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, code: &str, names: &[&str]) {
        let (found, found_code, message) = self.error();
        assert_eq!((found, found_code.as_str()), (status, code), "{message}");
        for name in names {
            assert!(message.contains(name), "no {name:?} in {message:?}");
        }
    }
}
