//! The end of an engine, in phases. Each is one line in the log and one series of `invoked_drain_phase`.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use invoked_store::StoreError;
use metrics::{describe_gauge, gauge};
use tokio::sync::oneshot;

use crate::clock::stopwatch;
use crate::engine::{Engine, SINK_CLOSE_MAX};
use crate::handle::Handle;
use crate::reconfigure::close;
use crate::shard::Ask;

const PHASE: &str = "invoked_drain_phase";
/// How long the store may take to write what is still under way.
const MARK_MAX: Duration = Duration::from_secs(5);

/// What a daemon that stops is doing.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Phase {
    /// New invocations are refused, and `/readyz` says so.
    Refuse,
    /// Nothing starts any more; what is under way may end.
    Drain,
    /// What is still under way is marked, so that it counts as a lost attempt and starts anew.
    Mark,
    /// What was decided is written, and the store is closed.
    Close,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Refuse, Self::Drain, Self::Mark, Self::Close];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Drain => "drain",
            Self::Mark => "mark",
            Self::Close => "close",
        }
    }

    fn enter(self) {
        publish(Some(self));
        let phase = self.as_str();
        match self {
            Self::Refuse => {
                tracing::info!(event = "drain_refusing", phase, "new invocations are refused")
            }
            Self::Drain => tracing::info!(
                event = "drain_started",
                phase,
                "nothing starts any more; what runs may end"
            ),
            Self::Mark => tracing::warn!(
                event = "drain_cut_off",
                phase,
                "what still runs is marked and starts anew later"
            ),
            Self::Close => tracing::info!(event = "store_closed", phase, "the store is closed"),
        }
    }
}

/// Whether everything under way ended before the shutdown.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Drained {
    /// Yes.
    Completely,
    /// No: what was under way starts anew after the next start.
    InPart,
}

impl Handle {
    /// Takes no new invocations from here on: the first phase of a shutdown.
    pub fn refuse(&self) {
        if self.shared.is_accepting.swap(false, Ordering::Relaxed) {
            Phase::Refuse.enter();
        }
    }
}

impl Engine {
    /// Ends in phases: no new invocations; no new attempts; what is under way may end within
    /// `drain_timeout`; what is still under way then is marked, and starts anew after the next
    /// start; the store is closed. Returns whether everything ended in time.
    ///
    /// # Errors
    /// The store did not close well. Nothing acknowledged is lost.
    pub async fn shutdown(mut self, drain_timeout: Duration) -> Result<Drained, StoreError> {
        self.handle.refuse();
        Phase::Drain.enter();
        let began = stopwatch();
        let drained =
            tokio::time::timeout(drain_timeout, self.ask_all(|reply| Ask::Drain { reply })).await;
        let drained = if drained.is_ok() { Drained::Completely } else { Drained::InPart };
        if drained == Drained::InPart {
            Phase::Mark.enter();
            // The store takes as long as it takes, but not for ever.
            let marked = self.ask_all(|reply| Ask::MarkAll { reply });
            let _late = tokio::time::timeout(MARK_MAX, marked).await;
        }
        Phase::Close.enter();
        for shard in &self.handle.shared.shards {
            let _gone = shard.asks.send(Ask::Close).await;
        }
        while self.tasks.join_next().await.is_some() {}
        self.background.shutdown().await;
        let errands = self.handle.shared.errands.lock();
        let mut errands = std::mem::take(&mut *errands.unwrap_or_else(PoisonError::into_inner));
        while errands.join_next().await.is_some() {}
        self.close_sinks().await;
        self.handle.shared.store.close().await?;
        let seconds = began.elapsed().as_secs_f64();
        tracing::info!(
            event = "drain_ended",
            seconds,
            complete = drained == Drained::Completely,
            "drained"
        );
        Ok(drained)
    }

    /// Every delivery has ended. A sink that does not end is left to the end of the process.
    async fn close_sinks(&self) {
        let shared = &self.handle.shared;
        let retired =
            std::mem::take(&mut *shared.retired.lock().unwrap_or_else(PoisonError::into_inner));
        let _late = tokio::time::timeout(SINK_CLOSE_MAX, retired.join_all()).await;
        for (kind, sink) in &shared.outside().sinks {
            close(*kind, sink.as_ref()).await;
        }
    }

    async fn ask_all(&self, ask: impl Fn(oneshot::Sender<()>) -> Ask) {
        for shard in &self.handle.shared.shards {
            let (reply, answer) = oneshot::channel();
            if shard.asks.send(ask(reply)).await.is_ok() {
                let _gone = answer.await;
            }
        }
    }
}

/// What the metric means.
pub(crate) fn describe() {
    describe_gauge!(PHASE, "1 for the phase that a daemon which stops is in, otherwise 0");
    publish(None);
}

fn publish(present: Option<Phase>) {
    for phase in Phase::ALL {
        let is_present = present == Some(phase);
        gauge!(PHASE, "phase" => phase.as_str()).set(f64::from(u8::from(is_present)));
    }
}
