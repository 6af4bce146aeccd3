//! `invoked store`: backups of a daemon's store, and a store that no daemon has open, looked at from
//! outside.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use invoked_core::id::ShardId;
use invoked_core::totals::Balance;
use invoked_fc::time::rfc3339;
use invoked_store::{Audit, audit};
use serde_json::{Value, json};

use super::serve;
use crate::cli::Output;
use crate::cli::store::{RepairArgs, StoreArgs, StoreCommand, StorePlace};
use crate::config::{self, Config, Environment, Sources};
use crate::failure::Failure;
use crate::wire::Alone;
use crate::{print, wire};

mod backup;

/// Verifies, describes, backs up, restores or repairs.
///
/// # Errors
/// There is no store, somebody has it open, it does not read, or something is wrong with it.
pub(crate) fn run(
    args: StoreArgs,
    environment: Environment,
    output: Output,
) -> Result<(), Failure> {
    serve::keep_files_private();
    match args.command {
        StoreCommand::Verify(place) => {
            let store = find(&place, environment)?;
            files(&store, output)?;
            alone(&store, async |store| verify(store, output).await)
        }
        StoreCommand::Stat(place) => {
            let store = find(&place, environment)?;
            alone(&store, async |store| stat(store, output).await)
        }
        StoreCommand::Backup(args) if args.place.is_given() => {
            let store = find(&args.place, environment)?;
            alone(&store, async |store| backup::of_a_store(store, &args, output).await)
        }
        StoreCommand::Backup(args) => backup::by_the_daemon(&args, &environment, output),
        StoreCommand::Restore(args) => backup::restore(&args, output),
        StoreCommand::Repair(args) => repair(&args, environment, output),
    }
}

/// Where a store is, which has to be there.
fn find(place: &StorePlace, environment: Environment) -> Result<config::Store, Failure> {
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
    Ok(config)
}

/// Opens a store, does this with it, and closes it.
fn alone(
    config: &config::Store,
    work: impl AsyncFnOnce(&Alone) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let shown = config.path.display().to_string();
    let store = Alone::open(config).with_context(|| format!("cannot open the store in {shown}"))?;
    let runtime = serve::runtime()?;
    let done = runtime.block_on(async {
        let done = work(&store).await;
        let closed = store.store().close().await.context("the store does not close");
        done.and_then(|()| Ok(closed?))
    });
    runtime.shutdown_background();
    done
}

/// Every byte, before anything is opened that would change some.
fn files(config: &config::Store, output: Output) -> Result<(), Failure> {
    let found = wire::verify_files(config)
        .with_context(|| format!("cannot read the store in {}", config.path.display()))?;
    if found.wrong == 0 {
        if output == Output::Text {
            let (files, bytes) = (found.files, found.bytes);
            print::line(&format!("{files} files of {bytes} bytes, 0 damaged"));
        }
        return Ok(());
    }
    match output {
        Output::Json => print::document(
            &json!({ "files": found.files, "wrong": found.wrong, "problems": found.problems }),
            output,
        ),
        Output::Text => tell(&found.problems),
    }
    Err(Failure::Failed(anyhow!(
        "{} of the store's files are not as they were written: restore a backup (invoked store restore)",
        found.wrong
    )))
}

fn tell(problems: &[String]) {
    for problem in problems {
        print::line(&print::harmless(problem));
    }
}

async fn verify(store: &Alone, output: Output) -> Result<(), Failure> {
    let read = store.verify_rows().await.context("the store does not read")?;
    let Audit { rows, counts, mut problems, wrong } =
        audit(store.store()).await.context("the store does not read")?;
    let (all, unread) = (read.rows, read.wrong);
    problems.extend(read.problems);
    match output {
        Output::Json => print::document(
            &json!({
                "rows": rows,
                "counts": counts,
                "wrong": wrong + unread,
                "problems": problems,
                "rows_of_all_tables": all,
            }),
            output,
        ),
        Output::Text => {
            tell(&problems);
            print::line(&format!("{all} rows of all tables, {unread} wrong"));
            print::line(&format!("{counts} counts of {rows} live rows, {wrong} wrong"));
        }
    }
    match (wrong, unread) {
        (0, 0) => Ok(()),
        (0, _) => Err(Failure::Failed(anyhow!("{unread} of the store's rows are wrong"))),
        _ => {
            Err(Failure::Failed(anyhow!("{wrong} of the store's counts are not those of its rows")))
        }
    }
}

async fn stat(store: &Alone, output: Output) -> Result<(), Failure> {
    let figures = store.figures().await.context("the store does not read")?;
    let store = store.store();
    let live_rows = store.stats().await.context("the store does not answer")?.live_rows;
    let mut balance = Balance::default();
    for shard in (0..store.caps().shards).map(ShardId) {
        for total in store.totals(shard).await.context("the store does not answer")? {
            balance.add(total.key.metric, total.value);
        }
    }
    let statuses =
        figures.statuses.iter().map(|(status, rows)| json!({ "status": status, "rows": rows }));
    let tables = figures.tables.iter().map(|table| {
        json!({
            "table": table.name,
            "bytes": table.bytes,
            "entries": table.entries,
            "tombstones": table.tombstones,
        })
    });
    let shown = json!({
        "format": figures.format,
        "batch": figures.batch,
        "live_rows": live_rows,
        "disk_bytes": figures.disk_bytes,
        "journal_bytes": figures.journal_bytes,
        "accepted": balance.accepted,
        "ended": balance.ended,
        "waiting_or_running": balance.live(),
        "callbacks_owed": balance.callbacks_owed,
        "oldest": figures.oldest.map(|at| rfc3339(at.millis().div_euclid(1_000))),
        "rows_by_status": statuses.collect::<Vec<Value>>(),
        "tables": tables.collect::<Vec<Value>>(),
    });
    print::record::show(&shown, output);
    Ok(())
}

fn repair(args: &RepairArgs, environment: Environment, output: Output) -> Result<(), Failure> {
    let config = find(&args.place, environment)?;
    let lost = wire::accept_loss(&config)
        .with_context(|| format!("cannot repair the store in {}", config.path.display()))?;
    let shown = match &lost {
        None => json!({ "lost_batches": 0 }),
        Some(lost) => json!({
            "lost_batches": lost.acknowledged.saturating_sub(lost.found),
            "last_batch": lost.found,
            "kept_aside": lost.aside.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
        }),
    };
    print::record::show(&shown, output);
    if output == Output::Text {
        print::line(&told_of(lost.as_ref().map(|lost| (lost.found, lost.acknowledged))));
    }
    Ok(())
}

/// What a repair did, in words: nobody else says that invocations are gone.
fn told_of(lost: Option<(u64, u64)>) -> String {
    let Some((found, acknowledged)) = lost else {
        return "nothing acknowledged is missing: nothing was changed".to_owned();
    };
    if acknowledged <= found {
        return format!(
            "a journal was broken and is cut off; the log has everything behind it, up to batch {found}: nothing \
             acknowledged is missing.\n\
             verify it before a daemon starts on it: invoked store verify"
        );
    }
    format!(
        "the store ends behind batch {found} now; up to batch {acknowledged} was acknowledged, and what is behind \
         the end is cut off. Invocations that were answered with 202 may be gone, and no count shows it later: \
         counts are cut off with them. What had been delivered may be delivered again.\n\
         verify it before a daemon starts on it: invoked store verify"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repair_says_that_invocations_may_be_gone() {
        let said = told_of(Some((4, 9)));
        for part in ["behind batch 4", "up to batch 9", "may be gone", "invoked store verify"] {
            assert!(said.contains(part), "no {part:?} in {said}");
        }
        assert!(told_of(None).contains("nothing was changed"));
        let said = told_of(Some((9, 9)));
        assert!(
            said.contains("nothing acknowledged is missing") && !said.contains("gone"),
            "{said}"
        );
    }
}
