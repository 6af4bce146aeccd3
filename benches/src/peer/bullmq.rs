//! BullMQ on Redis of Debian, which syncs its log before every answer; front and worker are Node's.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Description, Plan, said};
use crate::control;
use crate::program::Program;
use crate::server::DaemonArgs;

const REDIS: &str = "usr/bin/redis-server";
const OPTIONS: &str = "--appendonly yes --appendfsync always --save  --protected-mode yes";

pub(super) fn plan(args: &DaemonArgs, data: &Path, function: SocketAddr) -> Result<Plan> {
    let address = control::free_address()?;
    let broker = control::free_address()?;
    let mut redis = args
        .tools
        .debian("redis", REDIS)?
        .argument("--bind")
        .argument(broker.ip().to_string())
        .argument("--port")
        .argument(broker.port().to_string())
        .argument("--dir")
        .argument(data);
    for option in OPTIONS.split(' ') {
        redis = redis.argument(option);
    }
    let node = |name, script: &str| -> Result<Program> {
        let script = args.tools.file(&format!("node/{script}"))?;
        Ok(Program::foreign(name, "node").argument(script).argument(format!("--redis={broker}")))
    };
    let front = node("front", "front.mjs")?.argument(format!("--listen={address}"));
    let worker = node("worker", "worker.mjs")?
        .argument(format!("--function=http://{function}/invoke"))
        .argument(format!("--concurrency={}", args.concurrency));
    Ok(Plan { address, readiness: address, programs: vec![redis, front, worker] })
}

pub(super) fn describe(args: &DaemonArgs) -> Description {
    let mut versions = Vec::new();
    if let (Ok(redis), Ok(libraries)) =
        (args.tools.file(&format!("debian/{REDIS}")), args.tools.libraries())
    {
        let mut command = std::process::Command::new(redis);
        versions
            .extend(super::first_line(command.arg("--version").env("LD_LIBRARY_PATH", libraries)));
    }
    versions
        .extend(said(Path::new("node"), &["--version"]).iter().map(|said| format!("node {said}")));
    versions.extend(packages(args).unwrap_or_default());
    Description {
        title: "BullMQ on Redis".to_owned(),
        versions,
        durable: "synced before Redis answers, which the 202 waits for".to_owned(),
        configuration: format!(
            "`redis-server {OPTIONS}`; front: one process, fastify, `queue.add` with 5 attempts, exponential back-off and \
             `removeOnComplete`; worker: one process, concurrency {}, undici",
            args.concurrency
        ),
    }
}

/// The versions of what front and worker import.
fn packages(args: &DaemonArgs) -> Result<Vec<String>> {
    let file = args.tools.file("node/package.json")?;
    let package: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let all = package["dependencies"].as_object().context("no dependencies")?;
    let ours = all.iter().filter(|(name, _)| !name.contains("restate"));
    Ok(ours
        .map(|(name, version)| format!("{name} {}", version.as_str().unwrap_or_default()))
        .collect())
}
