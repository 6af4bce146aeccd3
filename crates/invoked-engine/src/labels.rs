//! Services, and the labels that services and functions have: versions and aliases.
//!
//! A version is the next number; an alias is a name for a version. Neither changes what an
//! invocation runs, since the daemon keeps no code: they are what a qualifier may say.

use std::collections::BTreeMap;
use std::ops::Bound;

use invoked_core::limits::{
    ALIASES_PER_OWNER_MAX, ATTRIBUTES_MAX, DESCRIPTION_MAX, VERSIONS_PER_OWNER_MAX,
};
use invoked_core::name::{FunctionKey, Qualifier};
use invoked_store::{RegistryEntry, RegistryKind};

use crate::error::ResourceError;
use crate::functions::Functions;
use crate::handle::Handle;
use crate::loops::loop_through;
use crate::resources::{AliasRecord, Owner, OwnerKey, ServiceKey, ServiceRecord, VersionRecord};
use crate::targets::too_long;

/// All services, aliases and versions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resources {
    /// Those that were created as such; a function implies its service.
    pub(crate) services: BTreeMap<ServiceKey, ServiceRecord>,
    aliases: BTreeMap<(OwnerKey, Qualifier), AliasRecord>,
    versions: BTreeMap<(OwnerKey, u32), VersionRecord>,
    /// The highest number that an owner ever had.
    last_versions: BTreeMap<OwnerKey, u32>,
}

/// What an alias is to be.
#[derive(Clone, Debug)]
pub struct AliasChange {
    /// The version it stands for, as it was written; `None` keeps it.
    pub version: Option<String>,
    /// A JSON object, kept to be shown.
    pub attributes: String,
}

/// A page of aliases.
#[derive(Clone, Debug)]
pub struct AliasPage {
    /// By name.
    pub aliases: Vec<AliasRecord>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// A page of versions.
#[derive(Clone, Debug)]
pub struct VersionPage {
    /// By number, up or down.
    pub versions: Vec<VersionRecord>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<u32>,
}

impl Resources {
    /// Takes in an entry of the store; `None` if it is not one that this program knows.
    pub(crate) fn restore(
        &mut self,
        kind: RegistryKind,
        name: &str,
        value: Option<&[u8]>,
    ) -> Option<()> {
        match (kind, value) {
            (RegistryKind::Service, Some(value)) => {
                let record = ServiceRecord::decode(name, value)?;
                self.services.insert(record.key.clone(), record);
            }
            (RegistryKind::Alias, Some(value)) => {
                let record = AliasRecord::decode(name, value)?;
                self.aliases.insert((record.owner.clone(), record.name.clone()), record);
            }
            (RegistryKind::Version, value) => {
                let (owner, number) = VersionRecord::read_entry(name)?;
                // Deleted numbers count: none is given twice.
                let last = self.last_versions.entry(owner.clone()).or_default();
                *last = (*last).max(number);
                if let Some(value) = value {
                    let record = VersionRecord::decode(name, value)?;
                    self.versions.insert((owner, number), record);
                }
            }
            (RegistryKind::Service | RegistryKind::Alias, None)
            | (
                RegistryKind::Function
                | RegistryKind::AsyncConfig
                | RegistryKind::LaneState
                | RegistryKind::BulkCursor,
                _,
            ) => {}
        }
        Some(())
    }

    pub(crate) fn alias(&self, owner: &OwnerKey, name: &Qualifier) -> Option<&AliasRecord> {
        self.aliases.get(&(owner.clone(), name.clone()))
    }

    fn aliases_of(&self, owner: &OwnerKey) -> impl Iterator<Item = &AliasRecord> {
        let first = (owner.clone(), Qualifier::LATEST);
        self.aliases.range(first..).map(|(_, alias)| alias).take_while(|of| of.owner == *owner)
    }

    fn versions_of(&self, owner: &OwnerKey) -> impl DoubleEndedIterator<Item = &VersionRecord> {
        let bounds =
            (Bound::Included((owner.clone(), 0)), Bound::Included((owner.clone(), u32::MAX)));
        self.versions.range(bounds).map(|(_, version)| version)
    }

    /// Forgets all aliases and versions of an owner; returns what the store has to forget.
    pub(crate) fn remove_labels(&mut self, owner: &OwnerKey) -> Vec<RegistryEntry> {
        let gone = |kind, name| RegistryEntry { kind, name, value: None };
        let aliases = self.aliases_of(owner).map(|of| gone(RegistryKind::Alias, of.entry()));
        let versions = self.versions_of(owner).map(|of| gone(RegistryKind::Version, of.entry()));
        let entries = aliases.chain(versions).collect();
        self.aliases.retain(|(of, _), _| of != owner);
        self.versions.retain(|(of, _), _| of != owner);
        entries
    }

    /// The version that a text names; `None` is LATEST.
    fn version_named(&self, owner: &OwnerKey, text: &str) -> Result<Option<u32>, ResourceError> {
        if text.is_empty() || text == "LATEST" {
            return Ok(None);
        }
        let number = text
            .parse()
            .ok()
            .filter(|number| self.versions.contains_key(&(owner.clone(), *number)));
        let missing = || ResourceError::NoVersion {
            version: text.chars().take(32).collect(),
            of: owner.owner.clone(),
        };
        number.map(Some).ok_or_else(missing)
    }
}

impl Functions {
    /// Refuses what is of a service or a function that there is not.
    pub(crate) fn check_owner(&self, owner: &OwnerKey) -> Result<(), ResourceError> {
        match &owner.owner {
            Owner::Service(name) => {
                let key = ServiceKey { account: owner.account.clone(), name: name.clone() };
                self.service(&key).map(drop)
            }
            Owner::Function(name) => {
                let key = FunctionKey { account: owner.account.clone(), name: name.clone() };
                match self.functions.contains_key(&key) {
                    true => Ok(()),
                    false => Err(ResourceError::NoFunction { function: name.clone() }),
                }
            }
        }
    }
}

impl Handle {
    /// Publishes the next version.
    ///
    /// # Errors
    /// There is no such owner, it has too many versions, or the store did not take it.
    pub async fn publish_version(
        &self,
        owner: OwnerKey,
        description: String,
    ) -> Result<VersionRecord, ResourceError> {
        let this = self.clone();
        let publish = async move {
            let _changing = this.shared.changes.lock().await;
            let mut registered = this.shared.snapshot().functions.clone();
            registered.check_owner(&owner)?;
            check_description(&description)?;
            let resources = &mut registered.resources;
            if resources.versions_of(&owner).count() >= VERSIONS_PER_OWNER_MAX {
                let limit = VERSIONS_PER_OWNER_MAX;
                return Err(ResourceError::TooMany { what: "versions", limit });
            }
            let last = resources.last_versions.get(&owner).copied().unwrap_or_default();
            let number = last.saturating_add(1);
            let created_at = this.now();
            let record = VersionRecord { owner: owner.clone(), number, description, created_at };
            resources.last_versions.insert(owner.clone(), number);
            resources.versions.insert((owner, number), record.clone());
            let entry = RegistryEntry {
                kind: RegistryKind::Version,
                name: record.entry(),
                value: Some(record.encode()),
            };
            this.put_and_publish(vec![entry], &registered).await?;
            Ok(record)
        };
        self.shared.to_the_end(publish).await?
    }

    /// Versions of an owner, newest first or oldest first, from `start` on, `limit` at most.
    ///
    /// # Errors
    /// There is no such owner.
    pub fn versions(
        &self,
        owner: &OwnerKey,
        is_ascending: bool,
        start: Option<u32>,
        limit: usize,
    ) -> Result<VersionPage, ResourceError> {
        let snapshot = self.shared.snapshot();
        snapshot.functions.check_owner(owner)?;
        let mut found: Vec<_> = snapshot.functions.resources.versions_of(owner).cloned().collect();
        if !is_ascending {
            found.reverse();
        }
        let is_before = |record: &VersionRecord| match (start, is_ascending) {
            (None, _) => false,
            (Some(start), true) => record.number < start,
            (Some(start), false) => record.number > start,
        };
        let mut found = found.into_iter().skip_while(is_before);
        let versions = found.by_ref().take(limit).collect();
        Ok(VersionPage { versions, next: found.next().map(|record| record.number) })
    }

    /// Deletes a version.
    ///
    /// # Errors
    /// There is no such owner or version, an alias stands for it, or the store did not take it.
    pub async fn delete_version(
        &self,
        owner: OwnerKey,
        version: String,
    ) -> Result<(), ResourceError> {
        let this = self.clone();
        let delete = async move {
            let _changing = this.shared.changes.lock().await;
            let mut registered = this.shared.snapshot().functions.clone();
            registered.check_owner(&owner)?;
            let resources = &mut registered.resources;
            let missing = || ResourceError::NoVersion {
                version: "LATEST".to_owned(),
                of: owner.owner.clone(),
            };
            let number = resources.version_named(&owner, &version)?.ok_or_else(missing)?;
            let alias = resources.aliases_of(&owner).find(|alias| alias.version == Some(number));
            if let Some(alias) = alias.map(|alias| alias.name.as_str().to_owned()) {
                let of = owner.owner.clone();
                return Err(ResourceError::Aliased { version: number, alias, of });
            }
            let removed = resources.versions.remove(&(owner, number));
            let entries = removed.map(|record| RegistryEntry {
                kind: RegistryKind::Version,
                name: record.entry(),
                value: None,
            });
            this.put_and_publish(entries.into_iter().collect(), &registered).await
        };
        self.shared.to_the_end(delete).await?
    }

    /// An alias.
    ///
    /// # Errors
    /// There is no such owner or alias.
    pub fn alias(&self, owner: &OwnerKey, name: &Qualifier) -> Result<AliasRecord, ResourceError> {
        let snapshot = self.shared.snapshot();
        snapshot.functions.check_owner(owner)?;
        let found = snapshot.functions.resources.alias(owner, name);
        found.cloned().ok_or_else(|| ResourceError::NoAlias {
            alias: name.as_str().to_owned(),
            of: owner.owner.clone(),
        })
    }

    /// Aliases of an owner whose names begin with `prefix`, by name, from `start` on, `limit` at
    /// most.
    ///
    /// # Errors
    /// There is no such owner.
    pub fn aliases(
        &self,
        owner: &OwnerKey,
        prefix: &str,
        start: Option<&str>,
        limit: usize,
    ) -> Result<AliasPage, ResourceError> {
        let snapshot = self.shared.snapshot();
        snapshot.functions.check_owner(owner)?;
        let mut found = snapshot.functions.resources.aliases_of(owner).filter(|alias| {
            let name = alias.name.as_str();
            name.starts_with(prefix) && start.is_none_or(|start| start <= name)
        });
        let aliases = found.by_ref().take(limit).cloned().collect();
        let next = found.next().map(|alias| alias.name.as_str().to_owned());
        Ok(AliasPage { aliases, next })
    }

    /// Creates an alias.
    ///
    /// # Errors
    /// There is no such owner or version, the name is taken or cannot be one, there are too many,
    /// destinations would form a loop, or the store did not take it.
    pub async fn create_alias(
        &self,
        owner: OwnerKey,
        name: Qualifier,
        change: AliasChange,
    ) -> Result<AliasRecord, ResourceError> {
        let this = self.clone();
        let create = async move {
            let _changing = this.shared.changes.lock().await;
            match this.alias(&owner, &name) {
                Err(ResourceError::NoAlias { .. }) => {}
                Err(error) => return Err(error),
                Ok(present) => {
                    let alias = present.name.as_str().to_owned();
                    return Err(ResourceError::AliasExists { alias, of: owner.owner });
                }
            }
            check_alias_name(&name)?;
            let resources = &this.shared.snapshot().functions.resources;
            if resources.aliases_of(&owner).count() >= ALIASES_PER_OWNER_MAX {
                let limit = ALIASES_PER_OWNER_MAX;
                return Err(ResourceError::TooMany { what: "aliases", limit });
            }
            let Some(version) = change.version.as_deref().filter(|text| !text.is_empty()) else {
                let problem = "must name a version".to_owned();
                return Err(ResourceError::Invalid { field: "versionId", problem });
            };
            let now = this.now();
            let record = AliasRecord {
                version: resources.version_named(&owner, version)?,
                owner,
                name,
                attributes: change.attributes,
                created_at: now,
                modified_at: now,
            };
            this.write_alias(record).await
        };
        self.shared.to_the_end(create).await?
    }

    /// Changes an alias.
    ///
    /// # Errors
    /// There is no such owner, alias or version, destinations would form a loop, or the store did not
    /// take it.
    pub async fn update_alias(
        &self,
        owner: OwnerKey,
        name: Qualifier,
        change: AliasChange,
    ) -> Result<AliasRecord, ResourceError> {
        let this = self.clone();
        let update = async move {
            let _changing = this.shared.changes.lock().await;
            let present = this.alias(&owner, &name)?;
            let version = match change.version.as_deref() {
                None => present.version,
                Some(text) => {
                    this.shared.snapshot().functions.resources.version_named(&owner, text)?
                }
            };
            let (attributes, modified_at) = (change.attributes, this.now());
            this.write_alias(AliasRecord { version, attributes, modified_at, ..present }).await
        };
        self.shared.to_the_end(update).await?
    }

    async fn write_alias(&self, record: AliasRecord) -> Result<AliasRecord, ResourceError> {
        if record.attributes.len() > ATTRIBUTES_MAX {
            let problem = too_long(ATTRIBUTES_MAX, record.attributes.len());
            return Err(ResourceError::Invalid { field: "alias", problem });
        }
        let mut registered = self.shared.snapshot().functions.clone();
        let key = (record.owner.clone(), record.name.clone());
        registered.resources.aliases.insert(key, record.clone());
        let identity = &self.shared.identity;
        if let Some(path) = loop_through(&registered, identity, &record) {
            return Err(ResourceError::Loop { alias: record.name.as_str().to_owned(), path });
        }
        let entry = RegistryEntry {
            kind: RegistryKind::Alias,
            name: record.entry(),
            value: Some(record.encode()),
        };
        self.put_and_publish(vec![entry], &registered).await?;
        Ok(record)
    }

    /// Deletes an alias.
    ///
    /// # Errors
    /// There is no such owner or alias, or the store did not take it.
    pub async fn delete_alias(
        &self,
        owner: OwnerKey,
        name: Qualifier,
    ) -> Result<(), ResourceError> {
        let this = self.clone();
        let delete = async move {
            let _changing = this.shared.changes.lock().await;
            let record = this.alias(&owner, &name)?;
            let mut registered = this.shared.snapshot().functions.clone();
            registered.resources.aliases.remove(&(owner, name));
            let entry =
                RegistryEntry { kind: RegistryKind::Alias, name: record.entry(), value: None };
            this.put_and_publish(vec![entry], &registered).await
        };
        self.shared.to_the_end(delete).await?
    }

    /// Makes entries durable, then lets the registry as it is after them be in force.
    pub(crate) async fn put_and_publish(
        &self,
        entries: Vec<RegistryEntry>,
        registered: &Functions,
    ) -> Result<(), ResourceError> {
        self.shared.store.put_registry(&entries).await?;
        self.shared.publish(registered).await;
        Ok(())
    }
}

/// A number would be a version, and LATEST is what is no alias.
fn check_alias_name(name: &Qualifier) -> Result<(), ResourceError> {
    let is_taken =
        name.as_named().is_none_or(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    match is_taken {
        false => Ok(()),
        true => Err(ResourceError::Invalid {
            field: "aliasName",
            problem: "must be neither empty, LATEST nor a number".to_owned(),
        }),
    }
}

fn check_description(text: &str) -> Result<(), ResourceError> {
    match text.len() {
        0..=DESCRIPTION_MAX => Ok(()),
        got => Err(ResourceError::Invalid {
            field: "description",
            problem: too_long(DESCRIPTION_MAX, got),
        }),
    }
}

#[cfg(test)]
mod tests {
    use invoked_core::name::FunctionName;
    use invoked_core::time::Timestamp;

    use super::*;

    #[test]
    fn what_the_store_has_is_there_again_and_no_number_is_given_twice() {
        let at = Timestamp::from_millis(5_000);
        let owner =
            OwnerKey::from(&FunctionKey::new("123", FunctionName::parse("svc$fn").unwrap()));
        let version = |number| VersionRecord {
            owner: owner.clone(),
            number,
            description: String::new(),
            created_at: at,
        };
        let alias = AliasRecord {
            owner: owner.clone(),
            name: Qualifier::parse("prod").unwrap(),
            version: Some(1),
            attributes: "{}".into(),
            created_at: at,
            modified_at: at,
        };
        let mut resources = Resources::default();
        let kind = RegistryKind::Version;
        let first = version(1);
        resources.restore(kind, &first.entry(), Some(&first.encode())).unwrap();
        resources.restore(kind, &version(7).entry(), None).unwrap();
        resources.restore(RegistryKind::Alias, &alias.entry(), Some(&alias.encode())).unwrap();
        assert_eq!(resources.versions_of(&owner).count(), 1);
        assert_eq!(resources.last_versions.get(&owner), Some(&7));
        assert_eq!(resources.aliases_of(&owner).collect::<Vec<_>>(), [&alias]);
        assert!(resources.restore(kind, "123/function", None).is_none());
        let gone = resources.remove_labels(&owner);
        let names: Vec<_> = gone.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["123/function/svc$fn/prod", "123/function/svc$fn/1"]);
        assert_eq!(resources.aliases_of(&owner).count() + resources.versions_of(&owner).count(), 0);
    }
}
