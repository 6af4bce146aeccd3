//! Exchanges with servers on loopback that behave and that do not.

mod server;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use server::{AT_ONCE, Reply, Server, answer};

use crate::{Call, Client, Config, ConnectError, Denied, Egress, Endpoint, Error, Origin, Trust};

const LIMIT: usize = 1_000;

fn client() -> Client {
    Client::new(&Config::default(), Egress::default())
}

fn origin(client: &Client, url: &str) -> Arc<Origin> {
    client.origin(&Endpoint::parse(url).unwrap(), Trust::Operator)
}

fn call(origin: &Origin, body: &'static str) -> Call {
    let mut request = Request::new(Bytes::from_static(body.as_bytes()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = origin.endpoint().uri("/invoke").unwrap();
    Call { request, timeout: Duration::from_secs(5), body_bytes_max: LIMIT }
}

async fn send(origin: &Origin) -> Result<Response<Bytes>, Error> {
    origin.send(call(origin, "event")).await
}

#[tokio::test]
async fn a_call_arrives_and_its_answer_comes_back() {
    let server =
        Server::start(|_, _| Reply::Answer(answer("201 Created", "x-a: b\r\n", "result"))).await;
    let origin = origin(&client(), &format!("{}/base/", server.url()));
    let response = send(&origin).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["x-a"].as_bytes()),
        (201, &b"b"[..])
    );
    assert_eq!(response.body(), "result");
    let seen = server.seen().remove(0);
    assert_eq!(seen.lines[0], "POST /base/invoke HTTP/1.1");
    assert_eq!(seen.header("host"), Some(server.address.to_string().as_str()));
    assert_eq!(seen.body, b"event");
}

#[tokio::test]
async fn a_date_to_come_back_at_counts_from_the_arrival_of_an_answer_without_a_date() {
    let noon = || httpdate::parse_http_date("Mon, 03 Jun 2024 12:00:00 GMT").unwrap();
    let later = "retry-after: Mon, 03 Jun 2024 12:01:30 GMT\r\n";
    let dated = format!("{later}date: Mon, 03 Jun 2024 12:01:00 GMT\r\n");
    let odd = format!("{later}date: about noon\r\n");
    let heads = [later, &dated, &odd, "x-a: b\r\n"].map(str::to_owned);
    let server = Server::start(move |number, _| {
        Reply::Answer(answer("503 Service Unavailable", &heads[number % heads.len()], ""))
    })
    .await;
    let config = Config { clock: Some(noon), ..Config::default() };
    let origin = origin(&Client::new(&config, Egress::default()), &server.url());
    for seconds in [Some(90), Some(30), Some(90), None] {
        let response = send(&origin).await.unwrap();
        let wish = seconds.map(Duration::from_secs);
        assert_eq!(crate::retry_after(response.headers()), wish, "{response:?}");
        assert_eq!(response.headers().contains_key("date"), seconds.is_some());
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_dated_too() {
    let later = "retry-after: Mon, 03 Jun 2024 12:01:30 GMT\r\n";
    let large = "x".repeat(LIMIT + 1);
    let server = Server::start(move |_, _| {
        Reply::AnswerAndClose(AT_ONCE, answer("503 Service Unavailable", later, &large))
    })
    .await;
    let noon = || httpdate::parse_http_date("Mon, 03 Jun 2024 12:00:00 GMT").unwrap();
    let config = Config { clock: Some(noon), ..Config::default() };
    let origin = origin(&Client::new(&config, Egress::default()), &server.url());
    let Err(Error::TooLarge { head, .. }) = send(&origin).await else { panic!("it is too large") };
    assert_eq!(crate::retry_after(&head.headers), Some(Duration::from_secs(90)));
}

#[tokio::test]
async fn an_empty_post_says_its_length() {
    let server = Server::answering("200 OK", "").await;
    let origin = origin(&client(), &server.url());
    origin.send(call(&origin, "")).await.unwrap();
    assert_eq!(server.seen()[0].header("content-length"), Some("0"));
}

#[tokio::test]
async fn connections_are_reused_and_shared_by_all_who_name_the_origin() {
    let chunked =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let server = Server::start(move |number, _| {
        let plain = answer("200 OK", "", "abcde");
        Reply::Answer(if number % 2 == 0 { plain } else { chunked.to_owned() })
    })
    .await;
    let client = client();
    for _ in 0..6 {
        let origin = origin(&client, &server.url());
        // Kept, so that the connections outlive the turn of the loop.
        let again = origin_of(&client, &origin);
        assert_eq!(send(&origin).await.unwrap().body(), "abcde");
        assert_eq!(send(&again).await.unwrap().body(), "abcde");
    }
    let kept = origin(&client, &server.url());
    for _ in 0..6 {
        send(&kept).await.unwrap();
    }
    let connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
    let (turns, kept) = connections.split_at(12);
    assert!(turns.chunks(2).all(|pair| pair[0] == pair[1]), "{connections:?}");
    assert!(kept.iter().all(|connection| *connection == kept[0]), "{connections:?}");
}

fn origin_of(client: &Client, origin: &Origin) -> Arc<Origin> {
    client.origin(origin.endpoint(), Trust::Operator)
}

#[tokio::test]
async fn connections_that_their_server_closes_are_not_used_again() {
    for reply in [
        Reply::AnswerAndClose(AT_ONCE, answer("200 OK", "", "x")),
        Reply::AnswerAndClose(AT_ONCE, "HTTP/1.1 200 OK\r\n\r\nx".to_owned()),
        Reply::Answer(answer("200 OK", "connection: close\r\n", "x")),
        Reply::Answer(answer("200 OK", "keep-alive: timeout=1\r\n", "x")),
    ] {
        let again = reply.clone();
        let server = Server::start(move |_, _| again.clone()).await;
        let origin = origin(&client(), &server.url());
        for _ in 0..3 {
            assert_eq!(send(&origin).await.unwrap().body(), "x", "{reply:?}");
            // The end of the connection has to arrive.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
        assert_eq!(connections, [0, 1, 2], "{reply:?}");
    }
}

#[tokio::test]
async fn a_request_that_never_left_goes_over_another_connection() {
    let together = Arc::new(Barrier::new(4));
    let server = Server::start(|_, _| {
        Reply::AnswerAndClose(Duration::from_millis(50), answer("200 OK", "", "x"))
    })
    .await;
    let origin = origin(&client(), &server.url());
    let mut calls = JoinSet::new();
    for _ in 0..4 {
        let (origin, together) = (Arc::clone(&origin), Arc::clone(&together));
        calls.spawn(async move {
            together.wait().await;
            send(&origin).await.unwrap();
        });
    }
    calls.join_all().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Four connections look idle and are closed; the request tries them and arrives once.
    assert_eq!(send(&origin).await.unwrap().body(), "x");
    let mut connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
    connections.sort_unstable();
    assert_eq!(connections, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_close_that_crosses_the_request_is_broken_at_worst() {
    // Whether the end of a connection is known before the next request is tried on it is a race;
    // all ways it can go must do.
    let server =
        Server::start(|_, _| Reply::AnswerAndClose(AT_ONCE, answer("200 OK", "", "x"))).await;
    let origin = origin(&client(), &server.url());
    for turn in 0..1_000 {
        match send(&origin).await {
            Ok(response) => assert_eq!(response.body(), "x"),
            Err(Error::Broken { may_have_been_sent, .. }) => assert!(may_have_been_sent),
            Err(error) => panic!("{turn}: {}", error.in_full()),
        }
    }
}

#[tokio::test]
async fn a_sent_request_is_not_sent_again() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Answer(answer("200 OK", "", "x")),
        _ => Reply::AnswerAndClose(AT_ONCE, String::new()),
    })
    .await;
    let origin = origin(&client(), &server.url());
    send(&origin).await.unwrap();
    let error = send(&origin).await.unwrap_err();
    assert!(matches!(error, Error::Broken { may_have_been_sent: true, .. }), "{error:?}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn an_answer_cut_short_is_broken() {
    for text in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n123",
        "HTTP/1.1 200 OK\r\ncontent-le",
    ] {
        let server =
            Server::start(move |_, _| Reply::AnswerAndClose(AT_ONCE, text.to_owned())).await;
        let error = send(&origin(&client(), &server.url())).await.unwrap_err();
        assert!(matches!(error, Error::Broken { may_have_been_sent: true, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_error() {
    for text in ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 hello\r\n\r\n"] {
        let server = Server::start(move |_, _| Reply::Answer(text.to_owned())).await;
        let error = send(&origin(&client(), &server.url())).await.unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error:?}");
    }
}

#[tokio::test]
async fn answers_are_taken_up_to_the_limit() {
    for (length, fits) in [(LIMIT, true), (LIMIT + 1, false)] {
        let body = "x".repeat(length);
        let chunked =
            format!("transfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n");
        for text in [
            answer("429 Slow Down", "", &body),
            format!("HTTP/1.1 429 Slow Down\r\n{chunked}"),
            format!("HTTP/1.1 429 Slow Down\r\nconnection: close\r\n\r\n{body}"),
        ] {
            let server =
                Server::start(move |_, _| Reply::AnswerAndClose(AT_ONCE, text.clone())).await;
            match send(&origin(&client(), &server.url())).await {
                Ok(response) => assert!(fits && response.body().len() == length),
                Err(Error::TooLarge { limit, head }) => {
                    assert!(!fits && limit == LIMIT && head.status == 429);
                }
                Err(error) => panic!("{}", error.in_full()),
            }
        }
    }
}

#[tokio::test]
async fn large_answers_arrive_whole() {
    let body: String = ('a'..='z').cycle().take(1_000_000).collect();
    let text = answer("200 OK", "", &body);
    let server = Server::start(move |_, _| Reply::Answer(text.clone())).await;
    let origin = origin(&client(), &server.url());
    for _ in 0..3 {
        let call = Call { body_bytes_max: 1_000_000, ..call(&origin, "event") };
        assert_eq!(origin.send(call).await.unwrap().body(), &body);
    }
    assert_eq!(server.seen().last().unwrap().connection, 0);
}

#[tokio::test]
async fn silence_and_slow_bodies_time_out() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345";
    for reply in [
        Reply::Silence,
        Reply::Answer(cut.to_owned()),
        Reply::Late(Duration::from_secs(5), answer("200 OK", "", "")),
    ] {
        let server = Server::start(move |_, _| reply.clone()).await;
        let origin = origin(&client(), &server.url());
        let call = Call { timeout: Duration::from_millis(50), ..call(&origin, "event") };
        let error = origin.send(call).await.unwrap_err();
        assert!(
            matches!(error, Error::Timeout { after, may_have_been_sent: true } if after.as_millis() == 50),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn dropping_a_call_closes_its_connection() {
    let server = Server::start(|number, _| match number {
        0 => Reply::Late(Duration::from_millis(50), answer("200 OK", "", "of the first")),
        _ => Reply::Answer(answer("200 OK", "", "of the second")),
    })
    .await;
    let origin = origin(&client(), &server.url());
    let dropped = tokio::time::timeout(Duration::from_millis(20), send(&origin)).await;
    assert!(dropped.is_err());
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(send(&origin).await.unwrap().body(), "of the second");
    assert_eq!(server.seen()[1].connection, 1);
}

#[tokio::test]
async fn nobody_listening_is_a_connect_error() {
    let server = Server::answering("200 OK", "").await;
    let url = server.url();
    drop(server);
    tokio::task::yield_now().await;
    let error = send(&origin(&client(), &url)).await.unwrap_err();
    let refused = |source: &ConnectError| matches!(source, ConnectError::Tcp(_));
    assert!(matches!(&error, Error::Connect { source, .. } if refused(source)), "{error:?}");
    assert!(!error.may_have_been_sent());
    assert!(error.in_full().contains("refused"), "{}", error.in_full());

    let error = send(&origin(&client(), "http://no-such-host.invalid")).await.unwrap_err();
    assert!(
        matches!(error, Error::Connect { source: ConnectError::Resolve(_), .. }),
        "{}",
        error.in_full()
    );
}

#[tokio::test]
async fn egress_is_checked_on_the_connected_address() {
    let server = Server::answering("200 OK", "").await;
    let port = server.address.port();
    let by_name = format!("http://localhost:{port}");
    send(&origin(&client(), &by_name)).await.unwrap();

    for listener in [format!("127.0.0.1:{port}"), format!("0.0.0.0:{port}")] {
        let own = vec![listener.parse().unwrap(), format!("[::1]:{port}").parse().unwrap()];
        let client = Client::new(&Config::default(), Egress::new(own, Vec::new()));
        for url in [by_name.as_str(), &server.url(), &format!("http://0.0.0.0:{port}")] {
            let error = send(&origin(&client, url)).await.unwrap_err();
            assert!(
                matches!(error, Error::Egress { source: Denied::OwnListener { .. }, .. }),
                "{url}: {error:?}"
            );
        }
    }

    let error = send(&origin(&client(), "http://169.254.169.254/latest")).await.unwrap_err();
    assert!(matches!(error, Error::Egress { source: Denied::LinkLocal { .. }, .. }), "{error:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_listener_on_every_address_is_recognized_once_connected() {
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let own = listener.local_addr().unwrap();
    // Sends nothing: the kernel only chooses the address that it would be sent from.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    if socket.connect("192.0.2.1:9").is_err() {
        return; // This machine has no address but loopback.
    }
    let url = format!("http://{}:{}", socket.local_addr().unwrap().ip(), own.port());
    let client = Client::new(&Config::default(), Egress::new(vec![own], Vec::new()));
    let error = send(&origin(&client, &url)).await.unwrap_err();
    assert!(
        matches!(error, Error::Egress { source: Denied::OwnListener { .. }, .. }),
        "{url}: {error:?}"
    );
}

#[tokio::test]
async fn a_connection_of_the_operator_carries_no_call_of_the_api() {
    let server = Server::answering("200 OK", "").await;
    let allow = vec!["10.0.0.0/8".parse().unwrap()];
    let client = Client::new(&Config::default(), Egress::new(Vec::new(), allow));
    let endpoint = Endpoint::parse(&server.url()).unwrap();
    let operator = client.origin(&endpoint, Trust::Operator);
    send(&operator).await.unwrap();
    let error = send(&client.origin(&endpoint, Trust::Api)).await.unwrap_err();
    assert!(matches!(error, Error::Egress { source: Denied::NotListed { .. }, .. }), "{error:?}");
    assert!(error.in_full().contains("egress.allow"), "{}", error.in_full());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn redirects_are_answers() {
    let elsewhere = Server::answering("200 OK", "elsewhere").await;
    let location = format!("location: {}\r\n", elsewhere.url());
    let server =
        Server::start(move |_, _| Reply::Answer(answer("307 Elsewhere", &location, ""))).await;
    let response = send(&origin(&client(), &server.url())).await.unwrap();
    assert_eq!(response.status(), 307);
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn idle_connections_are_closed_in_time() {
    let server = Server::answering("200 OK", "").await;
    let config = Config { idle_timeout: Duration::from_millis(50), ..Config::default() };
    let client = Client::new(&config, Egress::default());
    let origin = origin(&client, &server.url());
    send(&origin).await.unwrap();
    send(&origin).await.unwrap();
    tokio::time::sleep(Duration::from_millis(80)).await;
    send(&origin).await.unwrap();
    let connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
}
