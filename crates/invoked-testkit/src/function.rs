//! Functions that answer as they are told and log what reached them.
//!
//! A [`ScriptedFunction`] is the world outside of the daemon: it survives the daemon's crashes, and
//! a call that is dropped half-way stays in the log as [`Ended::Cancelled`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use invoked_core::fault::Fault;
use invoked_core::id::{Attempt, RequestId};
use invoked_core::life::Verdict;
use invoked_core::name::FunctionName;
use invoked_core::time::Timestamp;
use invoked_sink::{Answer, Attempted, Target};

use crate::script::{Plans, Script, Source};
use crate::timeline::Timeline;

/// How a call of a function ends.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Ending {
    /// It succeeds and answers its event.
    Succeed,
    /// It runs and fails.
    Fail,
    /// It does not run: 429.
    Throttle {
        /// What the answer asks for.
        retry_after: Option<Duration>,
    },
    /// It cannot be reached.
    Unreachable,
    /// The request can never succeed.
    Refuse,
    /// There is no such function.
    Gone,
    /// No answer comes; the function's timeout is a function error, unless the call is cancelled.
    Hang,
}

/// What became of a call.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Ended {
    /// It is under way.
    NotYet,
    /// It was answered.
    Answered(Verdict),
    /// The daemon dropped it, or died.
    Cancelled,
}

/// One call of a function, as the function saw it.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The function.
    pub function: FunctionName,
    /// Constant over all attempts.
    pub request_id: RequestId,
    /// Which attempt.
    pub attempt: Attempt,
    /// Hand-overs from function to function before this one.
    pub depth: u8,
    /// The event.
    pub payload: Bytes,
    /// When it came.
    pub started_at: Timestamp,
    /// What became of it.
    pub ended: Ended,
}

/// All functions of a test. Clones are the same.
#[derive(Clone, Debug)]
pub struct ScriptedFunction {
    book: Arc<Mutex<Book>>,
    timeline: Timeline,
}

#[derive(Debug)]
struct Book {
    plans: Plans<Ending>,
    executions: Vec<Execution>,
    under_way: usize,
    most_under_way: usize,
}

/// A call whose future may be dropped at any await.
struct UnderWay<'a> {
    function: &'a ScriptedFunction,
    index: usize,
    ended: Ended,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut book = self.function.book();
        book.under_way -= 1;
        if let Some(execution) = book.executions.get_mut(self.index) {
            execution.ended = self.ended;
        }
    }
}

impl ScriptedFunction {
    /// Every call succeeds at once, until told otherwise.
    #[must_use]
    pub fn new(timeline: Timeline) -> Self {
        let book = Book {
            plans: Plans::new(Script::always(Ending::Succeed).into()),
            executions: Vec::new(),
            under_way: 0,
            most_under_way: 0,
        };
        Self { book: Arc::new(Mutex::new(book)), timeline }
    }

    /// What calls without a script of their own come to.
    pub fn by_default(&self, source: impl Into<Source<Ending>>) {
        self.book().plans.set_default(source.into());
    }

    /// What calls with this event come to.
    pub fn for_payload(&self, payload: impl Into<Bytes>, source: impl Into<Source<Ending>>) {
        self.book().plans.set_text(payload.into(), source.into());
    }

    /// What calls of this invocation come to.
    pub fn for_request(&self, request_id: RequestId, source: impl Into<Source<Ending>>) {
        self.book().plans.set_request(request_id, source.into());
    }

    /// Every call so far, in the order in which they came.
    #[must_use]
    pub fn executions(&self) -> Vec<Execution> {
        self.book().executions.clone()
    }

    /// Every call of an invocation so far, in the order in which they came.
    #[must_use]
    pub fn executions_of(&self, request_id: RequestId) -> Vec<Execution> {
        let mut executions = self.executions();
        executions.retain(|execution| execution.request_id == request_id);
        executions
    }

    /// The most calls that were under way at a time.
    #[must_use]
    pub fn most_under_way(&self) -> usize {
        self.book().most_under_way
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Target for ScriptedFunction {
    async fn invoke(&self, attempted: &Attempted) -> Answer {
        let (step, index) = {
            let mut book = self.book();
            let step = book.plans.next(attempted.request_id, &attempted.payload);
            book.executions.push(Execution {
                function: attempted.target.function.clone(),
                request_id: attempted.request_id,
                attempt: attempted.attempt,
                depth: attempted.depth,
                payload: attempted.payload.clone(),
                started_at: self.timeline.now(),
                ended: Ended::NotYet,
            });
            book.under_way += 1;
            book.most_under_way = book.most_under_way.max(book.under_way);
            (step, book.executions.len() - 1)
        };
        let mut under_way = UnderWay { function: self, index, ended: Ended::Cancelled };
        let timeout = attempted.target.timeout;
        let hangs = step.ending == Ending::Hang || timeout < step.after;
        tokio::time::sleep(if hangs { timeout } else { step.after }).await;
        let answer = match hangs {
            true => refused(Verdict::FunctionError, "FunctionTimeout", "it took too long", 200),
            false => answer(step.ending, attempted),
        };
        under_way.ended = Ended::Answered(answer.verdict);
        answer
    }
}

fn answer(ending: Ending, attempted: &Attempted) -> Answer {
    match ending {
        Ending::Succeed => {
            Answer { verdict: Verdict::Succeeded, fault: None, body: attempted.payload.clone() }
        }
        Ending::Fail | Ending::Hang => {
            refused(Verdict::FunctionError, "InvocationError", "it failed as told", 200)
        }
        Ending::Throttle { retry_after } => {
            refused(Verdict::Unavailable { retry_after }, "ResourceThrottled", "as told", 429)
        }
        Ending::Unreachable => {
            let verdict = Verdict::Unavailable { retry_after: None };
            refused(verdict, "FunctionUnreachable", "as told", 0)
        }
        Ending::Refuse => refused(Verdict::Refused, "InvalidArgument", "as told", 400),
        Ending::Gone => refused(Verdict::Gone, "FunctionNotFound", "as told", 404),
    }
}

fn refused(verdict: Verdict, code: &str, message: &str, status: u16) -> Answer {
    let body = Bytes::from(format!("{{\"errorMessage\":\"{message}\"}}"));
    Answer { verdict, fault: Some(Fault::new(code, message, status)), body }
}

#[cfg(test)]
mod tests;
