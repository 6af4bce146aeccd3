//! Sending one callback anew that was given up.

use invoked_core::id::{InvKey, RequestId};
use invoked_core::shard::RedriveRefused;
use tokio::sync::oneshot;

use crate::error::RedriveError;
use crate::handle::Handle;
use crate::shard::Ask;

impl Handle {
    /// Makes a callback owed again that was given up. It is durable when this returns; its function
    /// does not run again. `by` is kept with it.
    ///
    /// # Errors
    /// None is kept, it is owed already, or the daemon cannot take it now.
    pub async fn redrive(&self, id: RequestId, by: &str) -> Result<(), RedriveError> {
        let key = InvKey(id.0);
        let missing = || RedriveError::NotFound { id: id.to_string() };
        let port = self.shared.shard(key.shard()).ok_or_else(missing)?;
        let (reply, answer) = oneshot::channel();
        let ask = Ask::Redrive { key, by: by.into(), reply };
        port.asks.send(ask).await.map_err(|_closed| RedriveError::Unavailable)?;
        match tokio::time::timeout(self.shared.config().accept_deadline, answer).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(RedriveRefused::NotFound))) => Err(missing()),
            Ok(Ok(Err(RedriveRefused::UnderWay))) => {
                Err(RedriveError::UnderWay { id: id.to_string() })
            }
            Ok(Ok(Err(RedriveRefused::Replaced))) => {
                Err(RedriveError::Replaced { id: id.to_string() })
            }
            Ok(Ok(Err(RedriveRefused::Draining)) | Err(_)) | Err(_) => {
                Err(RedriveError::Unavailable)
            }
        }
    }
}
