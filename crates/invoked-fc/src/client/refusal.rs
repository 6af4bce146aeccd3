//! Why Function Compute refused: the error body, whichever of its spellings it has.

use std::fmt;

use serde_json::Value;

/// An answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The code that clients compare by name; never empty.
    pub code: String,
    /// The text for people; never empty.
    pub message: String,
    /// The id of the request, from the header or else from the body.
    pub request_id: Option<String>,
}

impl Refusal {
    /// Reads an answer of `status` with the value of its `x-fc-request-id`. A body that is no
    /// error body, as of a proxy in between, gets the code that its status usually has.
    #[must_use]
    pub fn read(status: u16, request_id: Option<&str>, body: &[u8]) -> Self {
        let payload = serde_json::from_slice(body).unwrap_or(Value::Null);
        let code = string(&payload, &["Code", "code", "ErrorCode"]).unwrap_or(match status {
            429 => "ResourceExhausted",
            503 => "ResourceThrottled",
            502 => "BadResponse",
            500..=599 => "InternalServerError",
            _ => "UnexpectedAnswer",
        });
        let message = string(&payload, &["Message", "message", "ErrorMessage"]).map_or_else(
            || format!("the endpoint answered with HTTP status {status}"),
            str::to_owned,
        );
        let request_id = request_id
            .filter(|id| !id.is_empty())
            .or_else(|| string(&payload, &["RequestId", "requestId"]));
        Self { status, code: code.to_owned(), message, request_id: request_id.map(str::to_owned) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)?;
        match &self.request_id {
            Some(id) => write!(formatter, " (request id {id})"),
            None => Ok(()),
        }
    }
}

/// The first of `names` that holds a text.
fn string<'a>(payload: &'a Value, names: &[&str]) -> Option<&'a str> {
    let values = names.iter().filter_map(|name| payload.get(name)?.as_str());
    values.into_iter().find(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn every_spelling_of_an_error_body_reads() {
        for body in [
            r#"{"RequestId":"1-2","Code":"FunctionNotFound","Message":"no f"}"#,
            r#"{"requestId":"1-2","code":"FunctionNotFound","message":"no f"}"#,
            r#"{"RequestId":"1-2","ErrorCode":"FunctionNotFound","ErrorMessage":"no f"}"#,
        ] {
            let refusal = Refusal::read(404, None, body.as_bytes());
            assert_eq!(refusal.to_string(), "FunctionNotFound: no f (request id 1-2)");
            let refusal = Refusal::read(404, Some("3-4"), body.as_bytes());
            assert_eq!(refusal.request_id.as_deref(), Some("3-4"));
        }
    }

    #[test]
    fn a_foreign_body_gets_the_code_of_its_status() {
        for (status, code) in [
            (429, "ResourceExhausted"),
            (502, "BadResponse"),
            (503, "ResourceThrottled"),
            (500, "InternalServerError"),
            (404, "UnexpectedAnswer"),
        ] {
            for body in ["<html>", "", r#"{"Code":"","Message":7}"#, "[]"] {
                let refusal = Refusal::read(status, None, body.as_bytes());
                assert_eq!(
                    refusal.to_string(),
                    format!("{code}: the endpoint answered with HTTP status {status}")
                );
            }
        }
    }
}
