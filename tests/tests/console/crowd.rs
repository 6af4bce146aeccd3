//! Many tasks, for lists that are looked at page by page.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use invoked_tests::api::{TASK_HEADER, accepted, invoke_async};
use invoked_tests::daemon::Site;
use invoked_tests::http::{Connection, Request, send};
use invoked_tests::poll;
use serde_json::{Value, json};

use crate::bed::token;

pub const FUNCTION: &str = "crowd";

/// As many as are accepted in some seconds, and far more than any page may show or the daemon look at for one.
const LIVE: u64 = 60_000;
/// Those that ended before, for the other half of the list.
const ENDED: u64 = 2_000;
/// One in so many of those that end does so badly.
const FAILING: u64 = 20;
/// One in so many has an id that its caller chose.
const NAMED: u64 = 1_000;
/// Connections: what waits on them is made durable together.
const CONNECTIONS: usize = 64;

/// Has so many tasks end, and so many more wait for a function that is paused; says how many.
pub fn gather(site: &Site) -> Vec<(&'static str, String)> {
    let live = std::env::var("INVOKED_CROWD")
        .map_or(LIVE, |text| text.parse().expect("INVOKED_CROWD is a number of tasks"));
    send_all(site, ENDED, |number| {
        let plan = if number % FAILING == 0 { "fail" } else { "ok" };
        invoke_async(FUNCTION).json(&json!({ "plan": [plan] }))
    });
    let counted = || {
        let counts = admin(site, Request::get(format!("/v1/functions/{FUNCTION}/count")));
        (counts["succeeded"].as_u64(), counts["failed"].as_u64())
    };
    let failed = ENDED.div_ceil(FAILING);
    poll::until("the first have ended", poll::SOON, || {
        (counted() == (Some(ENDED - failed), Some(failed))).then_some(())
    });
    admin(site, Request::new("POST", format!("/v1/functions/{FUNCTION}/pause")));
    send_all(site, live, |number| {
        let request = invoke_async(FUNCTION).json(&json!({ "order": number }));
        if number % NAMED == NAMED / 2 {
            return request.header(TASK_HEADER, format!("order-{number}"));
        }
        request
    });
    vec![
        ("CROWD_LIVE", live.to_string()),
        ("CROWD_FAILED", failed.to_string()),
        ("CROWD_NAMED", format!("order-{}", live / 2 / NAMED * NAMED + NAMED / 2)),
    ]
}

/// Sends so many requests; each has its number.
fn send_all(site: &Site, count: u64, request: impl Fn(u64) -> Request + Sync) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut connection = Connection::open(site.api).expect("the daemon is there");
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if count <= number {
                        return;
                    }
                    accepted(&connection.send(&request(number)).expect("an answer"));
                }
            });
        }
    });
}

fn admin(site: &Site, request: Request) -> Value {
    let request = request
        .header("authorization", format!("Bearer {}", token("boss")))
        .header("x-invoked-admin", "1");
    let answer = send(site.admin, &request).expect("the admin listener answers");
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}
