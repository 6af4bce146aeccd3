//! What the daemon finds wrong with the machine, and what it says to do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::disk::SmallDisk;
use invoked_tests::{poll, ports};

#[test]
fn who_has_the_store_is_named() {
    let first = Site::new(Config::new());
    let daemon = first.start();
    let store = first.store().to_string_lossy().into_owned();
    let second = Site::new(Config::new().set("store", "path", store.as_str()));
    let (code, said) = second.serve_refused();
    assert_eq!(code, Some(1), "{said}");
    let holder = format!("process {} (invoked)", daemon.pid());
    assert!(said.contains(&holder) && said.contains("end that first"), "{said}");
}

#[test]
fn a_port_in_use_is_said_with_the_way_to_its_holder() {
    let taken = std::net::TcpListener::bind(ports::free()).expect("a free port");
    let address = taken.local_addr().expect("an address");
    let site = Site::new(Config::new().set("admin", "listen", address.to_string()));
    let (code, said) = site.serve_refused();
    assert_eq!(code, Some(1), "{said}");
    let command = format!("ss -ltnp 'sport = :{}'", address.port());
    assert!(
        said.contains(&format!("{address} (admin.listen)")) && said.contains(&command),
        "{said}"
    );
    assert!(!site.store().exists(), "the store was not touched");
}

#[test]
fn a_file_in_the_place_of_the_store_ends_the_start() {
    let site = Site::new(Config::new());
    fs::write(site.store(), "").expect("a file");
    let (code, said) = site.serve_refused();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("store.path") && said.contains("is not a directory"), "{said}");
}

#[test]
fn a_store_from_the_future_ends_the_start_and_the_way_out_works() {
    let site = Site::new(Config::new());
    site.start().stop();
    let file = fs::File::open(site.store().join("lock")).expect("a file of the store");
    let later = SystemTime::now() + Duration::from_secs(3 * 86_400);
    file.set_modified(later).expect("another time");
    let (code, said) = site.serve_refused();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the clock says") && said.contains("timedatectl set-ntp true"), "{said}");

    file.set_modified(SystemTime::now()).expect("touched");
    site.start().stop();
}

#[test]
fn little_room_is_a_warning_or_the_end() {
    let disk = SmallDisk::new();
    let mib = disk.size() >> 20;
    let leaving =
        |mib: u64| disk.holds(Config::new()).set("store", "free_min", format!("{mib}MiB"));
    let site = Site::new(leaving(mib * 9));
    let (code, said) = site.refused(disk.command(&site));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("nothing is written") && said.contains("lower store.free_min"), "{said}");

    site.configure(leaving(mib * 2));
    let daemon = site.start_unready_as(disk.command(&site));
    // Signals are listened for by then. It is not ready to take anything, for want of room.
    poll::soon("it serves", || site.said().contains("\"message\":\"ready\""));
    assert!(site.said().contains("are refused until there is more"), "{}", site.said());
    daemon.stop();
}

#[test]
fn rights_of_others_are_a_warning_and_taken_away() {
    let site = Site::new(Config::new());
    fs::create_dir(site.store()).expect("a directory");
    fs::set_permissions(site.store(), fs::Permissions::from_mode(0o777)).expect("a mode");
    let daemon = site.start();
    assert!(site.said().contains("others could write to"), "{}", site.said());
    let mode = fs::metadata(site.store()).expect("the store").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    daemon.stop();
}

#[test]
fn few_descriptors_are_a_warning_or_the_end() {
    let site = Site::new(Config::new());
    let limited = |files: &str| {
        let mut command = std::process::Command::new("sh");
        let script = format!("ulimit -n {files}; exec \"$0\" serve --config \"$1\"");
        command.args(["-c", &script]).arg(invoked_tests::tools::daemon());
        command
    };
    let (code, said) = site.refused(limited("200"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("may open 200 files") && said.contains("at least 256"), "{said}");

    let daemon = site.start_as(limited("1000"));
    assert!(site.said().contains("may open 1000 files"), "{}", site.said());
    daemon.stop();
}
