//! Rows of the store: a damaged disk must not bring the daemon down with a panic. The first byte says which record.

use invoked_core::id::InvKey;
use invoked_core::time::Timestamp;
use invoked_store::record::{callback, head, submission, total};

const KEY: InvKey = InvKey([7; 16]);

pub fn read(bytes: &[u8]) {
    let Some((kind, record)) = bytes.split_first() else { return };
    match kind {
        b'h' => {
            if let Ok(row) = head::decode(KEY, record) {
                assert_eq!(head::decode(KEY, &head::encode(&row)), Ok(row));
            }
        }
        b'c' => {
            let at = Timestamp::from_millis(1_800_000_000_000);
            if let Ok(kept) = callback::decode(KEY, at, record) {
                assert_eq!(callback::decode(KEY, at, &callback::encode(&kept)), Ok(kept));
            }
        }
        b's' => {
            if let Ok(submitted) = submission::decode(record) {
                assert_eq!(submission::decode(&submission::encode(&submitted)), Ok(submitted));
            }
        }
        _ => {
            let (key, value) = record.split_at(record.len() / 2);
            if let Ok(total) = total::decode(key, value) {
                let (key, value) =
                    (total::encode_key(&total.key), total::encode_value(total.value));
                assert_eq!(total::decode(&key, &value), Ok(total));
            }
        }
    }
}
