//! `[auth]`, `tls`, and what may be reached from elsewhere.

use std::path::Path;

use invoked_api::auth::AuthConfig;
use invoked_core::arn::Arn;

use super::*;

const SIGNED: &str = "[auth]\nmode = \"signed\"\n[auth.keys.ak]\nsecret = \"s3cret\"\n";

fn testdata(name: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../invoked-http/testdata");
    directory.join(name).display().to_string()
}

fn tls(cert: &str, key: &str) -> String {
    format!("tls = {{ cert = {:?}, key = {:?} }}\n", testdata(cert), testdata(key))
}

#[test]
fn off_loopback_the_api_needs_authentication_and_tls() {
    let anywhere = |rest: &str| format!("[server]\nlisten = \"0.0.0.0:7070\"\n{rest}");
    let both = problems(&given(&anywhere("")));
    assert!(both[0].starts_with("server.listen: must be a loopback address"), "{both:?}");
    assert!(both[0].contains("0.0.0.0:7070") && both[0].contains("auth.mode = \"off\""));
    assert!(both[1].starts_with("server.tls: is missing"), "{both:?}");
    assert_eq!(both.len(), 2);

    let text = problem(&anywhere("[auth]\nmode = \"off\""));
    assert!(text.starts_with("server.tls: is missing"), "{text}");
    let text = problem(&anywhere("tls = \"upstream\""));
    assert!(text.starts_with("server.listen: "), "{text}");
    let wrong = problem(&anywhere(&format!("tls = \"yes\"\n{SIGNED}")));
    assert!(wrong.starts_with("server.tls: must be \"upstream\" or { cert"), "{wrong}");

    let own = tls("localhost.pem", "localhost.key");
    for rest in ["tls = \"upstream\"\n[auth]\nmode = \"off\"", &format!("{own}{SIGNED}")] {
        Config::load(&given(&anywhere(rest))).unwrap();
    }
    // The word counts wherever it was written, but not among the defaults.
    let mut sources = given(&anywhere("tls = \"upstream\""));
    sources.environment = Environment::of(&[("INVOKED__AUTH__MODE", "off")]);
    Config::load(&sources).unwrap();
}

#[test]
fn a_certificate_that_cannot_be_served_is_a_problem() {
    for listener in ["server", "admin"] {
        let with = |tls: &str| problem(&format!("[{listener}]\n{tls}"));
        let text = with(&tls("nowhere.pem", "localhost.key"));
        assert!(text.starts_with(&format!("{listener}.tls.cert: ")), "{text}");
        assert!(text.contains("nowhere.pem: No such file"), "{text}");
        let text = with(&tls("ca.pem", "localhost.key"));
        assert!(text.starts_with(&format!("{listener}.tls: the certificate cannot be used")));
        let found = problems(&given(&format!("[{listener}]\ntls = {{ cert = \"x\" }}")));
        assert!(found[1].starts_with(&format!("{listener}.tls.key: is missing")), "{found:?}");
    }
}

#[test]
fn an_address_may_have_a_part_of_the_connections() {
    let of = |toml: &str| {
        let server = Config::load(&given(&format!("[server]\n{toml}"))).unwrap().server;
        (server.connections_max, server.connections_per_peer_max)
    };
    assert_eq!(of(""), (4_096, 2_048));
    assert_eq!(of("connections_max = 1"), (1, 1));
    assert_eq!(of("tls = \"upstream\""), (4_096, 4_096));
    assert_eq!(of("connections_per_peer_max = 7"), (4_096, 7));
}

#[test]
fn keys_are_read_with_what_they_may_do() {
    let toml = r#"
        [account]
        id = "777"
        [auth]
        mode = "signed"
        [auth.keys.plain]
        secret = "s3cret"
        [auth.keys."STS.one"]
        secret = { env = "SECRET" }
        security_token = "t0ken"
        expires = 2027-01-31T12:00:00Z
        account = "888"
        allow = ["fc:Get*"]
        functions = ["svc$*", "hello"]
        destinations = ["acs:mns:::/queues/*/messages"]
    "#;
    let mut sources = given(toml);
    sources.environment = Environment::of(&[("SECRET", "s3cret")]);
    let (config, shown) = Config::check(&sources).unwrap();
    let told = format!("{config:?} {}", shown.table);
    assert!(!told.contains("s3cret") && !told.contains("t0ken"), "{told}");
    let AuthConfig::Signed { keys, nonces_max } = config.auth.config else { panic!("signed") };
    assert_eq!(nonces_max, 4_000_000);
    let [sts, plain] = keys.as_slice() else { panic!("two keys: {keys:?}") };
    assert_eq!((&*plain.id, &*plain.secret, &*plain.account), ("plain", "s3cret", "777"));
    assert_eq!((plain.security_token.as_deref(), plain.expires_at), (None, None));
    for all in [&plain.actions, &plain.functions] {
        assert!(all.iter().any(|pattern| pattern.matches("fc:Anything")));
    }
    assert_eq!((&*sts.id, &*sts.secret, &*sts.account), ("STS.one", "s3cret", "888"));
    assert_eq!(sts.security_token.as_deref(), Some("t0ken"));
    assert_eq!(sts.expires_at, Some(1_801_396_800));
    assert!(sts.functions.iter().any(|pattern| pattern.matches("svc$fn")));
    assert!(!sts.functions.iter().any(|pattern| pattern.matches("hello2")));
    let queue = Arn::parse("acs:mns::888:/queues/q/messages").unwrap();
    assert!(sts.destinations.iter().all(|pattern| pattern.matches(&queue, "cn-x", "888")));
}

#[test]
fn what_is_wrong_with_keys_and_roles_is_said_all_at_once() {
    let found = problems(&given(
        r#"
        [auth]
        mode = "signed"
        nonces_max = 0
        [auth.keys."a b"]
        secret = "x"
        [auth.keys.ak]
        expires = "tomorrow"
        allow = ["mns:SendMessage"]
        functions = ["two words"]
        destinations = ["queue"]
        acount = "1"
        [auth.roles.worker]
        "#,
    ));
    let paths = [
        "auth.keys.a b: an access key's id must be",
        "auth.keys.ak.acount: is not a key",
        "auth.keys.ak.allow: \"mns:SendMessage\" must be actions",
        "auth.keys.ak.destinations: \"queue\" must be",
        "auth.keys.ak.expires: must be a moment",
        "auth.keys.ak.functions: \"two words\" must be",
        "auth.keys.ak.secret: is missing",
        "auth.nonces_max: must be",
        "auth.roles.worker.destinations: is missing",
    ];
    for (found, path) in found.iter().zip(paths) {
        assert!(found.starts_with(path), "{path}: {found}");
    }
    assert_eq!(found.len(), paths.len(), "{found:#?}");
}

#[test]
fn a_mode_and_its_keys_go_together() {
    let text = problem("[auth]\nmode = \"signed\"");
    assert!(text.starts_with("auth.mode: is \"signed\", but there is no key"), "{text}");
    let text = problem("[auth.keys.ak]\nsecret = \"x\"");
    assert!(text.starts_with("auth.mode: must be written out where there are keys"), "{text}");
    let config = Config::load(&given(&SIGNED.replace("signed", "off"))).unwrap();
    assert!(matches!(config.auth.config, AuthConfig::Off));
}

#[test]
fn a_function_of_the_file_has_a_role_that_there_is() {
    let function = format!("[functions.hello]\nurl = \"{URL}\"\nrole = \"worker\"\n");
    let text = problem(&function);
    assert!(text.starts_with("functions.hello.role: names a role that there is not"), "{text}");
    let role = "[auth.roles.worker]\ndestinations = [\"acs:fc:::functions/*\"]";
    let config = Config::load(&given(&format!("{function}{role}"))).unwrap();
    assert_eq!(config.functions[0].change.attributes, r#"{"role":"worker"}"#);
    let role = config.auth.roles.of("worker").unwrap();
    let allows = |arn| role.refusal(&Arn::parse(arn).unwrap(), "cn-hangzhou", "1").is_none();
    assert!(allows("acs:fc:::functions/a") && !allows("acs:mns:::/queues/q/messages"));
}
