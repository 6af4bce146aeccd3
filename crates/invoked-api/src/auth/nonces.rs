//! The nonces of one key's requests, so that none is done twice.
//!
//! A nonce is kept as long as its request would still be taken, in sets of a minute each that are
//! dropped whole. Only a keyed hash is kept: 8 bytes, of which nobody outside can make two alike.
//!
//! # Invariants
//!
//! `a_nonce_is_taken_once_while_its_request_is_good`, `a_full_memory_takes_nothing_new`. A restart
//! forgets.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};

const MINUTE: i64 = 60;

/// A request is not to be done.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum NonceError {
    /// It was done.
    Used,
    /// Whether it was done could not be told the next time.
    Full,
}

/// What is remembered.
#[derive(Default)]
pub(super) struct Nonces {
    keyed: RandomState,
    /// By the minute at whose end they are forgotten.
    remembered: Mutex<BTreeMap<i64, HashSet<u64>>>,
}

impl Nonces {
    /// Takes a nonce that has not been seen. `good_until` and `now` are in seconds since the epoch,
    /// and no further apart than a request's date may be from now, twice.
    pub(super) fn remember(
        &self,
        nonce: &str,
        good_until: i64,
        now: i64,
        max: usize,
    ) -> Result<(), NonceError> {
        let hash = self.keyed.hash_one(nonce);
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(oldest) = remembered.first_entry()
            && *oldest.key() < now.div_euclid(MINUTE)
        {
            oldest.remove();
        }
        if remembered.values().any(|minute| minute.contains(&hash)) {
            return Err(NonceError::Used);
        }
        if remembered.values().map(HashSet::len).sum::<usize>() >= max {
            return Err(NonceError::Full);
        }
        remembered.entry(good_until.div_euclid(MINUTE)).or_default().insert(hash);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_717_401_600;
    const SKEW: i64 = 900;

    #[test]
    fn a_nonce_is_taken_once_while_its_request_is_good() {
        let nonces = Nonces::default();
        let remember = |nonce, date: i64, now| nonces.remember(nonce, date + SKEW, now, usize::MAX);
        assert_eq!(remember("a", NOW, NOW), Ok(()));
        assert_eq!(remember("b", NOW + SKEW, NOW), Ok(()));
        for now in [NOW, NOW + 1, NOW + SKEW] {
            assert_eq!(remember("a", NOW, now), Err(NonceError::Used), "{now}");
        }
        // Nor is it in another request's.
        assert_eq!(remember("a", NOW + 70, NOW + 70), Err(NonceError::Used));
        assert_eq!(remember("b", NOW + SKEW, NOW + 2 * SKEW), Err(NonceError::Used));
        // By now the date alone refuses the request.
        assert_eq!(remember("a", NOW + SKEW + MINUTE, NOW + SKEW + MINUTE), Ok(()));
    }

    #[test]
    fn a_full_memory_takes_nothing_new() {
        let nonces = Nonces::default();
        for nonce in ["a", "b"] {
            assert_eq!(nonces.remember(nonce, NOW + SKEW, NOW, 2), Ok(()));
        }
        assert_eq!(nonces.remember("c", NOW + SKEW, NOW, 2), Err(NonceError::Full));
        assert_eq!(nonces.remember("a", NOW + SKEW, NOW, 2), Err(NonceError::Used));
        let later = NOW + SKEW + MINUTE;
        assert_eq!(nonces.remember("c", later + SKEW, later, 2), Ok(()));
    }
}
