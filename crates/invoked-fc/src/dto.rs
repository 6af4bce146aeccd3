//! Bodies: requests that are read tolerantly, answers that are written exactly.
//!
//! Official clients disagree about the spelling of what they send: keys in capitals, nulls for
//! what is unset, numbers and booleans as strings, keys we do not know. All of that is read. An
//! answer is one spelling that all of them parse: arrays are never null, the last page has an
//! empty token, and no answer of success has a key `Code` or `Success`, which Terraform takes for
//! an error.
//!
//! The versions differ in how they name things, not in what there is: a request is read in the
//! spelling of all versions at once, and an answer is one struct with its [`Shape`].
//!
//! Ranges (ages, retries, sizes) are for whoever turns these into domain types.

pub mod alias;
pub mod concurrency;
pub mod config;
mod fields;
pub mod function;
pub mod list;
pub mod service;
mod shape;
pub mod tags;
pub mod task;
pub mod version;

pub use shape::{FunctionNames, Shape};
