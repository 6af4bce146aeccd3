//! The courier: the real engine on virtual time, and destinations that answer as they are told.

mod isolation;
mod schedule;
mod world;
