//! The console's page: built out of `console/` into the files that the daemon embeds, which are committed, so that
//! `cargo build` needs no Node.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::prepare;
use crate::workspace::{Workspace, run as shell};

/// What the daemon embeds.
const BUILT: &str = "crates/invoked-api/console";

/// Builds the files anew.
pub fn build(workspace: &Workspace) -> Result<()> {
    build_into(workspace, &workspace.root.join(BUILT))
}

/// Whether the files that are committed are what `console/` builds, byte for byte.
pub fn check(workspace: &Workspace) -> Result<()> {
    let fresh = workspace.target.join("console");
    build_into(workspace, &fresh)?;
    let differences = differences(&files(&workspace.root.join(BUILT))?, &files(&fresh)?);
    if !differences.is_empty() {
        bail!("{BUILT} is out of date ({}): run `cargo xtask console`", differences.join(", "));
    }
    Ok(())
}

fn build_into(workspace: &Workspace, place: &Path) -> Result<()> {
    let source = workspace.root.join("console");
    prepare::npm_ci(&source, &source)?;
    let tool = |name: &str| {
        let mut node = Command::new("node");
        node.arg(Path::new("node_modules").join(name)).current_dir(&source);
        node
    };
    shell(tool("typescript/bin/tsc").arg("--noEmit"))?;
    shell(tool("vite/bin/vite.js").args(["build", "--logLevel", "warn", "--outDir"]).arg(place))
}

/// Every file below `directory` with its contents, by its path there.
fn files(directory: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut ahead = vec![directory.to_owned()];
    while let Some(next) = ahead.pop() {
        let entries = fs::read_dir(&next).with_context(|| next.display().to_string())?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                ahead.push(path);
            } else {
                let name = path.strip_prefix(directory)?.to_owned();
                found.insert(name, fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

/// One phrase for each file that only one side has, or both have differently.
fn differences(
    committed: &BTreeMap<PathBuf, Vec<u8>>,
    fresh: &BTreeMap<PathBuf, Vec<u8>>,
) -> Vec<String> {
    let missing = fresh.iter().filter_map(|(name, contents)| match committed.get(name) {
        None => Some(format!("{} is missing", name.display())),
        Some(other) if other != contents => Some(format!("{} differs", name.display())),
        Some(_) => None,
    });
    let extra = committed
        .keys()
        .filter(|name| !fresh.contains_key(*name))
        .map(|name| format!("{} is left over", name.display()));
    missing.chain(extra).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::differences;

    fn tree(files: &[(&str, &str)]) -> BTreeMap<PathBuf, Vec<u8>> {
        files.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn a_build_is_compared_file_by_file() {
        let committed = tree(&[("index.html", "a"), ("assets/old.js", "x"), ("same", "s")]);
        let fresh = tree(&[("index.html", "b"), ("assets/new.js", "x"), ("same", "s")]);
        assert_eq!(
            differences(&committed, &fresh),
            ["assets/new.js is missing", "index.html differs", "assets/old.js is left over"]
        );
        assert!(differences(&fresh, &fresh).is_empty());
    }
}
