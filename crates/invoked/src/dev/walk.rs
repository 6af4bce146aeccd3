//! A walk through whole invocations, with real requests and real times: a success and its callback,
//! and one that fails twice before it succeeds.
//!
//! Each step is printed when it happens. A step that does not happen in time ends the walk.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::{Request, Response};
use invoked_engine::clock::stopwatch;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::dev::client;
use crate::dev::functions::{AUDIT, Call, FLAKY_FAILURES};
use crate::print;

/// How long one step may take. The longest wait between two attempts of the walk is a tenth of it.
const STEP_MAX: Duration = Duration::from_secs(30);

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
}

impl Walk<'_> {
    /// Takes all steps.
    ///
    /// # Errors
    /// A step did not happen; the error names it.
    pub(crate) async fn take(mut self) -> Result<()> {
        print::line("\n1. A success, and the callback that tells of it\n");
        self.invoke("echo", 0).await.context("the success of echo")?;
        print::line("\n2. Two failures, their retries, and the success in the end\n");
        self.invoke("flaky", FLAKY_FAILURES).await.context("the retries of flaky")?;
        Ok(())
    }

    /// One invocation that fails so often, then succeeds, then tells its destination.
    async fn invoke(&mut self, function: &str, failures: u32) -> Result<()> {
        let clock = Lap { started: stopwatch() };
        let path = format!("/2023-03-30/functions/{function}/invocations");
        clock.tell("sent", &format!("POST {path}  {EVENT}"));
        let request_id = self.accepted(&path, clock).await.context("step missing: accepted")?;
        for attempt in 1..=failures + 1 {
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
        let (told_at, envelope) = self.told(&request_id).await.context("step missing: callback")?;
        clock.tell_at(told_at, "callback", &format!("delivered to {AUDIT}, with this envelope:"));
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

    /// What the destination is told of an invocation, and when.
    async fn told(&mut self, request_id: &str) -> Result<(Instant, String)> {
        let tells = |call: &Call| {
            let envelope: Option<serde_json::Value> = serde_json::from_slice(&call.payload).ok();
            let told_of =
                envelope.as_ref().and_then(|told| told.pointer("/requestContext/requestId"));
            call.function == AUDIT && told_of.is_some_and(|told_of| *told_of == *request_id)
        };
        let call = self.call(tells).await?;
        Ok((call.called_at, String::from_utf8_lossy(&call.payload).into_owned()))
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

    /// The series that has counted the callback.
    async fn counted(&self, function: &str) -> Result<String> {
        let request =
            Request::get("/metrics").header("host", self.admin.to_string()).body(Bytes::new())?;
        let page = self.send(self.admin, request).await?;
        let page = String::from_utf8_lossy(page.body()).into_owned();
        let label = format!("function=\"{function}\"");
        let series = page
            .lines()
            .filter(|line| line.starts_with("FunctionDestinationSucceed{"))
            .find(|line| line.contains(&label) && !line.ends_with(" 0"));
        Ok(series.context("no FunctionDestinationSucceed above 0")?.to_owned())
    }

    async fn send(&self, to: SocketAddr, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let sent = timeout(STEP_MAX, client::send(to, request)).await;
        sent.with_context(|| format!("no answer within {STEP_MAX:?}"))?
    }
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
