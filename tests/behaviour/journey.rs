//! The whole way: captured events, signed and posted as the plugin does, through the real binary, to
//! what stands in Amazon's place.

mod account;
mod declared;
mod end;
mod erased;
mod heartbeat;
mod gone;
mod held;
mod ledgers;
mod replayed;
mod localstack;
mod summary;
mod tested;
mod versions;
mod whole_corpus;
mod withdrawn;

use std::sync::Arc;
use std::time::Duration;

use moodle_sns_producer::contract::{Catalogue, EventData, Message, Routes, Subscription, WantedList};
use moodle_sns_producer::delivery::Parking;
use moodle_sns_producer::event::{EventId, Source, StoredEvent};
use serde_json::{Value, json};

use crate::support::client::{Outcome, SigningClient, fresh_id};
use crate::support::corpus::{self, Captured};
use crate::support::sidecar::{SOURCE, Sidecar, URL};

/// What the sidecar of a test must decide: the library's own functions, asked from outside the process.
struct Decided {
    catalogue: Arc<Catalogue>,
    list: Arc<WantedList>,
    source: Source,
}

impl Decided {
    /// For a topic that takes every contract.
    fn new() -> Self {
        Self::of(&["moodle.*.*.v1"])
    }

    /// For topics that take the contracts of these patterns.
    fn of(patterns: &[&str]) -> Self {
        let catalogue = Arc::new(Catalogue::builtin().unwrap());
        let contracts = patterns.iter().flat_map(|pattern| catalogue.matching(pattern)).collect();
        let subscription = Subscription { topic: "all".parse().unwrap(), contracts, sources: None };
        let list = Routes::new(Arc::clone(&catalogue), &[subscription]).wanted(&SOURCE.parse().unwrap());
        let dataschema = "urn:moodle-sns-producer:schema:".to_owned();
        let source = Source { key: SOURCE.parse().unwrap(), url: URL.to_owned(), dataschema };
        Self { catalogue, list, source }
    }

    /// The contracts that take an event.
    fn contracts(&self, event: &Captured) -> Vec<String> {
        let taken = self.list.take(&event.name, &data_of(event));
        taken.rows.iter().map(|row| row.contract.clone()).collect()
    }

    fn message(&self, contract: &str, stored: &StoredEvent) -> Result<Message, Parking> {
        self.catalogue.map(&contract.parse().unwrap(), &self.source, stored)
    }
}

fn data_of(event: &Captured) -> EventData {
    EventData { event: event.data.clone(), entities: event.entities.clone(), ..EventData::default() }
}

/// The id under which an event is kept and published.
fn kept_id(event: &Captured) -> EventId {
    if data_of(event).is_anonymous() { event.id.cut_to_hour() } else { event.id }
}

/// The `ETag` of the wanted list, as the plugin asks for it.
async fn ask_wanted(client: &mut SigningClient) -> String {
    let question = json!({ "wire": 1, "plugin": "1.0", "moodle": "4.5.6", "url": URL, "etag": "" });
    let answer = client.send(client.question(&fresh_id(), &question)).await.unwrap();
    assert!(answer.status.is_success(), "{} {}", answer.status, answer.json());
    answer.json()["etag"].as_str().unwrap().to_owned()
}

/// Posts a batch until there is a 202, as the plugin does, and gives the answer.
async fn post(client: &mut SigningClient, events: &[Captured], list: &str) -> Value {
    let body = corpus::body(events, URL, list);
    for _ in 0..100 {
        match client.post(body.clone()).await {
            Outcome::Accepted(answer) => return answer,
            Outcome::Refused(status, problem) => {
                assert_eq!(status, http::StatusCode::TOO_MANY_REQUESTS, "{problem}");
            }
            Outcome::Unknown(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a batch of {} events got no 202 in 100 tries", events.len());
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

/// That the ledger of a status adds up: its door and its messages.
fn assert_adds_up(status: &Value) {
    for account in ["door", "messages"] {
        let missing = status[account]["missing"].as_array().unwrap();
        assert!(!missing.is_empty() && missing.iter().all(|n| *n == 0), "{account}: {}", status[account]);
    }
}

#[track_caller]
fn assert_no_panic(sidecar: &Sidecar) {
    let log = sidecar.log();
    let panicked = log.lines().find(|line| line.contains("panicked"));
    assert_eq!(panicked, None);
}
