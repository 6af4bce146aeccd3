//! Backups as an operator takes them: under load, restored elsewhere, and what is refused.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::daemon::{Site, said, stdout};
use invoked_tests::function::FunctionServer;
use invoked_tests::poll;
use serde_json::{Value, json};

const CLIENTS: usize = 4;
/// Invocations that are there before the backup begins.
const BEFORE: usize = 300;

/// In which a restored daemon runs them.
const WITHIN: Duration = Duration::from_secs(60);

/// A daemon whose one function holds the first call, so that all others wait.
fn site(function: &FunctionServer) -> Site {
    let config = Config::new().function("hello", &function.url());
    Site::new(config.of_function("hello", "concurrency", 1))
}

/// Runs `invoked store …`; its exit code and its JSON.
fn store(site: &Site, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let output = site.run(&[&["store"], arguments, &["--output", "json"]].concat());
    let document = serde_json::from_str(&stdout(&output)).unwrap_or_default();
    (output.status.code(), document, said(&output))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours")
}

#[test]
fn a_backup_under_load_has_every_202_that_came_before_it() {
    let function = FunctionServer::start();
    let first = site(&function);
    let backups = first.file().with_file_name("backups");
    first.configure(
        Config::new()
            .function("hello", &function.url())
            .of_function("hello", "concurrency", 1)
            .set("store", "backup_path", text(&backups)),
    );
    let daemon = first.start();
    let (answered, is_over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let admin = format!("http://{}", first.admin);
    let before = thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let held = json!({"plan": ["hold"]});
                while !is_over.load(Ordering::Relaxed) {
                    let id = accepted(&daemon.send(&invoke_async("hello").json(&held)));
                    answered.lock().expect("no client panics").push(id);
                }
            });
        }
        let count = || answered.lock().expect("no client panics").len();
        poll::soon("some are accepted", || count() >= BEFORE);
        let before: BTreeSet<String> =
            answered.lock().expect("no client panics").iter().cloned().collect();
        let taken = store(&first, &["backup", "nightly", "--admin", &admin, "--rate", "4MiB"]);
        let again = store(&first, &["backup", "nightly", "--admin", &admin]);
        let at_its_end = count();
        poll::soon("the load goes on", || count() > at_its_end);
        is_over.store(true, Ordering::Relaxed);
        assert_eq!((taken.0, &taken.1["state"]), (Some(0), &json!("done")), "{}", taken.2);
        assert_eq!(taken.1["path"], text(&backups.join("nightly")));
        assert_eq!(again.0, Some(1));
        assert!(again.2.contains("exists already"), "{}", again.2);
        before
    });
    // The machine is lost.
    daemon.kill();

    let elsewhere = FunctionServer::start();
    elsewhere.release();
    let second = Site::new(Config::new().function("hello", &elsewhere.url()));
    let (backup, target) = (backups.join("nightly"), second.store());
    let (code, restored, said) = store(&second, &["restore", text(&backup), "--to", text(&target)]);
    assert_eq!(code, Some(0), "{said}");
    assert!(restored["live_rows"].as_u64() >= Some(before.len() as u64), "{restored}");
    let (code, verified, said) = store(&second, &["verify", "--path", text(&target)]);
    assert_eq!((code, &verified["wrong"]), (Some(0), &json!(0)), "{said}");
    let (code, _, said) = store(&second, &["restore", text(&backup), "--to", text(&target)]);
    assert!(code == Some(1) && said.contains("is not empty"), "{said}");

    let daemon = second.start();
    let left = || {
        let ran: BTreeSet<_> = elsewhere.calls().into_iter().map(|call| call.request_id).collect();
        before.difference(&ran).count()
    };
    // There are more than those, and other tests run beside this one.
    poll::came_true(WITHIN, || left() == 0);
    assert_eq!(left(), 0, "of {} in {:?}", before.len(), daemon.metrics().backlog());
    daemon.stop();
    let (code, _, said) = store(&second, &["verify", "--path", text(&target)]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_kill_in_the_middle_leaves_nothing_that_looks_like_a_backup() {
    let function = FunctionServer::start();
    let site = site(&function);
    let backups = site.file().with_file_name("backups");
    site.configure(
        Config::new()
            .function("hello", &function.url())
            .of_function("hello", "concurrency", 1)
            .set("store", "backup_path", text(&backups)),
    );
    let daemon = site.start();
    let held = json!({"plan": ["hold"], "filler": "x".repeat(100_000)});
    for _ in 0..30 {
        accepted(&daemon.send(&invoke_async("hello").json(&held)));
    }
    let admin = format!("http://{}", site.admin);
    // A mebibyte takes a quarter of a minute.
    let slow = ["store", "backup", "b", "--admin", &admin, "--rate", "64KiB"];
    let mut command = site.command(&slow).spawn().expect("the program starts");
    let (partial, whole) = (backups.join("b.partial"), backups.join("b"));
    poll::soon("the backup is under way", || partial.join("rows-00001").exists());
    daemon.kill();
    assert_eq!(command.wait().expect("a child of ours").code(), Some(3));
    assert!(partial.exists() && !whole.exists());
    let (code, _, said) = store(&site, &["restore", text(&partial), "--check"]);
    assert!(code == Some(1) && said.contains("no backup that is whole"), "{said}");

    let _daemon = site.start();
    let (code, _, said) = store(&site, &["backup", "b", "--admin", &admin, "--rate", "0"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(whole.exists() && !partial.exists());
    let (code, checked, said) = store(&site, &["restore", text(&whole), "--check"]);
    assert_eq!((code, &checked["live_rows"]), (Some(0), &json!(30)), "{said}");
}

#[test]
fn without_a_place_for_backups_the_daemon_writes_none() {
    let function = FunctionServer::start();
    let site = site(&function);
    let _daemon = site.start();
    let admin = format!("http://{}", site.admin);
    let refused = site.run(&["store", "backup", "nightly", "--admin", &admin]);
    let (code, said) = (refused.status.code(), said(&refused));
    assert!(code == Some(1) && said.contains("store.backup_path is not set"), "{said}");
    let advice = said.split("next: ").nth(1).expect("advice");
    assert!(advice.starts_with("set store.backup_path in the daemon's configuration"), "{said}");
    assert!(advice.contains("`invoked store backup DIRECTORY --config FILE`"), "{said}");
    let (code, _, said) = store(&site, &["backup", "../nightly", "--admin", &admin]);
    assert!(code == Some(1) && said.contains("the name of a backup"), "{said}");
}

/// A stopped daemon's store, with invocations that wait.
fn stopped(function: &FunctionServer) -> Site {
    let site = site(function);
    let daemon = site.start();
    let accept = || accepted(&daemon.send(&invoke_async("hello").json(&json!({"plan": ["hold"]}))));
    accept();
    function.wait_for(1);
    for _ in 1..20 {
        accept();
    }
    // What was accepted last stands in the log alone.
    daemon.kill();
    site
}

#[test]
fn a_store_that_no_daemon_has_open_is_described_and_backed_up() {
    let function = FunctionServer::start();
    let site = stopped(&function);
    let (file, path) = (site.file(), site.store());
    let (code, stat, said) = store(&site, &["stat", "--config", text(&file)]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((&stat["live_rows"], &stat["format"]), (&json!(20), &json!(6)), "{stat}");
    let statuses = stat["rows_by_status"].as_array().expect("a list");
    let rows: u64 = statuses.iter().filter_map(|status| status["rows"].as_u64()).sum();
    assert_eq!(rows, 20, "{stat}");
    assert!(stat["oldest"].is_string(), "{stat}");
    let tables = stat["tables"].as_array().expect("a list");
    let names: BTreeSet<_> = tables.iter().filter_map(|table| table["table"].as_str()).collect();
    assert!(names.is_superset(&["live", "pay", "due", "meta"].into()), "{stat}");

    let (backup, target) = (file.with_file_name("backup"), file.with_file_name("target"));
    let (code, taken, said) =
        store(&site, &["backup", text(&backup), "--path", text(&path), "--rate", "0"]);
    assert_eq!((code, &taken["state"]), (Some(0), &json!("done")), "{said}");
    let (code, checked, said) = store(&site, &["restore", text(&backup), "--check"]);
    assert_eq!((code, &checked["live_rows"]), (Some(0), &json!(20)), "{said}");

    let rows = backup.join("rows-00001");
    let mut bytes = fs::read(&rows).expect("the rows");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&rows, bytes).expect("the rows");
    let (code, _, said) = store(&site, &["restore", text(&backup), "--to", text(&target)]);
    assert!(code == Some(1) && said.contains("rows-00001"), "{said}");
    assert!(!target.exists());
}

#[test]
fn a_daemon_that_has_the_store_is_not_disturbed() {
    let function = FunctionServer::start();
    let site = site(&function);
    let daemon = site.start();
    for command in [&["verify"][..], &["stat"], &["repair", "--accept-loss"]] {
        let path = site.store();
        let (code, _, said) = store(&site, &[command, &["--path", text(&path)]].concat());
        assert!(code == Some(1) && said.contains("in use by another process"), "{said}");
    }
    accepted(&daemon.send(&invoke_async("hello").body("{}")));
    function.wait_for(1);
}

#[test]
fn a_flipped_bit_is_found_and_a_cut_log_is_refused_with_the_way_out() {
    let function = FunctionServer::start();
    let site = stopped(&function);
    let path = site.store();
    let log = path.join("0.wal");
    let whole = fs::read(&log).expect("the log");

    let end = whole.iter().rposition(|byte| *byte != 0).expect("batches");
    let last = end / 4_096 * 4_096;
    let mut flipped = whole.clone();
    flipped[last + 40] ^= 1;
    fs::write(&log, flipped).expect("the log");
    let (code, found, said) = store(&site, &["verify", "--path", text(&path)]);
    assert_eq!((code, &found["wrong"]), (Some(1), &json!(1)), "{said}");
    let (code, said) = site.serve_refused();
    assert_eq!(code, Some(1), "{said}");

    fs::write(&log, &whole[..last - 4_096]).expect("the log");
    let (code, said) = site.serve_refused();
    assert_eq!(code, Some(1), "{said}");
    for part in ["invoked store restore", "invoked store repair --accept-loss", "was acknowledged"]
    {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    let (code, repaired, said) = store(&site, &["repair", "--accept-loss", "--path", text(&path)]);
    assert_eq!(code, Some(0), "{said}");
    assert!(repaired["lost_batches"].as_u64() > Some(1), "{repaired}");
    let (code, _, said) = store(&site, &["verify", "--path", text(&path)]);
    assert_eq!(code, Some(0), "{said}");
    function.release();
    let daemon = site.start();
    daemon.wait_until_idle();
    daemon.stop();
}
