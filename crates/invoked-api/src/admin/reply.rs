//! Answers of the admin API.

use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};
use serde::Serialize;

use crate::admin::problem::AdminProblem;
use crate::reply::{JSON, Reply, full};

/// An answer in JSON. What it says may be different the next moment, and may be secret.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Result<Reply, AdminProblem> {
    let body = serde_json::to_vec(body).map_err(AdminProblem::Render)?;
    let mut reply = full(status, JSON, body);
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(reply)
}
