//! D6. Goal: a disk that fills never costs what got a 202: history yields first, then the door shuts with a 429
//! before the disk is full, what was kept is still published and settled on the reserve, and all goes on by
//! itself when there is room. Method: the real binary with its spool on a small disk of its own, filled by load,
//! by ballast, by files without end, by a limit of a file's size.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use http::StatusCode;
use jiff::Timestamp;
use moodle_sns_producer::event::EventId;

use super::volume::Volume;
use crate::support::checker::{self, Evidence, Known};
use crate::support::client::SigningClient;
use crate::support::corpus::{self, Captured, Recording};
use crate::support::sidecar::{STANDARD, Sidecar, URL};
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

/// One topic that takes every contract: each event of these tests owes it one message.
fn topic() -> String {
    format!("[topics.plain]\narn = \"{STANDARD}\"\ncontracts = [\"moodle.*.*.v1\"]\ndrafts = true\n\n")
}

/// Senders with what they know.
struct Load {
    client: SigningClient,
    event: Captured,
    count: u64,
    sent: HashMap<EventId, Known>,
}

/// What a batch came to.
#[derive(Debug, Clone, PartialEq)]
enum Told {
    Kept,
    /// A 429, of this kind.
    Wait(String),
    /// Anything else: it may be kept or not.
    Unknown(String),
}

impl Load {
    fn new(sidecar: &Sidecar) -> Self {
        let mut events = corpus::read(Recording::Hour);
        events.retain(|event| event.name.ends_with("user_enrolment_created"));
        Self { client: sidecar.client(), event: events.remove(0), count: 0, sent: HashMap::new() }
    }

    /// Posts `n` fresh events. A refusal must name a time to wait.
    async fn post(&mut self, n: usize) -> Told {
        let events: Vec<Captured> = (0..n)
            .map(|_| {
                self.count += 1;
                let mut event =
                    corpus::moved_to(Timestamp::now(), std::slice::from_ref(&self.event)).remove(0);
                let random = u128::from(self.count).to_be_bytes();
                let millis = Timestamp::now().as_millisecond().cast_unsigned();
                let id = uuid::Builder::from_unix_timestamp_millis(millis, random[6..].try_into().unwrap());
                event.id = EventId::new(id.into_uuid()).unwrap();
                event
            })
            .collect();
        let request = self.client.batch(corpus::body(&events, URL, "").into());
        let told = match self.client.send(request).await {
            Ok(answer) if answer.status == StatusCode::ACCEPTED => Told::Kept,
            Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
                Told::Wait(answer.kind())
            }
            Ok(answer) => {
                assert!(answer.status == StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
                assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
                Told::Unknown(answer.kind())
            }
            Err(error) => Told::Unknown(error),
        };
        let known = match told {
            Told::Kept => Known::Kept,
            Told::Wait(_) => Known::Refused,
            Told::Unknown(_) => Known::Unknown,
        };
        self.sent.extend(events.iter().map(|event| (event.id, known)));
        told
    }

    /// Posts until a batch is kept.
    async fn kept(&mut self, n: usize, within: Duration) -> Duration {
        let begun = Instant::now();
        loop {
            let told = self.post(n).await;
            if told == Told::Kept {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < within, "after {within:?}: {told:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The laws, once nothing waits.
    fn faults(&self, double: &SnsDouble) -> Vec<String> {
        let evidence = Evidence {
            sent: self.sent.clone(),
            taken: double.log().into_iter().map(checker::Taken::from).collect(),
            parked: HashSet::new(),
            unpublished_by_rule: HashSet::new(),
            owes: HashMap::new(),
        };
        checker::faults(&evidence)
    }

    fn kept_so_far(&self) -> usize {
        self.sent.values().filter(|known| **known == Known::Kept).count()
    }
}

/// A dead topic that costs nobody a backoff: each answer comes late.
fn slow(double: &SnsDouble) {
    double.fault(Fault::always(What::Delay(Duration::from_secs(3))));
}

/// The checks that say that it is not ready, by name.
fn not_ready(sidecar: &Sidecar) -> String {
    let output = std::process::Command::new(Sidecar::program())
        .args(["healthcheck", "--config"])
        .arg(sidecar.dir.join("config.toml"))
        .output()
        .unwrap();
    if output.status.success() {
        return String::new();
    }
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

fn ledger_adds_up(status: &serde_json::Value) {
    for account in ["door", "messages"] {
        let missing = status[account]["missing"].as_array().unwrap();
        assert!(missing.iter().all(|n| n.as_i64() == Some(0)), "{account}: {}", status[account]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_shuts_the_door_before_it_is_full_and_loses_nothing() {
    let Some(volume) = Volume::ext4(24, &[], "D6, a full disk") else { return };
    let double = SnsDouble::start(1).await;
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::with_topics(dir.path(), &double.url(), &topic());
    volume.holds_the_spool_of(&sidecar);
    sidecar.start();
    sidecar.ready().await;
    let mut load = Load::new(&sidecar);

    // Filled by load: published at first, so that there is history to yield.
    for _ in 0..10 {
        load.kept(100, Duration::from_secs(5)).await;
    }
    sidecar.drained(Duration::from_secs(30)).await;
    slow(&double);
    let refused = loop {
        match load.post(500).await {
            Told::Kept => {}
            Told::Wait(kind) if kind == "busy" => tokio::time::sleep(Duration::from_millis(20)).await,
            Told::Wait(kind) => break kind,
            Told::Unknown(why) => panic!("the disk was full before the door was shut: {why}"),
        }
        assert!(load.count < 100_000, "24 MiB never filled");
    };
    assert_eq!(refused, "no-room");
    let (kept, free) = (load.kept_so_far(), volume.free());
    println!("by load: {kept} events kept, then {refused} with {free} bytes free");
    assert!(free > 0);
    // Told within a second or so.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let status = sidecar.ask(&["status"]);
    assert_eq!(status["spool"]["commit_failures"], 0, "{}", status["spool"]);
    assert!(
        status["verdict"]["sentence"].as_str().unwrap().contains("takes nothing"),
        "{}",
        status["verdict"]
    );
    assert!(not_ready(&sidecar).contains("room"), "{}", not_ready(&sidecar));
    double.calm();
    sidecar.drained(Duration::from_secs(60)).await;
    let took = load.kept(10, Duration::from_secs(10)).await;
    println!("what was kept is published, and the door is open again after {took:?}");

    // Filled by somebody else, again and again.
    let mut slowest = Duration::ZERO;
    for round in 0..10 {
        slow(&double);
        load.kept(50, Duration::from_secs(10)).await;
        // History yields first, so the disk is full only when that is gone.
        let mut fills = 0;
        loop {
            volume.fill();
            fills += 1;
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            match load.post(10).await {
                Told::Wait(kind) if kind == "no-room" => break,
                other => assert!(fills < 20, "round {round}: {other:?} after {fills} fills"),
            }
        }
        double.calm();
        // On the reserve: what waits is published and settled though nobody makes room.
        let status = sidecar.drained(Duration::from_secs(30)).await;
        assert_eq!(status["spool"]["commit_failures"], 0, "round {round}: {}", status["spool"]);
        volume.clear();
        slowest = slowest.max(load.kept(10, Duration::from_secs(10)).await);
        sidecar.drained(Duration::from_secs(30)).await;
    }
    println!("10 fill and free rounds: the door was open again after at most {slowest:?}");

    let status = sidecar.drained(Duration::from_secs(10)).await;
    ledger_adds_up(&status);
    let faults = load.faults(&double);
    assert!(faults.is_empty(), "{faults:#?}");
    let (exit, _) = sidecar.terminate();
    assert_eq!(exit.code(), Some(0));
}
