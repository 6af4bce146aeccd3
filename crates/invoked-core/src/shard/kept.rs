//! Callbacks that were given up, as they are kept.

use alloc::boxed::Box;
use alloc::sync::Arc;

use bytes::Bytes;

use crate::arn::Arn;
use crate::fault::Fault;
use crate::head::Head;
use crate::id::{Attempt, FnId, InvKey, RequestId};
use crate::life::Outcome;
use crate::name::Qualifier;
use crate::redrive::Redrives;
use crate::time::Timestamp;
use crate::trace::TraceContext;

/// A callback that was given up, kept so that it can be sent anew without running the function.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptCallback {
    /// The invocation.
    pub key: InvKey,
    /// What the client knows it by.
    pub request_id: RequestId,
    /// The function.
    pub fn_id: FnId,
    /// Version or alias that was invoked.
    pub qualifier: Qualifier,
    /// Who was to be told.
    pub destination: Arn,
    /// How the invocation ended.
    pub outcome: Outcome,
    /// When the invocation was accepted.
    pub accepted_at: Timestamp,
    /// When its outcome was decided.
    pub ended_at: Timestamp,
    /// Hand-overs from function to function before the invocation.
    pub depth: u8,
    /// The trace the invocation belongs to.
    pub trace: Option<Arc<TraceContext>>,
    /// Tries it took, since it was last redriven.
    pub tried: Attempt,
    /// When the first of them started, if one did.
    pub first_at: Option<Timestamp>,
    /// When it was given up.
    pub failed_at: Timestamp,
    /// What came of sending it anew before.
    pub redrives: Option<Box<Redrives>>,
    /// Why.
    pub error: Fault,
    /// What was to be said.
    pub envelope: Bytes,
}

/// A callback that was given up, with what a redrive needs beside it.
#[derive(Clone, Debug)]
pub struct FoundCallback {
    /// The callback.
    pub kept: KeptCallback,
    /// The record of its invocation, if one is kept.
    pub record: Option<Head>,
    /// The store's number for its destination.
    pub destination: FnId,
}
