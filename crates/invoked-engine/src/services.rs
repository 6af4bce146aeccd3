//! Services: what groups functions in the 2016 and 2021 versions of the API.
//!
//! A service exists if it was created, and while it has a function: functions of the operator's file
//! and of the 2023 version (`service$function`) imply theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use invoked_core::limits::{ATTRIBUTES_MAX, SERVICES_PER_ACCOUNT_MAX};
use invoked_core::name::ServiceName;
use invoked_store::{RegistryEntry, RegistryKind};

use crate::error::ResourceError;
use crate::functions::Functions;
use crate::handle::Handle;
use crate::registry::FunctionRecord;
use crate::resources::{OwnerKey, ServiceKey, ServiceRecord};
use crate::targets::too_long;

/// A page of services.
#[derive(Clone, Debug)]
pub struct ServicePage {
    /// By name.
    pub services: Vec<ServiceRecord>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

impl Functions {
    /// A service, created or implied.
    pub(crate) fn service(&self, key: &ServiceKey) -> Result<ServiceRecord, ResourceError> {
        if let Some(created) = self.resources.services.get(key) {
            return Ok(created.clone());
        }
        let implied = self.functions_of(key).map(|function| implied(key, function));
        let implied = implied.min_by_key(|service| service.created_at);
        implied.ok_or_else(|| ResourceError::NoService { service: key.name.clone() })
    }

    fn functions_of(&self, key: &ServiceKey) -> impl Iterator<Item = &FunctionRecord> {
        self.functions.values().filter(|of| *of.account == *key.account && key.name.holds(&of.name))
    }
}

fn implied(key: &ServiceKey, function: &FunctionRecord) -> ServiceRecord {
    ServiceRecord {
        key: key.clone(),
        attributes: "{}".to_owned(),
        created_at: function.created_at,
        modified_at: function.created_at,
    }
}

impl Handle {
    /// A service.
    ///
    /// # Errors
    /// There is none with this name.
    pub fn service(&self, key: &ServiceKey) -> Result<ServiceRecord, ResourceError> {
        self.shared.snapshot().functions.service(key)
    }

    /// Services of an account whose names begin with `prefix` and of which `is_shown` holds, by name,
    /// from `start` on, `limit` at most.
    #[must_use]
    pub fn services(
        &self,
        account: &Arc<str>,
        prefix: &str,
        start: Option<&str>,
        limit: usize,
        is_shown: impl Fn(&str) -> bool,
    ) -> ServicePage {
        let registered = &self.shared.snapshot().functions;
        let is_wanted = |name: &str| {
            name.starts_with(prefix) && start.is_none_or(|start| start <= name) && is_shown(name)
        };
        let mut found = BTreeMap::new();
        for function in registered.functions.values().filter(|of| *of.account == **account) {
            let service = function.name.service().and_then(|(name, _)| {
                is_wanted(name).then(|| ServiceName::parse(name).ok()).flatten()
            });
            let Some(name) = service else { continue };
            let key = ServiceKey { account: Arc::clone(account), name };
            let service = implied(&key, function);
            let earliest = found.entry(key).or_insert_with(|| service.clone());
            if service.created_at < earliest.created_at {
                *earliest = service;
            }
        }
        let created = registered.resources.services.values();
        let created = created.filter(|of| of.key.account == *account);
        for service in created.filter(|of| is_wanted(of.key.name.as_str())) {
            found.insert(service.key.clone(), service.clone());
        }
        let mut found = found.into_values();
        let services = found.by_ref().take(limit).collect();
        ServicePage { services, next: found.next().map(|of| of.key.name.as_str().to_owned()) }
    }

    /// Creates a service.
    ///
    /// # Errors
    /// The name is taken, there are too many, or the store did not take it.
    pub async fn create_service(
        &self,
        key: ServiceKey,
        attributes: String,
    ) -> Result<ServiceRecord, ResourceError> {
        let this = self.clone();
        let create = async move {
            let _changing = this.shared.changes.lock().await;
            if this.service(&key).is_ok() {
                return Err(ResourceError::ServiceExists { service: key.name });
            }
            let now = this.now();
            let record = ServiceRecord { key, attributes, created_at: now, modified_at: now };
            this.write_service(record).await
        };
        self.shared.to_the_end(create).await?
    }

    /// Changes a service. One that was only implied is a created one from here on.
    ///
    /// # Errors
    /// There is none with this name, or the store did not take it.
    pub async fn update_service(
        &self,
        key: ServiceKey,
        attributes: String,
    ) -> Result<ServiceRecord, ResourceError> {
        let this = self.clone();
        let update = async move {
            let _changing = this.shared.changes.lock().await;
            let present = this.service(&key)?;
            let modified_at = this.now();
            this.write_service(ServiceRecord { attributes, modified_at, ..present }).await
        };
        self.shared.to_the_end(update).await?
    }

    /// Deletes a service without functions, its aliases and its versions.
    ///
    /// # Errors
    /// There is none with this name, it has functions, or the store did not take it.
    pub async fn delete_service(&self, key: ServiceKey) -> Result<(), ResourceError> {
        let this = self.clone();
        let delete = async move {
            let _changing = this.shared.changes.lock().await;
            this.service(&key)?;
            let mut registered = this.shared.snapshot().functions.clone();
            if registered.functions_of(&key).next().is_some() {
                return Err(ResourceError::HasFunctions { service: key.name });
            }
            let mut entries = registered.resources.remove_labels(&OwnerKey::from(&key));
            let (kind, name) = (RegistryKind::Service, key.entry());
            entries.push(RegistryEntry { kind, name, value: None });
            registered.resources.services.remove(&key);
            this.put_and_publish(entries, &registered).await
        };
        self.shared.to_the_end(delete).await?
    }

    async fn write_service(&self, record: ServiceRecord) -> Result<ServiceRecord, ResourceError> {
        if record.attributes.len() > ATTRIBUTES_MAX {
            let problem = too_long(ATTRIBUTES_MAX, record.attributes.len());
            return Err(ResourceError::Invalid { field: "service", problem });
        }
        let mut registered = self.shared.snapshot().functions.clone();
        let services = &mut registered.resources.services;
        let others = services
            .keys()
            .filter(|key| key.account == record.key.account && **key != record.key)
            .count();
        if others >= SERVICES_PER_ACCOUNT_MAX {
            let limit = SERVICES_PER_ACCOUNT_MAX;
            return Err(ResourceError::TooMany { what: "services", limit });
        }
        services.insert(record.key.clone(), record.clone());
        let entry = RegistryEntry {
            kind: RegistryKind::Service,
            name: record.key.entry(),
            value: Some(record.encode()),
        };
        self.put_and_publish(vec![entry], &registered).await?;
        Ok(record)
    }
}
