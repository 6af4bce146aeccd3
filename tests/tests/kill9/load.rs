//! Clients that keep sending, whatever happens to the daemon, and note what they know of every request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use invoked_tests::api::{request_id, stop_task};
use invoked_tests::http::Connection;
use invoked_tests::oracle::{Answer, Ledger, Sent};
use invoked_tests::poll;
use invoked_tests::rng::Rng;

use crate::mix::Job;

/// The load waits while the callbacks are further behind than this.
const BEHIND_MAX: usize = 5_000;

pub struct Load {
    api: SocketAddr,
    ledger: Arc<Ledger>,
    next_key: AtomicU64,
    stopping: AtomicBool,
}

/// Ends the clients when it goes out of scope.
pub struct StopOnDrop<'load>(&'load AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Load {
    pub fn new(api: SocketAddr, ledger: Arc<Ledger>) -> Self {
        Self { api, ledger, next_key: AtomicU64::new(1), stopping: AtomicBool::new(false) }
    }

    pub fn stop_on_drop(&self) -> StopOnDrop<'_> {
        StopOnDrop(&self.stopping)
    }

    /// Sends until it is told to stop.
    pub fn client(&self, mut rng: Rng) {
        let mut connection = None;
        while !self.stopping() {
            if self.ledger.behind() > BEHIND_MAX {
                poll::pause();
                continue;
            }
            let job = Job::choose(self.next_key.fetch_add(1, Ordering::Relaxed), &mut rng);
            if let Some(answer) = self.deliver(&job, &mut connection) {
                let Job { key, function, task, .. } = job;
                self.ledger.note_sent(Sent { key, function, task, answer });
            }
        }
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Sends one request. `None`: it certainly was not accepted.
    ///
    /// A plain invocation in doubt stays in doubt, since sending it again would make a second one. A task id makes
    /// sending again safe, so a task is sent until there is an answer.
    fn deliver(&self, job: &Job, connection: &mut Option<Connection>) -> Option<Answer> {
        let mut in_doubt = false;
        loop {
            let Some(open) = self.open(connection) else {
                return in_doubt.then_some(Answer::InDoubt);
            };
            let Ok(response) = open.send(&job.request()) else {
                *connection = None;
                in_doubt = true;
                if job.task.is_none() {
                    return Some(Answer::InDoubt);
                }
                continue;
            };
            match response.status() {
                202 => {
                    let answer = Answer::Accepted { request_id: request_id(&response) };
                    self.stop(job, connection);
                    return Some(answer);
                }
                409 if in_doubt => return Some(Answer::Duplicate),
                // Admission control; the request is not stored.
                429 | 503 => {
                    poll::pause();
                    return in_doubt.then_some(Answer::InDoubt);
                }
                status => panic!("{status} to a request in order: {}", response.text()),
            }
        }
    }

    /// The open connection, or a new one as soon as the daemon is there again.
    fn open<'slot>(
        &self,
        connection: &'slot mut Option<Connection>,
    ) -> Option<&'slot mut Connection> {
        while connection.is_none() && !self.stopping() {
            *connection = Connection::open(self.api).ok();
            if connection.is_none() {
                poll::pause();
            }
        }
        connection.as_mut()
    }

    /// Asks for some tasks to be stopped; whether that came in time is up to the daemon's own record.
    fn stop(&self, job: &Job, connection: &mut Option<Connection>) {
        let (true, Some(task), Some(open)) = (job.stops, &job.task, connection.as_mut()) else {
            return;
        };
        match open.send(&stop_task(job.function, task)) {
            // 400: it had finished.
            Ok(response) => {
                assert!(matches!(response.status(), 200 | 204 | 400 | 503), "{}", response.text())
            }
            Err(_) => *connection = None,
        }
    }
}
