//! Told to end while it is busy.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use moodle_sns_producer::event::EventId;
use moodle_sns_producer::spool::Spool;

use super::{Decided, assert_adds_up, assert_no_panic, post};
use crate::support::checker::{self, Evidence, Known};
use crate::support::client::{Outcome, SigningClient};
use crate::support::corpus::{self, Captured, Recording};
use crate::support::sidecar::{Sidecar, URL};
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

/// What one client met.
#[derive(Default)]
struct Met {
    kept: Vec<EventId>,
    /// The batches that got no 202, and what came instead.
    unanswered: Vec<(Vec<Captured>, String)>,
}

/// Posts batch after batch, whatever comes, until the process has ended; then once more.
async fn post_until_ended(
    mut client: SigningClient,
    batches: Vec<Vec<Captured>>,
    ended: Arc<AtomicBool>,
) -> Met {
    let mut met = Met::default();
    for batch in batches {
        let last = ended.load(Ordering::SeqCst);
        match client.post(corpus::body(&batch, URL, "")).await {
            Outcome::Accepted(answer) => {
                assert!(!last, "a 202 came from a process that had ended");
                assert_eq!(super::count(&answer["accepted"]), batch.len() as u64, "{answer}");
                met.kept.extend(batch.iter().map(|event| event.id));
            }
            Outcome::Refused(status, problem) => panic!("a full door is not the subject: {status} {problem}"),
            Outcome::Unknown(words) => {
                met.unanswered.push((batch, words));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        if last {
            return met;
        }
    }
    panic!("the load was over before the process was told to end");
}

/// Goal: SIGTERM loses nothing that got a 202 and makes nobody wait. Method: four clients post without a
/// pause, and the double is slow, so that messages wait; SIGTERM; each 202 must be in the file, then a start
/// on it must publish all, and what got no answer is sent again as the plugin does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_ends_in_order_and_keeps_each_202() {
    const CLIENTS: usize = 4;
    let double = SnsDouble::start(2).await;
    double.fault(Fault::always(What::Delay(Duration::from_millis(40))));
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::new(dir.path(), &double.url());
    sidecar.start();
    sidecar.ready().await;

    let decided = Decided::new();
    let wanted: Vec<Captured> = [Recording::Hour, Recording::Day]
        .into_iter()
        .flat_map(|recording| corpus::moved_to(Timestamp::now(), &corpus::read(recording)))
        .filter(|event| !event.is_anonymous() && !decided.contracts(event).is_empty())
        .collect();
    let owes: HashMap<EventId, usize> =
        wanted.iter().map(|event| (event.id, 2 * decided.contracts(event).len())).collect();
    let ended = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = wanted
        .chunks(wanted.len().div_ceil(CLIENTS))
        .map(|part| {
            let batches = part.chunks(2).map(<[Captured]>::to_vec).collect();
            tokio::spawn(post_until_ended(sidecar.client(), batches, Arc::clone(&ended)))
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let (exit, took) = sidecar.terminate();
    ended.store(true, Ordering::SeqCst);
    assert_eq!(exit.code(), Some(0), "{}", sidecar.log());
    assert!(took < Duration::from_secs(10), "SIGTERM took {took:?}");

    let mut met = Met::default();
    for client in clients {
        let one = client.await.unwrap();
        let (_, words) = one.unanswered.last().unwrap();
        assert!(!words.starts_with("503"), "the process has ended, but something answered: {words}");
        met.kept.extend(one.kept);
        met.unanswered.extend(one.unanswered);
    }
    assert!(!met.kept.is_empty());
    for (_, words) in &met.unanswered {
        // Of 5xx only the one that says "not now".
        assert!(!words.starts_with('5') || words.starts_with("503"), "{words}");
    }

    let spool = Spool::read_only(&dir.path().join("spool/spool.db")).await.unwrap();
    for id in &met.kept {
        let trace = spool.trace(None, *id).await.unwrap();
        let deliveries = trace.unwrap_or_else(|| panic!("{id} got a 202 and is not kept")).deliveries.len();
        assert_eq!(deliveries, owes[id], "{id}");
    }
    let state = spool.state().await.unwrap();
    let waiting: u64 = state.topics.iter().map(|topic| topic.waiting + topic.held).sum();
    let at_end = double.taken();
    assert!(waiting > 0, "nothing waited, so nothing was put at risk");
    assert!(
        state.missing_events() == 0 && state.topics.iter().all(|topic| topic.missing() == 0),
        "{state:?}"
    );
    spool.shut().await;

    double.calm();
    sidecar.start();
    sidecar.ready().await;
    let mut client = sidecar.client();
    let mut known: HashMap<EventId, Known> = met.kept.iter().map(|id| (*id, Known::Kept)).collect();
    let mut duplicates = 0;
    for (batch, _) in &met.unanswered {
        let answer = post(&mut client, batch, "").await;
        duplicates += super::count(&answer["duplicate"]);
        known.extend(batch.iter().map(|event| (event.id, Known::Kept)));
    }
    let status = sidecar.drained(Duration::from_secs(60)).await;
    assert_adds_up(&status);
    let owes: HashMap<EventId, usize> = owes.into_iter().filter(|(id, _)| known.contains_key(id)).collect();
    let messages: usize = owes.values().sum();
    let evidence = Evidence {
        sent: known,
        taken: double.log().into_iter().map(checker::Taken::from).collect(),
        owes,
        ..Evidence::default()
    };
    let faults = checker::faults(&evidence);
    assert!(faults.is_empty(), "{faults:#?}");
    assert_no_panic(&sidecar);
    let copies = evidence.taken.len() - messages;
    println!(
        "SIGTERM took {took:.2?}: {} events had a 202, {} batches had none; {at_end} messages were out and \
         {waiting} waited; sent again, {duplicates} events were duplicates; {messages} messages and {copies} copies",
        met.kept.len(),
        met.unanswered.len(),
    );
    assert_eq!(copies, 0, "an end in order publishes nothing twice");
}
