//! Everything that one session of `invoked-load run` measured.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::peer::Description;
use crate::report::Figures;
use crate::server::Kind;

#[derive(Serialize)]
pub struct Session {
    pub quick: bool,
    pub file_system: String,
    pub cores: usize,
    pub concurrency: usize,
    pub repetitions: usize,
    pub servers: BTreeMap<Kind, Description>,
    /// Peers that did not start, or stopped on the way, and why.
    pub failed: BTreeMap<Kind, String>,
    pub steps: Vec<StepResult>,
    pub memory: BTreeMap<Kind, Memory>,
}

#[derive(Serialize)]
pub struct StepResult {
    #[serde(flatten)]
    pub scenario: Scenario,
    /// Every repetition.
    pub samples: BTreeMap<Kind, Vec<Figures>>,
    pub median: BTreeMap<Kind, Figures>,
}

/// What a step is about; with its name it says what the report makes of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    pub name: String,
    pub kind: ScenarioKind,
    pub connections: usize,
    pub payload_bytes: usize,
    /// Invocations a second of an open loop.
    pub rate: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioKind {
    /// As many 202s as there are, for some seconds.
    Accept,
    /// A number of invocations until the function has answered the last.
    EndToEnd,
    /// At a fixed rate, from the intended time.
    Open,
    /// Accept with other sizes.
    Payloads,
}

/// Resident bytes of all programs of a server.
#[derive(Clone, Copy, Default, Serialize)]
pub struct Memory {
    /// Before the first invocation.
    pub idle_bytes: u64,
    pub after_bytes: u64,
    pub peak_bytes: u64,
}

impl Session {
    /// The median of a server in the first step of this kind that `matches`.
    #[must_use]
    pub fn figures(
        &self,
        kind: Kind,
        scenario: ScenarioKind,
        matches: impl Fn(&Scenario) -> bool,
    ) -> Option<&Figures> {
        let mut steps = self.steps.iter();
        let step = steps.find(|step| step.scenario.kind == scenario && matches(&step.scenario))?;
        step.median.get(&kind)
    }

    #[must_use]
    pub fn end_to_end(&self, kind: Kind) -> Option<&Figures> {
        self.figures(kind, ScenarioKind::EndToEnd, |_| true)
    }

    #[must_use]
    pub fn accept_at(&self, kind: Kind, connections: usize) -> Option<&Figures> {
        self.figures(kind, ScenarioKind::Accept, |step| step.connections == connections)
    }

    #[must_use]
    pub fn open_at(&self, kind: Kind, rate: f64) -> Option<&Figures> {
        let same = |other: f64| (other - rate).abs() < 0.5;
        self.figures(kind, ScenarioKind::Open, |step| step.rate.is_some_and(same))
    }
}
