//! Clients that are not ours: `tests/sinks/python/broker.py` with `pika` and `confluent-kafka`.

use std::process::Command;

use invoked_tests::tools::{root, sinks_python};
use serde_json::Value;

use crate::rig::Arrived;

/// Runs the program; each line that it prints is a JSON document.
pub fn python(arguments: &[&str]) -> Vec<Value> {
    let mut command = Command::new(sinks_python());
    command.arg(root().join("tests/sinks/python/broker.py")).args(arguments);
    documents(&mut command)
}

/// Runs any program that prints so.
pub fn documents(command: &mut Command) -> Vec<Value> {
    let output = command.output().expect("Python starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What it has read.
pub fn read(arguments: &[&str]) -> Vec<Arrived> {
    python(arguments).into_iter().map(Arrived::read).collect()
}

/// What any program has read that prints so.
pub fn arrived(command: &mut Command) -> Vec<Arrived> {
    documents(command).into_iter().map(Arrived::read).collect()
}

impl Arrived {
    /// From what the programs print of a message.
    pub fn read(message: Value) -> Self {
        Self {
            id: message["id"].as_str().unwrap_or_default().to_owned(),
            body: message["body"].as_str().expect("a text").as_bytes().to_vec(),
            tag: message["tag"].as_str().map(str::to_owned),
            traceparent: message["traceparent"].as_str().map(str::to_owned),
        }
    }
}
