//! The courier: the real engine on virtual time, and destinations that answer as they are told.

mod again;
mod ids;
mod isolation;
mod outage;
mod overload;
mod removed;
mod schedule;
mod still;
mod turns;
mod why;
mod world;

#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;
