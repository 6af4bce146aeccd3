//! What to do next after a refusal, where its code and the key that was used tell.

use invoked_fc::client::Refusal;

use super::access::Key;

/// What a user can do about an answer of the Function Compute API.
pub(super) fn of_fc(refusal: &Refusal, key: Option<&Key>) -> Option<String> {
    let unsigned = "the request was not signed: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or name a key with --access";
    let source = key.map(|key| key.source().to_string());
    Some(match (refusal.code.as_str(), source) {
        ("InvalidAccessKeyID", Some(source)) => {
            format!("the daemon knows no such key ([auth.keys] of its configuration); it came from {source}")
        }
        ("SignatureNotMatch", Some(source)) => {
            format!("the secret is probably another one; it came from {source}")
        }
        ("InvalidAccessKeyID" | "MissingRequiredHeader" | "SignatureNotMatch", None) => {
            unsigned.to_owned()
        }
        ("AccessDenied", Some(_)) if refusal.message.contains("current time") => {
            "set this machine's clock: requests are taken within 15 minutes".to_owned()
        }
        // Not every denial is about the key: a function of the file is nobody's to change.
        ("AccessDenied", Some(source)) if refusal.message.contains("access key") => format!(
            "[auth.keys] of the daemon's configuration says what the key may do; it came from {source}"
        ),
        ("FunctionNotFound" | "ServiceNotFound", _) => {
            "`invoked functions list` shows the functions there are".to_owned()
        }
        ("StatefulAsyncInvocationNotFound", _) => {
            "only tasks have a record, and it is kept for some days; `invoked tasks list FUNCTION` shows them".to_owned()
        }
        ("StatefulAsyncInvocationAlreadyExists", _) => {
            "the id is taken, perhaps by an earlier try of the same; `invoked tasks get` shows it".to_owned()
        }
        ("ResourceExhausted" | "ResourceThrottled" | "ServiceUnavailable" | "LimitExceededError", _) => {
            "the daemon is busy or full; try again later".to_owned()
        }
        ("PathNotSupported", _) => {
            "this endpoint does not have the operation; is it the API, not the admin listener?".to_owned()
        }
        _ => return None,
    })
}

/// What a user can do about an answer of the admin listener.
pub(super) fn of_admin(refusal: &Refusal, has_token: bool) -> Option<String> {
    let advice = match (refusal.status, refusal.code.as_str()) {
        (401, _) if has_token => {
            "the token is none of [admin.tokens] of the daemon's configuration"
        }
        (401, _) => "the admin listener asks for a token: set INVOKED_ADMIN_TOKEN",
        (403, "ForbiddenHost") => {
            "without tokens it answers on loopback alone: use http://127.0.0.1:PORT"
        }
        (403, "Forbidden") => {
            "use a token with a greater role ([admin.tokens] of the daemon's configuration)"
        }
        (404, "FunctionNotFound") => "`invoked functions list` shows the functions there are",
        (404, "NotFound") => {
            "is this the admin listener? --admin or INVOKED_ADMIN names another address"
        }
        (409, "OwnedByFile") => {
            "change the daemon's configuration file, and `invoked reload`; `invoked dev` has no file: end it and start it with --function NAME=URL, or take another name"
        }
        (409, "NoBackupPath") => {
            "set store.backup_path in the daemon's configuration and restart it; or stop it, and write one with `invoked store backup DIRECTORY --config FILE`"
        }
        // Its only 404 of an invocation: a request id leads to what is live, and to tasks.
        (404, "InvocationNotFound") => {
            "an id that the caller chose is a task's and needs its function: `invoked why --function NAME ID`; what was no task and has ended is not kept"
        }
        (503, _) if refusal.message.contains("no room left in the store") => {
            "make room on the disk of the store; the daemon notices by itself, and what only reads goes on"
        }
        (409, "TaskNotEnded") => "wait for its end, or stop it with `invoked tasks stop`",
        (429 | 503, _) => "the daemon is busy; try again later",
        _ => return None,
    };
    Some(advice.to_owned())
}
