//! The shell around the core: it owns the shards' tasks, makes decisions durable, carries attempts
//! and callbacks, and keeps the registry of functions.
//!
//! [`Engine::start`] brings a store's shards to life; a [`Handle`] is what the API talks to;
//! [`Engine::shutdown`] ends in phases; [`Handle::reconfigure`] changes how it works in between. Decide, record, act: a shard's task ([`shard`]) asks the
//! core, gives the decision to the store, and acts when it is durable. Nothing reorders the three.
//!
//! Not here: any adapter (the binary names them), any HTTP, any decision about an invocation.
#![warn(missing_docs)]

mod admission;
mod backup;
mod callbacks;
pub mod clock;
mod config;
mod configs;
mod destinations;
mod drain;
mod engine;
mod error;
mod flow;
mod functions;
mod handle;
mod invocations;
mod invoke;
mod labels;
mod lanes;
mod loops;
mod operations;
mod pauses;
mod qualifiers;
mod random;
mod reconfigure;
mod records;
mod redrive;
mod registry;
mod resources;
mod retry;
mod roles;
mod seed;
mod services;
mod shard;
mod snapshot;
mod spans;
mod stuck;
mod switches;
mod target_check;
mod targets;
mod tasks;
pub mod telemetry;
mod why;

pub use admission::{AdmissionView, Refusing};
pub use callbacks::{CallbackFilter, CallbackPage, CallbackRecord, CallbackStand, CallbackStatus};
pub use config::{EngineConfig, Parts};
pub use configs::{ConfigChange, ConfigPage, DestinationChange};
pub use destinations::{DestinationView, Probed};
pub use drain::Drained;
pub use engine::{Engine, Fatal, StartError};
pub use error::{
    CallbackError, ConfigError, FunctionError, InvokeError, LaneError, OperationError, ProbeError,
    RedriveError, ResourceError, RetryError, TaskError,
};
pub use flow::{FlowView, Spread};
pub use functions::FunctionPage;
pub use handle::{EngineView, Handle};
pub use invocations::InvocationFilter;
pub use invoke::{HttpAnswer, InvokeRequest, SyncAnswer, TaskWish};
pub use invoked_store::{BackupError, BackupState, BackupView, StoreError};
pub use labels::{AliasChange, AliasPage, VersionPage};
pub use lanes::FunctionCounts;
pub use operations::work::{Again, Sweep, Work, WorkKind, WorkRequest};
pub use operations::{
    IDS_MAX, OPERATIONS_MAX, Operation, OperationCounts, OperationState, RATE_DEFAULT, RATE_MAX,
    RedriveFilter, RedriveRequest, Redriven, WORK_RATE_MAX,
};
pub use pauses::{LaneHold, LaneKey};
pub use reconfigure::{ConfigProblem, Outside, Reconfiguration, ReconfigureError, Removed};
pub use registry::{
    ConfigRecord, Disabled, FunctionChange, FunctionRecord, Origin, Seed, StatusMode, WEIGHT_MAX,
};
pub use resources::{AliasRecord, Owner, OwnerKey, ServiceKey, ServiceRecord, VersionRecord};
pub use retry::{Repeat, Retried};
pub use services::ServicePage;
pub use switches::Amendment;
pub use target_check::TargetCheck;
pub use tasks::{TaskFilter, TaskRecord, TaskRecordPage};
pub use why::{LaneName, LaneReport, Place, Reason, Why};
