//! What is this adapter's own. What every store has to do is in `tests/conformance`.

mod apply;
mod backup;
mod files;
mod flips;
mod golden;
mod left;
mod listing;
mod log;
mod overlay;
mod packs;
mod running;
mod sample;
mod space;
mod strange;
