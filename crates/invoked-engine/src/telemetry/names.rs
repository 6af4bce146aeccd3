//! Which functions are shown by name. The first that come are, for as long as the process lives: a
//! recorder forgets no series, so a set that moves would grow without an end.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use invoked_core::directory::{Directory, Function};
use invoked_core::id::FnId;

/// Functions that a family shows by name.
pub const FUNCTIONS_SHOWN_MAX: usize = 200;

/// The functions without a name of their own in labels.
pub(super) const OTHER: &str = "_other";

/// The names that are shown.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<BTreeSet<String>>);

impl Names {
    /// What a function is called in labels. One that there is not is one of the others.
    pub(super) fn of(&self, fn_id: FnId, directory: &Directory) -> String {
        let name = directory.get(fn_id).map(|function| shown(directory, function));
        name.filter(|name| self.admit(name)).unwrap_or_else(|| OTHER.to_owned())
    }

    /// Whether this name is one of those that are shown, or becomes one.
    fn admit(&self, name: &str) -> bool {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_shown = names.contains(name);
        if is_shown || names.len() >= FUNCTIONS_SHOWN_MAX {
            return is_shown;
        }
        names.insert(name.to_owned())
    }
}

/// A function in labels: its name, and before it the account if that is not the daemon's own.
pub(super) fn shown(directory: &Directory, function: &Function) -> String {
    if *function.account == *directory.identity.account {
        function.name.as_str().to_owned()
    } else {
        format!("{}/{}", function.account, function.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_are_shown_and_no_others_ever() {
        let names = Names::default();
        for number in 0..FUNCTIONS_SHOWN_MAX {
            assert!(names.admit(&number.to_string()));
        }
        assert!(!names.admit("one more"));
        assert!(names.admit("0"), "what is shown stays so");
    }
}
