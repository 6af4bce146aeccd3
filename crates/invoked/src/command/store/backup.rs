//! Backups: one that the daemon writes, one of a store that no daemon has open, and the way back.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use http::Method;
use invoked_engine::clock::{Clock as _, SystemClock};
use invoked_fc::time::rfc3339;
use invoked_store::{BackupPlace, BackupState, BackupWanted, Restored};
use serde_json::{Value, json};

use crate::cli::Output;
use crate::cli::store::{BackupArgs, RestoreArgs};
use crate::client::Admin;
use crate::command::client;
use crate::config::Environment;
use crate::failure::Failure;
use crate::print;
use crate::wire::{self, Alone};

/// How often it is asked how far it is.
const ASK: Duration = Duration::from_millis(250);

/// Has the daemon write one, and waits for it.
pub(super) fn by_the_daemon(
    args: &BackupArgs,
    environment: &Environment,
    output: Output,
) -> Result<(), Failure> {
    client::run(async {
        let admin = Admin::new(&args.admin, environment)?;
        let body = json!({ "name": args.to, "bytes_per_second": args.rate });
        let mut told = admin.call(Method::POST, &["store", "backup"], &[], Some(&body)).await?;
        while told.body.get("state").and_then(Value::as_str) == Some("running") {
            tokio::time::sleep(ASK).await;
            told = admin.call(Method::GET, &["store", "backup"], &[], None).await?;
        }
        print::record::show(&told.body, output);
        if told.body.get("state").and_then(Value::as_str) == Some("done") {
            return Ok(());
        }
        let reason = told.body.get("reason").and_then(Value::as_str).unwrap_or("it is not done");
        Err(Failure::Failed(anyhow!("the backup was given up: {reason}")))
    })
}

/// Writes one of a store that is open here.
pub(super) async fn of_a_store(
    store: &Alone,
    args: &BackupArgs,
    output: Output,
) -> Result<(), Failure> {
    let wanted = BackupWanted {
        place: BackupPlace::At(PathBuf::from(&args.to)),
        bytes_per_second: args.rate.and_then(NonZeroU64::new),
        now: SystemClock::default().now(),
    };
    let store = store.store();
    store.begin_backup(wanted).await.context("cannot begin a backup")?;
    let view = loop {
        match store.backup() {
            Some(view) if view.state != BackupState::Running => break view,
            Some(_) | None => tokio::time::sleep(ASK).await,
        }
    };
    if let BackupState::Failed { reason } = &view.state {
        return Err(Failure::Failed(anyhow!("the backup was given up: {reason}")));
    }
    let shown = json!({
        "state": "done",
        "path": view.path.display().to_string(),
        "batch": view.batch,
        "rows": view.rows,
        "bytes": view.bytes,
    });
    print::record::show(&shown, output);
    Ok(())
}

/// Makes a store of a backup, or only looks at the backup.
pub(super) fn restore(args: &RestoreArgs, output: Output) -> Result<(), Failure> {
    let Restored { format, store_format, rows, live_rows, batch, begun_at } = match &args.to {
        Some(to) => wire::restore(&args.from, to).context("cannot restore")?,
        None => wire::check_backup(&args.from).context("cannot be restored")?,
    };
    let shown = json!({
        "store": args.to.as_ref().map(|to| to.display().to_string()),
        "format": format,
        "store_format": store_format,
        "rows": rows,
        "live_rows": live_rows,
        "batch": batch,
        "backup_begun_at": rfc3339(begun_at.millis().div_euclid(1_000)),
    });
    print::record::show(&shown, output);
    Ok(())
}
