//! The bodies that are JSON. What is kept of one must read back as the same.

use invoked_fc::dto::config::PutAsyncInvokeConfigInput;
use invoked_fc::dto::function::FunctionInput;

pub fn read(bytes: &[u8]) {
    match PutAsyncInvokeConfigInput::parse(bytes) {
        Ok(_) => {}
        Err(refusal) => drop(refusal.to_string()),
    }
    match FunctionInput::parse(bytes) {
        Ok(input) => {
            let again = FunctionInput::from_given(input.given().clone());
            let again = again.expect("what was kept is of the right types");
            assert_eq!(again.given(), input.given());
        }
        Err(refusal) => drop(refusal.to_string()),
    }
}
