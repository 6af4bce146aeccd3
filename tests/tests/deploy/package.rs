//! The package for Debian: built by cargo-deb, then installed, upgraded and removed by dpkg below a directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use invoked_tests::tools::{cargo_deb, daemon, root};
use tempfile::TempDir;

use crate::{deploy, run, said, skip};

const UNITS: [&str; 3] = ["invoked.service", "invoked-fc.socket", "invoked-admin.socket"];

/// The package, made once for all tests.
fn package() -> &'static Path {
    static PACKAGE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, package) = PACKAGE.get_or_init(|| {
        let directory = TempDir::new().expect("a temporary directory");
        // Any program that runs will do: how it is built is another test's question.
        let program = directory.path().join("dist");
        fs::create_dir(&program).expect("a directory");
        fs::copy(daemon(), program.join("invoked")).expect("a copy of the program");
        let package = directory.path().join("invoked.deb");
        let output = Command::new(cargo_deb())
            .args(["--no-build", "--fast", "--package=invoked", "--output"])
            .arg(&package)
            .current_dir(root())
            .env("CARGO_TARGET_DIR", directory.path())
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "{}", said(&output));
        (directory, package)
    });
    package
}

#[test]
fn the_package_for_debian_has_what_it_takes_to_run() {
    let directory = TempDir::new().expect("a temporary directory");
    let unpacked = directory.path().join("unpacked");
    let words = ["--raw-extract", package().to_str().expect("UTF-8")];
    let into = unpacked.to_str().expect("a UTF-8 path");
    let output = run(Path::new("dpkg-deb"), &[words[0], words[1], into]);
    assert!(output.status.success(), "{}", said(&output));
    for file in
        ["usr/share/doc/invoked/copyright", "DEBIAN/postinst", "DEBIAN/prerm", "DEBIAN/postrm"]
    {
        assert!(unpacked.join(file).is_file(), "{file} is missing");
    }
    // The units that the tests beside this one have systemd judge.
    for unit in UNITS {
        let shipped = fs::read(unpacked.join("usr/lib/systemd/system").join(unit)).expect(unit);
        assert_eq!(shipped, fs::read(deploy("systemd").join(unit)).expect(unit));
    }
    let kept = fs::read_to_string(unpacked.join("DEBIAN/conffiles")).expect("conffiles");
    assert_eq!(kept.trim(), "/etc/invoked/invoked.toml");
    let control = fs::read_to_string(unpacked.join("DEBIAN/control")).expect("control");
    for needed in ["libc6 (>= ", "libssl3"] {
        assert!(control.contains(needed), "{needed} is no dependency: {control}");
    }
    for script in ["postinst", "prerm", "postrm"] {
        let script = unpacked.join("DEBIAN").join(script);
        let output = run(Path::new("sh"), &["-n", script.to_str().expect("a UTF-8 path")]);
        assert!(output.status.success(), "{}", said(&output));
    }
}

/// A system of Debian's with nothing in it, and dpkg to act on it.
struct System(TempDir);

impl System {
    fn empty() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        for part in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"] {
            fs::create_dir_all(directory.path().join(part)).expect("a directory");
        }
        fs::write(directory.path().join("var/lib/dpkg/status"), "").expect("a file");
        Self(directory)
    }

    fn at(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn dpkg(&self, words: &[&str]) -> Output {
        Command::new("dpkg")
            .arg(format!("--root={}", self.0.path().display()))
            .arg(format!("--log={}", self.at("dpkg.log").display()))
            // There is neither a shell nor a library in it; the scripts know where it is by DPKG_ROOT.
            .args(["--force-script-chrootless", "--force-depends", "--force-confold"])
            .args(words)
            .output()
            .expect("dpkg starts")
    }

    #[track_caller]
    fn does(&self, words: &[&str]) {
        let output = self.dpkg(words);
        assert!(output.status.success(), "{words:?}: {}", said(&output));
    }

    fn status(&self) -> String {
        said(&self.dpkg(&["--status", "invoked"]))
    }
}

#[test]
fn dpkg_installs_upgrades_and_removes_the_package() {
    if run(Path::new("id"), &["-u"]).stdout.trim_ascii() != b"0" {
        return skip("root, whom dpkg insists on,");
    }
    let system = System::empty();
    let install = ["--install", package().to_str().expect("a UTF-8 path")];
    system.does(&install);
    assert!(system.status().contains("Status: install ok installed"), "{}", system.status());

    // What the unit starts is there and takes the configuration that came with it.
    let unit = fs::read_to_string(system.at("usr/lib/systemd/system/invoked.service"));
    let unit = unit.expect("the unit");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/")).expect("ExecStart");
    let (program, words) = start.split_once(' ').expect("arguments");
    let config = words.strip_prefix("serve --config /").expect("a configuration");
    let config = system.at(config);
    let words = ["config", "check", "--config", config.to_str().expect("a UTF-8 path")];
    let output = run(&system.at(program), &words);
    assert!(output.status.success(), "{}", said(&output));

    // What the operator changed stays, through an upgrade and a removal; a purge takes it.
    let text = fs::read_to_string(&config).expect("the configuration") + "# changed\n";
    fs::write(&config, &text).expect("a file");
    system.does(&install);
    assert_eq!(fs::read_to_string(&config).expect("the configuration"), text);
    system.does(&["--remove", "invoked"]);
    assert!(!system.at(program).exists(), "the program stayed");
    assert_eq!(fs::read_to_string(&config).expect("the configuration"), text);
    system.does(&["--purge", "invoked"]);
    assert!(!config.exists(), "the configuration stayed");
    assert!(!system.status().contains("Status: install ok installed"), "{}", system.status());
}
