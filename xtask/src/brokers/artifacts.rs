//! Jars from Maven Central, pinned, once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::prepare::{version, with_packages};
use crate::workspace::run as shell;

const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

/// The jars of `artifacts` (`group:artifact:version`) and of all they need, for `java -cp DIR/*`.
pub fn jars(shared: &Path, name: &str, artifacts: &[&str]) -> Result<PathBuf> {
    let place = shared.join("jars").join(name);
    let stamp = place.join("installed");
    let wanted = artifacts.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(place.join("lib"));
    }
    version("java", "-version", &["default-jre-headless"])?;
    version("mvn", "--version", &["maven"])?;
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::create_dir_all(&place)?;
    fs::write(place.join("pom.xml"), pom(name, artifacts))?;
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", PLUGIN, "-DincludeScope=runtime", "-DoutputDirectory=lib"]);
    shell(maven.current_dir(&place))?;
    // Last, so that an interrupted installation is done again.
    fs::write(stamp, wanted)?;
    Ok(place.join("lib"))
}

/// Makes sure that a program of Debian's is there.
pub fn program(path: &str, package: &str) -> Result<()> {
    with_packages(Path::new(path), &[package])
}

fn pom(name: &str, artifacts: &[&str]) -> String {
    let dependency = |artifact: &&str| {
        let mut parts = artifact.split(':');
        let mut part = |tag: &str| format!("<{tag}>{}</{tag}>", parts.next().unwrap_or_default());
        let parts = part("groupId") + &part("artifactId") + &part("version");
        format!("<dependency>{parts}</dependency>\n")
    };
    let dependencies: String = artifacts.iter().map(dependency).collect();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>invoked</groupId><artifactId>{name}-for-tests</artifactId><version>1</version>\
         <packaging>pom</packaging>\n<dependencies>\n{dependencies}</dependencies></project>\n"
    )
}
