//! What the load consists of: every way an invocation can go, all of them ending within seconds.

use std::collections::BTreeSet;

use invoked_tests::api::{DELAY_HEADER, TASK_HEADER, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::function::FunctionServer;
use invoked_tests::http::Request;
use invoked_tests::rng::Rng;
use serde_json::json;

/// Runs, perhaps after failures.
const SETTLE: &str = "settle";
/// Fails as often as it may.
const DOOMED: &str = "doomed";
/// A task with an id.
const TASK: &str = "task";
/// A task that expires before it is due.
const FLEETING: &str = "fleeting";
/// Has no destination.
const QUIET: &str = "quiet";
/// The destination of all others.
const AUDIT: &str = "audit";

/// The functions whose every invocation owes exactly one callback.
pub fn owing() -> BTreeSet<&'static str> {
    [SETTLE, DOOMED, TASK, FLEETING].into()
}

pub fn config(work: &FunctionServer, audit: &FunctionServer) -> Config {
    let mut config = Config::new()
        .set("dispatch", "retry_initial_interval", "20ms")
        .function(AUDIT, &audit.url())
        .function(QUIET, &work.url())
        .of_async(DOOMED, "max_async_retry_attempts", 1)
        .of_async(TASK, "async_task", true)
        .of_async(FLEETING, "async_task", true)
        .of_async(FLEETING, "max_async_event_age", "1s");
    for function in owing() {
        config = config.function(function, &work.url()).tells(function, AUDIT);
    }
    config
}

/// One request of the load.
pub struct Job {
    pub key: u64,
    pub function: &'static str,
    pub task: Option<String>,
    pub stops: bool,
    plan: &'static [&'static str],
    delay: Option<u32>,
}

impl Job {
    pub fn choose(key: u64, rng: &mut Rng) -> Self {
        let plain =
            |function, plan| Self { key, function, task: None, stops: false, plan, delay: None };
        let task =
            |function, plan| Self { task: Some(format!("task_{key}")), ..plain(function, plan) };
        match rng.below(100) {
            0..45 => plain(SETTLE, &["ok"]),
            45..60 => plain(SETTLE, &["fail", "ok"]),
            60..64 => plain(SETTLE, &["status:503", "ok"]),
            64..68 => plain(SETTLE, &["drop", "ok"]),
            68..78 => plain(DOOMED, &["fail"]),
            78..86 => task(TASK, &["ok"]),
            86..90 => task(TASK, &["fail", "fail", "ok"]),
            90..93 => Self { stops: true, ..task(TASK, &["slow:100"]) },
            93..95 => Self { delay: Some(2), ..task(FLEETING, &["ok"]) },
            _ => plain(QUIET, &["ok"]),
        }
    }

    pub fn request(&self) -> Request {
        let mut request =
            invoke_async(self.function).json(&json!({"key": self.key, "plan": self.plan}));
        if let Some(task) = &self.task {
            request = request.header(TASK_HEADER, task);
        }
        if let Some(delay) = self.delay {
            request = request.header(DELAY_HEADER, delay);
        }
        request
    }
}
