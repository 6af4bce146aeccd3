//! RabbitMQ from Debian, as a node of its own: it never meets one that runs as a service.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use super::process::{Group, listens};
use super::{Place, artifacts, ports};

const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const LISTENERS: [([u8; 4], u16); 2] =
    [([127, 0, 0, 1], ports::RABBITMQ), ([127, 0, 0, 1], ports::RABBITMQ_TLS)];

pub fn start(place: &Place, group: &mut Group) -> Result<()> {
    artifacts::program(SERVER, "rabbitmq-server")?;
    let home = &place.home;
    for directory in ["mnesia", "log"] {
        fs::create_dir_all(home.join(directory))?;
    }
    fs::write(home.join("rabbitmq.conf"), configuration(&place.shared.join("tls")))?;
    fs::write(home.join("enabled_plugins"), "[].\n")?;
    let log = home.join("server.log");
    Group::claim(&LISTENERS)?;
    group.spawn(&mut server(home), &log)?;
    // Its listeners are the last thing that it starts.
    group.wait("listeners", &log, || LISTENERS.into_iter().all(listens))?;
    group.complete()
}

/// Erlang's port mapper is a daemon that a node leaves behind.
pub fn stop_port_mapper() {
    let port = ports::RABBITMQ_PORT_MAPPER.to_string();
    let mut epmd = Command::new("epmd");
    epmd.args(["-port", &port, "-kill"]).stdout(Stdio::null()).stderr(Stdio::null());
    // Nobody is hurt by one that stays.
    let _stopped = epmd.status();
}

fn server(home: &Path) -> Command {
    let mut command = Command::new(SERVER);
    let erlang = "-kernel inet_dist_use_interface {127,0,0,1}";
    command
        .env("RABBITMQ_NODENAME", "invoked-tests@localhost")
        .env("RABBITMQ_CONFIG_FILE", home.join("rabbitmq"))
        .env("RABBITMQ_MNESIA_BASE", home.join("mnesia"))
        .env("RABBITMQ_LOG_BASE", home.join("log"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", home.join("enabled_plugins"))
        .env("RABBITMQ_DIST_PORT", ports::RABBITMQ_DISTRIBUTION.to_string())
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", erlang)
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_EPMD_PORT", ports::RABBITMQ_PORT_MAPPER.to_string())
        .env("HOME", home)
        .current_dir(home);
    command
}

fn configuration(tls: &Path) -> String {
    format!(
        "listeners.tcp.1 = 127.0.0.1:{plain}\n\
         listeners.ssl.1 = 127.0.0.1:{secure}\n\
         ssl_options.cacertfile = {tls}/ca.pem\n\
         ssl_options.certfile = {tls}/server.pem\n\
         ssl_options.keyfile = {tls}/server.key\n\
         ssl_options.verify = verify_none\n\
         vm_memory_high_watermark.absolute = 512MiB\n\
         disk_free_limit.absolute = 50MB\n\
         log.console = true\n\
         log.file = false\n",
        plain = ports::RABBITMQ,
        secure = ports::RABBITMQ_TLS,
        tls = tls.display()
    )
}
