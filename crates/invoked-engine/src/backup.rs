//! Backups of the store, which the store writes by itself.

use std::num::NonZeroU64;

use invoked_store::{BackupError, BackupPlace, BackupView, BackupWanted};

use crate::handle::Handle;

impl Handle {
    /// Begins a backup of this name in the directory that the operator set aside, writing so many
    /// bytes a second at most, and returns.
    ///
    /// # Errors
    /// There is no such directory, the name is not in its form or taken, or a backup is under way.
    pub async fn begin_backup(
        &self,
        name: String,
        bytes_per_second: Option<NonZeroU64>,
    ) -> Result<(), BackupError> {
        let place = BackupPlace::Named(name);
        let wanted = BackupWanted { place, bytes_per_second, now: self.now() };
        self.shared.store.begin_backup(wanted).await
    }

    /// The last backup that was begun since the start.
    #[must_use]
    pub fn backup(&self) -> Option<BackupView> {
        self.shared.store.backup()
    }
}
