//! The load generator. Closed loop: each connection submits as soon as it has its answer. Open
//! loop: invocations are due at a fixed rate, and latency counts from when they were due, so that
//! a server that stalls cannot hide the requests it kept from being sent.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::client::{Connection, Signer, Target};
use crate::clock;
use crate::latency::{Latency, Recorder};
use crate::payload::{Mark, Writer};
use crate::proc;
use crate::queue::LocalQueue;

const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, clap::Args)]
pub struct Args {
    #[arg(long)]
    pub target: SocketAddr,
    #[arg(long, default_value = "bench")]
    pub function: String,
    /// Another path than the invocations of the function; its 202s need not name a request.
    #[arg(long)]
    pub path: Option<String>,
    /// Goes by turns over so many functions, whose names are `function`, `-` and a number from 0.
    #[arg(long)]
    pub functions: Option<u64>,
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Stop after so long; with a rate, the length of the run.
    #[arg(long)]
    pub seconds: Option<f64>,
    /// Stop after so many.
    #[arg(long)]
    pub count: Option<u64>,
    /// Open loop: so many each second. Absent: closed loop.
    #[arg(long)]
    pub rate: Option<f64>,
    /// Bytes of a payload.
    #[arg(long, default_value_t = 1_024)]
    pub size: usize,
    /// The run that the payloads name.
    #[arg(long, default_value_t = 0)]
    pub run: u64,
    /// The first number; the others follow.
    #[arg(long, default_value_t = 0)]
    pub first: u64,
    /// Asks that invocations wait so many seconds; at most an hour.
    #[arg(long, default_value_t = 0)]
    pub delay: u32,
    /// Asks for tasks with ids of the caller's. Not signed.
    #[arg(long, conflicts_with = "sign")]
    pub task_ids: bool,
    /// Signs every request with the benchmark's key.
    #[arg(long)]
    pub sign: bool,
    /// Signs with the key of another account instead.
    #[arg(long, requires = "sign")]
    pub other_account: bool,
    /// Gives up what is unanswered so long after everything should have been sent: a server may hang.
    #[arg(long, default_value_t = 120.0)]
    pub patience: f64,
    /// Ends when standard input does: when the process that started this one is gone.
    #[arg(long)]
    pub exit_with_stdin: bool,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Report {
    pub accepted: u64,
    /// Answers other than 202, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Requests without an answer.
    pub broken: u64,
    /// 202s without `x-fc-request-id`.
    pub unnamed: u64,
    pub started_ns: u64,
    pub ended_ns: u64,
    pub per_second: f64,
    pub latency: Latency,
    pub cpu_seconds: f64,
}

struct Load {
    target: Target,
    payloads: Writer,
    run: u64,
    next: Cell<u64>,
    end: u64,
    end_ns: Cell<u64>,
    /// Requests sent, answered or not.
    sent: Cell<u64>,
    /// Whether every 202 must name its request.
    names: bool,
    tally: RefCell<Tally>,
}

#[derive(Default)]
struct Tally {
    report: Report,
    latency: Recorder,
}

pub fn main(args: &Args) -> Result<()> {
    if args.exit_with_stdin {
        proc::exit_with_stdin();
    }
    // Threads inherit it: the pacer's sleeps would otherwise end up to 50 us late.
    let _unchanged = std::fs::write("/proc/self/timerslack_ns", "1");
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let report = runtime.block_on(generate(args))?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

async fn generate(args: &Args) -> Result<Report> {
    ensure!(args.count.is_some() || args.seconds.is_some(), "give --count or --seconds");
    let path = |function: &str| match &args.path {
        Some(path) => path.clone(),
        None => format!("/2023-03-30/functions/{function}/invocations"),
    };
    let mut target = Target::new(args.target, &path(&args.function), "application/json")?;
    let names = (0..args.functions.unwrap_or(0)).map(|at| format!("{}-{at}", args.function));
    target.paths = names.map(|name| path(&name).parse()).collect::<Result<_, _>>()?;
    target
        .extra
        .push((HeaderName::from_static("x-fc-invocation-type"), HeaderValue::from_static("Async")));
    if args.delay > 0 {
        target.extra.push((HeaderName::from_static("x-fc-async-delay"), args.delay.into()));
    }
    target.task_ids = args.task_ids.then_some(args.run);
    target.signer = match (args.sign, args.other_account) {
        (false, _) => None,
        (true, false) => Some(Signer::of_the_benchmark()),
        (true, true) => Some(Signer::of_another_account()),
    };
    let load = Rc::new(Load {
        target,
        payloads: Writer::new(args.size),
        run: args.run,
        next: Cell::new(args.first),
        end: args.count.map_or(u64::MAX, |count| args.first.saturating_add(count)),
        end_ns: Cell::new(u64::MAX),
        sent: Cell::new(0),
        names: args.path.is_none(),
        tally: RefCell::default(),
    });
    let mut connections = Vec::with_capacity(args.connections);
    for _ in 0..args.connections {
        connections.push(Connection::open_patiently(&load.target, PATIENCE).await?);
    }

    let cpu_before = proc::own_cpu_seconds()?;
    let started_ns = clock::now_ns();
    let submitters = match args.rate {
        None => {
            if let Some(seconds) = args.seconds {
                load.end_ns.set(started_ns + (seconds * 1e9) as u64);
            }
            closed_loop(&load, connections)
        }
        Some(rate) => {
            let seconds = args.seconds.unwrap_or(f64::MAX);
            let count = args.count.unwrap_or(u64::MAX).min((rate * seconds) as u64);
            open_loop(&load, connections, rate, count)
        }
    };
    let patience = Patience::new(args, &load);
    tokio::select! {
        ended = all(submitters) => ended?,
        () = patience.ends() => {}
    }
    let ended_ns = clock::now_ns();

    let tally = load.tally.take();
    let mut report = tally.report;
    let answered = report.accepted + report.refused.values().sum::<u64>() + report.broken;
    report.broken += load.sent.get().saturating_sub(answered);
    report.started_ns = started_ns;
    report.ended_ns = ended_ns;
    report.per_second = report.accepted as f64 / clock::seconds(started_ns, ended_ns);
    report.latency = tally.latency.latency();
    report.cpu_seconds = proc::own_cpu_seconds()? - cpu_before;
    Ok(report)
}

async fn all(submitters: Vec<JoinHandle<Result<()>>>) -> Result<()> {
    for submitter in submitters {
        submitter.await.context("a submitter failed")??;
    }
    Ok(())
}

/// When to give up: so long without an answer after the time that the run was given.
struct Patience {
    load: Rc<Load>,
    begin: Duration,
    each: Duration,
}

impl Patience {
    const STEP: Duration = Duration::from_secs(1);

    fn new(args: &Args, load: &Rc<Load>) -> Self {
        let begin = Duration::from_secs_f64(args.seconds.unwrap_or(0.0));
        Self { load: Rc::clone(load), begin, each: Duration::from_secs_f64(args.patience) }
    }

    fn accepted(&self) -> u64 {
        self.load.tally.borrow().report.accepted
    }

    async fn ends(&self) {
        let mut waited = Duration::ZERO;
        let mut last = self.accepted();
        while waited < self.begin + self.each {
            tokio::time::sleep(Self::STEP).await;
            let now = self.accepted();
            waited = if now > last { Duration::ZERO } else { waited + Self::STEP };
            last = now;
        }
    }
}

fn closed_loop(load: &Rc<Load>, connections: Vec<Connection>) -> Vec<JoinHandle<Result<()>>> {
    let submitters = connections.into_iter().map(|mut connection| {
        let load = Rc::clone(load);
        tokio::task::spawn_local(async move {
            loop {
                let now_ns = clock::now_ns();
                let number = load.next.get();
                if number >= load.end || now_ns >= load.end_ns.get() {
                    return Ok(());
                }
                load.next.set(number + 1);
                load.submit(&mut connection, number, now_ns).await?;
            }
        })
    });
    submitters.collect()
}

/// A thread keeps the pace, because the runtime's timer counts in whole milliseconds.
fn open_loop(
    load: &Rc<Load>,
    connections: Vec<Connection>,
    rate: f64,
    count: u64,
) -> Vec<JoinHandle<Result<()>>> {
    let (due, mut dues) = mpsc::unbounded_channel();
    let first = load.next.get();
    let begin_ns = clock::now_ns() + 10_000_000;
    thread::spawn(move || {
        for index in 0..count {
            let intended_ns = begin_ns + (index as f64 / rate * 1e9) as u64;
            let wait = intended_ns.saturating_sub(clock::now_ns());
            if wait > 0 {
                thread::sleep(Duration::from_nanos(wait));
            }
            if due.send((first + index, intended_ns)).is_err() {
                return;
            }
        }
    });

    let queue = Rc::new(LocalQueue::default());
    let mut tasks = Vec::with_capacity(connections.len() + 1);
    for mut connection in connections {
        let load = Rc::clone(load);
        let queue = Rc::clone(&queue);
        tasks.push(tokio::task::spawn_local(async move {
            while let Some((number, intended_ns)) = queue.pop().await {
                load.submit(&mut connection, number, intended_ns).await?;
            }
            Ok(())
        }));
    }
    tasks.push(tokio::task::spawn_local(async move {
        while let Some(item) = dues.recv().await {
            queue.push(item);
        }
        queue.close();
        Ok(())
    }));
    tasks
}

impl Load {
    async fn submit(
        &self,
        connection: &mut Connection,
        number: u64,
        intended_ns: u64,
    ) -> Result<()> {
        let body = self.payloads.write(Mark { run: self.run, number, intended_ns });
        self.sent.set(self.sent.get() + 1);
        let answer = connection.post(&self.target, body).await;
        let now_ns = clock::now_ns();

        let Ok(answer) = answer else {
            self.tally.borrow_mut().report.broken += 1;
            *connection = Connection::open_patiently(&self.target, PATIENCE).await?;
            return Ok(());
        };
        let status = answer.status().as_u16();
        {
            let mut tally = self.tally.borrow_mut();
            if status == 202 {
                tally.report.accepted += 1;
                tally.latency.record(intended_ns, now_ns);
                if self.names && !answer.headers().contains_key("x-fc-request-id") {
                    tally.report.unnamed += 1;
                }
                return Ok(());
            }
            *tally.report.refused.entry(status).or_default() += 1;
        }
        // A server that refuses is not to be stormed.
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(())
    }
}
