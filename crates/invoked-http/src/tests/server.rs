//! A server on loopback that answers byte for byte what a test tells it to, well behaved or not.
//! The adapters' tests include this file too.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// For [`Reply::AnswerAndClose`].
pub(crate) const AT_ONCE: Duration = Duration::ZERO;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Writes these bytes and waits for the next request.
    Answer(String),
    /// Writes these bytes, waits, and closes.
    AnswerAndClose(Duration, String),
    /// Waits, then writes.
    Late(Duration, String),
    /// Never answers.
    Silence,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Which connection it came over, from 0.
    pub(crate) connection: usize,
    /// Its first line and headers, names in lower case.
    pub(crate) lines: Vec<String>,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _connections: JoinSet<()>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = self.lines.iter().skip(1).find_map(|line| line.strip_prefix(name))?;
        line.strip_prefix(": ")
    }
}

impl Server {
    /// Answers each request with what `reply` makes of it and its number, counted from 0.
    pub(crate) async fn start(
        reply: impl Fn(usize, &Seen) -> Reply + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut connections = JoinSet::new();
        let requests = Arc::clone(&seen);
        connections.spawn(async move {
            let mut connections = JoinSet::new();
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (requests, reply) = (Arc::clone(&requests), reply.clone());
                connections.spawn(serve(stream, connection, requests, reply));
            }
        });
        Self { address, seen, _connections: connections }
    }

    /// Answers every request with `status` and `body`, keeping connections.
    pub(crate) async fn answering(status: &'static str, body: &'static str) -> Self {
        Self::start(move |_, _| Reply::Answer(answer(status, "", body))).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// An answer with a length. `headers` end with CR LF each.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    requests: Arc<Mutex<Vec<Seen>>>,
    reply: impl Fn(usize, &Seen) -> Reply,
) {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer, connection).await {
        let number = {
            let mut requests = requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        let (text, close_after) = match reply(number, &request) {
            Reply::Answer(text) => (text, None),
            Reply::AnswerAndClose(wait, text) => (text, Some(wait)),
            Reply::Late(wait, text) => {
                tokio::time::sleep(wait).await;
                (text, None)
            }
            Reply::Silence => std::future::pending().await,
        };
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
        if let Some(wait) = close_after {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>, connection: usize) -> Option<Seen> {
    let head_end = loop {
        match buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            Some(end) => break end,
            None => more(stream, buffer).await?,
        }
    };
    let head = String::from_utf8(buffer.drain(..head_end + 4).collect()).unwrap();
    let lines: Vec<String> = head.trim_end().lines().map(str::to_owned).collect();
    let mut seen = Seen { connection, lines, body: Vec::new() };
    let length = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    while buffer.len() < length {
        more(stream, buffer).await?;
    }
    seen.body = buffer.drain(..length).collect();
    Some(seen)
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let n_read = stream.read_buf(buffer).await.ok()?;
    (n_read > 0).then_some(())
}
