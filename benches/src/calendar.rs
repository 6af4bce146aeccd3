//! The day and minute of a measurement, in UTC.

use crate::clock;

#[must_use]
pub fn now() -> String {
    minute(clock::now_ns() / 1_000_000_000)
}

/// `2026-11-26, 02:40 UTC` of the seconds since the epoch.
fn minute(seconds: u64) -> String {
    let (mut days, rest) = (seconds / 86_400, seconds % 86_400);
    let is_leap =
        |year: u64| year.is_multiple_of(400) || year.is_multiple_of(4) && !year.is_multiple_of(100);
    let mut year = 1_970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}, {:02}:{:02} UTC", days + 1, rest / 3_600, rest / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::minute;

    #[test]
    fn leap_years_are_counted() {
        assert_eq!(minute(0), "1970-01-01, 00:00 UTC");
        assert_eq!(minute(951_782_399), "2000-02-28, 23:59 UTC");
        assert_eq!(minute(951_782_400), "2000-02-29, 00:00 UTC");
        assert_eq!(minute(1_795_651_200), "2026-11-26, 00:00 UTC");
    }
}
