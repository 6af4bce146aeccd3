//! fjall's errors in the words of the contract.

use std::fmt::Display;
use std::io;

use invoked_store::StoreError;
use invoked_store::codec::DecodeError;

/// A read or a write that failed.
pub(crate) fn engine(error: impl Display) -> StoreError {
    StoreError::Engine { message: error.to_string() }
}

/// A record that does not read.
pub(crate) fn corrupt(what: String, source: DecodeError) -> StoreError {
    StoreError::Corrupt { what, source }
}

/// A file of the directory that cannot be worked with.
pub(crate) fn file(what: &str, error: &io::Error) -> StoreError {
    StoreError::Engine { message: format!("{what}: {error}") }
}
