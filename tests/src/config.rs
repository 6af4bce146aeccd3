//! The daemon's configuration, as text that a test can change anywhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

pub const ACCOUNT: &str = "1234567890";
pub const REGION: &str = "cn-hangzhou";

/// Sections with their keys. Strings, integers and booleans are written alike in JSON and TOML.
#[derive(Debug, Clone)]
pub struct Config {
    sections: BTreeMap<String, BTreeMap<String, Value>>,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl Config {
    /// An account, and waits that suit a test.
    #[must_use]
    pub fn new() -> Self {
        Self { sections: BTreeMap::new() }
            .set("account", "id", ACCOUNT)
            .set("account", "region", REGION)
            .set("dispatch", "retry_initial_interval", "50ms")
            .set("callback", "initial_interval", "50ms")
    }

    #[must_use]
    pub fn set(mut self, section: &str, key: &str, value: impl Into<Value>) -> Self {
        self.sections.entry(section.to_owned()).or_default().insert(key.to_owned(), value.into());
        self
    }

    /// The same where the test has not said anything yet.
    #[must_use]
    pub fn or(mut self, section: &str, key: &str, value: impl Into<Value>) -> Self {
        self.sections
            .entry(section.to_owned())
            .or_default()
            .entry(key.to_owned())
            .or_insert_with(|| value.into());
        self
    }

    /// An event function behind `url`.
    #[must_use]
    pub fn function(self, name: &str, url: &str) -> Self {
        self.set(&format!("functions.{name}"), "url", url)
    }

    /// One key of the function's own section.
    #[must_use]
    pub fn of_function(self, name: &str, key: &str, value: impl Into<Value>) -> Self {
        self.set(&format!("functions.{name}"), key, value)
    }

    /// One key of what seeds the function's async invoke config.
    #[must_use]
    pub fn of_async(self, name: &str, key: &str, value: impl Into<Value>) -> Self {
        self.set(&format!("functions.{name}.async"), key, value)
    }

    /// Both destinations of one function are another function of this daemon.
    #[must_use]
    pub fn tells(self, name: &str, destination: &str) -> Self {
        let arn = format!("acs:fc:::functions/{destination}");
        self.of_async(name, "on_success", arn.as_str()).of_async(name, "on_failure", arn.as_str())
    }

    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (section, keys) in &self.sections {
            writeln!(text, "[{section}]").expect("a string takes everything");
            for (key, value) in keys {
                writeln!(text, "{key} = {value}").expect("a string takes everything");
            }
        }
        text
    }
}
