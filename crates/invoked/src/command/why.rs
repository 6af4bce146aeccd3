//! `invoked why`: what an invocation, a function or a destination waits for, through the admin listener.

use http::Method;
use serde_json::Value;

use super::client;
use crate::cli::Output;
use crate::cli::why::WhyArgs;
use crate::client::Admin;
use crate::config::Environment;
use crate::failure::Failure;
use crate::print::record::plain;
use crate::print::{self, record};

/// Asks, and says the reason first.
///
/// # Errors
/// There is no such thing, or there is no answer.
pub(crate) fn run(
    args: &WhyArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    client::run(async {
        let admin = Admin::new(&args.admin, environment)?;
        let destination = [("destination", args.destination.clone())];
        let qualifier = [("qualifier", args.qualifier.clone())];
        let (segments, parameters): (Vec<&str>, &[_]) =
            match (&args.id, &args.function, &args.destination) {
                (Some(id), Some(function), _) => (vec!["tasks", function, id, "why"], &[]),
                (Some(id), None, _) => (vec!["invocations", id, "why"], &[]),
                (None, Some(function), _) => (vec!["functions", function, "why"], &qualifier),
                (None, None, _) => (vec!["destinations", "why"], &destination),
            };
        let told = admin.call(Method::GET, &segments, parameters, None).await?.body;
        match output {
            Output::Json => print::document(&told, output),
            Output::Text => print::line(&explained(told)),
        }
        Ok(())
    })
}

/// The reason and what would change it, then the figures, then those of the lane.
fn explained(mut told: Value) -> String {
    let mut taken =
        |key: &str| told.as_object_mut().and_then(|fields| fields.remove(key)).unwrap_or_default();
    let (reason, message, advice) = (taken("reason"), taken("message"), taken("advice"));
    let lane = taken("lane");
    let text = |value: &Value| print::harmless(&plain(Some(value)));
    let mut parts = vec![format!("{}: {}\n{}", text(&reason), text(&message), text(&advice))];
    parts.extend([&told, &lane].into_iter().filter(|part| part.is_object()).map(record::lines));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_reason_comes_first_and_the_lane_last() {
        let told = json!({
            "reason": "Rate", "message": "as many have started", "advice": "raise it",
            "before": 3, "lane": {"function": "f", "rate": 5},
        });
        let text = explained(told);
        let parts: Vec<_> = text.split("\n\n").collect();
        assert_eq!(parts[0], "Rate: as many have started\nraise it");
        assert!(parts[1].starts_with("before"), "{text}");
        assert!(parts[2].contains("rate"), "{text}");
        let idle = json!({"reason": "Nothing", "message": "m", "advice": "a", "lane": null});
        assert_eq!(explained(idle), "Nothing: m\na", "no empty record");
    }
}
