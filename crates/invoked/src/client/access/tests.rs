//! Where a key comes from.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use clap::Parser;
use tempfile::TempDir;

use super::{Access, Source};
use crate::cli::access::FcArgs;
use crate::config::Environment;
use crate::failure::Failure;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    fc: FcArgs,
}

fn find(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Access, String> {
    let line = Line::try_parse_from([&["x"], arguments].concat()).unwrap();
    match Access::find(&line.fc, &Environment::of(variables)) {
        Ok(access) => Ok(access),
        Err(failure @ Failure::Usage(_)) => Err(failure.to_string()),
        Err(failure) => panic!("{failure}"),
    }
}

/// Id, secret and token, and where they come from.
fn key(access: &Access) -> (&str, &str, Option<&str>, Source) {
    let key = access.key.as_ref().unwrap();
    let credentials = key.credentials();
    (
        credentials.access_key_id,
        credentials.access_key_secret,
        credentials.security_token,
        key.source().clone(),
    )
}

const PAIR: [(&str, &str); 2] =
    [("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")];

#[test]
fn without_a_key_requests_go_unsigned() {
    for variables in [&[][..], &[("ALIBABA_CLOUD_ACCESS_KEY_ID", "")]] {
        assert!(find(&[], variables).unwrap().key.is_none());
    }
    let access = find(&[], &[("ALIBABA_CLOUD_ACCOUNT_ID", "1")]).unwrap();
    assert_eq!(access.account_id.as_deref(), Some("1"));
}

#[test]
fn half_a_key_is_an_error() {
    for (half, other) in [(&PAIR[..1], "SECRET is not"), (&PAIR[1..], "ID is not")] {
        let error = find(&[], half).unwrap_err();
        assert!(error.ends_with(other), "{error}");
    }
    assert!(Line::try_parse_from(["x", "--access-key-id", "id"]).is_err());
    assert!(Line::try_parse_from(["x", "--security-token", "token"]).is_err());
}

#[test]
fn arguments_go_before_the_environment() {
    let arguments = ["--access-key-id", "own", "--access-key-secret", "s3", "--account-id", "7"];
    let access = find(&arguments, &PAIR).unwrap();
    assert_eq!(key(&access), ("own", "s3", None, Source::Arguments));
    assert_eq!(access.account_id.as_deref(), Some("7"));

    let token = [&PAIR[..], &[("ALIBABA_CLOUD_SECURITY_TOKEN", "token")]].concat();
    let access = find(&[], &token).unwrap();
    let (id, secret, token, source) = key(&access);
    assert_eq!((id, secret, token), ("id", "secret", Some("token")));
    assert_eq!(
        source.to_string(),
        "the variables ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"
    );
    let shown = format!("{access:?}");
    assert!(!shown.contains("secret\"") && !shown.contains("token\""), "{shown}");
}

#[test]
fn a_named_access_is_in_the_environment_or_the_file() {
    let variables =
        [("INVOKED_ACCESS_MY_TEAM_ID", "team"), ("INVOKED_ACCESS_MY_TEAM_SECRET", "secret")];
    let access = find(&["--access", "my-team"], &[&variables[..], &PAIR].concat()).unwrap();
    assert_eq!(key(&access).0, "team");

    let home = TempDir::new().unwrap();
    let directory = home.path().join("invoked");
    fs::create_dir(&directory).unwrap();
    let file = directory.join("access.toml");
    let text = "[my-team]\naccess_key_id = \"filed\"\naccess_key_secret = \"secret\"\naccount_id = \"9\"\n\n[half]\naccess_key_id = \"x\"\n";
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let base = [("XDG_CONFIG_HOME", home.path().to_str().unwrap())];
    let access = find(&["-a", "my-team"], &base).unwrap();
    assert_eq!(key(&access), ("filed", "secret", None, Source::File(file, "my-team".to_owned())));
    assert_eq!(access.account_id.as_deref(), Some("9"));

    let error = find(&["--access", "half"], &base).unwrap_err();
    assert!(error.ends_with("half.access_key_secret is missing"), "{error}");
    for variables in [&base[..], &[("HOME", "/nonexistent")], &[]] {
        let error = find(&["--access", "other"], variables).unwrap_err();
        assert!(error.contains("set INVOKED_ACCESS_OTHER_ID and"), "{error}");
    }
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    let home = TempDir::new().unwrap();
    let directory = home.path().join("invoked");
    fs::create_dir(&directory).unwrap();
    let file = directory.join("access.toml");
    fs::write(&file, "[x]\naccess_key_id = \"id\"\naccess_key_secret = \"top secret\"\n").unwrap();
    let base = [("XDG_CONFIG_HOME", home.path().to_str().unwrap())];
    for (mode, why) in [(0o644, "chmod 600"), (0o600, "x.access_key_secret: must be visible")] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let error = find(&["--access", "x"], &base).unwrap_err();
        assert!(error.contains(why) && !error.contains("top secret"), "{error}");
    }
}
