//! Where a function may live that a client creates or changes.
//!
//! The engine knows no network: whoever starts it says what may be reached.

use std::fmt;
use std::sync::Arc;

use invoked_sink::TargetAddress;

type Check = dyn Fn(&TargetAddress) -> Result<(), String> + Send + Sync;

/// Says whether a client may point a function at an address, or why not. Addresses of the operator's
/// file are not asked about.
#[derive(Clone)]
pub struct TargetCheck(Arc<Check>);

impl TargetCheck {
    /// The check that `judge` makes. It must not block.
    #[must_use]
    pub fn new(
        judge: impl Fn(&TargetAddress) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(judge))
    }

    pub(crate) fn judge(&self, address: &TargetAddress) -> Result<(), String> {
        (self.0)(address)
    }
}

impl Default for TargetCheck {
    /// Everything may be reached.
    fn default() -> Self {
        Self::new(|_| Ok(()))
    }
}

impl fmt::Debug for TargetCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetCheck").finish_non_exhaustive()
    }
}
