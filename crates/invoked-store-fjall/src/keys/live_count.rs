//! `meta`: 10 | day 4 → live rows whose records will go into that day's bucket. A bucket is not
//! dropped before its count is zero; their sum is the number of live rows.

use invoked_core::time::Day;
use invoked_store::StoreError;

use super::{MetaKind, Parts, number};
use crate::error::corrupt;

pub(crate) const PREFIX: [u8; 1] = [MetaKind::LiveCount as u8];

pub(crate) fn encode_key(day: Day) -> Vec<u8> {
    [&PREFIX[..], &day.0.to_be_bytes()].concat()
}

pub(crate) fn encode_value(count: u64) -> bytes::Bytes {
    number::encode_value(count)
}

pub(crate) fn decode_value(value: &[u8]) -> Result<u64, StoreError> {
    number::decode_value("a count of live rows", value)
}

pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<(Day, u64), StoreError> {
    let read = || Parts::behind(key, &PREFIX)?.fixed("day").map(|day| Day(u32::from_be_bytes(day)));
    let day = read().map_err(|source| corrupt("a count of live rows".to_owned(), source))?;
    Ok((day, decode_value(value)?))
}
