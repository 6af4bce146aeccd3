//! The directory of the embedded store: one owner, and nobody else reads it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::daemon::{Site, tree};
use invoked_tests::function::FunctionServer;

#[test]
fn a_second_daemon_on_the_same_directory_is_refused_and_the_first_goes_on() {
    let function = FunctionServer::start();
    let config = Config::new().function("hello", &function.url());
    let first = Site::new(config.clone());
    let daemon = first.start();

    let store = first.store();
    let second = Site::new(config.set("store", "path", store.to_string_lossy().into_owned()));
    let (code, said) = second.serve_refused();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&*store.to_string_lossy()), "the directory is named: {said}");
    assert!(
        said.contains("another process") || said.contains("in use") || said.contains("lock"),
        "{said}"
    );
    assert!(!said.contains("panicked"), "{said}");

    accepted(&daemon.send(&invoke_async("hello").body("{}")));
    function.wait_for(1);
}

#[test]
fn directories_are_0700_and_files_0600() {
    let function = FunctionServer::start();
    let site = Site::new(Config::new().function("hello", &function.url()));
    let daemon = site.start();
    accepted(&daemon.send(&invoke_async("hello").body("secret")));
    daemon.wait_until_idle();

    let paths = tree(&site.store());
    assert!(paths.iter().any(|path| path.is_file()), "the store has files: {paths:?}");
    for path in paths {
        let metadata = fs::symlink_metadata(&path).expect("an entry of the store");
        let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
        let mode = metadata.permissions().mode() & 0o777;
        assert_eq!(mode, wanted, "{mode:o} on {}", path.display());
    }
}
