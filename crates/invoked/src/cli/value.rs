//! Values of arguments, read while the command line is parsed.

use std::time::Duration;

use invoked_fc::route::ApiVersion;
use invoked_fc::time::parse_rfc3339;
use serde_json::{Map, Value};

use crate::config::{parse_duration, parse_size};

/// The most seconds that an invocation can be delayed by. Source: the FC API.
const DELAY_SECONDS_MAX: u64 = 3_600;

/// A moment on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Moment {
    /// Milliseconds since 1970.
    At(i64),
    /// So long before now.
    Ago(Duration),
}

impl Moment {
    /// Milliseconds since 1970, where `now` is given in the same way.
    pub(crate) fn unix_ms(self, now: i64) -> i64 {
        match self {
            Self::At(unix_ms) => unix_ms,
            Self::Ago(span) => {
                now.saturating_sub_unsigned(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
            }
        }
    }
}

pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let at = || Some(Moment::At(parse_rfc3339(text)?.checked_mul(1_000)?));
    let milliseconds = || text.parse().ok().map(Moment::At);
    let ago = || parse_duration(text).map(Moment::Ago);
    at().or_else(milliseconds).or_else(ago).ok_or_else(|| {
        "expected a time such as 2026-11-22T19:00:00Z, how long ago such as 2h, or milliseconds since 1970"
            .to_owned()
    })
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let found = parse_duration(text).filter(|found| !found.is_zero());
    found.ok_or_else(|| {
        "expected a number and a unit (ms, s, m, h, d), such as 500ms or 30s".to_owned()
    })
}

/// A size in bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let found = parse_size(text).or_else(|| text.parse().ok());
    found.ok_or_else(|| "expected a size such as 32MiB, or 0".to_owned())
}

/// A delay, in whole seconds as the wire has it.
pub(super) fn delay(text: &str) -> Result<u64, String> {
    let found = parse_duration(text).filter(|found| found.subsec_nanos() == 0);
    let seconds = found.map(|found| found.as_secs()).filter(|found| *found <= DELAY_SECONDS_MAX);
    seconds.ok_or_else(|| "expected whole seconds up to an hour, such as 5s or 10m".to_owned())
}

pub(super) fn api_version(text: &str) -> Result<ApiVersion, String> {
    match text {
        "20160815" | "2016-08-15" => Ok(ApiVersion::V2016),
        // The middle one is how Serverless Devs has always spelled the version.
        "20210406" | "20210416" | "2021-04-06" => Ok(ApiVersion::V2021),
        "20230330" | "2023-03-30" => Ok(ApiVersion::V2023),
        _ => Err("expected 20160815, 20210416 (or 20210406), or 20230330".to_owned()),
    }
}

/// A JSON object whose values are texts, numbers or flags; nulls are left out.
pub(super) fn object(text: &str) -> Result<Vec<(String, String)>, String> {
    let fields: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| format!(r#"expected a JSON object such as {{"key":"value"}}: {error}"#))?;
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| match value {
            Value::String(text) => Ok((key, text)),
            Value::Number(_) | Value::Bool(_) => Ok((key, value.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                Err(format!("{key}: expected a text, a number, true or false"))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_three_spellings() {
        let now = 1_000_000_000_000;
        for (text, unix_ms) in [
            ("2024-06-03T08:00:00Z", 1_717_401_600_000),
            ("1717401600000", 1_717_401_600_000),
            ("2s", now - 2_000),
        ] {
            assert_eq!(moment(text).unwrap().unix_ms(now), unix_ms, "{text}");
        }
        for text in ["", "yesterday", "2024-06-03", "2 weeks"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn delays_are_whole_seconds() {
        assert_eq!(delay("5s"), Ok(5));
        assert_eq!(delay("2000ms"), Ok(2));
        assert_eq!(delay("1h"), Ok(3_600));
        for text in ["5", "500ms", "61m", "-1s", ""] {
            assert!(delay(text).is_err(), "{text}");
        }
        assert!(duration("0s").is_err() && duration("1").is_err());
    }

    #[test]
    fn the_documented_spellings_of_versions_are_read() {
        for text in ["20210416", "20210406", "2021-04-06"] {
            assert_eq!(api_version(text), Ok(ApiVersion::V2021));
        }
        assert!(api_version("20240101").is_err());
    }

    #[test]
    fn objects_hold_plain_values() {
        let fields = object(r#"{"a":"x","b":2,"c":true,"d":null}"#).unwrap();
        let fields: Vec<_> =
            fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(fields, [("a", "x"), ("b", "2"), ("c", "true")]);
        for text in ["", "[]", "a=b", r#"{"a":{}}"#, r#"{"a":[1]}"#] {
            assert!(object(text).is_err(), "{text}");
        }
    }
}
