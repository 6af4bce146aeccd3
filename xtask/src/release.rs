//! `cargo xtask release`: what is published, under `target/release-files`: the package for Debian, an archive of the
//! program and the line tables that were taken out of it, what it is made of (CycloneDX) and under which licences, and the checksums of all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use serde_json::{Value, json};

use crate::deploy;
use crate::prepare::in_path;
use crate::workspace::{Workspace, run as shell};

const PROFILE: &str = "dist";

pub fn run(workspace: &Workspace) -> Result<()> {
    let place = workspace.target.join("release-files");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::create_dir_all(&place)?;
    shell(
        workspace
            .cargo(&["build", "--locked", "--package=invoked"])
            .arg(format!("--profile={PROFILE}")),
    )?;
    let shipped = Shipped::read(workspace)?;
    let name = format!("invoked-{}-{}-linux", shipped.version()?, std::env::consts::ARCH);
    fs::write(
        place.join(format!("{name}.cdx.json")),
        serde_json::to_vec_pretty(&shipped.bill()?)?,
    )?;
    fs::write(place.join("LICENSES.txt"), shipped.licenses())?;
    archive(workspace, &place, &name)?;
    deb(workspace, &place)?;
    checksums(&place)?;
    println!("{}", place.display());
    Ok(())
}

/// The package for Debian, of a program that is built.
fn deb(workspace: &Workspace, place: &Path) -> Result<()> {
    let builder = deploy::cargo_deb(workspace)?;
    shell(
        Command::new(builder)
            .args(["--no-build", "--package=invoked", "--output"])
            .arg(place)
            .current_dir(&workspace.root)
            .env("CARGO_TARGET_DIR", &workspace.target),
    )
}

fn archive(workspace: &Workspace, place: &Path, name: &str) -> Result<()> {
    let inside = place.join(name);
    fs::create_dir(&inside)?;
    let program = inside.join("invoked");
    fs::copy(workspace.binary(PROFILE, "invoked"), &program)?;
    split(&program, &place.join(format!("{name}.debug")))?;
    for file in [
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "config/example.toml",
        "deploy/systemd/invoked.service",
    ] {
        let from = workspace.root.join(file);
        let to = inside.join(from.file_name().context("a file")?);
        fs::copy(&from, to).with_context(|| file.to_owned())?;
    }
    fs::copy(place.join("LICENSES.txt"), inside.join("LICENSES.txt"))?;
    let archive = format!("{name}.tar.gz");
    shell(
        Command::new("tar")
            .args(["--sort=name", "--owner=0", "--group=0", "-czf", &archive, name])
            .current_dir(place),
    )?;
    Ok(fs::remove_dir_all(inside)?)
}

/// Takes the line tables out of a program and puts them into a file of their own, which the program names, so that a debugger finds
/// them. The names of functions stay: a backtrace has them without that file. Without binutils the program stays whole.
fn split(program: &Path, debug: &Path) -> Result<()> {
    if ["strip", "objcopy"].iter().any(|tool| in_path(tool).is_none()) {
        println!("binutils are not here: the program in the archive keeps its line tables");
        return Ok(());
    }
    let place = debug.parent().context("a directory")?;
    let name = debug.file_name().context("a file")?;
    let keep = ["--only-keep-debug", "--compress-debug-sections"];
    shell(Command::new("objcopy").args(keep).arg(program).arg(debug))?;
    shell(Command::new("strip").arg("--strip-debug").arg(program))?;
    let mut link = OsString::from("--add-gnu-debuglink=");
    link.push(name);
    shell(Command::new("objcopy").arg(link).arg(program).current_dir(place))
}

fn checksums(place: &Path) -> Result<()> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(place)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    let names = files.iter().filter_map(|file| file.file_name());
    let output = Command::new("sha256sum").args(names).current_dir(place).output()?;
    if !output.status.success() {
        bail!("sha256sum: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(fs::write(place.join("SHA256SUMS"), output.stdout)?)
}

/// What the program is made of: every package that ends up in it.
struct Shipped {
    metadata: Metadata,
    packages: BTreeSet<PackageId>,
}

impl Shipped {
    fn read(workspace: &Workspace) -> Result<Self> {
        let metadata = MetadataCommand::new()
            .manifest_path(workspace.root.join("Cargo.toml"))
            .features(CargoOpt::SomeFeatures(Vec::new()))
            .other_options([
                "--filter-platform".to_owned(),
                format!("{}-unknown-linux-gnu", std::env::consts::ARCH),
            ])
            .exec()?;
        let resolve = metadata.resolve.as_ref().context("no resolution")?;
        let edges: BTreeMap<&PackageId, Vec<&PackageId>> = resolve
            .nodes
            .iter()
            .map(|node| {
                let is_shipped = |dependency: &&cargo_metadata::NodeDep| {
                    dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
                };
                let to = node.deps.iter().filter(is_shipped).map(|dependency| &dependency.pkg);
                (&node.id, to.collect())
            })
            .collect();
        let root = metadata.packages.iter().find(|package| package.name.as_str() == "invoked");
        let mut left = vec![&root.context("no package invoked")?.id];
        let mut packages = BTreeSet::new();
        while let Some(id) = left.pop() {
            if packages.insert(id.clone()) {
                left.extend(edges.get(id).into_iter().flatten().copied());
            }
        }
        Ok(Self { packages, metadata })
    }

    fn all(&self) -> impl Iterator<Item = &Package> {
        self.metadata.packages.iter().filter(|package| self.packages.contains(&package.id))
    }

    fn version(&self) -> Result<String> {
        let invoked = self.all().find(|package| package.name.as_str() == "invoked");
        Ok(invoked.context("no package invoked")?.version.to_string())
    }

    /// A bill of materials in CycloneDX's JSON, without a time, so that two of the same sources are the same.
    fn bill(&self) -> Result<Value> {
        let component = |package: &Package, kind: &str| {
            let purl = format!("pkg:cargo/{}@{}", package.name, package.version);
            let license = package.license.clone().unwrap_or_else(|| "NOASSERTION".to_owned());
            json!({
                "type": kind,
                "bom-ref": purl,
                "name": package.name.as_str(),
                "version": package.version.to_string(),
                "purl": purl,
                "licenses": [{ "expression": license }],
            })
        };
        let (ours, others): (Vec<_>, Vec<_>) =
            self.all().partition(|package| package.name.as_str() == "invoked");
        let application = ours.first().context("no package invoked")?;
        Ok(json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": { "component": component(application, "application") },
            "components": others.into_iter().map(|package| component(package, "library")).collect::<Vec<_>>(),
        }))
    }

    /// Every package with its licence, by licence.
    fn licenses(&self) -> String {
        let mut by_license: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for package in self.all() {
            let license = package.license.as_deref().unwrap_or("see its files");
            by_license
                .entry(license)
                .or_default()
                .push(format!("{} {}", package.name, package.version));
        }
        let mut text = String::from("What invoked is made of, by licence.\n");
        for (license, packages) in by_license {
            text += &format!("\n{license}\n");
            for package in packages {
                text += &format!("    {package}\n");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_tables_are_beside_the_program_and_not_in_it() {
        let place = std::env::temp_dir().join(format!("invoked-split-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        let (program, debug) = (place.join("program"), place.join("program.debug"));
        let whole = fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        split(&program, &debug).unwrap();
        if debug.exists() {
            let sections = |file: &Path| {
                let said = Command::new("readelf").args(["-SW"]).arg(file).output().unwrap().stdout;
                String::from_utf8(said).unwrap()
            };
            let stripped = sections(&program);
            assert!(fs::metadata(&program).unwrap().len() < whole);
            assert!(!stripped.contains(".debug_line"), "{stripped}");
            assert!(stripped.contains(".symtab") && stripped.contains(".gnu_debuglink"));
            assert!(sections(&debug).contains(".debug_line"));
        }
        let ran = Command::new(&program).arg("--list").output().unwrap();
        assert!(ran.status.success() && !ran.stdout.is_empty());
        fs::remove_dir_all(&place).unwrap();
    }

    #[test]
    fn the_bill_names_what_is_shipped_and_nothing_of_the_tests() {
        let shipped = Shipped::read(&Workspace::locate().unwrap()).unwrap();
        let bill = shipped.bill().unwrap();
        let components = bill["components"].as_array().unwrap();
        let has = |name: &str| components.iter().any(|component| component["name"] == name);
        assert!(has("tokio") && has("fjall") && has("invoked-engine"));
        assert!(!has("criterion") && !has("invoked-testkit") && !has("xtask"));
        assert!(components.iter().all(|of| of["licenses"][0]["expression"] != "NOASSERTION"));
        assert!(shipped.licenses().contains("    tokio "));
    }
}
