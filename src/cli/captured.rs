//! Files of events: CloudEvents as the plugin sends them, or events captured on a running Moodle.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::exit::{Exit, Failure};
use crate::contract::EventData;
use crate::event::EventId;

/// An event of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FileEvent {
    pub(super) id: EventId,
    pub(super) name: Arc<str>,
    pub(super) time: Timestamp,
    pub(super) raised: Timestamp,
    /// The PHP request it was raised in: one batch.
    pub(super) request: Option<String>,
    pub(super) data: EventData,
}

/// Which form a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// What the plugin sends.
    CloudEvents,
    /// What was captured: too old to be sent as it is.
    Captured,
}

/// A CloudEvent of the wire.
#[derive(Deserialize)]
struct CloudEvent {
    id: String,
    #[serde(rename = "type")]
    name: String,
    time: Timestamp,
    raised: Option<Timestamp>,
    data: EventData,
}

/// A line of a capture: what `get_data()` gave, and what was read beside it.
#[derive(Deserialize)]
struct Line {
    id: Option<String>,
    raised: Option<Timestamp>,
    at: Option<f64>,
    req: Option<String>,
    data: Map<String, Value>,
    #[serde(default)]
    entities: Map<String, Value>,
}

/// Reads a file, or standard input for `-`.
pub(super) fn read(path: &Path) -> Result<(Origin, Vec<FileEvent>), Failure> {
    let named = path.display().to_string();
    let bytes = if named == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    let bytes =
        bytes.map_err(|error| Failure::new(Exit::Unavailable, format!("reading {named}: {error}")))?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(Failure::new(
            Exit::Usage,
            format!("{named} is compressed: zcat {named} | moodle-sns-producer … -"),
        ));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::new(Exit::Failed, format!("{named} is not UTF-8: it holds no JSON")))?;
    parse(&text).map_err(|why| Failure::new(Exit::Failed, format!("{named}: {why}")))
}

fn parse(text: &str) -> Result<(Origin, Vec<FileEvent>), String> {
    // One value: a batch or a single event. Else a value a line.
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        let list = match value {
            Value::Array(list) => list,
            one => vec![one],
        };
        return events(list.into_iter().enumerate().map(|(n, value)| (n, format!("event {}", n + 1), value)));
    }
    let mut lines = Vec::new();
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value = serde_json::from_str(line).map_err(|error| format!("line {}: {error}", n + 1))?;
        lines.push((n, format!("line {}", n + 1), value));
    }
    events(lines.into_iter())
}

fn events(values: impl Iterator<Item = (usize, String, Value)>) -> Result<(Origin, Vec<FileEvent>), String> {
    let mut origin = Origin::CloudEvents;
    let mut list = Vec::new();
    for (n, place, value) in values {
        let read = if value.get("specversion").is_some() || value.get("type").is_some() {
            serde_json::from_value(value).map_err(|error| error.to_string()).and_then(cloud_event)
        } else {
            origin = Origin::Captured;
            serde_json::from_value(value)
                .map_err(|error| error.to_string())
                .and_then(|line| captured(n, line))
        };
        list.push(read.map_err(|why| format!("{place}: {why}"))?);
    }
    if list.is_empty() { Err("it holds no event".to_owned()) } else { Ok((origin, list)) }
}

fn cloud_event(event: CloudEvent) -> Result<FileEvent, String> {
    Ok(FileEvent {
        id: event.id.parse().map_err(|error: crate::event::NotAnEventId| error.to_string())?,
        name: event.name.into(),
        time: event.time,
        raised: event.raised.unwrap_or(event.time),
        request: None,
        data: event.data,
    })
}

fn captured(n: usize, line: Line) -> Result<FileEvent, String> {
    let name = line.data.get("eventname").and_then(Value::as_str).ok_or("data has no eventname")?;
    let seconds = line.data.get("timecreated").and_then(whole).ok_or("data has no timecreated")?;
    let time = Timestamp::from_second(seconds).map_err(|error| error.to_string())?;
    let raised = match (line.raised, line.at) {
        (Some(raised), _) => raised,
        (None, Some(at)) => SignedDuration::try_from_secs_f64(at)
            .and_then(Timestamp::from_duration)
            .map_err(|error| error.to_string())?,
        (None, None) => time,
    };
    let id = match line.id {
        Some(id) => id.parse().map_err(|error: crate::event::NotAnEventId| error.to_string())?,
        None => made(raised, n)?,
    };
    let name = name.into();
    let data = EventData { event: line.data, entities: line.entities, ..EventData::default() };
    Ok(FileEvent { id, name, time, raised, request: line.req, data })
}

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// The id of a captured event that has none: a UUIDv7 of the time it was raised and its line.
fn made(raised: Timestamp, n: usize) -> Result<EventId, String> {
    let millis = u64::try_from(raised.as_millisecond()).map_err(|_| "raised before 1970".to_owned())?;
    let mut random = [0; 10];
    random[2..].copy_from_slice(&u64::try_from(n).unwrap_or_default().to_be_bytes());
    EventId::new(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
        .map_err(|e| e.to_string())
}

/// Moves all events so that the last was raised at `now`, and remakes the ids: their time moves too, their
/// random bits stay. Distances between events stay.
pub(super) fn moved_to(now: Timestamp, events: &mut [FileEvent]) {
    let Some(last) = events.iter().map(|event| event.raised).max() else { return };
    let by = now.duration_since(last);
    for event in events {
        event.raised = event.raised.saturating_add(by).unwrap_or(now);
        // Moodle's own time has whole seconds.
        let time = event.time.saturating_add(by).unwrap_or(now);
        event.time = Timestamp::from_second(time.as_second()).unwrap_or(now);
        if event.data.event.contains_key("timecreated") {
            event.data.event.insert("timecreated".to_owned(), event.time.as_second().into());
        }
        if let (false, Ok(millis)) = (event.id.is_backfill(), u64::try_from(event.raised.as_millisecond())) {
            let mut bytes = *event.id.as_bytes();
            bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
            if let Ok(id) = EventId::new(uuid::Uuid::from_bytes(bytes)) {
                event.id = id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOUD: &str = r#"{"specversion":"1.0","id":"01a20e53-90ce-7205-a292-0dd69749d9f5","source":"s","type":"\\core\\event\\x",
        "time":"2026-11-24T16:11:27Z","raised":"2026-11-24T16:11:27.310028Z","data":{"event":{"objectid":7},"entities":{}}}"#;
    const LINE: &str = r#"{"class":"core\\event\\x","id":"01a20e53-90ce-7205-a292-0dd69749d9f5","raised":"2026-11-24T16:11:27.310028Z","data":{"eventname":"\\core\\event\\x","timecreated":1795536687,"objectid":7},"entities":{"course":{"id":"1"}},"req":"r1"}"#;
    const OLD: &str = r#"{"class":"core\\event\\x","data":{"eventname":"\\core\\event\\x","timecreated":"1795536687"},"at":1795536687.25}"#;

    #[test]
    fn a_file_has_one_of_three_forms() {
        let one = CLOUD.replace('\n', " ");
        for (text, origin, n) in [
            (one.clone(), Origin::CloudEvents, 1),
            (format!("[{one},{one}]"), Origin::CloudEvents, 2),
            (format!("{one}\n{one}\n\n"), Origin::CloudEvents, 2),
            (LINE.to_owned(), Origin::Captured, 1),
            (format!("{LINE}\n{OLD}\n"), Origin::Captured, 2),
        ] {
            let (found, events) = parse(&text).unwrap();
            assert_eq!((found, events.len()), (origin, n));
            assert_eq!(&*events[0].name, "\\core\\event\\x");
            assert_eq!(events[0].raised.to_string(), "2026-11-24T16:11:27.310028Z");
        }
        for (text, why) in [
            ("", "it holds no event"),
            ("[]", "it holds no event"),
            ("{\"data\":{}}", "event 1: data has no eventname"),
            ("{}\nx", "line 2: expected value at line 1 column 1"),
        ] {
            assert_eq!(parse(text).unwrap_err(), why);
        }
    }

    #[test]
    fn an_old_capture_gets_an_id_of_its_time_and_line() {
        let (_, events) = parse(&format!("{LINE}\n{OLD}\n{OLD}\n")).unwrap();
        assert_eq!(events[1].id.unix_millis(), Some(1_795_536_687_250));
        assert_ne!(events[1].id, events[2].id);
        assert_eq!(parse(&format!("{LINE}\n{OLD}\n")).unwrap().1[1].id, events[1].id);
    }

    #[test]
    fn moving_keeps_distances_and_random_bits() {
        let (_, before) = parse(&format!("{OLD}\n{LINE}\n")).unwrap();
        let mut after = before.clone();
        let now: Timestamp = "2027-01-02T03:04:05.5Z".parse().unwrap();
        moved_to(now, &mut after);
        assert_eq!(after[1].raised, now);
        assert_eq!(
            after[1].raised.duration_since(after[0].raised),
            before[1].raised.duration_since(before[0].raised)
        );
        for (old, new) in before.iter().zip(&after) {
            assert_eq!(old.id.as_bytes()[6..], new.id.as_bytes()[6..]);
            assert_eq!(new.id.unix_millis(), u64::try_from(new.raised.as_millisecond()).ok());
            assert_eq!(new.data.event["timecreated"], new.time.as_second());
        }
    }
}
