//! RabbitMQ of Debian: a node of its own on ports of its own, with its port mapper, so that it meets neither a service
//! nor the brokers of the tests.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Description, Plan, debian_version, locked, there};
use crate::control;
use crate::program::Program;
use crate::server::DaemonArgs;

const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const PORT_MAPPER: &str = "/usr/bin/epmd";

pub(super) fn plan(
    queue: &str,
    args: &DaemonArgs,
    home: &Path,
    data: &Path,
    function: SocketAddr,
) -> Result<Plan> {
    let address = control::free_address()?;
    let broker = control::free_address()?;
    fs::write(home.join("rabbitmq.conf"), configuration(broker))?;
    fs::write(home.join("enabled_plugins"), "[].\n")?;
    let mapper = control::free_address()?.port().to_string();
    // Erlang would start one that outlives it.
    let port_mapper = Program::foreign("epmd", there(Path::new(PORT_MAPPER))?)
        .argument("-port")
        .argument(&mapper)
        .variable("ERL_EPMD_ADDRESS", "127.0.0.1");
    let erlang = "-kernel inet_dist_use_interface {127,0,0,1}";
    let server = Program::foreign("rabbitmq", there(Path::new(SERVER))?)
        .variable("RABBITMQ_NODENAME", format!("invoked-bench-{}@localhost", std::process::id()))
        .variable("RABBITMQ_CONFIG_FILE", home.join("rabbitmq"))
        .variable("RABBITMQ_MNESIA_BASE", data)
        .variable("RABBITMQ_LOG_BASE", home.join("log"))
        .variable("RABBITMQ_ENABLED_PLUGINS_FILE", home.join("enabled_plugins"))
        .variable("RABBITMQ_DIST_PORT", control::free_address()?.port().to_string())
        .variable("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", erlang)
        .variable("ERL_EPMD_ADDRESS", "127.0.0.1")
        .variable("ERL_EPMD_PORT", mapper)
        .variable("HOME", home);
    let program: PathBuf = args.tools.program()?;
    let front = Program::own("front", program.clone())
        .argument("rabbitmq-front")
        .argument(format!("--broker={broker}"))
        .argument(format!("--queue={queue}"))
        .argument(format!("--listen={address}"));
    let worker = Program::own("worker", program)
        .argument("rabbitmq-worker")
        .argument(format!("--broker={broker}"))
        .argument(format!("--queue={queue}"))
        .argument(format!("--function={function}"))
        .argument(format!("--concurrency={}", args.concurrency));
    Ok(Plan { address, readiness: address, programs: vec![port_mapper, server, front, worker] })
}

fn configuration(broker: SocketAddr) -> String {
    format!("listeners.tcp.1 = {broker}\nlog.console = true\nlog.file = false\n")
}

pub(super) fn describe(queue: &str, args: &DaemonArgs) -> Description {
    let mut versions = debian_version("rabbitmq-server");
    versions.extend(debian_version("erlang-base"));
    versions.extend(locked("lapin"));
    Description {
        title: format!("RabbitMQ, {queue} queue"),
        versions,
        durable: "synced before the confirm, which the 202 waits for".to_owned(),
        configuration: format!(
            "defaults, one node; a durable {queue} queue, delivery mode 2, publisher confirms; our front (hyper, lapin) \
             and worker (prefetch {}, {} connections to the function, acknowledges after its answer), one thread each",
            args.concurrency * 2,
            args.concurrency
        ),
    }
}
