//! Everything on disk, on one screen. One file for each kind of key, each with the same verbs:
//! `encode_key`, `decode_key`, `encode_value`, `decode_value`, as far as they are needed.
//!
//! ```text
//! keyspace      key                                                    value
//! live          inv 16                                                 head record
//! pay           inv 16                                                 event of a plain row
//!               inv 16 | 1                                             answer it has to tell
//! due           shard 2 | lane kind 1 | lane 4 | due 8 | inv 16        -
//! meta          1                                                      format version
//!               2                                                      batches written to the tables
//!               3 | shard 2                                            epoch
//!               4 | shard 2 | total key                                count
//!               5 | name                                               function number
//!               6 | function 4                                         name
//!               7 | kind 1 | name                                      registry entry
//!               8 | shard 2 | number 8                                 submission record
//!               9 | 1                                                  next function number
//!               9 | 2 | shard 2                                        next submission number
//!               10 | day 4                                             live rows of the day
//!               11                                                     shards
//!               12                                                     the log's last batch that is in the tables
//! pad           0                                                      filler of the journal
//! rec-<day>     1 | inv 16                                             head record, finished, small answer
//!               2 | function 4 | accepted 8 | inv 16                   -            until format 2
//!               3 | function 4 | status 1 | accepted 8 | inv 16        -            see `status`
//!               4 | function 4 | task id | 0 | inv 16                  accepted     see `task_id`
//!               5 | failed at 8 | inv 16                               kept callback
//!               6 | inv 16                                             failed at, of a kept callback
//! call-<day>    5, 6                                                   as in rec-<day>: kept callbacks
//! body-<day>    1 | inv 16                                             event of a task
//!               2 | inv 16                                             answer to a task, if not small
//!               3, 4 | inv 16                                          where such a body is, see `body`
//! any           255                                                    sentinel of maintenance
//! ```
//!
//! Integers are big-endian; times have their sign bit flipped, so that bytes sort as times do. A
//! row's day is [`invoked_core::head::Head::bucket`]; a kept callback's is the day it failed on.
//! Earlier programs kept callbacks in `rec-<day>`; they are read there and no longer written there.
//! The numbers are on disk: they are pinned by a test and never reused.

use std::fmt;
use std::ops::Bound;

use invoked_core::id::InvKey;
use invoked_core::time::{Day, Timestamp};
use invoked_store::codec::DecodeError;

pub(crate) mod body;
pub(crate) mod callback;
pub(crate) mod due;
pub(crate) mod epoch;
pub(crate) mod live;
pub(crate) mod live_count;
pub(crate) mod name;
pub(crate) mod number;
pub(crate) mod pay;
pub(crate) mod record;
pub(crate) mod registry;
pub(crate) mod status;
pub(crate) mod submission;
pub(crate) mod task_id;
#[cfg(test)]
mod tests;
pub(crate) mod total;

/// The key that maintenance writes into every keyspace. No other key is one byte of this value.
pub(crate) const SENTINEL: [u8; 1] = [0xff];

/// A keyspace, by what it holds.
#[derive(Copy, Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Table {
    /// Rows that are live.
    Live,
    /// Bytes of plain rows.
    Pay,
    /// The order of due work.
    Due,
    /// Everything that there is little of.
    Meta,
    /// Finished records and the indexes of tasks.
    Records(Day),
    /// Bytes of tasks.
    Bodies(Day),
    /// Callbacks that were given up.
    Callbacks(Day),
}

impl Table {
    /// The day of a bucket with records, or with what belongs to them.
    pub(crate) const fn day_of_records(self) -> Option<Day> {
        match self {
            Self::Records(day) | Self::Bodies(day) => Some(day),
            Self::Callbacks(_) | Self::Live | Self::Pay | Self::Due | Self::Meta => None,
        }
    }

    /// The day of a bucket with bodies.
    pub(crate) const fn day_of_bodies(self) -> Option<Day> {
        match self {
            Self::Bodies(day) => Some(day),
            Self::Records(_)
            | Self::Callbacks(_)
            | Self::Live
            | Self::Pay
            | Self::Due
            | Self::Meta => None,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => f.write_str("live"),
            Self::Pay => f.write_str("pay"),
            Self::Due => f.write_str("due"),
            Self::Meta => f.write_str("meta"),
            Self::Records(day) => write!(f, "rec-{day}"),
            Self::Bodies(day) => write!(f, "body-{day}"),
            Self::Callbacks(day) => write!(f, "call-{day}"),
        }
    }
}

/// The first byte of a key of `meta`.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum MetaKind {
    Format = 1,
    Batch = 2,
    Epoch = 3,
    Total = 4,
    Name = 5,
    Function = 6,
    Registry = 7,
    Submission = 8,
    Next = 9,
    LiveCount = 10,
    Shards = 11,
    Applied = 12,
}

/// The first byte of a key of `rec-<day>` and `call-<day>`.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum RecordKind {
    Record = 1,
    // 2 was the order of acceptance, which nobody reads any more.
    Status = 3,
    TaskId = 4,
    Callback = 5,
    CallbackOf = 6,
}

/// The first byte of a key of `body-<day>`.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum BodyKind {
    Payload = 1,
    Result = 2,
    /// Where it is, for what a bucket got at once.
    PackedPayload = 3,
    PackedResult = 4,
}

const SIGN: u64 = 1 << 63;

/// A time whose bytes sort as times do.
pub(crate) fn time(at: Timestamp) -> [u8; 8] {
    (at.millis().cast_unsigned() ^ SIGN).to_be_bytes()
}

/// The key of a row's kind.
pub(crate) fn of_kind(kind: u8, key: InvKey) -> [u8; 17] {
    let mut bytes = [kind; 17];
    if let Some(place) = bytes.last_chunk_mut() {
        *place = key.0;
    }
    bytes
}

/// Takes a key apart from the left.
#[derive(Debug)]
pub(crate) struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    /// The key behind its `prefix`.
    pub(crate) fn behind(key: &'a [u8], prefix: &[u8]) -> Result<Self, DecodeError> {
        key.strip_prefix(prefix).map(Self).ok_or(DecodeError::Malformed { field: "key" })
    }

    pub(crate) fn fixed<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let (first, rest) = self.0.split_first_chunk().ok_or(DecodeError::Short { field })?;
        self.0 = rest;
        Ok(*first)
    }

    pub(crate) fn time(&mut self, field: &'static str) -> Result<Timestamp, DecodeError> {
        let flipped = u64::from_be_bytes(self.fixed(field)?);
        Ok(Timestamp::from_millis((flipped ^ SIGN).cast_signed()))
    }

    /// What is left, as text.
    pub(crate) fn text(self, field: &'static str) -> Result<&'a str, DecodeError> {
        str::from_utf8(self.0).map_err(|_| DecodeError::Malformed { field })
    }

    /// What is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// A range of keys.
pub(crate) type KeyRange = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The keys that begin with `prefix`, which is not all ones.
pub(crate) fn beginning_with(prefix: &[u8]) -> KeyRange {
    (Bound::Included(prefix.to_vec()), Bound::Excluded(after(prefix)))
}

/// The first key behind all that begin with `prefix`.
pub(crate) fn after(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    // All ones: nothing that is stored comes behind.
    vec![0xff; prefix.len() + 1]
}
