use super::*;
use invoked_core::head::Status;
use invoked_core::id::ShardId;
use invoked_core::life::Outcome;
use invoked_core::redrive::Redrives;
use invoked_core::trace::TraceContext;
use proptest::prelude::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn heads() -> Vec<Head> {
    let now = at(1_800_000_000_000);
    let key = InvKey::generated(ShardId(0), now, 99);
    let destination =
        |text: &str| Some(Destination { arn: Arn::parse(text).unwrap(), id: FnId(7) });
    let plain = Head {
        key,
        fn_id: FnId(3),
        request_id: RequestId::from(key),
        token: u64::MAX - 5,
        terms: Terms::defaults(Qualifier::LATEST),
        accepted_at: now,
        expires_at: at(now.millis() + 86_400_000),
        due: now,
        life: Life::Enqueued,
        attempts: Attempt::NONE,
        tally: Tally::default(),
        first_started_at: None,
        fault: None,
        callback: Callback::None,
        redrives: None,
        depth: 0,
        trace: None,
        task: None,
    };
    let lives = [
        Life::Enqueued,
        Life::Dequeued { attempt: Attempt(1) },
        Life::Running { attempt: Attempt(2), since: at(now.millis() + 5) },
        Life::Retrying { failed: Attempt(300) },
        Life::Stopping { attempt: Attempt(4) },
        Life::Ended { outcome: Outcome::Failed, at: at(now.millis() + 9_000) },
    ];
    let fault = Fault::new("InvocationError", "it did not work", 200);
    let callbacks = [
        Callback::None,
        Callback::Owed { tried: Attempt(2), first_at: Some(now), error: Some(fault.clone()) },
        Callback::Delivered { tried: Attempt(1), at: now, message_id: Some("m".into()) },
        Callback::Failed { tried: Attempt(12), at: now, error: fault.clone() },
    ];
    let mut heads: Vec<_> = lives.into_iter().map(|life| Head { life, ..plain.clone() }).collect();
    heads.extend(callbacks.into_iter().map(|callback| Head { callback, ..plain.clone() }));
    let mut history = History::default();
    history.push(Status::Enqueued, now, None);
    history.push(Status::Retrying, at(now.millis() + 3), Some("{\"Error\":\"x\"}".into()));
    heads.push(Head {
        request_id: RequestId([9; 16]),
        fault: Some(fault),
        tally: Tally { failures: 2, unavailable: 9, unavailable_since: Some(now) },
        first_started_at: Some(now),
        depth: 16,
        trace: None,
        terms: Arc::new(Terms {
            qualifier: Qualifier::parse("prod").unwrap(),
            lane: None,
            max_retries: 8,
            event_age_seconds: 2_592_000,
            on_success: destination("acs:fc:::functions/audit"),
            on_failure: destination("acs:mns:::/queues/dead/messages"),
        }),
        task: Some(Task { id: TaskId::trusted("task_1"), history }),
        ..plain.clone()
    });
    heads.push(redriven(plain.clone()));
    heads.push(traced(plain.clone()));
    heads.push(traced(redriven(plain.clone())));
    heads.push(in_a_lane(plain.clone()));
    heads.push(in_a_lane(traced(redriven(plain))));
    heads
}

fn traced(plain: Head) -> Head {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    Head { trace: TraceContext::parse(parent, Some("a=1")).map(Arc::new), ..plain }
}

fn in_a_lane(mut head: Head) -> Head {
    Arc::make_mut(&mut head.terms).lane = Some(FnId(300));
    head
}

fn redriven(plain: Head) -> Head {
    let mut redrives = Redrives::default();
    redrives.begin("night-shift", at(1_800_000_060_000));
    redrives.end(&Callback::Delivered {
        tried: Attempt(2),
        at: at(1_800_000_061_500),
        message_id: None,
    });
    redrives.begin("0123", at(1_800_000_070_000));
    Head { redrives: Some(Box::new(redrives)), ..plain }
}

#[test]
fn a_row_is_of_the_first_version_that_can_hold_it() {
    for head in heads() {
        let has = (head.terms.lane.is_some(), head.trace.is_some(), head.redrives.is_some());
        let version = match has {
            (true, _, _) => 4,
            (false, true, _) => 3,
            (false, false, true) => 2,
            (false, false, false) => 1,
        };
        assert_eq!(encode(&head)[0], version);
    }
    let with = redriven(heads().remove(0));
    let without = Head { redrives: None, ..with.clone() };
    let (with, without) = (encode(&with), encode(&without));
    assert_eq!(with[1..without.len()], without[1..], "what is new stands at the end");
    let hex: String = with[without.len()..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "0202c0a9070b6e696768742d736869667401f8c0070200e0c508043031323300");
}

#[test]
fn a_place_in_a_trace_stands_at_the_end() {
    let plain = heads().remove(0);
    let (with, without) = (encode(&traced(plain.clone())), encode(&plain));
    assert_eq!(with[1..without.len()], without[1..]);
    let hex: String = with[without.len()..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "00014bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b7010103613d31");
}

#[test]
fn the_lane_stands_behind_what_the_first_version_has() {
    let plain = heads().remove(0);
    let without = encode(&plain);
    for (head, tail) in [
        (in_a_lane(plain.clone()), "01ac020000"),
        (
            in_a_lane(redriven(plain)),
            "01ac02010202c0a9070b6e696768742d736869667401f8c0070200e0c50804303132330000",
        ),
    ] {
        let with = encode(&head);
        assert_eq!(with[1..without.len()], without[1..]);
        let hex: String = with[without.len()..].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, tail);
    }
}

#[test]
fn every_row_reads_back_as_it_was() {
    for head in heads() {
        let (status, accepted_at, due) = (head.status(), head.accepted_at, head.due);
        let standing = Standing { status, accepted_at, due };
        assert_eq!(decode_standing(&encode(&head)), Ok(standing));
        let with_more = [&encode(&head)[..], b"more"].concat();
        let read = decode_with_rest(head.key, &with_more);
        assert_eq!(read, Ok((head.clone(), &b"more"[..])));
        assert_eq!(decode(head.key, &encode(&head)), Ok(head));
    }
}

#[test]
fn a_waiting_row_is_small() {
    assert!(encode(&heads()[0]).len() <= 50, "{}", encode(&heads()[0]).len());
}

#[test]
fn a_try_under_way_is_stored_as_owed() {
    let mut head = heads().remove(0);
    head.callback = Callback::Calling { trying: Attempt(3), first_at: at(5) };
    let read = decode(head.key, &encode(&head)).unwrap();
    assert_eq!(
        read.callback,
        Callback::Owed { tried: Attempt(2), first_at: Some(at(5)), error: None }
    );
}

proptest! {
    #[test]
    fn no_bytes_can_panic_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _damaged = decode(InvKey::MIN, &bytes);
    }

    #[test]
    fn no_damage_can_panic_the_reader(index in 0usize..400, byte: u8, cut in 0usize..400) {
        for head in heads() {
            let mut record = encode(&head).to_vec();
            let length = record.len();
            record[index % length] = byte;
            record.truncate(cut % (length + 1));
            let _damaged = (decode(head.key, &record), decode_standing(&record));
        }
    }
}
