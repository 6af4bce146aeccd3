//! What the admin listener counts.

use metrics::{counter, describe_counter};

const AUTH_FAILURES: &str = "invoked_admin_auth_failures_total";

/// Why a request to the admin listener was not let in.
#[derive(Copy, Clone, Debug)]
pub(super) enum AuthFailure {
    /// No token, or not as a bearer token.
    Missing,
    /// A token that is none of ours.
    Unknown,
    /// A token whose role does not allow it.
    Role,
    /// A name that is not this machine's.
    Host,
    /// A page of somebody else.
    Origin,
    /// A change that does not say that it is meant.
    Header,
}

impl AuthFailure {
    const ALL: [Self; 6] =
        [Self::Missing, Self::Unknown, Self::Role, Self::Host, Self::Origin, Self::Header];

    fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Role => "role",
            Self::Host => "host",
            Self::Origin => "origin",
            Self::Header => "header",
        }
    }
}

/// What each metric means. Call once, with the recorder in place.
pub(super) fn describe() {
    describe_counter!(AUTH_FAILURES, "Requests to the admin listener that were not let in");
    // From zero, or the first burst of a kind would be no increase to whoever reads rates.
    for why in AuthFailure::ALL {
        counter!(AUTH_FAILURES, "reason" => why.as_str()).increment(0);
    }
}

/// A request was not let in.
pub(super) fn refused(why: AuthFailure) {
    counter!(AUTH_FAILURES, "reason" => why.as_str()).increment(1);
}
