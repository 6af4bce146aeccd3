//! NATS JetStream of Debian: not durable, because it acknowledges before it syncs.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;

use super::{Description, Plan, locked, said};
use crate::control;
use crate::program::Program;
use crate::server::DaemonArgs;

const SERVER: &str = "usr/sbin/nats-server";

pub(super) fn plan(
    args: &DaemonArgs,
    home: &Path,
    data: &Path,
    function: SocketAddr,
) -> Result<Plan> {
    let address = control::free_address()?;
    let broker = control::free_address()?;
    let file = home.join("nats.conf");
    fs::write(&file, format!("listen: \"{broker}\"\njetstream {{ store_dir: {data:?} }}\n"))?;
    let server =
        args.tools.debian("nats", SERVER)?.argument("--config").argument(file.into_os_string());
    let program = args.tools.program()?;
    let front = Program::own("front", program.clone())
        .argument("nats-front")
        .argument(format!("--broker={broker}"))
        .argument(format!("--listen={address}"));
    let worker = Program::own("worker", program)
        .argument("nats-worker")
        .argument(format!("--broker={broker}"))
        .argument(format!("--function={function}"))
        .argument(format!("--concurrency={}", args.concurrency));
    Ok(Plan { address, readiness: address, programs: vec![server, front, worker] })
}

pub(super) fn describe(args: &DaemonArgs) -> Description {
    let mut versions: Vec<String> = args
        .tools
        .file(&format!("debian/{SERVER}"))
        .map(|path| said(&path, &["--version"]))
        .unwrap_or_default();
    versions.extend(locked("async-nats"));
    Description {
        title: "NATS JetStream (not durable)".to_owned(),
        versions,
        durable: "**no**: acknowledged before it is synced, which happens every two minutes"
            .to_owned(),
        configuration: format!(
            "defaults; a file stream with work-queue retention, a pull consumer with `max_ack_pending` 1,000; our front \
             (hyper, async-nats) and worker ({} connections to the function), one thread each",
            args.concurrency
        ),
    }
}
