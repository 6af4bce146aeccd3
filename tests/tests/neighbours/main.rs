//! Neighbours: the real engine on virtual time, with functions that are slow, failing, throttling and gone,
//! and others beside them that must not notice.

mod fair;
mod gentle;
mod world;
