//! Roles of functions: which one a function carries.

use std::sync::Arc;

use invoked_core::role::Role;

use crate::functions::Functions;
use crate::registry::FunctionRecord;

impl Functions {
    /// What the function's role holds it to. Clients and the operator's file both give it as the
    /// attribute `role`.
    pub(crate) fn role_of(&self, record: &FunctionRecord) -> Option<Arc<Role>> {
        let attributes: serde_json::Value = serde_json::from_str(&record.attributes).ok()?;
        self.roles.of(attributes.get("role")?.as_str()?)
    }
}
