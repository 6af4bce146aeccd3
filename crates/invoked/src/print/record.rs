//! One resource for people: its fields below each other, long texts cut.

use invoked_fc::time::rfc3339;
use serde_json::Value;

use super::harmless;
use crate::cli::Output;

/// Characters of a field that are shown.
const FIELD_MAX: usize = 400;

/// Prints a record: a line for each field for people, the document for programs.
pub(crate) fn show(record: &Value, output: Output) {
    match output {
        Output::Text => super::line(&lines(record)),
        Output::Json => super::document(record, output),
    }
}

/// The fields of `record`, aligned. What is absent is left out; what is a list stands line by line.
pub(crate) fn lines(record: &Value) -> String {
    let Some(fields) = record.as_object() else { return shown("", record) };
    let present: Vec<_> = fields.iter().filter(|(_, value)| !is_absent(value)).collect();
    let width = present.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (key, value) in present {
        match value {
            Value::Array(items) => {
                lines.push(harmless(key));
                lines.extend(items.iter().map(|item| format!("  {}", entry(item))));
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => {
                lines.push(format!("{:<width$}  {}", harmless(key), shown(key, value)));
            }
        }
    }
    lines.join("\n")
}

/// An item of a list, in one line.
fn entry(item: &Value) -> String {
    let Some(fields) = item.as_object() else { return shown("", item) };
    let present = fields.iter().filter(|(_, value)| !is_absent(value));
    let fields: Vec<_> =
        present.map(|(key, value)| format!("{} {}", harmless(key), shown(key, value))).collect();
    fields.join("  ")
}

/// A moment in milliseconds since 1970, `-` for none.
pub(crate) fn moment(value: Option<&Value>) -> String {
    match value.and_then(Value::as_i64) {
        Some(unix_ms) if unix_ms > 0 => rfc3339(unix_ms.div_euclid(1_000)),
        Some(_) | None => "-".to_owned(),
    }
}

/// A text, a number or a flag as it is, `-` for none.
pub(crate) fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
            other.to_string()
        }
    }
}

/// The first line of a text, cut to a column.
pub(crate) fn brief(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 60 {
        line.chars().take(59).chain(['…']).collect()
    } else {
        line.to_owned()
    }
}

fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

fn shown(key: &str, value: &Value) -> String {
    let is_moment = matches!(key, "startedTime" | "endTime" | "timestamp");
    if is_moment && value.is_i64() {
        return moment(Some(value));
    }
    let text = harmless(&plain(Some(value)));
    let count = text.chars().count();
    if count <= FIELD_MAX {
        return text;
    }
    let start: String = text.chars().take(FIELD_MAX).collect();
    format!("{start}… ({count} characters; --output json shows all)")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_reads_from_top_to_bottom() {
        let record = json!({
            "taskId": "t",
            "status": "Failed",
            "startedTime": 1_717_401_600_000_i64,
            "endTime": 0,
            "returnPayload": "",
            "instanceId": null,
            "taskErrorMessage": "\u{1b}[2J",
            "events": [{ "eventDetail": "", "eventId": 1, "timestamp": 1_717_401_600_000_i64 }],
        });
        let lines = lines(&record);
        assert!(lines.contains("startedTime       2024-06-03T08:00:00Z"), "{lines}");
        assert!(lines.contains("endTime           -"), "{lines}");
        assert!(lines.contains("events\n  eventId 1  timestamp 2024-06-03T08:00:00Z"), "{lines}");
        assert!(!lines.contains('\u{1b}') && !lines.contains("instanceId"), "{lines}");
    }

    #[test]
    fn long_texts_are_cut_and_say_so() {
        let lines = lines(&json!({ "payload": "é".repeat(401) }));
        assert!(lines.ends_with("é… (401 characters; --output json shows all)"), "{lines}");
        assert_eq!(brief(&format!("{}\nmore", "x".repeat(60))), "x".repeat(60));
        assert_eq!(brief(&"x".repeat(61)).chars().count(), 60);
    }
}
