//! How much of a request is looked at before its maker is known.
//!
//! Everything that reading and verifying do is at most `n log n` in numbers that are bounded here,
//! whatever the limits of the listener are.

use super::AuthorizationError;
use crate::sign::Request;

/// The longest `authorization` header that is read, in bytes.
pub const AUTHORIZATION_BYTES_MAX: usize = 8 * 1024;
/// The longest access key id, in bytes; those of the cloud have 24 to 32.
pub const ACCESS_KEY_ID_BYTES_MAX: usize = 128;
/// The most names in `SignedHeaders`; the official clients sign at most 20.
pub const SIGNED_HEADERS_MAX: usize = 128;
/// The most headers of a request; what hyper lets through by default is 100.
pub const HEADERS_MAX: usize = 256;
/// The most parameters in the query of a request.
pub const QUERY_PARAMETERS_MAX: usize = 1024;
/// The longest nonce, in bytes; Python's and Node's have 32 to 64.
pub const NONCE_BYTES_MAX: usize = 128;

/// Refuses a request that is larger than any client's.
pub(super) fn check_request(request: &Request<'_>) -> Result<(), AuthorizationError> {
    let parameters = request.query.bytes().filter(|byte| *byte == b'&').count();
    check("header section", request.headers.len(), HEADERS_MAX, "headers")?;
    check("query", parameters, QUERY_PARAMETERS_MAX - 1, "separators")
}

/// Refuses `part` if it counts more than `limit`.
pub(super) const fn check(
    part: &'static str,
    count: usize,
    limit: usize,
    unit: &'static str,
) -> Result<(), AuthorizationError> {
    if count > limit {
        return Err(AuthorizationError::TooLarge { part, limit, unit });
    }
    Ok(())
}
