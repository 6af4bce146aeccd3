//! A real function server: the custom-runtime protocol of Function Compute on a port of its own.
//!
//! It keeps every request it gets and does what the payload says. A payload is JSON; its `plan` is a list of steps,
//! one for each time this request id is seen, the last of them repeated:
//!
//! | step | what happens |
//! |---|---|
//! | `ok` | `x-fc-status: 200`, the payload is echoed (also without a plan) |
//! | `fail` | HTTP 404 with `x-fc-status: 404`: a function error |
//! | `status:503` | this HTTP status without `x-fc-status` |
//! | `slow:250` | `ok` after so many milliseconds |
//! | `hold` | `ok` once [`FunctionServer::release`] was called |
//! | `drop` | the connection is closed without an answer |

mod plan;
mod server;

pub use plan::Step;
pub use server::{Call, FunctionServer};
