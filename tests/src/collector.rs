//! A collector of spans: takes OTLP over HTTP and keeps what it is told, as OpenTelemetry's own schema reads it.

use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::http::message::{Message, Undeclared, read};
use crate::poll;

/// How a collector treats who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Takes,
    /// Answers 503.
    Refuses,
    /// Reads and never answers.
    Hangs,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Span>,
    headers: Vec<Message>,
}

#[derive(Debug)]
pub struct Collector {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

impl Collector {
    #[must_use]
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = listener.local_addr().expect("a bound address");
        let kept = Arc::new(Mutex::default());
        let keeping = Arc::clone(&kept);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = Arc::clone(&keeping);
                thread::spawn(move || stream.and_then(|stream| converse(&kept, stream, manner)));
            }
        });
        Self { address, kept }
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that has come.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        lock(&self.kept).spans.clone()
    }

    /// Waits until so many have come.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Span> {
        poll::soon("the spans have come", || count <= lock(&self.kept).spans.len());
        self.spans()
    }

    /// A header of the first request.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        lock(&self.kept).headers.first()?.headers.first(name).map(str::to_owned)
    }
}

/// An attribute of a span, as text.
#[must_use]
pub fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{name} is {other:?}"),
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn converse(kept: &Mutex<Kept>, stream: TcpStream, manner: Manner) -> io::Result<()> {
    let mut answers = stream.try_clone()?;
    let mut requests = BufReader::new(stream);
    while let Some(message) = read(&mut requests, Undeclared::Empty)? {
        let (method, path) = message.target();
        assert_eq!((method, path), ("POST", "/v1/traces"));
        match manner {
            Manner::Takes => {
                let request = ExportTraceServiceRequest::decode(message.body.as_slice());
                let request = request.expect("what OTLP says");
                let scopes = request.resource_spans.into_iter().flat_map(|of| of.scope_spans);
                let mut kept = lock(kept);
                kept.spans.extend(scopes.flat_map(|scope| scope.spans));
                kept.headers.push(message);
                answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n")?;
            }
            Manner::Refuses => answers
                .write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")?,
            Manner::Hangs => {}
        }
    }
    Ok(())
}
