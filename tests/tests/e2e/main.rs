//! End to end: the real binary, a real function server, real clients, and nothing known of the inside.
//!
//! Run by `cargo xtask test`, which builds the daemon first.

mod admin_api;
mod backup;
mod bad_input;
mod callbacks;
mod cli;
mod commands;
mod console;
mod custom_runtime;
mod disk_full;
mod drain;
mod http_function;
mod listeners;
mod logs;
mod loops;
mod memory;
mod metrics;
mod prometheus;
mod qualifiers;
mod reload;
mod reload_all;
mod reload_load;
mod restart;
mod retries;
mod signed;
mod silent;
mod slow_body;
mod startup;
mod store_directory;
mod stuck;
mod supervisor;
mod traces;
