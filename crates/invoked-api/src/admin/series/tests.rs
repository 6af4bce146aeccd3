use invoked_engine::FlowView;

use super::*;

fn look(at: i64, accepted: u64, delivered: u64, failed: u64) -> Look {
    let told = (FnId(1), Qualifier::default(), SinkKind::Mns);
    Look {
        at,
        flow: FlowView::default(),
        accepted,
        live: accepted / 2,
        owed: 3,
        delivered,
        failed,
        ends: Ends { good: delivered, bad: failed },
        told: BTreeMap::from([(told, Count { succeeded: delivered, failed })]),
    }
}

#[test]
fn rates_are_over_the_time_that_passed() {
    let point = look(12_500, 130, 40, 10).since(&look(10_000, 30, 20, 5));
    assert_eq!((point.accepted, point.callbacks, point.callbacks_failed), (40.0, 10.0, 2.0));
    assert_eq!((point.live, point.owed, point.accept_p99_ms), (65, 3, None));
}

#[test]
fn an_hour_and_a_minute_are_kept_and_no_more() {
    let series = Series::default();
    let mut before = look(0, 0, 0, 0);
    for step in 1_u64..=1_000 {
        let now = look(i64::try_from(step).unwrap() * 5_000, step * 10, step * 2, step);
        series.keep(&before, &now);
        before = now;
    }
    assert_eq!(series.points().len(), POINTS_MAX);
    let (minute, hour) = series.read(|kept| {
        let sum = |tallies: &VecDeque<Tally>| -> u64 {
            tallies.iter().flat_map(BTreeMap::values).map(|count| count.failed).sum()
        };
        assert_eq!((kept.recent.len(), kept.minutes.len()), (POINTS_PER_MINUTE, MINUTES_MAX));
        (sum(&kept.recent), sum(&kept.minutes))
    });
    assert_eq!(minute, 12);
    // The last minute has just begun with its fourth point.
    assert_eq!(hour, 59 * 12 + 4);
}

#[test]
fn tellers_are_bounded() {
    let mut tally = Tally::new();
    let one = Count { succeeded: 1, failed: 0 };
    for number in 0..10_000 {
        let teller = Some((FnId(number), Qualifier::default(), SinkKind::Mns));
        add(&mut tally, teller, one, TOLD_MAX);
    }
    assert_eq!(tally.len(), TOLD_MAX + 1);
    assert_eq!(tally[&None].succeeded, 8_000);
}

#[test]
fn places_are_bounded_and_given_back() {
    let series = Arc::new(Series::default());
    let places: Vec<_> = (0..3).map(|_| series.watch(3).unwrap()).collect();
    assert!(series.watch(3).is_none());
    drop(places);
    assert!(series.watch(1).is_some());
}

#[test]
fn many_lanes_that_change_are_all_told_of_in_turn() {
    let state = |busy| (busy, 0, 1, discriminant(&Hold::Concurrency));
    let lanes = |busy, count: u32| -> BTreeMap<_, _> {
        (0..count).map(|id| (LaneId::Function(FnId(id)), state(busy))).collect()
    };
    let mut told = LanesTold::default();
    let now = lanes(1, 5);
    let seen: Vec<_> = (0..3).flat_map(|_| told.changed(&now, 2)).collect();
    assert_eq!(seen, now.keys().copied().collect::<Vec<_>>(), "each once");
    assert_eq!(told.changed(&now, 2), []);

    // They never stand still, and yet each has its turn.
    let mut turns = BTreeMap::new();
    for busy in 2..12 {
        for id in told.changed(&lanes(busy, 5), 2) {
            *turns.entry(id).or_insert(0) += 1;
        }
    }
    assert_eq!(turns.into_values().collect::<Vec<_>>(), [4; 5]);
    let gone: Vec<_> = (0..3).flat_map(|_| told.changed(&BTreeMap::new(), 2)).collect();
    assert_eq!(gone.len(), 5);
}
