//! The sidecar's own events, and the tally of first publications, at the spool's face.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use moodle_sns_producer::spool::{Carrier, Own, Published, SumUp};
use sha2::{Digest as _, Sha256};

use super::*;

const DAY: i64 = 86_400;

fn own_event(name: &str) -> Event {
    Event { name: Arc::from(name), ..event(id(fastrand::u64(..1 << 48)), "own") }
}

fn heartbeat(key: &str) -> Own {
    let contract = contract("producer.heartbeat");
    Own { event: own_event("producer:heartbeat"), owed: Owed { contract, ..owed(key, 9) } }
}

/// The beginning of today, UTC; when the day is all but over, of the next.
async fn today() -> Timestamp {
    let left = DAY - Timestamp::now().as_second().rem_euclid(DAY);
    if left < 30 {
        tokio::time::sleep(Duration::from_secs(left.unsigned_abs())).await;
    }
    day(0)
}

fn day(ahead: i64) -> Timestamp {
    let now = Timestamp::now().as_second();
    Timestamp::from_second(now - now.rem_euclid(DAY) + ahead * DAY).unwrap()
}

/// The days that are told when `today` has begun, with what of each contract was published: how many, and the
/// check.
async fn sum_up(spool: &Spool, today: Timestamp) -> Vec<(Timestamp, Vec<(ContractId, u64, u128)>)> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = {
        let told = Arc::clone(&told);
        move |carrier: &Carrier, day: Timestamp, published: &[Published]| {
            let mut lines: Vec<_> =
                published.iter().map(|p| (p.contract.clone(), p.messages, p.check)).collect();
            lines.sort();
            told.lock().unwrap_or_else(PoisonError::into_inner).push((day, lines));
            let owed = Owed { contract: carrier.contract.clone(), ..owed("a", 8) };
            Some(Own { event: own_event("producer:summary"), owed })
        }
    };
    let carriers =
        vec![Carrier { topic: topic("a"), source: source(), contract: contract("producer.summary") }];
    let n = spool.sum_up(SumUp { carriers, today, tell: Arc::new(tell) }).await.unwrap();
    let told = std::mem::take(&mut *told.lock().unwrap());
    assert_eq!(n, told.len() as u64);
    told
}

/// Settles all that waits in a topic.
async fn settle(spool: &Spool, key: &str) {
    let lease = lease(spool, key).await;
    let index = spool.index(&lease, None, 100).await.unwrap();
    let fates = index.into_iter().map(|entry| (entry.position, settled())).collect();
    spool.conclude(&lease, fates).await.unwrap();
}

fn line(name: &str, ids: &[EventId]) -> (ContractId, u64, u128) {
    let contract = contract(name);
    let check = ids.iter().fold(0, |sum, id| {
        let digest = Sha256::digest(format!("{id}:{contract}"));
        sum ^ digest[..16].iter().fold(0, |check, byte| check << 8 | u128::from(*byte))
    });
    (contract, ids.len() as u64, check)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_event_is_not_made_while_the_last_waits_and_counts_at_no_door() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let first = heartbeat("a");
    let traced = first.event.id;
    assert_eq!(spool.tell(vec![first, heartbeat("b")]).await, Ok(2), "each topic has its own");
    assert_eq!(spool.tell(vec![heartbeat("a")]).await, Ok(0));
    let lease = lease(&spool, "a").await;
    let index = spool.index(&lease, None, 9).await.unwrap();
    spool.conclude(&lease, vec![(index[0].position, Fate::Held(held(Cause::Unknown)))]).await.unwrap();
    spool.shut().await;

    let spool = open(dir.path()).await;
    assert_eq!(spool.tell(vec![heartbeat("a"), heartbeat("b")]).await, Ok(0), "held, and after a start");
    settle(&spool, "a").await;
    assert_eq!(spool.tell(vec![heartbeat("a"), heartbeat("b")]).await, Ok(1));
    let trace = spool.trace(None, traced).await.unwrap().unwrap();
    assert!(matches!(trace.deliveries[0].state, TracedState::Settled { .. }));
    let state = spool.state().await.unwrap();
    assert_eq!(state.event_count(Count::Received) + state.event_count(Count::Accepted), 0);
    assert_eq!(spool.door(&source(), Timestamp::UNIX_EPOCH).await.unwrap(), []);
    adds_up(&spool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_day_is_told_once_with_what_was_published_in_it_for_the_first_time() {
    let dir = tempfile::tempdir().unwrap();
    let today = today().await;
    let spool = open(dir.path()).await;
    assert_eq!(sum_up(&spool, today).await, [], "nobody was promised the days before");
    let ids: Vec<EventId> = (0..5).map(id).collect();
    let both =
        || Route::Owed(vec![owed("a", 1), Owed { contract: contract("grade.updated"), ..owed("a", 2) }]);
    let events = ids.iter().map(|id| (event(*id, "x"), both())).collect();
    spool.accept(batch(events)).await.unwrap();
    let lease = lease(&spool, "a").await;
    // Of one contract one is parked and redriven on the same day, and one is held until tomorrow.
    let index = spool.index(&lease, None, 100).await.unwrap();
    let of_grades: Vec<Position> =
        index.iter().filter(|e| e.contract == contract("grade.updated")).map(|e| e.position).collect();
    let fates = index.iter().map(|entry| {
        let fate = match () {
            () if entry.position == of_grades[1] => Fate::Parked(Parking::new(Reason::Refused, "")),
            () if entry.position == of_grades[2] => Fate::Held(held(Cause::Unknown)),
            () => settled(),
        };
        (entry.position, fate)
    });
    let fates: Vec<_> = fates.collect();
    spool.conclude(&lease, fates.clone()).await.unwrap();
    // Told twice, counted once.
    spool.conclude(&lease, fates).await.unwrap();
    spool.redrive(&ParkedFilter::default(), 9, &Signed::new("test", "cured")).await.unwrap();
    spool.conclude(&lease, vec![(of_grades[1], settled())]).await.unwrap();
    spool.shut().await;

    let spool = open(dir.path()).await;
    let grades = [ids[0], ids[1], ids[3], ids[4]];
    let expected = vec![line("enrolment.created", &ids), line("grade.updated", &grades)];
    assert_eq!(sum_up(&spool, today).await, [], "the day is not over");
    assert_eq!(sum_up(&spool, day(1)).await, [(today, expected)]);
    assert_eq!(sum_up(&spool, day(1)).await, []);
    // The clock still says today, which is told: what is published now counts on the next day.
    spool.conclude(&lease, vec![(of_grades[2], settled())]).await.unwrap();
    spool.shut().await;

    let spool = open(dir.path()).await;
    assert_eq!(
        sum_up(&spool, day(4)).await,
        [(day(1), vec![line("grade.updated", &[ids[2]])]), (day(2), vec![]), (day(3), vec![])],
        "after a downtime each day, quiet ones too"
    );
    assert_eq!(sum_up(&spool, day(4)).await, []);
    adds_up(&spool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pruned_stays_in_the_days_count() {
    let dir = tempfile::tempdir().unwrap();
    let today = today().await;
    let settings = || Settings { history_age: Duration::ZERO, ..Settings::at(dir.path().join("spool.db")) };
    let spool = Spool::open(settings()).await.unwrap();
    sum_up(&spool, today).await;
    let ids: Vec<EventId> = (0..3).map(id).collect();
    let events = ids.iter().map(|id| (event(*id, "x"), Route::Owed(vec![owed("a", 1)]))).collect();
    spool.accept(batch(events)).await.unwrap();
    settle(&spool, "a").await;
    spool.shut().await;

    let spool = Spool::open(settings()).await.unwrap();
    let begun = std::time::Instant::now();
    while spool.trace(None, ids[2]).await.unwrap().unwrap().event.is_some() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is not pruned");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(sum_up(&spool, day(1)).await, [(today, vec![line("enrolment.created", &ids)])]);
}
