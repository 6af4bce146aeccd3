//! The playground: demo functions behind a real listener, and a walk through whole invocations with
//! real requests and real times.

pub(crate) mod client;
pub(crate) mod functions;
pub(crate) mod preset;
pub(crate) mod walk;
