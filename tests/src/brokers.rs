//! The real brokers, as `cargo xtask brokers up` describes them.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

use crate::tools::target;

/// What `endpoints.json` says, read once.
///
/// # Panics
/// The brokers were never brought up.
pub fn endpoints() -> &'static Value {
    static ENDPOINTS: OnceLock<Value> = OnceLock::new();
    ENDPOINTS.get_or_init(|| {
        let file = file();
        let text = std::fs::read(&file).unwrap_or_else(|error| {
            panic!("{}: {error}: run `cargo xtask brokers up` once", file.display())
        });
        serde_json::from_slice(&text).expect("xtask writes JSON")
    })
}

/// One text of it, by its path: `kafka/plain`.
///
/// # Panics
/// There is none.
#[must_use]
pub fn endpoint(path: &str) -> &'static str {
    let found = endpoints().pointer(&format!("/{path}")).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("endpoints.json has no {path}"))
}

/// Stops a broker and starts it again; returns when it is usable.
///
/// # Panics
/// It does not start.
pub fn restart(name: &str) {
    let mut xtask = Command::new(endpoint("xtask"));
    let output = xtask.args(["brokers", "restart", name]).env("CARGO_TARGET_DIR", target());
    let Output { status, stderr, .. } = output.output().expect("xtask starts");
    assert!(status.success(), "{name}: {}", String::from_utf8_lossy(&stderr));
}

/// Waits until nobody else on this machine holds `name`, and holds it until the result is dropped: a broker that one
/// test stops is no other test's, whichever process that runs in.
///
/// # Panics
/// The brokers were never brought up.
#[must_use]
pub fn alone(name: &str) -> File {
    let place = file().with_file_name(format!("{name}.lock"));
    let lock = File::create(&place).unwrap_or_else(|error| {
        panic!("{}: {error}: run `cargo xtask brokers up`", place.display())
    });
    lock.lock().expect("a lock on a file of a local disk");
    lock
}

/// Where xtask describes the brokers.
fn file() -> PathBuf {
    std::env::var_os("INVOKED_BROKERS")
        .map_or_else(|| target().join("brokers/endpoints.json"), PathBuf::from)
}
