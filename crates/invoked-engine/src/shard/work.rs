//! What the tasks of a shard bring back, as inputs of the core.

use std::time::Duration;

use bytes::Bytes;
use invoked_core::arn::SinkKind;
use invoked_core::callback::CallVerdict;
use invoked_core::fault::Fault;
use invoked_core::head::LaneId;
use invoked_core::id::{Attempt, InvKey};
use invoked_core::lane::{LoadWanted, Position};
use invoked_core::life::Verdict;
use invoked_core::shard::{AttemptReport, BytesWanted, FoundCallback, Input, LoadedBytes, ReplyId};
use invoked_sink::Answer;
use invoked_store::{Found, Heads, StoreError};
use tokio::task::{Id, JoinError};

use super::ShardTask;
use crate::engine::Fatal;

/// How long to wait before a read that failed is made again.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// A page of a lane that is swept.
#[derive(Copy, Clone, Debug)]
pub(crate) struct SweepRead {
    pub(crate) reply: ReplyId,
    pub(crate) lane: LaneId,
    pub(crate) after: Position,
    pub(crate) limit: u32,
}

/// What a task of the shard has come to.
pub(crate) enum Done {
    Attempt(AttemptReport),
    Call {
        key: InvKey,
        tried: Attempt,
        kind: SinkKind,
        verdict: CallVerdict,
    },
    Heads {
        wanted: LoadWanted,
        read: Result<Heads, StoreError>,
    },
    Sweep {
        wanted: SweepRead,
        read: Result<Heads, StoreError>,
    },
    Rows {
        found: Vec<(InvKey, Option<Found>)>,
        /// Rows that do not read, and why.
        failed: Option<(Vec<InvKey>, StoreError)>,
    },
    Kept {
        key: InvKey,
        read: Result<Option<Box<FoundCallback>>, StoreError>,
    },
    Ahead {
        loaded: Vec<LoadedBytes>,
    },
    Bytes {
        loaded: Vec<LoadedBytes>,
        /// Rows whose bytes do not read, and why.
        failed: Option<(Vec<BytesWanted>, StoreError)>,
    },
    /// A pause before a read is made again is over.
    ReadHeads {
        wanted: LoadWanted,
    },
    ReadSweep {
        wanted: SweepRead,
    },
    ReadRows {
        keys: Vec<InvKey>,
    },
    ReadKept {
        key: InvKey,
    },
    ReadBytes {
        wanted: Vec<BytesWanted>,
    },
}

/// The answer of a function that cannot be reached for a reason of our own.
pub(crate) fn unavailable(message: &str) -> Answer {
    let fault = Fault::new("FunctionUnreachable", message, 503);
    Answer {
        verdict: Verdict::Unavailable { retry_after: None },
        body: error_body(message),
        fault: Some(fault),
    }
}

/// The answer of a function that cannot be called as it is set up.
pub(crate) fn misconfigured(message: &str) -> Answer {
    let fault = Fault::new("InvalidTarget", message, 400);
    Answer { verdict: Verdict::Refused, body: error_body(message), fault: Some(fault) }
}

/// An error as functions answer it.
pub(crate) fn error_body(message: &str) -> Bytes {
    Bytes::from(serde_json::json!({ "errorMessage": message }).to_string())
}

impl ShardTask {
    pub(super) fn worked(&mut self, worked: Result<(Id, Done), JoinError>) -> Result<(), Fatal> {
        let now = self.shared.clock.now();
        let input = match worked {
            Ok((_, Done::Attempt(report))) => {
                self.attempts.remove(&report.key);
                Input::AttemptEnded(report)
            }
            Ok((_, Done::Call { key, tried, kind, verdict })) => {
                self.calls.remove(&key);
                self.meters.called(kind, &verdict);
                Input::CallEnded { key, tried, verdict }
            }
            Ok((_, Done::Heads { wanted, read })) => {
                self.reads.pages.done();
                match read {
                    Ok(Heads { heads, is_complete }) => {
                        Input::HeadsLoaded { lane: wanted.lane, heads, is_complete }
                    }
                    Err(error) => return self.read_again(&error, Done::ReadHeads { wanted }),
                }
            }
            Ok((_, Done::Sweep { wanted, read })) => match read {
                Ok(Heads { heads, is_complete }) => {
                    Input::SweepLoaded { reply: wanted.reply, heads, is_complete }
                }
                Err(error) => return self.read_again(&error, Done::ReadSweep { wanted }),
            },
            Ok((_, Done::Rows { found, failed })) => {
                self.reads.rows.done();
                for (key, found) in found {
                    let is_kept = found.as_ref().is_some_and(|found| found.is_kept);
                    let head = found.map(|found| Box::new(found.head));
                    self.core.step(Input::HeadLoaded { key, head, is_kept }, now);
                }
                let Some((keys, error)) = failed else { return Ok(()) };
                return self.read_again(&error, Done::ReadRows { keys });
            }
            Ok((_, Done::Kept { key, read })) => match read {
                Ok(found) => Input::KeptLoaded { key, found },
                Err(error) => return self.read_again(&error, Done::ReadKept { key }),
            },
            Ok((_, Done::Ahead { loaded })) => Input::BytesReadAhead(loaded),
            Ok((_, Done::Bytes { loaded, failed })) => {
                self.reads.bytes.done();
                if let Some((wanted, error)) = failed {
                    self.read_again(&error, Done::ReadBytes { wanted })?;
                }
                Input::BytesLoaded(loaded)
            }
            Ok((_, Done::ReadHeads { wanted })) => {
                self.reads.pages.want(wanted);
                return Ok(());
            }
            Ok((_, Done::ReadSweep { wanted })) => {
                self.load_sweep(wanted);
                return Ok(());
            }
            Ok((_, Done::ReadRows { keys })) => {
                self.reads.rows.want(keys);
                return Ok(());
            }
            Ok((_, Done::ReadKept { key })) => {
                self.load_kept(key);
                return Ok(());
            }
            Ok((_, Done::ReadBytes { wanted })) => {
                self.reads.bytes.want(wanted);
                return Ok(());
            }
            Err(error) => match self.broken(&error) {
                Some(input) => input,
                None => return Err(Fatal::new(format!("a read of the store broke: {error}"))),
            },
        };
        self.core.step(input, now);
        Ok(())
    }

    /// A courier that was cancelled or panicked is an answer like any other.
    fn broken(&mut self, error: &JoinError) -> Option<Input> {
        let is_it = |(_, (_, handle)): &(&InvKey, &(Attempt, tokio::task::AbortHandle))| {
            handle.id() == error.id()
        };
        if let Some((key, (attempt, _))) = self.attempts.iter().find(is_it) {
            let (key, attempt) = (*key, *attempt);
            self.attempts.remove(&key);
            let (verdict, fault) = if error.is_cancelled() {
                (Verdict::Refused, Fault::new("Stopped", "the call was cancelled by a stop", 200))
            } else {
                tracing::error!(event = "attempt_panicked", %error, "an attempt panicked");
                let fault =
                    Fault::new("InternalServerError", "the attempt broke in the daemon", 500);
                (Verdict::Unavailable { retry_after: None }, fault)
            };
            let result = error_body(&fault.message);
            return Some(Input::AttemptEnded(AttemptReport {
                key,
                attempt,
                verdict,
                fault: Some(fault),
                is_timeout: false,
                result,
            }));
        }
        let (key, (tried, _)) = self.calls.iter().find(is_it)?;
        let (key, tried) = (*key, *tried);
        self.calls.remove(&key);
        tracing::error!(event = "callback_panicked", %error, "a callback panicked");
        let error = Fault::new("InternalServerError", "the callback broke in the daemon", 500);
        let verdict = CallVerdict::Retry { error, retry_after: None };
        Some(Input::CallEnded { key, tried, verdict })
    }

    fn read_again(&mut self, error: &StoreError, read: Done) -> Result<(), Fatal> {
        if matches!(error, StoreError::Poisoned | StoreError::Closed) {
            return Err(Fatal::new(format!("the store does not answer: {error}")));
        }
        tracing::error!(event = "store_read_failed", %error, "a read of the store failed; reading again");
        self.work.spawn(async move {
            tokio::time::sleep(READ_AGAIN).await;
            read
        });
        Ok(())
    }
}
