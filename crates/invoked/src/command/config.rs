//! `invoked config check`, `invoked config show` and `invoked config reference`.

use anyhow::Context as _;
use serde_json::json;

use crate::cli::{ConfigArgs, ConfigCommand, Files, Output};
use crate::config::{Config, Environment, Sources, reference};
use crate::failure::Failure;
use crate::print;

/// Judges or shows a configuration, or prints the reference of all settings.
///
/// # Errors
/// The configuration is wrong.
pub(crate) fn run(
    args: ConfigArgs,
    environment: Environment,
    output: Output,
) -> Result<(), Failure> {
    match args.command {
        ConfigCommand::Check(files) => {
            Config::load(&sources(files, environment))?;
            print::line(&match output {
                Output::Text => "the configuration is good".to_owned(),
                Output::Json => json!({ "code": 0, "problems": [] }).to_string(),
            });
        }
        ConfigCommand::Show(files) => {
            let (_, effective) = Config::check(&sources(files, environment))?;
            let text = match output {
                Output::Text => toml::to_string(&effective.table).context("cannot write TOML")?,
                Output::Json => json!(effective.table).to_string(),
            };
            print::line(text.trim_end());
        }
        ConfigCommand::Reference => {
            let text = reference();
            print::line(&match output {
                Output::Text => text.trim_end().to_owned(),
                Output::Json => json!({ "markdown": text }).to_string(),
            });
        }
    }
    Ok(())
}

fn sources(files: Files, environment: Environment) -> Sources {
    Sources { files: files.files, environment, ..Sources::default() }
}
