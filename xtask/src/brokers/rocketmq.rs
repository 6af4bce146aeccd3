//! RocketMQ: a name server with two brokers, and a pair that asks for signatures.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::process::{Group, listens};
use super::{Place, artifacts, ports};

const ARTIFACTS: [&str; 3] = [
    "org.apache.rocketmq:rocketmq-namesrv:5.3.3",
    "org.apache.rocketmq:rocketmq-broker:5.3.3",
    "org.apache.rocketmq:rocketmq-tools:5.3.3",
];

pub const ACCESS_KEY: &str = "invoked";
pub const SECRET_KEY: &str = "12345678";

/// Topics that are there from the start: each test that counts has one of its own.
pub const TOPICS: [&str; 4] = ["FcDest", "FcLimits", "FcRestart", "FcBench"];
/// The topic of the broker that is only reached through a proxy.
pub const TOPIC_PROXIED: &str = "FcProxied";

/// What Java 17 hides and RocketMQ uses.
const OPENED: [&str; 5] = [
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
];

struct Broker {
    name: &'static str,
    /// Where it listens; it says that it is on 127.0.0.1.
    host: [u8; 4],
    port: u16,
    names: u16,
    topics: &'static [&'static str],
    has_acl: bool,
}

pub fn start(place: &Place, group: &mut Group) -> Result<()> {
    let names = ports::ROCKETMQ_NAMES;
    let open = Broker {
        name: "broker-a",
        host: [127, 0, 0, 1],
        port: ports::ROCKETMQ,
        names,
        topics: &TOPICS,
        has_acl: false,
    };
    let proxied = Broker {
        name: "broker-p",
        host: [127, 0, 0, 2],
        port: ports::ROCKETMQ_PROXIED,
        topics: &[TOPIC_PROXIED],
        ..open
    };
    start_all(place, group, names, &[open, proxied])
}

pub fn start_with_acl(place: &Place, group: &mut Group) -> Result<()> {
    let names = ports::ROCKETMQ_ACL_NAMES;
    let guarded = Broker {
        name: "broker-acl",
        host: [127, 0, 0, 1],
        port: ports::ROCKETMQ_ACL,
        names,
        topics: &TOPICS,
        has_acl: true,
    };
    start_all(place, group, names, &[guarded])
}

fn start_all(place: &Place, group: &mut Group, names: u16, brokers: &[Broker]) -> Result<()> {
    let jars = artifacts::jars(&place.shared, "rocketmq", &ARTIFACTS)?;
    let home = &place.home;
    fs::create_dir_all(home.join("conf"))?;
    // The tools sign with it, where signatures are asked for.
    let tools = format!("accessKey: {ACCESS_KEY}\nsecretKey: \"{SECRET_KEY}\"\n");
    fs::write(home.join("conf/tools.yml"), tools)?;
    let server = format!("listenPort={names}\nbindAddress=127.0.0.1\n");
    fs::write(home.join("names.conf"), server)?;

    Group::claim(&[([127, 0, 0, 1], names)])?;
    let log = home.join("names.log");
    let class = "org.apache.rocketmq.namesrv.NamesrvStartup";
    let mut command = java(home, &jars, &["-Xmx128m"]);
    group.spawn(command.args([class, "-c", "names.conf"]), &log)?;
    group.wait("a name server", &log, || listens(([127, 0, 0, 1], names)))?;
    for broker in brokers {
        broker.start(home, &jars, group)?;
    }
    group.complete()
}

impl Broker {
    fn start(&self, home: &Path, jars: &Path, group: &mut Group) -> Result<()> {
        let store = home.join(self.name);
        fs::create_dir_all(store.join("config"))?;
        let topics = store.join("config/topics.json");
        if !topics.exists() {
            fs::write(&topics, self.topics())?;
        }
        let file = format!("{}.conf", self.name);
        fs::write(home.join(&file), self.properties(&store))?;
        Group::claim(&[(self.host, self.port)])?;
        let log = home.join(format!("{}.log", self.name));
        let names = format!("127.0.0.1:{}", self.names);
        let memory = ["-Xmx448m", "-XX:MaxDirectMemorySize=192m"];
        let class = "org.apache.rocketmq.broker.BrokerStartup";
        let mut command = java(home, jars, &memory);
        group.spawn(command.args([class, "-n", &names, "-c", &file]), &log)?;
        // It takes some seconds to tell the name server of itself, and only then anybody finds it.
        let topic = self.topics.first().copied().unwrap_or_default();
        let is_up =
            || listens((self.host, self.port)) && has_route(self.names, topic).unwrap_or(false);
        group.wait("a route to the broker", &log, is_up)
    }

    fn properties(&self, store: &Path) -> String {
        let [a, b, c, d] = self.host;
        let acl = match self.has_acl {
            false => String::new(),
            true => format!(
                "authenticationEnabled=true\n\
                 authenticationProvider=\
                 org.apache.rocketmq.auth.authentication.provider.DefaultAuthenticationProvider\n\
                 authenticationMetadataProvider=\
                 org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider\n\
                 initAuthenticationUser={{\"username\":\"{ACCESS_KEY}\",\"password\":\"{SECRET_KEY}\"}}\n\
                 innerClientAuthenticationCredentials=\
                 {{\"accessKey\":\"{ACCESS_KEY}\",\"secretKey\":\"{SECRET_KEY}\"}}\n"
            ),
        };
        format!(
            "brokerClusterName=DefaultCluster\n\
             brokerName={name}\n\
             brokerId=0\n\
             brokerIP1=127.0.0.1\n\
             bindAddress={a}.{b}.{c}.{d}\n\
             listenPort={port}\n\
             namesrvAddr=127.0.0.1:{names}\n\
             autoCreateTopicEnable=false\n\
             defaultTopicQueueNums=1\n\
             storePathRootDir={store}\n\
             storePathCommitLog={store}/commitlog\n\
             mappedFileSizeCommitLog=67108864\n\
             mappedFileSizeConsumeQueue=600000\n\
             maxHashSlotNum=10000\n\
             maxIndexNum=40000\n\
             timerWheelEnable=false\n\
             flushDiskType=ASYNC_FLUSH\n\
             brokerRole=ASYNC_MASTER\n\
             waitTimeMillsInSendQueue=5000\n\
             osPageCacheBusyTimeOutMills=5000\n\
             deleteWhen=04\n\
             fileReservedTime=1\n\
             {acl}",
            name = self.name,
            port = self.port,
            names = self.names,
            store = store.display(),
        )
    }

    /// The broker's own file of topics, which spares a Java program for each.
    fn topics(&self) -> String {
        let topic = |name: &&str| {
            format!(
                "\"{name}\":{{\"topicName\":\"{name}\",\"readQueueNums\":4,\"writeQueueNums\":4,\"perm\":6,\
                 \"topicFilterType\":\"SINGLE_TAG\",\"topicSysFlag\":0,\"order\":false,\
                 \"attributes\":{{\"message.type\":\"NORMAL\"}}}}"
            )
        };
        let topics: Vec<_> = self.topics.iter().map(topic).collect();
        format!(
            "{{\"dataVersion\":{{\"counter\":1}},\"topicConfigTable\":{{{}}}}}",
            topics.join(",")
        )
    }
}

/// Whether a name server knows who has `topic`: one question of the remoting protocol.
fn has_route(names: u16, topic: &str) -> io::Result<bool> {
    let header = format!(
        "{{\"code\":105,\"language\":\"OTHER\",\"version\":401,\"opaque\":1,\"flag\":0,\
         \"serializeTypeCurrentRPC\":\"JSON\",\"extFields\":{{\"topic\":\"{topic}\"}}}}"
    );
    let length = u32::try_from(header.len()).unwrap_or_default();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, names))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let frame = [&(length + 4).to_be_bytes()[..], &length.to_be_bytes(), header.as_bytes()];
    stream.write_all(&frame.concat())?;
    let mut lengths = [0; 8];
    stream.read_exact(&mut lengths)?;
    let [.., a, b, c] = lengths;
    let mut header = vec![0; usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)];
    stream.read_exact(&mut header)?;
    Ok(String::from_utf8_lossy(&header).contains("\"code\":0,"))
}

fn java(home: &Path, jars: &Path, memory: &[&str]) -> Command {
    let mut command = Command::new("java");
    command
        .args(["-XX:+UseSerialGC", "-XX:MaxMetaspaceSize=160m"])
        .args(memory)
        .args(OPENED)
        .arg(format!("-Duser.home={}", home.display()))
        .arg(format!("-Drocketmq.client.logRoot={}/logs", home.display()))
        .arg("-cp")
        .arg(jars.join("*"))
        .env("ROCKETMQ_HOME", home)
        .current_dir(home);
    command
}
