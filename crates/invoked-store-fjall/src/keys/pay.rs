//! `pay`: inv 16 → event of a plain row; inv 16 | 1 → the answer its callback has to tell. The
//! bytes are as they came.

use invoked_core::id::InvKey;

const RESULT: u8 = 1;

pub(crate) fn encode_key(key: InvKey) -> [u8; 16] {
    key.0
}

pub(crate) fn encode_result_key(key: InvKey) -> Vec<u8> {
    [&key.0[..], &[RESULT]].concat()
}
