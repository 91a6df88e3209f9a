//! A sender for one topic: posts fresh events, and knows of each what may be concluded.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use http::StatusCode;
use jiff::Timestamp;
use moodle_sns_producer::event::EventId;

use crate::support::checker::{self, Evidence, Known};
use crate::support::client::SigningClient;
use crate::support::corpus::{self, Captured, Recording};
use crate::support::sidecar::{STANDARD, Sidecar, URL};
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

/// One topic that takes every contract: each event of these tests owes it one message.
pub fn topic() -> String {
    format!("[topics.plain]\narn = \"{STANDARD}\"\ncontracts = [\"moodle.*.*.v1\"]\ndrafts = true\n\n")
}

/// Senders with what they know.
pub struct Load {
    client: SigningClient,
    event: Captured,
    pub count: u64,
    pub sent: HashMap<EventId, Known>,
}

/// What a batch came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    Kept,
    /// A 429, of this kind.
    Wait(String),
    /// Anything else: it may be kept or not.
    Unknown(String),
}

impl Load {
    pub fn new(sidecar: &Sidecar) -> Self {
        let mut events = corpus::read(Recording::Hour);
        events.retain(|event| event.name.ends_with("user_enrolment_created"));
        Self { client: sidecar.client(), event: events.remove(0), count: 0, sent: HashMap::new() }
    }

    /// Posts `n` fresh events. A refusal must name a time to wait.
    pub async fn post(&mut self, n: usize) -> Told {
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
    pub async fn kept(&mut self, n: usize, within: Duration) -> Duration {
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
    pub fn faults(&self, double: &SnsDouble) -> Vec<String> {
        let evidence = Evidence {
            sent: self.sent.clone(),
            taken: double.log().into_iter().map(checker::Taken::from).collect(),
            parked: HashSet::new(),
            unpublished_by_rule: HashSet::new(),
            owes: HashMap::new(),
        };
        checker::faults(&evidence)
    }

    pub fn kept_so_far(&self) -> usize {
        self.sent.values().filter(|known| **known == Known::Kept).count()
    }
}

/// A dead topic that costs nobody a backoff: each answer comes late.
pub fn slow(double: &SnsDouble) {
    double.fault(Fault::always(What::Delay(Duration::from_secs(3))));
}

/// The checks that say that it is not ready, by name.
pub fn not_ready(sidecar: &Sidecar) -> String {
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

pub fn ledger_adds_up(status: &serde_json::Value) {
    for account in ["door", "messages"] {
        let missing = status[account]["missing"].as_array().unwrap();
        assert!(missing.iter().all(|n| n.as_i64() == Some(0)), "{account}: {}", status[account]);
    }
}

/// The ERROR lines of its log.
pub fn errors(sidecar: &Sidecar) -> String {
    sidecar.log().lines().filter(|line| line.contains("ERROR")).collect::<Vec<_>>().join("\n")
}

/// What `status` says; none while the process doesn't answer.
pub fn status(sidecar: &Sidecar) -> Option<serde_json::Value> {
    let mut command = std::process::Command::new(Sidecar::program());
    command.args(["status", "--output", "json", "--config"]).arg(sidecar.dir.join("config.toml"));
    serde_json::from_slice(&command.output().ok()?.stdout).ok()
}
