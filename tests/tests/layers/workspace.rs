//! What `cargo metadata` says, read once.

use std::sync::OnceLock;

use cargo_metadata::{Metadata, MetadataCommand, Package};
use invoked_tests::tools::root;

pub fn metadata() -> &'static Metadata {
    static METADATA: OnceLock<Metadata> = OnceLock::new();
    METADATA.get_or_init(|| {
        // What is built for other systems has not been downloaded, and is not what we ship.
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let mut command = MetadataCommand::new();
        command
            .manifest_path(root().join("Cargo.toml"))
            .other_options(["--filter-platform".to_owned(), platform]);
        command.exec().expect("cargo metadata")
    })
}

/// The packages of this repository.
pub fn members() -> Vec<&'static Package> {
    metadata().workspace_packages()
}

pub fn is_member(name: &str) -> bool {
    members().iter().any(|member| member.name.as_str() == name)
}
