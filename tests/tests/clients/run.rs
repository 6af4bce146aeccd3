//! One run of a client's scenario, and what it said it covered.

use std::process::Stdio;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::client::Client;
use crate::site::Bed;

/// How one operation ended for one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The package's name.
    pub client: String,
    pub version: String,
    pub operation: String,
    pub end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Served,
    /// With the code of the refusal.
    Refused(String),
}

impl Line {
    /// `COVERED <client> <version> <operation> ok|refused:<why>`; `None` where the line says something else.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("COVERED ")?.split(' ').map(str::to_owned);
        let (client, version, operation) = (words.next()?, words.next()?, words.next()?);
        let end = words.next()?;
        let end = match end.strip_prefix("refused:") {
            Some(code) => End::Refused(code.to_owned()),
            None => (end == "ok").then_some(End::Served)?,
        };
        words.next().is_none().then_some(Self { client, version, operation, end })
    }

    pub fn json(&self) -> Value {
        let refused = match &self.end {
            End::Served => Value::Null,
            End::Refused(code) => code.as_str().into(),
        };
        json!({
            "client": self.client,
            "version": self.version,
            "operation": self.operation,
            "refused": refused,
        })
    }
}

/// Runs the scenario, once in this process; panics with what it said if it is not content.
pub fn covered(client: Client) -> Vec<Line> {
    static RUNS: [OnceLock<Result<Vec<Line>, String>>; Client::ALL.len()] =
        [const { OnceLock::new() }; Client::ALL.len()];
    let place = Client::ALL.iter().position(|&one| one == client).expect("ALL has them all");
    let run = RUNS[place].get_or_init(|| run(client));
    run.clone().unwrap_or_else(|said| panic!("{client:?} is not content:\n{said}"))
}

fn run(client: Client) -> Result<Vec<Line>, String> {
    let bed = Bed::new();
    let _daemon = bed.start();
    let mut scenario = client.scenario();
    let output = bed.tell(&mut scenario).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot start {scenario:?}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<_> = said.lines().filter_map(Line::parse).collect();
    if !output.status.success() || lines.is_empty() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}\n{said}\n{errors}", output.status));
    }
    Ok(lines)
}

#[test]
fn a_line_is_read_as_it_is_meant_or_not_at_all() {
    let line = |end| Line {
        client: "sdk".to_owned(),
        version: "2023-03-30".to_owned(),
        operation: "GetFunction".to_owned(),
        end,
    };
    let read = |end: &str| Line::parse(&format!("COVERED sdk 2023-03-30 GetFunction {end}"));
    assert_eq!(read("ok"), Some(line(End::Served)));
    assert_eq!(read("refused:NotFound"), Some(line(End::Refused("NotFound".to_owned()))));
    for other in ["", "ok and more", "failed"] {
        assert_eq!(read(other), None, "{other}");
    }
}
