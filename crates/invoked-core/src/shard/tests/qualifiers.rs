//! A qualifier with limits of its own waits in a lane of its own, and is held by what happens there alone.

use super::*;
use crate::breaker::BreakerPolicy;
use crate::lane::Hold;
use crate::qualifiers::{LaneNumbers, QualifierLane};

const OWN: LaneId = LaneId::Function(WORK);
const PROD: FnId = FnId(20);
const LATER: Verdict = Verdict::Unavailable { retry_after: None };

fn prod() -> Qualifier {
    Qualifier::parse("prod").unwrap()
}

fn at_a_time(concurrency: u32) -> Limits {
    Limits { concurrency: Some(concurrency), ..Limits::default() }
}

/// The function, with ten at a time, and its qualifier with these limits, if it has any.
fn with(of_prod: Option<Limits>) -> Arc<Directory> {
    let lanes = of_prod.map(|limits| (prod(), QualifierLane { id: PROD, limits }));
    let work = Function {
        limits: at_a_time(10),
        lanes: lanes.into_iter().collect(),
        ..(*function(WORK, "work", None)).clone()
    };
    let mut numbers = LaneNumbers::default();
    numbers.insert(PROD, WORK, prod());
    let identity = Identity { region: "cn-x".into(), account: "123".into() };
    let directory = Directory::new(identity, [Arc::new(work)], Arc::default());
    Arc::new(directory.with_lanes(Arc::new(numbers)))
}

fn bench(of_prod: Limits) -> Bench {
    let mut bench = Bench::new(None);
    bench.step(Input::Directory(with(Some(of_prod))));
    bench
}

/// An invocation of a qualifier, durable; what goes because of it.
fn accept(bench: &mut Bench, qualifier: &Qualifier) -> (InvKey, Vec<String>) {
    let mut request = bench.request(None);
    request.terms = bench.core.directory.get(WORK).unwrap().prepared(qualifier).terms;
    let key = request.key;
    bench.step(Input::Accept { request, reply: ReplyId(1) });
    (key, bench.durable())
}

fn ended(bench: &mut Bench, key: InvKey, verdict: Verdict) -> Vec<String> {
    bench.ended(key, 1, verdict);
    bench.durable()
}

fn hold(bench: &Bench, lane: LaneId) -> Hold {
    bench.core.lanes.view(lane, bench.now).unwrap().hold
}

#[test]
fn the_limit_of_a_qualifier_holds_its_own_invocations_alone() {
    let mut bench = bench(at_a_time(1));
    let (first, words) = accept(&mut bench, &prod());
    assert_eq!(words, ["accepted", "dispatch 1"]);
    assert_eq!(accept(&mut bench, &prod()).1, ["accepted"], "one at a time");
    for _ in 0..5 {
        let words = accept(&mut bench, &Qualifier::LATEST).1;
        assert_eq!(words, ["accepted", "dispatch 1"], "the others have the function's ten");
    }
    assert_eq!(
        (hold(&bench, LaneId::Function(PROD)), hold(&bench, OWN)),
        (Hold::Concurrency, Hold::Nothing)
    );
    let words = bench.ended(first, 1, Verdict::Succeeded);
    assert_eq!(words, ["dispatch 1", "finish Succeeded"], "its slot is for the next of its own");
}

fn let_alone_after_three(bench: &mut Bench) {
    bench.core.config.function_breaker =
        BreakerPolicy { failures: 3, callbacks: 2, ..BreakerPolicy::default() };
}

/// A bench in which the breaker of the qualifier's lane is open.
fn open_of_prod(limits: Limits) -> Bench {
    let mut bench = bench(limits);
    let_alone_after_three(&mut bench);
    for _ in 0..3 {
        let (key, _) = accept(&mut bench, &prod());
        ended(&mut bench, key, LATER);
    }
    bench
}

#[test]
fn the_breaker_of_a_qualifier_holds_nobody_else() {
    let mut bench = open_of_prod(at_a_time(5));
    assert_eq!(accept(&mut bench, &prod()).1, ["accepted"]);
    assert!(matches!(hold(&bench, LaneId::Function(PROD)), Hold::Breaker { .. }));
    assert_eq!(accept(&mut bench, &Qualifier::LATEST).1, ["accepted", "dispatch 1"]);
}

#[test]
fn what_a_qualifier_asks_for_holds_nobody_else() {
    let mut bench = bench(at_a_time(5));
    let (key, _) = accept(&mut bench, &prod());
    let verdict = Verdict::Unavailable { retry_after: Some(Duration::from_secs(7)) };
    ended(&mut bench, key, verdict);
    assert_eq!(accept(&mut bench, &prod()).1, ["accepted"]);
    let (other, words) = accept(&mut bench, &Qualifier::LATEST);
    assert_eq!(words, ["accepted", "dispatch 1"]);
    ended(&mut bench, other, Verdict::Succeeded);
    assert_eq!(bench.pass(6_999), [""; 0]);
    assert_eq!(bench.pass(1), ["dispatch 1", "dispatch 2"]);
}

#[test]
fn a_qualifier_without_a_number_of_its_own_has_an_adaptive_limit_of_its_own() {
    let mut bench = bench(Limits::default());
    let keys = [0; 4].map(|_| accept(&mut bench, &prod()).0);
    for key in keys {
        ended(&mut bench, key, LATER);
    }
    let limit = |lane| bench.core.lanes.view(lane, bench.now).unwrap().limit;
    assert_eq!(limit(LaneId::Function(PROD)), 4, "four of four were refused");
    let mut other = Bench::new(None);
    other.step(Input::Directory(with(Some(Limits::default()))));
    accept(&mut other, &Qualifier::LATEST);
    assert_eq!(other.core.lanes.view(OWN, other.now).unwrap().limit, 10, "that of the function");
}

#[test]
fn lanes_of_one_function_take_turns_by_weight() {
    let mut bench = bench(Limits { concurrency: Some(10), rate: None, weight: 3 });
    bench.core.config.attempts_max = 0;
    let mut of_prod = Vec::new();
    for _ in 0..8 {
        of_prod.push(accept(&mut bench, &prod()).0);
        accept(&mut bench, &Qualifier::LATEST);
    }
    bench.core.config.attempts_max = 8;
    assert_eq!(bench.turn().len(), 8);
    let went = of_prod.iter().filter(|key| bench.core.rows[*key].held.is_some());
    assert_eq!(went.count(), 6, "three of four");
}

#[test]
fn what_waits_goes_on_under_the_function_s_limits_when_its_own_are_taken_back() {
    let mut bench = bench(at_a_time(1));
    for _ in 0..3 {
        accept(&mut bench, &prod());
    }
    assert_eq!(bench.core.attempts_under_way, 1);
    assert_eq!(bench.step(Input::Directory(with(None))), ["dispatch 1", "dispatch 1"]);
    let (fresh, _) = accept(&mut bench, &prod());
    assert_eq!(bench.core.rows[&fresh].slot.lane, OWN, "new ones are in the function's lane");
}

#[test]
fn nothing_is_put_into_a_lane_that_the_shard_does_not_know() {
    let mut bench = Bench::new(None);
    let mut request = bench.request(None);
    Arc::make_mut(&mut request.terms).lane = Some(PROD);
    let key = request.key;
    bench.step(Input::Accept { request, reply: ReplyId(1) });
    assert_eq!(bench.durable(), ["accepted", "dispatch 1"]);
    assert_eq!(bench.core.rows[&key].slot.lane, OWN);
}

#[test]
fn everything_of_a_function_that_is_deleted_ends() {
    let mut bench = bench(at_a_time(1));
    accept(&mut bench, &prod());
    for qualifier in [prod(), Qualifier::LATEST] {
        let mut request = bench.request(None);
        request.terms = bench.core.directory.get(WORK).unwrap().prepared(&qualifier).terms;
        request.delay = Duration::from_secs(3_000);
        bench.step(Input::Accept { request, reply: ReplyId(1) });
        bench.durable();
    }
    let (identity, lanes) = (bench.core.directory.identity.clone(), [PROD, WORK]);
    assert!(bench.core.directory.lanes_of(WORK).eq([WORK, PROD]));
    let mut numbers = LaneNumbers::default();
    numbers.insert(PROD, WORK, prod());
    let gone = Directory::new(identity, [], Arc::default()).with_lanes(Arc::new(numbers));
    let words = bench.step(Input::Directory(Arc::new(gone)));
    assert_eq!(words, lanes.map(|_| "finish Invalid"));
}

#[test]
fn what_stands_where_is_counted_for_the_function() {
    let mut bench = bench(at_a_time(1));
    let (key, _) = accept(&mut bench, &prod());
    bench.pass(2_000);
    bench.durable();
    let row = &bench.core.rows[&key];
    assert_eq!(row.head.slot().lane, LaneId::Function(PROD));
    assert_eq!(row.head.gauge(), Some((WORK, crate::totals::Gauge::Running)));
}

/// The limits of the qualifier are taken back, and the function's own are these.
fn without(of_work: Limits) -> Arc<Directory> {
    let directory = with(None);
    let work = Function { limits: of_work, ..(**directory.get(WORK).unwrap()).clone() };
    let mut numbers = LaneNumbers::default();
    numbers.insert(PROD, WORK, prod());
    let new = Directory::new(directory.identity.clone(), [Arc::new(work)], Arc::default());
    Arc::new(new.with_lanes(Arc::new(numbers)))
}

#[test]
fn lanes_whose_limits_are_taken_back_have_the_function_s_together() {
    let mut bench = bench(at_a_time(1));
    let mut keys: Vec<_> = (0..3).map(|_| accept(&mut bench, &prod()).0).collect();
    bench.step(Input::Directory(without(at_a_time(1))));
    keys.push(accept(&mut bench, &Qualifier::LATEST).0);
    assert_eq!(bench.core.attempts_under_way, 1, "one at a time in all");
    let holds = [OWN, LaneId::Function(PROD)].map(|lane| hold(&bench, lane));
    assert_eq!(holds, [Hold::Concurrency; 2]);
    let mut went = Vec::new();
    while let Some(at) = keys.iter().position(|key| bench.core.rows[key].held.is_some()) {
        let key = keys.remove(at);
        went.push(bench.core.rows[&key].slot.lane);
        ended(&mut bench, key, Verdict::Succeeded);
        assert!(bench.core.attempts_under_way <= 1);
    }
    assert_eq!((keys.len(), went.len()), (0, 4), "each went when another one had ended");
    assert_eq!(went[1], OWN, "and the function's own had not to wait for all of the others");
}

#[test]
fn what_a_lane_without_limits_meets_is_learnt_of_the_function() {
    let mut bench = bench(at_a_time(5));
    let_alone_after_three(&mut bench);
    let keys = [0; 3].map(|_| accept(&mut bench, &prod()).0);
    let (other, _) = accept(&mut bench, &prod());
    bench.step(Input::Directory(without(at_a_time(10))));
    for key in keys {
        ended(&mut bench, key, LATER);
    }
    assert_eq!(accept(&mut bench, &Qualifier::LATEST).1, ["accepted"]);
    assert!(matches!(hold(&bench, OWN), Hold::Breaker { .. }));
    assert!(!bench.core.inlets.contains_key(&LaneId::Function(PROD)));
    let words = bench.ended(other, 1, Verdict::Succeeded);
    assert!(words.contains(&"dispatch 1".to_string()), "an answer closes it for all: {words:?}");
}

#[test]
fn what_was_learnt_of_a_lane_goes_with_its_limits() {
    let mut bench = open_of_prod(at_a_time(5));
    assert_eq!(accept(&mut bench, &prod()).1, ["accepted"], "its breaker is open");
    assert_eq!(
        bench.step(Input::Directory(without(at_a_time(10)))),
        ["dispatch 1"],
        "that of the function is not"
    );
    assert!(!bench.core.inlets.contains_key(&LaneId::Function(PROD)));
}

#[test]
fn lanes_without_limits_have_the_function_s_together_after_a_restart() {
    for has_own in [true, false] {
        let mut before = bench(at_a_time(5));
        before.core.config.attempts_max = 0;
        let mut accepted = [0; 3].map(|_| accept(&mut before, &prod()).0).to_vec();
        if has_own {
            accepted.extend([0; 2].map(|_| accept(&mut before, &Qualifier::LATEST).0));
        }
        let heads = accepted.iter().map(|key| before.core.rows[key].head.clone());
        let heads: Vec<Head> = heads.collect();
        let lanes = &[LaneId::Function(PROD), OWN][..1 + usize::from(has_own)];
        let limits = Limits { rate: Some(crate::lane::Rate { per_second: 1 }), ..at_a_time(4) };
        let core = ShardCore::new(config(), without(limits), Totals::default(), lanes, before.now);
        let mut bench = Bench { core, ..before };
        assert_eq!(bench.turn(), vec!["load heads"; lanes.len()]);
        for lane in lanes {
            let of = heads.iter().filter(|head| head.slot().lane == *lane).cloned().collect();
            bench.step(Input::HeadsLoaded { lane: *lane, heads: of, is_complete: true });
        }
        for second in 1..4 {
            assert_eq!(bench.core.attempts_under_way, second, "one in a second, of both");
            bench.pass(1_000);
        }
        let under_way = if has_own { 4 } else { 3 };
        bench.pass(1_000);
        assert_eq!(bench.core.attempts_under_way, under_way, "and four at a time");
    }
}
