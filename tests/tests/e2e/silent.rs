//! Connections that hold a listener's places and say nothing keep nobody out.

use std::net::SocketAddr;

use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::http::{Connection, Request};

/// More than the admin listener has places.
const SILENT: usize = 300;

fn silent(address: SocketAddr, said: &[u8]) -> Vec<Connection> {
    let connect = |_| {
        let mut connection = Connection::open(address).expect("a connection");
        // Some are gone by then: that is what is wanted.
        let _gone = connection.write(said);
        connection
    };
    (0..SILENT).map(connect).collect()
}

#[test]
fn the_admin_listener_answers_beside_connections_that_say_nothing() {
    let site = Site::new(Config::new().set("server", "connections_max", 64));
    let daemon = site.start();

    for said in [&b""[..], b"GET /healthz HTTP/1.1\r\n"] {
        let held = [silent(site.admin, said), silent(site.api, said)];
        assert_eq!(daemon.admin("/healthz").status(), 200);
        let listed = daemon.send(&Request::get("/2023-03-30/functions/none/async-invoke-config"));
        assert_eq!(listed.status(), 404);
        drop(held);
    }
}

#[test]
fn half_a_sign_in_holds_few_places() {
    let tokens = Config::new().set("admin.tokens.day", "role", "viewer");
    let site = Site::new(tokens.set("admin.tokens.day", "token", "a-token-for-this-test"));
    let daemon = site.start();
    let half =
        b"POST /v1/session HTTP/1.1\r\nhost: x\r\nx-invoked-admin: 1\r\ncontent-length: 9\r\n\r\n";
    let held = silent(site.admin, half);
    assert_eq!(daemon.admin("/healthz").status(), 200);
    drop(held);
}
