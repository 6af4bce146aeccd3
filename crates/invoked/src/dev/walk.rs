//! A walk through whole invocations, with real requests and real times: a success and its callback,
//! one that fails twice before it succeeds, and a failure whose callback lies in a queue.
//!
//! Each step is printed when it happens. A step that does not happen in time ends the walk.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::{Request, Response};
use invoked_doubles::Server;
use invoked_engine::clock::stopwatch;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::dev::client;
use crate::dev::functions::{AUDIT, Call, FAIL, FAIL_RETRIES, FLAKY_FAILURES};
use crate::dev::preset::QUEUE;
use crate::print;

/// How long one step may take. The longest wait between two attempts of the walk is a tenth of it.
const STEP_MAX: Duration = Duration::from_secs(30);

/// How often it is looked whether the daemon has counted what a destination has already.
const COUNTED_EVERY: Duration = Duration::from_millis(20);

/// What is sent.
const EVENT: &str = r#"{"order":17,"item":"tea"}"#;

/// The daemon and the functions that are walked through.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    /// Where the API listens.
    pub(crate) api: SocketAddr,
    /// Where the metrics are.
    pub(crate) admin: SocketAddr,
    /// The calls of the demo functions.
    pub(crate) calls: &'a mut mpsc::Receiver<Call>,
    /// The double of MNS.
    pub(crate) mns: &'a Server,
}

/// An invocation, and what is to come of it.
struct Expected {
    function: &'static str,
    /// Attempts that fail, one after the other.
    failures: u32,
    /// Whether one that succeeds comes after them.
    succeeds: bool,
}

impl Walk<'_> {
    /// Takes all steps.
    ///
    /// # Errors
    /// A step did not happen; the error names it.
    pub(crate) async fn take(mut self) -> Result<()> {
        print::line("\n1. A success, and the callback that tells of it\n");
        let echo = Expected { function: "echo", failures: 0, succeeds: true };
        self.invoke(&echo).await.context("the success of echo")?;
        print::line("\n2. Two failures, their retries, and the success in the end\n");
        let flaky = Expected { function: "flaky", failures: FLAKY_FAILURES, succeeds: true };
        self.invoke(&flaky).await.context("the retries of flaky")?;
        print::line("\n3. A failure in the end, and the callback that puts it into an MNS queue\n");
        let fail = Expected { function: FAIL, failures: FAIL_RETRIES + 1, succeeds: false };
        self.invoke(&fail).await.context("the failure of fail")?;
        Ok(())
    }

    /// One invocation that fails so often, perhaps succeeds, then tells its destination.
    async fn invoke(&mut self, expected: &Expected) -> Result<()> {
        let Expected { function, failures, succeeds } = *expected;
        let clock = Lap { started: stopwatch() };
        let path = format!("/2023-03-30/functions/{function}/invocations");
        clock.tell("sent", &format!("POST {path}  {EVENT}"));
        let request_id = self.accepted(&path, clock).await.context("step missing: accepted")?;
        for attempt in 1..=failures + u32::from(succeeds) {
            let step = format!("attempt {attempt}");
            let call = self
                .call_of(function, &request_id)
                .await
                .context(format!("step missing: {step}"))?;
            ensure!(call.attempt == attempt, "{step} has the number {}", call.attempt);
            clock.tell_at(call.called_at, &step, &format!("{function} is called"));
            let answer = String::from_utf8_lossy(&call.answer.body);
            let (verdict, is_expected) = match call.answer.is_success {
                true => ("succeeded", attempt > failures),
                false => ("failed", attempt <= failures),
            };
            ensure!(is_expected, "{step} {verdict}");
            clock.tell_at(call.answered_at, "result", &format!("{verdict}: {answer}"));
        }
        let told = if function == FAIL {
            self.put(&request_id).await
        } else {
            self.told(&request_id).await
        };
        let Told { at, to, envelope } = told.context("step missing: callback")?;
        clock.tell_at(at, "callback", &format!("delivered to {to}, with this envelope:"));
        print::line(&spread(&envelope));
        let counted = self.counted(function).await.context("step missing: counted")?;
        clock.tell("counted", &counted);
        Ok(())
    }

    /// Sends the event; the request id of its 202.
    async fn accepted(&self, path: &str, clock: Lap) -> Result<String> {
        let request = Request::post(path)
            .header("host", self.api.to_string())
            .header("x-fc-invocation-type", "Async")
            .body(Bytes::from_static(EVENT.as_bytes()))?;
        let answer = self.send(self.api, request).await?;
        let status = answer.status();
        ensure!(status == 202, "{status}: {}", String::from_utf8_lossy(answer.body()));
        let id = answer.headers().get("x-fc-request-id").context("a 202 without a request id")?;
        let id = id.to_str()?.to_owned();
        clock.tell("accepted", &format!("202, durable as {id}"));
        Ok(id)
    }

    /// The next call of a function for an invocation; others are not of this walk.
    async fn call_of(&mut self, function: &str, request_id: &str) -> Result<Call> {
        self.call(|call| call.function == function && call.request_id == request_id).await
    }

    /// What `audit` is told of an invocation.
    async fn told(&mut self, request_id: &str) -> Result<Told> {
        let tells = |call: &Call| call.function == AUDIT && is_of(&call.payload, request_id);
        let call = self.call(tells).await?;
        let envelope = String::from_utf8_lossy(&call.payload).into_owned();
        Ok(Told { at: call.called_at, to: AUDIT.to_owned(), envelope })
    }

    /// What is in the queue of an invocation, as anyone reads it from the mailbox.
    async fn put(&self, request_id: &str) -> Result<Told> {
        let mut looked_at = 0;
        let wanted = async {
            loop {
                self.mns.mailbox().wait(looked_at + 1).await;
                let at = stopwatch();
                let path = format!("/mailbox?after={looked_at}");
                let mailbox = self.get(self.mns.address(), &path).await?;
                let mailbox: Value = serde_json::from_str(&mailbox)?;
                let taken = mailbox.get("taken").and_then(Value::as_u64);
                looked_at = taken.context("a mailbox without a count")?;
                let messages = mailbox.get("messages").and_then(Value::as_array);
                let messages = messages.context("a mailbox without messages")?;
                let bodies = messages.iter().filter_map(|message| message.get("body")?.as_str());
                if let Some(body) = bodies.into_iter().find(|it| is_of(it.as_bytes(), request_id)) {
                    let to = format!("the queue {QUEUE}");
                    return anyhow::Ok(Told { at, to, envelope: body.to_owned() });
                }
            }
        };
        timeout(STEP_MAX, wanted).await.with_context(|| format!("nothing within {STEP_MAX:?}"))?
    }

    async fn call(&mut self, is_wanted: impl Fn(&Call) -> bool) -> Result<Call> {
        let wanted = async {
            loop {
                match self.calls.recv().await {
                    Some(call) if is_wanted(&call) => return Ok(call),
                    Some(_) => {}
                    None => bail!("the demo functions have ended"),
                }
            }
        };
        timeout(STEP_MAX, wanted).await.with_context(|| format!("nothing within {STEP_MAX:?}"))?
    }

    /// The series that has counted the callback. What a destination outside has, the daemon counts
    /// once it knows.
    async fn counted(&self, function: &str) -> Result<String> {
        let label = format!("function=\"{function}\"");
        let wanted = async {
            loop {
                let page = self.get(self.admin, "/metrics").await?;
                let mut series =
                    page.lines().filter(|line| line.starts_with("FunctionDestinationSucceed{"));
                let counted = series.find(|line| line.contains(&label) && !line.ends_with(" 0"));
                if let Some(counted) = counted {
                    return anyhow::Ok(counted.to_owned());
                }
                sleep(COUNTED_EVERY).await;
            }
        };
        let counted = timeout(STEP_MAX, wanted).await;
        counted.context("no FunctionDestinationSucceed above 0")?
    }

    async fn get(&self, from: SocketAddr, path: &str) -> Result<String> {
        let request = Request::get(path).header("host", from.to_string()).body(Bytes::new())?;
        let page = self.send(from, request).await?;
        Ok(String::from_utf8_lossy(page.body()).into_owned())
    }

    async fn send(&self, to: SocketAddr, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let sent = timeout(STEP_MAX, client::send(to, request)).await;
        sent.with_context(|| format!("no answer within {STEP_MAX:?}"))?
    }
}

/// What a destination was told.
struct Told {
    at: Instant,
    to: String,
    envelope: String,
}

/// Whether an envelope tells of an invocation.
fn is_of(envelope: &[u8], request_id: &str) -> bool {
    let envelope: Option<Value> = serde_json::from_slice(envelope).ok();
    let of = envelope.as_ref().and_then(|told| told.pointer("/requestContext/requestId"));
    of.is_some_and(|of| *of == *request_id)
}

/// Times since an invocation was sent.
#[derive(Clone, Copy, Debug)]
struct Lap {
    started: Instant,
}

impl Lap {
    fn tell(self, step: &str, what: &str) {
        self.tell_at(stopwatch(), step, what);
    }

    fn tell_at(self, at: Instant, step: &str, what: &str) {
        let seconds = at.saturating_duration_since(self.started).as_secs_f64();
        print::line(&format!("  {seconds:7.3} s  {step:<10} {}", print::harmless(what)));
    }
}

/// Columns before the text of a step.
const MARGIN: usize = 24;

/// JSON as it came, a member to a line, below the text of a step. (A parser would sort the members.)
fn spread(json: &str) -> String {
    let mut text = " ".repeat(MARGIN);
    let mut depth: usize = 0;
    let mut is_string = false;
    let mut is_escaped = false;
    for letter in json.chars() {
        let is_closing = !is_string && matches!(letter, '}' | ']');
        if is_closing {
            depth = depth.saturating_sub(1);
            text.push('\n');
            text.push_str(&" ".repeat(MARGIN + 2 * depth));
        }
        text.push(letter);
        match letter {
            '{' | '[' if !is_string => depth += 1,
            ':' if !is_string => text.push(' '),
            '"' if !is_escaped => is_string = !is_string,
            _ => {}
        }
        if !is_string && matches!(letter, '{' | '[' | ',') {
            text.push('\n');
            text.push_str(&" ".repeat(MARGIN + 2 * depth));
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_spread_as_it_came() {
        let json = r#"{"z":"a,{\"b\":1}","a":[1,{"c":2}]}"#;
        let lines: Vec<_> =
            spread(json).lines().map(|line| line.get(MARGIN..).unwrap().to_owned()).collect();
        let wanted =
            ["{", r#"  "z": "a,{\"b\":1}","#, r#"  "a": ["#, "    1,", "    {", r#"      "c": 2"#];
        assert_eq!(lines[..wanted.len()], wanted);
        assert_eq!(lines[wanted.len()..], ["    }", "  ]", "}"]);
    }
}
