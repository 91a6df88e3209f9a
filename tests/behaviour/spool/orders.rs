//! What people order: stop a topic, skip it, drop what is parked, drain, and read who did what.

use moodle_sns_producer::spool::{Door, SkipOutlook};

use super::*;

fn signed(why: &str) -> Signed {
    Signed::new("ann", why)
}

/// So many events, each owing a topic one message.
async fn accept(spool: &Spool, key: &str, n: u64) -> Vec<EventId> {
    let ids: Vec<_> = (0..n).map(|_| id(fastrand::u64(..))).collect();
    let events = ids.iter().map(|id| (event(*id, "x"), Route::Owed(vec![owed(key, 1)]))).collect();
    spool.accept(batch(events)).await.unwrap();
    ids
}

async fn states(spool: &Spool, id: EventId) -> Vec<TracedState> {
    let trace = spool.trace(None, id).await.unwrap().unwrap();
    trace.deliveries.into_iter().map(|delivery| delivery.state).collect()
}

#[tokio::test]
async fn a_paused_topic_stays_so_over_a_restart_and_whoever_watches_hears_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let (a, b) = (topic("a"), topic("b"));
    let mut watching = spool.paused(&a);
    assert_eq!(*watching.borrow_and_update(), None);
    assert_eq!(spool.pause(&a, &signed("ticket 1")).await.unwrap().n, 1);
    assert!(watching.has_changed().unwrap());
    let first = watching.borrow_and_update().clone().unwrap();
    assert_eq!((first.by.as_str(), first.why.as_str()), ("ann", "ticket 1"));
    assert_eq!(spool.pause(&a, &signed("ticket 2")).await.unwrap().n, 0, "it was paused already");
    let again = watching.borrow_and_update().clone().unwrap();
    assert_eq!((again.since, again.why.as_str()), (first.since, "ticket 2"));
    spool.shut().await;

    let spool = open(dir.path()).await;
    assert_eq!(*spool.paused(&a).borrow(), Some(again.clone()));
    assert_eq!(*spool.paused(&b).borrow(), None);
    let state = spool.state().await.unwrap();
    assert_eq!(state.topics.iter().find(|t| t.topic == a).unwrap().paused, Some(again));
    assert_eq!(spool.resume(&a, &signed("done")).await.unwrap().n, 1);
    assert_eq!(spool.resume(&a, &signed("done")).await.unwrap().n, 0);
    assert_eq!(*spool.paused(&a).borrow(), None);
    spool.shut().await;
    let spool = open(dir.path()).await;
    assert_eq!(*spool.paused(&a).borrow(), None);
}

#[tokio::test]
async fn what_is_skipped_is_history_and_counted_and_what_comes_meanwhile_stays() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let (a, lease) = (topic("a"), lease(&spool, "a").await);
    let ids = accept(&spool, "a", 5).await;
    let others = accept(&spool, "b", 2).await;
    let head = spool.index(&lease, None, 1).await.unwrap()[0].position;
    spool.conclude(&lease, vec![(head, Fate::Held(held(Cause::Unknown)))]).await.unwrap();
    let SkipOutlook { n, until } = spool.skip_outlook(&a).await.unwrap();
    let days = until.unwrap().duration_since(Timestamp::now()).as_secs_f64() / 86_400.0;
    assert!(n == 5 && (6.9..7.1).contains(&days), "{days}");

    let rewound = spool.rewound(&a);
    let first = spool.skip(&a, None, 3, &signed("no consumer")).await.unwrap();
    assert_eq!(first.changed.n, 3);
    let late = accept(&spool, "a", 1).await;
    let goes_on = Signed { line: Some(first.changed.line), ..signed("no consumer") };
    let rest = spool.skip(&a, Some(first.up_to), 99, &goes_on).await.unwrap();
    assert_eq!((rest.changed.n, rest.changed.line), (2, first.changed.line), "not what came meanwhile");
    assert!(rewound.has_changed().unwrap(), "who read the index hears that it changed");
    let index = spool.index(&lease, None, 9).await.unwrap();
    assert_eq!(index.len(), 1);
    for id in ids {
        assert!(matches!(states(&spool, id).await[..], [TracedState::Skipped { .. }]));
    }
    for id in late.into_iter().chain(others) {
        assert_eq!(states(&spool, id).await, [TracedState::Waiting]);
    }
    let state = spool.state().await.unwrap();
    let of_a = state.topics.iter().find(|t| t.topic == a).unwrap();
    assert_eq!((of_a.waiting, of_a.held, of_a.settled, of_a.set_aside), (1, 0, 0, 5));
    adds_up(&spool).await;
    let ledger = spool.ledger(Timestamp::UNIX_EPOCH).await.unwrap();
    let skipped: u64 = ledger.iter().filter(|row| row.count == Count::Skipped).map(|row| row.n).sum();
    assert_eq!(skipped, 5);
    // A fate that comes too late counts nothing twice.
    spool.conclude(&lease, vec![(head, settled())]).await.unwrap();
    adds_up(&spool).await;
}

#[tokio::test]
async fn what_is_dropped_is_counted_and_told_and_comes_never_again() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let ids = accept(&spool, "a", 3).await;
    let door = id(77);
    let parking = Parking::new(Reason::TooOld, "raised 36 days ago");
    spool.accept(batch(vec![(event(door, "x"), Route::Parked(parking))])).await.unwrap();
    let lease = lease(&spool, "a").await;
    let index = spool.index(&lease, None, 9).await.unwrap();
    let park = |entry: &moodle_sns_producer::spool::Entry| {
        (entry.position, Fate::Parked(Parking::new(Reason::Refused, "no")))
    };
    spool.conclude(&lease, index[..2].iter().map(park).collect()).await.unwrap();
    let before = Timestamp::now();
    spool.conclude(&lease, index[2..].iter().map(park).collect()).await.unwrap();
    let all = ParkedFilter::default();
    assert_eq!(spool.count_parked(&all).await.unwrap(), (3, 1));
    let earlier = ParkedFilter { until: Some(before), ..all.clone() };
    assert_eq!(spool.count_parked(&earlier).await.unwrap(), (2, 1), "not what parked after the order");
    let of_a = ParkedFilter { topic: Some(topic("a")), ..earlier };
    assert_eq!(spool.drop_parked(&of_a, 99, &signed("x")).await.unwrap().n, 2);
    assert!(matches!(states(&spool, ids[0]).await[..], [TracedState::Dropped { .. }]));
    assert!(matches!(states(&spool, ids[2]).await[..], [TracedState::Parked(_)]));
    assert_eq!(spool.drop_parked(&all, 99, &signed("all of it")).await.unwrap().n, 2);
    assert_eq!(spool.redrive(&all, 99, &signed("y")).await.unwrap().n, 0);
    assert_eq!(spool.count_parked(&all).await.unwrap(), (0, 0));
    let trace = spool.trace(None, door).await.unwrap().unwrap();
    assert!(trace.parked.is_none() && trace.dropped.is_some() && trace.deliveries.is_empty());
    adds_up(&spool).await;
    let state = spool.state().await.unwrap();
    assert_eq!((state.topics[0].set_aside, state.event_count(Count::Dropped)), (3, 1));
    assert_eq!(state.event_count(Count::Parked), 1, "what came in is counted for good");
}

#[tokio::test]
async fn a_drained_spool_takes_nothing_new_and_a_restart_opens_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let ids = accept(&spool, "a", 1).await;
    assert_eq!(spool.drain(Door::Draining, &signed("moves")).await.unwrap().n, 1);
    assert_eq!(spool.drain(Door::Draining, &signed("moves")).await.unwrap().n, 0);
    let refused = spool.accept(batch(vec![(event(id(1), "x"), Route::Unrouted)])).await;
    assert_eq!(refused, Err(AcceptError::Draining));
    let lease = lease(&spool, "a").await;
    let head = spool.index(&lease, None, 1).await.unwrap()[0].position;
    spool.conclude(&lease, vec![(head, settled())]).await.unwrap();
    assert!(
        matches!(states(&spool, ids[0]).await[..], [TracedState::Settled { .. }]),
        "what is owed goes on"
    );
    assert_eq!(spool.drain(Door::Open, &signed("stays")).await.unwrap().n, 1);
    accept(&spool, "a", 1).await;
    spool.drain(Door::Draining, &signed("moves")).await.unwrap();
    spool.shut().await;
    let spool = open(dir.path()).await;
    assert_eq!(spool.door_is(), Door::Open);
}

#[tokio::test]
async fn the_audit_tells_who_did_what_to_how_many_and_why_the_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let a = topic("a");
    accept(&spool, "a", 4).await;
    spool.pause(&a, &signed("ticket 1")).await.unwrap();
    let first = spool.skip(&a, None, 3, &signed("ticket 1")).await.unwrap();
    let goes_on = Signed { line: Some(first.changed.line), ..signed("ticket 1") };
    spool.skip(&a, Some(first.up_to), 3, &goes_on).await.unwrap();
    // Another's line, or another reason's, is never added to.
    let other = Signed { line: Some(first.changed.line), ..Signed::new("bob", "ticket 1") };
    spool.skip(&a, None, 3, &other).await.unwrap();
    spool.shut().await;
    let spool = open(dir.path()).await;
    let lines = spool.audit(None, 9).await.unwrap();
    let told: Vec<_> = lines.iter().map(|l| (&*l.who, &*l.verb, &*l.what, &*l.why, l.n)).collect();
    assert_eq!(
        told,
        [
            ("bob", "topic skip", "a", "ticket 1", Some(0)),
            ("ann", "topic skip", "a", "ticket 1", Some(4)),
            ("ann", "topic pause", "a", "ticket 1", None),
        ]
    );
    assert_eq!(spool.audit(Some(lines[0].no), 1).await.unwrap(), lines[1..2]);
}
