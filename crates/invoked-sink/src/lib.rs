//! The ports to the outside: [`Target`] is a function as the engine calls it, [`Sink`] a
//! destination as the engine tells it, [`Spans`] whoever watches it do so.
//!
//! Adapters translate between these and a wire. They keep their connections, reconnect by
//! themselves, and answer every call with a verdict: an adapter never returns an error that the
//! engine would have to understand, and never retries by itself, because the schedule is durable
//! and the engine's.
//!
//! Not here: any protocol, any schedule, any state of an invocation.
#![warn(missing_docs)]

mod delivery;
mod spans;
mod target;

pub use delivery::{Delivery, Sink};
pub use spans::{Ended, Span, Spans, Step};
pub use target::{
    Answer, Attempted, HttpHead, HttpResponse, NamedBy, StatusRule, Target, TargetAddress,
    TargetSpec,
};
