//! `meta`: the rows that hold one number each.
//!
//! ```text
//! 1               format version
//! 2               batches written to the tables; until format 4 there were no others
//! 9 | 1           next function number
//! 9 | 2 | shard   next submission number
//! 11              shards
//! 12              the log's last batch that is in the tables, since format 5
//! ```

use bytes::Bytes;
use invoked_core::id::ShardId;
use invoked_store::StoreError;
use invoked_store::codec::{DecodeError, Reader, Writer};

use super::MetaKind;
use crate::error::corrupt;

const VERSION: u8 = 1;

/// The format version.
pub(crate) const FORMAT: [u8; 1] = [MetaKind::Format as u8];
/// The number of the last batch that was written to the tables. The scan of the journal looks for this key.
pub(crate) const BATCH: [u8; 1] = [MetaKind::Batch as u8];
/// The number of the last batch of the log that the tables have. The scan of the journal looks for this key too.
pub(crate) const APPLIED: [u8; 1] = [MetaKind::Applied as u8];
/// The next number of a function or destination.
pub(crate) const NEXT_FUNCTION: [u8; 2] = [MetaKind::Next as u8, 1];
/// The shards that the store was created with.
pub(crate) const SHARDS: [u8; 1] = [MetaKind::Shards as u8];

/// The next number of a submission.
pub(crate) fn next_submission(shard: ShardId) -> [u8; 4] {
    let [high, low] = shard.0.to_be_bytes();
    [MetaKind::Next as u8, 2, high, low]
}

pub(crate) fn encode_value(number: u64) -> Bytes {
    let mut writer = Writer::new(VERSION);
    writer.number(number);
    writer.finish()
}

pub(crate) fn decode_value(what: &str, value: &[u8]) -> Result<u64, StoreError> {
    read(value).map_err(|source| corrupt(what.to_owned(), source))
}

/// The number in a value.
pub(crate) fn read(value: &[u8]) -> Result<u64, DecodeError> {
    Reader::new(value, VERSION)?.0.number("number")
}
