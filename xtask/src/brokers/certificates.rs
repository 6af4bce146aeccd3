//! A certificate authority of the tests', a certificate for loopback, and an authority that signed nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::prepare::version;

/// Makes what is missing of `ca.pem`, `server.pem`, `server.key` and `other-ca.pem`.
pub fn make(place: &Path) -> Result<()> {
    let stamp = place.join("made");
    if stamp.exists() {
        return Ok(());
    }
    version("openssl", "version", &["openssl"])?;
    fs::create_dir_all(place)?;
    for authority in ["ca", "other-ca"] {
        let subject = format!("/CN=invoked tests {authority}");
        let (key, certificate) = (format!("{authority}.key"), format!("{authority}.pem"));
        let words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650"];
        let rest = ["-subj", &subject, "-keyout", &key, "-out", &certificate];
        openssl(place, &[&words[..], &rest[..]].concat())?;
    }
    fs::write(place.join("server.ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n")?;
    let request = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"];
    let files = ["-keyout", "server.key", "-out", "server.csr"];
    openssl(place, &[&request[..], &files[..]].concat())?;
    let sign = ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key"];
    let rest = ["-CAcreateserial", "-days", "3650", "-extfile", "server.ext", "-out", "server.pem"];
    openssl(place, &[&sign[..], &rest[..]].concat())?;
    // Kafka wants PKCS #8 and the chain in one file.
    let key = ["pkcs8", "-topk8", "-nocrypt", "-in", "server.key", "-out", "server.pk8"];
    openssl(place, &key)?;
    let parts = ["server.pk8", "server.pem", "ca.pem"].map(|part| fs::read(place.join(part)));
    let parts: Vec<Vec<u8>> = parts.into_iter().collect::<Result<_, _>>()?;
    fs::write(place.join("keystore.pem"), parts.concat())?;
    fs::write(stamp, "")?;
    Ok(())
}

fn openssl(place: &Path, words: &[&str]) -> Result<()> {
    let mut command = Command::new("openssl");
    let output = command.args(words).current_dir(place).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("openssl {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
