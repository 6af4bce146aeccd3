//! `invoked-load flood`: a caller with a key at a fixed rate, alone and beside strangers who send as fast as they can.
//!
//! The strangers take processor time from everybody on the machine, the caller among them: what counts is that the
//! caller's requests are answered, and that the daemon does not make them wait for those of the strangers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use invoked_fc::sign::{Credentials, acs3};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::client::KEY;
use crate::disk;
use crate::report::{Figures, grid, number};
use crate::server::{DaemonArgs, FUNCTION, Kind};
use crate::stage::{Stage, Step};

/// Connections of the caller who has a key.
const CALLERS: usize = 16;
/// The flood has to be at its height before anything is measured.
const RISE: Duration = Duration::from_secs(1);
/// After a connection that was not to be had.
const PAUSE: Duration = Duration::from_millis(10);
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// Connections of the strangers.
    #[arg(long, default_value_t = 64)]
    strangers: usize,
    /// Invocations a second of the caller who has a key.
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// How long each flood lasts.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Two seconds each.
    #[arg(long)]
    quick: bool,
}

/// What the strangers send.
#[derive(Clone, Copy)]
struct Flood {
    name: &'static str,
    /// Whether there is a signature, by a key that exists with a secret that is wrong.
    is_signed: bool,
    invocation: &'static str,
    body: usize,
    /// Whether a connection is used again.
    keeps: bool,
}

const FLOODS: [Flood; 5] = [
    Flood {
        name: "unsigned, 1 KB",
        is_signed: false,
        invocation: "Async",
        body: 1 << 10,
        keeps: true,
    },
    Flood {
        name: "badly signed, 1 KB",
        is_signed: true,
        invocation: "Async",
        body: 1 << 10,
        keeps: true,
    },
    Flood {
        name: "badly signed, 128 KB",
        is_signed: true,
        invocation: "Async",
        body: 128 << 10,
        keeps: true,
    },
    Flood {
        name: "unsigned, 8 MB",
        is_signed: false,
        invocation: "Sync",
        body: 8 << 20,
        keeps: true,
    },
    Flood {
        name: "unsigned, a connection each",
        is_signed: false,
        invocation: "Async",
        body: 1 << 10,
        keeps: false,
    },
];

pub fn main(args: &Args) -> Result<()> {
    args.daemon.binary()?;
    let home = args.daemon.directory()?;
    let seconds = if args.quick { 2.0 } else { args.seconds };
    let daemon = DaemonArgs { authenticates: true, ..args.daemon.clone() };
    let mut stage = Stage::set(Kind::Invoked, &daemon, &home.path().join("flood"))?;
    let step =
        Step { signed: true, rate: Some(args.rate), seconds: Some(seconds), ..Step::at(CALLERS) };
    stage.measure(Step { seconds: Some(1.0), ..step })?;
    let mut rows = vec![row("nobody", None, &mut stage, step)?];
    for flood in FLOODS {
        eprintln!("{}", flood.name);
        let strangers = Strangers::begin(flood, stage.server.address, args.strangers)?;
        thread::sleep(RISE);
        rows.push(row(flood.name, Some(&strangers), &mut stage, step)?);
        strangers.end()?;
    }
    rows.push(row("nobody any more", None, &mut stage, step)?);
    let titles = [
        "beside the caller",
        "their requests/s",
        "answered %",
        "accept p50 ms",
        "p99",
        "p99.9",
        "server cores",
    ];
    println!(
        "### A caller with a key at {}/s, 1 KB, beside {} connections of strangers, {seconds} s each, store on {}\n\n{}",
        args.rate,
        args.strangers,
        disk::file_system(home.path())?,
        grid(&titles, &rows)
    );
    Ok(())
}

fn row(
    name: &str,
    strangers: Option<&Strangers>,
    stage: &mut Stage,
    step: Step,
) -> Result<Vec<String>> {
    let count = || strangers.map_or(0, |strangers| strangers.count.load(Ordering::Relaxed));
    let (began, before, used) = (Instant::now(), count(), stage.server.usage()?.cpu_seconds);
    let figures = stage.measure(step)?;
    let took = began.elapsed().as_secs_f64();
    let cores = (stage.server.usage()?.cpu_seconds - used) / took;
    let Figures { accepted, refused, broken, .. } = figures;
    ensure!(figures.unseen == 0.0, "{name}: {} accepted and never run", figures.unseen);
    Ok(vec![
        name.to_owned(),
        number((count() - before) as f64 / took, 0),
        number(100.0 * accepted / (accepted + refused + broken), 2),
        number(figures.accept_p50_us / 1e3, 2),
        number(figures.accept_p99_us / 1e3, 2),
        number(figures.accept_p999_us / 1e3, 2),
        number(cores, 2),
    ])
}

/// Strangers who send, on a thread of their own.
struct Strangers {
    count: Arc<AtomicU64>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<()>>,
}

impl Strangers {
    fn begin(flood: Flood, address: SocketAddr, connections: usize) -> Result<Self> {
        let count = Arc::new(AtomicU64::new(0));
        let request: Arc<[u8]> = request(flood, address).into();
        let (stop, stopped) = oneshot::channel();
        let counted = Arc::clone(&count);
        let thread = thread::Builder::new().name("strangers".to_owned()).spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut sending = JoinSet::new();
                for _ in 0..connections {
                    let (request, count) = (Arc::clone(&request), Arc::clone(&counted));
                    sending.spawn(async move {
                        loop {
                            if send(flood, address, &request, &count).await.is_none() {
                                tokio::time::sleep(PAUSE).await;
                            }
                        }
                    });
                }
                // Whether it was asked or the harness is gone, it is the end.
                drop(stopped.await);
            });
            Ok(())
        })?;
        Ok(Self { count, stop, thread })
    }

    fn end(self) -> Result<()> {
        drop(self.stop);
        self.thread.join().ok().context("the strangers panicked")?
    }
}

/// Sends on one connection until it ends; nothing if there was none.
async fn send(flood: Flood, address: SocketAddr, request: &[u8], count: &AtomicU64) -> Option<()> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.set_nodelay(true).ok()?;
    loop {
        let (mut reading, mut writing) = stream.split();
        // Whoever is refused before the end of the body sends on all the same.
        let (sent, answered) = tokio::join!(writing.write_all(request), answer(&mut reading));
        count.fetch_add(1, Ordering::Relaxed);
        if sent.is_err() || answered.is_none() || !flood.keeps {
            return Some(());
        }
    }
}

/// Reads one answer to its end.
async fn answer(reading: &mut (impl AsyncReadExt + Unpin)) -> Option<()> {
    let mut read = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let bytes = reading.read(&mut buffer).await.ok().filter(|bytes| *bytes > 0)?;
        read.extend_from_slice(&buffer[..bytes]);
        let Some(head) = read.windows(4).position(|window| window == b"\r\n\r\n") else {
            ensure_short(&read)?;
            continue;
        };
        let text = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"))?;
        if read.len() >= head + 4 + length.trim().parse::<usize>().ok()? {
            return Some(());
        }
    }
}

fn ensure_short(read: &[u8]) -> Option<()> {
    (read.len() < ANSWER_BYTES_MAX).then_some(())
}

fn request(flood: Flood, address: SocketAddr) -> Vec<u8> {
    let path = format!("/2023-03-30/functions/{FUNCTION}/invocations");
    let body = vec![b'x'; flood.body];
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nx-fc-invocation-type: {}\r\ncontent-length: {}\r\n",
        flood.invocation, flood.body
    );
    if flood.is_signed {
        let credentials = Credentials {
            access_key_id: KEY.0,
            access_key_secret: "not the secret",
            security_token: None,
        };
        let host = address.to_string();
        let call = acs3::Call {
            method: "POST",
            host: &host,
            path: &path,
            query: &[],
            headers: &[("x-fc-invocation-type", flood.invocation)],
            action: "InvokeFunction",
            version: "2023-03-30",
            body: &body,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = i64::try_from(now).unwrap_or_default();
        for (name, value) in acs3::sign(&call, &credentials, "flood", now) {
            if name != "host" && name != "x-fc-invocation-type" {
                head += &format!("{name}: {value}\r\n");
            }
        }
    }
    let mut request = (head + "\r\n").into_bytes();
    request.extend_from_slice(&body);
    request
}
