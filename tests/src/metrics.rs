//! What `/metrics` says, in Prometheus' text format.
//!
//! The names that the tests rely on stand here and nowhere else.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::http::{Request, send};

/// Accepted asynchronous invocations, children of callbacks among them.
pub const ACCEPTED: &str = "FunctionEnqueueCount";
/// Invocations that are waiting or running.
pub const BACKLOG: &str = "invoked_backlog";
/// Callbacks that ended in delivery.
pub const DELIVERED: &str = "FunctionDestinationSucceed";
/// Callbacks that ended in failure.
pub const UNDELIVERED: &str = "FunctionDestinationErrors";

#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub samples: Vec<Sample>,
}

impl Metrics {
    #[must_use]
    pub fn scrape(admin: SocketAddr) -> Self {
        Self::try_scrape(admin).unwrap_or_else(|error| panic!("cannot scrape {admin}: {error}"))
    }

    pub fn try_scrape(admin: SocketAddr) -> std::io::Result<Self> {
        let response = send(admin, &Request::get("/metrics"))?;
        assert_eq!(response.status(), 200, "{}", response.text());
        Ok(Self::parse(&response.text()))
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines
            .map(|line| sample(line).unwrap_or_else(|| panic!("not a sample: {line:?}")))
            .collect();
        Self { samples }
    }

    /// The samples of one family, filtered by labels.
    pub fn family<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&str, &str)],
    ) -> impl Iterator<Item = &'a Sample> {
        let carries = |sample: &Sample, (key, value): &(&str, &str)| {
            sample.labels.get(*key).is_some_and(|v| v == value)
        };
        self.samples.iter().filter(move |sample| {
            sample.name == name && labels.iter().all(|label| carries(sample, label))
        })
    }

    /// The sum over a family. Panics if the daemon does not have the family at all: a misspelt name is not a zero.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        assert!(self.family(name, &[]).next().is_some(), "no series of {name} in /metrics");
        let sum: f64 = self.family(name, labels).map(|sample| sample.value).sum();
        assert!(sum >= 0.0 && sum.fract() == 0.0, "{name} is no count: {sum}");
        sum as u64
    }

    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.sum(ACCEPTED, &[])
    }

    #[must_use]
    pub fn backlog(&self) -> u64 {
        self.sum(BACKLOG, &[])
    }

    /// Callbacks that have ended, one way or the other.
    #[must_use]
    pub fn callbacks_settled(&self) -> u64 {
        self.sum(DELIVERED, &[]) + self.sum(UNDELIVERED, &[])
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (name, labels, value) = match line.split_once('{') {
        Some((name, rest)) => {
            let (labels, value) = rest.rsplit_once('}')?;
            (name, pairs(labels)?, value)
        }
        None => {
            let (name, value) = line.split_once(' ')?;
            (name, BTreeMap::new(), value)
        }
    };
    // A timestamp may follow the value.
    let value = value.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

fn pairs(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut pairs = BTreeMap::new();
    while !text.is_empty() {
        let (key, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut letters = rest.char_indices();
        let end = loop {
            match letters.next()? {
                (end, '"') => break end,
                (_, '\\') => value.push(match letters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, letter) => value.push(letter),
            }
        };
        pairs.insert(key.trim_start_matches(',').trim().to_owned(), value);
        text = rest.get(end + 1..)?;
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    const PAGE: &str = r#"
# HELP FunctionDestinationSucceed delivered callbacks
# TYPE FunctionDestinationSucceed counter
FunctionDestinationSucceed{function="a",qualifier="LATEST",destination="fc"} 3
FunctionDestinationSucceed{function="b, \"quoted\"}",qualifier="LATEST",destination="fc"} 4 1700000000000
invoked_backlog 7
"#;

    #[test]
    fn samples_are_read_with_their_labels() {
        let metrics = Metrics::parse(PAGE);
        assert_eq!(metrics.sum("FunctionDestinationSucceed", &[]), 7);
        assert_eq!(metrics.sum("FunctionDestinationSucceed", &[("function", "a")]), 3);
        assert_eq!(metrics.sum("FunctionDestinationSucceed", &[("function", "b, \"quoted\"}")]), 4);
        assert_eq!(metrics.backlog(), 7);
    }

    #[test]
    #[should_panic(expected = "no series of FunctionDestinationSucceeded")]
    fn a_misspelt_name_is_not_a_zero() {
        let _ = Metrics::parse(PAGE).sum("FunctionDestinationSucceeded", &[]);
    }
}
