//! Bodies that do not come, come too slowly, or do not end: cut off, and nothing of them is stored.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use invoked_tests::api::{error, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::daemon::{Daemon, Site};
use invoked_tests::function::FunctionServer;
use invoked_tests::http::Message;

/// `limits.body_timeout` is one second here; a loaded machine may add to it.
const CUT_OFF_WITHIN: Duration = Duration::from_secs(5);

fn site(function: &FunctionServer) -> Site {
    Site::new(Config::new().set("limits", "body_timeout", "1s").function("hello", &function.url()))
}

/// Runs `misbehave` and checks that the daemon stored nothing, called nothing and goes on.
fn nothing_is_stored(misbehave: impl FnOnce(&Daemon)) {
    let function = FunctionServer::start();
    let site = site(&function);
    let daemon = site.start();
    let before = daemon.metrics();
    misbehave(&daemon);
    let after = daemon.metrics();
    assert_eq!((after.accepted(), after.backlog()), (before.accepted(), 0));
    assert_eq!(daemon.send(&invoke_async("hello").body("after")).status(), 202);
    let calls = function.wait_for(1);
    assert_eq!(calls[0].body, b"after", "nothing ran before it");
}

/// What came back until the daemon closed the connection, and how long that took.
fn until_cut_off(daemon: &Daemon, bytes: &[u8]) -> (Vec<Message>, Duration) {
    let mut connection = daemon.connect();
    let started = Instant::now();
    connection.write(bytes).expect("the daemon reads the beginning");
    let responses = connection.responses_until_closed().expect("the daemon closes the connection");
    (responses, started.elapsed())
}

#[test]
fn half_a_body_and_then_silence() {
    nothing_is_stored(|daemon| {
        let request =
            invoke_async("hello").head() + "content-length: 1000\r\n\r\n" + &"x".repeat(500);
        let (responses, took) = until_cut_off(daemon, request.as_bytes());
        assert!(took < CUT_OFF_WITHIN, "cut off after {took:?}");
        assert!(responses.iter().all(|response| response.status() >= 400), "{responses:?}");
    });
}

#[test]
fn half_a_chunked_body_and_then_silence() {
    nothing_is_stored(|daemon| {
        let request =
            invoke_async("hello").head() + "transfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n";
        let (responses, took) = until_cut_off(daemon, request.as_bytes());
        assert!(took < CUT_OFF_WITHIN, "cut off after {took:?}");
        assert!(responses.iter().all(|response| response.status() >= 400), "{responses:?}");
    });
}

#[test]
fn a_body_that_trickles_is_cut_off_all_the_same() {
    nothing_is_stored(|daemon| {
        let mut connection = daemon.connect();
        let head = invoke_async("hello").head() + "content-length: 100000\r\n\r\n";
        connection.write(head.as_bytes()).expect("the daemon reads the head");
        let started = Instant::now();
        // A byte now and then keeps an idle timer quiet, but not the timeout of the whole body.
        let cut_off =
            invoked_tests::poll::came_true(CUT_OFF_WITHIN, || connection.write(b"x").is_err());
        assert!(cut_off, "still reading after {:?}", started.elapsed());
    });
}

#[test]
fn a_length_over_the_limit_is_refused_before_the_body_comes() {
    nothing_is_stored(|daemon| {
        let request = invoke_async("hello").head() + "content-length: 10000000\r\n\r\n";
        let mut connection = daemon.connect();
        connection.write(request.as_bytes()).expect("the daemon reads the head");
        let (code, message) = error(&connection.response().expect("an answer without the body"));
        assert_eq!(code, "EntityTooLarge");
        assert!(message.contains("131072"), "{message}");
    });
}

#[test]
fn a_chunked_body_that_does_not_end_is_cut_off_at_the_limit() {
    nothing_is_stored(|daemon| {
        let mut connection = daemon.connect();
        let head = invoke_async("hello").head() + "transfer-encoding: chunked\r\n\r\n";
        connection.write(head.as_bytes()).expect("the daemon reads the head");
        let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
        // The limit, and then as much as sockets on both sides may hold.
        let written: io::Result<()> =
            (0..64 * 1024).try_for_each(|_| connection.write(chunk.as_bytes()));
        // Not a write that timed out: the connection was cut.
        let cut = written.expect_err("64 MiB were taken").kind();
        assert!(matches!(cut, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{cut}");
    });
}

#[test]
fn bytes_beyond_the_declared_length_are_never_part_of_a_payload() {
    let function = FunctionServer::start();
    let site = site(&function);
    let daemon = site.start();
    let request = invoke_async("hello").head()
        + "content-length: 8\r\n\r\ndeclared"
        + "and something more\r\n\r\n";
    let (responses, took) = until_cut_off(&daemon, request.as_bytes());
    assert!(took < CUT_OFF_WITHIN, "cut off after {took:?}");
    assert!(responses.iter().skip(1).all(|response| response.status() == 400), "{responses:?}");
    daemon.wait_until_idle();
    let calls = function.calls();
    assert!(calls.len() <= 1 && calls.iter().all(|call| call.body == b"declared"), "{calls:?}");
}
