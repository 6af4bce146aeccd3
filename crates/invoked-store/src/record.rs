//! The records of a store: rows, counts, kept callbacks, submissions. One file each, and each
//! has `encode` and `decode`.
//!
//! The numbers in [`number`] are on disk: they are pinned by a test and never reused.

pub mod callback;
pub mod head;
pub mod number;
mod redrives;
pub mod submission;
pub mod total;
mod trace;
