//! Where spans go, and how many.

use std::collections::HashMap;
use std::time::Duration;

use invoked_http::{Endpoint, Scheme};
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;

/// The path of a collector that takes spans. OTLP specification, "OTLP/HTTP Request".
const PATH: &str = "/v1/traces";

/// Where spans go, and how many.
#[derive(Clone, Debug)]
pub struct Config {
    /// The collector; `/v1/traces` is added to its path.
    pub endpoint: Endpoint,
    /// Headers of every request, such as those that a collector knows its clients by.
    pub headers: HashMap<String, String>,
    /// Traces that are begun here and recorded, of all, 0 to 1. Of a caller's trace, the caller decides.
    pub sample_ratio: f64,
    /// How long one batch may take.
    pub timeout: Duration,
    /// Spans that may wait.
    pub queue_max: usize,
    /// Who tells: `service.version` and `service.instance.id`.
    pub version: &'static str,
    /// Which of several daemons.
    pub instance: String,
    /// Where the dice begin.
    pub seed: u64,
}

impl Config {
    pub(crate) fn url(&self) -> String {
        let scheme = match self.endpoint.scheme() {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let path = self.endpoint.path().trim_end_matches('/');
        format!("{scheme}://{}{path}{PATH}", self.endpoint.authority())
    }

    pub(crate) fn resource(&self) -> Resource {
        Resource::builder()
            .with_service_name("invoked")
            .with_attribute(KeyValue::new("service.version", self.version))
            .with_attribute(KeyValue::new("service.instance.id", self.instance.clone()))
            .build()
    }
}
