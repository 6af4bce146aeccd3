//! An operator at the admin listener of a daemon that runs.

use invoked_api::ApiConfig;
use serde_json::Value;

use crate::client::{Answer, Client};
use crate::daemon::{ASYNC, Daemon, INVOKE, until};

pub(crate) const TASK: (&str, &str) = ("x-fc-stateful-async-invocation-enable", "true");

/// A daemon that runs, and somebody at its admin listener.
pub(crate) struct Operator {
    pub(crate) daemon: Daemon,
    pub(crate) client: Client,
}

impl Operator {
    pub(crate) async fn start() -> Self {
        let daemon = Daemon::start(ApiConfig::default()).await;
        daemon.pages.started(daemon.engine.handle());
        let client = Client::connect(daemon.admin).await;
        Self { daemon, client }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Value {
        let answer = self.client.send("GET", path, &[], "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.value()
    }

    pub(crate) async fn change(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let headers = [("content-type", "application/json"), ("x-invoked-admin", "1")];
        self.client.send(method, path, &headers, body).await
    }

    /// Comes back when the engine's clock is past what it shows now: what is accepted then is younger
    /// than all that was accepted before.
    pub(crate) async fn next_millisecond(&self) {
        let handle = self.daemon.engine.handle();
        let before = handle.now();
        until(async || (before < handle.now()).then_some(())).await;
    }

    #[track_caller]
    pub(crate) fn refused(answer: &Answer, status: u16, code: &str, field: Option<&str>) {
        let body = answer.value();
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        assert_eq!((answer.status, text("code")), (status, Some(code)), "{body}");
        assert_eq!(text("field"), field, "{body}");
    }

    /// Invokes `hello` as a task and waits for its end.
    pub(crate) async fn task(&mut self, id: &str, payload: &str) -> Value {
        let named = ("x-fc-async-task-id", id);
        let mut api = self.daemon.client().await;
        let accepted = api.send("POST", INVOKE, &[ASYNC, TASK, named], payload).await;
        assert_eq!(accepted.status, 202, "{}", accepted.text());
        self.ended(id).await
    }

    pub(crate) async fn ended(&mut self, id: &str) -> Value {
        let path = format!("/v1/tasks/hello/{id}");
        until(async || {
            let task = self.get(&path).await;
            task.get("ended_at").is_some_and(Value::is_string).then_some(task)
        })
        .await
    }
}
