//! Batches and their events: CloudEvents 1.0 in JSON, and the limits of the service's model.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{Account, Refusal};

/// Bytes of a batch.
const BATCH_MAX: usize = 262_144;
/// Events of a batch.
const EVENTS_MAX: usize = 16;
/// Bytes of an event.
const EVENT_MAX: usize = 65_536;

/// Attributes that an event must have, and the characters that each may have.
const NEEDED: [(&str, usize); 6] = [
    ("id", 128),
    ("source", 128),
    ("specversion", 3),
    ("type", 64),
    ("time", 64),
    ("aliyuneventbusname", 127),
];

/// An event as it came, and what it says.
pub(super) struct Event<'a> {
    raw: &'a str,
    fields: Map<String, Value>,
}

/// The events of a batch.
pub(super) fn read(body: &[u8]) -> Result<Vec<Event<'_>>, Refusal> {
    if body.len() > BATCH_MAX {
        let size = body.len();
        return Err(too_large(&format!(
            "The batch has {size} bytes, at most {BATCH_MAX} are taken."
        )));
    }
    let events: Vec<&RawValue> = serde_json::from_slice(body)
        .map_err(|error| invalid(&format!("The body is not a JSON array: {error}.")))?;
    if events.is_empty() || events.len() > EVENTS_MAX {
        let message = format!("A batch has 1 to {EVENTS_MAX} events, this one {}.", events.len());
        return Err(("EventCountExceedLimit", message));
    }
    let read = |raw: &'_ RawValue| match serde_json::from_str(raw.get()) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) | Err(_) => Err(invalid("An event is not a JSON object.")),
    };
    events.into_iter().map(|raw| Ok(Event { raw: raw.get(), fields: read(raw)? })).collect()
}

impl Event<'_> {
    pub(super) fn bus(&self) -> &str {
        self.text("aliyuneventbusname")
    }

    pub(super) fn id(&self) -> &str {
        self.text("id")
    }

    /// Its type.
    pub(super) fn kind(&self) -> &str {
        self.text("type")
    }

    /// Checks that it is an event of CloudEvents 1.0 within the limits of the service.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.raw.len() > EVENT_MAX {
            let size = self.raw.len();
            return Err(too_large(&format!(
                "An event has {size} bytes, at most {EVENT_MAX} are taken."
            )));
        }
        for (name, max) in NEEDED {
            let length = self.text(name).chars().count();
            if length == 0 || length > max {
                return Err(invalid(&format!(
                    "The attribute {name} must be a text of 1 to {max} characters."
                )));
            }
        }
        if self.text("specversion") != "1.0" {
            return Err(invalid("The attribute specversion must be 1.0."));
        }
        if !is_uri_reference(self.text("source")) {
            return Err(invalid("The attribute source must be a URI reference."));
        }
        if !is_rfc3339(self.text("time")) {
            return Err(invalid("The attribute time must be of RFC 3339."));
        }
        for (name, value) in &self.fields {
            if !is_attribute(name, value) {
                return Err(invalid(&format!("The attribute {name} is not one of CloudEvents.")));
            }
        }
        self.check_data()
    }

    fn check_data(&self) -> Result<(), Refusal> {
        let is_json = matches!(self.text("datacontenttype"), "application/json" | "text/json");
        match (self.fields.get("data"), self.fields.get("data_base64")) {
            (Some(_), Some(_)) => Err(invalid("An event has data or data_base64, not both.")),
            (None, Some(_)) if is_json => Err(invalid("JSON stands in data, not in data_base64.")),
            (Some(_), None) if !is_json => {
                Err(invalid("Data of a type other than application/json stands in data_base64."))
            }
            (Some(_) | None, None) | (None, Some(_)) => Ok(()),
        }
    }

    /// The event with the extensions that the service adds to what it passes on.
    pub(super) fn completed(&self, account: &Account, at: i64) -> String {
        let added = [
            ("aliyunaccountid", json!(account.id)),
            ("aliyunoriginalaccountid", json!(account.id)),
            ("aliyunpublishaddr", json!("127.0.0.1")),
            ("aliyunpublishtime", json!(rfc3339(at))),
            ("aliyunregionid", json!(account.region)),
        ];
        // It is an object and has fields: there is a brace at the end, and a comma fits before it.
        let mut text = self.raw.trim_end().strip_suffix('}').unwrap_or(self.raw).to_owned();
        for (name, value) in added {
            if !self.fields.contains_key(name) {
                text.push_str(&format!(",\"{name}\":{value}"));
            }
        }
        text.push('}');
        text
    }

    /// An attribute; empty if it is absent or no text.
    fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

fn is_attribute(name: &str, value: &Value) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    match (name, value) {
        ("data", _) => true,
        ("data_base64", value) => value.is_string(),
        (name, Value::String(text)) => {
            name.bytes().all(is_plain) && !text.is_empty() && !text.chars().any(char::is_control)
        }
        (name, Value::Bool(_) | Value::Number(_)) => name.bytes().all(is_plain),
        (_, Value::Null | Value::Array(_) | Value::Object(_)) => false,
    }
}

fn is_uri_reference(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    text.bytes().all(is_allowed)
}

/// `2026-01-15T08:30:00[.000]Z`, or with an offset such as `+08:00`.
fn is_rfc3339(text: &str) -> bool {
    let Some((date_time, rest)) = text.split_at_checked("2026-01-15T08:30:00".len()) else {
        return false;
    };
    let fits = |text: &str, form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                form => byte == form,
            })
    };
    let number = |range: std::ops::Range<usize>| {
        date_time.get(range).and_then(|text| text.parse().ok()).unwrap_or(99_u8)
    };
    let is_in_range = (1..=12).contains(&number(5..7))
        && (1..=31).contains(&number(8..10))
        && number(11..13) < 24
        && number(14..16) < 60
        && number(17..19) < 61;
    let digits = rest.strip_prefix('.').map_or(rest, |fraction| {
        fraction.trim_start_matches(|letter: char| letter.is_ascii_digit())
    });
    let has_empty_fraction = rest.starts_with('.') && digits.len() + 1 == rest.len();
    fits(date_time, "0000-00-00T00:00:00")
        && is_in_range
        && !has_empty_fraction
        && (digits == "Z" || fits(digits, "+00:00") || fits(digits, "-00:00"))
}

/// Unix milliseconds in RFC 3339, by way of the date of HTTP: `Thu, 15 Jan 2026 08:30:00 GMT`.
fn rfc3339(at: i64) -> String {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let at = u64::try_from(at).unwrap_or_default();
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(at));
    let mut words = date.split(' ').skip(1);
    let mut word = || words.next().unwrap_or_default();
    let (day, month, year, time) = (word(), word(), word(), word());
    let month = MONTHS.find(month).unwrap_or_default() / 3 + 1;
    format!("{year}-{month:02}-{day}T{time}.{:03}Z", at % 1_000)
}

fn too_large(message: &str) -> Refusal {
    ("EventSizeExceedLimit", message.to_owned())
}

fn invalid(message: &str) -> Refusal {
    ("JsonAttributeInvalid", message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read() {
        assert_eq!(rfc3339(1_768_465_800_007), "2026-01-15T08:30:00.007Z");
        assert_eq!(rfc3339(1_735_689_599_999), "2024-12-31T23:59:59.999Z");
        for text in ["2026-01-15T08:30:00Z", "2026-01-15T08:30:00.1Z", "2026-01-15T08:30:00+08:00"]
        {
            assert!(is_rfc3339(text), "{text}");
        }
        for text in [
            "",
            "2026-01-15",
            "2026-01-15T08:30:00",
            "2026-01-15 08:30:00Z",
            "2026-01-15T08:30:00.Z",
            "2026-13-15T08:30:00Z",
            "2026-01-15T25:30:00Z",
            "2026-01-15T08:30:00.000Asia/Shanghai",
        ] {
            assert!(!is_rfc3339(text), "{text}");
        }
    }
}
