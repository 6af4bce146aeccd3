//! Kill -9 while bodies of tasks go into packs: each that was accepted is there.

use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use invoked_tests::api::{get_task, invoke_async, request_id};
use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;
use invoked_tests::http::Connection;
use invoked_tests::poll;
use serde_json::{Value, json};

use crate::verify;

const CLIENTS: usize = 4;
const KILLS: usize = 4;
/// Accepted before a kill: more than gathers in memory before it goes into packs.
const ACCEPTED: usize = 500;

/// The event of the task with this number, of some 60 KB.
fn event(number: usize) -> Value {
    json!({"key": number, "plan": ["ok"], "rest": format!("{number:08}-").repeat(6_700)})
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
        verify(&site);
    }
    let days = fs::read_dir(site.store().join("bodies")).expect("there are packs");
    assert!(days.count() > 0);

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
