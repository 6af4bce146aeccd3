//! What a user of the cloud should know about an operation here, for the table. Longer explanations stand in the
//! sections of `docs/compatibility.md`.

/// Empty where none is known.
pub fn difference(operation: &str) -> &'static str {
    match operation {
        "InvokeFunction" => "No logs: `X-Fc-Log-Result` is empty",
        "CreateFunction" | "UpdateFunction" => {
            "Code is not stored; `INVOKED_TARGET_URL` in the environment variables says where the function is"
        }
        "GetFunctionCode" => "No code: an empty place and checksum",
        "ListTriggers" => "Always empty",
        "PublishFunctionVersion" | "PublishServiceVersion" => {
            "A label: every version runs the same target"
        }
        "CreateAlias" | "UpdateAlias" => "Weights are kept, not applied",
        "PutAsyncInvokeConfig" | "PutFunctionAsyncInvokeConfig" => {
            "Merges what is present; widest ranges"
        }
        _ => "",
    }
}
