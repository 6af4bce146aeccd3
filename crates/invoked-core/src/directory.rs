//! The functions as they are now: an immutable snapshot that is replaced whole when one changes.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use crate::arn::Arn;
use crate::envelope::Identity;
use crate::fault::Fault;
use crate::head::{Head, LaneId};
use crate::id::FnId;
use crate::name::{FunctionKey, FunctionName, Qualifier};
use crate::pause::Pauses;
use crate::qualifiers::{LaneNumbers, Limits, QualifierLane};
use crate::role::Role;
use crate::terms::Terms;
use crate::time::Timestamp;

/// What kind of requests a function takes.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum FunctionKind {
    /// Events: it can be a destination.
    #[default]
    Event,
    /// HTTP requests: it cannot.
    Http,
}

/// Whether asynchronous invocations are tasks.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum TaskMode {
    /// Only those that ask for it.
    #[default]
    Off,
    /// All of them.
    On,
}

/// An asynchronous invoke configuration, ready for acceptance.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Prepared {
    /// The terms of invocations accepted under it.
    pub terms: Arc<Terms>,
    /// Whether they are tasks.
    pub task_mode: TaskMode,
}

/// A function of this daemon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Function {
    /// The store's number for it.
    pub id: FnId,
    /// Its account.
    pub account: Arc<str>,
    /// Its name.
    pub name: FunctionName,
    /// What requests it takes.
    pub kind: FunctionKind,
    /// What its own lane may take.
    pub limits: Limits,
    /// Its qualifiers with limits, and so a lane, of their own.
    pub lanes: BTreeMap<Qualifier, QualifierLane>,
    /// Whether its lanes are held by an operator.
    pub paused: bool,
    /// What it may tell; `None` is anything.
    pub role: Option<Arc<Role>>,
    /// Retries after function errors where no configuration sets them.
    pub default_retries: u8,
    /// Time-to-live in seconds where no configuration sets it.
    pub default_event_age_seconds: u32,
    /// Its asynchronous invoke configurations. There is no fallback between qualifiers.
    pub configs: BTreeMap<Qualifier, Prepared>,
    /// When what it is was last changed.
    pub changed_at: Timestamp,
}

impl Function {
    /// What tells it apart.
    #[must_use]
    pub fn key(&self) -> FunctionKey {
        FunctionKey { account: Arc::clone(&self.account), name: self.name.clone() }
    }

    /// What an invocation of `qualifier` is accepted under.
    #[must_use]
    pub fn prepared(&self, qualifier: &Qualifier) -> Prepared {
        self.configs.get(qualifier).cloned().unwrap_or_else(|| Prepared {
            terms: Arc::new(Terms {
                qualifier: qualifier.clone(),
                lane: self.lanes.get(qualifier).map(|lane| lane.id),
                max_retries: self.default_retries,
                event_age_seconds: self.default_event_age_seconds,
                on_success: None,
                on_failure: None,
            }),
            task_mode: TaskMode::Off,
        })
    }
}

/// Where the message for a destination goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Route {
    /// To a function of this daemon, in the commit that settles the callback.
    Local {
        /// The function.
        function: Arc<Function>,
        /// Version or alias.
        qualifier: Qualifier,
    },
    /// Through a sink.
    Sink,
    /// Nowhere: the role of the function that has something to tell does not allow it.
    Refused(Fault),
}

/// All functions of this daemon.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Who the daemon is.
    pub identity: Identity,
    by_id: BTreeMap<FnId, Arc<Function>>,
    by_key: BTreeMap<FunctionKey, FnId>,
    names: Arc<BTreeMap<FnId, FunctionKey>>,
    lanes: Arc<LaneNumbers>,
    shares: Arc<BTreeMap<Box<str>, u32>>,
    pauses: Arc<BTreeMap<FnId, Pauses>>,
    unconfigured: Arc<BTreeSet<FnId>>,
}

impl Directory {
    /// A snapshot. `names` has every function that ever was: what waits, runs or is kept of one that
    /// was deleted still says whose it is.
    #[must_use]
    pub fn new(
        identity: Identity,
        functions: impl IntoIterator<Item = Arc<Function>>,
        names: Arc<BTreeMap<FnId, FunctionKey>>,
    ) -> Self {
        let mut by_id = BTreeMap::new();
        let mut by_key = BTreeMap::new();
        for function in functions {
            by_key.insert(function.key(), function.id);
            by_id.insert(function.id, function);
        }
        Self {
            identity,
            by_id,
            by_key,
            names,
            lanes: Arc::default(),
            shares: Arc::default(),
            pauses: Arc::default(),
            unconfigured: Arc::default(),
        }
    }

    /// Sets whose the lanes of qualifiers are, those of past ones too.
    #[must_use]
    pub fn with_lanes(self, lanes: Arc<LaneNumbers>) -> Self {
        Self { lanes, ..self }
    }

    /// Whose attempts wait in the lane with this number: a function's, whether or not it is still there,
    /// and those of one of its qualifiers, if the lane is one's.
    #[must_use]
    pub fn owner_of(&self, lane: FnId) -> (FnId, Option<&Qualifier>) {
        self.lanes.owner_of(lane)
    }

    /// The same by the function's name, which is `None` for a number that nobody ever had.
    #[must_use]
    pub fn owner_key_of(&self, lane: FnId) -> (Option<FunctionKey>, Option<&Qualifier>) {
        let (function, qualifier) = self.owner_of(lane);
        (self.key_of(function), qualifier)
    }

    /// The numbers of all lanes in which something of a function may wait: its own, then those that its
    /// qualifiers have or had.
    pub fn lanes_of(&self, function: FnId) -> impl Iterator<Item = FnId> {
        core::iter::once(function).chain(self.lanes.of(function).map(|(_, lane)| lane))
    }

    /// The lane that invocations of a qualifier are put into now.
    #[must_use]
    pub fn lane_for(&self, function: FnId, qualifier: &Qualifier) -> FnId {
        let lane = self.get(function).and_then(|function| function.lanes.get(qualifier));
        lane.map_or(function, |lane| lane.id)
    }

    /// The function in whose lane with this number attempts wait, and what that lane may take: what its
    /// qualifier may, while that has limits; else what the function may. `None` if the function is gone.
    #[must_use]
    pub fn lane(&self, lane: FnId) -> Option<(&Arc<Function>, Limits)> {
        let (function, qualifier) = self.owner_of(lane);
        let function = self.get(function)?;
        let own = qualifier.and_then(|qualifier| function.lanes.get(qualifier));
        Some((function, own.map_or(function.limits, |own| own.limits)))
    }

    /// The lane whose limits hold for what goes from this one: the function's own for what waits for a
    /// qualifier that has no limits any more; else the lane itself.
    #[must_use]
    pub fn limiting(&self, lane: LaneId) -> LaneId {
        let LaneId::Function(id) = lane else { return lane };
        let (owner, Some(qualifier)) = self.owner_of(id) else { return lane };
        let has_own = self.get(owner).is_none_or(|function| function.lanes.contains_key(qualifier));
        if has_own { lane } else { LaneId::Function(owner) }
    }

    /// Sets the shares of accounts in the round robin; those that are not named have 1.
    #[must_use]
    pub fn with_shares(self, shares: Arc<BTreeMap<Box<str>, u32>>) -> Self {
        Self { shares, ..self }
    }

    /// The share of an account in the round robin.
    #[must_use]
    pub fn share_of(&self, account: &str) -> u32 {
        self.shares.get(account).copied().unwrap_or(1)
    }

    /// The same, with the pauses of destinations that operators hold or held.
    #[must_use]
    pub fn with_pauses(self, pauses: BTreeMap<FnId, Pauses>) -> Self {
        Self { pauses: Arc::new(pauses), ..self }
    }

    /// The same, with the destinations whose way was taken out of the configuration.
    #[must_use]
    pub fn with_unconfigured(self, unconfigured: BTreeSet<FnId>) -> Self {
        Self { unconfigured: Arc::new(unconfigured), ..self }
    }

    /// The destinations whose way was taken out of the configuration: what they are owed is held.
    #[must_use]
    pub fn unconfigured(&self) -> &BTreeSet<FnId> {
        &self.unconfigured
    }

    /// The pauses of all destinations that were ever held.
    #[must_use]
    pub fn pauses(&self) -> &BTreeMap<FnId, Pauses> {
        &self.pauses
    }

    /// The pauses of the destination with this number.
    #[must_use]
    pub fn pauses_of(&self, destination: FnId) -> &Pauses {
        self.pauses.get(&destination).unwrap_or(Pauses::never())
    }

    /// Whether nothing goes to the destination with this number: an operator holds it, or its way was taken
    /// out of the configuration.
    #[must_use]
    pub fn is_held(&self, destination: FnId) -> bool {
        self.pauses_of(destination).is_paused() || self.unconfigured.contains(&destination)
    }

    /// The pauses of the destination that a row owes a callback.
    #[must_use]
    pub fn pauses_for(&self, head: &Head) -> &Pauses {
        head.owed_destination().map_or(Pauses::never(), |to| self.pauses_of(to.id))
    }

    /// The function with this number.
    #[must_use]
    pub fn get(&self, id: FnId) -> Option<&Arc<Function>> {
        self.by_id.get(&id)
    }

    /// The function with this key.
    #[must_use]
    pub fn find(&self, key: &FunctionKey) -> Option<&Arc<Function>> {
        self.by_key.get(key).and_then(|id| self.by_id.get(id))
    }

    /// Whose a number is or was; `None` for a number that nobody ever had.
    #[must_use]
    pub fn key_of(&self, id: FnId) -> Option<FunctionKey> {
        self.get(id).map(|function| function.key()).or_else(|| self.names.get(&id).cloned())
    }

    /// The numbers that a key has and had, newest first: one for each time it was created.
    pub fn ids_of(&self, key: &FunctionKey) -> impl Iterator<Item = FnId> {
        let present = self.by_key.get(key).copied();
        let former = self.names.iter().rev().filter(move |(_, named)| *named == key);
        let former = former.map(|(id, _)| *id).filter(move |id| Some(*id) != present);
        present.into_iter().chain(former)
    }

    /// Every function, ordered by account and name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Function>> {
        self.by_key.values().filter_map(|id| self.by_id.get(id))
    }

    /// Where a message of the function `from` for `destination` goes. A function that this daemon
    /// does not know is somebody else's: a sink decides what becomes of it. Every message asks here, so
    /// this is where a function is held to its role; one that was deleted has none any more.
    #[must_use]
    pub fn route(&self, from: FnId, destination: &Arn) -> Route {
        let key = self.key_of(from);
        let account = key.as_ref().map_or(self.identity.account.as_str(), |key| &key.account);
        let role = self.get(from).and_then(|function| function.role.as_ref());
        let region = &self.identity.region;
        if let Some(fault) = role.and_then(|role| role.refusal(destination, region, account)) {
            return Route::Refused(fault);
        }
        let own = self.identity.own_function(account, destination);
        match own.and_then(|(key, qualifier)| Some((self.find(&key)?, qualifier))) {
            Some((function, qualifier)) => {
                Route::Local { function: Arc::clone(function), qualifier }
            }
            None => Route::Sink,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::FunctionName;

    fn key(account: &str, name: &str) -> FunctionKey {
        FunctionKey::new(account, FunctionName::parse(name).unwrap())
    }

    fn function(id: u32, key: &FunctionKey) -> Arc<Function> {
        Arc::new(Function {
            id: FnId(id),
            account: Arc::clone(&key.account),
            name: key.name.clone(),
            kind: FunctionKind::Event,
            limits: Limits::default(),
            lanes: BTreeMap::new(),
            paused: false,
            role: None,
            default_retries: 3,
            default_event_age_seconds: 60,
            configs: BTreeMap::new(),
            changed_at: Timestamp::MIN,
        })
    }

    #[test]
    fn functions_of_two_accounts_may_share_a_name_and_never_meet() {
        let (ours, theirs) = (key("1", "audit"), key("2", "audit"));
        let gone = key("2", "gone");
        let identity = Identity { region: "cn-x".into(), account: "1".into() };
        let names = [(FnId(9), gone.clone())].into();
        let functions = [function(1, &ours), function(2, &theirs)];
        let directory = Directory::new(identity, functions, Arc::new(names));
        assert_eq!(directory.find(&theirs).unwrap().id, FnId(2));
        let to = |from: u32, arn: &str| match directory.route(FnId(from), &Arn::parse(arn).unwrap())
        {
            Route::Local { function, .. } => Some(function.id.0),
            Route::Sink | Route::Refused(_) => None,
        };
        let nobody = "acs:fc:::functions/audit";
        // Whoever names no account means his own, even after he was deleted.
        assert_eq!((to(1, nobody), to(2, nobody), to(9, nobody)), (Some(1), Some(2), Some(2)));
        assert_eq!(to(1, "acs:fc:cn-x:2:functions/audit"), None);
        assert_eq!(to(2, "acs:fc:cn-x:2:functions/audit"), Some(2));
        assert_eq!(to(2, "acs:fc:cn-y:2:functions/audit"), None);
        assert_eq!(directory.key_of(FnId(9)), Some(gone.clone()));
        assert!(directory.ids_of(&gone).eq([FnId(9)]));
        assert!(directory.ids_of(&theirs).eq([FnId(2)]));
    }
}
