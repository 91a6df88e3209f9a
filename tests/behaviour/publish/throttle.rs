//! An SNS that keeps the account's quota by a true token bucket: what goes is the quota, before and after an
//! outage, live messages don't wait for bulk, and what is said about the end comes true.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use moodle_sns_producer::delivery::Class;
use moodle_sns_producer::publish::{Backoff, Clear, Quota};

use super::rig::{FIFO, Rig, STANDARD, key};
use crate::support::sns::Taken;
use crate::support::sns::script::{Fault, What};

/// Low, so that a busy machine keeps up with it.
const QUOTA: u32 = 120;

async fn rig() -> Rig {
    let rig = Rig::with(0, |settings| {
        settings.quota = Quota { standard: Some(QUOTA), fifo: Some(QUOTA) };
        settings.backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(2) };
        settings.attempt_timeout = Duration::from_secs(2);
    })
    .await;
    rig.double.set_quota(QUOTA);
    rig
}

async fn owe_many(rig: &mut Rig, class: Class, topic: &'static str, n: u32) {
    for first in (0..n).step_by(500) {
        let people: Vec<u32> = (first..(first + 500).min(n)).map(|person| person % 1_000).collect();
        rig.owe_as(class, topic, &people).await;
    }
}

fn taken_within(log: &[Taken], from: SystemTime, time: Duration) -> usize {
    log.iter().filter(|taken| taken.at >= from && taken.at < from + time).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_outage_the_quota_goes_and_no_storm_and_the_end_is_foretold() {
    tokio::join!(outage(STANDARD), outage(FIFO));
}

async fn outage(topic: &'static str) {
    let mut rig = rig().await;
    rig.double.fault(Fault::always(What::refuse(503, "ServiceUnavailable")));
    owe_many(&mut rig, Class::Live, topic, 1_320).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(rig.double.taken(), 0);
    rig.double.calm();
    let cured = SystemTime::now();
    rig.taken(10).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let outlook = rig.publisher.as_ref().unwrap().control().pulse(&key(topic)).unwrap().outlook;
    let (left, asked) = (rig.left().await, Instant::now());
    let Clear::In(foretold) = outlook.clear(left) else { panic!("{outlook:?} of {left}") };
    rig.drained().await;
    let (took, foretold) = (asked.elapsed().as_secs_f64(), foretold.as_secs_f64());
    assert!((foretold - took).abs() <= 0.2 * took, "{foretold} s were foretold, it took {took} s");
    let log = rig.check().await;
    let first = taken_within(&log, cured, Duration::from_secs(10));
    assert!(first <= 1_320, "a storm: {first} in 10 s");
    let begun = log.iter().map(|taken| taken.at).min().unwrap();
    let steady = taken_within(&log, begun, Duration::from_secs(10));
    assert!(steady >= 1_140, "{steady} of 1,200 in 10 s");
    let (throttled, calls) = (rig.double.throttled(), log.len() / 10);
    assert!(throttled * 50 <= calls, "{throttled} of {calls} calls were throttled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_messages_do_not_wait_for_a_restored_course() {
    let mut rig = rig().await;
    rig.stop().await;
    owe_many(&mut rig, Class::Bulk, STANDARD, 1_500).await;
    rig.publish().await;
    let mut raised: HashMap<String, SystemTime> = HashMap::new();
    for person in 0..60 {
        for debt in rig.owe(STANDARD, &[person, person + 100]).await {
            raised.insert(debt.id, SystemTime::now());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(rig.left().await > 0, "bulk was gone before: a useless run");
    let log = rig.check().await;
    let lag = |taken: &Taken| Some(taken.at.duration_since(*raised.get(&taken.id())?).unwrap_or_default());
    let mut lags: Vec<Duration> = log.iter().filter_map(lag).collect();
    lags.sort();
    assert_eq!(lags.len(), 120);
    assert!(lags[114] <= Duration::from_secs(1), "95 % within {:?}", lags[114]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_shares_the_account_slows_publishing_and_loses_nothing() {
    let mut rig = rig().await;
    owe_many(&mut rig, Class::Live, STANDARD, 700).await;
    let begun = Instant::now();
    while rig.left().await > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} are left", rig.left().await);
        rig.double.spend_quota(8);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let throttled = rig.double.throttled();
    assert!(throttled > 0, "nothing was throttled: a useless run");
    // What was in flight when it began, twice: then it is slow enough.
    assert!(throttled <= 16, "{throttled} calls were throttled");
    assert_eq!(rig.check().await.len(), 700, "what was throttled was not published");
}
