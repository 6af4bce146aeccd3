//! A list of steps that are all run, even after one of them failed, so that one run reports everything.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

#[derive(Default)]
pub struct Steps {
    done: Vec<Step>,
}

struct Step {
    name: &'static str,
    took: Duration,
    failure: Option<String>,
}

impl Steps {
    pub fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) {
        eprintln!("\n== {name}");
        let started = Instant::now();
        let failure = work().err().map(|error| format!("{error:#}"));
        if let Some(failure) = &failure {
            eprintln!("== {name} failed: {failure}");
        }
        self.done.push(Step { name, took: started.elapsed(), failure });
    }

    /// Prints one line per step; an error if any of them failed.
    pub fn report(self) -> Result<()> {
        eprintln!();
        for Step { name, took, failure } in &self.done {
            let verdict = if failure.is_none() { "ok" } else { "FAILED" };
            eprintln!("{verdict:>8} {:>6.1}s  {name}", took.as_secs_f64());
        }
        let failed: Vec<_> =
            self.done.iter().filter(|step| step.failure.is_some()).map(|step| step.name).collect();
        if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::Steps;

    #[test]
    fn a_failed_step_does_not_stop_the_next_and_fails_the_run() {
        let mut steps = Steps::default();
        let mut ran = false;
        steps.step("first", || Err(anyhow!("no")));
        steps.step("second", || {
            ran = true;
            Ok(())
        });
        assert!(ran);
        assert_eq!(steps.report().unwrap_err().to_string(), "failed: first");
    }
}
