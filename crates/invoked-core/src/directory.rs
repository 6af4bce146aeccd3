//! The functions as they are now: an immutable snapshot that is replaced whole when one changes.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use crate::arn::Arn;
use crate::envelope::Identity;
use crate::id::FnId;
use crate::name::{FunctionName, Qualifier};
use crate::terms::Terms;

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
    /// Attempts at a time; `None` leaves it to the engine's default.
    pub concurrency: Option<u32>,
    /// Whether its lane is held by an operator.
    pub paused: bool,
    /// Retries after function errors where no configuration sets them.
    pub default_retries: u8,
    /// Time-to-live in seconds where no configuration sets it.
    pub default_event_age_seconds: u32,
    /// Its asynchronous invoke configurations. There is no fallback between qualifiers.
    pub configs: BTreeMap<Qualifier, Prepared>,
}

impl Function {
    /// What an invocation of `qualifier` is accepted under.
    #[must_use]
    pub fn prepared(&self, qualifier: &Qualifier) -> Prepared {
        self.configs.get(qualifier).cloned().unwrap_or_else(|| Prepared {
            terms: Arc::new(Terms {
                qualifier: qualifier.clone(),
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
}

/// All functions of this daemon.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Who the daemon is.
    pub identity: Identity,
    by_id: BTreeMap<FnId, Arc<Function>>,
    by_name: BTreeMap<FunctionName, FnId>,
}

impl Directory {
    /// A snapshot.
    #[must_use]
    pub fn new(identity: Identity, functions: impl IntoIterator<Item = Arc<Function>>) -> Self {
        let mut by_id = BTreeMap::new();
        let mut by_name = BTreeMap::new();
        for function in functions {
            by_name.insert(function.name.clone(), function.id);
            by_id.insert(function.id, function);
        }
        Self { identity, by_id, by_name }
    }

    /// The function with this number.
    #[must_use]
    pub fn get(&self, id: FnId) -> Option<&Arc<Function>> {
        self.by_id.get(&id)
    }

    /// The function with this name.
    #[must_use]
    pub fn find(&self, name: &FunctionName) -> Option<&Arc<Function>> {
        self.by_name.get(name).and_then(|id| self.by_id.get(id))
    }

    /// Every function, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Function>> {
        self.by_name.values().filter_map(|id| self.by_id.get(id))
    }

    /// Where the message for `destination` goes. A function that this daemon does not know is
    /// somebody else's: a sink decides what becomes of it.
    #[must_use]
    pub fn route(&self, destination: &Arn) -> Route {
        let own = self.identity.own_function(destination);
        match own.and_then(|(name, qualifier)| Some((self.find(&name)?, qualifier))) {
            Some((function, qualifier)) => {
                Route::Local { function: Arc::clone(function), qualifier }
            }
            None => Route::Sink,
        }
    }
}
