//! A person's events taken out: what any spool must promise of it. The last part looks at the files.

use std::time::{Duration, Instant};

use moodle_sns_producer::delivery::{Fate, Parking, Reason};
use moodle_sns_producer::spool::{Erasure, Past, Signed};

use super::*;

/// Ids whose bytes stand nowhere by chance.
const PERSON: i64 = 0x0123_4567_89ab_cdef;
const OTHER: i64 = 0x0fed_cba9_8765_4321;

fn canary(person: i64) -> String {
    format!("canary-{person:016x}-")
}

/// An event in which a person stands, of some bytes.
fn of(n: u64, person: i64, bytes: usize) -> Event {
    event(id(n), &canary(person).repeat(bytes / 24 + 1))
}

async fn keep(spool: &Spool, events: Vec<(Event, i64, Route)>) {
    let events =
        events.into_iter().map(|(event, person, route)| Accept { event, people: vec![2, person], route });
    spool.accept(Batch { source: source(), events: events.collect(), unwanted: Vec::new() }).await.unwrap();
}

fn me() -> Signed {
    Signed::new("me", "they asked us to")
}

/// Waits until it is so.
async fn until(spool: &Spool, number: u64, so: impl Fn(&Erasure) -> bool) -> Erasure {
    let begun = Instant::now();
    loop {
        let erasure = spool.erasure(number).await.unwrap().unwrap();
        if so(&erasure) {
            return erasure;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{erasure:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// How often bytes stand in the spool's files.
fn hits(dir: &Path, needle: &[u8]) -> usize {
    let files = std::fs::read_dir(dir).unwrap();
    let bytes = files.map(|file| std::fs::read(file.unwrap().path()).unwrap());
    bytes.map(|bytes| bytes.windows(needle.len()).filter(|window| *window == needle).count()).sum()
}

fn hits_of(dir: &Path, person: i64) -> (usize, usize) {
    (hits(dir, canary(person).as_bytes()), hits(dir, &person.to_le_bytes()))
}

#[tokio::test]
async fn what_waits_is_sent_first_and_all_else_of_a_person_goes_at_once_and_nothing_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let late = || Route::Parked(Parking::new(Reason::TooOld, "raised 40 days ago"));
    let unmapped = Owed { group: Err(Parking::new(Reason::Mapping, "no course")), ..owed("a", 1) };
    let known = of(0, PERSON, 10);
    for person in [PERSON, OTHER] {
        let n = if person == PERSON { 0 } else { 100 };
        let owes = |topics: &[&str]| Route::Owed(topics.iter().map(|key| owed(key, 1)).collect());
        keep(
            &spool,
            vec![
                (if n == 0 { known.clone() } else { of(n, person, 10) }, person, owes(&["a"])),
                (of(n + 1, person, 10), person, owes(&["a", "b"])),
                (of(n + 2, person, 10), person, owes(&["b"])),
                (of(n + 3, person, 10), person, Route::Owed(vec![unmapped.clone()])),
                (of(n + 4, person, 10), person, Route::Owed(vec![unmapped.clone(), owed("b", 1)])),
                (of(n + 5, person, 10), person, late()),
                (of(n + 6, person, 10), person, Route::Unrouted),
            ],
        )
        .await;
    }
    let (a, b) = (lease(&spool, "a").await, lease(&spool, "b").await);
    let at = spool.index(&a, None, 99).await.unwrap();
    spool.conclude(&a, at.iter().map(|e| (e.position, settled())).collect()).await.unwrap();
    let at: Vec<Position> = spool.index(&b, None, 99).await.unwrap().iter().map(|e| e.position).collect();
    spool.conclude(&b, vec![(at[1], Fate::Held(held(Cause::Throttled)))]).await.unwrap();

    let number = spool.erase(&source(), PERSON, false, &me()).await.unwrap();
    let going = until(&spool, number, |e| e.found_all).await;
    assert_eq!((going.events, going.messages), (4, 2), "history, parked, parked at the door, unrouted");
    assert_eq!(going.left, [(topic("b"), 3)]);
    let all = Past {
        source: None,
        from: Timestamp::UNIX_EPOCH,
        until: Timestamp::now() + SignedDuration::from_hours(1),
        names: vec!["\\core\\event\\user_enrolment_created".into()],
        last: 99,
    };
    let found = spool.past(&all, 0, 99).await.unwrap().events;
    assert!(found.iter().all(|e| !String::from_utf8_lossy(&e.event.data).contains(&canary(PERSON))));
    assert_eq!(found.len(), 6, "a replay finds the other's only, and none at the door");
    // The order outlives the process, and is done when all is sent.
    spool.shut().await;
    drop(spool);
    let spool = open(dir.path()).await;
    assert_eq!(until(&spool, number, |e| e.found_all).await.left, [(topic("b"), 3)]);
    spool.conclude(&b, vec![(at[0], settled()), (at[2], settled())]).await.unwrap();
    until(&spool, number, |e| e.left == [(topic("b"), 1)] && e.events == 6 && e.wiped).await;
    let parking = Parking::new(Reason::Refused, "it can't be sent");
    spool.conclude(&b, vec![(at[1], Fate::Parked(parking))]).await.unwrap();
    let over = until(&spool, number, Erasure::is_over).await;
    assert_eq!((over.events, over.messages), (7, 3));

    let parked = spool.parked(&ParkedFilter::default(), None, 99).await.unwrap();
    assert!(parked.len() == 3 && parked.iter().all(|row| row.event.as_bytes()[15] >= 100), "{parked:?}");
    assert_eq!(spool.index(&b, None, 99).await.unwrap().len(), 3, "the other's");
    let again = spool.accept(batch(vec![(known, Route::Unrouted)])).await.unwrap();
    assert!(matches!(again[..], [Accepted::Duplicate]), "its id stays known: {again:?}");
    adds_up(&spool).await;
    assert_eq!(hits_of(dir.path(), PERSON), (0, 0));
    let (text, ids) = hits_of(dir.path(), OTHER);
    assert!(text >= 7 && ids >= 7);
}

#[tokio::test]
async fn at_once_means_that_what_waits_is_dropped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let events = (0..10_u64).map(|n| {
        let person = if n % 2 == 0 { PERSON } else { OTHER };
        (of(n, person, 10), person, Route::Owed(vec![owed("a", 1), owed("b", 1)]))
    });
    keep(&spool, events.collect()).await;
    let mut rewound = spool.rewound(&topic("a"));
    rewound.mark_unchanged();
    let number = spool.erase(&source(), PERSON, true, &me()).await.unwrap();
    let over = until(&spool, number, Erasure::is_over).await;
    assert_eq!((over.events, over.messages), (5, 10));
    assert!(rewound.has_changed().unwrap(), "a worker must not go on with what it read before");
    assert_eq!(spool.index(&lease(&spool, "a").await, None, 99).await.unwrap().len(), 5);
    let state = spool.state().await.unwrap();
    assert_eq!(state.topics.iter().map(|t| t.set_aside).sum::<u64>(), 10);
    adds_up(&spool).await;
    assert_eq!(hits_of(dir.path(), PERSON), (0, 0));
    let nobody = spool.erase(&"other".parse().unwrap(), OTHER, true, &me()).await.unwrap();
    assert_eq!(until(&spool, nobody, Erasure::is_over).await.events, 0, "another source's user");
}

/// Goal: no copy of what was erased is left in a page that was rebuilt. Method: events of many sizes, taken out
/// in a random order while others come in, so that SQLite moves rows between its pages; then one person more.
#[tokio::test]
async fn nothing_is_left_in_pages_that_were_rebuilt() {
    let seed = std::env::var("SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("seed {seed}: SEED={seed} cargo test --test behaviour nothing_is_left_in_pages");
    let mut random = fastrand::Rng::with_seed(seed);
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let people: Vec<i64> = (0..20).map(|n| PERSON ^ (n << 40)).collect();
    let mut n = 0;
    for round in 0..10 {
        for _ in 0..20 {
            let events = (0..10).map(|_| {
                n += 1;
                let person = *random.choice(&people[usize::from(round > 4)..]).unwrap();
                let bytes = match random.u8(0..10) {
                    0 => random.usize(4_000..30_000),
                    1..=3 => random.usize(900..4_000),
                    _ => random.usize(10..900),
                };
                (of(n, person, bytes), person, Route::Unrouted)
            });
            keep(&spool, events.collect::<Vec<_>>()).await;
        }
        let person = people[1 + round];
        let number = spool.erase(&source(), person, false, &me()).await.unwrap();
        until(&spool, number, Erasure::is_over).await;
        assert_eq!(hits_of(dir.path(), person), (0, 0), "round {round}");
    }
    let (before, _) = hits_of(dir.path(), people[0]);
    assert!(before > 100, "a useless run");
    let number = spool.erase(&source(), people[0], false, &me()).await.unwrap();
    let over = until(&spool, number, Erasure::is_over).await;
    assert!(over.events > 20);
    assert_eq!(hits_of(dir.path(), people[0]), (0, 0));
}
