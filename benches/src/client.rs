//! One raw keep-alive connection: the load generator's and the floor's way to post. No pool, so
//! that what is measured is the server and not the client's bookkeeping.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use invoked_fc::headers::ASYNC_TASK_ID;
use invoked_fc::sign::{Credentials, acs3};
use tokio::net::TcpStream;

/// Where and how to post: everything that stays the same from one request to the next.
pub struct Target {
    pub address: SocketAddr,
    pub path: Uri,
    /// If there are any, each request goes to the next of them instead.
    pub paths: Vec<Uri>,
    pub content_type: HeaderValue,
    pub extra: Vec<(HeaderName, HeaderValue)>,
    pub signer: Option<Signer>,
    /// Each request asks for a task with an id of its own, which begins with this number.
    pub task_ids: Option<u64>,
    host: HeaderValue,
    turn: Cell<usize>,
}

impl Target {
    pub fn new(address: SocketAddr, path: &str, content_type: &'static str) -> Result<Self> {
        Ok(Self {
            address,
            path: path.parse().with_context(|| format!("the path {path}"))?,
            paths: Vec::new(),
            content_type: HeaderValue::from_static(content_type),
            extra: Vec::new(),
            signer: None,
            task_ids: None,
            host: HeaderValue::from_str(&address.to_string())?,
            turn: Cell::new(0),
        })
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let turn = self.turn.replace(self.turn.get() + 1);
        let path = match self.paths.len() {
            0 => &self.path,
            several => &self.paths[turn % several],
        };
        let signed = self.signer.as_ref().map(|signer| signer.headers(self, path, &body));
        let mut request = Request::post(path.clone()).body(Full::new(body)).expect("valid");
        let headers = request.headers_mut();
        for (name, value) in signed.into_iter().flatten() {
            headers.insert(name, value);
        }
        headers.insert(HOST, self.host.clone());
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        if let Some(first) = self.task_ids {
            let id = format!("task-{first}-{turn}");
            let name = HeaderName::from_static(ASYNC_TASK_ID);
            headers.insert(name, HeaderValue::from_str(&id).expect("ASCII"));
        }
        for (name, value) in &self.extra {
            headers.insert(name.clone(), value.clone());
        }
        request
    }
}

/// Signs each request with ACS3, as the official clients of 2021 and 2023 do.
pub struct Signer {
    access_key_id: &'static str,
    access_key_secret: &'static str,
    count: Cell<u64>,
}

impl Signer {
    /// The key of the benchmark's daemons.
    #[must_use]
    pub fn of_the_benchmark() -> Self {
        let (access_key_id, access_key_secret) = KEY;
        Self { access_key_id, access_key_secret, count: Cell::new(0) }
    }

    /// The key of another account.
    #[must_use]
    pub fn of_another_account() -> Self {
        let (access_key_id, access_key_secret) = OTHER_KEY;
        Self { access_key_id, access_key_secret, count: Cell::new(0) }
    }

    fn headers(&self, target: &Target, path: &Uri, body: &[u8]) -> Vec<(HeaderName, HeaderValue)> {
        let count = self.count.get();
        self.count.set(count + 1);
        let content_type = target.content_type.to_str().unwrap_or_default();
        let call = acs3::Call {
            method: "POST",
            host: target.host.to_str().unwrap_or_default(),
            path: path.path(),
            query: &[],
            headers: &[("content-type", content_type), ("x-fc-invocation-type", "Async")],
            action: "InvokeFunction",
            version: "2023-03-30",
            body,
        };
        let credentials = Credentials {
            access_key_id: self.access_key_id,
            access_key_secret: self.access_key_secret,
            security_token: None,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let nonce = format!("{:x}-{count:x}", std::process::id());
        acs3::sign(&call, &credentials, &nonce, i64::try_from(now).unwrap_or_default())
            .into_iter()
            .filter_map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
            .collect()
    }
}

/// The key of the benchmark's daemons, and its secret.
pub const KEY: (&str, &str) = ("bench", "bench-secret");

/// A key of another account than the daemon's own.
pub const OTHER_KEY: (&str, &str) = ("other", "other-secret");
pub const OTHER_ACCOUNT: &str = "2";

pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Must run on a [`tokio::runtime::LocalRuntime`]; the connection ends with it.
    pub async fn open(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(driver);
        Ok(Self { sender })
    }

    /// Tries again until `patience` is over: the server may be starting.
    pub async fn open_patiently(target: &Target, patience: Duration) -> Result<Self> {
        const PAUSE: Duration = Duration::from_millis(20);
        let mut waited = Duration::ZERO;
        loop {
            match Self::open(target).await {
                Ok(connection) => return Ok(connection),
                Err(error) if waited >= patience => {
                    return Err(error).with_context(|| format!("connecting to {}", target.address));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
            waited += PAUSE;
        }
    }

    /// Returns when the whole answer has been read.
    pub async fn post(&mut self, target: &Target, body: Bytes) -> Result<Response<()>> {
        self.sender.ready().await?;
        let answer = self.sender.send_request(target.request(body)).await?;
        let (parts, mut body) = answer.into_parts();
        while !body.is_end_stream() {
            match body.frame().await {
                Some(frame) => drop(frame?),
                None => break,
            }
        }
        Ok(Response::from_parts(parts, ()))
    }
}
