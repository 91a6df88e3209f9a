//! Past events owed again: what any spool must promise of it.

use std::time::Duration;

use moodle_sns_producer::delivery::{Fate, Parking, Reason, ReplayName};
use moodle_sns_producer::spool::{
    Count, OwedAgain, ParkedFilter, Past, Replay, ReplayOrder, ReplayState, ReplayStep, Signed, TracedState,
};

use super::*;

fn me(why: &str) -> Signed {
    Signed::new("me", why)
}

const NAME: &str = "\\core\\event\\user_enrolment_created";

fn order(name: &str) -> ReplayOrder {
    ReplayOrder {
        name: name.parse().unwrap(),
        topic: topic("a"),
        contracts: vec![contract("enrolment.created")],
        source: None,
        from: Timestamp::UNIX_EPOCH,
        until: Timestamp::now() + SignedDuration::from_hours(1),
        per_second: 10,
    }
}

fn past(last: u64) -> Past {
    let order = order("x/y");
    Past { source: None, from: order.from, until: order.until, names: vec![NAME.into()], last }
}

/// A step that owes these events again.
fn step(replay: &Replay, through: u64, events: &[u64]) -> ReplayStep {
    let owed = events.iter().map(|event| OwedAgain {
        event: *event,
        contract: contract("enrolment.created"),
        group: Group([1; 16]),
        bytes: 30,
    });
    ReplayStep { number: replay.number, after: replay.through, through, owed: owed.collect(), unmade: 1 }
}

async fn one(spool: &Spool) -> Replay {
    let mut all = spool.replays().await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// Five events that were published to topic `a`.
async fn published(spool: &Spool) -> Vec<EventId> {
    let ids: Vec<_> = (0..5).map(id).collect();
    let events = ids.iter().map(|id| (event(*id, "x"), Route::Owed(vec![owed("a", 1)]))).collect();
    spool.accept(batch(events)).await.unwrap();
    let lease = lease(spool, "a").await;
    let index = spool.index(&lease, None, 9).await.unwrap();
    spool.conclude(&lease, index.iter().map(|e| (e.position, settled())).collect()).await.unwrap();
    ids
}

#[tokio::test]
async fn a_replay_goes_on_where_its_last_step_ended_and_owes_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let ids = published(&spool).await;
    assert!(spool.begin_replay(&order("library/r1"), &me("they lost them")).await.unwrap());
    assert!(!spool.begin_replay(&order("other/r1"), &me("again")).await.unwrap(), "an id is one replay's");

    let page = spool.past(&past(99), 0, 2).await.unwrap();
    assert_eq!((page.events.len(), page.through), (2, 2));
    let begun = one(&spool).await;
    assert_eq!((begun.state, begun.last), (ReplayState::Running, 5));
    let first = step(&begun, 2, &[1, 2]);
    assert!(spool.owe_again(first.clone()).await.unwrap());
    assert!(
        !spool.owe_again(first.clone()).await.unwrap(),
        "its outcome was not known, so it is tried again"
    );
    spool.shut().await;
    drop(spool);

    let spool = open(dir.path()).await;
    assert!(!spool.owe_again(first).await.unwrap());
    let going = one(&spool).await;
    assert_eq!((going.through, going.owed, going.unmade, going.waiting), (2, 2, 1, 2));
    assert!(spool.owe_again(step(&going, 5, &[3, 4, 5, 77])).await.unwrap(), "77 is no more");
    let made = one(&spool).await;
    assert!(matches!(made.state, ReplayState::Made { .. }), "{made:?}");
    assert_eq!((made.owed, made.waiting, made.settled), (5, 5, 0));
    assert!(spool.replays_running().await.unwrap().is_empty());

    let a = lease(&spool, "a").await;
    let at: Vec<Position> = spool.index(&a, None, 9).await.unwrap().iter().map(|e| e.position).collect();
    let loaded = spool.load(&a, &at).await.unwrap();
    let name: ReplayName = "library/r1".parse().unwrap();
    assert!(loaded.iter().all(|delivery| delivery.replay.as_ref() == Some(&name) && !delivery.redriven));
    let again: Vec<EventId> = loaded.iter().map(|d| d.event.as_ref().unwrap().event.id).collect();
    assert_eq!(again, ids, "in the order of acceptance");

    // Parked and redriven it stays the replay's.
    let parking = Parking::new(Reason::Refused, "words");
    spool.conclude(&a, vec![(at[0], settled()), (at[1], Fate::Parked(parking))]).await.unwrap();
    let made = one(&spool).await;
    assert_eq!((made.settled, made.parked, made.waiting), (1, 1, 3));
    spool.redrive(&ParkedFilter::default(), 9, &me("cured")).await.unwrap();
    let index = spool.index(&a, None, 9).await.unwrap();
    let redriven: Vec<_> = index.into_iter().filter(|e| e.position == at[1]).collect();
    assert_eq!(redriven.len(), 1);
    let positions: Vec<_> = redriven.iter().map(|e| e.position).collect();
    for delivery in spool.load(&a, &positions).await.unwrap() {
        assert!(delivery.redriven && delivery.replay.as_ref() == Some(&name));
    }
    let trace = spool.trace(None, ids[0]).await.unwrap().unwrap();
    let told: Vec<_> = trace
        .deliveries
        .iter()
        .map(|d| (d.replay.as_ref().map(ReplayName::as_str), matches!(d.state, TracedState::Settled { .. })))
        .collect();
    assert_eq!(told, [(None, true), (Some("library/r1"), true)]);
    adds_up(&spool).await;
}

#[tokio::test]
async fn a_cancelled_replay_owes_nothing_more_and_what_waited_is_counted_as_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    published(&spool).await;
    spool.accept(batch(vec![(event(id(9), "live"), Route::Owed(vec![owed("a", 1)]))])).await.unwrap();
    spool.begin_replay(&order("library/r1"), &me("why")).await.unwrap();
    let begun = one(&spool).await;
    spool.owe_again(step(&begun, 3, &[1, 2, 3])).await.unwrap();
    let going = one(&spool).await;
    assert_eq!(spool.cancel_replay("r2", &me("no such")).await.unwrap(), None);
    assert_eq!(spool.cancel_replay("r1", &me("it works again")).await.unwrap(), Some(3));
    assert_eq!(spool.cancel_replay("r1", &me("twice")).await.unwrap(), None);
    assert!(!spool.owe_again(step(&going, 5, &[4, 5])).await.unwrap());
    let ended = one(&spool).await;
    assert!(matches!(ended.state, ReplayState::Cancelled { .. }));
    assert_eq!(ended.waiting, 0);
    assert_eq!(spool.index(&lease(&spool, "a").await, None, 9).await.unwrap().len(), 1, "the live one");
    let skipped = spool.ledger(Timestamp::UNIX_EPOCH).await.unwrap();
    let skipped: u64 = skipped.iter().filter(|row| row.count == Count::Skipped).map(|row| row.n).sum();
    assert_eq!(skipped, 3);
    adds_up(&spool).await;
}

#[tokio::test]
async fn only_what_was_asked_for_is_found_and_nothing_that_was_set_aside_at_the_door() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let other = Event { name: "\\core\\event\\other".into(), ..event(id(1), "o") };
    let late = Parking::new(Reason::TooOld, "raised 40 days ago");
    let events = vec![
        (event(id(0), "a"), Route::Unrouted),
        (other, Route::Unrouted),
        (event(id(2), "b"), Route::Parked(late)),
        (event(id(3), "c"), Route::Owed(vec![owed("b", 1)])),
    ];
    spool.accept(batch(events)).await.unwrap();
    let all = |asked: Past| {
        let spool = spool.clone();
        async move {
            let page = spool.past(&asked, 0, 9).await.unwrap();
            page.events.into_iter().map(|e| e.sequence.position).collect::<Vec<_>>()
        }
    };
    assert_eq!(all(past(4)).await, [1, 4]);
    assert_eq!(all(past(3)).await, [1], "none behind the last");
    assert_eq!(all(Past { source: Some("other".parse().unwrap()), ..past(4) }).await, [0; 0]);
    assert_eq!(all(Past { source: Some(source()), ..past(4) }).await, [1, 4]);
    let tomorrow = Timestamp::now() + SignedDuration::from_hours(24);
    assert_eq!(all(Past { from: tomorrow, until: tomorrow, ..past(4) }).await, [0; 0]);
    assert_eq!(
        all(Past { until: Timestamp::now() - SignedDuration::from_hours(1), ..past(4) }).await,
        [0; 0]
    );
}

#[tokio::test]
async fn how_far_back_events_reach_is_known_and_a_replay_says_what_was_pruned_beneath_it() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let early = Timestamp::from_second(1_795_000_000).unwrap();
    let (old, new) = (contract("enrolment.created"), contract("role.assigned"));
    spool.arm(&source(), vec![old.clone()], early).await.unwrap();
    let later = early + SignedDuration::from_hours(1);
    spool.arm(&source(), vec![old.clone(), new.clone()], later).await.unwrap();
    let reach = spool.reach().await.unwrap();
    assert_eq!(reach.armed, [(source(), old.clone(), early), (source(), new.clone(), later)]);
    assert_eq!(reach.pruned, None);
    // Out of the list and in again: what lay between was not asked for.
    spool.disarm_all_but(&source(), vec![new]).await.unwrap();
    let again = later + SignedDuration::from_hours(1);
    spool.arm(&source(), vec![old.clone()], again).await.unwrap();
    assert_eq!(spool.reach().await.unwrap().armed[0], (source(), old, again));

    published(&spool).await;
    spool.begin_replay(&order("library/r1"), &me("why")).await.unwrap();
    spool.shut().await;
    drop(spool);
    let mut settings = Settings::at(dir.path().join("spool.db"));
    settings.history_age = Duration::ZERO;
    let spool = Spool::open(settings).await.unwrap();
    let begun = std::time::Instant::now();
    let pruned = loop {
        if let Some(pruned) = spool.reach().await.unwrap().pruned {
            break pruned;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing was pruned");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(spool.past(&past(5), 0, 9).await.unwrap().events.is_empty());
    let going = one(&spool).await;
    assert_eq!(going.pruned, None, "nobody looked yet");
    spool.owe_again(step(&going, 5, &[])).await.unwrap();
    assert_eq!(one(&spool).await.pruned, Some(pruned));
    // One that begins now knows it beforehand: it was refused, or gaps were accepted.
    spool.begin_replay(&order("library/r2"), &me("why")).await.unwrap();
    let next = spool.replays_running().await.unwrap().remove(0);
    spool.owe_again(step(&next, 5, &[])).await.unwrap();
    assert_eq!(spool.replays().await.unwrap()[0].pruned, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_is_never_given_again_though_all_is_settled_and_the_process_starts_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut last = None;
    for n in 0..3 {
        let spool = open(dir.path()).await;
        spool.accept(batch(vec![(event(id(n), "x"), Route::Owed(vec![owed("a", 1)]))])).await.unwrap();
        let lease = lease(&spool, "a").await;
        let index = spool.index(&lease, None, 9).await.unwrap();
        assert!(index.len() == 1 && Some(index[0].position) > last, "{:?} after {last:?}", index[0].position);
        last = Some(index[0].position);
        spool.conclude(&lease, vec![(index[0].position, settled())]).await.unwrap();
        spool.shut().await;
    }
}
