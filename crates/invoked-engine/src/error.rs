//! Why the engine did not do what was asked. Each variant asks something different of the caller;
//! the API's one table turns them into codes.

use std::time::Duration;

use invoked_core::arn::ArnError;
use invoked_core::name::{FunctionName, ServiceName};
use invoked_store::StoreError;

use crate::admission::Refusing;
use crate::resources::Owner;

/// In the words of the cloud, which differ between functions of services and others.
fn missing(function: &FunctionName) -> String {
    match function.service() {
        Some((service, function)) => {
            format!("function '{function}' does not exist in service '{service}'")
        }
        None => format!("function '{function}' does not exist"),
    }
}

/// An invocation was not taken.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// Create the function first.
    #[error("{}", missing(function))]
    NoFunction {
        /// Its name.
        function: FunctionName,
    },
    /// Give the function a target first.
    #[error("{} has no target; set INVOKED_TARGET_URL or its url", function.called())]
    NoTarget {
        /// Its name.
        function: FunctionName,
    },
    /// Its owner switched it off. Ask them, or enable it again.
    #[error("invocations of {} are disabled: {reason}", function.called())]
    Disabled {
        /// Its name.
        function: FunctionName,
        /// What its owner said.
        reason: String,
    },
    /// Choose another task id.
    #[error("a task with the id '{id}' exists already")]
    Duplicate {
        /// The id.
        id: String,
    },
    /// Send less.
    #[error("payload size exceeds maximum allowed size ({limit} bytes)")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// Too much waits already. Try again later.
    #[error("too many requests are waiting")]
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
    /// New work is not taken now, and nothing was stored. Try again later, or make room in the store.
    #[error("new asynchronous invocations are refused for now: {why}")]
    Refused {
        /// Why, and when to try again.
        why: Refusing,
    },
    /// The daemon stops or its store does not answer in time. Try again later, or elsewhere.
    #[error("the daemon cannot take the invocation now")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}

/// A function was not created, changed or found.
#[derive(Debug, thiserror::Error)]
pub enum FunctionError {
    /// There is no such function.
    #[error("{}", missing(function))]
    NotFound {
        /// Its name.
        function: FunctionName,
    },
    /// The name is taken.
    #[error("{} already exists", function.called())]
    Exists {
        /// Its name.
        function: FunctionName,
    },
    /// The operator's configuration says what this function is.
    #[error("{} is defined in the daemon's configuration; change it there", function.called())]
    OwnedByFile {
        /// Its name.
        function: FunctionName,
    },
    /// A value is not allowed.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// Why.
        problem: String,
    },
    /// Delete some first.
    #[error("an account cannot have more than {limit} functions")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// The store did not take it.
    #[error("the store did not take the change")]
    Store(#[from] StoreError),
}

/// A service, an alias or a version was not made, changed or found.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    /// Create the service first.
    #[error("service '{service}' does not exist")]
    NoService {
        /// Its name.
        service: ServiceName,
    },
    /// Create the function first.
    #[error("{}", missing(function))]
    NoFunction {
        /// Its name.
        function: FunctionName,
    },
    /// There is no such alias.
    #[error("alias '{alias}' of {of} does not exist")]
    NoAlias {
        /// Its name.
        alias: String,
        /// Whose it would be.
        of: Owner,
    },
    /// There is no such version.
    #[error("version '{version}' of {of} does not exist")]
    NoVersion {
        /// Its number, or what was given for one.
        version: String,
        /// Whose it would be.
        of: Owner,
    },
    /// The name is taken.
    #[error("service '{service}' already exists")]
    ServiceExists {
        /// Its name.
        service: ServiceName,
    },
    /// The name is taken.
    #[error("alias '{alias}' of {of} already exists")]
    AliasExists {
        /// Its name.
        alias: String,
        /// Whose it is.
        of: Owner,
    },
    /// Delete its functions first.
    #[error("service '{service}' has active 'functions'")]
    HasFunctions {
        /// Its name.
        service: ServiceName,
    },
    /// Point the alias elsewhere first.
    #[error("version '{version}' of {of} is in use by alias '{alias}'")]
    Aliased {
        /// The version.
        version: u32,
        /// The alias that stands for it.
        alias: String,
        /// Whose both are.
        of: Owner,
    },
    /// A value is not allowed.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// Why.
        problem: String,
    },
    /// Destinations would lead back to where they started.
    #[error("with alias '{alias}' so, destinations form a loop: {path}")]
    Loop {
        /// The alias.
        alias: String,
        /// The way around.
        path: String,
    },
    /// Delete some first.
    #[error("there cannot be more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The store did not take it.
    #[error("the store did not take the change")]
    Store(#[from] StoreError),
}

/// An asynchronous invoke configuration was not put or found.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no such function.
    #[error("{}", missing(function))]
    NoFunction {
        /// Its name.
        function: FunctionName,
    },
    /// There is no configuration for this qualifier.
    #[error("async config of {} with qualifier '{qualifier}' does not exist", function.called())]
    NotFound {
        /// Its name.
        function: FunctionName,
        /// The qualifier.
        qualifier: String,
    },
    /// A value is out of its range.
    #[error("{field} must be between {min} and {max}, got {got}")]
    OutOfRange {
        /// Which.
        field: &'static str,
        /// Smallest allowed.
        min: i64,
        /// Largest allowed.
        max: i64,
        /// What was given.
        got: i64,
    },
    /// A destination is not one.
    #[error("{field}: {problem}")]
    Destination {
        /// Which.
        field: &'static str,
        /// Why.
        problem: ArnError,
    },
    /// A destination is a function that takes HTTP requests, not events.
    #[error(
        "{field}: {} is an HTTP function; a destination has to be an event function",
        function.called()
    )]
    HttpFunction {
        /// Which.
        field: &'static str,
        /// The function.
        function: FunctionName,
    },
    /// Delete some first.
    #[error("a function cannot have more than {limit} async configs")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// The destinations would form a loop.
    #[error("destinations form a loop: {path}")]
    Loop {
        /// The way around.
        path: String,
    },
    /// The store did not take it.
    #[error("the store did not take the change")]
    Store(#[from] StoreError),
}

/// A task was not found or stopped.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// There is no such function.
    #[error("{}", missing(function))]
    NoFunction {
        /// Its name.
        function: FunctionName,
    },
    /// There is no such task.
    #[error("task '{id}' of {} does not exist", function.called())]
    NotFound {
        /// The function.
        function: FunctionName,
        /// The task.
        id: String,
    },
    /// It has ended.
    #[error("task '{id}' has already ended with status {status}")]
    Ended {
        /// The task.
        id: String,
        /// Its status.
        status: &'static str,
    },
    /// The token is not one of ours.
    #[error("nextToken is not valid")]
    BadToken,
    /// The daemon stops, or too much waits for this task. Try again later.
    #[error("the daemon cannot take the request now")]
    Unavailable,
    /// The store did not answer.
    #[error("the store did not answer")]
    Store(#[from] StoreError),
}

/// A task was not invoked again.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// It was not found.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// No invocation with this id is known.
    #[error("invocation '{id}' does not exist")]
    NoInvocation {
        /// Its request id.
        id: String,
    },
    /// It has not ended: wait, or stop it first.
    #[error("invocation '{id}' has not ended, its status is {status}")]
    NotEnded {
        /// Task id, or request id.
        id: String,
        /// Its status.
        status: &'static str,
    },
    /// Its event is not kept: only tasks keep theirs, for the retention. Invoke the function anew.
    #[error("the payload of invocation '{id}' is not kept")]
    NoPayload {
        /// Task id, or request id.
        id: String,
    },
    /// The new invocation was not taken.
    #[error(transparent)]
    Invoke(#[from] InvokeError),
}

/// A callback was not found.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    /// There is no such function, and never was.
    #[error("function '{function}' does not exist")]
    NoFunction {
        /// Its name.
        function: FunctionName,
    },
    /// There is none with this id, or it is delivered, or no longer kept.
    #[error("callback '{id}' does not exist")]
    NotFound {
        /// Its id.
        id: String,
    },
    /// The token is not one of ours.
    #[error("token is not valid")]
    BadToken,
    /// The store did not answer.
    #[error("the store did not answer")]
    Store(#[from] StoreError),
}

/// A callback was not redriven.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// None is kept with this id: it is delivered, or owed, or past its retention.
    #[error("no failed callback '{id}' is kept")]
    NotFound {
        /// Its id.
        id: String,
    },
    /// It is owed already.
    #[error("callback '{id}' is under way already")]
    UnderWay {
        /// Its id.
        id: String,
    },
    /// Its record has made way for that of a newer task with the same id.
    #[error("callback '{id}' is of a task whose id belongs to a newer task now")]
    Replaced {
        /// Its id.
        id: String,
    },
    /// The daemon cannot take it now. It may be owed all the same: look before asking again.
    #[error("the daemon cannot redrive callbacks now; try again later")]
    Unavailable,
}

/// An operation was not begun, found or ended.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// There is no such function, and never was.
    #[error("function '{function}' does not exist")]
    NoFunction {
        /// Its name.
        function: FunctionName,
    },
    /// There is none with this id, or it is no longer remembered.
    #[error("operation '{id}' does not exist")]
    NotFound {
        /// Its id.
        id: String,
    },
    /// It has ended.
    #[error("operation '{id}' has ended")]
    Ended {
        /// Its id.
        id: String,
    },
    /// There is no such function or destination, or the ARN is none.
    #[error(transparent)]
    Lane(LaneError),
    /// The function cannot be invoked as things stand, so that nothing of it can be done again.
    #[error(transparent)]
    Invoke(InvokeError),
    /// A part of the filter cannot be meant of this.
    #[error("{field} {problem}")]
    Filter {
        /// Which part.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The rate is not allowed.
    #[error("the rate must be between 1 and {max} a second")]
    Rate {
        /// The most that is allowed.
        max: u32,
    },
    /// No ids are given, or too many.
    #[error("between 1 and {max} ids must be given")]
    Ids {
        /// The most that are allowed.
        max: usize,
    },
    /// All that are remembered are under way. Wait for one to end, or cancel one.
    #[error("{max} operations are under way already")]
    TooMany {
        /// How many there may be.
        max: usize,
    },
    /// The daemon is about to stop.
    #[error("the daemon takes no operations now; try again later")]
    Unavailable,
    /// The store did not answer.
    #[error("the store did not answer")]
    Store(#[from] StoreError),
}

/// A lane was not held, let go or looked at.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// There is no such function.
    #[error("function '{function}' does not exist")]
    NoFunction {
        /// Its name.
        function: FunctionName,
    },
    /// The ARN is none.
    #[error("destination {problem}")]
    BadArn {
        /// What is wrong with it.
        problem: String,
    },
    /// No configuration names it, and none ever did.
    #[error("destination '{destination}' stands in no configuration, and never did")]
    NoDestination {
        /// Its ARN.
        destination: String,
    },
    /// The note is too long.
    #[error("note is over {max} bytes")]
    Note {
        /// The most that is allowed, in bytes.
        max: usize,
    },
    /// The store did not take it.
    #[error("the store did not answer")]
    Store(#[from] StoreError),
}

/// A destination was not probed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The ARN is none.
    #[error("destination {problem}")]
    BadArn {
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing is configured that could tell it.
    #[error("no [sinks.{kind}] is configured")]
    NoSink {
        /// The kind of destination.
        kind: &'static str,
    },
    /// Too many are under way. Try again later.
    #[error("too many probes are under way; try again later")]
    Busy,
}
