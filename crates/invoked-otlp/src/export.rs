//! Sending what waits.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, Uri};
use invoked_http::{Call, Origin};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use tokio::sync::mpsc::Receiver;
use tokio::time::{sleep, timeout};

use crate::queue::Lost;

/// Spans of one request.
const BATCH_MAX: usize = 512;
/// How long a batch that is not full waits for more.
const GATHERING: Duration = Duration::from_secs(1);
/// Bytes of a collector's answer that are read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Takes spans out of the queue and sends them.
pub struct Export {
    exporter: SpanExporter,
    taken: Receiver<SpanData>,
    lost: Arc<Lost>,
    timeout: Duration,
    /// What has been taken out and waits for more.
    batch: Vec<SpanData>,
    /// Of the last batches, how many are being sent.
    under_way: usize,
    is_failing: bool,
}

impl Export {
    pub(crate) fn new(
        exporter: SpanExporter,
        taken: Receiver<SpanData>,
        lost: Arc<Lost>,
        timeout: Duration,
    ) -> Self {
        Self { exporter, taken, lost, timeout, batch: Vec::new(), under_way: 0, is_failing: false }
    }

    /// Sends until `stop` is ready; then what waits is sent as far as it goes within `grace`, and the rest
    /// counts as dropped.
    pub async fn run(mut self, stop: impl Future<Output = ()>, grace: Duration) {
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = self.gather() => {}
                () = &mut stop => break,
            }
            let batch = std::mem::take(&mut self.batch);
            if batch.is_empty() {
                return;
            }
            let (count, lost) = (batch.len(), Arc::clone(&self.lost));
            let mut sending = pin!(self.send(batch));
            tokio::select! {
                () = &mut sending => continue,
                () = &mut stop => {}
            }
            if timeout(grace, sending).await.is_err() {
                lost.shutdown.increment(count as u64);
            }
            break;
        }
        self.taken.close();
        if timeout(grace, self.send_rest()).await.is_err() {
            let mut lost = self.under_way + self.batch.len();
            while self.taken.try_recv().is_ok() {
                lost += 1;
            }
            self.lost.shutdown.increment(lost as u64);
        }
    }

    async fn send_rest(&mut self) {
        loop {
            let room = BATCH_MAX.saturating_sub(self.batch.len());
            if room > 0 {
                self.taken.recv_many(&mut self.batch, room).await;
            }
            let batch = std::mem::take(&mut self.batch);
            if batch.is_empty() {
                return;
            }
            self.under_way = batch.len();
            self.send(batch).await;
            self.under_way = 0;
        }
    }

    /// Waits for a batch: for its first span as long as it takes, for others a while. Empty if nothing
    /// will come. Loses nothing when it is cut short.
    async fn gather(&mut self) {
        if self.batch.is_empty() && self.taken.recv_many(&mut self.batch, BATCH_MAX).await == 0 {
            return;
        }
        let (batch, taken) = (&mut self.batch, &mut self.taken);
        let others = async {
            while batch.len() < BATCH_MAX {
                let room = BATCH_MAX - batch.len();
                if taken.recv_many(batch, room).await == 0 {
                    return;
                }
            }
        };
        match timeout(GATHERING, others).await {
            // A collector that is down is not asked more often than once in a while.
            Ok(()) if self.is_failing => sleep(GATHERING).await,
            Ok(()) | Err(_) => {}
        }
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        let count = batch.len() as u64;
        // The exporter's own timeout counts the exchange alone.
        let sent = timeout(self.timeout, self.exporter.export(batch)).await;
        let problem = match sent {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("it did not answer in time".to_owned()),
        };
        match (problem, std::mem::take(&mut self.is_failing)) {
            (None, false) => {}
            (None, true) => {
                tracing::info!(event = "traces_taken", "the collector takes spans again")
            }
            (Some(problem), was_failing) => {
                self.is_failing = true;
                self.lost.collector.increment(count);
                if !was_failing {
                    tracing::warn!(
                        event = "traces_refused",
                        problem,
                        "the collector does not take spans; they are dropped and counted"
                    );
                }
                return;
            }
        }
        self.lost.exported.increment(count);
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").finish_non_exhaustive()
    }
}

/// The exporter's requests through the client that all adapters share.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) origin: Arc<Origin>,
    pub(crate) timeout: Duration,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut request = request;
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = Uri::try_from(path)?;
        let call = Call { request, timeout: self.timeout, body_bytes_max: ANSWER_BYTES_MAX };
        Ok(self.origin.send(call).await.map_err(|error| error.in_full())?)
    }
}
