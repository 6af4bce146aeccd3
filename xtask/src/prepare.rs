//! Installs what the tests need beyond the toolchain, under `target/tools`, once.
//!
//! - `venv/`: Python with the official Function Compute clients, every package pinned in
//!   `tests/conformance/python/requirements.txt`;
//! - `sinks-venv/`: Python with clients of the brokers and the vendor's code, pinned in
//!   `tests/sinks/python/requirements.txt`;
//! - `node/`: Node's official clients, pinned by `tests/conformance/node/package-lock.json`;
//! - `console/`: what drives the console, pinned by `tests/console/package-lock.json`, and Debian's Chromium;
//! - `go-scenario`: the Go program of the conformance suite, which needs nothing but Go;
//! - `promtool` and `prometheus`: out of Debian's `prometheus` package, unpacked rather than installed, so that no
//!   server starts by itself;
//! - what [`deploy`] lists.
//!
//! System packages are installed only as root; otherwise the line to run is printed. The tests that need a tool
//! which is not there say so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::deploy;
use crate::workspace::{Workspace, run as shell};

pub fn run(workspace: &Workspace) -> Result<()> {
    let tools = workspace.tools();
    fs::create_dir_all(&tools)?;
    libraries()?;
    python(workspace, &tools.join("venv"), "tests/conformance/python/requirements.txt")?;
    python(workspace, &tools.join("sinks-venv"), "tests/sinks/python/requirements.txt")?;
    node(workspace, &tools)?;
    browser(workspace, &tools)?;
    go(workspace, &tools)?;
    prometheus(&tools)?;
    deploy::prepare(workspace)?;
    systemd_analyze()
}

/// What a build needs beside Rust: librdkafka is compiled from source, and uses OpenSSL.
pub fn libraries() -> Result<()> {
    let has = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).output();
        output.is_ok_and(|output| output.status.success())
    };
    let is_there = has("pkg-config", &["--exists", "openssl"])
        && has("make", &["--version"])
        && has("g++", &["--version"]);
    if is_there { Ok(()) } else { apt_install(&["g++", "libssl-dev", "make", "pkg-config"]) }
}

/// An environment of Python at `venv` with what `requirements`, a file of the repository, lists.
pub fn python(workspace: &Workspace, venv: &Path, requirements: &str) -> Result<()> {
    let requirements = workspace.root.join(requirements);
    let stamp = venv.join("installed");
    let wanted = format!("{}{}", version_of_python()?, fs::read_to_string(&requirements)?);
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }

    if venv.exists() {
        fs::remove_dir_all(venv)?;
    }
    if shell(Command::new("python3").args(["-m", "venv"]).arg(venv)).is_err() {
        apt_install(&["python3-venv"])?;
        shell(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))?;
    }
    let mut pip = Command::new(venv.join("bin/python"));
    // Every package is listed, so nothing is left to resolve.
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .arg("--requirement")
        .arg(&requirements);
    shell(&mut pip)?;
    // Last, so that an interrupted installation is done again.
    fs::write(&stamp, wanted)?;
    Ok(())
}

fn version_of_python() -> Result<String> {
    version("python3", "--version", &["python3", "python3-venv"])
}

fn node(workspace: &Workspace, tools: &Path) -> Result<()> {
    npm_ci(&workspace.root.join("tests/conformance/node"), &tools.join("node"))
}

/// Playwright and axe, and the browser that they drive.
fn browser(workspace: &Workspace, tools: &Path) -> Result<()> {
    npm_ci(&workspace.root.join("tests/console"), &tools.join("console"))?;
    if in_path("chromium").is_some() {
        return Ok(());
    }
    // The fonts, since it brings none and would draw boxes.
    apt_install(&["chromium", "fonts-dejavu-core"])
}

/// What the lock file in `source` pins, installed in `place`, which may be `source` itself.
pub fn npm_ci(source: &Path, place: &Path) -> Result<()> {
    // It goes with what it stands for.
    let stamp = place.join("node_modules/installed");
    let lock = fs::read_to_string(source.join("package-lock.json"))?;
    let wanted = format!("{}{lock}", version("node", "--version", &["nodejs", "npm"])?);
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }

    version("npm", "--version", &["npm"])?;
    if place != source {
        fs::create_dir_all(place)?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(source.join(file), place.join(file))?;
        }
        if source.join(".npmrc").exists() {
            fs::copy(source.join(".npmrc"), place.join(".npmrc"))?;
        }
    }
    let mut npm = Command::new("npm");
    // It removes what was there. The packages' own scripts build nothing that we need.
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    shell(npm.current_dir(place))?;
    fs::write(&stamp, wanted)?;
    Ok(())
}

fn go(workspace: &Workspace, tools: &Path) -> Result<()> {
    let source = workspace.root.join("tests/conformance/go");
    let program = tools.join("go-scenario");
    let stamp = tools.join("go-scenario.built");
    let mut wanted = version("go", "version", &["golang-go"])?;
    for file in ["go.mod", "main.go", "sign.go"] {
        wanted += &fs::read_to_string(source.join(file))?;
    }
    if program.exists() && fs::read_to_string(&stamp).is_ok_and(|built| built == wanted) {
        return Ok(());
    }

    let mut go = Command::new("go");
    go.args(["build", "-buildvcs=false", "-o"]).arg(&program).arg(".").current_dir(&source);
    shell(go.env("GOCACHE", tools.join("go-cache")))?;
    fs::write(&stamp, wanted)?;
    Ok(())
}

/// What `program` says of its version; it is installed out of `packages` where it is not there.
pub fn version(program: &str, argument: &str, packages: &[&str]) -> Result<String> {
    let ask = || Command::new(program).arg(argument).output();
    let output = match ask() {
        Ok(output) => output,
        Err(_) => {
            apt_install(packages)?;
            ask().with_context(|| format!("cannot start {program}"))?
        }
    };
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Makes sure that `file` is there, which `packages` bring.
pub fn with_packages(file: &Path, packages: &[&str]) -> Result<()> {
    if file.exists() { Ok(()) } else { apt_install(packages) }
}

/// Optional: without it the tests of rules and alerts say that they did not run.
fn prometheus(tools: &Path) -> Result<()> {
    const PROGRAMS: [&str; 2] = ["promtool", "prometheus"];
    let is_there = |program: &&str| tools.join(program).exists() || in_path(program).is_some();
    if PROGRAMS.iter().all(is_there) {
        return Ok(());
    }
    let scratch = tools.join("prometheus.deb.d");
    let unpacked = download_and_unpack(&["prometheus"], &scratch);
    match unpacked {
        Ok(()) => {
            for program in PROGRAMS {
                fs::rename(scratch.join("usr/bin").join(program), tools.join(program))?;
            }
        }
        Err(error) if is_root() => {
            return Err(error.context("cannot get Debian's package prometheus"));
        }
        Err(_) => eprintln!(
            "prometheus is missing: rules and alerts stay unchecked. To have them checked, run\n    sudo apt-get install --no-install-recommends prometheus"
        ),
    }
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    Ok(())
}

/// Packages of Debian's, unpacked into `place`, which then has nothing else.
pub fn download_and_unpack(packages: &[&str], place: &Path) -> Result<()> {
    if place.exists() {
        fs::remove_dir_all(place)?;
    }
    fs::create_dir_all(place)?;
    let download = || {
        // The sandbox user of apt cannot write below target/; there is nothing to protect.
        let mut apt = Command::new("apt-get");
        apt.args(["download", "--quiet", "--option", "APT::Sandbox::User=root"])
            .args(packages)
            .current_dir(place);
        shell(&mut apt)
    };
    if download().is_err() {
        if !is_root() {
            bail!("apt-get download {} failed", packages.join(" "));
        }
        shell(Command::new("apt-get").args(["update", "--quiet"]))?;
        download()?;
    }
    let files = fs::read_dir(place)?.filter_map(|entry| Some(entry.ok()?.path()));
    let is_archive = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
    let archives: Vec<PathBuf> = files.filter(is_archive).collect();
    if archives.len() < packages.len() {
        bail!("apt-get download left {} of {} .deb files", archives.len(), packages.len());
    }
    for archive in archives {
        shell(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(place))?;
        fs::remove_file(archive)?;
    }
    Ok(())
}

/// Optional: without it the test of the systemd unit says that it did not run.
fn systemd_analyze() -> Result<()> {
    if in_path("systemd-analyze").is_some() {
        return Ok(());
    }
    match apt_install(&["systemd"]) {
        Err(error) if is_root() => Err(error),
        // The line to run has been printed.
        Ok(()) | Err(_) => Ok(()),
    }
}

fn apt_install(packages: &[&str]) -> Result<()> {
    let line = format!("apt-get install --yes --no-install-recommends {}", packages.join(" "));
    if !is_root() {
        eprintln!("missing: {}. Run\n    sudo {line}", packages.join(", "));
        bail!("not root: {line}");
    }
    shell(Command::new("apt-get").args(["update", "--quiet"]))?;
    let mut apt = Command::new("apt-get");
    apt.args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(packages);
    shell(apt.env("DEBIAN_FRONTEND", "noninteractive"))
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

pub fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|place| place.is_file())
}
