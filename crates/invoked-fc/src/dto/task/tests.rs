//! The one spelling of a task record, and the filters as clients spell them.

use super::{AsyncTask, AsyncTaskEvent, Payload, Payloads, SortOrder, TaskFilter, TaskStatus};
use crate::{
    captures,
    dto::{FunctionNames, Shape},
    query::Query,
};

fn running(shape: Shape, full: &str) -> AsyncTask {
    AsyncTask {
        shape,
        function: FunctionNames { arn: "acs:fc:::functions/fn".to_owned(), full: full.to_owned() },
        qualifier: "LATEST".to_owned(),
        task_id: "task_1".to_owned(),
        request_id: "1-6656".to_owned(),
        status: TaskStatus::Running,
        started_at_ms: 1_717_228_800_000,
        ended_at_ms: 0,
        duration_ms: 0,
        destination_status: String::new(),
        destination_detail: None,
        error_message: String::new(),
        payload: Some(Payload::Text("{}".to_owned())),
        result: None,
        instance_id: String::new(),
        already_retried_times: 0,
        events: vec![AsyncTaskEvent {
            event_id: 1,
            status: TaskStatus::Enqueued,
            at_ms: 1_717_228_799_000,
            event_detail: String::new(),
        }],
    }
}

#[test]
fn running_tasks_end_at_zero() {
    assert_eq!(
        serde_json::to_string(&running(Shape::Functions, "fn")).unwrap(),
        r#"{"functionArn":"acs:fc:::functions/fn","qualifier":"LATEST","taskId":"task_1","requestId":"1-6656","status":"Running","startedTime":1717228800000,"endTime":0,"durationMs":0,"destinationStatus":"","taskErrorMessage":"","taskPayload":"{}","instanceId":"","alreadyRetriedTimes":0,"events":[{"eventId":1,"status":"Enqueued","timestamp":1717228799000,"eventDetail":""}]}"#
    );
}

#[test]
fn versions_with_services_call_a_task_an_invocation() {
    let task = AsyncTask {
        payload: Some(Payload::Base64("/w==".to_owned())),
        result: Some(Payload::Text("ok".to_owned())),
        events: Vec::new(),
        ..running(Shape::Services, "svc$fn")
    };
    assert_eq!(
        serde_json::to_string(&task).unwrap(),
        r#"{"serviceName":"svc","functionName":"fn","qualifier":"LATEST","invocationId":"task_1","requestId":"1-6656","status":"Running","startedTime":1717228800000,"endTime":0,"durationMs":0,"destinationStatus":"","invocationErrorMessage":"","invocationPayload":"/w==","invocationPayloadEncoding":"base64","returnPayload":"ok","instanceId":"","alreadyRetriedTimes":0,"events":[]}"#
    );
}

#[test]
fn captured_filters_read() {
    let filters: Vec<_> = captures::all()
        .iter()
        .filter(|capture| {
            let path = capture.path;
            path.ends_with("/async-tasks") || path.ends_with("/stateful-async-invocations")
        })
        .map(|capture| TaskFilter::parse(&Query::parse(capture.query)).unwrap())
        .collect();
    assert_eq!(filters.len(), 4);
    for filter in filters {
        assert_eq!(filter.status, Some(TaskStatus::Running));
        assert_eq!(filter.payloads, Payloads::Included);
        assert_eq!(filter.order, SortOrder::Descending);
        if filter.prefix.is_some() {
            assert_eq!(filter.prefix.as_deref(), Some("task"));
            assert_eq!(filter.started_from_ms, Some(1_717_228_800_000));
            assert_eq!(filter.started_until_ms, Some(1_717_229_800_000));
        }
    }
}

#[test]
fn refused_filters_name_the_parameter() {
    for name in ["status", "sortOrderByTime", "includePayload", "startedTimeBegin"] {
        let refusal = TaskFilter::parse(&Query::parse(&format!("{name}=nonsense")));
        let message = refusal.unwrap_err().to_string();
        assert!(message.starts_with(&format!("query parameter '{name}' is invalid")), "{message}");
    }
}

#[test]
fn every_status_reads_back() {
    for status in TaskStatus::ALL {
        assert_eq!(TaskStatus::parse(status.as_str()), Some(status));
    }
    assert_eq!(TaskStatus::parse("processed"), None);
}
