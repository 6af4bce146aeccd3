//! The configuration of the playground, as layers of the ordinary one: what it brings lies below the
//! environment, what its flags say above.

use std::path::Path;

use toml::{Table, Value};

use crate::dev::doubles::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, Doubles};
use crate::dev::functions::{AUDIT, DemoFunctions, FAIL, FAIL_RETRIES, FUNCTIONS, SLOW};

/// The queue that `fail` tells.
pub(crate) const QUEUE: &str = "failures";

/// The bus that `slow` tells.
const BUS: &str = "results";

/// The layer below the environment: the demo functions, the doubles, and a log that leaves the walk
/// readable.
pub(crate) fn below(demo: &DemoFunctions, doubles: &Doubles) -> String {
    let mut functions = Table::new();
    for (name, _) in FUNCTIONS {
        let mut function = table([("url", demo.url(name).into())]);
        if name != AUDIT {
            let destination = match name {
                FAIL => format!("acs:mns:::/queues/{QUEUE}/messages"),
                SLOW => format!("acs:eventbridge:::eventbus/{BUS}"),
                _ => format!("acs:fc:::functions/{AUDIT}"),
            };
            let mut told = table([
                ("on_success", destination.as_str().into()),
                ("on_failure", destination.as_str().into()),
            ]);
            if name == FAIL {
                told.insert("max_async_retry_attempts".to_owned(), i64::from(FAIL_RETRIES).into());
            }
            function.insert("async".to_owned(), told.into());
        }
        functions.insert(name.to_owned(), function.into());
    }
    let telemetry = table([("log_level", "warn".into())]);
    let sinks = table([
        ("mns", instance(&doubles.mns.url())),
        ("eventbridge", instance(&doubles.eventbridge.url())),
    ]);
    table([
        ("functions", functions.into()),
        ("sinks", sinks.into()),
        ("telemetry", telemetry.into()),
    ])
    .to_string()
}

/// The one instance of a sink.
fn instance(endpoint: &str) -> Value {
    let instance = table([
        ("endpoint", endpoint.into()),
        ("access_key_id", ACCESS_KEY_ID.into()),
        ("access_key_secret", ACCESS_KEY_SECRET.into()),
    ]);
    table([("default", instance.into())]).into()
}

/// The layer above the environment: the developer's own functions, and the directory of the store.
pub(crate) fn above(own: &[(String, String)], store: &Path) -> String {
    let functions: Table = own
        .iter()
        .map(|(name, url)| (name.clone(), table([("url", url.as_str().into())]).into()))
        .collect();
    let store = table([("path", store.display().to_string().into())]);
    table([("functions", functions.into()), ("store", store.into())]).to_string()
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
