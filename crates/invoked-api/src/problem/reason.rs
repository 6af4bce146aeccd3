//! Why a request was refused, in words for the log: they are few, and none quotes a request.

use super::Problem;
use crate::body::BodyError;

impl Problem {
    /// A word for what is wrong.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Path(_) => "path",
            Self::Argument(_) => "argument",
            Self::Name(_) => "name",
            Self::Auth(error) => error.reason(),
            Self::Body(error) => of_body(error),
            Self::EtagDiffers { .. } => "etag",
            Self::Invoke(error) => error.reason(),
            Self::Refused(why) => why.as_str(),
            Self::NotRun { .. } => "not_run",
            Self::Proxy(_) => "proxy",
            Self::Function(_) => "function",
            Self::Config(_) => "config",
            Self::Destination { .. } => "destination",
            Self::Task(_) => "task",
            Self::Resource(_) => "resource",
            Self::Absent { .. } => "absent",
            Self::Value { .. } => "value",
            Self::Render(_) => "render",
            Self::Panicked => "panicked",
        }
    }
}

/// The same of a body that did not come.
pub(crate) const fn of_body(error: &BodyError) -> &'static str {
    match error {
        BodyError::TooLarge { .. } => "too_large",
        BodyError::TooSlow { .. } => "too_slow",
        BodyError::Broken(_) => "broken_off",
        BodyError::NoRoom => "no_room",
    }
}
