//! How long an answer asks to be left alone.
//!
//! A date is read relative to the `date` of the same answer, so that it does not matter whether the two
//! machines agree about the time. An answer without one is given that of its arrival first.

use std::time::{Duration, SystemTime};

use http::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

/// No wish longer than this is passed on: the longest time-to-live there is, 30 days.
const WISH_MAX: Duration = Duration::from_secs(2_592_000);

/// What `retry-after` asks for, in seconds or as a date; nothing if it is absent, unreadable or in
/// the past.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wish = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that no number has room for are more than the longest wish too.
        text.parse().map_or(WISH_MAX, Duration::from_secs)
    } else {
        let until = httpdate::parse_http_date(text).ok()?;
        until.duration_since(date(headers, &DATE)?).ok()?
    };
    Some(wish.min(WISH_MAX))
}

/// Gives an answer that wants something of us, and does not say when it was made, the date of its arrival:
/// what RFC 9110, 6.6.1, asks of whoever has a clock.
pub(crate) fn date_if_it_matters(headers: &mut HeaderMap, clock: fn() -> SystemTime) {
    if headers.contains_key(RETRY_AFTER)
        && date(headers, &DATE).is_none()
        && let Ok(now) = HeaderValue::try_from(httpdate::fmt_http_date(clock()))
    {
        headers.insert(DATE, now);
    }
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(retry_after_text: &str, date: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after_text.parse().unwrap());
        if !date.is_empty() {
            headers.insert(DATE, date.parse().unwrap());
        }
        retry_after(&headers)
    }

    #[test]
    fn seconds_and_dates_are_read() {
        let noon = "Mon, 03 Jun 2024 12:00:00 GMT";
        assert_eq!(read("7", ""), Some(Duration::from_secs(7)));
        assert_eq!(read(" 0 ", ""), Some(Duration::ZERO));
        assert_eq!(read("Mon, 03 Jun 2024 12:01:30 GMT", noon), Some(Duration::from_secs(90)));
        assert_eq!(read("Mon, 03 Jun 2024 11:59:00 GMT", noon), None, "in the past");
        assert_eq!(read(noon, ""), None, "relative to nothing");
        assert_eq!(read("99999999999", ""), Some(WISH_MAX));
        assert_eq!(
            read("99999999999999999999999", ""),
            Some(WISH_MAX),
            "no number has room for it"
        );
        for text in ["", "soon", "-1", "1.5"] {
            assert_eq!(read(text, noon), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
