//! `invoked store`: a store that no daemon has open, looked at from outside.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use invoked_core::id::ShardId;
use invoked_core::life::Outcome;
use invoked_core::totals::{Gauge, Metric};
use invoked_store::{Audit, Store, audit};
use serde_json::json;

use super::serve;
use crate::cli::Output;
use crate::cli::store::{StoreArgs, StoreCommand, StorePlace};
use crate::config::{Config, Environment, Sources};
use crate::failure::Failure;
use crate::{print, wire};

/// Verifies or describes.
///
/// # Errors
/// There is no store, somebody has it open, it does not read, or a count does not agree with its rows.
pub(crate) fn run(
    args: StoreArgs,
    environment: Environment,
    output: Output,
) -> Result<(), Failure> {
    let (StoreCommand::Verify(place) | StoreCommand::Stat(place)) = &args.command;
    let store = open(place, environment)?;
    serve::keep_files_private();
    let runtime = serve::runtime()?;
    let is_verify = matches!(args.command, StoreCommand::Verify(_));
    let done = runtime.block_on(async {
        let done = match is_verify {
            true => verify(store.as_ref(), output).await,
            false => stat(store.as_ref(), output).await,
        };
        let closed = store.close().await.context("the store does not close");
        done.and_then(|()| Ok(closed?))
    });
    runtime.shutdown_background();
    done
}

fn open(
    place: &StorePlace,
    environment: Environment,
) -> Result<std::sync::Arc<dyn Store>, Failure> {
    let sources = Sources { files: place.files.clone(), environment, ..Sources::default() };
    let mut config = match &place.path {
        // What else is configured does not matter.
        Some(_) => Config::load(&Sources::default())?.store,
        None => Config::load(&sources)?.store,
    };
    if let Some(path) = &place.path {
        config.path.clone_from(path);
    }
    let path = Path::new(&config.path);
    if !path.join("keyspaces").is_dir() {
        let problem = anyhow!("there is no store in {}", path.display());
        return Err(Failure::Failed(problem));
    }
    let shown = path.display().to_string();
    Ok(wire::store(&config).with_context(|| format!("cannot open the store in {shown}"))?)
}

async fn verify(store: &dyn Store, output: Output) -> Result<(), Failure> {
    let Audit { rows, counts, problems, wrong } =
        audit(store).await.context("the store does not read")?;
    match output {
        Output::Json => print::document(
            &json!({ "rows": rows, "counts": counts, "wrong": wrong, "problems": problems }),
            output,
        ),
        Output::Text => {
            for problem in &problems {
                print::line(&print::harmless(problem));
            }
            print::line(&format!("{counts} counts of {rows} live rows, {wrong} wrong"));
        }
    }
    if wrong == 0 {
        return Ok(());
    }
    Err(Failure::Failed(anyhow!("{wrong} of the store's counts are not those of its rows")))
}

async fn stat(store: &dyn Store, output: Output) -> Result<(), Failure> {
    let figures = store.stats().await.context("the store does not answer")?;
    let (mut accepted, mut ended, mut owed) = (0u64, 0u64, 0u64);
    for shard in (0..store.caps().shards).map(ShardId) {
        for total in store.totals(shard).await.context("the store does not answer")? {
            match total.key.metric {
                Metric::Accepted => accepted += total.value,
                Metric::Ended(
                    Outcome::Succeeded
                    | Outcome::Failed
                    | Outcome::Expired
                    | Outcome::Stopped
                    | Outcome::Invalid,
                ) => ended += total.value,
                Metric::Now(Gauge::CallbacksOwed) => owed += total.value,
                Metric::Now(Gauge::Running | Gauge::Retrying | Gauge::Stopping)
                | Metric::CallbackDelivered(_)
                | Metric::CallbackFailed(_)
                | Metric::Redriven(_)
                | Metric::RedriveDelivered(_)
                | Metric::RedriveFailed(_) => {}
            }
        }
    }
    let shown = json!({
        "live_rows": figures.live_rows,
        "disk_bytes": figures.disk_bytes,
        "accepted": accepted,
        "ended": ended,
        "waiting_or_running": accepted.saturating_sub(ended),
        "callbacks_owed": owed,
    });
    print::record::show(&shown, output);
    Ok(())
}
