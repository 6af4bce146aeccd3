//! Header values that steer an invocation.
//!
//! # Invariants
//!
//! `task_ids_follow_the_documented_syntax`, `delays_are_at_most_an_hour`.

use std::time::Duration;

use crate::{argument::InvalidArgument, headers, query};

/// The longest a task id may be.
pub const TASK_ID_BYTES_MAX: usize = 128;
/// The longest a first attempt may be put off.
pub const ASYNC_DELAY_MAX: Duration = Duration::from_secs(3600);

/// How an invocation is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvocationType {
    /// With the function's result.
    #[default]
    Sync,
    /// With a 202, before the function runs.
    Async,
    /// With a 202, and the invocation is a task whatever the configuration says.
    Task,
}

impl InvocationType {
    /// Reads [`headers::INVOCATION_TYPE`], in any case; absent or empty is [`Self::Sync`].
    ///
    /// # Errors
    ///
    /// It is none of the three.
    pub fn parse(value: Option<&str>) -> Result<Self, InvalidArgument> {
        match value.unwrap_or_default().trim() {
            "" => Ok(Self::Sync),
            value if value.eq_ignore_ascii_case("sync") => Ok(Self::Sync),
            value if value.eq_ignore_ascii_case("async") => Ok(Self::Async),
            value if value.eq_ignore_ascii_case("task") => Ok(Self::Task),
            _ => refuse(headers::INVOCATION_TYPE, "Sync, Async or Task"),
        }
    }

    /// The value as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sync => "Sync",
            Self::Async => "Async",
            Self::Task => "Task",
        }
    }
}

/// Whether the end of the log comes with a synchronous answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogType {
    /// It does not.
    #[default]
    None,
    /// Its last 4 KB come in [`headers::LOG_RESULT`].
    Tail,
}

impl LogType {
    /// Reads [`headers::LOG_TYPE`], in any case; absent or empty is [`Self::None`].
    ///
    /// # Errors
    ///
    /// It is neither.
    pub fn parse(value: Option<&str>) -> Result<Self, InvalidArgument> {
        match value.unwrap_or_default().trim() {
            "" => Ok(Self::None),
            value if value.eq_ignore_ascii_case("none") => Ok(Self::None),
            value if value.eq_ignore_ascii_case("tail") => Ok(Self::Tail),
            _ => refuse(headers::LOG_TYPE, "None or Tail"),
        }
    }
}

/// Reads a task id out of the header `name`; empty is absent.
///
/// # Errors
///
/// It does not start with a letter or `_`, holds something else than letters, digits, `_` and
/// `-`, or is longer than [`TASK_ID_BYTES_MAX`].
pub fn parse_task_id<'a>(
    name: &'static str,
    value: Option<&'a str>,
) -> Result<Option<&'a str>, InvalidArgument> {
    let Some(id) = value.filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    if is_task_id(id) {
        Ok(Some(id))
    } else {
        refuse(name, "a letter or '_', then letters, digits, '_' and '-', at most 128 in all")
    }
}

/// Whether `id` is a task id: the check of [`parse_task_id`] for ids from elsewhere.
#[must_use]
pub fn is_task_id(id: &str) -> bool {
    let start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let follow = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    id.len() <= TASK_ID_BYTES_MAX && id.bytes().next().is_some_and(start) && id.bytes().all(follow)
}

/// Reads [`headers::ASYNC_DELAY`]; absent or empty is no delay.
///
/// # Errors
///
/// It is not a whole number of seconds from 0 to [`ASYNC_DELAY_MAX`].
pub fn parse_async_delay(value: Option<&str>) -> Result<Duration, InvalidArgument> {
    let value = value.unwrap_or_default().trim();
    if value.is_empty() {
        return Ok(Duration::ZERO);
    }
    match value.parse().map(Duration::from_secs) {
        Ok(delay) if delay <= ASYNC_DELAY_MAX => Ok(delay),
        _ => refuse(headers::ASYNC_DELAY, "a whole number of seconds from 0 to 3600"),
    }
}

/// Reads [`headers::STATEFUL_ASYNC_INVOCATION_ENABLE`]; absent or empty is neither.
///
/// # Errors
///
/// It is neither `true` nor `false`.
pub fn parse_stateful_enable(value: Option<&str>) -> Result<Option<bool>, InvalidArgument> {
    match value.unwrap_or_default().trim() {
        "" => Ok(None),
        value => query::parse_flag(value).map(Some).ok_or(InvalidArgument::Header {
            name: headers::STATEFUL_ASYNC_INVOCATION_ENABLE,
            expected: "true or false",
        }),
    }
}

fn refuse<T>(name: &'static str, expected: &'static str) -> Result<T, InvalidArgument> {
    Err(InvalidArgument::Header { name, expected })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{InvocationType, LogType, parse_async_delay, parse_stateful_enable, parse_task_id};
    use crate::headers::ASYNC_TASK_ID;

    #[test]
    fn kinds_read_in_any_case_and_default() {
        for (value, kind) in [
            (None, InvocationType::Sync),
            (Some(""), InvocationType::Sync),
            (Some("sync"), InvocationType::Sync),
            (Some("ASYNC"), InvocationType::Async),
            (Some("Task"), InvocationType::Task),
        ] {
            assert_eq!(InvocationType::parse(value).unwrap(), kind);
        }
        assert_eq!(LogType::parse(Some("None")).unwrap(), LogType::None);
        assert_eq!(LogType::parse(Some("tail")).unwrap(), LogType::Tail);
        assert_eq!(parse_stateful_enable(Some("True")).unwrap(), Some(true));
        assert_eq!(parse_stateful_enable(None).unwrap(), None);
        for refusal in [
            InvocationType::parse(Some("later")).unwrap_err(),
            LogType::parse(Some("head")).unwrap_err(),
            parse_stateful_enable(Some("1")).unwrap_err(),
        ] {
            assert!(refusal.to_string().starts_with("header 'x-fc-"), "{refusal}");
        }
    }

    #[test]
    fn task_ids_follow_the_documented_syntax() {
        let longest = "a".repeat(128);
        for id in ["a", "_", "Z-9_", longest.as_str()] {
            assert_eq!(parse_task_id(ASYNC_TASK_ID, Some(id)).unwrap(), Some(id));
        }
        for absent in [None, Some("")] {
            assert_eq!(parse_task_id(ASYNC_TASK_ID, absent).unwrap(), None);
        }
        let too_long = "a".repeat(129);
        for id in ["1a", "-a", "a.b", "a b", " a", "é", "a/b", too_long.as_str()] {
            let refusal = parse_task_id(ASYNC_TASK_ID, Some(id)).unwrap_err();
            assert_eq!(
                refusal.to_string(),
                "header 'x-fc-async-task-id' is invalid: expected a letter or '_', then letters, digits, '_' and '-', at most 128 in all"
            );
        }
    }

    #[test]
    fn delays_are_at_most_an_hour() {
        for (value, seconds) in
            [(None, 0), (Some(""), 0), (Some("0"), 0), (Some(" 5"), 5), (Some("3600"), 3600)]
        {
            assert_eq!(parse_async_delay(value).unwrap(), Duration::from_secs(seconds));
        }
        for value in ["3601", "-1", "1.5", "5s", "99999999999999999999"] {
            assert_eq!(
                parse_async_delay(Some(value)).unwrap_err().to_string(),
                "header 'x-fc-async-delay' is invalid: expected a whole number of seconds from 0 to 3600"
            );
        }
    }
}
