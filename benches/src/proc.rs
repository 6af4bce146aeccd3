//! Subprocesses and what the kernel says about them.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context, Result};

use crate::clock;

/// `USER_HZ`, which is part of the kernel's interface.
const TICKS_PER_SECOND: f64 = 100.0;

/// A subprocess that is killed with its owner.
pub struct Process {
    child: Child,
}

impl Process {
    /// Standard output and error go to the file `log`.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Self { child })
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn lives(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// `SIGKILL`, and the end of the process.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, and nobody is left to tell.
        let _ended = self.kill();
    }
}

/// Ends this process when its standard input does, as it does when its owner dies.
pub fn exit_with_stdin() {
    thread::spawn(|| {
        let mut rest = Vec::new();
        let _ended = std::io::stdin().read_to_end(&mut rest);
        std::process::exit(0);
    });
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User and system.
    pub cpu_seconds: f64,
    /// Charged to the process when it dirtied the page cache.
    pub written_bytes: u64,
    pub rss_bytes: u64,
    /// Shared pages by share.
    pub pss_bytes: u64,
    /// The most that was resident at a time.
    pub peak_bytes: u64,
}

impl Usage {
    pub fn read(pid: u32) -> Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            fs::read_to_string(&path).with_context(|| format!("reading {path}"))
        };
        let status = read("status")?;
        Ok(Self {
            cpu_seconds: cpu_seconds(&read("stat")?).context("an odd stat")?,
            written_bytes: field(&read("io")?, "write_bytes:").context("an odd io")?,
            rss_bytes: field(&status, "VmRSS:").unwrap_or(0) * 1_024,
            pss_bytes: field(&read("smaps_rollup")?, "Pss:").unwrap_or(0) * 1_024,
            peak_bytes: field(&status, "VmHWM:").unwrap_or(0) * 1_024,
        })
    }
}

/// What every process of these groups has used, each known by its leader.
pub fn cpu_seconds_of(leaders: &[u32]) -> Result<f64> {
    let mut total = 0.0;
    for entry in fs::read_dir("/proc")? {
        // Not every entry is a process, and one may end meanwhile.
        let Ok(stat) = fs::read_to_string(entry?.path().join("stat")) else { continue };
        let group = stat
            .rsplit_once(')')
            .and_then(|(_, fields)| fields.split_whitespace().nth(2)?.parse::<u32>().ok());
        if group.is_some_and(|group| leaders.contains(&group)) {
            total += cpu_seconds(&stat).context("an odd stat")?;
        }
    }
    Ok(total)
}

pub fn own_cpu_seconds() -> Result<f64> {
    cpu_seconds(&fs::read_to_string("/proc/self/stat")?).context("an odd stat")
}

/// The whole machine at one time.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    at_ns: u64,
    busy_seconds: f64,
}

impl Machine {
    pub fn read() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().context("an empty /proc/stat")?;
        let ticks: Vec<f64> =
            line.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
        // user, nice, system, irq, softirq, steal: all but idle and iowait.
        let busy: f64 = [0, 1, 2, 5, 6, 7].iter().filter_map(|&at| ticks.get(at)).sum();
        Ok(Self { at_ns: clock::now_ns(), busy_seconds: busy / TICKS_PER_SECOND })
    }

    /// Cores that others kept busy since: a measure of how far to trust the figures. What the
    /// host steals counts as theirs.
    pub fn foreign_cores(&self, ours_seconds: f64) -> Result<f64> {
        let now = Self::read()?;
        let elapsed = clock::seconds(self.at_ns, now.at_ns);
        Ok((now.busy_seconds - self.busy_seconds - ours_seconds) / elapsed)
    }
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    // The name in parentheses may hold anything, so fields count from behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
