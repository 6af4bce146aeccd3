//! Roles of functions: which one a function carries, and a change of what they may tell.

use std::sync::Arc;

use invoked_core::role::{Role, Roles};

use crate::functions::Functions;
use crate::handle::Handle;
use crate::registry::FunctionRecord;

impl Functions {
    /// What the function's role holds it to. Clients and the operator's file both give it as the
    /// attribute `role`.
    pub(crate) fn role_of(&self, record: &FunctionRecord) -> Option<Arc<Role>> {
        let attributes: serde_json::Value = serde_json::from_str(&record.attributes).ok()?;
        self.roles.of(attributes.get("role")?.as_str()?)
    }
}

impl Handle {
    /// From here on holds functions to these roles. A callback that is under way goes on; what is
    /// owed or tried again is held to them.
    pub async fn set_roles(&self, roles: Roles) {
        let _changing = self.shared.changes.lock().await;
        let mut registered = self.shared.snapshot().functions.clone();
        registered.roles = Arc::new(roles);
        self.shared.publish(&registered).await;
    }
}
