//! The load benchmark: `invoked` beside a floor that has no features, in one session on one
//! machine. Figures of different sessions or machines are not comparable; their ratios are.
//!
//! Every role is a subprocess of its own, so that CPU and memory can be told apart:
//! [`function`] is called, [`floor`] or `invoked` accepts and calls, [`load`] submits.
//! [`run`], [`modes`], [`lists`], [`callbacks`], [`many`], [`depth`] and [`backlog`] start them, measure and report.

pub mod backlog;
pub mod broker;
pub mod calendar;
pub mod callbacks;
pub mod chart;
pub mod client;
pub mod clock;
pub mod control;
pub mod depth;
pub mod disk;
pub mod failing;
pub mod flood;
pub mod floor;
pub mod function;
pub mod latency;
pub mod leash;
pub mod lists;
pub mod load;
pub mod log;
pub mod many;
pub mod modes;
pub mod neighbours;
pub mod payload;
pub mod peer;
pub mod proc;
pub mod program;
pub mod publish;
pub mod queue;
pub mod report;
pub mod run;
pub mod server;
pub mod session;
pub mod stage;
pub mod summary;
