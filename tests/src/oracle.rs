//! The outside memory of the kill -9 test: every request that was sent, every call that a function saw, every
//! callback that arrived. It shares nothing with the daemon, so it cannot be wrong in the same way.

mod judge;
mod ledger;

pub use judge::{Evidence, judge};
pub use ledger::{Answer, Ledger, Run, Sent, Told};
