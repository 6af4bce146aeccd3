//! The shapes of the admin API. What they are called and say here is what `docs/openapi.json` says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use invoked_core::fault;
use serde::Serialize;
use utoipa::ToSchema;

pub(super) mod about;
pub(super) mod backup;
pub(super) mod callback;
pub(super) mod destination;
pub(super) mod function;
pub(super) mod lane;
pub(super) mod operation;
pub(super) mod reload;
pub(super) mod series;
pub(super) mod session;
pub(super) mod status;
pub(super) mod task;
pub(super) mod why;

/// Why a request was not done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Error {
    /// A word for machines, such as `InvalidArgument`.
    pub(super) code: String,
    /// One line for people.
    pub(super) message: String,
    /// The parameter or field that is meant, if it is one.
    #[schema(required = true)]
    pub(super) field: Option<String>,
}

/// What a function or a destination answered instead of success.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Fault {
    /// A word for machines, such as `InvocationError`.
    code: String,
    /// One line for people.
    message: String,
    /// HTTP status of the answer; 0 where there was none.
    status: u16,
}

/// Errors in which the function itself speaks: their message is a piece of its answer.
const OF_THE_FUNCTION: [&str; 2] = ["InvocationError", "InitializationError"];
/// What stands for such a message where answers are not shown.
const HIDDEN: &str = "hidden: the token's role sees no answers of functions";

impl Fault {
    /// The same, for somebody who may see what functions answer, or may not.
    pub(super) fn shown_to(self, may_see: bool) -> Self {
        if may_see || !OF_THE_FUNCTION.contains(&self.code.as_str()) {
            return self;
        }
        Self { message: HIDDEN.to_owned(), ..self }
    }
}

impl From<&fault::Fault> for Fault {
    fn from(of: &fault::Fault) -> Self {
        Self {
            code: of.code.as_ref().to_owned(),
            message: of.message.as_ref().to_owned(),
            status: of.status,
        }
    }
}

/// A payload, whole: as text where it is text.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Content {
    encoding: Encoding,
    data: String,
}

/// How a payload is written.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    /// As it is.
    Utf8,
    /// In base64, because it is not text.
    Base64,
}

impl From<&Bytes> for Content {
    fn from(bytes: &Bytes) -> Self {
        match str::from_utf8(bytes) {
            Ok(text) => Self { encoding: Encoding::Utf8, data: text.to_owned() },
            Err(_) => Self { encoding: Encoding::Base64, data: STANDARD.encode(bytes) },
        }
    }
}
