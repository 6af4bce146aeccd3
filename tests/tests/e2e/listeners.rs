//! Where the daemon listens, and where it refuses to.

use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::ports;

#[test]
fn the_api_is_not_bound_off_loopback() {
    for host in ["0.0.0.0", "[::]"] {
        let listen = format!("{host}:{}", ports::free().port());
        let site = Site::new(Config::new().set("server", "listen", listen.as_str()));
        let (code, said) = site.serve_refused();
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("server.listen") && said.contains("loopback"), "{said}");
    }
}

#[test]
fn the_admin_listener_is_not_bound_off_loopback_without_tokens() {
    let listen = format!("0.0.0.0:{}", ports::free().port());
    let site = Site::new(Config::new().set("admin", "listen", listen));
    let (code, said) = site.serve_refused();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("admin.listen"), "{said}");
}

#[test]
fn the_admin_listener_tells_that_the_daemon_lives_and_is_ready() {
    let site = Site::new(Config::new());
    let daemon = site.start();
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(daemon.admin(path).status(), 200, "{path}");
    }
    assert_eq!(daemon.admin("/no-such-page").status(), 404);
    let root = daemon.admin("/");
    assert_eq!((root.status(), root.headers.first("location")), (302, Some("/console/")));
    assert_eq!(daemon.admin("/console/").status(), 200);
}

#[test]
fn a_port_that_is_taken_is_said_with_its_address() {
    let taken = std::net::TcpListener::bind(ports::free()).expect("a free port");
    let address = taken.local_addr().expect("a bound address").to_string();
    let site = Site::new(Config::new().set("server", "listen", address.as_str()));
    let (code, said) = site.serve_refused();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&address), "{said}");
}
