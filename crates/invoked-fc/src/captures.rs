//! The captured requests of `testdata/captures.txt`, for tests.

use crate::sign::Request;

/// The clock of the daemon when the captures were taken: within the skew of all of them.
pub(crate) const NOW: i64 = 1_795_374_900; // 2026-11-22T19:15:00Z

/// The secret of `testid` (and of `STS.testid`).
pub(crate) const SECRET: &str = "testsecret";

pub(crate) struct Capture {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) query: &'static str,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: &'static str,
}

impl Capture {
    pub(crate) fn request(&self) -> Request<'_> {
        Request { method: self.method, path: self.path, query: self.query, headers: &self.headers }
    }
}

/// All captured requests, in the order of the appendix.
pub(crate) fn all() -> Vec<Capture> {
    let text = include_str!("../testdata/captures.txt");
    let captures: Vec<_> = text.split("\n>>> ").skip(1).map(read).collect();
    assert_eq!(captures.len(), 74, "every capture is read");
    captures
}

fn read(block: &'static str) -> Capture {
    let block = block.split("\n```").next().unwrap();
    let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
    let mut lines = head.lines();
    let mut start = lines.next().unwrap().split(' ');
    let method = start.next().unwrap();
    let target = start.next().unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines.map(|line| line.split_once(':').unwrap()).collect();
    Capture { method, path, query, headers, body: body.trim_end_matches('\n') }
}
