//! Two versions of one contract, side by side from one event.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use moodle_sns_producer::contract::gate::{self, Verdict};
use serde_json::{Value, json};

use super::{ask_wanted, assert_adds_up, assert_no_panic, post};
use crate::support::checker::{self, Evidence, Known};
use crate::support::corpus::{self, Captured, Recording};
use crate::support::sidecar::{FIFO, Sidecar};
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

const V1: &str = "moodle.place.created.v1";
const V2: &str = "moodle.place.created.v2";

fn contracts() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts")
}

fn config() -> String {
    format!(
        "[contracts]\ndir = \"{}\"\n\n[topics.ordered]\narn = \"{FIFO}\"\ncontracts = [\"moodle.place.created.*\"]\n",
        contracts().display()
    )
}

/// The metrics as text.
fn metrics(sidecar: &Sidecar) -> String {
    let mut stream = UnixStream::connect(sidecar.dir.join("operate.sock")).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn the_second_version_says_in_words_what_its_readers_must_look_at() {
    let place = contracts().join("place/created");
    let read = |name: &str| {
        let text = std::fs::read_to_string(place.join(name)).unwrap();
        gate::read(name, &text, None).unwrap_or_else(|problems| panic!("{problems}"))
    };
    let (v1, v2) = (read("v1.toml"), read("v2.toml"));
    assert_eq!(v1.end(), Some(("2027-07-31", V2)));
    let changes = gate::compare(&v1, &v2);
    let told: Vec<_> = changes.iter().map(|c| (c.verdict, c.at.as_str(), c.what.as_str())).collect();
    for expected in [
        (Verdict::Breaking, "data.place.method", "renamed to data.place.way"),
        (Verdict::Breaking, "data.place.starts", "was integer, now timestamp"),
        (Verdict::Compatible, "data.place.ends", "a new field that may be absent"),
        (Verdict::Note, "type", "moodle.place.created.v2 stands beside moodle.place.created.v1"),
    ] {
        assert!(told.contains(&expected), "{expected:?}: {told:#?}");
    }
}

/// Goal: readers move from one version to the next in their own time. Method: a FIFO topic takes both, the
/// events are captured ones, and the first answer of SNS is lost, so that messages are sent twice: each event
/// must reach consumers once in each version, in one group, in order, under one event id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_gives_both_versions_and_fifo_deduplication_keeps_them_apart() {
    let double = SnsDouble::start(7).await;
    double.fault(Fault::once(What::CutAfter));
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::with_topics(dir.path(), &double.url(), &config());
    let deprecated = &sidecar.ask(&["config", "check"])["deprecated"];
    let end = json!([{"topic": "ordered", "contract": V1, "until": "2027-07-31", "replaced_by": V2}]);
    assert_eq!(*deprecated, end, "who is still to move is told beforehand");
    sidecar.start();
    sidecar.ready().await;
    let mut client = sidecar.client();
    let list = ask_wanted(&mut client).await;
    let events: Vec<Captured> = corpus::moved_to(Timestamp::now(), &corpus::read(Recording::Enriched))
        .into_iter()
        .filter(|event| event.name == "\\core\\event\\user_enrolment_created")
        .collect();
    let answer = post(&mut client, &events, &list).await;
    assert_eq!(answer["accepted"], events.len(), "{answer}");
    let status = sidecar.drained(Duration::from_secs(60)).await;
    assert_adds_up(&status);

    let log = double.log();
    assert!(log.iter().any(|taken| taken.suppressed), "the lost answer made no second copy");
    let mut seen = BTreeMap::<String, Vec<_>>::new();
    for taken in log.iter().filter(|taken| !taken.suppressed) {
        let body: Value = serde_json::from_str(&taken.message).unwrap();
        let (event, name) = body["id"].as_str().unwrap().split_once(':').unwrap();
        assert_eq!(taken.attribute("type"), Some(name));
        seen.entry(event.to_owned()).or_default().push((name.to_owned(), taken, body));
    }
    assert_eq!(seen.len(), events.len(), "each event is there, and no other");
    for (event, copies) in &seen {
        let [(first, one, old), (second, two, new)] = copies.as_slice() else {
            panic!("{event}: {} messages", copies.len());
        };
        assert_eq!((first.as_str(), second.as_str()), (V1, V2), "{event}");
        assert_eq!((&one.topic, &one.group), (&two.topic, &two.group), "{event}");
        assert_ne!(one.dedup_id, two.dedup_id, "{event}: one would be taken for a copy of the other");
        for key in ["subject", "time", "raised", "partitionkey"] {
            assert_eq!(old[key], new[key], "{event} {key}");
        }
        assert_eq!(old["data"]["place"]["method"], new["data"]["place"]["way"], "{event}");
        assert!(
            old["data"]["place"]["starts"].is_u64() && !new["data"]["place"]["starts"].is_u64(),
            "{event}"
        );
    }
    let evidence = Evidence {
        sent: events.iter().map(|event| (event.id, Known::Kept)).collect(),
        taken: log.into_iter().map(checker::Taken::from).collect(),
        owes: HashMap::new(),
        ..Evidence::default()
    };
    assert_eq!(checker::faults(&evidence), Vec::<String>::new());

    // Who is left shows by topic and version.
    let metrics = metrics(&sidecar);
    for name in [V1, V2] {
        let expected = format!(
            "moodle_sns_ledger_messages_total{{topic=\"ordered\",contract=\"{name}\",count=\"settled\"}} {}\n",
            events.len()
        );
        assert!(metrics.contains(&expected), "{expected}{metrics}");
    }
    assert_no_panic(&sidecar);
}
