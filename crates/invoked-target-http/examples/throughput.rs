//! Calls per second of the target against a trivial hyper server, each on one core of its own.
//!
//! `cargo run --release -p invoked-target-http --example throughput -- [in flight] [calls]`

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use invoked_core::directory::FunctionKind;
use invoked_core::id::{Attempt, RequestId};
use invoked_core::life::Verdict;
use invoked_core::limits::RESULT_MAX;
use invoked_core::name::{FunctionName, Qualifier};
use invoked_http::{Client, Config, Egress};
use invoked_sink::{Attempted, NamedBy, StatusRule, Target, TargetAddress, TargetSpec};
use invoked_target_http::HttpTarget;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| -> u64 {
        arguments.next().map_or(default, |text| text.parse().expect("a number"))
    };
    let (in_flight, calls) = (number(64), number(200_000));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound port"));
    listener.set_nonblocking(true).expect("a socket");
    // Ends with the process.
    let _server = thread::spawn(|| one_core().block_on(serve(listener)));
    one_core().block_on(measure(&url, in_flight, calls));
}

fn one_core() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn serve(listener: std::net::TcpListener) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        connections.spawn(async move {
            let echo = service_fn(|request: http::Request<hyper::body::Incoming>| async {
                let body = request.into_body().collect().await.map(|body| body.to_bytes());
                let body = body.unwrap_or_default();
                Ok::<_, Infallible>(Response::new(Full::new(body)))
            });
            http1::Builder::new().serve_connection(TokioIo::new(stream), echo).await.ok();
        });
    }
}

#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures and says so")]
async fn measure(url: &str, in_flight: u64, calls: u64) {
    let client = Client::new(&Config::default(), Egress::default());
    let target = Arc::new(HttpTarget::new(client));
    let attempted = Arc::new(attempted(url));
    let left = Arc::new(AtomicU64::new(calls));
    let start = (Instant::now(), cpu_ticks());
    let mut callers = JoinSet::new();
    for _ in 0..in_flight {
        let (target, attempted, left) =
            (Arc::clone(&target), Arc::clone(&attempted), Arc::clone(&left));
        callers.spawn(async move {
            while left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok()
            {
                let answer = target.invoke(&attempted).await;
                assert_eq!(answer.verdict, Verdict::Succeeded, "{answer:?}");
            }
        });
    }
    callers.join_all().await;
    let seconds = start.0.elapsed().as_secs_f64();
    let busy = Duration::from_millis(10 * (cpu_ticks() - start.1)).as_secs_f64();
    let calls = f64::from(u32::try_from(calls).unwrap_or(u32::MAX));
    println!(
        "{in_flight} in flight: {:.0} calls/s, {:.0} calls per second of CPU of this thread",
        calls / seconds,
        calls / busy
    );
}

/// User and system time of this thread, in hundredths of a second.
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

fn attempted(url: &str) -> Attempted {
    Attempted {
        target: Arc::new(TargetSpec {
            function: FunctionName::parse("hello").expect("a name"),
            account: "1234567890".into(),
            region: "cn-hangzhou".into(),
            kind: FunctionKind::Event,
            address: TargetAddress::Runtime { url: url.into() },
            named_by: NamedBy::Operator,
            timeout: Duration::from_secs(60),
            status: StatusRule::Header,
            initialize: false,
            handler: "index.handler".into(),
            memory_mb: 512,
        }),
        qualifier: Qualifier::LATEST,
        request_id: RequestId([7; 16]),
        attempt: Attempt(1),
        depth: 0,
        trace: None,
        payload: Bytes::from(vec![b'x'; 1_024]),
        result_max: RESULT_MAX,
    }
}
