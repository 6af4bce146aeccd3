//! The Function Compute wire: paths, queries, headers, bodies, error bodies and signatures of the
//! three API versions (2016-08-15, 2021-04-06, 2023-03-30).
//!
//! Everything here is a pure function of its arguments, so that the API, the remote sink, the
//! command line and the tests share one reading of the protocol. What clients are forgiven and
//! what they are not follows the captured traffic of the official SDKs (`testdata/captures.txt`).
//!
//! # What this crate does not do
//!
//! - No I/O, no clock, no randomness: the time and the nonce are arguments.
//! - No HTTP types: a request is strings and bytes, so that no server or client is implied.
//! - No domain types: names, ARNs and ranges are strings and numbers as they stand on the wire.
//!   Whether a name is well formed, an ARN resolves, or a number is in range is decided by whoever
//!   turns them into domain types. Only what the wire itself limits is checked here: task ids,
//!   delays and page sizes.
//! - No authorization: [`sign`] says that a request was made with a key, not what the key may do,
//!   and it keeps no memory of nonces.
//! - No service, alias, version and trigger resources beyond the paths in [`route`].
#![warn(missing_docs)]

pub mod argument;
pub mod dto;
pub mod error;
pub mod headers;
pub mod http_event;
pub mod percent;
pub mod query;
pub mod route;
pub mod sign;
pub mod time;

#[cfg(test)]
mod captures;
