//! What a user of the cloud should know about an operation here, for the table. Longer explanations stand in the
//! sections of `docs/compatibility.md`.

/// Empty where none is known.
pub fn difference(operation: &str) -> &'static str {
    match operation {
        "InvokeFunction" => "No logs: `X-Fc-Log-Result` is empty",
        "InvokeHTTPTrigger" => "Bodies are whole, no streams and no WebSocket",
        "CreateFunction" | "UpdateFunction" => {
            "No code: `INVOKED_TARGET_URL` in the environment variables is the function"
        }
        "GetFunctionCode" => "Empty `url` and `checksum`",
        "PublishFunctionVersion" | "PublishServiceVersion" => {
            "A label: every version runs the function as it is now"
        }
        "CreateAlias" | "UpdateAlias" => "Weights are kept and shown, not applied",
        "PutAsyncInvokeConfig" | "PutFunctionAsyncInvokeConfig" => {
            "Keeps what is absent; the widest ranges of all versions"
        }
        "DisableFunctionInvocation" => "What was accepted runs; `abortOngoingRequest` is refused",
        "GetAccountSettings" => "Nothing to set",
        "ListCustomDomains"
        | "ListLayers"
        | "ListOnDemandConfigs"
        | "ListProvisionConfigs"
        | "ListReservedCapacities"
        | "ListScalingConfigs"
        | "ListTriggers" => "Always empty",
        _ => "",
    }
}
