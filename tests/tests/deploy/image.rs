//! The image, which no test builds.

use std::fs;

use invoked_tests::tools::root;

use crate::deploy;

#[test]
fn the_image_runs_as_a_user_without_rights_and_with_the_pinned_toolchain() {
    let image = fs::read_to_string(deploy("Dockerfile")).expect("the Dockerfile");
    let last = image.rsplit("\nFROM ").next().unwrap_or_default();
    assert!(last.contains("\nUSER 65532:65532\n"), "the last stage does not set its user");
    let toolchain =
        fs::read_to_string(root().join("rust-toolchain.toml")).expect("the toolchain file");
    let toolchain: toml::Table = toolchain.parse().expect("TOML");
    let channel = toolchain["toolchain"]["channel"].as_str().expect("a channel");
    assert!(
        image.contains(&format!("FROM rust:{channel}-")),
        "the image is built with another Rust than {channel}"
    );
}
