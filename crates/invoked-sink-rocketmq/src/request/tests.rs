//! Whole frames, byte for byte, as the protocol's reference computed them.

use invoked_core::trace::TraceContext;

use super::*;

/// With the body behind it, in hexadecimal.
fn hex(head: &[u8], request: Request<'_>) -> String {
    head.iter().chain(request.body()).map(|byte| format!("{byte:02x}")).collect()
}

fn identity() -> Identity {
    Identity {
        group: "PG_fc".into(),
        namespace_v2: None,
        signer: Some(Signer::new("RocketMQ", "12345678")),
    }
}

#[test]
fn a_route_query_has_the_bytes_of_the_vector() {
    let request = Request::Route { topic: "FcDest" };
    let head = identity().head_in(request, 1, "RUST");
    assert_eq!(
        hex(&head, request),
        "000000e6000000e27b22636f6465223a3130352c226c616e6775616765223a2252555354222c2276657273696f6e223a3430312c226f7061717565223a312c22666c6167223a302c2273657269616c697a655479706543757272656e74525043223a224a534f4e222c226578744669656c6473223a7b22746f706963223a22466344657374222c226163636570745374616e646172644a736f6e4f6e6c79223a2274727565222c224163636573734b6579223a22526f636b65744d51222c225369676e6174757265223a226f57494479594b6d5876395341763979694e637944342b756431343d227d7d"
    );
}

#[test]
fn a_message_has_the_bytes_of_the_vector() {
    let message = Message {
        topic: "FcDest".into(),
        properties: property_list("7F0000010001AABBCCDD000000000001", "r-1", "succeeded").into(),
        born: 1_768_465_800_000,
        body: Bytes::from_static(br#"{"requestContext":{"requestId":"r-1"}}"#),
    };
    let request = Request::Send { message: &message, broker: "broker-a", queue: 0 };
    let head = identity().head_in(request, 2, "RUST");
    let header = concat!(
        r#"{"code":310,"language":"RUST","version":401,"opaque":2,"flag":0,"serializeTypeCurrentRPC":"JSON","#,
        r#""extFields":{"a":"PG_fc","b":"FcDest","c":"TBW102","d":"4","e":"0","f":"0","g":"1768465800000","h":"0","#,
        r#""i":"UNIQ_KEY\u00017F0000010001AABBCCDD000000000001\u0002KEYS\u0001r-1\u0002TAGS\u0001succeeded\u0002WAIT\u0001true\u0002","#,
        r#""j":"0","k":"false","m":"false","n":"broker-a","AccessKey":"RocketMQ","Signature":"PFKgexPaJZbydkW9bNXdBiCJfX4="}}"#,
    );
    let expected = [&[0, 0, 0x01, 0xdf, 0, 0, 0x01, 0xb5][..], header.as_bytes()].concat();
    assert_eq!(String::from_utf8_lossy(&head), String::from_utf8_lossy(&expected));
    assert_eq!(head.len() + request.body().len(), 483);
}

#[test]
fn what_is_sent_names_no_language_that_old_brokers_do_not_know() {
    let identity = Identity { signer: None, ..identity() };
    let head = identity.head(Request::Cluster, 9);
    let header = r#"{"code":106,"language":"OTHER","version":401,"opaque":9,"flag":0,"serializeTypeCurrentRPC":"JSON","extFields":{}}"#;
    assert_eq!(String::from_utf8_lossy(&head[8..]), header);
}

#[test]
fn the_instance_of_version_five_travels_as_a_signed_field() {
    let identity = Identity { namespace_v2: Some("rmq-cn-1".into()), ..identity() };
    let head = identity.head(Request::Route { topic: "t" }, 1);
    let header: serde_json::Value = serde_json::from_slice(&head[8..]).unwrap();
    let fields = header["extFields"].as_object().unwrap();
    assert_eq!((&fields["nsd"], &fields["ns"]), (&"true".into(), &"rmq-cn-1".into()));
    let mut whole = Fields::default();
    let signer = Signer::new("", "12345678");
    signer.sign(&mut whole, b"RocketMQtruermq-cn-1truet");
    assert_eq!(fields["Signature"].as_str(), whole.get("Signature"));
}

#[test]
fn the_id_is_the_request_id_in_upper_case_hexadecimal() {
    let id = RequestId(*b"\x00\x01\x02\x03\xaa\xbb\xcc\xdd\x10\x20\x30\x40\x50\x60\x70\xff");
    assert_eq!(&*unique_key(id), "00010203AABBCCDD10203040506070FF");
    let list = properties(id, "failed", None);
    assert_eq!(
        &*list,
        format!(
            "UNIQ_KEY\u{1}00010203AABBCCDD10203040506070FF\u{2}KEYS\u{1}{id}\u{2}TAGS\u{1}failed\u{2}WAIT\u{1}true\u{2}"
        )
    );
}

#[test]
fn a_place_in_a_trace_is_two_properties() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = TraceContext::parse(parent, Some("a=1"));
    let list = properties(RequestId([7; 16]), "failed", trace.as_ref());
    let added = format!("WAIT\u{1}true\u{2}traceparent\u{1}{parent}\u{2}tracestate\u{1}a=1\u{2}");
    assert!(list.ends_with(&added), "{list}");
}

#[test]
fn names_are_checked_and_put_into_their_namespace() {
    for (name, is_fine) in [
        ("orders_2-b|c", true),
        ("MQ_INST_1_a%orders", true),
        ("", false),
        ("a.b", false),
        ("a b", false),
        ("ü", false),
    ] {
        assert_eq!(is_name(name), is_fine, "{name}");
    }
    assert!(is_name(&"x".repeat(127)) && !is_name(&"x".repeat(128)));
    assert_eq!(&*with_namespace(Some("MQ_INST_1_a"), "t"), "MQ_INST_1_a%t");
    assert_eq!(&*with_namespace(Some("MQ_INST_1_a"), "MQ_INST_1_a%t"), "MQ_INST_1_a%t");
    assert_eq!(&*with_namespace(None, "t"), "t");
}
