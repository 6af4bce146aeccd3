//! The daemon under test, as an operator has it: a directory, a configuration file, a process.

use std::fs::{self, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::config::Config;
use crate::http::{Connection, Message, Request, send};
use crate::metrics::Metrics;
use crate::{poll, ports, tools};

/// The part of a daemon that outlives its process: directory, ports, configuration.
#[derive(Debug)]
pub struct Site {
    pub api: SocketAddr,
    pub admin: SocketAddr,
    home: TempDir,
}

impl Site {
    #[must_use]
    pub fn new(config: Config) -> Self {
        let home = TempDir::with_prefix("invoked-test-").expect("a temporary directory");
        let site = Self { api: ports::free(), admin: ports::free(), home };
        site.configure(config);
        site
    }

    /// Replaces the configuration file. Listeners and store stay what they are unless `config` says otherwise.
    pub fn configure(&self, config: Config) {
        let text = config
            .or("server", "listen", self.api.to_string())
            .or("admin", "listen", self.admin.to_string())
            .or("store", "path", self.store().to_string_lossy().into_owned())
            .text();
        fs::write(self.file(), text).expect("the configuration file");
    }

    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.home.path().join("store")
    }

    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.home.path().join("invoked.toml")
    }

    /// A command line of the program in this directory, not yet started.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(tools::daemon());
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env_remove("INVOKED_ENDPOINT")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    /// `invoked serve` that is expected to refuse: its exit code and all it said.
    #[must_use]
    pub fn serve_refused(&self) -> (Option<i32>, String) {
        self.refused(self.command(&["serve", "--config"]))
    }

    /// The same by a command line that lacks the configuration file alone.
    #[must_use]
    pub fn refused(&self, mut command: Command) -> (Option<i32>, String) {
        let mut child = command
            .arg(self.file())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let code = exit(&mut child, poll::SOON);
        let said = child.wait_with_output().expect("its output").stderr;
        (code.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Starts the daemon and waits until it is ready.
    #[must_use]
    pub fn start(&self) -> Daemon<'_> {
        self.start_as(self.command(&["serve", "--config"]))
    }

    /// Starts the daemon and does not wait.
    #[must_use]
    pub fn start_unready(&self) -> Daemon<'_> {
        self.start_unready_as(self.command(&["serve", "--config"]))
    }

    /// Starts the daemon by a command line that lacks the configuration file alone, and waits until it is ready.
    #[must_use]
    pub fn start_as(&self, command: Command) -> Daemon<'_> {
        let mut daemon = self.start_unready_as(command);
        poll::until("the daemon is ready", poll::SOON, || daemon.is_ready().then_some(()));
        daemon
    }

    /// The same by a command line that lacks the configuration file alone.
    #[must_use]
    pub fn start_unready_as(&self, mut command: Command) -> Daemon<'_> {
        let log =
            OpenOptions::new().create(true).append(true).open(self.log()).expect("the log file");
        let child = command
            .arg(self.file())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("the program starts");
        Daemon { site: self, child }
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("daemon.log")
    }

    /// All that daemons of this directory have said so far.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        if thread::panicking() {
            let lines: Vec<_> = log.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default();
            eprintln!("the end of the daemon's log:\n{}\n", tail.join("\n"));
        } else {
            assert!(!log.contains("panicked at"), "the daemon panicked:\n{log}");
        }
    }
}

/// A running process; killed when dropped.
#[derive(Debug)]
pub struct Daemon<'site> {
    site: &'site Site,
    child: Child,
}

impl Daemon<'_> {
    /// Of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn send(&self, request: &Request) -> Message {
        send(self.site.api, request).unwrap_or_else(|error| panic!("{error}: {request:?}"))
    }

    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection::open(self.site.api).expect("the API accepts connections")
    }

    #[must_use]
    pub fn admin(&self, path: &str) -> Message {
        send(self.site.admin, &Request::get(path)).expect("the admin listener answers")
    }

    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics::scrape(self.site.admin)
    }

    /// Whether `/readyz` says so; panics if the process is gone.
    pub fn is_ready(&mut self) -> bool {
        if let Some(status) = self.child.try_wait().expect("a child of ours") {
            panic!("the daemon ended instead of getting ready: {status}");
        }
        send(self.site.admin, &Request::get("/readyz"))
            .is_ok_and(|response| response.status() == 200)
    }

    /// Waits until nothing is waiting or running.
    #[track_caller]
    pub fn wait_until_idle(&self) {
        poll::soon("the backlog is empty", || self.metrics().backlog() == 0);
    }

    /// SIGKILL, as a power cut would do it to the process.
    pub fn kill(mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child of ours");
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGHUP.
    pub fn reload(&self) {
        self.signal(Signal::HUP);
    }

    fn signal(&self, signal: Signal) {
        let pid =
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("a child of ours");
    }

    /// Waits for the process to end by itself.
    #[track_caller]
    pub fn exit(mut self, within: Duration) -> ExitStatus {
        exit(&mut self.child, within)
    }

    /// SIGTERM, and the end.
    #[track_caller]
    pub fn stop(self) {
        self.terminate();
        let status = self.exit(poll::SOON);
        assert!(status.success(), "a clean stop ends with {status}");
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        // Already gone after `kill` and `exit`; then both calls have nothing to do.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[track_caller]
fn exit(child: &mut Child, within: Duration) -> ExitStatus {
    poll::until("the process ends", within, || child.try_wait().expect("a child of ours"))
}

/// Standard output of a finished command.
#[must_use]
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Everything a finished command said, for messages and for claims that do not care where it was said.
#[must_use]
pub fn said(output: &Output) -> String {
    stdout(output) + &String::from_utf8_lossy(&output.stderr)
}

/// A directory and everything below it.
#[must_use]
pub fn tree(directory: &Path) -> Vec<PathBuf> {
    let mut found = vec![directory.to_owned()];
    let mut index = 0;
    while let Some(path) = found.get(index).cloned() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a readable directory");
            found.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
        index += 1;
    }
    found
}
