//! Support of the end-to-end tests: the real daemon, a real function server, and what stands between them and a
//! test. It knows the daemon only from outside: its program, its listeners and its metrics.
//!
//! - [`daemon`]: starts, stops and kills the program under test on a generated configuration;
//! - [`function`]: a server of the custom-runtime protocol that does what each payload says and keeps every call;
//! - [`api`]: the requests of the Function Compute API that the tests send;
//! - [`http`]: the blocking HTTP/1.1 beneath both, small enough to send what a proper client would not;
//! - [`disk`]: a disk that a test may fill;
//! - [`metrics`]: what `/metrics` says;
//! - [`brokers`], [`proxy`]: where the real brokers are, and what stands before one to make it slow or gone;
//! - [`oracle`]: the outside memory of the kill -9 test, and its judgement;
//! - [`poll`], [`ports`], [`rng`], [`tools`]: waiting for a condition, free ports, seeded choices, where programs are.

pub mod api;
pub mod brokers;
pub mod collector;
pub mod config;
pub mod daemon;
pub mod disk;
pub mod function;
pub mod http;
pub mod metrics;
pub mod oracle;
pub mod poll;
pub mod ports;
pub mod proxy;
pub mod rng;
pub mod tools;
