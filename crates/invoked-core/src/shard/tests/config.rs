//! The operator changes how a shard works, and which destinations have a way.

use super::*;

const QUEUE: &str = "acs:mns:::/queues/q/messages";
const OUTLET: LaneId = LaneId::Destination(FnId(9));

fn configured(bench: &Bench, change: impl FnOnce(&mut ShardConfig)) -> Input {
    let mut config = bench.core.config.clone();
    change(&mut config);
    Input::Config(Box::new(config))
}

fn without(bench: &Bench, destinations: &[FnId]) -> Input {
    let directory = (*bench.core.directory).clone();
    let unconfigured = destinations.iter().copied().collect();
    Input::Directory(Arc::new(directory.with_unconfigured(unconfigured)))
}

#[test]
fn fewer_slots_let_those_under_way_end_and_more_are_given_at_once() {
    let mut bench = Bench::new(None);
    for _ in 0..4 {
        bench.running();
    }
    let fewer = configured(&bench, |config| config.attempts_max = 2);
    bench.step(fewer);
    assert_eq!(bench.core.attempts_under_way, 4, "what runs goes on");
    bench.accept(None);
    assert_eq!(bench.durable(), ["accepted"], "nothing more starts");
    let more = configured(&bench, |config| config.attempts_max = 16);
    assert_eq!(bench.step(more), ["dispatch 1"]);
}

#[test]
fn the_shard_and_its_defect_stay_what_they_were() {
    let mut bench = Bench::new(None);
    let other = configured(&bench, |config| {
        config.shard = ShardId(7);
        config.defect = Some(Defect::OverlappingCommits);
    });
    bench.step(other);
    assert_eq!((bench.core.config.shard, bench.core.config.defect), (ShardId(0), None));
}

#[test]
fn an_adaptive_limit_is_never_above_a_new_maximum() {
    let mut bench = Bench::new(None);
    let key = bench.running();
    bench.now = at(bench.now.millis() + 1);
    bench.ended(key, 1, Verdict::Succeeded);
    let lane = LaneId::Function(WORK);
    let limit = |bench: &Bench| bench.core.lanes.view(lane, bench.now).map(|view| view.limit);
    assert_eq!(limit(&bench), Some(10));
    let lower = configured(&bench, |config| config.function_limit = 3);
    bench.step(lower);
    assert_eq!(limit(&bench), Some(3));
}

#[test]
fn what_is_owed_to_a_destination_without_a_way_is_held_and_goes_when_there_is_one() {
    let mut bench = Bench::new(to(QUEUE, 9));
    let key = bench.running();
    let gone = without(&bench, &[FnId(9)]);
    bench.step(gone);
    assert_eq!(bench.ended(key, 1, Verdict::Succeeded), ["update Succeeded+callback"]);
    assert_eq!(bench.durable(), [""; 0]);
    let hold = bench.core.outlets.view(OUTLET, bench.now).map(|view| view.hold);
    assert_eq!(hold, Some(crate::lane::Hold::Unconfigured));
    let back = without(&bench, &[]);
    assert_eq!(bench.step(back), [format!("call 1 {QUEUE}")]);
}
