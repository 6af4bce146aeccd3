//! The function's side of a worker: so many connections, each with one call at a time.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use invoked_benches::client::{Connection, Target};
use invoked_benches::queue::LocalQueue;

/// How long a peer may take to be there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(100);

/// What a broker delivered.
pub(crate) trait Message {
    fn body(&mut self) -> Bytes;
    /// Tells the broker to forget it.
    async fn done(self) -> Result<()>;
    /// Tells the broker to deliver it again.
    async fn failed(self) -> Result<()>;
}

/// Calls the function with what is put into the queue.
pub(crate) fn call<M: Message + 'static>(
    function: SocketAddr,
    connections: usize,
) -> Result<Rc<LocalQueue<M>>> {
    let queue = Rc::new(LocalQueue::default());
    let target = Rc::new(Target::new(function, "/invoke", "application/octet-stream")?);
    for _ in 0..connections {
        tokio::task::spawn_local(take(Rc::clone(&queue), Rc::clone(&target)));
    }
    Ok(queue)
}

async fn take<M: Message>(queue: Rc<LocalQueue<M>>, target: Rc<Target>) {
    let mut connection = None;
    while let Some(mut message) = queue.pop().await {
        let settled = match attempt(&mut connection, &target, message.body()).await {
            Ok(()) => message.done().await,
            Err(_) => {
                connection = None;
                tokio::time::sleep(PAUSE).await;
                message.failed().await
            }
        };
        if let Err(error) = settled {
            eprintln!("not settled: {error:#}");
        }
    }
}

async fn attempt(connection: &mut Option<Connection>, target: &Target, body: Bytes) -> Result<()> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(Connection::open(target).await?),
    };
    let answer = connection.post(target, body).await?;
    ensure!(answer.status().is_success(), "{}", answer.status());
    Ok(())
}

/// Tries until it works, or until the peer has had [`PATIENCE`].
pub(crate) async fn patiently<T>(mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let mut waited = Duration::ZERO;
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) if waited >= PATIENCE => return Err(error),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        waited += PAUSE;
    }
}
