//! Kill -9 while bodies of tasks go into packs: each that was accepted is there.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use invoked_tests::api::{DELAY_HEADER, get_task, invoke_async, list_tasks, request_id};
use invoked_tests::config::Config;
use invoked_tests::daemon::{Site, tree};
use invoked_tests::function::FunctionServer;
use invoked_tests::http::Connection;
use invoked_tests::poll;
use serde_json::{Value, json};

use crate::verify;

const CLIENTS: usize = 4;
const KILLS: usize = 4;
/// Accepted before a kill: some 90 MB, more than both files of the log hold before they are used again.
const ACCEPTED: usize = 1_500;

/// The event of the task with this number, of some 60 KB.
fn event(number: usize) -> Value {
    json!({"key": number, "plan": ["ok"], "rest": format!("{number:08}-").repeat(6_700)})
}

/// Those that are being written included.
fn files_of_packs(site: &Site) -> usize {
    tree(&site.store().join("bodies")).iter().filter(|path| path.is_file()).count()
}

/// Sends tasks whose ids the daemon chooses until it is gone. Notes whose is whose.
fn client(site: &Site, accepted: &Mutex<Vec<(String, usize)>>, client: usize, kill: usize) {
    let Ok(mut connection) = Connection::open(site.api) else { return };
    for turn in 0.. {
        let number = (turn * KILLS + kill) * CLIENTS + client;
        let Ok(response) = connection.send(&invoke_async("work").json(&event(number))) else {
            return;
        };
        match response.status() {
            202 => accepted.lock().unwrap().push((request_id(&response), number)),
            429 | 503 => poll::pause(),
            status => panic!("{status}: {}", response.text()),
        }
    }
}

#[test]
fn every_body_that_was_accepted_is_there() {
    let work = FunctionServer::start();
    let config = Config::new().function("work", &work.url()).of_async("work", "async_task", true);
    let site = Site::new(config);
    let accepted = Mutex::new(Vec::new());
    for kill in 0..KILLS {
        let daemon = site.start();
        let before = files_of_packs(&site);
        thread::scope(|scope| {
            for at in 0..CLIENTS {
                let (site, accepted) = (&site, &accepted);
                scope.spawn(move || client(site, accepted, at, kill));
            }
            poll::until("tasks are accepted", Duration::from_secs(60), || {
                (accepted.lock().unwrap().len() >= (kill + 1) * ACCEPTED).then_some(())
            });
            daemon.kill();
        });
        // Not only by the next start.
        assert!(files_of_packs(&site) > before, "{before}");
        verify(&site);
    }

    let daemon = site.start();
    daemon.wait_until_idle();
    for (id, number) in accepted.into_inner().unwrap() {
        let response = daemon.send(&get_task("work", &id));
        assert_eq!(response.status(), 200, "{}", response.text());
        let task = response.json();
        assert_eq!(task["status"], "Succeeded", "{id}");
        let found: Value =
            serde_json::from_str(task["taskPayload"].as_str().expect("a payload")).expect("JSON");
        assert!(found == event(number), "the body of {id}, number {number}");
    }
    daemon.stop();
    verify(&site);
}

#[test]
fn a_body_that_does_not_read_keeps_no_other_task_waiting() {
    const TASKS: usize = 60;
    const DELAY: u32 = 4;
    let work = FunctionServer::start();
    let config = Config::new().function("work", &work.url()).of_async("work", "async_task", true);
    let site = Site::new(config);
    let daemon = site.start();
    let mut ids = Vec::new();
    for number in 0..TASKS {
        let request = invoke_async("work").json(&event(number)).header(DELAY_HEADER, DELAY);
        let response = daemon.send(&request);
        assert_eq!(response.status(), 202, "{}", response.text());
        ids.push(request_id(&response));
    }
    let is_whole = |path: &PathBuf| path.is_file() && path.extension().is_none();
    let packs = || tree(&site.store().join("bodies")).into_iter().filter(is_whole);
    // Whoever lists has the tables brought as far as that.
    assert_eq!(daemon.send(&list_tasks("work")).status(), 200);
    daemon.kill();

    let pack = packs().next().expect("a pack");
    let mut bytes = fs::read(&pack).expect("it reads");
    let last = bytes.iter().rposition(|byte| *byte != 0).expect("a body");
    bytes[last] ^= 1;
    fs::write(&pack, bytes).expect("it is damaged");
    // All are due at once then, and their bodies are wanted at once.
    thread::sleep(Duration::from_secs(DELAY.into()));

    let daemon = site.start();
    let succeeded = |id: &String| {
        let response = daemon.send(&get_task("work", id));
        response.status() == 200 && response.json()["status"] == "Succeeded"
    };
    let all_others = || ids.iter().filter(|id| succeeded(id)).count() == TASKS - 1;
    assert!(poll::came_true(Duration::from_secs(60), all_others), "not all of the others ended");
    assert!(site.said().contains("store_read_failed"), "it is told");
    daemon.kill();
}
