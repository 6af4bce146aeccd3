//! The floor: the least that accepts durably and dispatches. A hyper server on one thread, the
//! [`log`](crate::log), a queue in memory, and keep-alive connections to the function; the result
//! goes to the same log. No retry, no read-back: what `invoked` costs is the distance from here.

use std::cell::Cell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, oneshot};

use crate::client::{Connection, Target};
use crate::log::{Batch, Entry, Log};
use crate::proc;
use crate::queue::LocalQueue;

#[derive(clap::Args)]
pub struct Args {
    #[arg(long)]
    listen: SocketAddr,
    /// Where the function listens.
    #[arg(long)]
    function: SocketAddr,
    /// Connections to the function.
    #[arg(long, default_value_t = 64)]
    concurrency: usize,
    #[arg(long)]
    log: PathBuf,
    /// Size of the preallocated log, in MiB; it is written round and round.
    #[arg(long, default_value_t = 512)]
    log_mib: u64,
    /// Ends when standard input does: when the process that started this one is gone.
    #[arg(long)]
    exit_with_stdin: bool,
}

type Waiting = LocalQueue<(u64, Bytes)>;

struct Floor {
    log: Sender<Entry>,
    waiting: Waiting,
    next_id: Cell<u64>,
}

pub fn main(args: &Args) -> Result<()> {
    if args.exit_with_stdin {
        proc::exit_with_stdin();
    }
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(serve(args))
}

async fn serve(args: &Args) -> Result<()> {
    let (log, durable) = Log::create(&args.log, args.log_mib << 20)?.start();
    let floor = Rc::new(Floor { log, waiting: LocalQueue::default(), next_id: Cell::new(0) });
    tokio::task::spawn_local(acknowledge(Rc::clone(&floor), durable));

    let target = Rc::new(Target::new(args.function, "/invoke", "application/octet-stream")?);
    for _ in 0..args.concurrency {
        tokio::task::spawn_local(dispatch(Rc::clone(&floor), Rc::clone(&target)));
    }

    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("listening on {}", args.listen))?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let floor = Rc::clone(&floor);
        let service = service_fn(move |request| accept(Rc::clone(&floor), request));
        tokio::task::spawn_local(
            http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn accept(
    floor: Rc<Floor>,
    request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    if request.method() != Method::POST {
        return Ok(Response::new(Empty::new()));
    }
    let mut answer = Response::new(Empty::new());
    match floor.record(request).await {
        Ok(id) => {
            *answer.status_mut() = StatusCode::ACCEPTED;
            let id = HeaderValue::from_str(&format!("{id:032x}")).expect("hexadecimal");
            answer.headers_mut().insert("x-fc-request-id", id);
        }
        Err(_) => *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    Ok(answer)
}

impl Floor {
    async fn record(&self, request: Request<Incoming>) -> Result<u64> {
        let body = request.into_body().collect().await?.to_bytes();
        // A slice of hyper's read buffer would keep all 8 KiB of it for as long as it waits.
        let body = Bytes::copy_from_slice(&body);
        let id = self.next_id.replace(self.next_id.get() + 1);
        let (on_durable, durable) = oneshot::channel();
        self.log.send(Entry { id, body, on_durable: Some(on_durable) })?;
        durable.await?;
        Ok(id)
    }
}

async fn acknowledge(floor: Rc<Floor>, mut durable: mpsc::UnboundedReceiver<Batch>) {
    while let Some(batch) = durable.recv().await {
        for entry in batch {
            let Some(acceptor) = entry.on_durable else { continue };
            // Whoever asked may have gone; the invocation is accepted all the same.
            let _gone = acceptor.send(());
            floor.waiting.push((entry.id, entry.body));
        }
    }
}

async fn dispatch(floor: Rc<Floor>, target: Rc<Target>) {
    let mut connection = None;
    while let Some((id, body)) = floor.waiting.pop().await {
        match attempt(&mut connection, &target, body.clone()).await {
            Ok(result) => {
                let record = Entry { id, body: result, on_durable: None };
                if floor.log.send(record).is_err() {
                    return;
                }
            }
            Err(_) => {
                connection = None;
                floor.waiting.push((id, body));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn attempt(
    connection: &mut Option<Connection>,
    target: &Target,
    body: Bytes,
) -> Result<Bytes> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(Connection::open(target).await?),
    };
    let answer = connection.post(target, body).await?;
    Ok(Bytes::copy_from_slice(answer.status().as_str().as_bytes()))
}
