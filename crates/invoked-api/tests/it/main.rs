//! The API and the admin pages over a real engine, a store in memory and a socket.

mod admin;
mod admin_api;
mod admin_guard;
mod auth;
mod bodies;
mod client;
mod daemon;
mod forms;
mod invocations;
mod lanes;
mod loops;
mod operator;
mod overload;
mod proxy;
mod redrive;
mod replay;
mod resources;
mod services;
mod switches;
mod tasks;
mod terraform;
mod tls;
mod turns;
mod why;
