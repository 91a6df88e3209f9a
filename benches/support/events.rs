//! Captured events in the form in which the spool keeps them.

use std::io::{BufRead as _, BufReader};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use moodle_sns_producer::delivery::{Class, ContractId, Group, TopicKey};
use moodle_sns_producer::event::{Event, EventId, SourceKey};
use moodle_sns_producer::spool::{Accept, Batch, Owed, Route};

/// The stream of one hour, over and over, each time under new ids.
#[derive(Clone)]
pub struct Stream {
    lines: Arc<Vec<(Arc<str>, Bytes, i64)>>,
    source: SourceKey,
    topic: TopicKey,
    contract: ContractId,
    next: u64,
}

impl Stream {
    pub fn new(start: u64) -> Self {
        let file =
            std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/hour.jsonl.gz")).unwrap();
        let lines = BufReader::new(flate2::read::GzDecoder::new(file))
            .lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
                let data =
                    serde_json::json!({ "event": line["data"], "entities": line["entities"] }).to_string();
                let time = line["data"]["timecreated"].as_i64().unwrap_or_default();
                (line["data"]["eventname"].as_str().unwrap().into(), data.into(), time)
            })
            .collect();
        Self::of(lines, start)
    }

    /// These events over and over: name, data and the second of their time.
    pub fn of(lines: Vec<(Arc<str>, Bytes, i64)>, start: u64) -> Self {
        Self {
            lines: Arc::new(lines),
            source: "vle".parse().unwrap(),
            topic: "all".parse().unwrap(),
            contract: "moodle.enrolment.created.v1".parse().unwrap(),
            next: start,
        }
    }

    /// The same stream, from another place.
    pub fn from(&self, start: u64) -> Self {
        Self { next: start, ..self.clone() }
    }

    /// An event's id: the time it would have been made at, and a count.
    pub fn id(count: u64) -> EventId {
        let random = u128::from(count).to_be_bytes();
        let millis = Timestamp::now().as_millisecond().cast_unsigned();
        EventId::new(
            uuid::Builder::from_unix_timestamp_millis(millis, random[6..].try_into().unwrap()).into_uuid(),
        )
        .unwrap()
    }

    /// The next events, one delivery each.
    pub fn batch(&mut self, n: usize) -> Batch {
        let events = (0..n)
            .map(|_| {
                let (name, data, time) = &self.lines[usize::try_from(self.next).unwrap() % self.lines.len()];
                self.next += 1;
                let group = Group(u128::from(self.next % 5_000).to_be_bytes());
                Accept {
                    event: Event {
                        source: self.source.clone(),
                        id: Self::id(self.next),
                        name: Arc::clone(name),
                        time: Timestamp::from_second(*time).unwrap(),
                        raised: Some(Timestamp::now()),
                        bulk: false,
                        data: data.clone(),
                    },
                    // Who acted and on whom: what most events hold.
                    people: vec![2, 1_618],
                    route: Route::Owed(vec![Owed {
                        topic: self.topic.clone(),
                        contract: self.contract.clone(),
                        class: Class::Live,
                        group: Ok(group),
                    }]),
                }
            })
            .collect();
        Batch { source: self.source.clone(), events, unwanted: Vec::new() }
    }

    /// The mean size of an event's data, in bytes.
    pub fn mean_bytes(&self) -> usize {
        self.lines.iter().map(|(_, data, _)| data.len()).sum::<usize>() / self.lines.len()
    }
}
