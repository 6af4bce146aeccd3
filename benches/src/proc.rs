//! Subprocesses and what the kernel says about them.

use std::fs::{self, File};
use std::io::Read;
use std::iter::Sum;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::clock;

/// `USER_HZ`, which is part of the kernel's interface.
const TICKS_PER_SECOND: f64 = 100.0;

/// A subprocess that is killed with its owner.
pub struct Process {
    child: Child,
    /// Whether it leads a process group, which is killed with it.
    leads: bool,
}

impl Process {
    /// Standard output and error go to the file `log`.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        Self::spawn(command, log, false)
    }

    /// The same for a [`leash`](crate::leash) and what it holds.
    pub fn start_group(command: &mut Command, log: &Path) -> Result<Self> {
        Self::spawn(command.process_group(0), log, true)
    }

    fn spawn(command: &mut Command, log: &Path, leads: bool) -> Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::piped())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Self { child, leads })
    }

    /// What it has used; of a group, all but the leash, with shared pages by share.
    pub fn usage(&self) -> Result<Usage> {
        if self.leads { Usage::of_group(self.child.id()) } else { Usage::read(self.child.id()) }
    }

    /// Whether it still runs.
    pub fn lives(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// `SIGKILL`, and the end of the process.
    pub fn kill(&mut self) -> Result<()> {
        if self.leads {
            // The leash ends when what it holds has ended; it reaps that, and kills the rest of the group.
            for (pid, _) in members(&[self.child.id()])? {
                let pid =
                    i32::try_from(pid).ok().filter(|pid| *pid != self.child.id().cast_signed());
                if let Some(pid) = pid.and_then(Pid::from_raw) {
                    let _gone = kill_process(pid, Signal::KILL);
                }
            }
        } else {
            self.child.kill()?;
        }
        // Waiting closes it, which would have the leash end before it has reaped what it holds.
        let input = self.child.stdin.take();
        self.child.wait()?;
        drop(input);
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

    /// The members of a leash's group without the leash. Resident is what is theirs by share, so that a fork does not
    /// count twice.
    fn of_group(leader: u32) -> Result<Self> {
        let members = members(&[leader])?.into_iter().filter(|(pid, _)| *pid != leader);
        // One may end meanwhile.
        let usages = members.filter_map(|(pid, _)| Self::read(pid).ok());
        let mut total: Self = usages.sum();
        total.rss_bytes = total.pss_bytes;
        Ok(total)
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |sum, part| Self {
            cpu_seconds: sum.cpu_seconds + part.cpu_seconds,
            written_bytes: sum.written_bytes + part.written_bytes,
            rss_bytes: sum.rss_bytes + part.rss_bytes,
            pss_bytes: sum.pss_bytes + part.pss_bytes,
            peak_bytes: sum.peak_bytes + part.peak_bytes,
        })
    }
}

/// What every process of these groups has used, each known by its leader.
pub fn cpu_seconds_of(leaders: &[u32]) -> Result<f64> {
    let seconds = |(_, stat): (u32, String)| cpu_seconds(&stat).context("an odd stat");
    members(leaders)?.into_iter().map(seconds).sum()
}

/// Every process of these groups, with what its `stat` says.
fn members(leaders: &[u32]) -> Result<Vec<(u32, String)>> {
    let mut members = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        // Not every entry is a process, and one may end meanwhile.
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let group = stat
            .rsplit_once(')')
            .and_then(|(_, fields)| fields.split_whitespace().nth(2)?.parse::<u32>().ok());
        if group.is_some_and(|group| leaders.contains(&group)) {
            members.push((pid, stat));
        }
    }
    Ok(members)
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
    // User and system, its own and those of children that have ended: Redis forks to rewrite its log.
    let ticks: Option<Vec<f64>> = (0..4).map(|_| fields.next()?.parse().ok()).collect();
    Some(ticks?.iter().sum::<f64>() / TICKS_PER_SECOND)
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
