//! Records of services, aliases and versions, as the store keeps them.
//!
//! None of them steers an invocation: a service groups functions, a version and an alias are words
//! that a qualifier may be. Clients make and read them, so they are kept and shown. Whose a record
//! is and what it is called stand in the entry's name, the rest in the value: JSON with a version.
//!
//! # Invariants
//!
//! `records_read_back_as_they_were`, `entries_of_others_do_not_read`.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier, ServiceName};
use invoked_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What has aliases and versions: a service in the versions of the API that have services, else a
/// function.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Owner {
    /// The service with this name.
    Service(ServiceName),
    /// The function with this name.
    Function(FunctionName),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => write!(f, "service '{service}'"),
            Self::Function(function) => function.called().fmt(f),
        }
    }
}

/// A service or a function of an account.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct OwnerKey {
    /// Whose it is.
    pub account: Arc<str>,
    /// Its kind and name.
    pub owner: Owner,
}

impl From<&FunctionKey> for OwnerKey {
    fn from(function: &FunctionKey) -> Self {
        let owner = Owner::Function(function.name.clone());
        Self { account: Arc::clone(&function.account), owner }
    }
}

/// A service of an account.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ServiceKey {
    /// Whose it is.
    pub account: Arc<str>,
    /// Its name.
    pub name: ServiceName,
}

impl From<&ServiceKey> for OwnerKey {
    fn from(service: &ServiceKey) -> Self {
        let owner = Owner::Service(service.name.clone());
        Self { account: Arc::clone(&service.account), owner }
    }
}

/// A service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceRecord {
    /// Its account and name.
    pub key: ServiceKey,
    /// What a client gave: a JSON object, kept to be shown.
    pub attributes: String,
    /// When it was created; of one that only its functions imply, when the first of them was.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

/// An alias.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AliasRecord {
    /// Whose it is.
    pub owner: OwnerKey,
    /// Its name.
    pub name: Qualifier,
    /// The version it stands for; `None` is LATEST.
    pub version: Option<u32>,
    /// What a client gave: a JSON object, kept to be shown.
    pub attributes: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

/// A version: a number that stands for the function as it was published. The daemon keeps no code,
/// so that every version is called as the function is now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VersionRecord {
    /// Whose it is.
    pub owner: OwnerKey,
    /// Its number, from 1 on; never given twice.
    pub number: u32,
    /// What its publisher said.
    pub description: String,
    /// When it was published.
    pub created_at: Timestamp,
}

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct ServiceJson {
    version: u32,
    attributes: String,
    created_ms: i64,
    modified_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct AliasJson {
    version: u32,
    stands_for: Option<u32>,
    attributes: String,
    created_ms: i64,
    modified_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct VersionJson {
    version: u32,
    description: String,
    created_ms: i64,
}

impl OwnerKey {
    /// The beginning of the names of all entries that are this owner's.
    fn entry(&self) -> String {
        match &self.owner {
            Owner::Service(name) => format!("{}/service/{name}", self.account),
            Owner::Function(name) => format!("{}/function/{name}", self.account),
        }
    }

    /// The owner of an entry, and what follows.
    fn of_entry(entry: &str) -> Option<(Self, &str)> {
        let mut parts = entry.splitn(4, '/');
        let (account, kind) = (parts.next()?, parts.next()?);
        let (name, rest) = (parts.next()?, parts.next()?);
        let owner = match kind {
            "service" => Owner::Service(ServiceName::parse(name).ok()?),
            "function" => Owner::Function(FunctionName::parse(name).ok()?),
            _ => return None,
        };
        Some((Self { account: account.into(), owner }, rest))
    }
}

impl ServiceKey {
    /// The name of its entry in the registry.
    pub(crate) fn entry(&self) -> String {
        format!("{}/{}", self.account, self.name)
    }
}

impl ServiceRecord {
    pub(crate) fn encode(&self) -> Bytes {
        encoded(&ServiceJson {
            version: VERSION,
            attributes: self.attributes.clone(),
            created_ms: self.created_at.millis(),
            modified_ms: self.modified_at.millis(),
        })
    }

    /// `None` if entry and value are not ones that this program knows.
    pub(crate) fn decode(entry: &str, value: &[u8]) -> Option<Self> {
        let (account, name) = entry.split_once('/')?;
        let json: ServiceJson = serde_json::from_slice(value).ok()?;
        Some(Self {
            key: ServiceKey { account: account.into(), name: ServiceName::parse(name).ok()? },
            attributes: json.attributes,
            created_at: Timestamp::from_millis(json.created_ms),
            modified_at: Timestamp::from_millis(json.modified_ms),
        })
    }
}

impl AliasRecord {
    /// The name of its entry in the registry.
    pub(crate) fn entry(&self) -> String {
        format!("{}/{}", self.owner.entry(), self.name)
    }

    pub(crate) fn encode(&self) -> Bytes {
        encoded(&AliasJson {
            version: VERSION,
            stands_for: self.version,
            attributes: self.attributes.clone(),
            created_ms: self.created_at.millis(),
            modified_ms: self.modified_at.millis(),
        })
    }

    /// `None` if entry and value are not ones that this program knows.
    pub(crate) fn decode(entry: &str, value: &[u8]) -> Option<Self> {
        let (owner, name) = OwnerKey::of_entry(entry)?;
        let json: AliasJson = serde_json::from_slice(value).ok()?;
        Some(Self {
            owner,
            name: Qualifier::parse(name).ok()?,
            version: json.stands_for,
            attributes: json.attributes,
            created_at: Timestamp::from_millis(json.created_ms),
            modified_at: Timestamp::from_millis(json.modified_ms),
        })
    }
}

impl VersionRecord {
    /// The name of its entry in the registry.
    pub(crate) fn entry(&self) -> String {
        format!("{}/{}", self.owner.entry(), self.number)
    }

    /// The owner and number of a version's entry, deleted or not.
    pub(crate) fn read_entry(entry: &str) -> Option<(OwnerKey, u32)> {
        let (owner, number) = OwnerKey::of_entry(entry)?;
        Some((owner, number.parse().ok()?))
    }

    pub(crate) fn encode(&self) -> Bytes {
        encoded(&VersionJson {
            version: VERSION,
            description: self.description.clone(),
            created_ms: self.created_at.millis(),
        })
    }

    /// `None` if entry and value are not ones that this program knows.
    pub(crate) fn decode(entry: &str, value: &[u8]) -> Option<Self> {
        let (owner, number) = Self::read_entry(entry)?;
        let json: VersionJson = serde_json::from_slice(value).ok()?;
        let created_at = Timestamp::from_millis(json.created_ms);
        Some(Self { owner, number, description: json.description, created_at })
    }
}

fn encoded(json: &impl Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(json).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_service() -> ServiceKey {
        ServiceKey { account: "123".into(), name: ServiceName::parse("svc").unwrap() }
    }

    #[test]
    fn records_read_back_as_they_were() {
        let at = Timestamp::from_millis(5_000);
        let service = ServiceRecord {
            key: of_service(),
            attributes: "{}".into(),
            created_at: at,
            modified_at: at,
        };
        let read = ServiceRecord::decode(&service.key.entry(), &service.encode());
        assert_eq!(read, Some(service));
        let function = FunctionKey::new("123", FunctionName::parse("svc$fn").unwrap());
        for owner in [OwnerKey::from(&of_service()), OwnerKey::from(&function)] {
            let alias = AliasRecord {
                owner: owner.clone(),
                name: Qualifier::parse("prod").unwrap(),
                version: Some(3),
                attributes: "{}".into(),
                created_at: at,
                modified_at: at,
            };
            assert_eq!(AliasRecord::decode(&alias.entry(), &alias.encode()), Some(alias));
            let version =
                VersionRecord { owner, number: 3, description: "d".into(), created_at: at };
            assert_eq!(VersionRecord::decode(&version.entry(), &version.encode()), Some(version));
        }
    }

    #[test]
    fn entries_of_others_do_not_read() {
        for entry in
            ["", "123", "123/svc", "123/service/svc", "123/thing/svc/1", "123/service/1x/1"]
        {
            assert_eq!(VersionRecord::read_entry(entry), None, "{entry}");
        }
        assert_eq!(ServiceRecord::decode("123/svc", b"{}"), None);
    }

    #[test]
    fn owners_are_called_by_their_own_names() {
        let function = Owner::Function(FunctionName::parse("svc$fn").unwrap());
        assert_eq!(function.to_string(), "function 'fn' in service 'svc'");
        assert_eq!(Owner::Service(of_service().name).to_string(), "service 'svc'");
    }
}
