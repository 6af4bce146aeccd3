//! A name server and broker on one port, written from the protocol and not from our own code: it
//! checks signatures, keeps what it was asked, and answers as a script says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use sha1::Sha1;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub(super) const ROUTE: i64 = 105;
pub(super) const CLUSTER: i64 = 106;
pub(super) const SEND: i64 = 310;

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Which of the connections, counted from 0.
    pub(super) connection: usize,
    pub(super) code: i64,
    pub(super) opaque: i64,
    pub(super) fields: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Seen {
    /// A property of a message.
    pub(super) fn property(&self, name: &str) -> Option<&str> {
        let list = self.fields.get("i")?.split('\u{2}');
        list.filter_map(|entry| entry.split_once('\u{1}'))
            .find(|entry| entry.0 == name)
            .map(|e| e.1)
    }

    /// Whether `secret` made the signature.
    pub(super) fn is_signed_with(&self, secret: &str) -> bool {
        let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
        for (_, value) in self.fields.iter().filter(|(name, _)| *name != "Signature") {
            mac.update(value.as_bytes());
        }
        mac.update(&self.body);
        self.fields.get("Signature") == Some(&STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// What is done about a request.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// An answer with a code and a remark.
    Code(i32, &'static str),
    /// An answer with a body.
    Body(String),
    /// The message is taken, under this id.
    Taken(&'static str),
    /// These bytes instead of a frame.
    Raw(Vec<u8>),
    /// As this, and then all that were held back before, the latest first.
    ThenHeld(Box<Self>),
    /// Nothing, until somebody says [`Reply::ThenHeld`].
    Held,
    /// The end of the connection.
    Cut,
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    script: Box<Script>,
    tls: Option<TlsAcceptor>,
    seen: Mutex<Vec<Seen>>,
    closed: Mutex<usize>,
    changed: Notify,
}

impl Server {
    pub(super) async fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(None, Box::new(script)).await
    }

    /// With the certificate of `localhost`.
    pub(super) async fn with_tls(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let chain = include_bytes!("../../../invoked-http/testdata/localhost.pem");
        let key = include_bytes!("../../../invoked-http/testdata/localhost.key");
        let chain = CertificateDer::pem_slice_iter(chain).map(Result::unwrap).collect();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key).unwrap())
            .unwrap();
        Self::listen(Some(TlsAcceptor::from(Arc::new(config))), Box::new(script)).await
    }

    async fn listen(tls: Option<TlsAcceptor>, script: Box<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script,
            tls,
            seen: Mutex::default(),
            closed: Mutex::default(),
            changed: Notify::new(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, _tasks: tasks }
    }

    /// Everything it was asked.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    pub(super) fn sent(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.code == SEND).collect()
    }

    /// Waits until it was asked to take so many messages.
    pub(super) async fn until_sent(&self, count: usize) {
        self.until(|| self.sent().len() >= count).await;
    }

    /// Waits until so many connections have ended.
    pub(super) async fn until_closed(&self, count: usize) {
        self.until(|| *self.shared.closed.lock().unwrap() >= count).await;
    }

    pub(super) async fn until(&self, is_so: impl Fn() -> bool) {
        loop {
            let changed = self.shared.changed.notified();
            if is_so() {
                return;
            }
            changed.await;
        }
    }
}

/// The route of any topic: these brokers, each with two queues.
pub(super) fn route(brokers: &[(&str, String)]) -> Reply {
    let datas = brokers.iter().map(|(name, address)| {
        format!(r#"{{"brokerAddrs":{{"0":"{address}"}},"brokerName":"{name}","cluster":"C"}}"#)
    });
    let queues = brokers.iter().map(|(name, _)| {
        format!(r#"{{"brokerName":"{name}","perm":6,"readQueueNums":2,"topicSysFlag":0,"writeQueueNums":2}}"#)
    });
    let (datas, queues): (Vec<_>, Vec<_>) = (datas.collect(), queues.collect());
    let (datas, queues) = (datas.join(","), queues.join(","));
    Reply::Body(format!(
        r#"{{"brokerDatas":[{datas}],"filterServerTable":{{}},"queueDatas":[{queues}]}}"#
    ))
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    for number in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(serve(number, stream, Arc::clone(&shared)));
    }
}

async fn serve(number: usize, stream: TcpStream, shared: Arc<Shared>) {
    match shared.tls.clone() {
        None => drop(talk(number, stream, &shared).await),
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                drop(talk(number, stream, &shared).await);
            }
        }
    }
    *shared.closed.lock().unwrap() += 1;
    shared.changed.notify_waiters();
}

async fn talk(
    number: usize,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    shared: &Shared,
) -> std::io::Result<()> {
    let mut held = Vec::new();
    loop {
        let seen = receive(number, &mut stream).await?;
        shared.seen.lock().unwrap().push(seen.clone());
        shared.changed.notify_waiters();
        let mut reply = (shared.script)(&seen);
        let mut late = Vec::new();
        if let Reply::ThenHeld(first) = reply {
            reply = *first;
            late = std::mem::take(&mut held);
        }
        match &reply {
            Reply::Held => held.push(seen.opaque),
            Reply::Cut => return Ok(()),
            Reply::Raw(bytes) => stream.write_all(bytes).await?,
            Reply::Code(..) | Reply::Body(_) | Reply::Taken(_) | Reply::ThenHeld(_) => {
                stream.write_all(&answer(seen.opaque, &reply)).await?;
            }
        }
        for opaque in late.into_iter().rev() {
            stream.write_all(&answer(opaque, &Reply::Taken("LATE"))).await?;
        }
        stream.flush().await?;
    }
}

fn answer(opaque: i64, reply: &Reply) -> Vec<u8> {
    let mut header = serde_json::json!({
        "code": 0, "flag": 1, "language": "JAVA", "opaque": opaque,
        "serializeTypeCurrentRPC": "JSON", "version": 479,
    });
    let mut body = "";
    match reply {
        Reply::Code(code, remark) => {
            header["code"] = (*code).into();
            header["remark"] = (*remark).into();
        }
        Reply::Body(text) => body = text,
        Reply::Taken(id) => {
            header["extFields"] =
                serde_json::json!({"msgId": id, "queueId": "0", "queueOffset": "7"});
        }
        Reply::Raw(_) | Reply::ThenHeld(_) | Reply::Held | Reply::Cut => panic!("no answer"),
    }
    let header = header.to_string();
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_be_bytes();
    let parts =
        [&length(4 + header.len() + body.len())[..], &length(header.len()), header.as_bytes()];
    [&parts.concat(), body.as_bytes()].concat()
}

async fn receive(
    connection: usize,
    stream: &mut (impl AsyncRead + Unpin),
) -> std::io::Result<Seen> {
    let total = usize::try_from(stream.read_u32().await?).unwrap();
    let mut frame = vec![0; total];
    stream.read_exact(&mut frame).await?;
    let (prefix, rest) = frame.split_first_chunk::<4>().unwrap();
    let prefix = u32::from_be_bytes(*prefix);
    assert_eq!(prefix >> 24, 0, "a JSON header");
    let (header, body) = rest.split_at(usize::try_from(prefix).unwrap());
    let header: serde_json::Value = serde_json::from_slice(header).unwrap();
    let fields = header["extFields"].as_object().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    Ok(Seen {
        connection,
        code: header["code"].as_i64().unwrap(),
        opaque: header["opaque"].as_i64().unwrap(),
        fields: fields.map(|(name, value)| (name.clone(), text(value))).collect(),
        body: body.to_vec(),
    })
}
