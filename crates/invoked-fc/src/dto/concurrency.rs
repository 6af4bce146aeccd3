//! How many invocations of a function may run at a time, and the switch that lets none run.

use serde::Serialize;

use super::fields::{Fields, parse_object};
use crate::argument::InvalidArgument;

/// The body of a PutConcurrencyConfig.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutConcurrencyInput {
    /// The invocations that may run at a time, not checked for its range.
    pub reserved_concurrency: Option<i64>,
}

impl PutConcurrencyInput {
    /// Reads the body of a PUT.
    ///
    /// # Errors
    ///
    /// It is not JSON, or the number is none.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidArgument> {
        let object = parse_object(body)?;
        Ok(Self { reserved_concurrency: Fields::of(&object).integer("reservedConcurrency")? })
    }
}

/// The answer to a PUT and a GET, and the item of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConcurrencyConfig {
    /// The function's ARN.
    pub function_arn: String,
    /// The invocations that may run at a time; absent where nothing bounds them but the daemon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserved_concurrency: Option<u32>,
}

/// The body of a DisableFunctionInvocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DisableInvocationInput {
    /// Why.
    pub reason: Option<String>,
    /// Whether what runs is to be ended too.
    pub abort_ongoing_request: Option<bool>,
}

impl DisableInvocationInput {
    /// Reads the body of a disable.
    ///
    /// # Errors
    ///
    /// It is not JSON, or a field is not of its type.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidArgument> {
        let object = parse_object(body)?;
        let fields = Fields::of(&object);
        Ok(Self {
            reason: fields.text("reason")?,
            abort_ongoing_request: fields.flag("abortOngoingRequest")?,
        })
    }
}

/// The answer to a disable and an enable. The key is in lower case: Terraform takes `Success` for
/// an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Switched {
    /// Always true.
    pub success: bool,
}

#[cfg(test)]
mod tests {
    use super::{ConcurrencyConfig, DisableInvocationInput, PutConcurrencyInput};

    #[test]
    fn bodies_read_tolerantly() {
        let put = PutConcurrencyInput::parse(br#"{"ReservedConcurrency":"10"}"#).unwrap();
        assert_eq!(put.reserved_concurrency, Some(10));
        let disable = DisableInvocationInput::parse(br#"{"reason":"r","x":1}"#).unwrap();
        assert_eq!(disable.reason.as_deref(), Some("r"));
        assert_eq!(DisableInvocationInput::parse(b"").unwrap(), DisableInvocationInput::default());
    }

    #[test]
    fn no_bound_is_left_out() {
        let config = ConcurrencyConfig { function_arn: "arn".into(), reserved_concurrency: None };
        assert_eq!(serde_json::to_string(&config).unwrap(), r#"{"functionArn":"arn"}"#);
    }
}
