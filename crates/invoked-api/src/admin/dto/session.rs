//! Who asks.

use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::guard::Visitor;
use crate::admin::rights;

/// Who asks, and what they may.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Session {
    /// The name of the token; null where none is asked for.
    #[schema(required = true)]
    name: Option<String>,
    /// `viewer`, `operator` or `admin`; each may do what those before it may.
    role: &'static str,
    /// The operations of this API that they may do beyond what every role may: those that change something, and
    /// `getConfiguration`.
    operations: Vec<&'static str>,
    /// Whether events, answers and messages are shown to them.
    payloads: bool,
    /// Whether the daemon asks for tokens at all.
    needs_token: bool,
    /// The daemon's.
    version: &'static str,
}

impl Session {
    pub(in crate::admin) fn of(visitor: &Visitor, needs_token: bool) -> Self {
        Self {
            name: visitor.name.as_deref().map(str::to_owned),
            role: visitor.rights.role.as_str(),
            operations: rights::of(visitor.rights.role),
            payloads: visitor.rights.payloads,
            needs_token,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}
