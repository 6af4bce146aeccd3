//! The record of a callback that was given up: everything that a redrive needs.

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::id::{Attempt, FnId, InvKey, RequestId};
use invoked_core::shard::KeptCallback;
use invoked_core::time::Timestamp;

use super::head::{fault, read_fault};
use super::number::{of_outcome, to_outcome};
use crate::codec::{DecodeError, Reader, Writer};

/// The version written.
pub const VERSION: u8 = 1;

/// The bytes of a kept callback. Its key and time are in the store's index.
#[must_use]
pub fn encode(callback: &KeptCallback) -> Bytes {
    let mut writer = Writer::new(VERSION);
    writer.fixed(&callback.request_id.0);
    writer.number(u64::from(callback.fn_id.0));
    writer.text(callback.destination.as_str());
    writer.u8(of_outcome(callback.outcome));
    writer.number(u64::from(callback.tried.0));
    fault(&mut writer, &callback.error);
    writer.bytes(&callback.envelope);
    writer.finish()
}

/// The callback of `key` that was given up at `failed_at`.
///
/// # Errors
/// The bytes are not a record that this program knows.
pub fn decode(
    key: InvKey,
    failed_at: Timestamp,
    record: &[u8],
) -> Result<KeptCallback, DecodeError> {
    let (mut reader, _) = Reader::new(record, VERSION)?;
    Ok(KeptCallback {
        key,
        request_id: RequestId(reader.fixed("request id")?),
        fn_id: FnId(reader.small("function")?),
        destination: Arn::parse(reader.text("destination")?)
            .map_err(|_| DecodeError::Malformed { field: "destination" })?,
        outcome: to_outcome(reader.u8("outcome")?)?,
        tried: Attempt(reader.small("tries")?),
        failed_at,
        error: read_fault(&mut reader)?,
        envelope: Bytes::copy_from_slice(reader.bytes("envelope")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use invoked_core::fault::Fault;
    use invoked_core::life::Outcome;

    #[test]
    fn a_kept_callback_reads_back_as_it_was() {
        let kept = KeptCallback {
            key: InvKey::MAX,
            request_id: RequestId([3; 16]),
            fn_id: FnId(4),
            destination: Arn::parse("acs:mns:::/topics/t/messages").unwrap(),
            outcome: Outcome::Expired,
            tried: Attempt(14),
            failed_at: Timestamp::from_millis(77),
            error: Fault::new("TopicNotExist", "no such topic", 404),
            envelope: Bytes::from_static(b"{}"),
        };
        assert_eq!(decode(kept.key, kept.failed_at, &encode(&kept)), Ok(kept));
        assert!(decode(InvKey::MIN, Timestamp::MIN, &[1, 2, 3]).is_err());
    }
}
