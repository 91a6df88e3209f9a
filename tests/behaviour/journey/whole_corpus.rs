//! Every captured event that there is, at once.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use moodle_sns_producer::contract::cut;
use moodle_sns_producer::event::{Event, EventId, Sequence, StoredEvent};
use moodle_sns_producer::spool::{IDS_KEPT, Spool};
use serde_json::Value;

use super::{Decided, ask_wanted, assert_adds_up, assert_no_panic, data_of, kept_id, post};
use crate::support::checker::{self, Evidence, Known};
use crate::support::client::SigningClient;
use crate::support::corpus::{self, Captured, Recording};
use crate::support::sidecar::{FIFO, STANDARD, Sidecar, URL};
use crate::support::sns::SnsDouble;

/// The door's `max_body`.
const MAX_BODY: usize = 4 << 20;
const MAX_EVENTS: usize = 2_000;
/// How many requests one client makes, one behind the other.
const A_CLIENTS_REQUESTS: usize = 700;

/// The batches of a recording, none larger than the door lets in.
fn within_limits(events: &[Captured]) -> Vec<Vec<Captured>> {
    let mut small = Vec::new();
    let mut left = corpus::batches(events, MAX_EVENTS);
    left.reverse();
    while let Some(mut batch) = left.pop() {
        if batch.len() > 1 && corpus::body(&batch, URL, &"0".repeat(32)).len() > MAX_BODY {
            let second = batch.split_off(batch.len() / 2);
            left.extend([second, batch]);
        } else {
            small.push(batch);
        }
    }
    small
}

/// What is to become of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Unwanted,
    /// At the door, for this reason.
    SetAside(&'static str),
    /// For each contract that takes it: nothing when its message can be made, else the reason why not.
    Owes(BTreeMap<String, Option<String>>),
}

fn end_of(decided: &Decided, event: &Captured) -> End {
    let data = data_of(event);
    let taken = decided.list.take(&event.name, &data);
    if taken.is_empty() {
        return End::Unwanted;
    }
    if Timestamp::now().duration_since(event.raised) > SignedDuration::try_from(IDS_KEPT).unwrap() {
        return End::SetAside("too-old");
    }
    let cut = cut(&taken, &data);
    let stored = StoredEvent {
        event: Event {
            source: decided.source.key.clone(),
            id: kept_id(event),
            name: event.name.as_str().into(),
            time: event.time,
            raised: (!cut.anonymous).then_some(event.raised),
            bulk: false,
            data: cut.data,
        },
        sequence: Sequence { epoch: 1, position: 1, place: 0 },
    };
    let message = |contract: &String| decided.message(contract, &stored).err().map(|p| p.reason.to_string());
    End::Owes(taken.rows.iter().map(|row| (row.contract.clone(), message(&row.contract))).collect())
}

/// What no Moodle sent, so that parking is met too: for each contract that the hour meets an event that names nothing of use, and
/// one that is older than ids are kept.
fn broken(decided: &Decided, whole: &[Captured]) -> Vec<Captured> {
    let mut broken: Vec<Captured> = Vec::new();
    for contract in decided.catalogue.iter() {
        let id = contract.id().to_string();
        // Some contracts speak of what was not captured with its entities.
        let takes = |event: &&Captured| !event.is_anonymous() && decided.contracts(event).contains(&id);
        let Some(event) = whole.iter().find(takes) else { continue };
        let mut aimless = event.clone();
        for key in ["objectid", "courseid", "relateduserid"] {
            aimless.data.insert(key.to_owned(), Value::String("none of that kind".to_owned()));
        }
        let days = SignedDuration::from_hours(24 * 36);
        let old = corpus::moved_to(Timestamp::now() - days, std::slice::from_ref(event)).remove(0);
        broken.extend([aimless, old]);
    }
    for (n, event) in broken.iter_mut().enumerate() {
        let mut bytes = *event.id.as_bytes();
        // The random bits of another id.
        bytes[9..].copy_from_slice(&[0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, u8::try_from(n).unwrap()]);
        event.id = EventId::try_from(&bytes[..]).unwrap();
        event.request = Some("broken".to_owned());
    }
    broken
}

/// One client's batches, in their order; each 202's counts must be what was decided.
async fn post_all(
    mut client: SigningClient,
    batches: Vec<Vec<Captured>>,
    ends: Arc<HashMap<EventId, End>>,
    etag: String,
) {
    for batch in &batches {
        let answer = post(&mut client, batch, &etag).await;
        let decided = |wish: fn(&End) -> bool| batch.iter().filter(|e| wish(&ends[&kept_id(e)])).count();
        let unwanted = decided(|end| *end == End::Unwanted);
        let aside = decided(|end| matches!(end, End::SetAside(_)));
        let told = ["accepted", "unwanted", "duplicate"].map(|key| super::count(&answer[key]));
        assert_eq!(told, [batch.len() - unwanted - aside, unwanted, 0].map(|n| n as u64), "{answer}");
        assert_eq!(answer["parked"].as_array().unwrap().len(), aside, "{answer}");
    }
}

/// Goal: each captured event ends as it must, and nothing is lost, invented, changed or out of order.
/// Method: what each owes is told beforehand by the contracts; all recordings are posted at once to the real
/// binary; what the double took and what is parked must be just that, byte for byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_corpus_ends_published_unwanted_or_parked_for_a_reason() {
    let begun = Instant::now();
    let double = SnsDouble::start(1).await;
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::new(dir.path(), &double.url());
    sidecar.start();
    sidecar.ready().await;

    let decided = Decided::new();
    let mut recordings: Vec<(String, Vec<Captured>)> = Recording::ALL
        .into_iter()
        .map(|recording| (recording, corpus::moved_to(Timestamp::now(), &corpus::read(recording))))
        .map(|(recording, events)| (format!("{recording:?}"), events))
        .collect();
    recordings.push(("broken".to_owned(), broken(&decided, &recordings[3].1)));
    let events: Vec<&Captured> = recordings.iter().flat_map(|(_, events)| events).collect();
    let ends: HashMap<EventId, End> =
        events.iter().map(|event| (kept_id(event), end_of(&decided, event))).collect();
    assert_eq!(ends.len(), events.len(), "two events of the corpus have one id");
    let ends = Arc::new(ends);

    let etag = ask_wanted(&mut sidecar.client()).await;
    assert_eq!(etag, decided.list.etag());
    let batches: Vec<Vec<Vec<Captured>>> =
        recordings.iter().map(|(_, events)| within_limits(events)).collect();
    let requests: usize = batches.iter().map(Vec::len).sum();
    let parts: Vec<&[Vec<Captured>]> =
        batches.iter().flat_map(|batches| batches.chunks(A_CLIENTS_REQUESTS)).collect();
    let posting = Instant::now();
    let clients: Vec<_> = parts
        .iter()
        .map(|part| tokio::spawn(post_all(sidecar.client(), part.to_vec(), Arc::clone(&ends), etag.clone())))
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let posted = posting.elapsed();
    let status = sidecar.drained(Duration::from_secs(120)).await;
    let all_gone = posting.elapsed();

    // What is parked is what was to be parked, for the reason told.
    let rows = sidecar.ask(&["parked", "list", "--limit", "1000"]);
    let rows = rows.as_array().unwrap();
    assert!(rows.len() < 1000, "one page no longer holds what is parked");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut parked: Vec<[String; 4]> =
        rows.iter().map(|row| ["event", "topic", "contract", "reason"].map(|key| text(&row[key]))).collect();
    let mut to_park = Vec::new();
    let mut to_publish = HashSet::new();
    for (id, end) in &*ends {
        let contracts = match end {
            End::Unwanted => continue,
            End::SetAside(reason) => {
                to_park.push([id.to_string(), String::new(), String::new(), (*reason).to_owned()]);
                continue;
            }
            End::Owes(contracts) => contracts,
        };
        for (contract, fault) in contracts {
            match fault {
                Some(reason) => to_park.extend(
                    ["ordered", "plain"]
                        .map(|topic| [id.to_string(), topic.into(), contract.clone(), reason.clone()]),
                ),
                None => to_publish
                    .extend([FIFO, STANDARD].map(|topic| (topic.to_owned(), format!("{id}:{contract}")))),
            }
        }
    }
    parked.sort();
    to_park.sort();
    assert_eq!(parked, to_park);
    let log = double.log();
    let published: HashSet<(String, String)> = log.iter().map(|t| (t.topic.clone(), t.id())).collect();
    assert_eq!(published, to_publish);
    assert_eq!(double.overlaps(), 0, "two messages of one group were in flight at once");

    // The laws, by those who know only what was posted and what was taken.
    let per_event = |end: &End| match end {
        End::Unwanted | End::SetAside(_) => 0,
        End::Owes(contracts) => 2 * contracts.len(),
    };
    let evidence = Evidence {
        sent: ends.keys().map(|id| (*id, Known::Kept)).collect(),
        taken: double.log().into_iter().map(checker::Taken::from).collect(),
        parked: parked.iter().map(|[id, ..]| id.parse().unwrap()).collect(),
        unpublished_by_rule: ends.iter().filter(|(_, e)| **e == End::Unwanted).map(|(id, _)| *id).collect(),
        owes: ends.iter().map(|(id, end)| (*id, per_event(end))).collect(),
    };
    let faults = checker::faults(&evidence);
    assert!(faults.is_empty(), "{faults:#?}");

    assert_adds_up(&status);
    let of_door = |name: &str| {
        let parts = status["door"]["parts"].as_array().unwrap().iter().chain([&status["door"]["total"]]);
        parts
            .into_iter()
            .find(|line| line["name"] == name)
            .map(|line| super::count(&line["counts"][1]))
            .unwrap()
    };
    let n = |n: usize| n as u64;
    let unwanted = evidence.unpublished_by_rule.len();
    let aside = ends.values().filter(|end| matches!(end, End::SetAside(_))).count();
    assert_eq!(of_door("received"), n(events.len()));
    assert_eq!(of_door("accepted"), n(events.len() - unwanted - aside));
    assert_eq!(of_door("unwanted"), n(unwanted));
    assert_eq!(of_door("parked at the door"), n(aside));
    assert_eq!((of_door("duplicate"), super::count(&status["unrouted"])), (0, 0));
    // A run that parked nothing would say nothing of parking.
    assert!(aside > 0 && parked.len() > aside);

    let (exit, took) = sidecar.terminate();
    assert_eq!(exit.code(), Some(0), "{}", sidecar.log());
    assert!(took < Duration::from_secs(10), "SIGTERM took {took:?}");
    assert_no_panic(&sidecar);

    // What was kept is the cut and no more; what was published is what the contract makes of it.
    let spool = Spool::read_only(&sidecar.dir.join("spool/spool.db")).await.unwrap();
    let mut stored = HashMap::new();
    for event in events.iter().filter(|event| matches!(ends[&kept_id(event)], End::Owes(_))) {
        let id = kept_id(event);
        let trace = spool.trace(None, id).await.unwrap().unwrap();
        let kept = trace.event.unwrap_or_else(|| panic!("{id} is not kept"));
        let data = data_of(event);
        assert_eq!(kept.event.data, cut(&decided.list.take(&event.name, &data), &data).data, "{id}");
        stored.insert(id.to_string(), kept);
    }
    for taken in &log {
        let id = taken.id();
        let (event, contract) = id.split_once(':').unwrap();
        let message = decided.message(contract, &stored[event]).unwrap();
        assert_eq!(taken.message, message.body);
        let mut attributes: Vec<(String, String, String)> = message
            .attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), "String".to_owned(), value))
            .collect();
        attributes.sort();
        assert_eq!(taken.attributes, attributes, "{id}");
        if taken.topic == FIFO {
            assert_eq!(taken.group, Some(message.group.to_hex()), "{id}");
        }
    }
    // The order of acceptance is the order in which a client had its answers.
    for part in &parts {
        let kept = part.iter().flatten().filter_map(|event| stored.get(&kept_id(event).to_string()));
        assert!(kept.map(|kept| kept.sequence).is_sorted_by(|a, b| a < b));
    }
    spool.shut().await;

    let parked_events = &evidence.parked;
    println!("{:<10}{:>9}{:>11}{:>11}{:>9}", "recording", "events", "published", "unwanted", "parked");
    for (recording, events) in &recordings {
        let of = |wish: &dyn Fn(&EventId) -> bool| events.iter().map(kept_id).filter(|id| wish(id)).count();
        let unwanted = of(&|id| ends[id] == End::Unwanted);
        let parked = of(&|id| parked_events.contains(id));
        let published = events.len() - unwanted - parked;
        println!("{recording:<10}{:>9}{published:>11}{unwanted:>11}{parked:>9}", events.len());
    }
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for [_, _, contract, reason] in &parked {
        *reasons.entry((reason, contract)).or_default() += 1;
    }
    println!(
        "{requests} requests in {posted:.1?}, {} messages taken, all gone after {all_gone:.1?}, SIGTERM {took:.1?}, in all {:.1?}; parked: {reasons:?}",
        log.len(),
        begun.elapsed()
    );
}
