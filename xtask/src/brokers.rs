//! `cargo xtask brokers …`: the real brokers that the tests deliver to, on loopback.
//!
//! Everything lies under `target/brokers`: configuration, data, logs, certificates, what is running. Ports are fixed
//! and stand in [`ports`]; what the tests need to know is written to `endpoints.json` there. RabbitMQ comes from
//! Debian, Kafka and RocketMQ from Maven Central; heaps are small. Only what was started here is stopped.

mod artifacts;
mod certificates;
mod endpoints;
mod kafka;
pub mod ports;
mod process;
mod rabbitmq;
mod rocketmq;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;
use process::Group;

/// The brokers, in the order in which they start.
const ALL: [Broker; 4] = [
    Broker { name: "rabbitmq", start: rabbitmq::start },
    Broker { name: "kafka", start: kafka::start },
    Broker { name: "rocketmq", start: rocketmq::start },
    Broker { name: "rocketmq-acl", start: rocketmq::start_with_acl },
];

#[derive(Clone, Copy)]
struct Broker {
    name: &'static str,
    /// Starts it, or says why not; what it started is in the group, whatever comes of it.
    start: fn(&Place, &mut Group) -> Result<()>,
}

/// Where a broker lives.
struct Place {
    /// What all share: certificates, artifacts.
    shared: PathBuf,
    /// Its own.
    home: PathBuf,
}

impl Broker {
    fn group(self, shared: &Path) -> Result<Group> {
        Group::at(&shared.join(self.name))
    }

    fn up(self, shared: &Path) -> Result<bool> {
        let mut group = self.group(shared)?;
        if group.is_whole() {
            return Ok(false);
        }
        group.stop()?;
        eprintln!("starting {}", self.name);
        let place = Place { shared: shared.to_owned(), home: shared.join(self.name) };
        if let Err(error) = (self.start)(&place, &mut group) {
            group.stop()?;
            return Err(error.context(format!("{} did not start", self.name)));
        }
        Ok(true)
    }

    fn down(self, shared: &Path) -> Result<()> {
        self.group(shared)?.stop()?;
        if self.name == "rabbitmq" {
            rabbitmq::stop_port_mapper();
        }
        Ok(())
    }
}

/// `up`, `down`, `restart` or `status`, of all or of some.
pub fn run(workspace: &Workspace, words: &[String]) -> Result<()> {
    let Some((verb, names)) = words.split_first() else {
        bail!("brokers up|down|restart|status [NAME…]; names are {}", names())
    };
    let chosen = chosen(names)?;
    let shared = directory(workspace)?;
    match verb.as_str() {
        "up" => start(&shared, &chosen).map(drop),
        "down" => chosen.iter().rev().try_for_each(|broker| broker.down(&shared)),
        "restart" => {
            chosen.iter().try_for_each(|broker| broker.down(&shared))?;
            start(&shared, &chosen).map(drop)
        }
        "status" => {
            for broker in chosen {
                let is_up = broker.group(&shared)?.is_whole();
                println!("{:<14}{}", broker.name, if is_up { "up" } else { "down" });
            }
            Ok(())
        }
        unknown => bail!("no {unknown:?}: brokers up|down|restart|status [NAME…]"),
    }
}

/// Starts all for a run of the tests; what ran already is left alone, now and by [`Started::stop`].
pub fn up_for_tests(workspace: &Workspace) -> Result<Started> {
    let shared = directory(workspace)?;
    let brokers = start(&shared, &ALL)?;
    Ok(Started { shared, brokers })
}

/// What a run of the tests started.
pub struct Started {
    shared: PathBuf,
    brokers: Vec<Broker>,
}

impl Started {
    pub fn stop(self) -> Result<()> {
        self.brokers.iter().rev().try_for_each(|broker| broker.down(&self.shared))
    }
}

fn start(shared: &Path, chosen: &[Broker]) -> Result<Vec<Broker>> {
    certificates::make(&shared.join("tls"))?;
    endpoints::write(shared)?;
    let mut started = Vec::new();
    for broker in chosen {
        if broker.up(shared)? {
            started.push(*broker);
        }
    }
    Ok(started)
}

fn directory(workspace: &Workspace) -> Result<PathBuf> {
    let shared = workspace.brokers();
    fs::create_dir_all(&shared).with_context(|| format!("cannot make {}", shared.display()))?;
    Ok(shared)
}

fn chosen(names: &[String]) -> Result<Vec<Broker>> {
    if names.is_empty() {
        return Ok(ALL.to_vec());
    }
    let find = |name: &String| {
        let found = ALL.iter().find(|broker| broker.name == name).copied();
        found.with_context(|| format!("no broker {name:?}; names are {}", self::names()))
    };
    names.iter().map(find).collect()
}

fn names() -> String {
    ALL.map(|broker| broker.name).join(", ")
}
