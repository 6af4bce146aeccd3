//! Kill -9 under load, with an outside oracle.
//!
//! Clients keep sending while the daemon is killed at random points, under load and in the middle of recovery, and
//! started again on the same directory. At the end the backlog drains and [`invoked_tests::oracle`] judges.
//! `KILL9_ROUNDS` (5) says how often it is killed, `KILL9_SEED` repeats the choices of a run.

mod bodies;
mod load;
mod mix;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use invoked_tests::api::get_task;
use invoked_tests::daemon::{Daemon, Site, said};
use invoked_tests::function::FunctionServer;
use invoked_tests::oracle::{Answer, Evidence, Ledger, Run, Sent, Told, judge};
use invoked_tests::poll;
use invoked_tests::rng::Rng;

use crate::load::Load;

const CLIENTS: u64 = 8;

/// How many more requests are sent before a kill under load: at least, and at most so many more.
const REQUESTS_MIN: u64 = 50;
const REQUESTS_SPREAD: u64 = 1_500;

#[test]
fn nothing_accepted_is_lost_and_nothing_is_counted_twice() {
    let rounds = number("KILL9_ROUNDS").unwrap_or(5);
    let seed = number("KILL9_SEED").unwrap_or_else(|| {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
    });
    println!("KILL9_ROUNDS={rounds} KILL9_SEED={seed}");
    let started = Instant::now();

    let ledger = Arc::new(Ledger::new(mix::owing()));
    let (runs, told) = (Arc::clone(&ledger), Arc::clone(&ledger));
    let work = FunctionServer::observed(move |call| runs.note_run(Run::of(call)));
    let audit = FunctionServer::observed(move |call| told.note_told(Told::of(call)));
    let site = Site::new(mix::config(&work, &audit));

    let mut rng = Rng::new(seed);
    let load = Load::new(site.api, Arc::clone(&ledger));
    // Every client has ended when this is over, so that what follows is all there is.
    let daemon = thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let client = Rng::new(rng.word());
            scope.spawn(|| load.client(client));
        }
        // Also when a round panics: the clients must end for the scope to end.
        let _stop = load.stop_on_drop();
        let mut settled = 0;
        for round in 1..=rounds {
            settled = kill_once(&site, &ledger, &mut rng, round, settled);
        }
        stop_at_once(&site, &ledger);
        site.start()
    });
    let drained = drain(&daemon, &ledger, rounds);
    assert!(drained || ledger.behind() > 0, "everything was told, but the backlog is not empty");
    let evidence = gather(&daemon, &ledger);

    let in_doubt = evidence.sent.iter().filter(|sent| sent.answer == Answer::InDoubt).count();
    println!(
        "{rounds} kills, {} requests ({in_doubt} in doubt), {} attempts, {} callbacks in {:?}",
        evidence.sent.len(),
        evidence.runs.len(),
        evidence.told.len(),
        started.elapsed()
    );
    let broken = judge(&evidence);
    let shown = broken.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(broken.is_empty(), "{} broken promises with KILL9_SEED={seed}:\n{shown}", broken.len());

    daemon.stop();
    verify(&site);
    let counted = site.start().metrics().callbacks_settled();
    assert_eq!(counted, evidence.settled, "a clean restart changes no count");
}

/// One life of the daemon, and its end. Returns the callbacks it had counted when last asked.
fn kill_once(site: &Site, ledger: &Ledger, rng: &mut Rng, round: u64, settled_before: u64) -> u64 {
    if rng.below(4) == 0 {
        // Somewhere in the middle of recovery, or just after it.
        let daemon = site.start_unready();
        poll::came_true(Duration::from_millis(rng.below(200)), || false);
        daemon.kill();
        println!("round {round}: killed during recovery");
        return settled_before;
    }
    let daemon = site.start();
    let enough = ledger.sent_count() as u64 + REQUESTS_MIN + rng.below(REQUESTS_SPREAD);
    poll::until("the load goes on", Duration::from_secs(60), || {
        (ledger.sent_count() as u64 >= enough).then_some(())
    });
    let settled = daemon.metrics().callbacks_settled();
    daemon.kill();
    if round.is_multiple_of(2) {
        verify(site);
    }
    assert!(settled >= settled_before, "counted callbacks went from {settled_before} to {settled}");
    println!(
        "round {round}: killed under load, {settled} callbacks settled, {} behind",
        ledger.behind()
    );
    settled
}

/// One life of the daemon under load, and two signals: the second does not wait for what the first began.
fn stop_at_once(site: &Site, ledger: &Ledger) {
    let daemon = site.start();
    let enough = ledger.sent_count() as u64 + REQUESTS_MIN;
    poll::until("the load goes on", Duration::from_secs(60), || {
        (ledger.sent_count() as u64 >= enough).then_some(())
    });
    daemon.terminate();
    // Signals that are closer together than a quarter of a second are one.
    thread::sleep(Duration::from_millis(300));
    daemon.terminate();
    let status = daemon.exit(poll::SOON);
    println!("stopped by two signals: {status}, {} behind", ledger.behind());
}

/// What a kill leaves is whole: every byte, every row and every count.
fn verify(site: &Site) {
    let store = site.store();
    let output = site.run(&["store", "verify", "--path", store.to_str().expect("a path of ours")]);
    assert!(output.status.success(), "{}", said(&output));
}

/// Whether all work ended in time. If not, the judge says what is missing.
fn drain(daemon: &Daemon, ledger: &Ledger, rounds: u64) -> bool {
    let within = Duration::from_secs(60 + 2 * rounds);
    poll::came_true(within, || ledger.behind() == 0 && daemon.metrics().backlog() == 0)
}

fn gather(daemon: &Daemon, ledger: &Ledger) -> Evidence {
    let settled = daemon.metrics().callbacks_settled();
    let (sent, runs, told) = (ledger.sent(), ledger.runs(), ledger.told());
    let ran: BTreeSet<_> = runs.iter().map(|run| run.key).collect();
    let never_ran = sent.iter().filter(|sent| !ran.contains(&sent.key));
    let records: BTreeMap<_, _> =
        never_ran.filter_map(|sent| Some((sent.key, record(daemon, sent)?))).collect();
    Evidence { sent, runs, told, owing: mix::owing(), settled, records }
}

/// The status that the daemon itself keeps of a task.
fn record(daemon: &Daemon, sent: &Sent) -> Option<String> {
    let response = daemon.send(&get_task(sent.function, sent.task.as_deref()?));
    (response.status() == 200).then(|| response.json()["status"].as_str().map(str::to_owned))?
}

fn number(variable: &str) -> Option<u64> {
    let given = std::env::var(variable).ok()?;
    Some(given.parse().unwrap_or_else(|_| panic!("{variable} is no number: {given:?}")))
}
