//! The clients, and how each of their scenarios is started.

use std::path::Path;
use std::process::Command;

use invoked_tests::tools;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    Python2023,
    Python2021,
    Python2016,
    Node2023,
    Node2021,
    Node2016,
    Terraform,
    Go,
}

impl Client {
    pub const ALL: [Self; 8] = [
        Self::Python2023,
        Self::Python2021,
        Self::Python2016,
        Self::Node2023,
        Self::Node2021,
        Self::Node2016,
        Self::Terraform,
        Self::Go,
    ];

    /// Its scenario, not yet told where the daemon is.
    pub fn scenario(self) -> Command {
        match self {
            Self::Python2023 => python("fc20230330"),
            Self::Python2021 => python("fc_open20210406"),
            Self::Python2016 => python("aliyun_fc2"),
            Self::Node2023 => node("fc20230330.js"),
            Self::Node2021 => node("fc-open20210406.js"),
            Self::Node2016 => node("fc2.js"),
            Self::Terraform => python("terraform"),
            Self::Go => Command::new(tools::go_scenario()),
        }
    }
}

fn python(module: &str) -> Command {
    let mut command = Command::new(tools::python());
    command
        .args(["-m", module])
        .env("PYTHONPATH", conformance("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn node(script: &str) -> Command {
    let mut command = Command::new(tools::node());
    command
        .arg(Path::new(&conformance("node")).join(script))
        .env("NODE_PATH", tools::node_modules());
    command
}

fn conformance(language: &str) -> std::path::PathBuf {
    tools::root().join("tests/conformance").join(language)
}
