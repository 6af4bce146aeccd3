//! What came of reading the configuration again.

use serde::Serialize;
use utoipa::ToSchema;

use crate::admin::reload;

/// What is different in the configuration that was read.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Reloaded {
    /// Whether it was only asked for: then nothing has changed.
    pub(in crate::admin) dry_run: bool,
    /// What is different; empty if nothing is.
    pub(in crate::admin) changes: Vec<Change>,
    /// What is allowed and may not be meant: that nobody needs a token, or a signature, any more.
    pub(in crate::admin) warnings: Vec<Problem>,
}

/// A difference.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Change {
    /// The key, such as `limits.sync_max` or `functions.hello`.
    path: String,
    change: ChangeKind,
    /// Whether the value is a secret or the content of a file, which are not shown.
    masked: bool,
}

/// What became of a key.
#[derive(Copy, Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ChangeKind {
    /// It was not there before.
    Added,
    /// It is there no more.
    Removed,
    /// It is another.
    Changed,
}

/// Why the configuration was not taken. Nothing has changed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct ReloadRefused {
    /// `InvalidConfiguration`, or `NoReload` where nobody reads it again.
    pub(in crate::admin) code: String,
    /// All problems, a line each.
    pub(in crate::admin) message: String,
    #[schema(required = true)]
    pub(in crate::admin) field: Option<String>,
    /// The same with the place of each.
    pub(in crate::admin) problems: Vec<Problem>,
}

/// Something that is wrong, or that may not be meant.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Problem {
    /// The key, or the file.
    path: String,
    message: String,
}

impl From<&reload::ReloadChange> for Change {
    fn from(of: &reload::ReloadChange) -> Self {
        let change = match of.kind {
            reload::ReloadKind::Added => ChangeKind::Added,
            reload::ReloadKind::Removed => ChangeKind::Removed,
            reload::ReloadKind::Changed => ChangeKind::Changed,
        };
        Self { path: of.path.clone(), change, masked: of.is_masked }
    }
}

impl From<&reload::ReloadProblem> for Problem {
    fn from(of: &reload::ReloadProblem) -> Self {
        Self { path: of.path.clone(), message: of.message.clone() }
    }
}
