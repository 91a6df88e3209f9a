//! publish, from the spool to an SNS that goes wrong in every way it can. Each test ends in a calm phase
//! after which the checker holds the double's log against what was owed.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod faulty;
mod fifo;
mod matrix;
mod rig;
mod sizes;
mod throttle;

use std::time::Duration;

use jiff::Timestamp;
use moodle_sns_producer::delivery::{Cause, Fate, Held, Reason};
use moodle_sns_producer::publish::{Backoff, State};
use moodle_sns_producer::spool::{ParkedFilter, Signed};

use crate::support::sns::Taken;
use crate::support::sns::script::{Fault, What, When};
use rig::{FIFO, Rig, STANDARD, key};

#[tokio::test]
async fn what_is_owed_is_published_with_its_ids_and_groups() {
    let mut rig = Rig::start().await;
    rig.owe(FIFO, &[1, 2, 1]).await;
    rig.owe(STANDARD, &[1, 2, 1]).await;
    let log = rig.check().await;
    assert_eq!(log.len(), 6);
    for taken in &log {
        assert_eq!(taken.attribute("message_id"), Some(taken.id().as_str()));
        assert_eq!(taken.attribute("redrive"), None);
        assert!(taken.attributes.iter().all(|(_, data_type, _)| data_type == "String"));
        let fifo = taken.topic == FIFO;
        assert_eq!(taken.dedup_id, fifo.then(|| taken.id()));
        assert_eq!(taken.group.as_ref().map(String::len), fifo.then_some(32));
    }
    let pulses = rig.pulses();
    assert!(pulses.iter().all(|p| p.state == State::Running && p.last_published.is_some()));
}

#[tokio::test]
async fn a_group_keeps_its_order_whatever_goes_wrong() {
    let seeds = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).map_or(0..4u64, |s| s..s + 1);
    for seed in seeds {
        println!("SEED={seed} cargo test --test behaviour publish::a_group_keeps_its_order");
        let mut rig = Rig::with(seed, |s| s.attempt_timeout = Duration::from_millis(150)).await;
        for what in [
            What::refuse(429, "Throttled"),
            What::Say { status: 503, body: "<html>busy</html>" },
            What::Say { status: 200, body: "<html>a proxy</html>" },
            What::CutBefore,
            What::CutAfter,
            What::Truncate(170),
            What::CutAnswer(400),
            What::Omit(0),
            What::Repeat(1),
            What::Invent("99"),
            What::Fail { place: Some(2), code: "InternalError", sender_fault: false },
            What::Fail { place: Some(0), code: "Throttled", sender_fault: true },
        ] {
            rig.double.fault(Fault::chance(0.08, what));
        }
        rig.double.fault(Fault::chance(0.01, What::BlackHoleAfter));
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..12 {
            let people: Vec<u32> = (0..20).map(|_| random.u32(0..15)).collect();
            rig.owe(FIFO, &people).await;
            rig.owe(STANDARD, &people[..5]).await;
            tokio::time::sleep(Duration::from_millis(random.u64(0..15))).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let log = rig.check().await;
        assert!(log.iter().any(|t| t.suppressed), "no answer was lost: a useless run");
        assert!(rig.parked().await.is_empty());
    }
}

#[tokio::test]
async fn a_group_has_one_message_in_flight() {
    let mut rig = Rig::start().await;
    rig.double.fault(Fault::always(What::Delay(Duration::from_millis(4))));
    rig.double
        .fault(Fault::chance(0.3, What::Fail { place: Some(0), code: "InternalError", sender_fault: false }));
    let people: Vec<u32> = (0..300).map(|n| n % 7).collect();
    rig.owe(FIFO, &people).await;
    rig.drained().await;
    assert_eq!(rig.double.overlaps(), 0);
    rig.check().await;
}

#[tokio::test]
async fn a_held_message_holds_its_group_only() {
    let mut rig = Rig::start().await;
    rig.stop().await;
    let first = rig.owe(FIFO, &[1]).await;
    rig.owe(FIFO, &[1, 2, 3, 1, 2, 3]).await;
    let fail = What::Fail { place: None, code: "InternalError", sender_fault: false };
    rig.double.fault(Fault::always(fail).holding(&first[0].id));
    rig.publish().await;
    rig.taken(4).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(rig.double.taken(), 4, "the group of the held one waits");
    assert_eq!(rig.state_of(FIFO), State::Running);
    rig.check().await;
}

#[tokio::test]
async fn an_entry_at_fault_is_parked_and_its_nine_neighbours_are_published() {
    for topic in [FIFO, STANDARD] {
        for what in [
            What::Fail { place: None, code: "InvalidParameter", sender_fault: true },
            What::refuse(400, "InvalidParameter"),
            What::refuse(400, "ValidationException"),
            What::refuse(400, "BatchRequestTooLong"),
        ] {
            let mut rig = Rig::start().await;
            rig.stop().await;
            let debts = rig.owe(topic, &(0..10).collect::<Vec<_>>()).await;
            rig.double.fault(Fault::always(what.clone()).holding(&debts[4].id));
            rig.publish().await;
            rig.drained().await;
            let parked = rig.parked().await;
            assert_eq!(parked.len(), 1, "{what:?}");
            assert_eq!(parked[0].0, debts[4].stored.event.id);
            assert_eq!(parked[0].1.reason, Reason::Refused);
            assert!(parked[0].1.detail.contains("said by the double"), "{}", parked[0].1.detail);
            assert_eq!(rig.check().await.len(), 9, "{what:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_cut_at_any_byte_loses_nothing() {
    let mut rig = Rig::start().await;
    let people: Vec<u32> = (0..3).collect();
    // An answer for three entries has 800 to 820 bytes: as many digits as the numbers in it have.
    for at in 0..820 {
        let what = if at % 2 == 0 { What::Truncate(at) } else { What::CutAnswer(at) };
        rig.double.fault(Fault::once(what).on(FIFO));
        rig.owe(FIFO, &people).await;
        rig.drained().await;
    }
    let log = rig.check().await;
    let suppressed = log.iter().filter(|t| t.suppressed).count();
    assert!(suppressed > 1_000, "only {suppressed} were sent again: a useless run");
}

#[tokio::test]
async fn a_call_that_is_lost_in_any_way_is_made_again() {
    for what in [
        What::CutBefore,
        What::CutAfter,
        What::BlackHole,
        What::BlackHoleAfter,
        What::Delay(Duration::from_millis(500)),
        What::refuse(500, "InternalError"),
        What::Say { status: 503, body: "" },
        What::Say { status: 502, body: "<html>bad gateway</html>" },
        What::Say { status: 200, body: "" },
        What::Say { status: 200, body: "<html>hello</html>" },
        What::Say { status: 200, body: "{}" },
    ] {
        let mut rig = Rig::start().await;
        rig.double.fault(Fault::once(what.clone()));
        rig.owe(FIFO, &[1, 2, 1]).await;
        rig.drained().await;
        assert!(rig.double.calls() > 1, "{what:?}");
        assert!(rig.parked().await.is_empty(), "{what:?}");
        rig.running(FIFO).await;
        rig.check().await;
    }
}

#[tokio::test]
async fn missing_invented_and_repeated_ids_settle_only_what_was_sent() {
    let mut rig = Rig::start().await;
    rig.double.fault(Fault { when: When::Every(2), ..Fault::always(What::Omit(0)) });
    rig.double.fault(Fault { when: When::Every(3), ..Fault::always(What::Invent("0x")) });
    rig.double.fault(Fault { when: When::Every(3), ..Fault::always(What::Invent("9")) });
    rig.double.fault(Fault { when: When::Every(2), ..Fault::always(What::Repeat(0)) });
    for _ in 0..10 {
        rig.owe(FIFO, &[1, 2, 3]).await;
        rig.drained().await;
    }
    let ignored = rig.metric(r#"publish_invented_ids_total{topic="grades"}"#);
    assert!(ignored > 5, "{ignored}");
    let log = rig.check().await;
    assert!(log.iter().any(|t| t.suppressed), "an id left out is sent again");
}

#[tokio::test]
async fn a_topics_fault_holds_that_topic_only_until_it_is_cured() {
    for (status, code) in
        [(403, "AuthorizationError"), (404, "NotFound"), (400, "KMSDisabled"), (400, "KMSAccessDenied")]
    {
        let mut rig = Rig::start().await;
        rig.double.fault(Fault::always(What::refuse(status, code)).on(FIFO));
        rig.owe(FIFO, &(0..200).collect::<Vec<_>>()).await;
        let words = rig.held_by(FIFO, Cause::Topic).await;
        assert!(words.contains(code), "{words}");
        rig.owe(STANDARD, &[1, 2, 3]).await;
        rig.taken(3).await;
        assert_eq!(rig.state_of(STANDARD), State::Running);
        let calls = rig.double.calls();
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(rig.double.calls() - calls <= 4, "only a probe each 60 ms");
        rig.double.calm();
        rig.running(FIFO).await;
        rig.drained().await;
        assert!(rig.parked().await.is_empty());
        rig.check().await;
    }
}

#[tokio::test]
async fn a_fault_of_the_account_holds_all_topics_until_it_is_cured() {
    for code in ["ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch"] {
        let mut rig = Rig::start().await;
        rig.double.fault(Fault::always(What::refuse(403, code)));
        rig.owe(FIFO, &[1, 2, 3]).await;
        for topic in [FIFO, STANDARD] {
            let words = rig.held_by(topic, Cause::Account).await;
            assert!(words.contains(code), "{words}");
        }
        rig.owe(STANDARD, &[1, 2, 3]).await;
        let calls = rig.double.calls();
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(rig.double.calls() - calls <= 4, "only one topic probes each 60 ms");
        assert_eq!(rig.double.taken(), 0);
        rig.double.calm();
        rig.drained().await;
        for topic in [FIFO, STANDARD] {
            rig.running(topic).await;
        }
        assert!(rig.parked().await.is_empty());
        rig.check().await;
    }
}

#[tokio::test]
async fn a_throttled_topic_slows_down_and_recovers() {
    for (status, code) in [(429, "Throttled"), (400, "ThrottlingException"), (400, "KMSThrottling")] {
        let mut rig = Rig::with(0, |s| {
            s.backoff = Backoff { base: Duration::from_millis(20), cap: Duration::from_millis(200) };
        })
        .await;
        rig.double.fault(Fault::always(What::refuse(status, code)).on(STANDARD));
        rig.owe(STANDARD, &(0..200).collect::<Vec<_>>()).await;
        rig.held_by(STANDARD, Cause::Throttled).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(rig.double.calls() < 60, "{} calls in 0.4 s", rig.double.calls());
        rig.double.calm();
        rig.drained().await;
        rig.running(STANDARD).await;
        assert_eq!(rig.check().await.len(), 200, "what was throttled was not published, so once is enough");
    }
}

#[tokio::test]
async fn a_message_over_the_topics_limit_is_parked_and_one_at_the_limit_is_not() {
    let mut rig = Rig::start().await;
    rig.owe(STANDARD, &[1, 22]).await;
    rig.drained().await;
    let size = |t: &Taken| {
        t.message.len() + t.attributes.iter().map(|(n, t, v)| n.len() + t.len() + v.len()).sum::<usize>()
    };
    let small = rig.double.log().iter().map(size).min().unwrap();
    rig.stop().await;
    for topic in &mut rig.settings.topics {
        topic.max_message = small;
    }
    rig.publish().await;
    let debts = rig.owe(STANDARD, &[1, 1, 22, 1]).await;
    rig.drained().await;
    let parked = rig.parked().await;
    assert_eq!(parked.len(), 1);
    assert_eq!(parked[0].0, debts[2].stored.event.id);
    assert_eq!(parked[0].1.reason, Reason::Oversized);
    assert_eq!(rig.check().await.len(), 5);
}

#[tokio::test]
async fn a_redriven_message_says_so_and_is_else_the_same() {
    let mut rig = Rig::start().await;
    let debts = rig.owe(FIFO, &[1]).await;
    rig.drained().await;
    let debts = [debts, {
        let fail = What::Fail { place: None, code: "InvalidParameter", sender_fault: true };
        rig.double.fault(Fault::once(fail).on(FIFO));
        rig.owe(FIFO, &[1]).await
    }]
    .concat();
    rig.drained().await;
    assert_eq!(rig.parked().await.len(), 1);
    assert_eq!(
        rig.spool.redrive(&ParkedFilter::default(), 9, &Signed::new("test", "cured")).await.unwrap().n,
        1
    );
    rig.taken(2).await;
    let log = rig.check().await;
    assert_eq!(log[1].id(), debts[1].id);
    assert_eq!(log[1].attribute("redrive"), Some("1"));
}

#[tokio::test]
async fn a_redriven_message_comes_before_newer_held_ones_of_its_group_and_no_restart_changes_that() {
    for restarted in [false, true] {
        let mut rig = Rig::start().await;
        let refuse = What::Fail { place: None, code: "InvalidParameter", sender_fault: true };
        rig.double.fault(Fault::once(refuse).on(FIFO));
        let first = rig.owe(FIFO, &[1]).await;
        rig.drained().await;
        let fail = What::Fail { place: None, code: "InternalError", sender_fault: false };
        rig.double.fault(Fault::always(fail).on(FIFO));
        let later = rig.owe(FIFO, &[1, 1]).await;
        rig.waits_for_a_try(FIFO).await;
        let all = ParkedFilter::default();
        assert_eq!(rig.spool.redrive(&all, 9, &Signed::new("test", "cured")).await.unwrap().n, 1);
        if restarted {
            rig.stop().await;
            rig.publish().await;
        }
        // Its turn: until then one that was in flight already may still be answered.
        rig.holds(first[0].stored.event.id).await;
        rig.double.calm();
        rig.drained().await;
        let sent: Vec<String> = rig.double.log().iter().map(Taken::id).collect();
        let owed: Vec<String> = first.iter().chain(&later).map(|debt| debt.id.clone()).collect();
        assert_eq!(sent, owed);
    }
}

#[tokio::test]
async fn a_paused_topic_sends_nothing_over_a_restart_and_then_goes_on_in_order() {
    let mut rig = Rig::start().await;
    let signed = Signed::new("test", "ticket");
    rig.spool.pause(&key(FIFO), &signed).await.unwrap();
    rig.paused(FIFO).await;
    rig.owe(FIFO, &[1, 2, 1]).await;
    rig.owe(STANDARD, &[1, 2]).await;
    rig.taken(2).await;
    rig.stop().await;
    rig.publish().await;
    rig.owe(FIFO, &[1, 2]).await;
    rig.owe(STANDARD, &[1]).await;
    rig.taken(3).await;
    rig.paused(FIFO).await;
    assert!(rig.double.log().iter().all(|taken| taken.topic == STANDARD));
    rig.left_is(5).await;
    rig.spool.resume(&key(FIFO), &signed).await.unwrap();
    let log = rig.check().await;
    assert_eq!(log.len(), 8, "each once");
}

#[tokio::test]
async fn what_is_skipped_is_not_sent_when_the_topic_goes_on() {
    let mut rig = Rig::start().await;
    let signed = Signed::new("test", "ticket");
    for topic in [FIFO, STANDARD] {
        rig.spool.pause(&key(topic), &signed).await.unwrap();
        rig.paused(topic).await;
        rig.owe_unchecked(topic, &[1, 2, 1]).await;
        let skipped = rig.spool.skip(&key(topic), None, 99, &signed).await.unwrap();
        assert_eq!(skipped.changed.n, 3);
        rig.owe(topic, &[1, 2]).await;
        rig.spool.resume(&key(topic), &signed).await.unwrap();
    }
    let log = rig.check().await;
    assert_eq!(log.len(), 4, "only what was accepted after the skip");
}

#[tokio::test]
async fn held_messages_keep_their_place_over_a_restart() {
    let mut rig = Rig::start().await;
    let first = rig.owe(FIFO, &[1]).await;
    let fail = What::Fail { place: None, code: "InternalError", sender_fault: false };
    rig.double.fault(Fault::always(fail).holding(&first[0].id));
    rig.owe(FIFO, &[1, 2, 1, 2]).await;
    rig.taken(2).await;
    rig.stop().await;
    let state = rig.spool.state().await.unwrap();
    assert_eq!(state.topics.iter().map(|t| t.held).sum::<u64>(), 1);
    rig.publish().await;
    let log = rig.check().await;
    assert_eq!(log.len(), 5, "each once");
}

#[tokio::test]
async fn a_fifo_message_unknown_for_longer_than_sns_remembers_is_counted_when_it_is_sent_again() {
    let mut rig = Rig::start().await;
    rig.stop().await;
    rig.owe(FIFO, &[1, 2]).await;
    let lease = rig.spool.lease(&key(FIFO)).await.unwrap();
    let now = Timestamp::now();
    let mut fates = Vec::new();
    for (entry, minutes) in rig.spool.index(&lease, None, 10).await.unwrap().iter().zip([3, 5]) {
        let unknown_since = Some(now - jiff::Span::new().minutes(minutes));
        let held = Held { due: now, tries: 9, cause: Cause::Unknown, unknown_since };
        fates.push((entry.position, Fate::Held(held)));
    }
    rig.spool.conclude(&lease, fates).await.unwrap();
    rig.publish().await;
    rig.check().await;
    assert_eq!(rig.metric(r#"publish_possible_duplicates_total{topic="grades"}"#), 1);
}

#[tokio::test]
async fn stopping_waits_for_what_is_in_flight_and_starts_nothing() {
    let mut rig = Rig::with(0, |s| s.attempt_timeout = Duration::from_secs(2)).await;
    rig.double.fault(Fault::always(What::Delay(Duration::from_millis(150))));
    rig.owe(STANDARD, &(0..300).collect::<Vec<_>>()).await;
    while rig.double.calls() < 8 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    rig.stop().await;
    let taken = rig.double.taken() as u64;
    assert!((80..300).contains(&taken), "{taken}");
    assert_eq!(rig.left().await, 300 - taken, "what was answered is kept");
    rig.publish().await;
    assert_eq!(rig.check().await.len(), 300);
}

#[tokio::test]
async fn a_worker_whose_fates_are_not_taken_any_more_ends_and_says_so() {
    let mut rig = Rig::start().await;
    rig.double.fault(Fault::always(What::Delay(Duration::from_millis(100))));
    rig.owe(FIFO, &[1, 2, 3]).await;
    while rig.double.calls() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    rig.spool.shut().await;
    rig.stopped(FIFO).await;
}

#[tokio::test]
async fn an_sns_that_is_not_there_is_waited_for() {
    // A port that nobody listens on until later.
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = gone.local_addr().unwrap();
    drop(gone);
    let mut rig = Rig::with(0, |s| s.endpoint_url = Some(format!("http://{addr}"))).await;
    rig.owe(FIFO, &(0..100).collect::<Vec<_>>()).await;
    let words = rig.held_by(FIFO, Cause::Unknown).await;
    assert!(words.contains("refused") && words.len() < 300, "{words}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    rig.stop().await;
    rig.settings.endpoint_url = Some(rig.double.url());
    rig.publish().await;
    assert_eq!(rig.check().await.len(), 100, "what never left is not published twice");
}
