//! The benchmark's function: answers as a custom runtime does and keeps book of what it saw.
//!
//! `POST /invoke` is the function; `GET /stats`, `POST /reset?run=N` and
//! `POST /mode?mode=ok|slow|fail|half|busy|crowded|hold&ms=N` are for the harness. Only the current run counts:
//! what an earlier one left behind must not be taken for progress.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::ValueEnum;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;

use crate::clock;
use crate::latency::{Latency, Recorder};
use crate::payload::{Mark, scramble};
use crate::proc;

#[derive(clap::Args)]
pub struct Args {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long, value_enum, default_value_t = Mode::Ok)]
    mode: Mode,
    /// How long `slow` takes.
    #[arg(long, default_value_t = 100)]
    slow_ms: u64,
    /// Ends when standard input does: when the process that started this one is gone.
    #[arg(long)]
    exit_with_stdin: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    Ok,
    Slow,
    Fail,
    /// Takes as long as `slow`; half of the calls fail, whichever.
    Half,
    /// Half of the calls, whichever, are refused with 503 and `Retry-After: 1`.
    Busy,
    /// Takes as long as `slow`; calls beyond [`CROWD`] at a time are refused at once with 503 and `Retry-After: 1`.
    Crowded,
    /// Answers nobody until another mode is set.
    Hold,
    /// Is a remote Function Compute that is told results: answers 202, and its book has the invocations that the
    /// envelopes are about. Functions whose name begins with [`SLOW_NAME`] are as `half` is, and not in the book.
    Told,
}

/// How the names of functions begin that are slow and fail half of the time in mode `told`.
pub const SLOW_NAME: &str = "noisy";

/// Calls at a time that `crowded` takes.
pub const CROWD: u64 = 32;

/// What `GET /stats` says about the current run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Stats {
    pub run: u64,
    pub mode: Mode,
    /// Requests of this run, answered or not.
    pub requests: u64,
    /// Different invocations answered.
    pub seen: u64,
    /// Answers beyond the first to the same invocation.
    pub duplicates: u64,
    /// Requests of other runs, or without a mark.
    pub stale: u64,
    pub in_flight: u64,
    /// When the first and the last of `seen` were answered; 0 before.
    pub first_ns: u64,
    pub last_ns: u64,
    /// From the intended send time to the arrival of the body, first arrivals or not.
    pub latency: Latency,
}

#[derive(Default)]
struct Book {
    run: u64,
    requests: u64,
    seen: u64,
    duplicates: u64,
    stale: u64,
    in_flight: u64,
    first_ns: u64,
    last_ns: u64,
    /// A bit for each invocation number.
    numbers: Vec<u64>,
    latency: Recorder,
}

/// The function: its book and how it behaves. May be called from any thread.
pub struct Function {
    book: Mutex<Book>,
    mode: watch::Sender<(Mode, Duration)>,
}

/// How a call ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Ok,
    Failed,
    Busy,
}

impl Default for Function {
    fn default() -> Self {
        Self::new(Mode::Ok, Duration::ZERO)
    }
}

pub fn main(args: &Args) -> Result<()> {
    if args.exit_with_stdin {
        proc::exit_with_stdin();
    }
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    let function = Function::new(args.mode, Duration::from_millis(args.slow_ms));
    runtime.block_on(Arc::new(function).serve(args.listen))
}

impl Function {
    fn new(mode: Mode, slow: Duration) -> Self {
        let (mode, _) = watch::channel((mode, slow));
        Self { book: Mutex::default(), mode }
    }

    /// Serves calls and the harness, on a [`tokio::runtime::LocalRuntime`].
    pub async fn serve(self: Arc<Self>, listen: SocketAddr) -> Result<()> {
        let listener =
            TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let function = Arc::clone(&self);
            let service = service_fn(move |request| {
                let function = Arc::clone(&function);
                async move { Ok::<_, Infallible>(function.answer(request).await) }
            });
            tokio::task::spawn_local(
                http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    }

    /// One call with this payload: whether it succeeds.
    pub async fn called(&self, body: &[u8]) -> bool {
        self.call(body).await == Outcome::Ok
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if request.method() == Method::POST && path.ends_with("/invocations") {
            let is_slow = path.contains(&format!("/functions/{SLOW_NAME}"));
            return match request.into_body().collect().await {
                Ok(body) => self.told(&body.to_bytes(), is_slow).await,
                Err(_) => status(StatusCode::BAD_REQUEST),
            };
        }
        if request.method() == Method::POST && path == "/invoke" {
            return match request.into_body().collect().await {
                Ok(body) => self.invoke(&body.to_bytes()).await,
                Err(_) => status(StatusCode::BAD_REQUEST),
            };
        }
        self.control(&request).unwrap_or_else(|error| {
            let mut answer = Response::new(Full::from(format!("{error:#}\n")));
            *answer.status_mut() = StatusCode::BAD_REQUEST;
            answer
        })
    }

    async fn invoke(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let (mut answer, said) = match self.call(body).await {
            Outcome::Ok => (Response::new(Full::from("ok")), "200"),
            Outcome::Failed => (status(StatusCode::NOT_FOUND), "404"),
            Outcome::Busy => (status(StatusCode::SERVICE_UNAVAILABLE), "503"),
        };
        // A target that refuses a call says nothing of the kind: with the header, the function did run and failed.
        let (name, value) = match said {
            "503" => (RETRY_AFTER, "1"),
            said => (HeaderName::from_static("x-fc-status"), said),
        };
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
        answer
    }

    async fn told(&self, body: &[u8], is_slow: bool) -> Response<Full<Bytes>> {
        if is_slow {
            let (_, is_unlucky) = self.book().arrived(None, clock::now_ns());
            let _held = InFlight::new(self);
            let (_, slow) = *self.mode.borrow();
            tokio::time::sleep(slow).await;
            return status(if is_unlucky {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::ACCEPTED
            });
        }
        let mark = Mark::read_envelope(body);
        let now_ns = clock::now_ns();
        let mut book = self.book();
        if let (Some(mark), _) = book.arrived(mark, now_ns) {
            book.answered(mark, now_ns);
        }
        status(StatusCode::ACCEPTED)
    }

    async fn call(&self, body: &[u8]) -> Outcome {
        let mark = Mark::read(body);
        let (counted, is_unlucky) = self.book().arrived(mark, clock::now_ns());
        let held = InFlight::new(self);
        let (mut mode, slow) = *self.mode.borrow();
        if mode == Mode::Hold {
            let mut changes = self.mode.subscribe();
            // The sender lives as long as `self`, so this ends with another mode.
            let _changed = changes.wait_for(|(mode, _)| *mode != Mode::Hold).await;
            (mode, _) = *self.mode.borrow();
        }
        let is_crowded = mode == Mode::Crowded && self.book().in_flight > CROWD;
        if matches!(mode, Mode::Slow | Mode::Half | Mode::Crowded) && !is_crowded {
            tokio::time::sleep(slow).await;
        }
        drop(held);
        let outcome = match mode {
            Mode::Fail => Outcome::Failed,
            Mode::Half if is_unlucky => Outcome::Failed,
            Mode::Busy if is_unlucky => Outcome::Busy,
            Mode::Crowded if is_crowded => Outcome::Busy,
            Mode::Ok
            | Mode::Slow
            | Mode::Half
            | Mode::Busy
            | Mode::Crowded
            | Mode::Hold
            | Mode::Told => Outcome::Ok,
        };
        if let (Some(mark), Outcome::Ok) = (counted, outcome) {
            self.book().answered(mark, clock::now_ns());
        }
        outcome
    }

    fn control(&self, request: &Request<Incoming>) -> Result<Response<Full<Bytes>>> {
        let query = request.uri().query().unwrap_or_default();
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/stats") => {
                let (mode, _) = *self.mode.borrow();
                let stats = self.book().stats(mode);
                return Ok(Response::new(Full::from(serde_json::to_vec(&stats)?)));
            }
            (&Method::POST, "/reset") => {
                let run = parameter(query, "run").context("run is missing")?.parse()?;
                self.book().reset(run);
            }
            (&Method::POST, "/mode") => {
                let mode = parameter(query, "mode").context("mode is missing")?;
                let mode = Mode::from_str(mode, true).map_err(anyhow::Error::msg)?;
                let slow = parameter(query, "ms").unwrap_or("100").parse()?;
                self.mode.send_replace((mode, Duration::from_millis(slow)));
            }
            (method, path) => bail!("{method} {path} is not known"),
        }
        Ok(status(StatusCode::OK))
    }
}

impl Book {
    /// Returns the mark if it belongs to this run, and whether the call is of the half that fails, if half do.
    fn arrived(&mut self, mark: Option<Mark>, now_ns: u64) -> (Option<Mark>, bool) {
        let Some(mark) = mark.filter(|mark| mark.run == self.run) else {
            self.stale += 1;
            return (None, scramble(self.stale) % 2 == 1);
        };
        self.requests += 1;
        self.latency.record(mark.intended_ns, now_ns);
        (Some(mark), scramble(self.requests) % 2 == 1)
    }

    fn answered(&mut self, mark: Mark, now_ns: u64) {
        if mark.run != self.run {
            return;
        }
        let word = (mark.number / 64) as usize;
        let bit = 1 << (mark.number % 64);
        if word >= self.numbers.len() {
            self.numbers.resize(word + 1, 0);
        }
        if self.numbers[word] & bit != 0 {
            self.duplicates += 1;
            return;
        }
        self.numbers[word] |= bit;
        if self.seen == 0 {
            self.first_ns = now_ns;
        }
        self.seen += 1;
        self.last_ns = now_ns;
    }

    fn reset(&mut self, run: u64) {
        let in_flight = self.in_flight;
        let mut latency = std::mem::take(&mut self.latency);
        latency.reset();
        *self = Self { run, in_flight, latency, ..Self::default() };
    }

    fn stats(&self, mode: Mode) -> Stats {
        Stats {
            run: self.run,
            mode,
            requests: self.requests,
            seen: self.seen,
            duplicates: self.duplicates,
            stale: self.stale,
            in_flight: self.in_flight,
            first_ns: self.first_ns,
            last_ns: self.last_ns,
            latency: self.latency.latency(),
        }
    }
}

/// Counts a request until it is answered or its caller goes away.
struct InFlight<'function>(&'function Function);

impl<'function> InFlight<'function> {
    fn new(function: &'function Function) -> Self {
        function.book().in_flight += 1;
        Self(function)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.book().in_flight -= 1;
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

fn parameter<'query>(query: &'query str, name: &str) -> Option<&'query str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}
