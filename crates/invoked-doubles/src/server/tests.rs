use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::*;

const CA: &[u8] = include_bytes!("../../../invoked-http/testdata/ca.pem");
const CERTIFICATE: &[u8] = include_bytes!("../../../invoked-http/testdata/localhost.pem");
const KEY: &[u8] = include_bytes!("../../../invoked-http/testdata/localhost.key");

/// Takes everything under `/d`, and refuses the rest.
struct AnyMail;

impl Service for AnyMail {
    fn judge(&self, request: &Received) -> Judged {
        let destination = request.uri.path().to_owned();
        let id = request.header("id").map(str::to_owned);
        let outcome = if destination.starts_with("/d") {
            let mail = Mail {
                destination: destination.clone(),
                body: request.body.clone(),
                message_id: "m".to_owned(),
                ..Mail::default()
            };
            Outcome::Taken { mails: vec![mail], answer: plain(StatusCode::CREATED) }
        } else {
            Outcome::Refused { code: "NotD".to_owned(), answer: plain(StatusCode::NOT_FOUND) }
        };
        Judged { destination, id, outcome }
    }
}

fn options() -> Options {
    Options::new(Arc::new(|| 17))
}

async fn start() -> Server {
    Server::start(Arc::new(AnyMail), options()).await.unwrap()
}

fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: d\r\nid: r-1\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that is closed without an answer may end in a reset.
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8(answer).unwrap()
}

async fn send(server: &Server, request: &str) -> String {
    exchange(TcpStream::connect(server.address()).await.unwrap(), request).await
}

#[tokio::test]
async fn mail_is_read_over_http() {
    let server = start().await;
    for (path, status) in [("/d/1", "201"), ("/e", "404"), ("/d/2?x=1", "201")] {
        let answer = send(&server, &post(path, "hello")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: d\r\nconnection: close\r\n\r\n");
    let answer = send(&server, &get("/mailbox?after=1")).await;
    let (_, json) = answer.split_once("\r\n\r\n").unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["taken"], 2);
    let mail = &json["messages"][0];
    assert_eq!(mail["path"], "/d/2?x=1");
    assert_eq!(
        (&mail["destination"], &mail["number"], &mail["at"]),
        (&"/d/2".into(), &2.into(), &17.into())
    );
    assert_eq!(
        (&mail["body"], &mail["raw"], &mail["method"]),
        (&"hello".into(), &"hello".into(), &"POST".into())
    );
    assert_eq!(mail["headers"]["id"], "r-1");
    let answer = send(&server, &get("/mailbox?after=x")).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");

    let refused = server.mailbox().refused();
    assert_eq!((refused.len(), refused[0].refused.as_deref()), (1, Some("NotD")));
    assert_eq!(server.mailbox().seen().len(), 3);
}

#[tokio::test]
async fn steps_decide_what_is_taken_and_what_is_answered() {
    let server = start().await;
    let script = server.script();
    script.add("/d", Step::answer(plain(StatusCode::TOO_MANY_REQUESTS)), 1);
    script.add("/d", Step::take_and_answer(plain(StatusCode::BAD_GATEWAY)), 1);
    script.add("/d", Step::close(), 1);
    script.add("/d", Step::slow(Duration::from_millis(5)), 1);
    for (start, taken) in [
        ("HTTP/1.1 429 ", 0),
        ("HTTP/1.1 502 ", 1),
        ("", 2),
        ("HTTP/1.1 201 ", 3),
        ("HTTP/1.1 201 ", 4),
    ] {
        let answer = send(&server, &post("/d", "x")).await;
        assert!(answer.starts_with(start) && start.is_empty() == answer.is_empty(), "{answer}");
        assert_eq!(server.mailbox().mails().len(), taken, "{start}");
    }
    // What the service refuses spends no step.
    script.add("/e", Step::close(), 1);
    assert!(send(&server, &post("/e", "x")).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_withheld_answer_ends_with_the_double() {
    let server = start().await;
    server.script().add("/d", Step::withhold(), 1);
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let request = post("/d", "x");
    let waiting = exchange(stream, &request);
    let closing = async {
        server.mailbox().wait(1).await;
        server.close().await
    };
    let (answer, options) = tokio::join!(waiting, closing);
    assert_eq!(answer, "");

    // And it can be started again where it was, with the mail it had.
    let server = Server::start(Arc::new(AnyMail), options).await.unwrap();
    assert!(send(&server, &post("/d", "x")).await.starts_with("HTTP/1.1 201 "));
    assert_eq!(server.mailbox().mails().len(), 2);
}

#[tokio::test]
async fn bodies_are_taken_up_to_the_limit() {
    let server = start().await;
    let answer = send(&server, &post("/d", &"x".repeat(BODY_MAX))).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let length = BODY_MAX + 1;
    let head = format!(
        "POST /d HTTP/1.1\r\nhost: d\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    let answer = send(&server, &head).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let options = Options { address: "0.0.0.0:0".parse().unwrap(), ..options() };
    let error = Server::start(Arc::new(AnyMail), options).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn https_is_spoken_with_the_given_certificate() {
    let tls = Tls::from_pem(CERTIFICATE, KEY).unwrap();
    let options = Options { tls: Some(tls), ..options() };
    let server = Server::start(Arc::new(AnyMail), options).await.unwrap();
    assert!(server.url().starts_with("https://127.0.0.1:"));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CA).unwrap()).unwrap();
    for (roots, is_trusted) in [(roots, true), (RootCertStore::empty(), false)] {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        match connected {
            Ok(stream) => {
                assert!(is_trusted);
                let answer = exchange(stream, &post("/d", "x")).await;
                assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
            }
            Err(error) => assert!(!is_trusted, "{error}"),
        }
    }
    assert!(matches!(Tls::from_pem(CERTIFICATE, b"no key"), Err(crate::TlsError::Pem)));
    assert!(matches!(Tls::from_pem(CA, KEY), Err(crate::TlsError::Unusable(_))));
}
