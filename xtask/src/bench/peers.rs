//! Installs the peers of the benchmark under `target/tools/peers`, once.
//!
//! - `debian/`: Redis and NATS with the libraries that they need, unpacked rather than installed, so that no server
//!   starts;
//! - `node/`: BullMQ and what its front and worker need, and Restate's server, pinned by
//!   `benches/peers/bullmq/package-lock.json`;
//! - RabbitMQ is Debian's, as for the tests; its front and worker, and those of NATS, are `invoked-peer`.
//!
//! A peer that cannot be had is said so here, and again by the benchmark, which goes on without it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::prepare;
use crate::workspace::Workspace;

const RABBITMQ: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const DEBIAN: &[&str] =
    &["redis-server", "redis-tools", "nats-server", "libatomic1", "libjemalloc2", "liblzf1"];
const SCRIPTS: &[&str] = &["front.mjs", "options.mjs", "worker.mjs"];

pub fn install(workspace: &Workspace) -> Result<PathBuf> {
    let place = workspace.tools().join("peers");
    fs::create_dir_all(&place)?;
    let parts = [
        ("RabbitMQ", prepare::with_packages(Path::new(RABBITMQ), &["rabbitmq-server"])),
        ("Redis and NATS", debian(&place.join("debian"))),
        ("BullMQ and Restate", node(workspace, &place.join("node"))),
    ];
    for (what, installed) in parts {
        if let Err(error) = installed {
            eprintln!("{what} cannot be measured: {error:#}");
        }
    }
    Ok(place)
}

fn debian(place: &Path) -> Result<()> {
    let stamp = place.join("installed");
    let wanted = DEBIAN.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    prepare::download_and_unpack(DEBIAN, place)?;
    fs::write(stamp, wanted)?;
    Ok(())
}

fn node(workspace: &Workspace, place: &Path) -> Result<()> {
    let source = workspace.root.join("benches/peers/bullmq");
    prepare::npm_ci(&source, place)?;
    // They change without the packages.
    for script in SCRIPTS {
        fs::copy(source.join(script), place.join(script))?;
    }
    Ok(())
}
