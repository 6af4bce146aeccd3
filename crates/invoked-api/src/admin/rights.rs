//! What is not for everybody who may read: for the page, which shows nobody a button that answers 403.

use crate::admin::tokens::Role;

/// Operations beyond a viewer's by their names, with the least role of each. A test of `route` holds the table against
/// what requests are judged by.
pub(super) const BEYOND_VIEWING: [(&str, Role); 20] = [
    ("getConfiguration", Role::Operator),
    ("pauseFunction", Role::Operator),
    ("resumeFunction", Role::Operator),
    ("stopFunction", Role::Operator),
    ("retryFunction", Role::Operator),
    ("purgeFunction", Role::Admin),
    ("putFunction", Role::Admin),
    ("deleteFunction", Role::Admin),
    ("stopTask", Role::Operator),
    ("retryTask", Role::Operator),
    ("retryInvocation", Role::Operator),
    ("redriveCallbacks", Role::Operator),
    ("cancelOperation", Role::Operator),
    ("probeDestination", Role::Operator),
    ("pauseDestination", Role::Operator),
    ("resumeDestination", Role::Operator),
    ("purgeDestination", Role::Admin),
    ("reloadConfig", Role::Admin),
    ("setLogLevel", Role::Admin),
    ("beginBackup", Role::Admin),
];

/// Of those, the ones that somebody of this role may do.
pub(super) fn of(held: Role) -> Vec<&'static str> {
    let may = BEYOND_VIEWING.iter().filter(|(_, needed)| *needed <= held);
    may.map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_those_before_it_may() {
        assert!(of(Role::Viewer).is_empty());
        let operator = of(Role::Operator);
        assert!(operator.contains(&"pauseFunction") && !operator.contains(&"purgeFunction"));
        let admin = of(Role::Admin);
        assert!(operator.iter().all(|name| admin.contains(name)));
        assert_eq!(admin.len(), BEYOND_VIEWING.len());
    }
}
