//! The outside world of the daemon, scripted: for tests only.
//!
//! - [`mem_store::MemStore`]: a [`invoked_store::Store`] in memory that can delay, refuse, fail a
//!   sync, crash and lie, and that notes every breach of the protocol between engine and store;
//! - [`function::ScriptedFunction`] and [`sink::ScriptedSink`]: functions and destinations that
//!   answer as told and log what reached them;
//! - [`script`]: what they are told to answer, step by step or by chance;
//! - [`doubles`]: strict servers in the place of MNS and EventBridge, on loopback;
//! - [`oracle::Oracle`]: what a client was promised, and the judgement over it;
//! - [`sample`]: rows to start a test with; [`timeline`] and [`rng`]: time and chance that a seed
//!   repeats.
//!
//! Everything but the doubles is deterministic: no real clock, no thread, no detached task, no hash
//! order. With a paused tokio clock on one thread, a seed replays exactly.
//!
//! Not here: any decision about an invocation, and any test.
#![warn(missing_docs)]

pub mod function;
pub mod mem_store;
pub mod oracle;
pub mod rng;
pub mod sample;
pub mod script;
pub mod sink;
pub mod timeline;

pub use invoked_doubles as doubles;
