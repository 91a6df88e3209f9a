//! The captured events (tests/corpus/README.md), and how they are sent as a plugin would.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use jiff::{SignedDuration, Timestamp};
use moodle_sns_producer::event::EventId;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The files of the corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recording {
    /// Up to five examples of each class, without entities.
    Events,
    /// A stream of 155 classes, without entities.
    Day,
    /// Examples of each class and variant, with entities.
    Enriched,
    /// A stream with entities.
    Hour,
}

impl Recording {
    pub const ALL: [Self; 4] = [Self::Events, Self::Day, Self::Enriched, Self::Hour];

    fn file(self) -> &'static str {
        match self {
            Self::Events => "events.jsonl",
            Self::Day => "day.jsonl.gz",
            Self::Enriched => "enriched.jsonl",
            Self::Hour => "hour.jsonl.gz",
        }
    }
}

/// One captured event.
#[derive(Debug, Clone, PartialEq)]
pub struct Captured {
    /// Moodle's event name, `\core\event\…`.
    pub name: String,
    /// What was done, where the recording says so.
    pub variant: Option<String>,
    pub id: EventId,
    pub raised: Timestamp,
    /// `timecreated`: whole seconds.
    pub time: Timestamp,
    /// `get_data()`, whole.
    pub data: Map<String, Value>,
    pub entities: Map<String, Value>,
    /// The PHP request that raised it: its events are one batch.
    pub request: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    id: Option<String>,
    raised: Option<Timestamp>,
    at: Option<f64>,
    variant: Option<String>,
    req: Option<String>,
    data: Map<String, Value>,
    #[serde(default)]
    entities: Map<String, Value>,
}

/// Reads one recording, in its order.
pub fn read(recording: Recording) -> Vec<Captured> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(recording.file());
    let file = File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let plain: Box<dyn Read> =
        if recording.file().ends_with(".gz") { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let lines = BufReader::new(plain).lines();
    lines.enumerate().map(|(index, line)| captured(recording, index + 1, &line.unwrap())).collect()
}

fn captured(recording: Recording, number: usize, line: &str) -> Captured {
    let line: Line = serde_json::from_str(line).unwrap();
    let raised = line.raised.unwrap_or_else(|| micros(line.at.unwrap()));
    let id = match &line.id {
        Some(id) => id.parse().unwrap(),
        None => derived(recording, number, raised),
    };
    let seconds = line.data["timecreated"].as_i64().unwrap();
    Captured {
        name: line.data["eventname"].as_str().unwrap().to_owned(),
        variant: line.variant,
        id,
        raised,
        time: Timestamp::from_second(seconds).unwrap(),
        data: line.data,
        entities: line.entities,
        request: line.req,
    }
}

fn micros(at: f64) -> Timestamp {
    #[allow(clippy::cast_possible_truncation, reason = "microseconds of this century fit")]
    Timestamp::from_microsecond((at * 1e6).round() as i64).unwrap()
}

/// The rule for recordings without ids: a UUIDv7 of the time, with the line's number where random bits are.
fn derived(recording: Recording, number: usize, raised: Timestamp) -> EventId {
    let millis = u64::try_from(raised.as_millisecond()).unwrap();
    let mut random = [0; 10];
    random[1] = recording as u8;
    random[2..].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
    EventId::new(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()).unwrap()
}

impl Captured {
    /// The event as a plugin sends it, but not yet cut: the sidecar cuts again.
    pub fn cloud_event(&self, source: &str, wantedlist: &str) -> Value {
        json!({
            "specversion": "1.0",
            "id": self.id.to_string(),
            "source": source,
            "type": self.name,
            "time": self.time.to_string(),
            "raised": format!("{:.6}", self.raised),
            "wantedlist": wantedlist,
            "data": { "event": self.data, "entities": self.entities },
        })
    }

    pub fn is_anonymous(&self) -> bool {
        self.data["anonymous"] == 1
    }

    /// The same event under another id of the same time.
    pub fn renamed(&self, n: u8) -> Self {
        let mut bytes = *self.id.as_bytes();
        bytes[9..].copy_from_slice(&[0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, n]);
        Self { id: EventId::new(Uuid::from_bytes(bytes)).unwrap(), ..self.clone() }
    }

    /// The same event later (or earlier) by whole seconds, its id too.
    fn shifted(&self, by: SignedDuration) -> Self {
        let mut moved = self.clone();
        moved.raised = self.raised + by;
        moved.time = self.time + by;
        moved.data.insert("timecreated".to_owned(), json!(moved.time.as_second()));
        let millis = i64::try_from(self.id.unix_millis().unwrap()).unwrap();
        let millis = millis + i64::try_from(by.as_millis()).unwrap();
        let mut bytes = *self.id.as_bytes();
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        moved.id = EventId::new(Uuid::from_bytes(bytes)).unwrap();
        moved
    }
}

/// Moves all events by one time, in whole seconds, so that the newest was raised just before `now`:
/// order, distances and the uniqueness of ids stay.
pub fn moved_to(now: Timestamp, events: &[Captured]) -> Vec<Captured> {
    let newest = |e: &Captured| e.raised.max(e.time).max(id_time(e));
    let Some(newest) = events.iter().map(newest).max() else { return Vec::new() };
    let by = SignedDuration::from_secs(now.as_second() - newest.as_second() - 1);
    events.iter().map(|event| event.shifted(by)).collect()
}

fn id_time(event: &Captured) -> Timestamp {
    Timestamp::from_millisecond(i64::try_from(event.id.unix_millis().unwrap()).unwrap()).unwrap()
}

/// The batches that a plugin would have posted: the events of a request together, in the order in which
/// the requests ended, each with at most `most` events. An event of no request is a batch alone.
pub fn batches(events: &[Captured], most: usize) -> Vec<Vec<Captured>> {
    let mut ends: HashMap<&str, usize> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        if let Some(request) = &event.request {
            ends.insert(request, index);
        }
    }
    let mut open: HashMap<&str, Vec<Captured>> = HashMap::new();
    let mut batches = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let Some(request) = event.request.as_deref() else {
            batches.push(vec![event.clone()]);
            continue;
        };
        open.entry(request).or_default().push(event.clone());
        if ends[request] == index {
            let whole = open.remove(request).unwrap();
            batches.extend(whole.chunks(most).map(<[Captured]>::to_vec));
        }
    }
    batches
}

/// A batch's body.
pub fn body(events: &[Captured], source: &str, wantedlist: &str) -> Vec<u8> {
    let events: Vec<Value> = events.iter().map(|e| e.cloud_event(source, wantedlist)).collect();
    serde_json::to_vec(&events).unwrap()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_recording_is_read_and_its_ids_are_unique() {
        for (recording, lines) in [
            (Recording::Events, 1_222),
            (Recording::Day, 14_876),
            (Recording::Enriched, 1_713),
            (Recording::Hour, 4_542),
        ] {
            let events = read(recording);
            assert_eq!(events.len(), lines, "{recording:?}");
            let ids: HashSet<EventId> = events.iter().map(|e| e.id).collect();
            assert_eq!(ids.len(), lines, "{recording:?}");
        }
    }

    #[test]
    fn moving_a_recording_keeps_order_and_distances() {
        let now: Timestamp = "2030-01-01T00:00:00.5Z".parse().unwrap();
        let events = read(Recording::Hour);
        let moved = moved_to(now, &events);
        for (a, b) in events.windows(2).zip(moved.windows(2)) {
            assert_eq!(a[0].id.cmp(&a[1].id), b[0].id.cmp(&b[1].id));
            assert_eq!(a[1].raised.duration_since(a[0].raised), b[1].raised.duration_since(b[0].raised));
        }
        let newest = moved.iter().map(id_time).max().unwrap();
        assert!(newest <= now && now.duration_since(newest) < SignedDuration::from_secs(3), "{newest}");
        assert!(moved.iter().all(|e| e.data["timecreated"] == e.time.as_second()));
    }

    #[test]
    fn batches_hold_each_event_once_and_whole_requests() {
        let events = read(Recording::Hour);
        let batches = batches(&events, 2_000);
        assert_eq!(batches.len(), 1_460);
        assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), events.len());
    }
}
