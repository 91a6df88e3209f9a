//! The conformance suite of the spool: what any implementation of its face must promise. It uses the
//! face alone; where a test needs the file itself (damage, foreign files) it says so.

mod model;
mod erasure;
mod own;
mod replays;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use moodle_sns_producer::delivery::{
    Cause, Class, ContractId, Fate, Group, Held, Parking, Position, Reason, Receipt, TopicKey,
};
use moodle_sns_producer::event::{Event, EventId, SourceKey};
use moodle_sns_producer::spool::{
    Accept, AcceptError, Accepted, Batch, Count, Kept, Lease, OpenError, Owed, ParkedFilter, Route, Settings,
    Signed, Spool, TracedState, Withdrawal, Withdrawn,
};
use uuid::Uuid;

mod orders;

fn source() -> SourceKey {
    "vle".parse().unwrap()
}

fn topic(key: &str) -> TopicKey {
    key.parse().unwrap()
}

fn contract(name: &str) -> ContractId {
    format!("moodle.{name}.v1").parse().unwrap()
}

fn id(n: u64) -> EventId {
    let millis = Timestamp::now().as_millisecond().cast_unsigned();
    let random = u128::from(n).to_be_bytes();
    let uuid = uuid::Builder::from_unix_timestamp_millis(millis, random[6..].try_into().unwrap()).into_uuid();
    EventId::new(uuid).unwrap()
}

fn event(id: EventId, content: &str) -> Event {
    Event {
        source: source(),
        id,
        name: Arc::from("\\core\\event\\user_enrolment_created"),
        time: Timestamp::from_second(1_795_536_687).unwrap(),
        raised: Some(Timestamp::from_microsecond(1_795_536_687_310_028).unwrap()),
        bulk: false,
        data: format!("{{\"event\":{{\"objectid\":\"{content}\"}}}}").into(),
    }
}

fn owed(key: &str, group: u8) -> Owed {
    Owed {
        topic: topic(key),
        contract: contract("enrolment.created"),
        class: Class::Live,
        group: Ok(Group([group; 16])),
    }
}

fn batch(events: Vec<(Event, Route)>) -> Batch {
    Batch {
        source: source(),
        events: events
            .into_iter()
            .map(|(event, route)| Accept { event, people: Vec::new(), route })
            .collect(),
        unwanted: Vec::new(),
    }
}

fn settled() -> Fate {
    Fate::Settled(Receipt {
        sns_id: Uuid::from_u128(7).to_string(),
        sns_sequence: Some("10000000000000003000".into()),
        request: Some("not-a-uuid".into()),
    })
}

fn held(cause: Cause) -> Held {
    Held {
        due: Timestamp::from_microsecond(1_900_000_000_000_000).unwrap(),
        tries: 3,
        cause,
        unknown_since: Some(Timestamp::from_microsecond(1_800_000_000_000_001).unwrap()),
    }
}

async fn open(dir: &Path) -> Spool {
    Spool::open(Settings::at(dir.join("spool.db"))).await.unwrap()
}

async fn lease(spool: &Spool, key: &str) -> Lease {
    spool.lease(&topic(key)).await.unwrap()
}

async fn adds_up(spool: &Spool) {
    let state = spool.state().await.unwrap();
    assert_eq!(state.missing_events(), 0, "{state:?}");
    for topic in &state.topics {
        assert_eq!(topic.missing(), 0, "{topic:?}");
    }
}

#[tokio::test]
async fn what_was_accepted_is_there_after_a_restart_in_its_order_with_a_higher_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let events: Vec<_> = (0..5).map(|n| event(id(n), &n.to_string())).collect();
    let given = spool
        .accept(batch(events.iter().map(|e| (e.clone(), Route::Owed(vec![owed("a", 1)]))).collect()))
        .await
        .unwrap();
    let name = spool.id().to_owned();
    spool.shut().await;
    drop(spool);

    let spool = open(dir.path()).await;
    assert_eq!(spool.id(), name);
    let lease = lease(&spool, "a").await;
    let index = spool.index(&lease, None, 100).await.unwrap();
    let positions: Vec<_> = index.iter().map(|e| e.position).collect();
    assert!(positions.is_sorted() && positions.len() == 5);
    let loaded = spool.load(&lease, &positions).await.unwrap();
    for ((delivery, event), given) in loaded.iter().zip(&events).zip(&given) {
        let stored = delivery.event.as_ref().unwrap();
        assert_eq!(&stored.event, event);
        assert_eq!(Accepted::New(stored.sequence), *given);
    }
    let later = spool.accept(batch(vec![(event(id(9), "9"), Route::Unrouted)])).await.unwrap();
    let (Accepted::New(later), Accepted::New(before)) = (later[0], given[4]) else {
        panic!("{later:?} {given:?}")
    };
    assert!(later > before && later.epoch > before.epoch);
    assert!(later.to_string() > before.to_string());
    adds_up(&spool).await;
}

#[tokio::test]
async fn a_known_id_is_a_duplicate_and_other_content_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let first = event(id(1), "a");
    let mut corrected = first.clone();
    corrected.raised = Some(corrected.raised.unwrap() + SignedDuration::from_secs(3));
    let route = || Route::Owed(vec![owed("a", 1), owed("b", 1)]);
    let answers = spool
        .accept(batch(vec![
            (first.clone(), route()),
            (first.clone(), route()),
            (event(first.id, "b"), route()),
        ]))
        .await
        .unwrap();
    assert!(
        matches!(answers[..], [Accepted::New(_), Accepted::Duplicate, Accepted::Conflict]),
        "{answers:?}"
    );
    let again = spool.accept(batch(vec![(first, route()), (corrected, route())])).await.unwrap();
    assert_eq!(again, [Accepted::Duplicate, Accepted::Duplicate], "a corrected clock is no other content");
    assert_eq!(spool.index(&lease(&spool, "b").await, None, 9).await.unwrap().len(), 1);
    // Counts of duplicates ride with the next write.
    spool.accept(batch(vec![(event(id(2), "c"), Route::Unrouted)])).await.unwrap();
    let state = spool.state().await.unwrap();
    let counts = [Count::Received, Count::Accepted, Count::Duplicate, Count::Conflict, Count::Unrouted];
    assert_eq!(counts.map(|c| state.event_count(c)), [6, 2, 4, 1, 1]);
    adds_up(&spool).await;
}

#[tokio::test]
async fn fates_are_kept_and_each_is_counted_once() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let ids: Vec<_> = (0..4).map(id).collect();
    let route = |n: u8| Route::Owed(vec![owed("a", n), owed("b", n)]);
    let events =
        ids.iter().enumerate().map(|(n, id)| (event(*id, "x"), route(u8::try_from(n).unwrap()))).collect();
    spool.accept(batch(events)).await.unwrap();
    let a = lease(&spool, "a").await;
    let at: Vec<Position> = spool.index(&a, None, 9).await.unwrap().iter().map(|e| e.position).collect();
    let parking = Parking::new(Reason::Mapping, "field x: expected text, found a list");
    let fates = vec![
        (at[0], settled()),
        (at[1], Fate::Held(held(Cause::Throttled))),
        (at[2], Fate::Parked(parking.clone())),
    ];
    spool.conclude(&a, fates.clone()).await.unwrap();
    spool.conclude(&a, vec![fates[0].clone(), fates[2].clone()]).await.unwrap();
    spool.shut().await;
    drop(spool);

    let spool = open(dir.path()).await;
    let left = spool.index(&a, None, 9).await.unwrap();
    assert_eq!(left.iter().map(|e| e.position).collect::<Vec<_>>(), [at[1], at[3]]);
    assert_eq!(left[0].held, Some(held(Cause::Throttled)));
    assert_eq!(left[1].held, None);
    assert_eq!(left[0].group, Group([1; 16]));
    let state = spool.state().await.unwrap();
    let topic_a = &state.topics[0];
    assert_eq!((topic_a.waiting, topic_a.held, topic_a.settled, topic_a.owed), (1, 1, 1, 4));
    assert_eq!(topic_a.parked, [(Reason::Mapping, 1)]);
    assert_eq!((state.topics[1].waiting, state.topics[1].owed), (4, 4));
    adds_up(&spool).await;

    let trace = |n: usize| {
        let (spool, id) = (spool.clone(), ids[n]);
        async move { spool.trace(Some(&source()), id).await.unwrap().unwrap() }
    };
    let settled_trace = trace(0).await;
    let state_in_a = |t: moodle_sns_producer::spool::Trace| {
        t.deliveries.into_iter().find(|d| d.topic == topic("a")).unwrap().state
    };
    match state_in_a(settled_trace) {
        TracedState::Settled { receipt, .. } => {
            assert_eq!(Fate::Settled(receipt), settled(), "SNS's ids come back letter for letter");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(state_in_a(trace(1).await), TracedState::Held(held(Cause::Throttled)));
    assert_eq!(state_in_a(trace(2).await), TracedState::Parked(parking));
    assert_eq!(state_in_a(trace(3).await), TracedState::Waiting);
    assert_eq!(spool.trace(None, id(77)).await.unwrap(), None);
}

#[tokio::test]
async fn parked_deliveries_are_listed_and_redriven_in_the_order_of_their_sequence() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let ids: Vec<_> = (0..3).map(id).collect();
    let events = ids.iter().map(|id| (event(*id, "x"), Route::Owed(vec![owed("a", 1)]))).collect();
    spool.accept(batch(events)).await.unwrap();
    let a = lease(&spool, "a").await;
    let at: Vec<Position> = spool.index(&a, None, 9).await.unwrap().iter().map(|e| e.position).collect();
    let park = |reason| Fate::Parked(Parking::new(reason, "why"));
    spool.conclude(&a, vec![(at[2], park(Reason::Refused)), (at[0], park(Reason::Refused))]).await.unwrap();
    spool.conclude(&a, vec![(at[1], park(Reason::Oversized))]).await.unwrap();
    let all = spool.parked(&ParkedFilter::default(), None, 9).await.unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(spool.parked(&ParkedFilter::default(), Some(all[0].number), 9).await.unwrap(), all[1..]);
    let one = ParkedFilter { number: Some(all[1].number), ..ParkedFilter::default() };
    assert_eq!(spool.parked(&one, None, 9).await.unwrap(), all[1..2]);
    assert_eq!(spool.stored(all[1].number).await.unwrap().unwrap().event.id, all[1].event);

    let refused =
        ParkedFilter { reason: Some(Reason::Refused), topic: Some(topic("a")), ..ParkedFilter::default() };
    let newer = id(9);
    spool.accept(batch(vec![(event(newer, "x"), Route::Owed(vec![owed("a", 1)]))])).await.unwrap();
    let mut rewound = spool.rewound(&topic("a"));
    let signed = Signed::new("ann", "the topic's key works again");
    let first = spool.redrive(&refused, 1, &signed).await.unwrap();
    assert_eq!(first.n, 1, "the oldest first, and no more than asked for");
    let next = spool.redrive(&refused, 9, &Signed { line: Some(first.line), ..signed }).await.unwrap();
    assert_eq!((next.n, next.line), (1, first.line), "one order, one line");
    let again = spool.redrive(&refused, 9, &Signed::new("ann", "again")).await.unwrap();
    assert!(again.n == 0 && again.line != first.line);
    assert!(rewound.has_changed().unwrap(), "who reads the index hears of it");
    rewound.mark_unchanged();
    let index = spool.index(&a, None, 9).await.unwrap();
    let loaded = spool.load(&a, &index.iter().map(|e| e.position).collect::<Vec<_>>()).await.unwrap();
    let order: Vec<EventId> = loaded.iter().map(|d| d.event.as_ref().unwrap().event.id).collect();
    assert_eq!(order, [ids[0], ids[2], newer], "by sequence, and before what was accepted later");
    assert_eq!(index[0].position, at[0], "a delivery keeps its position for good");
    assert_eq!(loaded.iter().map(|d| d.redriven).collect::<Vec<_>>(), [true, true, false]);
    assert!(!rewound.has_changed().unwrap(), "reading changes nothing");
    adds_up(&spool).await;
}

#[tokio::test]
async fn events_parked_at_the_door_and_deliveries_without_a_group_wait_for_a_person() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let door = Parking::new(Reason::TooOld, "raised 36 days ago");
    let mut groupless = owed("a", 0);
    groupless.group = Err(Parking::new(Reason::Mapping, "no part of the group is there"));
    let events = vec![
        (event(id(1), "a"), Route::Parked(door.clone())),
        (event(id(2), "b"), Route::Owed(vec![groupless, owed("b", 2)])),
    ];
    let answers = spool.accept(batch(events)).await.unwrap();
    assert!(answers.iter().all(|a| matches!(a, Accepted::New(_))));
    let parked = spool.parked(&ParkedFilter::default(), None, 9).await.unwrap();
    assert_eq!(parked[0].parking, door);
    assert_eq!(parked[0].owed, None);
    assert_eq!(parked[1].owed, Some((topic("a"), contract("enrolment.created"))));
    assert_eq!(spool.trace(None, parked[0].event).await.unwrap().unwrap().parked, Some(door));
    assert!(spool.index(&lease(&spool, "a").await, None, 9).await.unwrap().is_empty());
    let state = spool.state().await.unwrap();
    assert_eq!(state.parked_events, [(Reason::TooOld, 1)]);
    assert_eq!((state.event_count(Count::Parked), state.event_count(Count::Accepted)), (1, 1));
    adds_up(&spool).await;
    let all = ParkedFilter::default();
    assert_eq!(
        spool.redrive(&all, 1_000, &Signed::new("ann", "contract corrected")).await.unwrap().n,
        1,
        "the door's stay"
    );
    assert_eq!(spool.index(&lease(&spool, "a").await, None, 9).await.unwrap().len(), 1);
    adds_up(&spool).await;
}

#[tokio::test]
async fn a_reader_that_waits_hears_of_new_deliveries_of_its_topic_only() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let mut a = spool.woken(&topic("a"));
    let b = spool.woken(&topic("b"));
    spool.accept(batch(vec![(event(id(1), "a"), Route::Owed(vec![owed("a", 1)]))])).await.unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(5), a.changed()).await.unwrap().unwrap();
    assert!(!b.has_changed().unwrap());
}

#[tokio::test]
async fn wanted_lists_stay_until_their_time() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let now = Timestamp::now();
    for etag in ["one", "two", "two", "three"] {
        spool.remember_list(&source(), etag, &format!("[\"{etag}\"]"), now).await.unwrap();
    }
    spool.remember_list(&"other".parse().unwrap(), "x", "[]", now).await.unwrap();
    let lists = spool.lists(&source()).await.unwrap();
    let etags: HashSet<_> = lists.iter().map(|(etag, _)| etag.as_str()).collect();
    assert_eq!(lists[0], ("three".into(), "[\"three\"]".into()), "the present one first");
    assert_eq!(etags, HashSet::from(["one", "two", "three"]));
}

#[tokio::test]
async fn a_withdrawn_contract_leaves_nothing_but_counts_and_ids() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let out = |key: &str| Owed { contract: contract("secret.told"), ..owed(key, 1) };
    let unmapped = Owed { group: Err(Parking::new(Reason::Mapping, "x")), ..out("b") };
    let [shared, alone, parked, settles, other] =
        [1, 2, 3, 4, 5].map(|n| event(id(n), &format!("canary-{n}")));
    let events = vec![
        (shared.clone(), Route::Owed(vec![out("a"), owed("a", 1)])),
        (alone.clone(), Route::Owed(vec![out("a"), out("b")])),
        (parked.clone(), Route::Owed(vec![unmapped])),
        (settles.clone(), Route::Owed(vec![out("c")])),
        (Event { name: Arc::from("\\core\\event\\other"), ..other.clone() }, Route::Owed(vec![owed("b", 1)])),
    ];
    spool.accept(batch(events)).await.unwrap();
    let at = spool.index(&lease(&spool, "c").await, None, 9).await.unwrap()[0].position;
    spool.conclude(&lease(&spool, "c").await, vec![(at, settled())]).await.unwrap();

    let left: &[u8] = br#"{"event":{}}"#;
    let wish = |contracts: Vec<ContractId>| Withdrawal {
        contracts,
        events: vec!["\\core\\event\\user_enrolment_created".into()],
        keep: Arc::new(move |event, others| match others {
            _ if event.data == left => Kept::Whole,
            [] => Kept::Nothing,
            _ => Kept::Part { data: left.into(), people: Vec::new() },
        }),
    };
    let all = wish(vec![contract("secret.told")]);
    let done = spool.withdraw(&all).await.unwrap();
    assert_eq!(done, Withdrawn { unsent: 3, parked: 1, cut: 1, erased: 3 });
    assert_eq!(spool.withdraw(&all).await.unwrap(), Withdrawn::default(), "it was done");
    adds_up(&spool).await;
    let erased: u64 = spool
        .ledger(Timestamp::UNIX_EPOCH)
        .await
        .unwrap()
        .iter()
        .filter(|row| row.count == Count::Erased)
        .map(|row| row.n)
        .sum();
    assert_eq!(erased, 4);
    let mut bytes = std::fs::read(dir.path().join("spool.db")).unwrap();
    bytes.extend(std::fs::read(dir.path().join("spool.db-wal")).unwrap_or_default());
    for n in 1..=4 {
        let canary = format!("canary-{n}");
        assert!(!bytes.windows(canary.len()).any(|w| w == canary.as_bytes()), "{canary} is left");
    }

    for (key, data) in [("a", left), ("b", &other.data[..])] {
        let lease = lease(&spool, key).await;
        let index = spool.index(&lease, None, 9).await.unwrap();
        assert_eq!(index.len(), 1);
        let loaded = spool.load(&lease, &[index[0].position]).await.unwrap();
        assert_eq!(&loaded[0].event.as_ref().unwrap().event.data[..], data);
    }
    // Ids stay known; of an event that was cut a copy that is cut alike is the same.
    let again = Event { data: left.into(), ..shared };
    let answers =
        spool.accept(batch(vec![(again, Route::Unrouted), (alone, Route::Unrouted)])).await.unwrap();
    assert_eq!(answers, [Accepted::Duplicate, Accepted::Duplicate]);

    // Once it is allowed again, a second withdrawal finds what came meanwhile.
    assert_eq!(spool.withdraw(&wish(Vec::new())).await.unwrap(), Withdrawn::default());
    spool.accept(batch(vec![(event(id(6), "canary-6"), Route::Owed(vec![out("a")]))])).await.unwrap();
    let done = spool.withdraw(&all).await.unwrap();
    assert_eq!(done, Withdrawn { unsent: 1, parked: 0, cut: 0, erased: 1 });
    adds_up(&spool).await;
}

#[tokio::test]
async fn what_is_owed_is_bounded_and_a_settled_delivery_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::at(dir.path().join("spool.db"));
    settings.max_size = 20_000;
    let spool = Spool::open(settings).await.unwrap();
    let mut kept = 0;
    let error = loop {
        match spool.accept(batch(vec![(event(id(kept), "x"), Route::Owed(vec![owed("a", 1)]))])).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, AcceptError::Full { .. }) && kept > 10, "{error}");
    let a = lease(&spool, "a").await;
    let at = spool.index(&a, None, 1).await.unwrap()[0].position;
    spool.conclude(&a, vec![(at, settled())]).await.unwrap();
    spool.accept(batch(vec![(event(id(kept), "x"), Route::Owed(vec![owed("a", 1)]))])).await.unwrap();
    adds_up(&spool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_come_at_once_all_get_their_own_answer() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let tasks: Vec<_> = (0..64_u64)
        .map(|task| {
            let spool = spool.clone();
            tokio::spawn(async move {
                let mut given = Vec::new();
                for n in 0..10 {
                    let event = event(id(task * 1_000 + n), "x");
                    given.extend(
                        spool.accept(batch(vec![(event, Route::Owed(vec![owed("a", 1)]))])).await.unwrap(),
                    );
                }
                given
            })
        })
        .collect();
    let mut seen = HashSet::new();
    for task in tasks {
        let given = task.await.unwrap();
        let sequences: Vec<_> = given
            .iter()
            .map(|a| match a {
                Accepted::New(sequence) => *sequence,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(sequences.is_sorted(), "what one sender sends in turn is in turn");
        seen.extend(sequences);
    }
    assert_eq!(seen.len(), 640);
    let state = spool.state().await.unwrap();
    assert!(state.commits < 640, "batches that wait together share a commit ({} commits)", state.commits);
    adds_up(&spool).await;
}

// What follows needs the file: one form of the spool only.

#[tokio::test]
async fn one_process_holds_a_spool_and_looking_at_it_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/er/spool.db");
    let spool = Spool::open(Settings::at(&path)).await.unwrap();
    assert!(matches!(Spool::open(Settings::at(&path)).await, Err(OpenError::Locked(_))));
    assert!(matches!(Spool::read_only(&path).await, Err(OpenError::Locked(_))));
    let mark = dir.path().join("deep/er/spool.db.clean");
    assert!(!mark.exists(), "in use is not closed in order");
    spool.accept(batch(vec![(event(id(1), "a"), Route::Owed(vec![owed("a", 1)]))])).await.unwrap();
    spool.shut().await;
    drop(spool);
    let bytes = std::fs::read(&path).unwrap();
    let seen = Spool::read_only(&path).await.unwrap();
    assert_eq!(seen.state().await.unwrap().topics[0].waiting, 1);
    let refused = seen.accept(batch(vec![(event(id(2), "a"), Route::Unrouted)])).await;
    assert!(refused.is_err(), "{refused:?}");
    seen.shut().await;
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    drop(Spool::read_only(&path).await.expect("who shut it has let go of it"));
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |p: &Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
}

#[tokio::test]
async fn foreign_newer_and_damaged_files_are_refused_and_left_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("text"), "not a database, but long enough to look at ".repeat(50)).unwrap();
    let other = rusqlite::Connection::open(path("other")).unwrap();
    other.execute_batch("create table t(x)").unwrap();
    drop(other);
    open(&path("")).await.shut().await;
    std::fs::rename(path("spool.db"), path("newer")).unwrap();
    let newer = rusqlite::Connection::open(path("newer")).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    for (name, expected) in [("text", "is not a spool"), ("other", "is not a spool"), ("newer", "version 99")]
    {
        let before = std::fs::read(path(name)).unwrap();
        let error = Spool::open(Settings::at(path(name))).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
        assert_eq!(std::fs::read(path(name)).unwrap(), before, "{name}");
    }
    let error = Spool::open(Settings::at("file:x?mode=memory")).await.unwrap_err().to_string();
    assert!(error.contains("not a URI"), "{error}");
}

#[tokio::test]
async fn an_event_whose_bytes_the_disk_changed_parks_itself_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path()).await;
    let events =
        (0..3).map(|n| (event(id(n), &format!("canary{n}")), Route::Owed(vec![owed("a", 1)]))).collect();
    spool.accept(batch(events)).await.unwrap();
    spool.shut().await;
    drop(spool);
    let path = dir.path().join("spool.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(7).position(|w| w == b"canary1").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let spool = open(dir.path()).await;
    let a = lease(&spool, "a").await;
    let at: Vec<_> = spool.index(&a, None, 9).await.unwrap().iter().map(|e| e.position).collect();
    let loaded = spool.load(&a, &at).await.unwrap();
    let corrupt: Vec<_> = loaded.iter().map(|d| d.event.as_ref().err().map(|p| p.reason)).collect();
    assert_eq!(corrupt, [None, Some(Reason::Corrupt), None]);
}
