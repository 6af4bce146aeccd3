use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};

use super::*;
use crate::content::{Content, Feed};
use crate::reply::empty;

/// Nothing comes, and no end.
struct Silent;

impl Feed for Silent {
    fn next(
        self: Box<Self>,
    ) -> Pin<Box<dyn Future<Output = Option<(Bytes, Box<dyn Feed>)>> + Send>> {
        Box::pin(std::future::pending())
    }
}

/// `/hold` answers when it is released, `/panic` panics, anything else is a 204.
#[derive(Clone, Default)]
struct Stub {
    held: Arc<Notify>,
    release: Arc<Notify>,
}

impl Respond for Stub {
    async fn respond(&self, request: Request<Incoming>, _unread: &Unread) -> Reply {
        match request.uri().path() {
            "/hold" => {
                self.held.notify_one();
                self.release.notified().await;
            }
            "/stream" => return Reply::new(Content::events(Silent)),
            "/panic" => panic!("as planned"),
            _ => {}
        }
        empty(StatusCode::NO_CONTENT)
    }

    fn panicked(&self) -> Reply {
        empty(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

struct Server {
    stub: Stub,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinSet<()>,
}

async fn start(config: ServeConfig) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let stub = Stub::default();
    let mut running = JoinSet::new();
    running.spawn(serve(listener, stub.clone(), config, async {
        stopped.await.unwrap_or_default();
    }));
    Server { stub, address, stop, running }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stopped(mut self) {
        self.stop.send(()).unwrap_or_default();
        let ended = self.running.join_next();
        tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap().unwrap().unwrap();
    }
}

async fn ask(stream: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// The head of the next answer; empty when the connection ends before.
async fn answer(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_connection_goes_on() {
    let server = start(ServeConfig::default()).await;
    let mut stream = server.connect().await;
    ask(&mut stream, "/panic").await;
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 500"));
    ask(&mut stream, "/").await;
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 204"));
    drop(stream);
    server.stopped().await;
}

#[tokio::test]
async fn the_request_in_hand_is_finished_and_idle_connections_are_closed() {
    let server = start(ServeConfig::default()).await;
    let (mut busy, mut idle) = (server.connect().await, server.connect().await);
    ask(&mut idle, "/").await;
    assert!(answer(&mut idle).await.starts_with("HTTP/1.1 204"));
    ask(&mut busy, "/hold").await;
    server.stub.held.notified().await;

    let (stub, address) = (server.stub.clone(), server.address);
    let stopping = server.stopped();
    let watching = async {
        assert_eq!(answer(&mut idle).await, "", "an idle connection is closed");
        assert!(TcpStream::connect(address).await.is_err(), "nothing more is accepted");
        stub.release.notify_one();
        let head = answer(&mut busy).await.to_lowercase();
        assert!(head.starts_with("http/1.1 204") && head.contains("connection: close"), "{head}");
    };
    tokio::join!(stopping, watching);
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_off() {
    let drain_timeout = Duration::from_millis(50);
    let server = start(ServeConfig { drain_timeout, ..ServeConfig::default() }).await;
    let mut busy = server.connect().await;
    ask(&mut busy, "/hold").await;
    server.stub.held.notified().await;
    server.stopped().await;
    assert_eq!(answer(&mut busy).await, "");
}

#[tokio::test]
async fn at_the_limit_the_next_connection_waits_for_one_whose_request_is_answered() {
    let server = start(ServeConfig { connections_max: 1, ..ServeConfig::default() }).await;
    let mut first = server.connect().await;
    ask(&mut first, "/hold").await;
    server.stub.held.notified().await;
    let mut second = server.connect().await;
    ask(&mut second, "/").await;
    let early = tokio::time::timeout(Duration::from_millis(200), answer(&mut second)).await;
    assert!(early.is_err(), "{early:?}");
    server.stub.release.notify_one();
    assert!(
        answer(&mut first).await.starts_with("HTTP/1.1 204"),
        "who has a request in hand stays"
    );
    // The first one goes, although its client holds it, and the second comes in.
    assert_eq!(answer(&mut first).await, "");
    let mut third = server.connect().await;
    ask(&mut third, "/").await;
    assert!(answer(&mut third).await.starts_with("HTTP/1.1 204"));
    drop((second, third));
    server.stopped().await;
}

#[tokio::test]
async fn who_says_nothing_keeps_nobody_out() {
    let config = ServeConfig { connections_max: 4, ..ServeConfig::default() };
    let server = start(config).await;
    let mut silent = Vec::new();
    for index in 0..100 {
        let mut stream = server.connect().await;
        if index % 2 == 0 {
            stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        }
        silent.push(stream);
    }
    let mut client = server.connect().await;
    ask(&mut client, "/").await;
    let answered = tokio::time::timeout(Duration::from_secs(5), answer(&mut client)).await.unwrap();
    assert!(answered.starts_with("HTTP/1.1 204"), "{answered}");
    drop((silent, client));
    server.stopped().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let header_timeout = Duration::from_millis(50);
    let server = start(ServeConfig { header_timeout, ..ServeConfig::default() }).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), answer(&mut slow)).await.unwrap();
    assert!(!ended.starts_with("HTTP/1.1 2"), "{ended}");
    server.stopped().await;
}

#[tokio::test]
async fn among_many_a_connection_that_sends_nothing_is_closed_sooner() {
    let header_timeout = Duration::from_secs(3);
    let config = ServeConfig { connections_max: 4, header_timeout, ..ServeConfig::default() };
    let server = start(config).await;
    let mut early = Vec::new();
    for _ in 0..3 {
        let mut stream = server.connect().await;
        ask(&mut stream, "/").await;
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 204"));
        early.push(stream);
    }
    let mut late = server.connect().await;
    assert_eq!(answer(&mut late).await, "", "it is closed");
    for mut stream in early {
        ask(&mut stream, "/").await;
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 204"), "it came in time");
    }
    server.stopped().await;
}

#[tokio::test]
async fn a_stream_that_does_not_end_holds_no_stop() {
    let config =
        ServeConfig { drain_timeout: Duration::from_secs(3_600), ..ServeConfig::default() };
    let server = start(config).await;
    let mut client = server.connect().await;
    client.write_all(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut head = [0; 15];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    server.stopped().await;
}
