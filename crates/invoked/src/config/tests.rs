mod fuzz;
mod kafka;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;

mod amqp;
mod auth;
mod qualifiers;
mod rocketmq;

const URL: &str = "http://127.0.0.1:9000";

/// What a command would read: these flags over the defaults.
fn given(toml: &str) -> Sources {
    Sources { flags: toml.to_owned(), ..Sources::default() }
}

fn problems(sources: &Sources) -> Vec<String> {
    let problems = Config::load(sources).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

/// The one problem of a configuration.
fn problem(toml: &str) -> String {
    let mut found = problems(&given(toml));
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn file(directory: &tempfile::TempDir, name: &str, toml: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, toml).unwrap();
    path
}

#[test]
fn the_documented_defaults_are_those_of_the_engine() {
    let config = Config::load(&Sources::default()).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:7070");
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:7071");
    let engine = config.work.engine(config.identity.clone(), &config.limits, 7);
    let own = invoked_engine::EngineConfig::new(config.identity, 7);
    assert_eq!(format!("{engine:?}"), format!("{own:?}"));
}

#[test]
fn the_example_is_good() {
    let example = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/example.toml"));
    let config = Config::load(&Sources { files: vec![example], ..Sources::default() }).unwrap();
    let names: Vec<_> = config.functions.iter().map(|seed| seed.name.as_str()).collect();
    assert_eq!(names, ["audit", "hello", "remote"]);
}

#[test]
fn all_problems_are_reported_at_once_each_with_its_path() {
    let found = problems(&given(
        r#"
        [limits]
        body_timeout = "soon"
        window = 0
        [server]
        liste = "127.0.0.1:1"
        [admin]
        listen = 5
        [functions.hello]
        url = "no url at all"
        [functions.worker]
        url = "http://127.0.0.1:9000"
        timeout = 60
        async = { max_async_retry_attempts = 9, on_success = "queue" }
        [nonsense]
        "#,
    ));
    let begins = |path: &str| found.iter().any(|problem| problem.starts_with(&format!("{path}: ")));
    let paths = [
        "admin.listen",
        "functions.hello.url",
        "functions.worker.async.max_async_retry_attempts",
        "functions.worker.async.on_success",
        "functions.worker.timeout",
        "limits.body_timeout",
        "limits.window",
        "nonsense",
        "server.liste",
    ];
    for path in paths {
        assert!(begins(path), "no {path} in {found:#?}");
    }
    assert_eq!(found.len(), paths.len(), "{found:#?}");
}

#[test]
fn a_problem_names_the_value_and_the_limit() {
    for (toml, text) in [
        (
            "[callback]\nmultiplier = 0",
            "callback.multiplier: must be a number between 1 and 10, got 0",
        ),
        (
            "[dispatch]\ndrain_timeout = \"25h\"",
            "dispatch.drain_timeout: must be between 0s and 24h, got \"25h\"",
        ),
        (
            "[defaults]\nmax_async_event_age = \"31d\"",
            "defaults.max_async_event_age: must be whole seconds between 1s and 2592000s (30d), got \"31d\"",
        ),
        (
            "[callback]\nmax_interval = \"100ms\"",
            "callback.max_interval: must not be shorter than initial_interval (500ms), got 100ms",
        ),
        ("[store]\nbackup_path = \"\"", "store.backup_path: must not be empty"),
        (
            "[store]\npath = \"/srv/a\"\nbackup_path = \"/srv/a/b\"",
            "store.backup_path: is inside of store.path, \"/srv/a\": a backup would be lost with the store",
        ),
        ("[store]\nkind = \"postgres\"", "store.kind: must be \"embedded\", got \"postgres\""),
    ] {
        assert_eq!(problem(toml), text);
    }
}

#[test]
fn a_place_for_backups_that_a_link_leads_into_the_store_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    fs::create_dir(&store).unwrap();
    symlink(&store, directory.path().join("link")).unwrap();
    let with = |store: &str, backups: &str| {
        let at = |name: &str| directory.path().join(name).display().to_string();
        format!("[store]\npath = {:?}\nbackup_path = {:?}", at(store), at(backups))
    };
    // The store may be what is behind the link, and what follows the link need not be there.
    for (store, backups) in [("store", "link"), ("store", "link/new/place"), ("link", "store/x")] {
        let text = problem(&with(store, backups));
        assert!(text.starts_with("store.backup_path: is inside of store.path, "), "{text}");
    }
    for (store, backups) in [("link", "link-backups"), ("store", "store/../beside")] {
        assert!(Config::load(&given(&with(store, backups))).is_ok(), "{backups}");
    }
}

#[test]
fn an_unknown_key_is_told_with_the_known_ones() {
    let text = problem("[account]\nname = \"x\"");
    assert_eq!(text, "account.name: is not a key of the configuration; known here: id, region");
}

#[test]
fn where_a_file_is_no_toml_is_told_and_what_stands_there_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let text = "[auth]\nmode = \"signed\"\n[auth.keys.x]\nsecret = \"planted";
    let path = file(&directory, "bad.toml", text);
    let shown = path.display().to_string();
    let found = problems(&Sources { files: vec![path], ..Sources::default() });
    let [problem] = found.as_slice() else { panic!("{found:?}") };
    assert!(problem.starts_with(&format!("{shown}: is not TOML: line 4, column ")), "{problem}");
    assert!(!problem.contains("planted") && !problem.contains('\n'), "{problem}");
}

#[test]
fn durations_and_sizes_carry_units() {
    let config = Config::load(&given(
        "[dispatch]\ndrain_timeout = \"1500ms\"\n[store]\ncache = \"2MiB\"\n[defaults]\nmax_async_event_age = \"2 h\"",
    ))
    .unwrap();
    assert_eq!(config.work.drain_timeout().as_millis(), 1_500);
    assert_eq!(config.store.cache, 2 * 1024 * 1024);
    for bad in
        ["30", "\"30\"", "\"s\"", "\"-1s\"", "\"1.5s\"", "\"1 week\"", "\"99999999999999999999s\""]
    {
        let text = problem(&format!("[dispatch]\ndrain_timeout = {bad}"));
        assert!(text.contains("a duration with a unit"), "{text}");
    }
    for bad in ["1048576", "\"32MB\"", "\"32M\""] {
        let text = problem(&format!("[store]\ncache = {bad}"));
        assert!(text.contains("a size with a unit"), "{text}");
    }
}

#[test]
fn flags_outrank_the_environment_which_outranks_files_in_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let account = |id: &str| format!("[account]\nid = \"{id}\"\nregion = \"{id}\"");
    let mut sources = Sources { preset: account("preset"), ..Sources::default() };
    let id = |sources: &Sources| Config::load(sources).unwrap().identity.account;
    assert_eq!(id(&sources), "preset");
    sources.files.push(file(&directory, "a.toml", &account("first")));
    assert_eq!(id(&sources), "first");
    sources.files.push(file(&directory, "b.toml", "[account]\nid = \"second\""));
    assert_eq!(id(&sources), "second");
    assert_eq!(Config::load(&sources).unwrap().identity.region, "first");
    sources.environment = Environment::of(&[("INVOKED__ACCOUNT__ID", "1234")]);
    assert_eq!(id(&sources), "1234");
    sources.flags = account("flag");
    assert_eq!(id(&sources), "flag");
}

#[test]
fn variables_have_the_types_of_their_keys_and_names_keep_their_case() {
    let sources = Sources {
        environment: Environment::of(&[
            ("INVOKED__SERVER__CONNECTIONS_MAX", "17"),
            ("INVOKED__EGRESS__ALLOW", "10.0.0.0/8, hooks.example.com"),
            ("INVOKED__FUNCTIONS__Hello_World__URL", URL),
            ("INVOKED__FUNCTIONS__Hello_World__ASYNC__ASYNC_TASK", "true"),
            ("INVOKED_ENDPOINT", "http://elsewhere"),
            ("PATH", "/bin"),
        ]),
        ..Sources::default()
    };
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.server.connections_max, 17);
    assert_eq!(config.outside.allow.len(), 2);
    let hello = config.functions.first().unwrap();
    assert_eq!(hello.name.as_str(), "Hello_World");
    assert_eq!(hello.config.as_ref().unwrap().async_task, Some(true));
}

#[test]
fn a_problem_names_the_variable_or_file_it_comes_from() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "a.toml", "[account]\nid = 5");
    let sources = Sources {
        files: vec![path.clone()],
        environment: Environment::of(&[("INVOKED__SERVER__LISTEN", "here")]),
        ..Sources::default()
    };
    let found = problems(&sources);
    assert!(found[0].ends_with(&format!("got 5 (in {})", path.display())), "{found:?}");
    assert!(found[1].ends_with("(in environment variable INVOKED__SERVER__LISTEN)"), "{found:?}");
}

#[test]
fn files_that_are_missing_or_are_not_toml_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let broken = file(&directory, "broken.toml", "[server\n");
    let missing = directory.path().join("missing.toml");
    let sources = Sources { files: vec![broken.clone(), missing.clone()], ..Sources::default() };
    let found = problems(&sources);
    assert!(found[0].contains(&*broken.to_string_lossy()), "{found:?}");
    assert!(found[1].contains(&*missing.to_string_lossy()), "{found:?}");
}

const REMOTE: &str = r#"
    [sinks.fc.default]
    endpoint = "http://127.0.0.1:17070"
    access_key_id = "id"
    access_key_secret = "#;

#[test]
fn a_secret_is_a_text_a_variable_or_a_file_and_is_masked() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, "secret", "s3cret\n");
    for written in [
        "\"s3cret\"".to_owned(),
        "{ env = \"FC_SECRET\" }".to_owned(),
        format!("{{ file = {path:?} }}"),
    ] {
        let mut sources = given(&format!("{REMOTE}{written}"));
        sources.environment = Environment::of(&[("FC_SECRET", "s3cret")]);
        let (config, shown) = Config::check(&sources).unwrap();
        let instance = &config.outside.fc["default"];
        assert_eq!(instance.access_key_secret.reveal(), "s3cret");
        assert!(!format!("{config:?}").contains("s3cret"));
        let shown = shown.table.to_string();
        assert!(shown.contains("access_key_secret = \"***\""), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn a_secret_that_cannot_be_had_is_a_problem_that_does_not_tell_it() {
    for (written, text) in [
        ("{ env = \"NOBODY\" }", "the environment has no variable NOBODY"),
        ("{ file = \"/no/such/file\" }", "/no/such/file: No such file"),
        ("{ path = \"x\" }", "must be a text, { env = \"NAME\" } or { file = \"PATH\" }"),
        ("\"two words\"", "must be visible ASCII characters"),
    ] {
        let found = problem(&format!("{REMOTE}{written}"));
        assert!(found.starts_with("sinks.fc.default.access_key_secret: "), "{found}");
        assert!(found.contains(text) && !found.contains("two words"), "{found}");
    }
}

#[test]
fn what_is_shown_can_be_read_again() {
    let (_, shown) = Config::check(&given(&format!("[functions.hello]\nurl = \"{URL}\""))).unwrap();
    let (_, again) = Config::check(&given(&shown.table.to_string())).unwrap();
    assert_eq!(shown.table, again.table);
    assert_eq!(again.table["functions"]["hello"]["url"].as_str(), Some(URL));
}

#[test]
fn listeners_stay_on_loopback() {
    for address in ["0.0.0.0:7070", "[::]:7070", "192.0.2.1:7070"] {
        let text = problem(&format!("[admin]\nlisten = \"{address}\""));
        assert!(text.starts_with("admin.listen: "), "{text}");
        assert!(text.contains("loopback") && text.contains(address), "{text}");
    }
    Config::load(&given("[server]\nlisten = \"[::1]:7070\"")).unwrap();
    let text = problem("[admin]\nlisten = \"127.0.0.1:7070\"");
    assert!(text.contains("must differ from server.listen"), "{text}");
}

#[test]
fn rates_weights_and_shares_have_bounds() {
    let function = |key: &str| format!("[functions.a]\nurl = '{URL}'\n{key}");
    let config = Config::load(&given(&format!(
        "{}\nweight = 3\n[accounts.42]\nshare = 2",
        function("rate = 500")
    )))
    .unwrap();
    let change = &config.functions[0].change;
    assert_eq!((change.rate, change.weight), (Some(500), Some(3)));
    for wrong in [
        function("rate = 0"),
        function("rate = 100001"),
        function("weight = 0"),
        "[accounts.42]\nshare = 0".to_owned(),
        "[accounts.42]\nshare = 1001".to_owned(),
        "[accounts.42]".to_owned(),
    ] {
        problem(&wrong);
    }
}

#[test]
fn what_is_documented_but_not_done_yet_is_refused() {
    let text = problem("[cluster]\nnode = \"a\"");
    assert!(text.starts_with("cluster: "), "{text}");
    assert!(text.contains("not supported yet"), "{text}");
}

fn told(by: &str, destination: &str) -> String {
    format!("[functions.{by}]\nurl = \"{URL}\"\nasync = {{ on_success = \"{destination}\" }}\n")
}

#[test]
fn destinations_that_lead_back_are_refused_with_their_path() {
    let toml = told("ping", "acs:fc:::functions/pong") + &told("pong", "acs:fc:::functions/ping");
    let text = problem(&toml);
    assert!(text.contains("destinations form a loop: ping -> pong -> ping"), "{text}");
}

#[test]
fn destinations_that_cannot_be_told_are_refused() {
    let path = "functions.a.async.on_success: ";
    let web = format!("[functions.web]\nurl = \"{URL}\"\nkind = \"http\"\n");
    for (toml, text) in [
        (told("a", "acs:fc:::functions/web") + &web, "'web' is an HTTP function"),
        (told("a", "acs:mns:::/queues/q/messages"), "there is no sinks.mns.default"),
        (told("a", "acs:fc:cn-other:1:functions/f"), "there is no sinks.fc.default"),
        (told("a", "acs:eventbridge:::eventbus/b"), "there is no sinks.eventbridge.default"),
    ] {
        let found = problem(&toml);
        assert!(found.starts_with(path) && found.contains(text), "{found}");
    }
    // The file need not know it: it may be made through the API.
    Config::load(&given(&told("a", "acs:fc:::functions/later"))).unwrap();
}

#[test]
fn queues_and_topics_are_told_through_an_endpoint_of_the_operator() {
    let toml = told("a", "acs:mns:::/queues/q/messages")
        + &told("b", "acs:mns:::/topics/t/messages")
        + "[sinks.mns.default]\nendpoint = \"https://123.mns.example\"\n\
           access_key_id = \"id\"\naccess_key_secret = \"s3cret\"\n\
           security_token = \"t0ken\"\ntimeout = \"3s\"\nqueue_encoding = \"raw\"";
    let (config, shown) = Config::check(&given(&toml)).unwrap();
    let instance = &config.outside.mns["default"];
    assert_eq!(instance.endpoint.to_string(), "https://123.mns.example");
    assert_eq!(instance.timeout, Some(std::time::Duration::from_secs(3)));
    let encodings = (instance.queue_encoding, instance.topic_encoding);
    assert_eq!(encodings, (Some(MnsEncoding::Raw), None));
    let shown = format!("{config:?}{}", shown.table);
    assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    for (toml, text) in [
        ("endpoint = \"mns\"", "endpoint: the URL must start with http:// or https://"),
        ("access_key_id = \"a,b\"", "access_key_id: must be visible ASCII characters"),
        ("timeout = \"10m\"", "timeout: must be between 100ms and 30s"),
        ("topic_encoding = \"hex\"", "topic_encoding: "),
        ("queue = \"q\"", "queue: is not a key of the configuration"),
        ("", "access_key_secret: is missing"),
    ] {
        let found = problems(&given(&format!("[sinks.mns.default]\n{toml}")));
        let expected = format!("sinks.mns.default.{text}");
        assert!(found.iter().any(|problem| problem.starts_with(&expected)), "{found:?}");
    }
}

#[test]
fn event_buses_are_told_through_an_endpoint_of_the_operator() {
    let toml = told("a", "acs:eventbridge:::eventbus/b")
        + "[sinks.eventbridge.default]\nendpoint = \"https://eb.example\"\n\
           access_key_id = \"id\"\naccess_key_secret = \"s3cret\"\n\
           security_token = \"t0ken\"\ntimeout = \"3s\"";
    let (config, shown) = Config::check(&given(&toml)).unwrap();
    let instance = &config.outside.eventbridge["default"];
    assert_eq!(instance.endpoint.to_string(), "https://eb.example");
    assert_eq!(instance.timeout, Some(std::time::Duration::from_secs(3)));
    let shown = format!("{config:?}{}", shown.table);
    assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    for (toml, text) in [
        ("endpoint = \"eb\"", "endpoint: the URL must start with http:// or https://"),
        ("access_key_id = \"a,b\"", "access_key_id: must be visible ASCII characters"),
        ("timeout = \"10m\"", "timeout: must be between 100ms and 30s"),
        ("bus = \"b\"", "bus: is not a key of the configuration"),
        ("", "access_key_secret: is missing"),
    ] {
        let found = problems(&given(&format!("[sinks.eventbridge.default]\n{toml}")));
        let expected = format!("sinks.eventbridge.default.{text}");
        assert!(found.iter().any(|problem| problem.starts_with(&expected)), "{found:?}");
    }
}

#[test]
fn a_remote_function_needs_its_instance() {
    let remote = |url: &str| format!("[functions.far]\nurl = \"{url}\"\n");
    assert!(problem(&remote("fc://other/f")).contains("there is no sinks.fc.other"));
    assert!(problem(&remote("fc://other")).contains("must be fc://<instance>/<function>"));
    let config =
        Config::load(&given(&format!("{}{REMOTE}\"s\"", remote("fc://default/f/prod")))).unwrap();
    assert_eq!(config.functions[0].change.url.as_deref(), Some("fc://default/f/prod"));
    let http = format!("{}kind = \"http\"\n{REMOTE}\"s\"", remote("fc://default/f"));
    assert!(problem(&http).contains("an HTTP function cannot be one of a remote"), "{http}");
}

#[test]
fn a_function_has_to_have_a_name_and_a_url() {
    assert!(problem("[functions.a]").starts_with("functions.a.url: is missing"));
    let text = problem(&format!("[functions.\"1 a\"]\nurl = \"{URL}\""));
    assert!(text.starts_with("functions.1 a: functionName must be"), "{text}");
}
