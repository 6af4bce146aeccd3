//! Processes that outlive the command that started them, and how a later command finds them again.
//!
//! Each is the leader of a process group of its own, so that what it starts ends with it. A process is known by its
//! number and the time at which it started: a number that came around is never mistaken for it.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a broker may take to be usable, on two busy cores.
const START: Duration = Duration::from_secs(180);
/// How long it may take to end when it is asked to.
const END: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(100);

/// The processes of a broker.
pub struct Group {
    file: PathBuf,
    members: Vec<Member>,
    is_complete: bool,
}

struct Member {
    pid: u32,
    started: u64,
}

/// The last line of a group that started well.
const COMPLETE: &str = "complete";

impl Group {
    /// The group whose broker lives in `home`.
    pub fn at(home: &Path) -> Result<Self> {
        fs::create_dir_all(home).with_context(|| format!("cannot make {}", home.display()))?;
        let file = home.join("running");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let member = |line: &str| {
            let (pid, started) = line.split_once(' ')?;
            Some(Member { pid: pid.parse().ok()?, started: started.parse().ok()? })
        };
        let members = text.lines().filter_map(member).collect();
        Ok(Self { file, members, is_complete: text.lines().any(|line| line == COMPLETE) })
    }

    /// Whether it started well and every process of it still runs.
    pub fn is_whole(&self) -> bool {
        self.is_complete && !self.members.is_empty() && self.members.iter().all(Member::runs)
    }

    /// Refuses to start what could not listen, and would be taken for whoever listens there now.
    pub fn claim(ports: &[([u8; 4], u16)]) -> Result<()> {
        match ports.iter().find(|address| listens(**address)) {
            Some((_, port)) => {
                bail!("port {port} is in use by a process that was not started here")
            }
            None => Ok(()),
        }
    }

    /// Starts a process. What it prints goes to `log`.
    pub fn spawn(&mut self, command: &mut Command, log: &Path) -> Result<()> {
        let file = fs::File::create(log).with_context(|| log.display().to_string())?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let pid = child.id();
        let started = start_time(pid).context("it ended at once")?;
        self.members.push(Member { pid, started });
        self.note()
    }

    /// Waits until `is_ready`; what is wrong with the broker stands in `log`.
    pub fn wait(&self, what: &str, log: &Path, mut is_ready: impl FnMut() -> bool) -> Result<()> {
        let begin = Instant::now();
        while !is_ready() {
            let end = match self.members.iter().all(Member::runs) {
                true if begin.elapsed() < START => None,
                true => Some(format!("no {what} within {START:?}")),
                false => Some(format!("it ended before there was {what}")),
            };
            if let Some(end) = end {
                bail!("{end}; see {}:\n{}", log.display(), last_lines(log));
            }
            thread::sleep(STEP);
        }
        Ok(())
    }

    /// It is usable.
    pub fn complete(&mut self) -> Result<()> {
        self.is_complete = true;
        self.note()
    }

    /// Ends every process of it, and waits.
    pub fn stop(&mut self) -> Result<()> {
        for member in self.members.drain(..).rev() {
            member.end()?;
        }
        self.is_complete = false;
        self.note()
    }

    fn note(&self) -> Result<()> {
        let line = |member: &Member| format!("{} {}\n", member.pid, member.started);
        let mut text: String = self.members.iter().map(line).collect();
        if self.is_complete {
            text.push_str(COMPLETE);
        }
        fs::write(&self.file, text).with_context(|| self.file.display().to_string())
    }
}

impl Member {
    fn runs(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }

    fn end(&self) -> Result<()> {
        for signal in ["-TERM", "-KILL"] {
            if !self.runs() {
                return Ok(());
            }
            // To the group: Erlang's starter is a shell script around the machine.
            let group = format!("-{}", self.pid);
            Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status()?;
            let begin = Instant::now();
            while self.runs() && begin.elapsed() < END {
                thread::sleep(STEP);
            }
        }
        if self.runs() { bail!("process {} does not end", self.pid) } else { Ok(()) }
    }
}

/// When a process started, in ticks since boot; `None` if there is none, or nothing but its exit code.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, so fields count from behind it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if fields.next()? == "Z" { None } else { fields.nth(18)?.parse().ok() }
}

/// Whether somebody listens there.
pub fn listens(address: impl Into<SocketAddr>) -> bool {
    TcpStream::connect_timeout(&address.into(), Duration::from_secs(1)).is_ok()
}

fn last_lines(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_command_finds_what_an_earlier_one_started_and_ends_it() {
        let home = std::env::temp_dir().join(format!("xtask-group-{}", std::process::id()));
        let mut group = Group::at(&home).unwrap();
        group.spawn(Command::new("sleep").arg("600"), &home.join("log")).unwrap();
        assert!(!Group::at(&home).unwrap().is_whole(), "it is not complete yet");
        group.complete().unwrap();
        let mut later = Group::at(&home).unwrap();
        assert!(later.is_whole());
        let other = Member { pid: later.members[0].pid, started: later.members[0].started + 1 };
        assert!(!other.runs(), "the same number, another process");
        later.stop().unwrap();
        assert!(!group.is_whole());
        assert!(Group::at(&home).unwrap().members.is_empty());
        fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn a_process_that_ends_before_it_is_ready_is_an_error_with_its_last_words() {
        let home = std::env::temp_dir().join(format!("xtask-ended-{}", std::process::id()));
        let mut group = Group::at(&home).unwrap();
        let mut command = Command::new("sh");
        group.spawn(command.args(["-c", "echo no room; sleep 0.2"]), &home.join("log")).unwrap();
        let error = group.wait("a port", &home.join("log"), || false).unwrap_err().to_string();
        assert!(error.contains("before there was a port") && error.contains("no room"), "{error}");
        fs::remove_dir_all(home).unwrap();
    }
}
