//! Where the programs are that the tests start. `cargo xtask test` says so through the environment; a plain
//! `cargo test` finds them by itself, and builds the daemon first.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_owned()
}

/// Where cargo builds.
#[must_use]
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |given| root().join(given))
}

/// The daemon under test: `INVOKED_BIN`, or a release build made now.
pub fn daemon() -> &'static Path {
    static DAEMON: OnceLock<PathBuf> = OnceLock::new();
    DAEMON.get_or_init(|| {
        if let Some(given) = std::env::var_os("INVOKED_BIN") {
            let given = PathBuf::from(given);
            assert!(given.is_file(), "INVOKED_BIN is no file: {}", given.display());
            return given;
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut cargo = as_by_hand(Command::new(cargo));
        let arguments = ["build", "--quiet", "--release", "--package", "invoked"];
        let built = cargo.args(arguments).current_dir(root()).status().expect("cargo starts");
        assert!(built.success(), "the daemon does not build");
        target().join("release/invoked")
    })
}

/// Without what cargo told this test about itself: some build scripts run again where it differs, and all after them.
#[must_use]
pub fn as_by_hand(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// The Python with the official clients.
#[must_use]
pub fn python() -> PathBuf {
    installed("venv/bin/python")
}

/// The Python with clients of the brokers.
#[must_use]
pub fn sinks_python() -> PathBuf {
    installed("sinks-venv/bin/python")
}

/// Node, which the system has.
#[must_use]
pub fn node() -> PathBuf {
    in_path("node").expect("node is missing: run `cargo xtask prepare` once")
}

/// The official clients for Node.
#[must_use]
pub fn node_modules() -> PathBuf {
    installed("node/node_modules")
}

/// The packages that drive the console in a browser.
#[must_use]
pub fn console_modules() -> PathBuf {
    installed("console/node_modules")
}

/// The Go program of the conformance suite.
#[must_use]
pub fn go_scenario() -> PathBuf {
    installed("go-scenario")
}

fn installed(name: &str) -> PathBuf {
    let place = prepared().join(name);
    assert!(place.exists(), "{} is missing: run `cargo xtask prepare` once", place.display());
    place
}

/// Debian's `promtool`, if it is here.
#[must_use]
pub fn promtool() -> Option<PathBuf> {
    optional("promtool")
}

/// Debian's `prometheus`, if it is here.
#[must_use]
pub fn prometheus() -> Option<PathBuf> {
    optional("prometheus")
}

fn optional(program: &str) -> Option<PathBuf> {
    Some(prepared().join(program)).filter(|place| place.is_file()).or_else(|| in_path(program))
}

/// The Python that knows the schemas of Kubernetes.
#[must_use]
pub fn deploy_python() -> PathBuf {
    installed("deploy-venv/bin/python")
}

#[must_use]
pub fn mdbook() -> PathBuf {
    installed("deploy-venv/bin/mdbook")
}

#[must_use]
pub fn helm() -> PathBuf {
    installed("deploy/node_modules/.layer/helm/helm")
}

#[must_use]
pub fn cargo_deb() -> PathBuf {
    installed("bin/cargo-deb")
}

/// A program of the system, if it is there.
#[must_use]
pub fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|place| place.is_file())
}

/// The directory that `cargo xtask prepare` fills.
fn prepared() -> PathBuf {
    std::env::var_os("INVOKED_TOOLS").map_or_else(|| target().join("tools"), PathBuf::from)
}
