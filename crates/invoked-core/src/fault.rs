//! Why an attempt or a callback did not succeed: a code that machines read and a message that
//! people read.

use alloc::boxed::Box;
use core::fmt;

use crate::limits::{FAULT_CODE_MAX, FAULT_MESSAGE_MAX};

/// The code of what an operator dropped.
const PURGED: &str = "Purged";

/// What a function or a destination answered instead of success.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// A word from the field's vocabulary, such as `InvocationError`, at most [`FAULT_CODE_MAX`] bytes.
    pub code: Box<str>,
    /// One line for people, at most [`FAULT_MESSAGE_MAX`] bytes.
    pub message: Box<str>,
    /// HTTP status of the answer; 0 where there was none.
    pub status: u16,
}

impl Fault {
    /// What becomes of that an operator drops from its lane. No function and no destination answers
    /// so: their codes are others, or come with a status.
    #[must_use]
    pub fn purged() -> Self {
        Self::new(PURGED, "an operator purged the lane in which it waited", 0)
    }

    /// Whether it is [`Fault::purged`].
    #[must_use]
    pub fn is_purged(&self) -> bool {
        &*self.code == PURGED && self.status == 0
    }

    /// A fault whose code and message are cut at their limits, at a character boundary: both may be
    /// the words of whoever answered.
    #[must_use]
    pub fn new(code: &str, message: &str, status: u16) -> Self {
        Self {
            code: shortened(code, FAULT_CODE_MAX).into(),
            message: shortened(message, FAULT_MESSAGE_MAX).into(),
            status,
        }
    }
}

/// The beginning of a text that has at most `max` bytes, cut at a character boundary.
pub(crate) fn shortened(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}
