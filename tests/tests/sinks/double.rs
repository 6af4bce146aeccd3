//! A double where there is no broker to have: it stands on loopback in this process, can be stopped and started again
//! with its mailbox, and is reached over TLS too.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use invoked_http::{Client, Egress};
use invoked_testkit::doubles::{Options, Script, Server, Service, Tls};
use invoked_tests::brokers::endpoint;
use tokio::sync::{Mutex, OnceCell};

/// How long it is away when it restarts.
const AWAY: Duration = Duration::from_millis(500);

pub struct Double {
    service: Arc<dyn Service>,
    options: Options,
    plain: Mutex<Option<Server>>,
    tls: OnceCell<Server>,
}

impl Double {
    pub fn new(service: Arc<dyn Service>) -> Self {
        let options = Options::new(Arc::new(unix_millis));
        Self { service, options, plain: Mutex::default(), tls: OnceCell::new() }
    }

    /// What it is told to do, whichever way it is reached.
    pub fn script(&self) -> &Script {
        &self.options.script
    }

    /// Where it listens in the clear, from the first time this is asked.
    pub async fn address(&self) -> SocketAddr {
        let mut plain = self.plain.lock().await;
        if plain.is_none() {
            *plain = Some(self.start(self.options.clone()).await);
        }
        plain.as_ref().expect("it was started").address()
    }

    pub async fn url(&self) -> String {
        format!("http://{}", self.address().await)
    }

    /// Where it listens with the certificate of the real brokers. What it takes there lies in the same mailbox.
    pub async fn tls_url(&self) -> String {
        let started = self.tls.get_or_init(|| {
            let pem = |path| fs::read(endpoint(path)).expect("a PEM file");
            let tls = Tls::from_pem(&pem("tls/certificate"), &pem("tls/key")).expect("a pair");
            self.start(Options { tls: Some(tls), ..self.options.clone() })
        });
        started.await.url()
    }

    /// Stops it and starts it again at the same port.
    pub async fn restart(&self) {
        let mut plain = self.plain.lock().await;
        let running = plain.take().expect("it was started");
        let options = running.close().await;
        tokio::time::sleep(AWAY).await;
        *plain = Some(self.start(options).await);
    }

    async fn start(&self, options: Options) -> Server {
        Server::start(Arc::clone(&self.service), options).await.expect("a port of loopback")
    }
}

/// The client that adapters share.
pub fn client() -> Client {
    client_that_trusts(None)
}

/// The same, trusting the authority whose certificate is in a file beside those of the system.
pub fn client_that_trusts(authority: Option<&str>) -> Client {
    let roots_pem = authority.map(|file| fs::read(file).expect("a PEM file")).unwrap_or_default();
    let config = invoked_http::Config { roots_pem, ..invoked_http::Config::default() };
    Client::new(&config, Egress::default())
}

pub fn unix_millis() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since_1970.as_millis()).expect("before the year 292 million")
}
