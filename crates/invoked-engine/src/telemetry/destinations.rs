//! The two destination metrics: a series for every function, at 0 from the start, whose totals survive a restart.
//!
//! They are written down straight from the store's totals and never pass the recorder: with ten thousand functions that would
//! take it a quarter of a second for each scrape, and it would keep the series of functions that are gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use invoked_core::arn::SinkKind;
use invoked_core::directory::{Directory, Function};
use invoked_core::id::FnId;
use invoked_core::name::Qualifier;
use invoked_core::totals::{Metric, TotalKey};

use super::names::shown;
use crate::handle::Handle;

const SUCCEED: &str = "FunctionDestinationSucceed";
const ERRORS: &str = "FunctionDestinationErrors";
/// The functions that are gone, together.
const DELETED: &str = "_deleted";

type Counts = BTreeMap<(Qualifier, SinkKind), Count>;

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    delivered: u64,
    failed: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.failed += other.failed;
    }
}

/// Both metrics of every function, in Prometheus' text format. To be put behind what the recorder renders.
#[must_use]
pub fn render_destinations(handle: &Handle) -> String {
    let mut counted: BTreeMap<FnId, Counts> = BTreeMap::new();
    handle.each_total(|key, value| count(&mut counted, key, value));
    render(&handle.directory(), counted)
}

fn count(counted: &mut BTreeMap<FnId, Counts>, key: &TotalKey, value: u64) {
    let (kind, told) = match key.metric {
        Metric::CallbackDelivered(kind) => (kind, Count { delivered: value, failed: 0 }),
        Metric::CallbackFailed(kind) => (kind, Count { delivered: 0, failed: value }),
        Metric::Accepted
        | Metric::Ended(_)
        | Metric::Redriven(_)
        | Metric::RedriveDelivered(_)
        | Metric::RedriveFailed(_)
        | Metric::Now(_) => return,
    };
    let counts = counted.entry(key.fn_id).or_default();
    counts.entry((key.qualifier.clone(), kind)).or_default().add(told);
}

fn render(directory: &Directory, mut counted: BTreeMap<FnId, Counts>) -> String {
    let mut text = Text::new();
    for function in directory.iter() {
        let mut counts = counted.remove(&function.id).unwrap_or_default();
        for told in told(function) {
            counts.entry(told).or_default();
        }
        text.series(&shown(directory, function), &counts);
    }
    let mut gone = Counts::new();
    for (told, count) in counted.into_values().flatten() {
        gone.entry(told).or_default().add(count);
    }
    text.series(DELETED, &gone);
    text.succeed + &text.errors
}

/// Whom a function may have to tell; somebody in any case, so that every function has a series.
fn told(function: &Function) -> BTreeSet<(Qualifier, SinkKind)> {
    let configured = function.configs.iter().flat_map(|(qualifier, prepared)| {
        let both = [prepared.terms.on_success.as_ref(), prepared.terms.on_failure.as_ref()];
        both.into_iter().flatten().map(|to| (qualifier.clone(), to.arn.kind()))
    });
    let mut told: BTreeSet<_> = configured.collect();
    if told.is_empty() {
        told.insert((Qualifier::LATEST, SinkKind::Fc));
    }
    told
}

/// The families, which may not be mixed.
struct Text {
    succeed: String,
    errors: String,
}

impl Text {
    fn new() -> Self {
        let head = |name, help| format!("# HELP {name} {help}\n# TYPE {name} counter\n");
        Self {
            succeed: head(SUCCEED, "Callbacks that ended in delivery, once each"),
            errors: head(ERRORS, "Callbacks that were given up, once each"),
        }
    }

    fn series(&mut self, function: &str, counts: &Counts) {
        for ((qualifier, kind), count) in counts {
            let (qualifier, kind) = (qualifier.as_str(), kind.as_str());
            for (name, text, value) in [
                (SUCCEED, &mut self.succeed, count.delivered),
                (ERRORS, &mut self.errors, count.failed),
            ] {
                // Names and qualifiers have no characters that would have to be escaped.
                let _written = writeln!(
                    text,
                    "{name}{{function=\"{function}\",qualifier=\"{qualifier}\",destination=\"{kind}\"}} {value}"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use invoked_core::directory::FunctionKind;
    use invoked_core::envelope::Identity;
    use invoked_core::name::FunctionName;
    use invoked_core::qualifiers::Limits;
    use invoked_core::time::Timestamp;

    use super::*;

    fn function(number: u32, name: &str) -> Arc<Function> {
        Arc::new(Function {
            id: FnId(number),
            account: "1".into(),
            name: FunctionName::parse(name).unwrap(),
            kind: FunctionKind::Event,
            limits: Limits::default(),
            lanes: [].into(),
            paused: false,
            role: None,
            default_retries: 3,
            default_event_age_seconds: 86_400,
            changed_at: Timestamp::MIN,
            configs: [].into(),
        })
    }

    #[test]
    fn every_function_has_a_series_and_those_that_are_gone_share_one() {
        let identity = Identity { region: "r".into(), account: "1".into() };
        let functions = [function(1, "quiet"), function(2, "told")];
        let directory = Directory::new(identity, functions, Arc::default());
        let mut counted = BTreeMap::new();
        let total =
            |fn_id, metric| TotalKey { fn_id: FnId(fn_id), qualifier: Qualifier::LATEST, metric };
        count(&mut counted, &total(2, Metric::CallbackDelivered(SinkKind::Mns)), 7);
        count(&mut counted, &total(2, Metric::CallbackFailed(SinkKind::Mns)), 2);
        count(&mut counted, &total(3, Metric::CallbackFailed(SinkKind::Fc)), 4);
        count(&mut counted, &total(4, Metric::CallbackFailed(SinkKind::Fc)), 1);
        count(&mut counted, &total(2, Metric::Accepted), 99);
        let text = render(&directory, counted);
        let series: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            series,
            [
                r#"FunctionDestinationSucceed{function="quiet",qualifier="LATEST",destination="fc"} 0"#,
                r#"FunctionDestinationSucceed{function="told",qualifier="LATEST",destination="mns"} 7"#,
                r#"FunctionDestinationSucceed{function="told",qualifier="LATEST",destination="fc"} 0"#,
                r#"FunctionDestinationSucceed{function="_deleted",qualifier="LATEST",destination="fc"} 0"#,
                r#"FunctionDestinationErrors{function="quiet",qualifier="LATEST",destination="fc"} 0"#,
                r#"FunctionDestinationErrors{function="told",qualifier="LATEST",destination="mns"} 2"#,
                r#"FunctionDestinationErrors{function="told",qualifier="LATEST",destination="fc"} 0"#,
                r#"FunctionDestinationErrors{function="_deleted",qualifier="LATEST",destination="fc"} 5"#,
            ]
        );
    }
}
