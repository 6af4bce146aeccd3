//! What a destination is told, byte for byte as Function Compute tells it.
//!
//! Payloads are text in the envelope. One that is not UTF-8 is put in as base64, and the envelope
//! then says so in `requestPayloadEncoding` or `responsePayloadEncoding` (ours; the cloud does not
//! document what it does).

use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::arn::{Arn, Resource};
use crate::head::Head;
use crate::life::Outcome;
use crate::name::{FunctionKey, Qualifier};

/// Condition of an invocation that expired. Ours: the cloud documents none.
pub const CONDITION_EXPIRED: &str = "AsyncEventExpired";
/// Condition of an invocation that was stopped. Ours: the cloud documents none.
pub const CONDITION_STOPPED: &str = "AsyncInvocationStopped";

/// Who the daemon is in ARNs. Its account is the one of whoever names no other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// Region, such as `cn-hangzhou`.
    pub region: String,
    /// Account id.
    pub account: String,
}

impl Identity {
    /// The ARN of a function of this daemon.
    #[must_use]
    pub fn function_arn(&self, function: &FunctionKey, qualifier: &Qualifier) -> String {
        let resource = function.name.resource(qualifier);
        format!("acs:fc:{}:{}:{resource}", self.region, function.account)
    }

    /// The function that an ARN names, if it is one of this daemon's region and of `account`: in
    /// what belongs to an account, an empty one means that account, and any other is foreign.
    #[must_use]
    pub fn own_function(&self, account: &str, arn: &Arn) -> Option<(FunctionKey, Qualifier)> {
        let is_own = (arn.region().is_empty() || arn.region() == self.region)
            && (arn.account().is_empty() || arn.account() == account);
        match arn.resource() {
            Resource::Function { function, qualifier } if is_own => {
                Some((FunctionKey::new(account, function.clone()), qualifier.clone()))
            }
            Resource::Function { .. }
            | Resource::MnsQueue { .. }
            | Resource::MnsTopic { .. }
            | Resource::EventBus { .. }
            | Resource::RocketMq { .. }
            | Resource::Kafka { .. }
            | Resource::Amqp { .. } => None,
        }
    }
}

/// The envelope for MNS, functions, RocketMQ, Kafka and RabbitMQ, as JSON text.
#[must_use]
pub fn envelope(head: &Head, function_arn: &str, payload: &[u8], result: &[u8]) -> String {
    let outcome = head.life.outcome();
    let timestamp = head.ended_at().unwrap_or(head.accepted_at).millis();
    let (condition, status, function_error) = match (outcome, &head.fault) {
        (Some(Outcome::Succeeded) | None, _) => ("", 200, ""),
        (Some(Outcome::Expired), _) => (CONDITION_EXPIRED, 200, ""),
        (Some(Outcome::Stopped), _) => (CONDITION_STOPPED, 200, ""),
        (Some(Outcome::Failed | Outcome::Invalid), Some(fault)) if fault.status == 200 => {
            (&*fault.code, 200, &*fault.code)
        }
        (Some(Outcome::Failed | Outcome::Invalid), Some(fault)) => {
            (&*fault.code, if fault.status == 0 { 503 } else { fault.status }, "")
        }
        (Some(Outcome::Failed | Outcome::Invalid), None) => ("InternalServerError", 500, ""),
    };
    let mut json = String::with_capacity(400 + payload.len() + result.len());
    put(
        &mut json,
        format_args!(
            "{{\"timestamp\":{timestamp},\"requestContext\":{{\"requestId\":\"{}\",\"functionArn\":",
            head.request_id
        ),
    );
    quote(&mut json, function_arn);
    json.push_str(",\"condition\":");
    quote(&mut json, condition);
    put(&mut json, format_args!(",\"approximateInvokeCount\":{}}}", head.attempts));
    text_or_base64(&mut json, "requestPayload", payload);
    put(
        &mut json,
        format_args!(",\"responseContext\":{{\"statusCode\":{status},\"functionError\":"),
    );
    quote(&mut json, function_error);
    json.push('}');
    text_or_base64(&mut json, "responsePayload", result);
    json.push('}');
    json
}

/// The CloudEvents 1.0 form for EventBridge: one event whose data is `envelope`. The service adds
/// the other `aliyun…` extensions.
#[must_use]
pub fn cloud_event(head: &Head, function_arn: &str, bus: &str, envelope: &str) -> String {
    let kind = match head.life.outcome() {
        Some(Outcome::Succeeded) => "fc:AsyncInvoke:succeeded",
        Some(Outcome::Failed | Outcome::Expired | Outcome::Stopped | Outcome::Invalid) | None => {
            "fc:AsyncInvoke:failed"
        }
    };
    let time = rfc3339_millis(head.ended_at().unwrap_or(head.accepted_at).millis());
    let mut json = String::with_capacity(400 + envelope.len());
    put(
        &mut json,
        format_args!(
            "{{\"id\":\"{}\",\"source\":\"acs:fc\",\"specversion\":\"1.0\",\"type\":\"{kind}\",\
         \"datacontenttype\":\"application/json\",\"time\":\"{time}\",\"subject\":",
            head.request_id
        ),
    );
    quote(&mut json, function_arn);
    json.push_str(",\"aliyuneventbusname\":");
    quote(&mut json, bus);
    json.push_str(",\"data\":");
    json.push_str(envelope);
    json.push('}');
    json
}

fn text_or_base64(json: &mut String, name: &str, bytes: &[u8]) {
    put(json, format_args!(",\"{name}\":"));
    match core::str::from_utf8(bytes) {
        Ok(text) => quote(json, text),
        Err(_) => {
            json.push('"');
            STANDARD.encode_string(bytes, json);
            put(json, format_args!("\",\"{name}Encoding\":\"base64\""));
        }
    }
}

fn put(json: &mut String, text: fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    json.write_fmt(text).unwrap_or_default();
}

/// Appends `text` as a JSON string.
fn quote(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    // Runs without a character to escape are copied whole: payloads are mostly that.
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\')
    {
        let (plain, special) = rest.split_at(at);
        json.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('"') => json.push_str("\\\""),
            Some('\\') => json.push_str("\\\\"),
            Some('\n') => json.push_str("\\n"),
            Some('\r') => json.push_str("\\r"),
            Some('\t') => json.push_str("\\t"),
            Some(control) => {
                put(json, format_args!("\\u{:04x}", u32::from(control)));
            }
            None => {}
        }
        rest = chars.as_str();
    }
    json.push_str(rest);
    json.push('"');
}

fn rfc3339_millis(ms: i64) -> String {
    let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // Days to a civil date, after Howard Hinnant's `civil_from_days`.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1_000 % 60, of_day % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::head::tests::head;
    use crate::id::Attempt;
    use crate::life::Life;
    use crate::time::Timestamp;

    const ARN: &str = "acs:fc:cn-hangzhou:123:functions/my-fc-job";

    fn failed() -> Head {
        let mut head = head();
        head.attempts = Attempt(2);
        head.life =
            Life::Ended { outcome: Outcome::Failed, at: Timestamp::from_millis(1_728_465_119_433) };
        head.fault = Some(Fault::new("InvocationError", "Function timed out", 200));
        head
    }

    #[test]
    fn a_failure_reads_as_the_contract_prints_it() {
        let text = envelope(&failed(), ARN, b"{\"failure\":true}", b"{\"errorMessage\":\"x\"}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "timestamp": 1_728_465_119_433_i64,
                "requestContext": {
                    "requestId": alloc::string::ToString::to_string(&failed().request_id),
                    "functionArn": ARN,
                    "condition": "InvocationError",
                    "approximateInvokeCount": 2,
                },
                "requestPayload": "{\"failure\":true}",
                "responseContext": {"statusCode": 200, "functionError": "InvocationError"},
                "responsePayload": "{\"errorMessage\":\"x\"}",
            })
        );
    }

    #[test]
    fn any_payload_gives_valid_json() {
        for payload in
            [&b"\x00\x01\"\\\n\r\t\x7f"[..], "søløyer 你好 \u{1F980}".as_bytes(), b"\xff\xfe", b""]
        {
            let text = envelope(&failed(), ARN, payload, payload);
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            if let Ok(plain) = core::str::from_utf8(payload) {
                assert_eq!(value["requestPayload"], plain);
            } else {
                assert_eq!(value["requestPayloadEncoding"], "base64");
                let text = value["responsePayload"].as_str().unwrap();
                assert_eq!(STANDARD.decode(text).unwrap(), payload);
            }
        }
    }

    #[test]
    fn the_cloud_event_carries_the_envelope_as_data() {
        let inner = envelope(&failed(), ARN, b"p", b"r");
        let text = cloud_event(&failed(), ARN, "bus", &inner);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "id": alloc::string::ToString::to_string(&failed().request_id),
                "source": "acs:fc",
                "specversion": "1.0",
                "type": "fc:AsyncInvoke:failed",
                "datacontenttype": "application/json",
                "time": "2024-10-09T09:11:59.433Z",
                "subject": ARN,
                "aliyuneventbusname": "bus",
                "data": serde_json::from_str::<serde_json::Value>(&inner).unwrap(),
            })
        );
        assert!(text.contains(&inner), "the envelope stands in the event byte for byte");
    }

    #[test]
    fn every_outcome_is_an_event_within_the_limits_of_the_service() {
        for (outcome, kind) in [
            (Outcome::Succeeded, "fc:AsyncInvoke:succeeded"),
            (Outcome::Failed, "fc:AsyncInvoke:failed"),
            (Outcome::Expired, "fc:AsyncInvoke:failed"),
            (Outcome::Stopped, "fc:AsyncInvoke:failed"),
            (Outcome::Invalid, "fc:AsyncInvoke:failed"),
        ] {
            // The last millisecond of the year 9999 has the longest time in RFC 3339.
            let at = Timestamp::from_millis(253_402_300_799_999);
            let head = Head { life: Life::Ended { outcome, at }, ..failed() };
            let text = cloud_event(&head, ARN, "bus\"\\", "{}");
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["type"], kind);
            assert_eq!(value["time"], "9999-12-31T23:59:59.999Z");
            assert_eq!(value["aliyuneventbusname"], "bus\"\\");
            for (attribute, max) in [("source", 128), ("type", 64), ("time", 64)] {
                let length = value[attribute].as_str().unwrap().len();
                assert!((1..=max).contains(&length), "{attribute}");
            }
        }
    }
}
