use std::fs;
use std::path::Path;

use super::*;

fn effective(toml: &str) -> Effective {
    let sources = Sources { flags: toml.to_owned(), ..Sources::default() };
    Config::check(&sources).unwrap().1
}

fn differences(before: &str, after: &str) -> Vec<String> {
    let found = effective(before).differences(&effective(after));
    found.iter().map(|difference| told(difference).to_string()).collect()
}

const KEY: &str = "[auth]\nmode = \"signed\"\n[auth.keys.ak]\nsecret = ";
const SINK: &str = "[sinks.fc.default]\nendpoint = \"http://h\"\naccess_key_id = \"id\"\n\
                    access_key_secret = ";

#[test]
fn a_difference_is_told_by_its_key_and_shows_no_secret() {
    for (before, after, expected) in [
        (String::new(), String::new(), [].as_slice()),
        (
            format!("{KEY}\"one\""),
            format!("{KEY}\"two\""),
            &["changed auth.keys.ak.secret (masked)"],
        ),
        (String::new(), format!("{KEY}\"two\""), &["added auth.keys.ak", "changed auth.mode"]),
        (format!("{SINK}\"one\""), String::new(), &["removed sinks.fc.default"]),
        (String::new(), "[functions.a]\nurl = \"http://h\"".into(), &["added functions.a"]),
        (String::new(), "[limits]\nsync_max = 7".into(), &["changed limits.sync_max"]),
    ] {
        let found = differences(&before, &after);
        assert_eq!(found, expected, "{before} -> {after}");
        assert!(!found.concat().contains("two"));
    }
}

#[test]
fn who_is_kept_out_no_more_is_told() {
    let token = |name: &str| {
        format!("[admin.tokens.{name}]\nrole = \"admin\"\ntoken = \"0123456789abcdef-{name}\"\n")
    };
    let keyed = format!("{KEY}\"one\"");
    let off = keyed.replace("signed", "off");
    let both = token("a") + &keyed;
    for (before, after, expected) in [
        (token("a"), String::new(), ["admin.tokens"].as_slice()),
        (token("a") + &token("b"), token("b"), &[]),
        (token("a"), token("b"), &[]),
        (keyed.clone(), String::new(), &["auth.mode"]),
        (keyed, off.clone(), &["auth.mode"]),
        (off, String::new(), &[]),
        (both.clone(), "[limits]\nsync_max = 7".into(), &["admin.tokens", "auth.mode"]),
        (String::new(), both, &[]),
        (String::new(), String::new(), &[]),
    ] {
        let found = opened(&effective(&before), &effective(&after));
        let found: Vec<_> = found.into_iter().map(|of| of.path).collect();
        assert_eq!(found, expected, "{before} -> {after}");
    }
}

#[test]
fn another_certificate_under_the_same_path_is_a_difference() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("authorities.pem");
    let toml =
        format!("[sinks.amqp.main]\nurl = \"amqps://localhost\"\nca_file = \"{}\"", file.display());
    fs::write(&file, "one").unwrap();
    let before = effective(&toml);
    assert_eq!(before.differences(&effective(&toml)), []);
    fs::write(&file, "two").unwrap();
    let found = before.differences(&effective(&toml));
    let found: Vec<_> = found.iter().map(|difference| told(difference).to_string()).collect();
    assert_eq!(found, ["changed sinks.amqp.main.ca_file (masked)"]);
}

#[test]
fn what_only_seeds_the_store_is_known() {
    assert!(is_seed("functions.hello.async") && is_seed("functions.hello.async.on_success"));
    assert!(
        !is_seed("functions.hello") && !is_seed("functions.async") && !is_seed("sinks.a.async")
    );
}

#[test]
fn what_needs_a_restart_is_known() {
    for (path, needs) in [
        ("server.listen", true),
        ("server.tls", true),
        ("server.tls.cert", false),
        ("server.connections_max", false),
        ("admin.listen", true),
        ("admin.tls.key", false),
        ("admin.tokens.a", false),
        ("account.id", true),
        ("account.region", true),
        ("auth.mode", false),
        ("limits.accepts_max", true),
        ("limits.sync_max", false),
        ("store.path", true),
        ("store.free_min", true),
        ("sinks.mns.default", false),
        ("telemetry.log_format", true),
        ("telemetry.log_level", false),
        ("telemetry.traces.endpoint", true),
        ("something.new", true),
    ] {
        assert_eq!(needs_restart(path), needs, "{path}");
    }
}

/// The keys of the table in docs/operations.md, and whether each needs a restart.
fn documented() -> Vec<(String, bool)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let page = fs::read_to_string(path).unwrap();
    let (_, table) = page.split_once("| key | takes effect |").unwrap();
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut keys = Vec::new();
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let needs_restart = cells[2].starts_with("restart");
        let named = cells[1].split('`').skip(1).step_by(2);
        keys.extend(named.map(|key| (key.to_owned(), needs_restart)));
    }
    keys
}

#[test]
fn every_key_of_the_defaults_is_documented_as_it_is_reloaded() {
    let documented = documented();
    let of = |path: &str| {
        let fits = documented.iter().filter(|(key, _)| is_of(path, &[key]));
        fits.max_by_key(|(key, _)| key.len()).map(|(_, needs_restart)| *needs_restart)
    };
    let mut left = vec![(String::new(), toml::Value::Table(effective("").table))];
    while let Some((path, value)) = left.pop() {
        if let toml::Value::Table(table) = value {
            let above = |key: &str| match path.as_str() {
                "" => key.to_owned(),
                path => format!("{path}.{key}"),
            };
            left.extend(table.into_iter().map(|(key, value)| (above(&key), value)));
        } else {
            assert_eq!(of(&path), Some(needs_restart(&path)), "{path} in docs/operations.md");
        }
    }
    for (key, needs) in &documented {
        assert_eq!(needs_restart(key) && !DECIDED.contains(&key.as_str()), *needs, "{key}");
    }
}
