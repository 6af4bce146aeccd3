//! The key of a row in memory. Nearly all are short: those stand here, and are compared a word at a time.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;

const SHORT_BYTES: usize = 32;

/// A key, which is ordered as its bytes are.
#[derive(Clone, Eq, PartialEq)]
pub(crate) enum Key {
    /// Zeros behind its length.
    Short([u8; SHORT_BYTES], u8),
    Long(Box<[u8]>),
}

impl From<&[u8]> for Key {
    fn from(key: &[u8]) -> Self {
        let mut bytes = [0; SHORT_BYTES];
        match (u8::try_from(key.len()), bytes.get_mut(..key.len())) {
            (Ok(length), Some(place)) => {
                place.copy_from_slice(key);
                Self::Short(bytes, length)
            }
            _ => Self::Long(key.into()),
        }
    }
}

impl Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(bytes, length) => bytes.get(..usize::from(*length)).unwrap_or(bytes),
            Self::Long(bytes) => bytes,
        }
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let (Self::Short(own, length), Self::Short(others, of_other)) = (self, other) else {
            return (**self).cmp(&**other);
        };
        // What is a beginning of the other, but for zeros, is shorter.
        words(own).cmp(&words(others)).then(length.cmp(of_other))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The bytes as numbers that sort as they do.
fn words(bytes: &[u8; SHORT_BYTES]) -> [u64; SHORT_BYTES / 8] {
    let mut words = [0; SHORT_BYTES / 8];
    let (chunks, _) = bytes.as_chunks();
    words.iter_mut().zip(chunks).for_each(|(word, bytes)| *word = u64::from_be_bytes(*bytes));
    words
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Keys with much in common, zeros above all.
    fn key() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![3 => Just(0), 1 => Just(1), 1 => any::<u8>()];
        prop_oneof![prop::collection::vec(byte.clone(), 0..4), prop::collection::vec(byte, 0..70)]
    }

    proptest! {
        #[test]
        fn keys_are_ordered_as_their_bytes_are(one in key(), other in key(), at in any::<prop::sample::Index>()) {
            let mut near = one.clone();
            near.extend(&other);
            let mut changed = one.clone();
            if !changed.is_empty() {
                let place = at.index(changed.len());
                changed[place] ^= 1;
            }
            for other in [other, near, changed, one.clone()] {
                let (of_one, of_other) = (Key::from(&*one), Key::from(&*other));
                prop_assert_eq!(&*of_one, &*one);
                prop_assert_eq!(of_one.cmp(&of_other), one.cmp(&other));
                prop_assert_eq!(of_one == of_other, one == other);
            }
        }
    }
}
