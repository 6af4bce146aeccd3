//! Bodies of the 2023-03-30 version: requests that are read tolerantly, answers that are written
//! exactly.
//!
//! Official clients disagree about the spelling of what they send: keys in capitals, nulls for
//! what is unset, numbers and booleans as strings, keys we do not know. All of that is read. An
//! answer is one spelling that all of them parse: arrays are never null, the last page has an
//! empty token, and no answer of success has a key `Code` or `Success`, which Terraform takes for
//! an error.
//!
//! Ranges (ages, retries, sizes) are for whoever turns these into domain types.

pub mod config;
mod fields;
pub mod function;
pub mod task;
