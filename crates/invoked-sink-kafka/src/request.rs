//! From a message to a record, and how large it is as Kafka counts. Pure.

use invoked_sink::Delivery;
use rdkafka::message::{Header, OwnedHeaders};

/// Bytes that a batch adds to its one record, at most: its own head (61) and the lengths inside of
/// the record (36). Kafka: "Record Batch" and "Record" of the protocol guide; librdkafka:
/// `RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD`.
const FRAME: usize = 61 + 36;

/// Bytes that a header adds to its name and value, at most: two lengths of five bytes.
const HEADER: usize = 10;

/// The headers of the record, beside its key.
pub(crate) fn headers(delivery: &Delivery) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("x-fc-request-id", delivery.request_id.to_string()),
        ("x-invoked-outcome", delivery.tag().to_owned()),
        ("x-invoked-lineage", delivery.depth.to_string()),
    ];
    let fields = delivery.trace.iter().flat_map(|trace| trace.fields());
    headers.extend(fields.map(|(name, value)| (name, value.into_owned())));
    headers
}

/// The same for librdkafka.
pub(crate) fn owned(headers: &[(&'static str, String)]) -> OwnedHeaders {
    let start = OwnedHeaders::new_with_capacity(headers.len());
    headers
        .iter()
        .fold(start, |owned, (key, value)| owned.insert(Header { key, value: Some(value) }))
}

/// Bytes that a batch with this message has beside its envelope.
#[must_use]
pub fn overhead(delivery: &Delivery) -> usize {
    let key = delivery.request_id.to_string().len();
    let headers = headers(delivery);
    let headers = headers.iter().map(|(name, value)| HEADER + name.len() + value.len());
    FRAME + key + headers.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use invoked_core::trace::TraceContext;

    use super::*;
    use crate::tests::delivery;

    #[test]
    fn a_record_says_whose_it_is() {
        let delivery = delivery(b"{}");
        let headers = headers(&delivery);
        let of = |wanted: &str| headers.iter().find(|(name, _)| *name == wanted).unwrap().1.clone();
        assert_eq!(of("x-fc-request-id"), delivery.request_id.to_string());
        assert_eq!(of("x-invoked-outcome"), "succeeded");
        assert_eq!(of("x-invoked-lineage"), "2");
    }

    #[test]
    fn a_place_in_a_trace_is_two_headers_and_counted() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut delivery = delivery(b"{}");
        let without = overhead(&delivery);
        delivery.trace = TraceContext::parse(parent, Some("a=1")).map(Arc::new);
        assert_eq!(
            headers(&delivery)[3..],
            [("traceparent", parent.to_owned()), ("tracestate", "a=1".to_owned())]
        );
        assert_eq!(overhead(&delivery) - without, 10 + 11 + 55 + 10 + 10 + 3);
    }

    #[test]
    fn the_frame_is_counted_at_its_largest() {
        // 61 + 36, a key of 36, and three headers: 15 + 36, 17 + 9, 17 + 1, each with 10.
        assert_eq!(overhead(&delivery(b"{}")), 97 + 36 + 51 + 26 + 18 + 30);
    }
}
