//! What ships beside the binary is accepted by the programs that will read it.
//!
//! Where such a program is missing (`cargo xtask prepare` gets them), the test says that it did not run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use invoked_tests::tools::{in_path, promtool, root};
use tempfile::TempDir;

/// 0 is the safest, 100 the most exposed; the unit stands at 12.
const EXPOSURE_MAX: &str = "15";

fn deploy(file: &str) -> PathBuf {
    root().join("deploy").join(file)
}

fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).current_dir(root()).output().expect("the program starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn skip(program: &str) {
    eprintln!("{program} is not here: unchecked (see `cargo xtask prepare`)");
}

/// The unit with a program that exists here, which is what `verify` insists on.
fn unit(directory: &TempDir) -> String {
    let text = fs::read_to_string(deploy("systemd/invoked.service")).expect("the unit");
    assert!(text.contains("ExecStart=/usr/bin/invoked "), "the unit starts something else");
    let program = std::env::current_exe().expect("this test");
    let text = text.replace("/usr/bin/invoked", program.to_str().expect("a UTF-8 path"));
    let place = directory.path().join("invoked.service");
    fs::write(&place, text).expect("a copy of the unit");
    place.to_str().expect("a UTF-8 path").to_owned()
}

#[test]
fn systemd_understands_every_line_of_the_unit() {
    let Some(analyze) = in_path("systemd-analyze") else { return skip("systemd-analyze") };
    let directory = TempDir::new().expect("a temporary directory");
    let output = run(&analyze, &["verify", &unit(&directory)]);
    // An unknown key is only a warning to systemd, and a hole in the hardening to us.
    assert!(
        output.status.success() && !said(&output).contains("invoked.service"),
        "{}",
        said(&output)
    );
}

#[test]
fn the_unit_stays_hardened() {
    let Some(analyze) = in_path("systemd-analyze") else { return skip("systemd-analyze") };
    let directory = TempDir::new().expect("a temporary directory");
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    let output =
        run(&analyze, &["security", "--no-pager", "--offline=true", &threshold, &unit(&directory)]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn prometheus_takes_the_scrape_config_and_the_rules() {
    let Some(promtool) = promtool() else { return skip("promtool") };
    let rules = run(&promtool, &["check", "rules", "deploy/prometheus/rules/invoked.rules.yml"]);
    assert!(rules.status.success(), "{}", said(&rules));
    let config = run(&promtool, &["check", "config", "deploy/prometheus/prometheus.yml"]);
    assert!(
        config.status.success() && said(&config).contains("1 rule files found"),
        "{}",
        said(&config)
    );
}

#[test]
fn the_rules_record_one_minute_and_one_hour_of_both_metrics() {
    let Some(promtool) = promtool() else { return skip("promtool") };
    let output = run(&promtool, &["test", "rules", "tests/prometheus/invoked.rules.test.yml"]);
    assert!(output.status.success(), "{}", said(&output));
}

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
