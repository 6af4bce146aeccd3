//! The one seam to storage: what the engine asks of a store, and the bytes of a record.
//!
//! [`Store`] is the only difference between one machine and a cluster. An adapter keeps the
//! contract that [`store`] spells out; `tests/conformance` holds every adapter to it.
//!
//! Not here: any technology, any decision about an invocation.
#![warn(missing_docs)]

pub mod audit;
pub mod backup;
pub mod codec;
pub mod list;
pub mod record;
pub mod store;

pub use audit::{Audit, audit};
pub use backup::{
    BackupError, BackupPlace, BackupState, BackupView, BackupWanted, RestoreError, Restored,
};
pub use list::{Order, TaskPage, TaskQuery, TaskView};
pub use store::{
    Caps, CommitOutcome, Found, Heads, Lease, NodeId, Reads, RegistryEntry, RegistryKind,
    Retention, Room, ShardWrite, Store, StoreError, StoreStats, Submission,
};
