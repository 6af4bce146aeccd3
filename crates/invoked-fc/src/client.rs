//! The client's side of the wire: from an operation's name to a signed request, and from an answer
//! that refuses to its reason.
//!
//! The remote sink and the command line both call Function Compute through here, so that paths,
//! actions and signatures are written once. No I/O: the caller sends the [`Signed`] request, and
//! time and nonce are arguments.

mod operations;
mod refusal;
mod request;

pub use operations::{OPERATIONS, Operation};
pub use refusal::Refusal;
pub use request::{Destination, Moment, PathError, Request, Signed};
