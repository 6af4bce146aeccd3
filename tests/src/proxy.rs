//! A TCP proxy that stands before a broker and makes it slow, dumb or gone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::poll::SOON;

/// What becomes of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They reach the broker.
    Pass,
    /// Nobody listens, and those that were open are closed.
    Down,
    /// They reach the broker; nothing that it says comes back, not even later.
    Withhold,
}

/// Ends with its owner.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    sent: Arc<AtomicU64>,
    _task: JoinSet<()>,
}

impl Proxy {
    /// Listens on `address` (port 0: any) for those who want `broker`.
    ///
    /// # Panics
    /// The address is taken.
    pub async fn start(address: SocketAddr, broker: SocketAddr, mode: Mode) -> Self {
        let listener = listen(address).await;
        let address = listener.local_addr().expect("a bound address");
        let (sender, receiver) = watch::channel(mode);
        let sent = Arc::new(AtomicU64::new(0));
        let mut task = JoinSet::new();
        task.spawn(serve(listener, address, broker, receiver, Arc::clone(&sent)));
        Self { address, mode: sender, sent, _task: task }
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Bytes that have gone to the broker.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

async fn listen(address: SocketAddr) -> TcpListener {
    // A proxy that has just been dropped lets go of its port in a moment.
    let begin = Instant::now();
    loop {
        let socket = TcpSocket::new_v4().expect("a socket");
        // Connections of a moment ago keep the port otherwise.
        socket.set_reuseaddr(true).expect("a socket's option");
        match socket.bind(address).and_then(|()| socket.listen(64)) {
            Ok(listener) => return listener,
            Err(error) => assert!(begin.elapsed() < SOON, "{address}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    broker: SocketAddr,
    mut mode: watch::Receiver<Mode>,
    sent: Arc<AtomicU64>,
) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let now = *mode.borrow_and_update();
        match (now, &listener) {
            (Mode::Down, _) => {
                listener = None;
                connections.shutdown().await;
                if mode.changed().await.is_err() {
                    return;
                }
            }
            (Mode::Pass | Mode::Withhold, None) => listener = Some(listen(address).await),
            (Mode::Pass | Mode::Withhold, Some(open)) => tokio::select! {
                changed = mode.changed() => if changed.is_err() { return },
                taken = open.accept() => if let Ok((client, _)) = taken {
                    connections.spawn(connect(client, broker, mode.clone(), Arc::clone(&sent)));
                },
            },
        }
    }
}

async fn connect(
    client: TcpStream,
    broker: SocketAddr,
    mode: watch::Receiver<Mode>,
    sent: Arc<AtomicU64>,
) {
    let Ok(server) = TcpStream::connect(broker).await else { return };
    let (client, server) = (client.into_split(), server.into_split());
    // Whoever ends first ends both.
    tokio::select! {
        () = there(client.0, server.1, &sent) => {}
        () = back(server.0, client.1, &mode) => {}
    }
}

async fn there(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, sent: &AtomicU64) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        sent.fetch_add(count as u64, Ordering::SeqCst);
    }
}

async fn back(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mode: &watch::Receiver<Mode>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let is_passed = *mode.borrow() == Mode::Pass;
        if is_passed && to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
