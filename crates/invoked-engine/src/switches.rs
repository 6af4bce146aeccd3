//! Changes of one thing about a function: how much of it runs at a time, whether it runs, and what
//! is shown of it.

use invoked_core::limits::{ATTRIBUTES_MAX, DESCRIPTION_MAX};
use invoked_core::name::FunctionKey;

use crate::error::FunctionError;
use crate::handle::Handle;
use crate::registry::{Disabled, FunctionRecord};
use crate::targets::too_long;

/// One thing about a function. The rest stays as it is.
#[derive(Clone, Debug)]
pub enum Amendment {
    /// Attempts at a time; `None` leaves it to the engine.
    Concurrency(Option<u32>),
    /// New invocations are refused, for this reason.
    Disable(String),
    /// New invocations are taken again.
    Enable,
    /// What is kept to be shown: a JSON object.
    Attributes(String),
}

impl Handle {
    /// Changes one thing about a function.
    ///
    /// # Errors
    /// There is none with this name, the file owns it, a value is not allowed, or the store did not
    /// take it.
    pub async fn amend_function(
        &self,
        key: &FunctionKey,
        amendment: Amendment,
    ) -> Result<FunctionRecord, FunctionError> {
        let (this, key) = (self.clone(), key.clone());
        let amend = async move {
            let _changing = this.shared.changes.lock().await;
            let old = this.function_of_a_client(&key)?;
            let mut record = old.clone();
            amendment.apply(&mut record, this.now().millis())?;
            if record != old {
                record.modified_at = this.now();
                this.write_record(key, &record).await?;
            }
            Ok(record)
        };
        self.shared.to_the_end(amend).await?
    }
}

impl Amendment {
    fn apply(self, record: &mut FunctionRecord, now_ms: i64) -> Result<(), FunctionError> {
        let invalid = |field, problem| Err(FunctionError::Invalid { field, problem });
        match self {
            Self::Concurrency(Some(0)) => {
                return invalid("reservedConcurrency", "must be at least 1".to_owned());
            }
            Self::Concurrency(concurrency) => record.concurrency = concurrency,
            Self::Disable(reason) if reason.len() > DESCRIPTION_MAX => {
                return invalid("reason", too_long(DESCRIPTION_MAX, reason.len()));
            }
            Self::Disable(reason) => {
                record.disabled = Some(Disabled { reason, since_ms: now_ms });
            }
            Self::Enable => record.disabled = None,
            Self::Attributes(attributes) if attributes.len() > ATTRIBUTES_MAX => {
                return invalid("function", too_long(ATTRIBUTES_MAX, attributes.len()));
            }
            Self::Attributes(attributes) => record.attributes = attributes,
        }
        Ok(())
    }
}
