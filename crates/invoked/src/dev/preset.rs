//! The configuration of the playground, as layers of the ordinary one: what it brings lies below the
//! environment, what its flags say above.

use std::path::Path;

use toml::{Table, Value};

use crate::dev::functions::{AUDIT, DemoFunctions, FUNCTIONS};

/// The layer below the environment: the demo functions, and a log that leaves the walk readable.
pub(crate) fn below(demo: &DemoFunctions) -> String {
    let mut functions = Table::new();
    for (name, _) in FUNCTIONS {
        let mut function = table([("url", demo.url(name).into())]);
        if name != AUDIT {
            let audit = format!("acs:fc:::functions/{AUDIT}");
            let told = table([
                ("on_success", audit.as_str().into()),
                ("on_failure", audit.as_str().into()),
            ]);
            function.insert("async".to_owned(), told.into());
        }
        functions.insert(name.to_owned(), function.into());
    }
    let telemetry = table([("log_level", "warn".into())]);
    table([("functions", functions.into()), ("telemetry", telemetry.into())]).to_string()
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
