//! Every limit of the engine that is not the operator's to choose, with where it comes from.
//!
//! "FC contract" is `docs/compatibility.md`; "ours" means that nothing outside prescribes it.

use core::time::Duration;

/// Payload of an asynchronous invocation, in bytes. FC contract: quota page, 128 KB.
pub const ASYNC_PAYLOAD_MAX: usize = 131_072;
/// Payload of a synchronous invocation, in bytes. FC contract: 32 MB.
pub const SYNC_PAYLOAD_MAX: usize = 32 * 1024 * 1024;
/// Answer of a function to an asynchronous call, in bytes. FC contract: task results up to 1 MB.
pub const RESULT_MAX: usize = 1024 * 1024;
/// Answer of a function to a synchronous call, in bytes. FC contract: the payload's limit.
pub const SYNC_RESULT_MAX: usize = SYNC_PAYLOAD_MAX;
/// `x-fc-async-delay`, in seconds. FC contract: 0 to 3,600.
pub const DELAY_SECONDS_MAX: u32 = 3_600;
/// `maxAsyncRetryAttempts`. FC contract: 0 to 8.
pub const RETRY_ATTEMPTS_MAX: u8 = 8;
/// `maxAsyncRetryAttempts` where a configuration sets none. FC contract: 3.
pub const RETRY_ATTEMPTS_DEFAULT: u8 = 3;
/// `maxAsyncEventAgeInSeconds`, at least. FC contract: 1.
pub const EVENT_AGE_SECONDS_MIN: u32 = 1;
/// `maxAsyncEventAgeInSeconds`, at most. FC contract: 2,592,000 (30 days), the widest of all versions.
pub const EVENT_AGE_SECONDS_MAX: u32 = 2_592_000;
/// `maxAsyncEventAgeInSeconds` where a configuration sets none. FC contract: one day.
pub const EVENT_AGE_SECONDS_DEFAULT: u32 = 86_400;
/// Function name, or service name, in characters. Ours; the cloud's own is 64.
pub const FUNCTION_NAME_MAX: usize = 128;
/// Version or alias, in characters. Ours.
pub const QUALIFIER_MAX: usize = 128;
/// Task id, in characters. FC contract: 128.
pub const TASK_ID_MAX: usize = 128;
/// ARN of a destination, in bytes. Ours: longer than every part at its own limit.
pub const ARN_MAX: usize = 1_024;
/// Message on a destination function, in bytes of envelope. FC contract: the payload limit.
pub const FUNCTION_ENVELOPE_MAX: usize = ASYNC_PAYLOAD_MAX;
/// `MessageBody` of MNS as it is sent (encoded, before XML escaping), in bytes. MNS: 64 KB.
pub const MNS_BODY_MAX: usize = 65_536;
/// Event on EventBridge, in bytes of JSON. EventBridge: 64 KB.
pub const EVENT_MAX: usize = 65_536;
/// Body of a RocketMQ message, in bytes. RocketMQ: `maxMessageSize`, 4 MB.
pub const ROCKETMQ_BODY_MAX: usize = 4_194_304;
/// Hand-overs from function to function in one chain. Ours: deeper ones are a loop we cannot see.
pub const LINEAGE_DEPTH_MAX: u8 = 16;
/// Text of an error that is kept with an invocation, in bytes. Ours.
pub const FAULT_MESSAGE_MAX: usize = 1_024;
/// Code of an error that is kept, in bytes. Ours: codes are words.
pub const FAULT_CODE_MAX: usize = 128;
/// Id that a destination gives a message, in bytes of it that are kept. Ours: ids are shorter.
pub const MESSAGE_ID_MAX: usize = 256;
/// Events of a task that are kept. Ours: the first 8, the last 55 and one that counts the rest.
pub const HISTORY_MAX: usize = 64;
/// Events kept from the beginning of a task's life.
pub const HISTORY_FIRST: usize = 8;
/// Events kept from the end of a task's life.
pub const HISTORY_LAST: usize = 55;
/// Longest run of throttling and system errors. FC contract: five hours.
pub const THROTTLED_FOR_MAX: Duration = Duration::from_secs(5 * 3_600);
/// Longest time for which a `Retry-After` holds the lane of a function or a destination. Ours: the longest single
/// wait after throttling; whoever wants longer is asked again.
pub const LANE_HOLD_MAX: Duration = Duration::from_secs(300);
/// Age of an attempt of a plain invocation before "started" is written. Ours: shorter ones cost
/// no extra write.
pub const STARTED_MARK_AFTER: Duration = Duration::from_secs(2);
/// Age of an attempt of a task before "started" is written. Ours: its history is complete either way,
/// because every later write of the row has it; sooner than for a plain one, because its owner may ask.
pub const TASK_MARK_AFTER: Duration = Duration::from_millis(100);
/// Events that may wait for the commit of one row. One end of an attempt and a few stops.
pub const ROW_EVENTS_WAITING_MAX: usize = 8;
/// Redrives of one callback that are kept. Ours: the last ones; all are counted.
pub const REDRIVES_KEPT_MAX: usize = 16;
/// Name of whoever asked for a redrive, in bytes. Ours.
pub const REDRIVEN_BY_MAX: usize = 128;
/// Pauses of a lane that are over and known. Ours: the last ones.
pub const PAUSES_KEPT_MAX: usize = 8;
/// Rows of a function's lane that one page of a sweep looks at. Ours: a commit of some milliseconds.
pub const SWEEP_ROWS: u32 = 1_024;
/// Callbacks that one page of a sweep looks at: their messages are read and kept. Ours.
pub const SWEEP_CALLBACKS: u32 = 64;
/// Callbacks past their deadline whose messages are being read at a time. Ours.
pub const GIVING_UP_MAX: usize = 64;
/// Rows whose fate one turn of a shard may settle without a slot (expired, function deleted).
pub const SETTLED_PER_TURN_MAX: usize = 256;
/// Waiting rows that one turn of a shard sends back to the store because there are too many in memory.
pub const TRIMMED_PER_TURN_MAX: usize = 1_024;
/// Counts of one function that are kept apart by qualifier. Ours: qualifiers are any caller's words.
pub const TOTALS_PER_FUNCTION_MAX: usize = 1_000;
/// Heads that one read of a lane brings, at most.
pub const HEADS_PER_LOAD: u32 = 512;
/// What a lane may keep in memory however many lanes there are: this part of a whole window. Ours: fewer rows would have
/// a lane read the store for every few.
pub const WINDOW_PARTS: usize = 256;
/// Entries that one page of a listing examines before it comes back short.
pub const LIST_EXAMINED_MAX: usize = 1_000;
/// Functions of one account. Ours.
pub const FUNCTIONS_PER_ACCOUNT_MAX: usize = 10_000;
/// What a client gave of a function, a service or an alias and gets back, in bytes of JSON. Ours.
pub const ATTRIBUTES_MAX: usize = 32 * 1024;
/// Services of one account that were created as such. Ours.
pub const SERVICES_PER_ACCOUNT_MAX: usize = 1_000;
/// Aliases of one service or function. Ours.
pub const ALIASES_PER_OWNER_MAX: usize = 100;
/// Versions of one service or function. Ours.
pub const VERSIONS_PER_OWNER_MAX: usize = 100;
/// Asynchronous invoke configurations of one function. Ours: a qualifier is any caller's word.
pub const CONFIGS_PER_FUNCTION_MAX: usize = 200;
/// Attempts at a time that a function or one of its qualifiers may be given. Ours.
pub const CONCURRENCY_MAX: u32 = 100_000;
/// Qualifiers of one function with limits, and so a lane, of their own. Ours.
pub const QUALIFIER_LANES_MAX: usize = 16;
/// Qualifiers of one function that have or had a lane: each keeps its number for ever. Ours.
pub const QUALIFIER_LANES_EVER_MAX: usize = 256;
/// Tags of one resource. FC contract: 20.
pub const TAGS_PER_RESOURCE_MAX: usize = 20;
/// Text of a description or a reason, in bytes. Ours; the cloud's own is 256 characters.
pub const DESCRIPTION_MAX: usize = 1_024;
