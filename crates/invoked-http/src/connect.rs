//! From an endpoint to a connection: resolve, check, connect, check again, perhaps TLS.
//!
//! Addresses are tried one after the other, each with its share of the time, so that a dead first
//! address does not use up the call.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::config::Config;
use crate::connection::{Connection, Stream};
use crate::egress::{Denied, Egress, Trust};
use crate::endpoint::{Endpoint, Scheme};
use crate::error::{ConnectError, Error};
use crate::tls::Tls;

/// Opens connections.
#[derive(Debug)]
pub(crate) struct Connector {
    egress: Egress,
    tls: Tls,
    timeout: Duration,
}

enum Failure {
    Denied(Denied),
    Connect(ConnectError),
}

impl Connector {
    pub(crate) fn new(config: &Config, egress: Egress) -> Self {
        let tls = Tls::new(config.roots_pem.clone());
        Self { egress, tls, timeout: config.connect_timeout }
    }

    pub(crate) async fn connect(
        &self,
        endpoint: &Endpoint,
        trust: Trust,
    ) -> Result<Connection, Error> {
        let opened = timeout(self.timeout, self.open(endpoint, trust))
            .await
            .unwrap_or(Err(Failure::Connect(ConnectError::Timeout { after: self.timeout })));
        let stream = opened.map_err(|failure| {
            let authority = endpoint.authority().into();
            match failure {
                Failure::Denied(source) => Error::Egress { authority, source },
                Failure::Connect(source) => Error::Connect { authority, source },
            }
        })?;
        Connection::start(stream).await
    }

    async fn open(&self, endpoint: &Endpoint, trust: Trust) -> Result<Stream, Failure> {
        let tcp = self.open_tcp(endpoint, trust).await?;
        match endpoint.scheme() {
            Scheme::Http => Ok(Stream::Tcp(tcp)),
            Scheme::Https => {
                let tls = self.tls.handshake(endpoint.host(), tcp).await?;
                Ok(Stream::Tls(Box::new(tls)))
            }
        }
    }

    async fn open_tcp(&self, endpoint: &Endpoint, trust: Trust) -> Result<TcpStream, Failure> {
        let host = endpoint.host();
        let mut denied = None;
        let mut addresses = resolve(host, endpoint.port()).await?;
        addresses.retain(|address| match self.egress.check(host, *address, trust) {
            Ok(()) => true,
            Err(why) => {
                denied = Some(why);
                false
            }
        });
        let n_addresses = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let share = self.timeout / n_addresses;
        let mut failure = denied.map(Failure::Denied);
        for address in addresses {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return self.admit(host, stream, trust),
                Ok(Err(error)) => failure = Some(ConnectError::Tcp(error).into()),
                Err(_elapsed) => failure = Some(ConnectError::Timeout { after: share }.into()),
            }
        }
        Err(failure.unwrap_or_else(|| {
            ConnectError::Resolve(io::Error::from(io::ErrorKind::AddrNotAvailable)).into()
        }))
    }

    /// The last look at a connection before anything is sent over it.
    fn admit(&self, host: &str, stream: TcpStream, trust: Trust) -> Result<TcpStream, Failure> {
        let peer = stream.peer_addr().map_err(ConnectError::Tcp)?;
        let local = stream.local_addr().map_err(ConnectError::Tcp)?;
        if peer == local {
            // Nobody listens, and the kernel happened to choose the very port that was dialled.
            let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
            return Err(ConnectError::Tcp(refused).into());
        }
        self.egress.check_connected(host, peer, local, trust).map_err(Failure::Denied)?;
        stream.set_nodelay(true).map_err(ConnectError::Tcp)?;
        Ok(stream)
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error)
    }
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    Ok(lookup_host((host, port)).await.map_err(ConnectError::Resolve)?.collect())
}
