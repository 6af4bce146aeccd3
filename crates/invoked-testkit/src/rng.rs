//! Seeded chance (SplitMix64): the same seed makes the same choices.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A sequence of numbers that depends on nothing but its seed.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

/// How often something happens, out of a thousand times.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct PerMille(pub u16);

impl PerMille {
    /// It does not happen.
    pub const NEVER: Self = Self(0);
    /// It always happens.
    pub const ALWAYS: Self = Self(1_000);
}

impl Rng {
    /// The sequence of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// A number below `limit`; 0 if there is none.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.word().checked_rem(limit).unwrap_or(0)
    }

    /// Whether it happens this time.
    pub fn happens(&mut self, chance: PerMille) -> bool {
        self.below(1_000) < u64::from(chance.0)
    }

    /// A span of whole microseconds within the range.
    pub fn span(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let width = range.end().saturating_sub(*range.start()).as_micros();
        let width = u64::try_from(width).unwrap_or(u64::MAX - 1);
        *range.start() + Duration::from_micros(self.below(width + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_spans_stay_within_their_range() {
        let (mut one, mut same) = (Rng::new(7), Rng::new(7));
        let range = Duration::from_millis(2)..=Duration::from_millis(3);
        for _ in 0..100 {
            let span = one.span(&range);
            assert_eq!(span, same.span(&range));
            assert!(range.contains(&span), "{span:?}");
            assert!(!one.happens(PerMille::NEVER) && !same.happens(PerMille::NEVER));
        }
        assert!(one.happens(PerMille::ALWAYS));
    }
}
