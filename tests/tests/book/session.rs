//! Where the commands of one page are executed: a directory that looks like a clone which has been built, ports of its
//! own, and what the page started in the background, which ends with it.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;

use invoked_tests::http::{Request, send};
use invoked_tests::tools::{daemon, root};
use invoked_tests::{poll, ports};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::page::Block;

/// `cargo` as a page means it, after the build: the program that is there already, and the commands of xtask, which
/// are checked to exist.
const CARGO: &str = r#"#!/bin/sh
case "$1 $2" in
"run --release") shift 3; exec invoked "$@" ;;
"build --release") exit 0 ;;
"xtask "*) exec grep -q "^  $2 " xtask/src/main.rs ;;
*) echo "the test knows no: cargo $*" >&2; exit 1 ;;
esac
"#;

/// Ports as the pages name them.
const PORTS: [&str; 4] = ["7070", "7071", "9000", "9001"];

pub struct Session {
    page: String,
    home: TempDir,
    ports: Vec<(&'static str, SocketAddr)>,
    /// With the address that each was started for.
    running: Vec<(SocketAddr, Child)>,
}

impl Session {
    pub fn new(page: &str) -> Self {
        let home = TempDir::with_prefix("invoked-book-").expect("a temporary directory");
        for entry in fs::read_dir(root()).expect("the repository") {
            let entry = entry.expect("an entry");
            if entry.file_name() != "target" {
                symlink(entry.path(), home.path().join(entry.file_name())).expect("a link");
            }
        }
        let (release, bin) = (home.path().join("target/release"), home.path().join("bin"));
        for place in [&release, &bin] {
            fs::create_dir_all(place).expect("a directory");
            symlink(daemon(), place.join("invoked")).expect("a link to the program");
        }
        let cargo = bin.join("cargo");
        fs::write(&cargo, CARGO).expect("a script");
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("its mode");
        let ports = PORTS.map(|port| (port, ports::free())).to_vec();
        Self { page: page.to_owned(), home, ports, running: Vec::new() }
    }

    fn address(&self, port: &str) -> SocketAddr {
        let found = self.ports.iter().find(|(name, _)| *name == port);
        found.unwrap_or_else(|| panic!("{}: no page uses port {port}", self.page)).1
    }

    fn bash(&self, words: &[&str], text: &str) -> Command {
        let moved = self.ports.iter().fold(text.to_owned(), |text, (name, address)| {
            text.replace(name, &address.port().to_string())
        });
        let path = std::env::var("PATH").unwrap_or_default();
        let (api, admin) = (self.address("7070"), self.address("7071"));
        let mut command = Command::new("bash");
        command
            .args(words)
            .args(["-euo", "pipefail", "-c", &moved])
            .current_dir(self.home.path())
            .env("PATH", format!("{}:{path}", self.home.path().join("bin").display()))
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("INVOKED__SERVER__LISTEN", api.to_string())
            .env("INVOKED__ADMIN__LISTEN", admin.to_string())
            .env("INVOKED_ENDPOINT", format!("http://{api}"))
            .env("INVOKED_ADMIN", format!("http://{admin}"))
            .stdin(Stdio::null());
        command
    }

    /// Executes a block to its end.
    pub fn run(&self, block: &Block) {
        let output = self.bash(&[], &block.text).output().expect("bash starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{}:{}: {}\n{said}\n{}",
            self.page,
            block.line,
            output.status,
            self.log()
        );
    }

    /// Starts a block, and waits until its port takes connections, and the daemon is ready if it is the daemon's. What the page started there before ends first.
    pub fn background(&mut self, block: &Block, port: &str) {
        let address = self.address(port);
        if TcpStream::connect(address).is_ok() {
            self.stop(Some(address));
        }
        let log =
            fs::OpenOptions::new().create(true).append(true).open(self.home.path().join("log"));
        let log = log.expect("the log file");
        let child = self
            .bash(&[], &block.text)
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("bash starts");
        self.running.push((address, child));
        let admin = self.address("7071");
        let is_there = poll::came_true(poll::SOON, || match port {
            // The daemon listens while it starts.
            "7070" => {
                send(admin, &Request::get("/readyz")).is_ok_and(|answer| answer.status() == 200)
            }
            _ => TcpStream::connect(address).is_ok(),
        });
        assert!(
            is_there,
            "{}:{}: nothing listens on {address}\n{}",
            self.page,
            block.line,
            self.log()
        );
    }

    /// Checks the syntax of a block, and what it gives to our own program.
    pub fn parse(&self, block: &Block) {
        let syntax = self.bash(&["-n"], &block.text).output().expect("bash starts");
        assert!(syntax.status.success(), "{}:{}: {syntax:?}", self.page, block.line);
        for line in block.text.replace("\\\n", " ").lines() {
            let line = line.trim().trim_start_matches("sudo ");
            if !line.starts_with("invoked ") {
                continue;
            }
            let line = line.split([';', '|', '>', '#']).next().unwrap_or_default();
            // It reads its arguments, and stops at the last of them.
            let output = self.bash(&[], &format!("{line} --help")).output().expect("bash starts");
            assert!(output.status.success(), "{}:{}: {line}: {output:?}", self.page, block.line);
        }
    }

    /// Waits for a line of what runs in the background.
    #[track_caller]
    pub fn until_said(&self, text: &str) {
        assert!(
            poll::came_true(poll::SOON, || self.log().contains(text)),
            "nothing said {text:?}:\n{}",
            self.log()
        );
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    /// Ends what was started for this address, or everything.
    fn stop(&mut self, only: Option<SocketAddr>) {
        let is_meant = |of: &mut (SocketAddr, Child)| only.is_none_or(|address| of.0 == address);
        for (_, mut child) in self.running.extract_if(.., is_meant) {
            let group =
                i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
            for signal in [Signal::TERM, Signal::KILL] {
                // Gone already is as good.
                kill_process_group(group, signal).ok();
                if poll::came_true(poll::SOON, || !matches!(child.try_wait(), Ok(None))) {
                    break;
                }
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stop(None);
        let panicked = self.log().contains("panicked at");
        assert!(thread::panicking() || !panicked, "the daemon panicked:\n{}", self.log());
    }
}
