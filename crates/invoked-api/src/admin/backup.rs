//! Backups of the store: one begins, and how it is doing.

use std::num::NonZeroU64;

use http::StatusCode;
use invoked_engine::Handle;

use crate::admin::asked::Asked;
use crate::admin::dto::backup::{Backup, BackupInput};
use crate::admin::openapi::{Common, Conflict};
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::reply::Reply;

/// Bytes in a second where the request does not say: disks that also sync commits bear it.
const RATE_DEFAULT: u64 = 32 << 20;
/// More than any disk writes in a second.
const RATE_MAX: u64 = 1 << 40;

/// Begins a backup of the store, in a directory of this name below `store.backup_path`. Everything
/// that was acknowledged before is in it. One is written at a time.
#[utoipa::path(
    post,
    path = "/v1/store/backup",
    operation_id = "beginBackup",
    tag = "daemon",
    params(
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    request_body = BackupInput,
    responses((status = 202, description = "It has begun.", body = Backup), Conflict, Common)
)]
pub(super) async fn begin(
    engine: &Handle,
    asked: Asked,
    input: BackupInput,
) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    let rate = input.bytes_per_second.unwrap_or(RATE_DEFAULT);
    if RATE_MAX < rate {
        let rule = format!("must be at most {RATE_MAX}");
        return Err(AdminProblem::argument("bytes_per_second", rule));
    }
    engine.begin_backup(input.name, NonZeroU64::new(rate)).await?;
    show(engine, StatusCode::ACCEPTED)
}

/// Shows the last backup that was begun since the daemon started.
#[utoipa::path(
    get,
    path = "/v1/store/backup",
    operation_id = "getBackup",
    tag = "daemon",
    responses((status = 200, description = "How it is doing.", body = Backup), Common)
)]
pub(super) fn get(engine: &Handle, asked: Asked) -> Result<Reply, AdminProblem> {
    asked.finish()?;
    show(engine, StatusCode::OK)
}

fn show(engine: &Handle, status: StatusCode) -> Result<Reply, AdminProblem> {
    let view = engine.backup().ok_or(AdminProblem::NoBackup)?;
    json(status, &Backup::from(&view))
}
