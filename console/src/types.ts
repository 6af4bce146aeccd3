// The bodies of the admin API (docs/openapi.json), as far as the console reads them. Times are RFC 3339 strings.

export type Role = 'viewer' | 'operator' | 'admin';

export interface Session {
  name: string | null;
  role: Role;
  payloads: boolean;
  /** What they may do beyond what every role may, by the names that the API gives its operations. */
  operations: string[];
  needs_token: boolean;
  version: string;
}

export interface Fault {
  code: string;
  message: string;
  status: number;
}

export interface Content {
  data: string;
  encoding: 'utf8' | 'base64';
}

export type Status =
  | 'Enqueued'
  | 'Dequeued'
  | 'Running'
  | 'Retrying'
  | 'Stopping'
  | 'Succeeded'
  | 'Failed'
  | 'Expired'
  | 'Stopped'
  | 'Invalid';

export const STATUSES: readonly Status[] = [
  'Enqueued',
  'Dequeued',
  'Running',
  'Retrying',
  'Stopping',
  'Succeeded',
  'Failed',
  'Expired',
  'Stopped',
  'Invalid',
];

/** Whether an invocation with this status has ended. */
export function hasEnded(status: Status): boolean {
  return STATUSES.indexOf(status) >= STATUSES.indexOf('Succeeded');
}

export interface TaskEvent {
  id: number;
  at: string;
  status: Status;
  detail: string | null;
}

export interface Redrive {
  at: string;
  by: string;
  code: string | null;
  ended_at: string | null;
  tries: number;
}

export interface Delivery {
  tries: number;
  deadline: string | null;
  error: Fault | null;
  message_id: string | null;
  next_at: string | null;
  settled_at: string | null;
  redrives: Redrive[];
}

export interface Task {
  request_id: string;
  task_id: string | null;
  function: string;
  account: string;
  qualifier: string;
  status: Status;
  accepted_at: string;
  started_at: string | null;
  ended_at: string | null;
  due_at: string | null;
  expires_at: string;
  attempts: number;
  error: Fault | null;
  events: TaskEvent[];
  destination: string | null;
  callback: 'Pending' | 'Delivered' | 'Failed' | null;
  delivery: Delivery | null;
  payload?: Content | null;
  result?: Content | null;
  payloads_hidden?: boolean;
  retry_of: string | null;
}

export interface Invocations {
  invocations: Task[];
  next: string | null;
}

export interface Tasks {
  tasks: Task[];
  next: string | null;
}

export interface QualifierLimits {
  concurrency: number | null;
  rate: number | null;
  weight: number;
}

export interface FunctionInfo {
  name: string;
  account: string;
  kind: 'event' | 'http';
  origin: 'file' | 'api';
  url: string | null;
  status: 'header' | 'ignore';
  concurrency: number | null;
  rate: number | null;
  weight: number;
  /** By version or alias: those with a lane of their own. */
  qualifiers: Record<string, QualifierLimits>;
  timeout_ms: number;
  initialize: boolean;
  paused_since: string | null;
  created_at: string;
  modified_at: string;
}

export interface Functions {
  functions: FunctionInfo[];
  next: string | null;
}

export interface Counts {
  function: string;
  accepted: number;
  live: number;
  enqueued: number;
  running: number;
  retrying: number;
  stopping: number;
  succeeded: number;
  failed: number;
  expired: number;
  stopped: number;
  invalid: number;
  paused: boolean;
}

export interface AsyncConfig {
  function: string;
  account: string;
  qualifier: string;
  async_task: boolean | null;
  max_async_event_age_seconds: number | null;
  max_async_retry_attempts: number | null;
  on_success: string | null;
  on_failure: string | null;
  created_at: string;
  modified_at: string;
}

export interface AsyncConfigs {
  configs: AsyncConfig[];
  next: string | null;
}

export type Breaker = 'Closed' | 'Open' | 'HalfOpen';

export interface LaneState {
  function: string | null;
  destination: string | null;
  account: string | null;
  qualifier: string | null;
  in_flight: number;
  account_in_flight: number;
  limit: number;
  limit_is_adaptive: boolean;
  rate: number | null;
  breaker: Breaker;
  waiting: number | null;
  waiting_in_memory: number;
  is_complete: boolean;
  oldest_due: string | null;
  overdue_ms: number;
  oldest_accepted_at: string | null;
  last_error: Fault | null;
  last_error_at: string | null;
}

export interface LaneWhy {
  reason: string;
  message: string;
  advice: string;
  next_at: string | null;
  lane: LaneState | null;
}

export interface Why extends LaneWhy {
  request_id: string;
  status: Status;
  attempts: number;
  before: number | null;
  before_is_exact: boolean;
  callback_tries: number | null;
  callback_deadline: string | null;
  last_error: Fault | null;
}

export interface LaneHold {
  paused: boolean;
  paused_since: string | null;
  by: string;
  note: string;
}

export interface Destination {
  destination: string;
  kind: string | null;
  breaker: Breaker;
  held_until: string | null;
  paused_since: string | null;
  in_flight: number;
  owed: number;
  waiting: number;
  more_waiting: boolean;
  oldest_due: string | null;
  last_error: Fault | null;
  last_error_at: string | null;
}

export interface Destinations {
  destinations: Destination[];
  next: string | null;
}

export interface Probed {
  outcome: 'Delivered' | 'Retry' | 'Permanent' | 'Local' | 'LocalRefused';
  message: string;
  error: Fault | null;
  message_id: string | null;
  took_ms: number;
}

export interface Callback {
  id: string;
  status: 'Failed' | 'Pending';
  function: string;
  account: string;
  destination: string;
  request_id: string;
  task_id: string | null;
  outcome: Status;
  tries: number;
  error: Fault | null;
  failed_at: string | null;
  first_at: string | null;
  next_at: string | null;
  deadline: string | null;
  redrive_count: number;
  redrives: Redrive[];
  envelope: Content | null;
  payloads_hidden?: boolean;
}

export interface Callbacks {
  callbacks: Callback[];
  next: string | null;
}

export interface Operation {
  id: string;
  kind: 'Redrive' | 'Stop' | 'Purge' | 'Retry';
  state: 'Running' | 'Done' | 'Cancelled' | 'Failed';
  dry_run: boolean;
  by: string;
  began_at: string;
  ended_at: string | null;
  function: string | null;
  destination: string | null;
  examined: number;
  matched: number;
  acted: number;
  redriven: number;
  skipped: number;
  /** Why it does not go on now, or why it failed. */
  last_error: string | null;
  expected: number | null;
  rate_per_second: number | null;
}

export interface Admission {
  commit_lag_ms: number;
  commit_lag_max_ms: number;
  memory_bytes: number | null;
  memory_max_bytes: number | null;
  refused_for: string[];
}

export interface DaemonStatus {
  version: string;
  now: string;
  accepting: boolean;
  store_full: boolean;
  live: number;
  admission: Admission;
  lanes: Lane[];
  shards: { rows: number; attempts: number; callbacks: number; cached_bytes: number }[];
}

export interface Lane {
  kind: 'function' | 'destination';
  name: string | null;
  account: string | null;
  busy: number;
  in_window: number;
  is_complete: boolean;
  first_due_at: string | null;
}

export interface Store {
  kind: string;
  path: string;
  bytes: number;
  free_bytes: number | null;
  full: boolean;
  live_rows: number;
  commits: number;
  operations: number;
  admission: Admission;
  cluster: { kind: string };
}

/** One value for each point in time; a point of the live stream has numbers in the place of arrays. */
export interface Rates<T> {
  at: T;
  accepted: T;
  attempts: T;
  attempts_failed: T;
  callbacks: T;
  callbacks_failed: T;
  live: T;
  owed: T;
}

/** Null where nothing was measured. */
export interface Latencies<T> {
  accept_p50_ms: T;
  accept_p99_ms: T;
  wait_p99_ms: T;
}

export interface DestinationRow {
  function: string;
  destination: string;
  succeed: number;
  errors: number;
}

export interface Series extends Rates<number[]>, Latencies<(number | null)[]> {
  step_ms: number;
  destinations: { minute: DestinationRow[]; hour: DestinationRow[] };
  budget: { window_ms: number; objective: number; good: number; bad: number; left: number };
}

export interface Point extends Rates<number>, Latencies<number | null> {}
