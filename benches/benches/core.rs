//! What a decision costs: a whole life of an invocation in the core, without store, threads or
//! sockets, and the parts of it that stand out in profiles.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use invoked_core::directory::{Directory, Function, FunctionKind};
use invoked_core::envelope::{Identity, envelope};
use invoked_core::id::{Attempt, FnId, InvKey, RequestId, ShardId};
use invoked_core::life::Verdict;
use invoked_core::name::{FunctionName, Qualifier};
use invoked_core::qualifiers::Limits;
use invoked_core::shard::{
    AcceptRequest, AttemptReport, Effect, Input, ReplyId, ShardConfig, ShardCore,
};
use invoked_core::terms::Terms;
use invoked_core::time::Timestamp;
use invoked_core::totals::Totals;
use invoked_store::record;

const NOW: i64 = 1_800_000_000_000;
const BATCH: u64 = 128;

fn directory() -> Arc<Directory> {
    let identity = Identity { region: "cn-hangzhou".into(), account: "123".into() };
    let function = Function {
        id: FnId(1),
        account: "123".into(),
        name: FunctionName::parse("bench").expect("a name"),
        kind: FunctionKind::Event,
        limits: Limits::default(),
        lanes: [].into(),
        paused: false,
        role: None,
        default_retries: 3,
        default_event_age_seconds: 86_400,
        changed_at: Timestamp::MIN,
        configs: [].into(),
    };
    Arc::new(Directory::new(identity, [Arc::new(function)], Arc::default()))
}

fn core() -> ShardCore {
    let config = ShardConfig {
        shard: ShardId(0),
        retry: invoked_core::life::RetryPolicy::default(),
        callback: invoked_core::callback::CallbackPolicy::default(),
        breaker: invoked_core::breaker::BreakerPolicy::default(),
        function_breaker: invoked_core::breaker::BreakerPolicy::default(),
        window_max: 4_096,
        windows_max: 65_536,
        attempts_max: 1_024,
        callbacks_max: 256,
        function_limit: 256,
        destination_limit: 64,
        payload_cache_bytes: 32 << 20,
        ops_max: 8_192,
        started_mark_after: Duration::from_secs(2),
        task_mark_after: Duration::from_millis(100),
        defect: None,
    };
    ShardCore::new(config, directory(), Totals::default(), &[], Timestamp::from_millis(NOW))
}

fn request(number: u64, terms: &Arc<Terms>, payload: &Bytes) -> AcceptRequest {
    let key = InvKey::generated(ShardId(0), Timestamp::from_millis(NOW), number << 1);
    AcceptRequest {
        key,
        request_id: RequestId::from(key),
        token: number,
        fn_id: FnId(1),
        terms: Arc::clone(terms),
        task: None,
        delay: Duration::ZERO,
        depth: 0,
        trace: None,
        retry_of: None,
        payload: payload.clone(),
    }
}

/// Accepted, durable, dispatched, succeeded, durable: `BATCH` of them through two commits.
fn lives(core: &mut ShardCore, first: u64, terms: &Arc<Terms>, payload: &Bytes) {
    let now = Timestamp::from_millis(NOW);
    let mut effects = Vec::new();
    for number in first..first + BATCH {
        let reply = ReplyId(number);
        core.step(Input::Accept { request: request(number, terms, payload), reply }, now);
    }
    core.flush(now, &mut effects);
    for _ in 0..2 {
        if let Some((ticket, commit)) = core.take_commit() {
            black_box(&commit);
            core.step(Input::Committed { ticket, conflicts: vec![] }, now);
        }
        core.flush(now, &mut effects);
        for effect in effects.drain(..) {
            if let Effect::Dispatch(dispatch) = effect {
                core.step(
                    Input::AttemptEnded(AttemptReport {
                        key: dispatch.key,
                        attempt: Attempt(1),
                        verdict: Verdict::Succeeded,
                        fault: None,
                        is_timeout: false,
                        result: Bytes::new(),
                    }),
                    now,
                );
            }
        }
    }
}

fn benches(criterion: &mut Criterion) {
    let terms = Terms::defaults(Qualifier::LATEST);
    let payload = Bytes::from(vec![b'x'; 1_024]);
    let mut group = criterion.benchmark_group("core");
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("a whole life, in batches of 128", |bencher| {
        let mut core = core();
        let mut first = 0;
        bencher.iter(|| {
            lives(&mut core, first, &terms, &payload);
            first += BATCH;
        });
    });
    group.finish();

    let mut core = core();
    let now = Timestamp::from_millis(NOW);
    core.step(Input::Accept { request: request(1, &terms, &payload), reply: ReplyId(1) }, now);
    let (_, commit) = core.take_commit().expect("an insert");
    let head = commit.ops.first().expect("an insert").head().clone();
    let bytes = record::head::encode(&head);
    criterion
        .bench_function("encode a row", |bencher| bencher.iter(|| record::head::encode(&head)));
    criterion.bench_function("decode a row", |bencher| {
        bencher.iter(|| record::head::decode(head.key, &bytes));
    });
    criterion.bench_function("build an envelope of 1 KB", |bencher| {
        bencher.iter_batched(
            || head.clone(),
            |head| envelope(&head, "acs:fc:cn-hangzhou:123:functions/bench", &payload, b"ok"),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(all, benches);
criterion_main!(all);
