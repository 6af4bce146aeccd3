//! Lanes of qualifiers: a version or alias with limits of its own waits in a line of its own.
//!
//! Such a lane has a number from the store, as functions and destinations have, and keeps it for ever. An
//! invocation is put into its lane when it is accepted and stays there. If the limits are taken back, what is
//! left in the lane goes as if it were in its function's own: all such lanes have together what that may have
//! ([`crate::directory::Directory::limiting`]).

use alloc::collections::BTreeMap;

use crate::id::FnId;
use crate::lane::Rate;
use crate::name::Qualifier;

/// What a lane of attempts may take.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Attempts at a time, at least 1; `None` leaves it to an adaptive limit.
    pub concurrency: Option<u32>,
    /// Attempts that may start in a second; `None` is any number.
    pub rate: Option<Rate>,
    /// Its share in the round robin of its account's lanes; at least 1.
    pub weight: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { concurrency: None, rate: None, weight: 1 }
    }
}

/// A lane of a qualifier, as it is configured now.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct QualifierLane {
    /// The store's number for it.
    pub id: FnId,
    /// What it may take.
    pub limits: Limits,
}

/// The numbers of all lanes of qualifiers, of past ones too: something may wait in them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LaneNumbers {
    owners: BTreeMap<FnId, (FnId, Qualifier)>,
    numbers: BTreeMap<(FnId, Qualifier), FnId>,
}

impl LaneNumbers {
    /// `number` is that of the lane of a function's qualifier.
    pub fn insert(&mut self, number: FnId, function: FnId, qualifier: Qualifier) {
        self.owners.insert(number, (function, qualifier.clone()));
        self.numbers.insert((function, qualifier), number);
    }

    /// The number of the lane of a qualifier; `None` if it never had one.
    #[must_use]
    pub fn number_of(&self, function: FnId, qualifier: &Qualifier) -> Option<FnId> {
        self.numbers.get(&(function, qualifier.clone())).copied()
    }

    /// Whose a lane is: the function's, and of it the qualifier's, if it is one's. A number that is no
    /// qualifier's is a function's.
    #[must_use]
    pub fn owner_of(&self, number: FnId) -> (FnId, Option<&Qualifier>) {
        let owner = self.owners.get(&number);
        owner.map_or((number, None), |(function, qualifier)| (*function, Some(qualifier)))
    }

    /// The lanes of a function's qualifiers, by qualifier.
    pub fn of(&self, function: FnId) -> impl Iterator<Item = (&Qualifier, FnId)> {
        let from = self.numbers.range((function, Qualifier::LATEST)..);
        let own = from.take_while(move |((owner, _), _)| *owner == function);
        own.map(|((_, qualifier), number)| (qualifier, *number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn a_lane_is_found_by_its_number_and_by_whose_it_is() {
        let (prod, canary) =
            (Qualifier::parse("prod").unwrap(), Qualifier::parse("canary").unwrap());
        let mut lanes = LaneNumbers::default();
        lanes.insert(FnId(7), FnId(1), prod.clone());
        lanes.insert(FnId(8), FnId(2), prod.clone());
        lanes.insert(FnId(9), FnId(1), canary.clone());
        assert_eq!(lanes.number_of(FnId(1), &prod), Some(FnId(7)));
        assert_eq!(lanes.number_of(FnId(3), &prod), None);
        assert_eq!(lanes.owner_of(FnId(9)), (FnId(1), Some(&canary)));
        assert_eq!(lanes.owner_of(FnId(2)), (FnId(2), None));
        let of =
            |function| lanes.of(FnId(function)).map(|(_, number)| number.0).collect::<Vec<_>>();
        assert_eq!((of(1), of(2), of(3)), (Vec::from([9, 7]), Vec::from([8]), Vec::new()));
    }
}
