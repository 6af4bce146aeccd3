//! Single values: what a text, number, duration or size has to look like. Each reader says what it
//! would have taken; the caller adds what it got.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::raw::Raw;

const KIB: u64 = 1024;

/// Units of time, in milliseconds.
const TIMES: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Units of size, in bytes. Powers of ten are not among them: nobody means them here.
const SIZES: [(&str, u64); 4] =
    [("B", 1), ("KiB", KIB), ("MiB", KIB * KIB), ("GiB", KIB * KIB * KIB)];

pub(super) fn text(raw: &Raw) -> Result<String, String> {
    match raw {
        Raw::Text(text) | Raw::Untyped(text) => Ok(text.clone()),
        Raw::Flag(_) | Raw::Integer(_) | Raw::Float(_) | Raw::List(_) | Raw::Table(_) => {
            Err("must be a text".to_owned())
        }
    }
}

/// What [`header_text`] takes.
pub(super) const HEADER_TEXT: &str =
    "must be visible ASCII characters without a comma, and not empty";

/// Whether a text can stand in a header among others.
pub(super) fn is_header_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// A text that can stand in a header among others.
pub(super) fn header_text(raw: &Raw) -> Result<String, String> {
    let found = text(raw)?;
    if is_header_text(&found) { Ok(found) } else { Err(HEADER_TEXT.to_owned()) }
}

/// A text that is neither empty nor holds what separates the parts of an ARN.
pub(super) fn arn_part(raw: &Raw) -> Result<String, String> {
    let rule = "must be letters, digits, '-' and '_'";
    let found = text(raw).map_err(|_| rule.to_owned())?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !found.is_empty() && found.bytes().all(is_plain) { Ok(found) } else { Err(rule.to_owned()) }
}

pub(super) fn flag(raw: &Raw) -> Result<bool, String> {
    match raw {
        Raw::Flag(flag) => Ok(*flag),
        Raw::Untyped(text) if text == "true" => Ok(true),
        Raw::Untyped(text) if text == "false" => Ok(false),
        Raw::Untyped(_)
        | Raw::Text(_)
        | Raw::Integer(_)
        | Raw::Float(_)
        | Raw::List(_)
        | Raw::Table(_) => Err("must be true or false".to_owned()),
    }
}

/// A whole number within a range.
pub(super) fn count<T: TryFrom<i64>>(
    range: RangeInclusive<i64>,
) -> impl Fn(&Raw) -> Result<T, String> {
    move |raw| {
        let number = match raw {
            Raw::Integer(number) => Some(*number),
            Raw::Untyped(text) => text.parse().ok(),
            Raw::Flag(_) | Raw::Float(_) | Raw::Text(_) | Raw::List(_) | Raw::Table(_) => None,
        };
        let within = number.filter(|number| range.contains(number));
        within.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            format!("must be a number between {} and {}", range.start(), range.end())
        })
    }
}

/// A duration with a unit, within a range written the same way.
pub(super) fn duration(
    min: &'static str,
    max: &'static str,
) -> impl Fn(&Raw) -> Result<Duration, String> {
    let units = "a duration with a unit (ms, s, m, h, d), such as \"500ms\" or \"24h\"";
    move |raw| within(raw, &TIMES, units, (min, max)).map(Duration::from_millis)
}

/// A duration with a unit, such as `500ms` or `24h`.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    quantity(text, &TIMES).map(Duration::from_millis)
}

/// A size with a unit, such as `32MiB`, in bytes.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    quantity(text, &SIZES)
}

/// A size with a unit, within a range written the same way.
pub(super) fn size(min: &'static str, max: &'static str) -> impl Fn(&Raw) -> Result<usize, String> {
    let units = "a size with a unit (B, KiB, MiB, GiB), such as \"128KiB\"";
    move |raw| {
        let bytes = within(raw, &SIZES, units, (min, max))?;
        usize::try_from(bytes).map_err(|_| format!("must be at most {max}"))
    }
}

fn within(
    raw: &Raw,
    units: &[(&str, u64)],
    form: &str,
    (min, max): (&str, &str),
) -> Result<u64, String> {
    let written = text(raw).map_err(|_| format!("must be {form}"))?;
    let value = quantity(&written, units).ok_or_else(|| format!("must be {form}"))?;
    let (least, most) = (quantity(min, units), quantity(max, units));
    if least.is_some_and(|least| value < least) || most.is_some_and(|most| value > most) {
        return Err(format!("must be between {min} and {max}"));
    }
    Ok(value)
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// A number from 0 to 1.
pub(super) fn share(raw: &Raw) -> Result<f64, String> {
    let number = match raw {
        Raw::Float(number) => Some(*number),
        Raw::Integer(0) => Some(0.0),
        Raw::Integer(1) => Some(1.0),
        Raw::Untyped(text) => text.parse().ok(),
        Raw::Integer(_) | Raw::Flag(_) | Raw::Text(_) | Raw::List(_) | Raw::Table(_) => None,
    };
    let share = number.filter(|number| (0.0..=1.0).contains(number));
    share.ok_or_else(|| "must be a number from 0 to 1".to_owned())
}

/// One of several words.
pub(super) fn choice<T: Copy>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&Raw) -> Result<T, String> {
    move |raw| {
        let written = text(raw).unwrap_or_default();
        let found = words.iter().find(|(word, _)| *word == written);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            format!("must be {}", words.join(" or "))
        })
    }
}

/// An address and a port.
pub(super) fn address(raw: &Raw) -> Result<SocketAddr, String> {
    let written = text(raw).unwrap_or_default();
    written
        .parse()
        .map_err(|_| "must be an address and a port, such as \"127.0.0.1:7070\"".to_owned())
}

/// A list. In an environment variable its items stand between commas.
pub(super) fn list<T>(
    item: impl Fn(&str) -> Result<T, String>,
) -> impl Fn(&Raw) -> Result<Vec<T>, String> {
    move |raw| match raw {
        Raw::Untyped(text) => {
            text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(&item).collect()
        }
        Raw::List(items) => {
            items.iter().map(|node| text(&node.value).and_then(|text| item(&text))).collect()
        }
        Raw::Flag(_) | Raw::Integer(_) | Raw::Float(_) | Raw::Text(_) | Raw::Table(_) => {
            Err("must be a list of texts".to_owned())
        }
    }
}
