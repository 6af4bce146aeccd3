//! The record of a count. Function, qualifier and metric are in the key; the value is the count.

use bytes::Bytes;
use invoked_core::id::FnId;
use invoked_core::name::Qualifier;
use invoked_core::totals::{Total, TotalKey};

use super::number::{of_metric, to_metric};
use crate::codec::{DecodeError, Reader, Writer};

/// The version written.
pub const VERSION: u8 = 1;

/// The key of a count within its shard.
#[must_use]
pub fn encode_key(key: &TotalKey) -> Bytes {
    let mut writer = Writer::new(VERSION);
    writer.fixed(&key.fn_id.0.to_be_bytes());
    writer.fixed(&of_metric(key.metric));
    writer.text(key.qualifier.as_named().unwrap_or_default());
    writer.finish()
}

/// The value of a count.
#[must_use]
pub fn encode_value(value: u64) -> Bytes {
    let mut writer = Writer::new(VERSION);
    writer.number(value);
    writer.finish()
}

/// A count from its key and value.
///
/// # Errors
/// The bytes are not a record that this program knows.
pub fn decode(key: &[u8], value: &[u8]) -> Result<Total, DecodeError> {
    let (mut key, _) = Reader::new(key, VERSION)?;
    let fn_id = FnId(u32::from_be_bytes(key.fixed("function")?));
    let metric = to_metric(key.fixed("metric")?)?;
    let qualifier = Qualifier::parse(key.text("qualifier")?)
        .map_err(|_| DecodeError::Malformed { field: "qualifier" })?;
    let (mut value, _) = Reader::new(value, VERSION)?;
    Ok(Total { key: TotalKey { fn_id, qualifier, metric }, value: value.number("count")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use invoked_core::totals::Metric;

    #[test]
    fn a_count_reads_back_as_it_was() {
        let key = TotalKey {
            fn_id: FnId(300),
            qualifier: Qualifier::parse("prod").unwrap(),
            metric: Metric::Accepted,
        };
        let total = Total { key, value: u64::MAX };
        let read = decode(&encode_key(&total.key), &encode_value(total.value));
        assert_eq!(read, Ok(total));
    }
}
