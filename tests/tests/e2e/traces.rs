//! A trace that a caller began goes on: to every attempt, over a kill, and to whoever is told.

use invoked_tests::api::{TASK_HEADER, accepted, invoke_async, invoke_sync};
use invoked_tests::collector::{Collector, Manner, attribute};
use invoked_tests::config::{ACCOUNT, Config};
use invoked_tests::daemon::Site;
use invoked_tests::function::{Call, FunctionServer};
use invoked_tests::http::Request;
use invoked_tests::poll;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;

use crate::logs;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

fn traced(request: Request) -> Request {
    request.header("traceparent", PARENT).header("tracestate", STATE)
}

fn context(call: &Call) -> (Option<&str>, Option<&str>) {
    (call.headers.first("traceparent"), call.headers.first("tracestate"))
}

#[test]
fn it_reaches_every_attempt_over_a_kill_and_the_functions_that_are_told() {
    let [work, near, far] = std::array::from_fn(|_| FunctionServer::start());
    let there = Site::new(Config::new().function("far", &far.url()));
    let there_arn = format!("acs:fc:cn-far:{ACCOUNT}:functions/far");
    let config = Config::new()
        .set("dispatch", "retry_initial_interval", "1s")
        .set("sinks.fc.default", "endpoint", format!("http://{}", there.api))
        .set("sinks.fc.default", "access_key_id", "id")
        .set("sinks.fc.default", "access_key_secret", "secret")
        .function("work", &work.url())
        .of_async("work", "on_success", "acs:fc:::functions/near")
        .function("near", &near.url())
        .of_async("near", "on_success", there_arn.as_str());
    let here = Site::new(config);
    let (there, daemon) = (there.start(), here.start());

    let plan = json!({"plan": ["fail", "ok"]});
    accepted(&daemon.send(&traced(invoke_async("work").json(&plan))));
    work.wait_for(1);
    daemon.kill();
    let daemon = here.start();
    daemon.wait_until_idle();
    there.wait_until_idle();
    // A kill may repeat the first attempt.
    let calls = [work.calls(), near.calls(), far.calls()].concat();
    assert!(calls.len() >= 4, "two attempts, and two that are told");
    for call in &calls {
        assert_eq!(context(call), (Some(PARENT), Some(STATE)), "{:?}", call.path);
    }
}

#[test]
fn a_synchronous_call_passes_it_on_and_what_is_none_is_passed_over() {
    let work = FunctionServer::start();
    let site = Site::new(Config::new().function("work", &work.url()));
    let daemon = site.start();
    let sync = || invoke_sync("work").body("{}");
    assert_eq!(daemon.send(&traced(sync())).status(), 200);
    for (parent, state) in [("00-1-2-01", STATE), (PARENT, "no state")] {
        let request = sync().header("traceparent", parent).header("tracestate", state);
        assert_eq!(daemon.send(&request).status(), 200);
    }
    let twice = traced(sync()).header("traceparent", PARENT);
    assert_eq!(daemon.send(&twice).status(), 200, "whose is it?");
    let calls = work.calls();
    let contexts: Vec<_> = calls.iter().map(context).collect();
    let none = (None, None);
    assert_eq!(contexts, [(Some(PARENT), Some(STATE)), none, (Some(PARENT), None), none]);
}

/// What a span is called, and what it is of.
fn named(span: &Span) -> (&str, String) {
    (&span.name, attribute(span, "faas.invocation_id").unwrap_or_default())
}

fn exporting(collector: &Collector, function: &FunctionServer) -> Config {
    Config::new()
        .set("telemetry.traces", "endpoint", collector.url())
        .set("telemetry.traces.headers", "x-collector-key", "planted")
        .set("dispatch", "retry_initial_interval", "100ms")
        .function("work", &function.url())
        .function("told", &function.url())
}

#[test]
fn a_collector_sees_one_trace_from_the_request_to_the_callback() {
    let (collector, function) = (Collector::start(Manner::Takes), FunctionServer::start());
    let far = FunctionServer::start();
    let there = Site::new(Config::new().function("far", &far.url()));
    let destination = format!("acs:fc:cn-far:{ACCOUNT}:functions/far");
    let config = exporting(&collector, &function)
        .set("sinks.fc.default", "endpoint", format!("http://{}", there.api))
        .set("sinks.fc.default", "access_key_id", "id")
        .set("sinks.fc.default", "access_key_secret", "secret")
        .of_async("work", "on_success", destination.as_str());
    let site = Site::new(config);
    let (_there, daemon) = (there.start(), site.start());
    let plan = json!({"plan": ["fail", "ok"]});
    let id = accepted(&daemon.send(&traced(invoke_async("work").json(&plan))));
    daemon.wait_until_idle();
    let unsampled = PARENT.replace("-01", "-00");
    accepted(
        &daemon.send(&invoke_async("told").header("traceparent", unsampled.as_str()).body("{}")),
    );
    let own = accepted(&daemon.send(&invoke_async("told").body("{}")));
    daemon.wait_until_idle();
    daemon.stop();

    let spans = collector.spans();
    let of =
        |wanted: &str| -> Vec<_> { spans.iter().filter(|span| named(span).1 == wanted).collect() };
    let mine = of(&id);
    let find = |name: &str| -> Vec<_> { mine.iter().filter(|span| span.name == name).collect() };
    let accept = find("invoke work")[0];
    assert_eq!(accept.parent_span_id, hex("00f067aa0ba902b7"));
    let attempts = find("attempt work");
    let tries: Vec<_> = attempts
        .iter()
        .map(|span| (attribute(span, "invoked.attempt"), attribute(span, "error.type")))
        .collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(tries, [(text("1"), text("InvocationError")), (text("2"), None)]);
    let name = format!("send {destination}");
    let [callback] = find(&name)[..] else { panic!("no {name} in {spans:?}") };
    assert_eq!(attribute(callback, "error.type"), None);
    assert_eq!(attribute(callback, "messaging.system"), text("aliyun_fc"));
    let parent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", text_of(&callback.span_id));
    assert_eq!(context(&far.wait_for(1)[0]).0, Some(parent.as_str()));
    for span in [attempts[0], attempts[1], callback] {
        assert_eq!(span.parent_span_id, accept.span_id, "{}", span.name);
    }
    for span in &mine {
        assert_eq!(span.trace_id, hex("4bf92f3577b34da6a3ce929d0e0e4736"), "{}", span.name);
    }
    // The function was told of the span of its attempt.
    let told: Vec<_> = function
        .calls()
        .iter()
        .filter(|call| call.request_id == id)
        .map(|call| context(call).0.expect("a traceparent").to_owned())
        .collect();
    let spans_told: Vec<_> = attempts
        .iter()
        .map(|span| format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", text_of(&span.span_id)))
        .collect();
    assert_eq!(told, spans_told);

    let begun = of(&own);
    assert_eq!(begun.len(), 2, "its own trace: {begun:?}");
    assert!(begun.iter().any(|span| span.parent_span_id.is_empty()));
    assert_eq!(
        spans.len(),
        mine.len() + begun.len(),
        "what a caller does not sample is not recorded"
    );
    assert_eq!(collector.header("x-collector-key").as_deref(), Some("planted"));
}

#[test]
fn a_refused_request_has_one_word_in_its_span_and_in_the_log() {
    let (collector, function) = (Collector::start(Manner::Takes), FunctionServer::start());
    let site = Site::new(exporting(&collector, &function).of_async("work", "async_task", true));
    let daemon = site.start();
    let task = || traced(invoke_async("work").header(TASK_HEADER, "once").body("{}"));
    accepted(&daemon.send(&task()));
    for refused in [traced(invoke_async("ghost")), traced(invoke_sync("ghost")), task()] {
        assert!(daemon.send(&refused).status() >= 400);
    }
    daemon.wait_until_idle();
    daemon.stop();
    let spans = collector.spans();
    let mut named: Vec<_> = spans.iter().filter_map(|span| attribute(span, "error.type")).collect();
    named.sort();
    assert_eq!(named, ["duplicate", "no_function", "no_function"], "{spans:?}");
    let said = logs::of(&site, "request_refused");
    let said = said.iter().filter(|line| line["api"] == "fc");
    let mut told: Vec<_> = said.filter_map(|line| line["reason"].as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, named);
}

#[test]
fn a_collector_that_does_not_answer_holds_nobody_up_and_what_is_lost_is_counted() {
    let function = FunctionServer::start();
    for manner in [Manner::Refuses, Manner::Hangs] {
        let collector = Collector::start(manner);
        let config = exporting(&collector, &function).set("telemetry.traces", "queue_max", 50);
        let site = Site::new(config.set("telemetry.traces", "timeout", "1m"));
        let daemon = site.start();
        // Two spans each; 512 of them may be on their way and 50 may wait.
        for _ in 0..500 {
            accepted(&daemon.send(&invoke_async("told").body("{}")));
        }
        daemon.wait_until_idle();
        let dropped = || daemon.metrics().sum("invoked_trace_spans_dropped_total", &[]);
        poll::soon("what has no room is counted", || 400 <= dropped());
        assert_eq!(daemon.metrics().sum("invoked_trace_spans_exported_total", &[]), 0);
        daemon.stop();
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(digits).collect()
}

fn text_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
