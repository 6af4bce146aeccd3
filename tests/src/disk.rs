//! A disk that a test may fill to the last byte, as an ordinary user.
//!
//! It is a file system in memory that only the daemon sees: the daemon runs in a namespace of users and mounts of
//! its own, and the test reaches in through `/proc`. Where the kernel does not let ordinary users do that, it is the
//! disk that everybody shares, and the daemon's reserve is so large that a file of ours takes it up; then it can be
//! made tight but not full.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use tempfile::TempDir;

use crate::config::Config;
use crate::daemon::{Daemon, Site};

const MIB: u64 = 1 << 20;
/// The disk, and what the daemon keeps of it for what it has accepted: the default.
const OWN_BYTES: u64 = 512 * MIB;
const OWN_RESERVE: u64 = 256 * MIB;
/// How far the shared disk is from the reserve, and how much we take of it.
const SHARED_MARGIN: u64 = 512 * MIB;

/// A disk for the store of one daemon.
#[derive(Debug)]
pub struct SmallDisk {
    place: TempDir,
    is_own: bool,
}

impl Default for SmallDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl SmallDisk {
    #[must_use]
    pub fn new() -> Self {
        let place = TempDir::with_prefix("invoked-disk-").expect("a temporary directory");
        let tried = within(place.path(), Path::new("true")).output();
        let is_own = tried.is_ok_and(|tried| tried.status.success());
        Self { place, is_own }
    }

    /// Whether it can be filled to the last byte.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Puts the store on it.
    #[must_use]
    pub fn holds(&self, config: Config) -> Config {
        let store = self.place.path().join("store");
        let config = config.set("store", "path", store.to_string_lossy().into_owned());
        if self.is_own {
            return config;
        }
        let reserve = free(self.place.path()).checked_sub(SHARED_MARGIN).expect("it has some room");
        config.set("store", "free_min", format!("{reserve}B"))
    }

    /// Starts a daemon whose store is on it.
    #[must_use]
    pub fn start<'site>(&self, site: &'site Site) -> Daemon<'site> {
        site.start_as(self.command(site))
    }

    /// The command line of such a daemon, which lacks the configuration file alone.
    #[must_use]
    pub fn command(&self, site: &Site) -> Command {
        let command = site.command(&["serve", "--config"]);
        if self.is_own {
            let mut wrapped = within(self.place.path(), Path::new(command.get_program()));
            wrapped
                .args(command.get_args())
                .current_dir(command.get_current_dir().expect("it has one"));
            wrapped
        } else {
            command
        }
    }

    /// How large it is when nothing is on it, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        if self.is_own { OWN_BYTES } else { free(self.place.path()) }
    }

    /// Takes so much that the daemon has less than its reserve, and still enough to end its work.
    pub fn make_tight(&self, daemon: &Daemon<'_>) {
        let place = self.seen_by(daemon);
        let left = if self.is_own { OWN_RESERVE * 3 / 4 } else { 0 };
        let taken = if self.is_own { free(&place).saturating_sub(left) } else { 2 * SHARED_MARGIN };
        let file = File::create(place.join("taken")).expect("a file of ours");
        fallocate(&file, FallocateFlags::empty(), 0, taken).expect("there is room for it");
    }

    /// Takes all that is left.
    pub fn fill(&self, daemon: &Daemon<'_>) {
        assert!(self.is_own, "the disk is everybody's");
        let mut file = File::create(self.seen_by(daemon).join("rest")).expect("a file of ours");
        let zeros = vec![0; 64 * 1024];
        let full = loop {
            if let Err(error) = file.write_all(&zeros) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull);
    }

    /// Gives back what was taken.
    pub fn make_room(&self, daemon: &Daemon<'_>) {
        for name in ["taken", "rest"] {
            match fs::remove_file(self.seen_by(daemon).join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => panic!("{name}: {error}"),
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// What is left.
    #[must_use]
    pub fn free(&self, daemon: &Daemon<'_>) -> u64 {
        free(&self.seen_by(daemon))
    }

    fn seen_by(&self, daemon: &Daemon<'_>) -> PathBuf {
        if !self.is_own {
            return self.place.path().to_owned();
        }
        let root = PathBuf::from(format!("/proc/{}/root", daemon.pid()));
        root.join(self.place.path().strip_prefix("/").expect("an absolute path"))
    }
}

/// A command line of a program that sees a small disk at `place`.
fn within(place: &Path, program: &Path) -> Command {
    let mut command = Command::new("unshare");
    let script = format!("mount -t tmpfs -o size={OWN_BYTES} tmpfs \"$0\" && exec \"$@\"");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    command.arg(place).arg(program);
    command
}

fn free(path: &Path) -> u64 {
    let disk = statvfs(path).expect("a file system");
    disk.f_bavail * disk.f_frsize
}
