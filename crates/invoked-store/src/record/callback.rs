//! The record of a callback that was given up: everything that a redrive needs.

use std::sync::Arc;

use bytes::Bytes;
use invoked_core::arn::Arn;
use invoked_core::id::{Attempt, FnId, InvKey, RequestId};
use invoked_core::name::Qualifier;
use invoked_core::shard::KeptCallback;
use invoked_core::time::Timestamp;

use super::head::{fault, read_fault, read_time, time};
use super::number::{of_outcome, to_outcome};
use super::{redrives, trace};
use crate::codec::{DecodeError, Reader, Writer};

/// The newest version: it has a place in a trace. Callbacks without one are written in the second.
pub const VERSION: u8 = 3;
const UNTRACED: u8 = 2;

/// The bytes of a kept callback. Its key and time are in the store's index.
#[must_use]
pub fn encode(callback: &KeptCallback) -> Bytes {
    let mut writer = Writer::new(if callback.trace.is_some() { VERSION } else { UNTRACED });
    writer.fixed(&callback.request_id.0);
    writer.number(u64::from(callback.fn_id.0));
    writer.text(callback.destination.as_str());
    writer.u8(of_outcome(callback.outcome));
    writer.number(u64::from(callback.tried.0));
    fault(&mut writer, &callback.error);
    writer.bytes(&callback.envelope);
    let base = callback.failed_at;
    writer.option(callback.qualifier.as_named(), Writer::text);
    time(&mut writer, base, callback.accepted_at);
    time(&mut writer, base, callback.ended_at);
    writer.u8(callback.depth);
    writer.option(callback.first_at, |writer, at| time(writer, base, at));
    writer.option(callback.redrives.as_deref(), |writer, of| redrives::write(writer, base, of));
    if let Some(of) = &callback.trace {
        trace::write(&mut writer, of);
    }
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
    let (mut reader, version) = Reader::new(record, VERSION)?;
    let reader = &mut reader;
    let mut kept = KeptCallback {
        key,
        request_id: RequestId(reader.fixed("request id")?),
        fn_id: FnId(reader.small("function")?),
        destination: Arn::parse(reader.text("destination")?)
            .map_err(|_| DecodeError::Malformed { field: "destination" })?,
        outcome: to_outcome(reader.u8("outcome")?)?,
        tried: Attempt(reader.small("tries")?),
        failed_at,
        error: read_fault(reader)?,
        envelope: Bytes::copy_from_slice(reader.bytes("envelope")?),
        qualifier: Qualifier::LATEST,
        accepted_at: failed_at,
        ended_at: failed_at,
        depth: 0,
        trace: None,
        first_at: None,
        redrives: None,
    };
    // The first version ended here.
    if version > 1 {
        let base = failed_at;
        let qualifier = reader.option("qualifier", |reader| reader.text("qualifier"))?;
        kept.qualifier = Qualifier::parse(qualifier.unwrap_or_default())
            .map_err(|_| DecodeError::Malformed { field: "qualifier" })?;
        kept.accepted_at = read_time(reader, base, "accepted at")?;
        kept.ended_at = read_time(reader, base, "ended at")?;
        kept.depth = reader.u8("depth")?;
        kept.first_at =
            reader.option("first try", |reader| read_time(reader, base, "first try"))?;
        kept.redrives =
            reader.option("redrives", |reader| redrives::read(reader, base))?.map(Box::new);
    }
    if version > UNTRACED {
        kept.trace = Some(Arc::new(trace::read(reader)?));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use invoked_core::callback::Callback;
    use invoked_core::fault::Fault;
    use invoked_core::life::Outcome;
    use invoked_core::redrive::Redrives;

    fn kept() -> KeptCallback {
        let mut redrives = Redrives::default();
        redrives.begin("night-shift", Timestamp::from_millis(70));
        let error = Fault::new("TopicNotExist", "no such topic", 404);
        let at = Timestamp::from_millis(77);
        redrives.end(&Callback::Failed { tried: Attempt(14), at, error: error.clone() });
        redrives.begin("0123", Timestamp::from_millis(79));
        KeptCallback {
            key: InvKey::MAX,
            request_id: RequestId([3; 16]),
            fn_id: FnId(4),
            destination: Arn::parse("acs:mns:::/topics/t/messages").unwrap(),
            outcome: Outcome::Expired,
            tried: Attempt(14),
            failed_at: at,
            error,
            envelope: Bytes::from_static(b"{}"),
            qualifier: Qualifier::parse("prod").unwrap(),
            accepted_at: Timestamp::from_millis(5),
            ended_at: Timestamp::from_millis(50),
            depth: 3,
            trace: None,
            first_at: Some(Timestamp::from_millis(60)),
            redrives: Some(Box::new(redrives)),
        }
    }

    #[test]
    fn a_kept_callback_reads_back_as_it_was() {
        let kept = kept();
        assert_eq!(decode(kept.key, kept.failed_at, &encode(&kept)), Ok(kept));
        assert!(decode(InvKey::MIN, Timestamp::MIN, &[1, 2, 3]).is_err());
    }

    #[test]
    fn a_place_in_a_trace_needs_the_third_version() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = invoked_core::trace::TraceContext::parse(parent, None).map(Arc::new);
        let traced = KeptCallback { trace, ..kept() };
        assert_eq!((encode(&traced)[0], encode(&kept())[0]), (3, 2));
        assert_eq!(decode(traced.key, traced.failed_at, &encode(&traced)), Ok(traced));
    }

    #[test]
    fn a_record_of_the_first_version_reads() {
        let kept = kept();
        let mut writer = Writer::new(1);
        writer.fixed(&kept.request_id.0);
        writer.number(4);
        writer.text(kept.destination.as_str());
        writer.u8(3);
        writer.number(14);
        fault(&mut writer, &kept.error);
        writer.bytes(b"{}");
        let failed_at = kept.failed_at;
        let first = KeptCallback {
            qualifier: Qualifier::LATEST,
            accepted_at: failed_at,
            ended_at: failed_at,
            depth: 0,
            trace: None,
            first_at: None,
            redrives: None,
            ..kept
        };
        assert_eq!(decode(first.key, failed_at, &writer.finish()), Ok(first));
    }

    #[test]
    fn the_bytes_of_the_second_version_are_pinned() {
        let bytes = encode(&kept());
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, PINNED);
        let kept = kept();
        assert_eq!(decode(kept.key, kept.failed_at, &bytes), Ok(kept));
    }

    const PINNED: &str = "0203030303030303030303030303030303041c6163733a6d6e733a3a3a2f746f70\
        6963732f742f6d65737361676573030e0d546f7069634e6f7445786973740d6e6f207375636820746f706963\
        9403027b7d010470726f648f01350301210102020d0b6e696768742d736869667401000e010d546f7069634e\
        6f74457869737404043031323300";
}
