//! The product's own events: what the sidecar tells of itself. They are raised inside it, and nothing that
//! comes from Moodle can pose as one: the door takes Moodle's names only, no wanted list asks for these,
//! and no pattern means their contracts unless it names them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Value, json};

use super::Contract;
use crate::delivery::{ContractId, TopicKey};
use crate::event::{Event, EventId, SourceKey};
use crate::spool::Published;

/// What the names of own events begin with. Moodle's begin with a backslash.
const PREFIX: &str = "producer:";

/// What the names of their contracts begin with.
const AREA: &str = "moodle.producer.";

/// The subject and the name of the contract of test messages.
const TEST: (&str, &str) = ("producer", "test");

/// The name of the event that is a heartbeat.
pub const HEARTBEAT: &str = "producer:heartbeat";

/// The name of the event that is a summary of a day.
pub const SUMMARY: &str = "producer:summary";

/// The subject and the names of the contracts whose messages no summary counts.
const UNCOUNTED: [(&str, &str); 2] = [("producer", "heartbeat"), ("producer", "summary")];

/// A heartbeat, a day's summary, and a test that the sidecar itself makes.
pub(super) const NAMES: [&str; 3] = [HEARTBEAT, SUMMARY, "producer:test"];

/// Whether an event is the product's own.
pub(super) fn is_own(event: &str) -> bool {
    event.starts_with(PREFIX)
}

/// Whether a contract is that of test messages.
pub(super) fn is_test(id: &ContractId) -> bool {
    (id.area(), id.operation()) == TEST
}

/// Whether a contract speaks of own events only.
pub(super) fn speaks_of_own(events: &[String]) -> bool {
    events.iter().all(|event| is_own(event))
}

/// Whether a pattern may mean a contract: those of the product's own messages must be named, so that a
/// topic of `moodle.*` gets none unasked.
pub(super) fn may_mean(pattern: &str, contract: &Contract) -> bool {
    !contract.id.as_str().starts_with(AREA) || pattern.starts_with(AREA)
}

/// How things stand for one topic and one source, as a heartbeat tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat<'a> {
    /// The topic.
    pub topic: &'a TopicKey,
    /// How many messages to it, of all sources, are not published yet.
    pub waiting: u64,
    /// When the source's plugin last spoke, since the start.
    pub heard_at: Option<Timestamp>,
    /// When an event of the source was last accepted, since the start.
    pub event_at: Option<Timestamp>,
    /// How often a heartbeat is made.
    pub every: Duration,
}

impl Heartbeat<'_> {
    /// The event that tells it.
    #[must_use]
    pub fn event(&self, source: &SourceKey, id: EventId, now: Timestamp) -> Event {
        let other = json!({
            "topic": self.topic,
            "waiting": self.waiting,
            "heardat": self.heard_at.map(Timestamp::as_second),
            "eventat": self.event_at.map(Timestamp::as_second),
            "every": self.every.as_secs(),
            "version": env!("CARGO_PKG_VERSION"),
        });
        event(HEARTBEAT, source, id, now, &other)
    }
}

/// What was published to one topic in one day, of one source, as a summary tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary<'a> {
    /// The topic.
    pub topic: &'a TopicKey,
    /// The day's beginning, UTC.
    pub day: Timestamp,
    /// The first publications, by contract. Those of heartbeats and summaries are not told.
    pub published: &'a [Published],
}

impl Summary<'_> {
    /// The event that tells it.
    #[must_use]
    pub fn event(&self, source: &SourceKey, id: EventId, now: Timestamp) -> Event {
        let uncounted = |id: &ContractId| UNCOUNTED.contains(&(id.area(), id.operation()));
        let mut told: Vec<&Published> = self.published.iter().filter(|p| !uncounted(&p.contract)).collect();
        told.sort_by(|a, b| a.contract.cmp(&b.contract));
        let other = json!({
            "topic": self.topic,
            "day": Offset::UTC.to_datetime(self.day).date().to_string(),
            "types": told.iter().map(|p| &p.contract).collect::<Vec<_>>(),
            "messages": told.iter().map(|p| p.messages).collect::<Vec<_>>(),
            "checks": told.iter().map(|p| format!("{:032x}", p.check)).collect::<Vec<_>>(),
        });
        event(SUMMARY, source, id, now, &other)
    }
}

/// An own event, in the form in which Moodle's are stored: equal input gives equal bytes.
fn event(name: &str, source: &SourceKey, id: EventId, now: Timestamp, other: &Value) -> Event {
    let data = json!({
        "entities": {},
        "event": { "anonymous": 0, "eventname": name, "other": other, "timecreated": now.as_second() },
    });
    Event {
        source: source.clone(),
        id,
        name: Arc::from(name),
        time: Timestamp::from_second(now.as_second()).unwrap_or(now),
        raised: Some(now),
        bulk: false,
        data: data.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Catalogue;
    use super::*;
    use crate::event::{Sequence, Source, StoredEvent};

    fn source() -> Source {
        Source {
            key: "vle".parse().unwrap(),
            url: "https://moodle.example.ac.uk".into(),
            dataschema: "urn:moodle-sns-producer:schema:".into(),
        }
    }

    fn message(contract: &str, event: Event) -> Value {
        let sequence = Sequence { epoch: 1, position: 2, place: 0 };
        let catalogue = Catalogue::builtin().unwrap();
        let message =
            catalogue.map(&contract.parse().unwrap(), &source(), &StoredEvent { event, sequence }).unwrap();
        serde_json::from_str(&message.body).unwrap()
    }

    fn id() -> EventId {
        "01a20e53-c2db-7c00-a111-5d1f6c0a7b01".parse().unwrap()
    }

    #[test]
    fn a_heartbeat_is_what_its_contract_promises() {
        let now: Timestamp = "2026-11-24T16:11:40.123456Z".parse().unwrap();
        let topic = "general".parse().unwrap();
        let heard_at = Some("2026-11-24T16:11:01.5Z".parse().unwrap());
        let every = Duration::from_secs(300);
        let heartbeat = Heartbeat { topic: &topic, waiting: 7, heard_at, event_at: None, every };
        let told = message("moodle.producer.heartbeat.v1", heartbeat.event(&source().key, id(), now));
        assert_eq!(told["raised"], "2026-11-24T16:11:40.123456Z");
        assert_eq!(told["subject"], "topic/general");
        let data = json!({
            "topic": { "key": "general", "waiting": 7 },
            "site": { "heard_at": "2026-11-24T16:11:01Z", "event_at": null },
            "heartbeat": { "every": 300, "version": env!("CARGO_PKG_VERSION") },
        });
        assert_eq!(told["data"], data);
    }

    #[test]
    fn a_summary_is_what_its_contract_promises_and_leaves_out_what_tells_of_itself() {
        let now: Timestamp = "2026-11-25T00:00:05.123456Z".parse().unwrap();
        let topic = "general".parse().unwrap();
        let published = |contract: &str, messages, check| Published {
            contract: contract.parse().unwrap(),
            messages,
            check,
        };
        let published = [
            published("moodle.producer.heartbeat.v1", 288, 1),
            published("moodle.grade.updated.v1", 1, 0x76a7_8dd5_22a8_df6f_793a_b9da_9c16_abda),
            published("moodle.producer.summary.v1", 1, 2),
            published("moodle.enrolment.created.v1", 2, 0x0746_6a84_3a5c_cddc_ffee_0a2e_9458_fc5b),
            published("moodle.producer.test.v1", 1, 3),
        ];
        let day = "2026-11-24T00:00:00Z".parse().unwrap();
        let summary = Summary { topic: &topic, day, published: &published };
        let told = message("moodle.producer.summary.v1", summary.event(&source().key, id(), now));
        let data = json!({
            "topic": { "key": "general" },
            "summary": {
                "day": "2026-11-24",
                "types": ["moodle.enrolment.created.v1", "moodle.grade.updated.v1", "moodle.producer.test.v1"],
                "messages": [2, 1, 1],
                "checks": [
                    "07466a843a5ccddcffee0a2e9458fc5b",
                    "76a78dd522a8df6f793ab9da9c16abda",
                    "00000000000000000000000000000003",
                ],
            },
        });
        assert_eq!(told["data"], data);
        let quiet = Summary { topic: &topic, day, published: &[] };
        let told = message("moodle.producer.summary.v1", quiet.event(&source().key, id(), now));
        assert_eq!(told["data"]["summary"]["types"], json!([]));
    }
}
