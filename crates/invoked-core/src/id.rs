//! Identities: shards, invocation keys, request ids, attempts.
//!
//! An [`InvKey`] carries its shard, so a lookup needs no map. Generated keys are ordered by time
//! inside a shard; a key chosen by the caller (a task id) is a hash, so the same id always lands on
//! the same row and a duplicate is found by the primary key alone. Layout:
//!
//! ```text
//! generated   shard u16 | milliseconds u48 | 0 | random 63 bits
//! chosen      shard u16 | sha256(account 0 function 0 id), 14 bytes, with the same bit set to 1
//! ```

use core::fmt;

use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// A slice of the key space with one owner at a time.
#[derive(Copy, Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ShardId(pub u16);

/// How often a shard has changed hands. A commit counts only with the current epoch.
#[derive(Copy, Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Epoch(pub u64);

/// The store's short number for a function or a destination. Numbers are never reused.
#[derive(Copy, Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FnId(pub u32);

/// The primary key of an invocation. The module documentation has the layout.
#[derive(Copy, Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct InvKey(pub [u8; 16]);

const FLAG_BYTE: usize = 8;
const FLAG_BIT: u8 = 0x80;

impl InvKey {
    /// Before every key.
    pub const MIN: Self = Self([0; 16]);
    /// After every key.
    pub const MAX: Self = Self([0xff; 16]);

    /// A key for an invocation whose id the daemon chooses.
    #[must_use]
    pub fn generated(shard: ShardId, now: Timestamp, random: u64) -> Self {
        let time = now.millis().to_be_bytes();
        let random = (random >> 1).to_be_bytes();
        let mut bytes = [0; 16];
        let (head, tail) = bytes.split_at_mut(8);
        let (shard_bytes, time_bytes) = head.split_at_mut(2);
        shard_bytes.copy_from_slice(&shard.0.to_be_bytes());
        time_bytes.copy_from_slice(time.split_at(2).1);
        tail.copy_from_slice(&random);
        Self(bytes)
    }

    /// The key of the invocation that the caller named `id`.
    #[must_use]
    pub fn chosen(shard: ShardId, account: &str, function: &str, id: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [account, "\0", function, "\0", id] {
            hash.update(part.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut bytes = [0; 16];
        let (head, tail) = bytes.split_at_mut(2);
        head.copy_from_slice(&shard.0.to_be_bytes());
        tail.copy_from_slice(digest.split_at(14).0);
        bytes[FLAG_BYTE] |= FLAG_BIT;
        Self(bytes)
    }

    /// The key of the invocation that carries `parent`'s outcome to a function of this daemon. The
    /// same parent always yields the same child, so a repeated commit inserts it once.
    #[must_use]
    pub fn child_of(parent: Self, now: Timestamp) -> Self {
        Self::generated(parent.shard(), now, mix(parent, 0xC4A1))
    }

    /// Whether this is a key that [`InvKey::child_of`] makes of `parent`, at whatever time.
    #[must_use]
    pub fn is_child_of(&self, parent: Self) -> bool {
        let made = Self::child_of(parent, Timestamp::MIN);
        self.shard() == made.shard() && self.0.split_at(8).1 == made.0.split_at(8).1
    }

    /// The shard in the key.
    #[must_use]
    pub fn shard(&self) -> ShardId {
        ShardId(u16::from_be_bytes([self.0[0], self.0[1]]))
    }

    /// Whether the caller chose the id behind this key.
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        self.0[FLAG_BYTE] & FLAG_BIT != 0
    }
}

impl fmt::Debug for InvKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_grouped(&self.0, f)
    }
}

/// What the client sees as `X-Fc-Request-Id`: constant over all attempts and callbacks. It is the
/// key itself where the daemon chose the id. The text form is 32 hex digits in UUID grouping.
#[derive(Copy, Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(pub [u8; 16]);

impl RequestId {
    /// Parses the text form; `None` when it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 36 {
            return None;
        }
        let mut digits = [0u8; 32];
        let mut filled = 0;
        for (index, byte) in bytes.iter().enumerate() {
            if matches!(index, 8 | 13 | 18 | 23) {
                if *byte != b'-' {
                    return None;
                }
                continue;
            }
            let digit = char::from(*byte).to_digit(16)?;
            *digits.get_mut(filled)? = u8::try_from(digit).ok()?;
            filled += 1;
        }
        let mut id = [0u8; 16];
        for (slot, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            if let [high, low] = pair {
                *slot = high << 4 | low;
            }
        }
        Some(Self(id))
    }

    /// The key this id stands for, when the daemon generated it.
    #[must_use]
    pub fn as_generated_key(self) -> Option<InvKey> {
        let key = InvKey(self.0);
        (!key.is_chosen()).then_some(key)
    }
}

impl From<InvKey> for RequestId {
    fn from(key: InvKey) -> Self {
        Self(key.0)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_grouped(&self.0, f)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_grouped(&self.0, f)
    }
}

fn write_grouped(bytes: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        for digit in [byte >> 4, byte & 15] {
            if let (Some(slot), Some(hex)) = (text.get_mut(at), HEX.get(usize::from(digit))) {
                *slot = *hex;
            }
            at += 1;
        }
    }
    f.write_str(core::str::from_utf8(&text).unwrap_or_default())
}

/// The number of a try, counted from 1. It only grows, across restarts too.
#[derive(Copy, Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Attempt(pub u16);

impl Attempt {
    /// Before the first try.
    pub const NONE: Self = Self(0);

    /// The number of the next try.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A hash of `key` and `salt` with every output bit depending on every input bit. It stands in for
/// a random number wherever a decision has to come out the same on replay and on another node.
#[must_use]
pub fn mix(key: InvKey, salt: u64) -> u64 {
    let (head, tail) = key.0.split_at(8);
    let word = |half: &[u8]| half.iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
    let mut state =
        word(head) ^ word(tail).rotate_left(32) ^ salt.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    // The finalizer of SplitMix64.
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn generated_keys_sort_by_time_and_carry_their_shard() {
        let early = InvKey::generated(ShardId(7), Timestamp::from_millis(1_000), u64::MAX);
        let late = InvKey::generated(ShardId(7), Timestamp::from_millis(1_001), 0);
        assert!(early < late);
        assert_eq!(early.shard(), ShardId(7));
        assert!(!early.is_chosen());
    }

    #[test]
    fn a_chosen_id_always_has_the_same_key() {
        let key = InvKey::chosen(ShardId(1), "acc", "fn", "task_1");
        assert_eq!(key, InvKey::chosen(ShardId(1), "acc", "fn", "task_1"));
        assert_ne!(key, InvKey::chosen(ShardId(1), "acc", "fn", "task_2"));
        assert!(key.is_chosen());
    }

    #[test]
    fn request_ids_round_trip_through_their_text() {
        let key = InvKey::generated(ShardId(3), Timestamp::from_millis(1_700_000_000_000), 42);
        let text = RequestId::from(key).to_string();
        assert_eq!(text.len(), 36);
        assert_eq!(RequestId::parse(&text), Some(RequestId::from(key)));
        assert_eq!(RequestId::parse("1-670648a1-15197d0b-d07710222f9d"), None);
        assert_eq!(RequestId::parse(&text).and_then(RequestId::as_generated_key), Some(key));
    }
}
