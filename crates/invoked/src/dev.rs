//! The playground: demo functions behind a real listener, doubles of MNS and EventBridge, and a walk through whole invocations with
//! real requests and real times.

pub(crate) mod client;
pub(crate) mod doubles;
pub(crate) mod functions;
pub(crate) mod preset;
pub(crate) mod walk;
