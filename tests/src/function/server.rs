//! The server itself: a thread per connection, as the daemon keeps few of them open.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::function::plan::Step;
use crate::http::message::{Headers, Message, Undeclared, read};
use crate::poll;

/// One request as the function saw it.
#[derive(Debug, Clone)]
pub struct Call {
    pub arrived: Instant,
    pub method: String,
    pub path: String,
    pub request_id: String,
    /// From the header `x-invoked-attempt`, counted from 1.
    pub attempt: u32,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Call {
    fn new(message: Message) -> Self {
        let (method, path) = message.target();
        let header = |name: &str| message.headers.first(name).unwrap_or_default().to_owned();
        Self {
            arrived: Instant::now(),
            method: method.to_owned(),
            path: path.to_owned(),
            request_id: header("x-fc-request-id"),
            attempt: header("x-invoked-attempt").parse().unwrap_or_default(),
            headers: message.headers,
            body: message.body,
        }
    }

    /// The body as JSON: the payload of the caller, or the envelope of a callback.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", String::from_utf8_lossy(&self.body)))
    }
}

type Observer = dyn Fn(&Call) + Send + Sync;

struct Shared {
    state: Mutex<State>,
    released: Condvar,
    closing: AtomicBool,
    /// Told of every call before it is answered; without one, the calls are kept.
    observer: Option<Box<Observer>>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    seen: BTreeMap<String, usize>,
    released: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct FunctionServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl FunctionServer {
    /// A server that keeps every call for [`Self::calls`].
    #[must_use]
    pub fn start() -> Self {
        Self::serve(None)
    }

    /// A server that shows every call to `observer` and keeps none.
    pub fn observed(observer: impl Fn(&Call) + Send + Sync + 'static) -> Self {
        Self::serve(Some(Box::new(observer)))
    }

    fn serve(observer: Option<Box<Observer>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = listener.local_addr().expect("a bound address");
        let closing = AtomicBool::new(false);
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            released: Condvar::new(),
            closing,
            observer,
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.closing.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                // A connection that breaks is the daemon's business, and some tests break it on purpose.
                thread::spawn(move || stream.and_then(|stream| converse(&shared, stream)));
            }
        });
        Self { address, shared }
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// The calls of one invocation, in the order in which they came.
    #[must_use]
    pub fn calls_of(&self, request_id: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.request_id == request_id).collect()
    }

    /// Waits until there are at least so many calls.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Call> {
        poll::until(&format!("{count} calls of the function"), poll::SOON, || {
            Some(self.calls()).filter(|calls| calls.len() >= count)
        })
    }

    /// Lets every `hold` go on, now and later.
    pub fn release(&self) {
        self.shared.state().released = true;
        self.shared.released.notify_all();
    }
}

impl fmt::Debug for FunctionServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for FunctionServer {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        self.release();
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

fn converse(shared: &Shared, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(message) = read(&mut stream, Undeclared::Empty)? {
        let closes = message.closes();
        let call = Call::new(message);
        let step = note(shared, &call);
        let Some(answer) = answer(shared, &step, &call) else { return Ok(()) };
        stream.get_mut().write_all(&answer)?;
        if closes {
            return Ok(());
        }
    }
    Ok(())
}

fn note(shared: &Shared, call: &Call) -> Step {
    if let Some(observer) = &shared.observer {
        observer(call);
    }
    let mut state = shared.state();
    let seen = state.seen.entry(call.request_id.clone()).or_default();
    let step = Step::of(&call.body, *seen);
    *seen += 1;
    if shared.observer.is_none() {
        state.calls.push(call.clone());
    }
    step
}

/// The bytes of the answer, or none if the connection is to be dropped.
fn answer(shared: &Shared, step: &Step, call: &Call) -> Option<Vec<u8>> {
    const SUCCESS: &str = "x-fc-status: 200\r\n";
    const FAILURE: &str = "x-fc-status: 404\r\n";
    match step {
        Step::Succeed => {}
        Step::Slow(time) => thread::sleep(*time),
        Step::Hold => {
            let state = shared.state();
            drop(shared.released.wait_while(state, |state| !state.released));
        }
        Step::Fail => return Some(response(404, FAILURE, br#"{"errorMessage":"as planned"}"#)),
        Step::Status(status) => return Some(response(*status, "", b"as planned")),
        Step::Drop => return None,
    }
    Some(response(200, SUCCESS, &call.body))
}

fn response(status: u16, header: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status} Planned\r\n{header}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::FunctionServer;
    use crate::http::{Connection, Request};

    fn invoke(request_id: &str, body: &str) -> Request {
        Request::new("POST", "/invoke")
            .header("x-fc-request-id", request_id)
            .header("x-invoked-attempt", 2)
            .body(body)
    }

    #[test]
    fn every_call_is_kept_and_answered_as_its_plan_says() {
        let server = FunctionServer::start();
        let mut connection = Connection::open(server.address).unwrap();
        let plan = r#"{"plan":["fail","ok"]}"#;
        let statuses: Vec<_> = ["a", "a", "b"]
            .map(|id| connection.send(&invoke(id, plan)).unwrap())
            .map(|response| response.headers.first("x-fc-status").unwrap().to_owned())
            .into();
        assert_eq!(statuses, ["404", "200", "404"]);
        let calls = server.calls_of("a");
        assert_eq!((calls.len(), calls[0].attempt, calls[0].path.as_str()), (2, 2, "/invoke"));
        assert_eq!(calls[0].body, plan.as_bytes());
    }

    #[test]
    fn a_held_call_is_answered_after_the_release() {
        let server = FunctionServer::start();
        let mut connection = Connection::open(server.address).unwrap();
        std::thread::scope(|scope| {
            let answer = scope
                .spawn(|| connection.send(&invoke("a", r#"{"plan":["hold"]}"#)).unwrap().status());
            server.wait_for(1);
            assert!(!answer.is_finished());
            server.release();
            assert_eq!(answer.join().unwrap(), 200);
        });
    }

    #[test]
    fn a_dropped_call_gets_no_answer() {
        let server = FunctionServer::start();
        let mut connection = Connection::open(server.address).unwrap();
        assert!(connection.send(&invoke("a", r#"{"plan":["drop"]}"#)).is_err());
    }
}
