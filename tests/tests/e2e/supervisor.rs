//! What systemd is told, and the sockets that it hands over: with a `NOTIFY_SOCKET` and `LISTEN_FDS` of the test's own.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;
use invoked_tests::{poll, ports, tools};
use serde_json::json;

/// Listens, and starts the daemon as systemd does: the sockets are the descriptors from 3 on. `udp/` and `unix/` before an
/// address say of what kind one is, `bound/` that it does not listen.
const ACTIVATE: &str = r#"
import os, socket, sys
names, addresses = sys.argv[1], sys.argv[2].split(",")
sockets = []
for address in addresses:
    kind, _, address = address.rpartition("/")
    if kind == "unix":
        sockets.append(socket.socket(socket.AF_UNIX))
        sockets[-1].bind(address)
        sockets[-1].listen()
        continue
    host, port = address.rsplit(":", 1)
    if kind:
        sockets.append(socket.socket(type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM))
        sockets[-1].bind((host, int(port)))
    else:
        sockets.append(socket.create_server((host, int(port))))
for at, one in enumerate(sockets):
    os.dup2(one.fileno(), 100 + at)
for at in range(len(sockets)):
    os.dup2(100 + at, 3 + at)
    os.set_inheritable(3 + at, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES=names)
os.execv(sys.argv[3], sys.argv[3:])
"#;

/// A supervisor that reads what it is told.
struct Systemd {
    socket: UnixDatagram,
    path: String,
}

impl Systemd {
    fn new(site: &Site) -> Self {
        let path = site.store().with_file_name("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(poll::SOON)).expect("a timeout");
        Self { socket, path: path.to_string_lossy().into_owned() }
    }

    fn next(&self) -> String {
        let mut buffer = [0; 1_024];
        let length = self.socket.recv(&mut buffer).expect("the daemon tells something");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// The next message that begins so; others are passed over.
    fn wait_for(&self, begins: &str) -> String {
        loop {
            let told = self.next();
            if told.starts_with(begins) {
                return told;
            }
        }
    }
}

fn monotonic_micros() -> u64 {
    let text = std::fs::read_to_string("/proc/uptime").expect("the uptime");
    let seconds: f64 = text.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
    (seconds * 1e6) as u64
}

#[test]
fn a_supervisor_hears_of_start_reload_watchdog_and_stop() {
    let function = FunctionServer::start();
    let site = Site::new(Config::new().function("hello", &function.url()));
    let systemd = Systemd::new(&site);
    let mut command = site.command(&["serve", "--config"]);
    command.env("NOTIFY_SOCKET", &systemd.path).env("WATCHDOG_USEC", "600000");
    let daemon = site.start_as(command);
    assert!(systemd.next().starts_with("EXTEND_TIMEOUT_USEC="), "recovery may take its time");
    let ready = systemd.wait_for("READY=1\n");
    assert!(ready.contains(&format!("STATUS=serving on {}", site.api)), "{ready}");
    for _ in 0..3 {
        systemd.wait_for("WATCHDOG=1");
    }

    let before = monotonic_micros();
    site.configure(Config::new().function("hello", &function.url()).set("limits", "sync_max", 7));
    daemon.reload();
    let reloading = systemd.wait_for("RELOADING=1\nMONOTONIC_USEC=");
    let micros: u64 = reloading
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="))
        .and_then(|number| number.parse().ok())
        .expect("a time");
    // Both are the time since the machine started, but for what it slept.
    assert!(micros + 60_000_000 > before, "{micros} {before}");
    systemd.wait_for("READY=1\n");

    accepted(&daemon.send(&invoke_async("hello").json(&json!({"plan": ["hold"]}))));
    function.wait_for(1);
    daemon.terminate();
    let stopping = systemd.wait_for("STOPPING=1\n");
    assert!(stopping.contains("STATUS=draining"), "{stopping}");
    systemd.wait_for("EXTEND_TIMEOUT_USEC=");
    systemd.wait_for("WATCHDOG=1");
    function.release();
    assert!(daemon.exit(poll::SOON).success());
}

#[test]
fn a_start_that_fails_is_told_with_its_reason() {
    let taken = std::net::TcpListener::bind(ports::free()).expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let site = Site::new(Config::new().set("server", "listen", address.as_str()));
    let systemd = Systemd::new(&site);
    let mut command = site.command(&["serve", "--config"]);
    command.env("NOTIFY_SOCKET", &systemd.path);
    let (code, said) = site.refused(command);
    assert_eq!(code, Some(1), "{said}");
    // EADDRINUSE
    let told = systemd.wait_for("ERRNO=98\n");
    assert!(told.contains(&format!("STATUS=cannot listen on {address}")), "{told}");
}

fn activated(site: &Site, names: &str, addresses: &[String]) -> Command {
    let mut command = Command::new("python3");
    command
        .args(["-c", ACTIVATE, names, &addresses.join(",")])
        .arg(tools::daemon())
        .args(["serve", "--config"])
        .current_dir(site.store().parent().expect("a directory"));
    command
}

#[test]
fn sockets_that_are_handed_over_take_the_place_of_addresses() {
    let function = FunctionServer::start();
    let site = Site::new(Config::new().function("hello", &function.url()));
    let sockets = [site.admin.to_string(), site.api.to_string()];
    // Nobody could listen there: the addresses of the file are not looked at.
    let nowhere = Config::new()
        .function("hello", &function.url())
        .set("server", "listen", "192.0.2.1:1")
        .set("admin", "listen", "192.0.2.1:2");
    site.configure(nowhere);
    let daemon = site.start_as(activated(&site, "admin:fc", &sockets));
    accepted(&daemon.send(&invoke_async("hello").body("{}")));
    function.wait_for(1);
    daemon.stop();
}

#[test]
fn what_is_handed_over_is_judged_by_where_it_listens() {
    let site = Site::new(Config::new());
    let everywhere = format!("0.0.0.0:{}", ports::free().port());
    let refused = |names: &str, sockets: &[String]| site.refused(activated(&site, names, sockets));
    let (code, said) = refused("fc", &[everywhere]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("server.listen") && said.contains("loopback"), "{said}");
    let (code, said) = refused("web", &[ports::free().to_string()]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("\"web\"") && said.contains("FileDescriptorName="), "{said}");
}

#[test]
fn a_socket_at_which_no_connection_can_come_is_refused() {
    let site = Site::new(Config::new());
    for (kind, says) in
        [("bound", "does not listen"), ("udp", "is not for TCP"), ("unix", "is not for TCP")]
    {
        for name in ["fc", "admin"] {
            let address = match kind {
                "unix" => format!("unix/{name}.sock"),
                kind => format!("{kind}/{}", ports::free()),
            };
            let (code, said) = site.refused(activated(&site, name, &[address]));
            assert_eq!(code, Some(1), "{kind}: {said}");
            assert!(
                said.contains(&format!("the socket \"{name}\"")) && said.contains(says),
                "{said}"
            );
            assert!(said.contains("ListenStream="), "{said}");
        }
    }
}

#[test]
fn a_watchdog_of_another_process_is_not_told() {
    let site = Site::new(Config::new());
    let systemd = Systemd::new(&site);
    let mut command = site.command(&["serve", "--config"]);
    command
        .env("NOTIFY_SOCKET", &systemd.path)
        .env("WATCHDOG_USEC", "30000")
        .env("WATCHDOG_PID", "1");
    let daemon = site.start_as(command);
    systemd.wait_for("READY=1");
    systemd.socket.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    let mut buffer = [0; 64];
    assert!(systemd.socket.recv(&mut buffer).is_err(), "nothing more is told");
    daemon.stop();
}
