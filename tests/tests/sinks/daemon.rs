//! The real daemon with this kind of destination configured: what it tells of a success and of a failure, byte for byte.

use invoked_core::arn::Arn;
use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::{ACCOUNT, Config, REGION};
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;
use invoked_tests::metrics::{DELIVERED, UNDELIVERED};
use invoked_tests::poll;
use serde_json::{Value, json};

use crate::rig::Rig;

/// An invocation that has ended, as a test expects it to be told.
struct Ended {
    id: String,
    tag: &'static str,
    payload: String,
    condition: &'static str,
    result: String,
}

pub async fn the_daemon_tells_of_success_and_failure(rig: &dyn Rig) {
    let (config, destination) = rig.configured(Config::new()).await;
    let of_destination = destination.clone();
    let run = tokio::task::spawn_blocking(move || run(config, &of_destination));
    let ended = run.await.expect("no panic");

    let arrived = rig.read(&Arn::parse(&destination).expect("an ARN")).await;
    for ended in ended {
        let found: Vec<_> = arrived.iter().filter(|found| found.id == ended.id).collect();
        let [found] = found[..] else { panic!("{}: {} times", ended.id, found.len()) };
        let body = str::from_utf8(&found.body).expect("UTF-8");
        assert_eq!(body, ended.envelope(timestamp(body)));
        assert_eq!(found.tag.as_deref(), rig.has_tags().then_some(ended.tag));
    }
}

/// One invocation of each end, and the end of the daemon once both are told.
fn run(config: Config, destination: &str) -> [Ended; 2] {
    let worker = FunctionServer::start();
    let config = config
        .function("worker", &worker.url())
        .of_async("worker", "on_success", destination)
        .of_async("worker", "on_failure", destination)
        .of_async("worker", "max_async_retry_attempts", 0);
    let site = Site::new(config);
    let daemon = site.start();
    let invoke = |payload: &str| accepted(&daemon.send(&invoke_async("worker").body(payload)));
    let good = json!({"order": 17, "note": "grün <&> \"zitiert\"\n"}).to_string();
    let bad = json!({"plan": ["fail"], "note": "größer"}).to_string();
    let ids = [invoke(&good), invoke(&bad)];
    poll::soon("both are told", || daemon.metrics().callbacks_settled() == 2);
    let metrics = daemon.metrics();
    let of_worker = [("function", "worker")];
    assert_eq!(metrics.sum(DELIVERED, &of_worker), 2, "{}", site.said());
    assert_eq!(metrics.sum(UNDELIVERED, &of_worker), 0);
    daemon.stop();

    let [good_id, bad_id] = ids;
    let succeeded =
        Ended { id: good_id, tag: "succeeded", result: good.clone(), payload: good, condition: "" };
    let failed = Ended {
        id: bad_id,
        tag: "failed",
        payload: bad,
        condition: "InvocationError",
        result: r#"{"errorMessage":"as planned"}"#.to_owned(),
    };
    [succeeded, failed]
}

impl Ended {
    /// Contract 5.3, in the order of its fields. Only the time is not known beforehand.
    fn envelope(&self, timestamp: u64) -> String {
        let text = |text: &str| Value::from(text).to_string();
        format!(
            "{{\"timestamp\":{timestamp},\"requestContext\":{{\"requestId\":\"{id}\",\
             \"functionArn\":\"acs:fc:{REGION}:{ACCOUNT}:functions/worker\",\"condition\":\"{condition}\",\
             \"approximateInvokeCount\":1}},\"requestPayload\":{payload},\
             \"responseContext\":{{\"statusCode\":200,\"functionError\":\"{condition}\"}},\
             \"responsePayload\":{result}}}",
            id = self.id,
            condition = self.condition,
            payload = text(&self.payload),
            result = text(&self.result),
        )
    }
}

fn timestamp(body: &str) -> u64 {
    let envelope: Value = serde_json::from_str(body).expect("an envelope");
    let at = envelope["timestamp"].as_u64().expect("a time");
    assert!(at > 1_700_000_000_000, "milliseconds since 1970: {at}");
    at
}
