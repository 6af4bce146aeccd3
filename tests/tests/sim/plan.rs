//! What a seed decides about its world before it begins.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use invoked_core::arn::{Arn, SinkKind};
use invoked_core::breaker::BreakerPolicy;
use invoked_core::callback::CallbackPolicy;
use invoked_core::directory::FunctionKind;
use invoked_core::envelope::Identity;
use invoked_core::lane::Rate;
use invoked_core::life::RetryPolicy;
use invoked_core::name::{FunctionKey, FunctionName, Qualifier};
use invoked_core::qualifiers::Limits;
use invoked_core::retry::Backoff;
use invoked_core::terms::AsyncConfig;
use invoked_engine::{EngineConfig, FunctionChange, Seed, StatusMode};
use invoked_sink::Sink;
use invoked_testkit::function::{Ending, ScriptedFunction};
use invoked_testkit::mem_store::Faults;
use invoked_testkit::rng::{PerMille, Rng};
use invoked_testkit::script::Chances;
use invoked_testkit::sink::{Reception, ScriptedSink};

pub const QUEUE: &str = "acs:mns:::/queues/q/messages";
pub const AUDIT: &str = "acs:fc:::functions/audit";
/// Functions of every world, what they tell, and whether they are tasks.
pub const FUNCTIONS: [(&str, Option<&str>, Option<&str>, bool); 5] = [
    ("plain", None, None, false),
    ("told", Some(AUDIT), Some(QUEUE), false),
    ("queue", Some(QUEUE), Some(QUEUE), false),
    ("tasks", None, Some(AUDIT), true),
    ("audit", None, None, false),
];

fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}

pub fn key(text: &str) -> FunctionKey {
    FunctionKey::new("1", name(text))
}

pub fn name(text: &str) -> FunctionName {
    FunctionName::parse(text).expect("a name")
}

pub fn engine_config(rng: &mut Rng) -> EngineConfig {
    let identity = Identity { region: "cn-sim".into(), account: "1".into() };
    let backoff = |rng: &mut Rng| Backoff {
        initial: ms(5 + rng.below(100)),
        multiplier: 2,
        max: ms(2_000 + rng.below(20_000)),
    };
    EngineConfig {
        retry: RetryPolicy { function_error: backoff(rng), system_error: backoff(rng) },
        callback: CallbackPolicy {
            backoff: backoff(rng),
            max_elapsed: ms(500 + rng.below(20_000)),
        },
        breaker: BreakerPolicy {
            failures: u32::try_from(rng.below(7)).expect("small"),
            callbacks: 1 + u32::try_from(rng.below(3)).expect("small"),
            hold: ms(50 + rng.below(2_000)),
            hold_max: ms(100 + rng.below(10_000)),
        },
        window_max: 2 + usize::try_from(rng.below(8)).expect("small"),
        windows_max: 4 + usize::try_from(rng.below(60)).expect("small"),
        attempts_max: 1 + usize::try_from(rng.below(8)).expect("small"),
        callbacks_max: 1 + usize::try_from(rng.below(4)).expect("small"),
        function_limit: 1 + u32::try_from(rng.below(4)).expect("small"),
        destination_limit: 1 + u32::try_from(rng.below(3)).expect("small"),
        payload_cache_bytes: usize::try_from(rng.below(100)).expect("small"),
        accept_deadline: ms(2_000),
        purge_interval: Duration::from_secs(86_400 * 365),
        function_timeout: ms(1_500),
        ..EngineConfig::new(identity, rng.word())
    }
}

pub fn change(rng: &mut Rng) -> FunctionChange {
    FunctionChange {
        kind: FunctionKind::Event,
        url: Some("http://function".into()),
        timeout: None,
        concurrency: None,
        rate: None,
        weight: None,
        qualifiers: qualifiers(rng),
        status: StatusMode::Header,
        initialize: false,
        attributes: "{}".into(),
    }
}

/// The lane of its own that the one qualifier of every world has, half of the time.
fn qualifiers(rng: &mut Rng) -> BTreeMap<Qualifier, Limits> {
    if rng.below(2) == 0 {
        return BTreeMap::new();
    }
    let below = |rng: &mut Rng, most: u64| u32::try_from(rng.below(most)).expect("small");
    let limits = Limits {
        concurrency: Some(below(rng, 4)).filter(|limit| 0 < *limit),
        rate: Some(below(rng, 40)).filter(|rate| 9 < *rate).map(|per_second| Rate { per_second }),
        weight: 1 + below(rng, 3),
    };
    [(Qualifier::LATEST, limits)].into()
}

/// The functions that every start of a daemon brings along. Lanes of qualifiers come and go.
pub fn seeds(retries: u8, age_seconds: u32, rng: &mut Rng) -> Vec<Seed> {
    let arn = |text: Option<&str>| text.map(|text| Arn::parse(text).expect("an ARN"));
    let seed =
        |(function, on_success, on_failure, is_task): (&str, Option<&str>, Option<&str>, bool)| {
            Seed {
                name: name(function),
                change: change(rng),
                config: Some(AsyncConfig {
                    on_success: arn(on_success),
                    on_failure: arn(on_failure),
                    max_retry_attempts: Some(retries),
                    max_event_age_seconds: Some(age_seconds),
                    async_task: Some(is_task),
                }),
            }
        };
    FUNCTIONS.into_iter().map(seed).collect()
}

pub fn faults(rng: &mut Rng) -> Faults {
    let chance =
        |rng: &mut Rng, at_most: u64| PerMille(u16::try_from(rng.below(at_most)).expect("small"));
    Faults {
        commit_delay: Duration::ZERO..=ms(1 + rng.below(60)),
        read_delay: Duration::ZERO..=ms(rng.below(40)),
        rejected: chance(rng, 40),
        sync_failed: chance(rng, 12),
        died: chance(rng, 25),
    }
}

pub fn script_functions(functions: &ScriptedFunction, rng: &mut Rng) {
    let chance =
        |rng: &mut Rng, at_most: u64| PerMille(u16::try_from(rng.below(at_most)).expect("small"));
    let throttle = Ending::Throttle { retry_after: Some(ms(rng.below(3_000))) };
    functions.by_default(
        Chances::new(rng.word(), Ending::Succeed)
            .taking(Duration::ZERO..=ms(rng.below(400)))
            .sometimes(chance(rng, 400), Ending::Fail)
            .sometimes(chance(rng, 150), throttle)
            .sometimes(chance(rng, 100), Ending::Unreachable)
            .sometimes(chance(rng, 50), Ending::Refuse)
            .sometimes(chance(rng, 20), Ending::Gone)
            .sometimes(chance(rng, 50), Ending::Hang),
    );
}

pub fn script_sinks(sink: &ScriptedSink, rng: &mut Rng) {
    let chance =
        |rng: &mut Rng, at_most: u64| PerMille(u16::try_from(rng.below(at_most)).expect("small"));
    sink.by_default(
        Chances::new(rng.word(), Reception::Take)
            .taking(Duration::ZERO..=ms(rng.below(300)))
            .sometimes(chance(rng, 400), Reception::Retry { retry_after: None })
            .sometimes(chance(rng, 200), Reception::TakeSilently)
            .sometimes(chance(rng, 500), Reception::Refuse),
    );
}

pub fn sinks(sink: Arc<dyn Sink>) -> BTreeMap<SinkKind, Arc<dyn Sink>> {
    BTreeMap::from([(SinkKind::Mns, sink)])
}
