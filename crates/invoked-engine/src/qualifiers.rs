//! Qualifiers of a function with limits of their own: which lane each has, and what may be set.
//!
//! The number of a lane is interned before anything can wait in it, and never again: a lane whose limits
//! were taken back is the same lane when they are set anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use invoked_core::id::FnId;
use invoked_core::lane::Rate;
use invoked_core::limits::{CONCURRENCY_MAX, QUALIFIER_LANES_EVER_MAX, QUALIFIER_LANES_MAX};
use invoked_core::name::Qualifier;
use invoked_core::qualifiers::{Limits, QualifierLane};
use invoked_store::StoreError;

use crate::functions::Functions;
use crate::handle::Handle;
use crate::registry::{FunctionRecord, WEIGHT_MAX};

/// The name under which the number of a qualifier's lane is interned. It goes by the function's number:
/// what waits for a function that was deleted is not the next one's.
fn interned_lane(function: FnId, qualifier: &Qualifier) -> String {
    format!("lane:{}/{qualifier}", function.0)
}

/// Whose lane a number was interned for.
pub(crate) fn read_interned_lane(interned: &str) -> Option<(FnId, Qualifier)> {
    let (function, qualifier) = interned.strip_prefix("lane:")?.split_once('/')?;
    Some((FnId(function.parse().ok()?), Qualifier::parse(qualifier).ok()?))
}

/// Checks the limits of a function's qualifiers.
///
/// # Errors
/// What is wrong, with the qualifier's name and the limit.
pub(crate) fn check_qualifiers(qualifiers: &BTreeMap<Qualifier, Limits>) -> Result<(), String> {
    if qualifiers.len() > QUALIFIER_LANES_MAX {
        let got = qualifiers.len();
        return Err(format!("may name at most {QUALIFIER_LANES_MAX} qualifiers, got {got}"));
    }
    for (qualifier, limits) in qualifiers {
        let concurrency = limits.concurrency.unwrap_or(1);
        let problem = if !(1..=CONCURRENCY_MAX).contains(&concurrency) {
            format!("concurrency must be between 1 and {CONCURRENCY_MAX}")
        } else if limits.rate.is_some_and(|rate| !(1..=Rate::MAX).contains(&rate.per_second)) {
            format!("rate must be between 1 and {} a second", Rate::MAX)
        } else if !(1..=WEIGHT_MAX).contains(&limits.weight) {
            format!("weight must be between 1 and {WEIGHT_MAX}")
        } else {
            continue;
        };
        return Err(format!("'{qualifier}': {problem}"));
    }
    Ok(())
}

impl Functions {
    /// Checks that a function may have lanes for these qualifiers, beside those that it had.
    ///
    /// # Errors
    /// It had too many others, with their number and the limit.
    pub(crate) fn check_lanes(
        &self,
        function: FnId,
        qualifiers: &BTreeMap<Qualifier, Limits>,
    ) -> Result<(), String> {
        let (known, limit) = (self.lanes.of(function).count(), QUALIFIER_LANES_EVER_MAX);
        let is_new = |name: &&Qualifier| self.lanes.number_of(function, name).is_none();
        let new = qualifiers.keys().filter(is_new).count();
        if new == 0 || known + new <= limit {
            return Ok(());
        }
        Err(format!(
            "name {new} more beside {known} that had limits before: a function keeps the lanes of \
             {limit} at most, so use names that it had"
        ))
    }

    /// The lanes that qualifiers of a function have now.
    pub(crate) fn lanes_of(&self, record: &FunctionRecord) -> BTreeMap<Qualifier, QualifierLane> {
        let lanes = record.qualifiers.iter().filter_map(|(qualifier, limits)| {
            let id = self.lanes.number_of(record.id, qualifier)?;
            Some((qualifier.clone(), QualifierLane { id, limits: *limits }))
        });
        lanes.collect()
    }

    /// The lane that a qualifier of a function has now.
    pub(crate) fn lane_of(&self, record: &FunctionRecord, qualifier: &Qualifier) -> Option<FnId> {
        let is_there = record.qualifiers.contains_key(qualifier);
        is_there.then(|| self.lanes.number_of(record.id, qualifier)).flatten()
    }
}

impl Handle {
    /// Gives numbers to the lanes of these functions that have none.
    pub(crate) async fn number_lanes(
        &self,
        registered: &mut Functions,
        records: impl IntoIterator<Item = &FunctionRecord>,
    ) -> Result<(), StoreError> {
        let mut new = Vec::new();
        for record in records {
            let named = record.qualifiers.keys();
            let unknown =
                named.filter(|name| registered.lanes.number_of(record.id, name).is_none());
            new.extend(unknown.map(|qualifier| {
                ((record.id, qualifier.clone()), interned_lane(record.id, qualifier))
            }));
        }
        for ((function, qualifier), number) in self.intern_all(new).await? {
            Arc::make_mut(&mut registered.lanes).insert(number, function, qualifier);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use invoked_core::qualifiers::LaneNumbers;

    use super::*;

    #[test]
    fn a_number_says_whose_lane_it_is() {
        for qualifier in ["prod", "LATEST", "1"] {
            let qualifier = Qualifier::parse(qualifier).unwrap();
            let interned = interned_lane(FnId(12), &qualifier);
            assert_eq!(read_interned_lane(&interned), Some((FnId(12), qualifier)));
        }
        for other in ["fn:1/hello#5", "to:acs:mns:::/queues/q/messages", "lane:x/prod", "lane:1"] {
            assert_eq!(read_interned_lane(other), None, "{other}");
        }
    }

    #[test]
    fn a_function_keeps_a_bounded_number_of_lanes() {
        let name = |number: usize| Qualifier::parse(&number.to_string()).unwrap();
        let mut lanes = LaneNumbers::default();
        for number in 1..QUALIFIER_LANES_EVER_MAX {
            let lane = FnId(u32::try_from(number).unwrap() + 10);
            lanes.insert(lane, FnId(1), name(number));
        }
        let functions = Functions { lanes: Arc::new(lanes), ..Functions::default() };
        let check = |function, names: &[usize]| {
            let limits = names.iter().map(|number| (name(*number), Limits::default()));
            functions.check_lanes(FnId(function), &limits.collect())
        };
        check(1, &[1, 2, 999]).unwrap();
        check(2, &[998, 999]).unwrap();
        let error = check(1, &[1, 998, 999]).unwrap_err();
        assert!(error.starts_with("name 2 more beside 255 "), "{error}");
        assert!(error.contains("256 at most"), "{error}");
    }

    #[test]
    fn a_limit_that_is_not_allowed_is_named_with_its_qualifier() {
        let rate = |per_second| Some(Rate { per_second });
        for (limits, problem) in [
            (Limits { concurrency: Some(1), rate: rate(100_000), weight: 1_000 }, None),
            (Limits { concurrency: Some(100_000), ..Limits::default() }, None),
            (
                Limits { concurrency: Some(0), ..Limits::default() },
                Some("concurrency must be between 1 and 100000"),
            ),
            (
                Limits { concurrency: Some(100_001), ..Limits::default() },
                Some("concurrency must be between 1 and 100000"),
            ),
            (
                Limits { rate: rate(0), ..Limits::default() },
                Some("rate must be between 1 and 100000 a second"),
            ),
            (Limits { weight: 0, ..Limits::default() }, Some("weight must be between 1 and 1000")),
        ] {
            let qualifiers = [(Qualifier::parse("prod").unwrap(), limits)].into();
            let expected = problem.map_or(Ok(()), |problem| Err(format!("'prod': {problem}")));
            assert_eq!(check_qualifiers(&qualifiers), expected);
        }
        let name = |number: usize| Qualifier::parse(&number.to_string()).unwrap();
        let many = (0..=QUALIFIER_LANES_MAX).map(|number| (name(number), Limits::default()));
        let error = "may name at most 16 qualifiers, got 17".to_owned();
        assert_eq!(check_qualifiers(&many.collect()), Err(error));
    }
}
