//! Times as the admin API writes and reads them: RFC 3339.

use invoked_core::time::Timestamp;
use invoked_fc::time::{parse_rfc3339, rfc3339};

const MINUTE_MS: i64 = 60_000;

/// Spells a time as `2026-11-23T08:00:00.000Z`.
pub(super) fn moment(at: Timestamp) -> String {
    let (seconds, ms) = (at.millis().div_euclid(1_000), at.millis().rem_euclid(1_000));
    let whole = rfc3339(seconds);
    format!("{}.{ms:03}Z", whole.trim_end_matches('Z'))
}

/// Reads a time with any offset and any number of decimals; those below a millisecond do not count.
pub(super) fn parse_moment(text: &str) -> Option<Timestamp> {
    let text = text.to_ascii_uppercase();
    let (date, clock) = text.split_once('T')?;
    let (clock, offset_ms) = match clock.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => {
            let at = clock.rfind(['+', '-'])?;
            let (clock, offset) = clock.split_at_checked(at)?;
            (clock, parse_offset(offset)?)
        }
    };
    let (whole, decimals) = clock.split_once('.').unwrap_or((clock, "0"));
    if decimals.is_empty() || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let ms: String = decimals.chars().chain("00".chars()).take(3).collect();
    let seconds = parse_rfc3339(&format!("{date}T{whole}Z"))?;
    let ms = seconds.checked_mul(1_000)?.checked_add(ms.parse().ok()?)?;
    Some(Timestamp::from_millis(ms.checked_sub(offset_ms)?))
}

/// `+08:00` in milliseconds.
fn parse_offset(text: &str) -> Option<i64> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let part = |text: &str, max: i64| {
        let is_two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|part| is_two && *part <= max)
    };
    Some(sign * (part(hours, 23)? * 60 + part(minutes, 59)?) * MINUTE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back() {
        let at = Timestamp::from_millis(1_717_401_600_007);
        assert_eq!(moment(at), "2024-06-03T08:00:00.007Z");
        for same in [
            "2024-06-03T08:00:00.007Z",
            "2024-06-03t08:00:00.0079z",
            "2024-06-03T16:00:00.007+08:00",
            "2024-06-03T07:30:00.007-00:30",
        ] {
            assert_eq!(parse_moment(same), Some(at), "{same}");
        }
        assert_eq!(
            parse_moment("2024-06-03T08:00:00Z").map(moment).unwrap(),
            "2024-06-03T08:00:00.000Z"
        );
    }

    #[test]
    fn what_is_no_time_does_not_read() {
        for bad in [
            "",
            "2024-06-03",
            "2024-06-03T08:00:00",
            "2024-06-03T08:00:00.Z",
            "2024-06-03T08:00:00.xZ",
            "2024-06-03T08:00:00+8:00",
            "2024-06-03T08:00:00+08:60",
            "2024-13-03T08:00:00Z",
            "T+é",
            "1717401600000",
        ] {
            assert_eq!(parse_moment(bad), None, "{bad}");
        }
    }
}
