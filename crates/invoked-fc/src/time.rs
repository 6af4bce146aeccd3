//! The two spellings of time on the wire: RFC 3339 (`2024-06-03T08:00:00Z`, in resources and
//! `x-acs-date`) and RFC 1123 (`Mon, 03 Jun 2024 08:00:00 GMT`, in `date`).
//!
//! Both are UTC with second precision and nothing else, so a calendar of thirty lines serves
//! where a date crate would bring zones and locales. Task times are plain integers and need none
//! of this.
//!
//! # Invariants
//!
//! `known_times_are_spelled_exactly`, `every_spelling_reads_back`, `impossible_dates_do_not_read`.

use std::fmt;

use serde::{Serialize, Serializer};

const DAY_SECONDS: i64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// When a resource was created or changed; on the wire an RFC 3339 string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MetadataTime {
    /// Milliseconds since the epoch; those below a second are not shown.
    pub unix_ms: i64,
}

impl MetadataTime {
    /// Reads what [`MetadataTime`] displays, or nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self { unix_ms: parse_rfc3339(text)? * 1000 })
    }
}

impl fmt::Display for MetadataTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&rfc3339(self.unix_ms.div_euclid(1000)))
    }
}

impl Serialize for MetadataTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Spells seconds since the epoch as `2024-06-03T08:00:00Z`.
#[must_use]
pub fn rfc3339(unix_seconds: i64) -> String {
    let Civil { year, month, day, hour, minute, second } = Civil::of(unix_seconds);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Spells seconds since the epoch as `Mon, 03 Jun 2024 08:00:00 GMT`.
#[must_use]
pub fn rfc1123(unix_seconds: i64) -> String {
    let Civil { year, month, day, hour, minute, second } = Civil::of(unix_seconds);
    let weekday = name(&WEEKDAYS, unix_seconds.div_euclid(DAY_SECONDS).rem_euclid(7));
    let month = name(&MONTHS, month - 1);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Reads `2024-06-03T08:00:00Z` as seconds since the epoch.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = parts(date, '-')?;
    Civil::at(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?, clock)?.unix_seconds()
}

/// Reads `Mon, 03 Jun 2024 08:00:00 GMT` as seconds since the epoch. The weekday is not checked:
/// it is redundant, and a client that gets it wrong still means the date.
#[must_use]
pub fn parse_rfc1123(text: &str) -> Option<i64> {
    let (_weekday, rest) = text.strip_suffix(" GMT")?.split_once(", ")?;
    let (date, clock) = rest.rsplit_once(' ')?;
    let [day, month, year] = parts(date, ' ')?;
    let month = (1..).zip(MONTHS).find_map(|(number, name)| (name == month).then_some(number))?;
    Civil::at(digits(year, 4)?, month, digits(day, 2)?, clock)?.unix_seconds()
}

/// A moment in the proleptic Gregorian calendar, UTC.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Civil {
    /// Counts from 1 March of year 0, in eras of 400 years, so that the leap day ends a year and
    /// no table of months is needed (Howard Hinnant, "chrono-Compatible Low-Level Date
    /// Algorithms").
    fn of(unix_seconds: i64) -> Self {
        let days = unix_seconds.div_euclid(DAY_SECONDS) + 719_468;
        let of_day = unix_seconds.rem_euclid(DAY_SECONDS);
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }

    fn at(year: i64, month: i64, day: i64, clock: &str) -> Option<Self> {
        let [hour, minute, second] = parts(clock, ':')?;
        Some(Self {
            year,
            month,
            day,
            hour: digits(hour, 2)?,
            minute: digits(minute, 2)?,
            second: digits(second, 2)?,
        })
    }

    /// The inverse of [`Civil::of`]; nothing if there is no such moment.
    fn unix_seconds(&self) -> Option<i64> {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (self.month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        let seconds = days * DAY_SECONDS + self.hour * 3_600 + self.minute * 60 + self.second;
        // An impossible date or clock lands on another moment than the one that was written.
        Self::of(seconds).same_as(self).then_some(seconds)
    }

    fn same_as(&self, other: &Self) -> bool {
        (self.year, self.month, self.day, self.hour, self.minute, self.second)
            == (other.year, other.month, other.day, other.hour, other.minute, other.second)
    }
}

/// The text between exactly two separators.
fn parts(text: &str, separator: char) -> Option<[&str; 3]> {
    let (first, rest) = text.split_once(separator)?;
    let (second, third) = rest.split_once(separator)?;
    Some([first, second, third])
}

/// A number of exactly `width` digits, without a sign.
fn digits(text: &str, width: usize) -> Option<i64> {
    let plain = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn name<'a>(names: &[&'a str], index: i64) -> &'a str {
    usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{MetadataTime, parse_rfc1123, parse_rfc3339, rfc1123, rfc3339};

    const KNOWN: [(i64, &str, &str); 7] = [
        (0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
        (-1, "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 GMT"),
        (951_782_400, "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
        (1_717_401_600, "2024-06-03T08:00:00Z", "Mon, 03 Jun 2024 08:00:00 GMT"),
        (1_709_251_199, "2024-02-29T23:59:59Z", "Thu, 29 Feb 2024 23:59:59 GMT"),
        (1_795_375_614, "2026-11-22T19:26:54Z", "Sun, 22 Nov 2026 19:26:54 GMT"),
        (4_107_542_400, "2100-03-01T00:00:00Z", "Mon, 01 Mar 2100 00:00:00 GMT"),
    ];

    #[test]
    fn known_times_are_spelled_exactly() {
        for (seconds, iso, http) in KNOWN {
            assert_eq!(rfc3339(seconds), iso);
            assert_eq!(rfc1123(seconds), http);
        }
    }

    #[test]
    fn every_spelling_reads_back() {
        for (seconds, iso, http) in KNOWN {
            assert_eq!(parse_rfc3339(iso), Some(seconds));
            assert_eq!(parse_rfc1123(http), Some(seconds));
        }
        // A prime step, so that every hour, weekday, month and leap rule is met.
        for seconds in (-5_000_000_000_i64..10_000_000_000).step_by(10_000_019) {
            assert_eq!(parse_rfc3339(&rfc3339(seconds)), Some(seconds));
            assert_eq!(parse_rfc1123(&rfc1123(seconds)), Some(seconds));
        }
    }

    #[test]
    fn impossible_dates_do_not_read() {
        for text in [
            "",
            "2024-06-03",
            "2024-06-03T08:00:00",
            "2024-06-03 08:00:00Z",
            "2024-6-3T08:00:00Z",
            "2024-06-03T08:00:00.000Z",
            "2024-06-03T08:00:00+08:00",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60:00Z",
            "+024-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
        for text in
            ["Mon, 03 Jun 2024 08:00:00", "Mon, 31 Jun 2024 08:00:00 GMT", "03 Jun 2024 GMT"]
        {
            assert_eq!(parse_rfc1123(text), None, "{text}");
        }
    }

    #[test]
    fn metadata_times_drop_milliseconds() {
        let time = MetadataTime { unix_ms: 1_717_401_600_999 };
        assert_eq!(time.to_string(), "2024-06-03T08:00:00Z");
        assert_eq!(
            MetadataTime::parse("2024-06-03T08:00:00Z"),
            Some(MetadataTime { unix_ms: 1_717_401_600_000 })
        );
    }
}
