//! Restate, from its package for Node, which has the server's binary. Its handler is the function.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Result, ensure};

use super::{Description, Plan, locked, said};
use crate::control;
use crate::program::Program;
use crate::server::DaemonArgs;

/// Added to the configuration.
pub(super) const DEFAULTS: &str = "";
pub(super) const TWO_PARTITIONS: &str =
    "default-num-partitions = 2\nrocksdb-total-memory-size = \"512 MiB\"\n";

/// Where invocations are sent.
pub const PATH: &str = "/Echo/handler/send";

fn server(args: &DaemonArgs) -> Result<std::path::PathBuf> {
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    args.tools.file(&format!(
        "node/node_modules/@restatedev/restate-server-linux-{architecture}/bin/restate-server"
    ))
}

pub(super) fn plan(extra: &str, args: &DaemonArgs, home: &Path, data: &Path) -> Result<Plan> {
    let address = control::free_address()?;
    let admin = control::free_address()?;
    let node = control::free_address()?;
    let file = home.join("restate.toml");
    fs::write(&file, configuration(extra, address, admin, node, data))?;
    let server = Program::foreign("restate", server(args)?)
        .argument(format!("--config-file={}", file.display()))
        .variable("DO_NOT_TRACK", "1");
    Ok(Plan { address, readiness: admin, programs: vec![server] })
}

fn configuration(
    extra: &str,
    address: SocketAddr,
    admin: SocketAddr,
    node: SocketAddr,
    data: &Path,
) -> String {
    format!(
        r#"node-name = "bench"
cluster-name = "bench"
base-dir = {data:?}
bind-ip = "127.0.0.1"
bind-address = "{node}"
advertised-address = "http://{node}"
disable-telemetry = true
log-filter = "warn"
{extra}
[ingress]
bind-address = "{address}"

[admin]
bind-address = "{admin}"
"#
    )
}

/// Tells it of the function.
pub fn register(admin: SocketAddr, function: SocketAddr) -> Result<()> {
    let body = format!(r#"{{"uri":"http://{function}"}}"#);
    let headers = "Content-Type: application/json\r\n";
    let answer = control::post(admin, "/deployments", headers, body.as_bytes())?;
    ensure!(
        answer.status == 201 || answer.status == 200,
        "Restate did not take the function: {} {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    Ok(())
}

pub(super) fn describe(extra: &str, args: &DaemonArgs) -> Description {
    let mut versions = server(args).map(|path| said(&path, &["--version"])).unwrap_or_default();
    versions.extend(locked("restate-sdk"));
    let (title, settings) = if extra.is_empty() {
        ("Restate, defaults", "defaults (24 partitions, fsync on)".to_owned())
    } else {
        let settings = extra.trim_end().replace('\n', ", ");
        ("Restate, two partitions", format!("`{settings}`, fsync on"))
    };
    Description {
        title: title.to_owned(),
        versions,
        durable: "synced before the 202".to_owned(),
        configuration: format!(
            "single node, {settings}, telemetry off, log filter warn; `POST {PATH}`; the handler (restate-sdk, one \
             thread) is the function, takes bytes and calls nothing. It keeps a journal, and completed invocations for \
             a day"
        ),
    }
}
