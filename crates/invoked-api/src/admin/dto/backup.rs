//! Backups.

use invoked_engine::{BackupState, BackupView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::admin::time::moment;

/// A backup that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct BackupInput {
    /// The name of its directory: letters, digits, `-`, `_` and `.`, which is not the first.
    #[schema(min_length = 1, max_length = 100, pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]
    pub(in crate::admin) name: String,
    /// Bytes that are written in a second at most; 0 for as fast as it goes, 32 MiB where it is not said.
    #[schema(nullable = false, minimum = 0, maximum = 1_099_511_627_776_i64)]
    #[serde(default)]
    pub(in crate::admin) bytes_per_second: Option<u64>,
}

/// How far a backup is.
#[derive(Copy, Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::admin) enum BackupProgress {
    /// It is being written.
    Running,
    /// It is there, whole.
    Done,
    /// It was given up, and nothing of it is left.
    Failed,
}

/// A backup.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Backup {
    state: BackupProgress,
    /// Its directory, on the daemon's machine.
    path: String,
    #[schema(format = DateTime)]
    begun_at: String,
    /// The last batch that is in it.
    batch: u64,
    /// Rows of all tables that are written.
    rows: u64,
    /// Bytes that are written.
    bytes: u64,
    /// What the store took on disk when it began: at most about as much is to be written.
    store_bytes: u64,
    /// Why it was given up.
    #[schema(required = true)]
    reason: Option<String>,
}

impl From<&BackupView> for Backup {
    fn from(of: &BackupView) -> Self {
        let (state, reason) = match &of.state {
            BackupState::Running => (BackupProgress::Running, None),
            BackupState::Done => (BackupProgress::Done, None),
            BackupState::Failed { reason } => (BackupProgress::Failed, Some(reason.clone())),
        };
        Self {
            state,
            path: of.path.display().to_string(),
            begun_at: moment(of.begun_at),
            batch: of.batch,
            rows: of.rows,
            bytes: of.bytes,
            store_bytes: of.store_bytes,
            reason,
        }
    }
}
