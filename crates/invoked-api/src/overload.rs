//! New work while the daemon has too much already: refused by the head of the request.
//!
//! That is the cheapest place: nothing of the body was read, no signature was checked, and no nonce
//! was used up, so that the same request may be sent again. Only what would add work is refused; reads,
//! stops, configurations and synchronous calls go on.

use http::request::Parts;
use invoked_engine::InvokeError;
use invoked_fc::headers::values::InvocationType;
use invoked_fc::route::Operation;

use crate::api::Api;
use crate::invoke::invocation_type;
use crate::problem::Problem;

impl Api {
    /// Refuses an asynchronous invocation while none is taken. Where callers have to say who they are,
    /// the answer does not say why: nobody has asked them yet.
    pub(crate) fn has_room(&self, head: &Parts, operation: &Operation) -> Result<(), Problem> {
        if !is_new_work(head, operation) {
            return Ok(());
        }
        self.engine().admit().map_err(|why| {
            if self.is_guarded() { Problem::Refused(why) } else { InvokeError::from(why).into() }
        })
    }
}

fn is_new_work(head: &Parts, operation: &Operation) -> bool {
    let is_invocation = matches!(operation, Operation::InvokeFunction(_) | Operation::Proxy { .. });
    // What does not read is refused for that.
    let is_later = || match invocation_type(&head.headers) {
        Ok(InvocationType::Async | InvocationType::Task) => true,
        Ok(InvocationType::Sync) | Err(_) => false,
    };
    is_invocation && is_later()
}
