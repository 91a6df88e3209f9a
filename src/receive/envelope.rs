//! One element of a batch: the agreed form of an event, or what little is kept of one that breaks it.

use std::sync::Arc;

use jiff::{Timestamp, Unit};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::Limits;
use super::json::{self, Fault};
use crate::contract::EventData;
use crate::delivery::{Parking, Reason};
use crate::event::{EventId, SourceKey};

/// The longest event name and wanted list name that are taken, in bytes.
const LONGEST_NAME: usize = 255;

/// An event as it was sent, before it is cut.
#[derive(Debug)]
pub(super) struct Envelope {
    pub id: EventId,
    pub source: String,
    pub name: Arc<str>,
    pub time: Timestamp,
    /// None for an anonymous event only. Of one that was read back from a log no more is known than `time`.
    pub raised: Option<Timestamp>,
    /// The list it was cut under, by its `ETag`.
    pub wantedlist: Option<String>,
    pub data: EventData,
}

/// What is kept of an element that can't be read: nothing that was not declared may reach the disk,
/// and without reading it nobody knows what it holds.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub id: EventId,
    /// Its `source`, where that can be told.
    pub source: Option<String>,
    pub name: Arc<str>,
    pub parking: Parking,
}

/// Reads one element.
pub(super) fn read(raw: &RawValue, sender: &SourceKey, limits: &Limits) -> Result<Envelope, Unreadable> {
    let text = raw.get();
    if text.len() > limits.max_event {
        let words = format!("{} bytes are allowed", limits.max_event);
        return Err(salvage(text, sender, Parking::new(Reason::TooLarge, words)));
    }
    let value = json::parse(text, limits.max_depth).map_err(|fault| {
        let reason = match fault {
            Fault::Invalid(_) => Reason::Shape,
            Fault::DuplicateKey(_) => Reason::DuplicateKey,
            Fault::TooDeep { .. } => Reason::TooDeep,
        };
        salvage(text, sender, Parking::new(reason, fault.to_string()))
    })?;
    form(value).map_err(|words| salvage(text, sender, Parking::new(Reason::Shape, words)))
}

/// The agreed form (DESIGN 4). Keys that are not known are ignored: a newer plugin may send them.
fn form(value: Value) -> Result<Envelope, String> {
    let Value::Object(mut object) = value else { return Err("an event is an object".into()) };
    if object.get("specversion").is_some_and(|v| v != "1.0") {
        return Err("`specversion` is not \"1.0\"".into());
    }
    let id: EventId = text(&mut object, "id")?.parse().map_err(|e| format!("`id` is {e}"))?;
    let source = text(&mut object, "source")?;
    let name = text(&mut object, "type")?;
    if !is_event_name(&name) {
        return Err(r"`type` is no Moodle event name (`\component\event\name`)".into());
    }
    let time = instant(&mut object, "time")?.ok_or("`time` is missing")?;
    let raised = instant(&mut object, "raised")?;
    let wantedlist = match object.remove("wantedlist") {
        None | Some(Value::Null) => None,
        Some(Value::String(etag)) if etag.len() <= LONGEST_NAME => Some(etag),
        Some(_) => return Err("`wantedlist` is not the ETag of a list".into()),
    };
    let Some(Value::Object(mut data)) = object.remove("data") else {
        return Err("`data` is not an object".into());
    };
    let Some(Value::Object(event)) = data.remove("event") else {
        return Err("`data.event` is not an object".into());
    };
    let entities = match data.remove("entities") {
        None => Map::new(),
        Some(Value::Object(entities)) => entities,
        Some(_) => return Err("`data.entities` is not an object".into()),
    };
    if event.get("eventname").and_then(Value::as_str) != Some(&name) {
        return Err("`data.event.eventname` is not the event's `type`".into());
    }
    let entities_late = object.get("entities_late") == Some(&Value::Bool(true));
    let data = EventData { event, entities, entities_late };
    let time = Timestamp::from_second(time.as_second()).unwrap_or(time);
    let raised = raised.or_else(|| id.is_backfill().then_some(time));
    if raised.is_none() && !data.is_anonymous() {
        return Err("`raised` is missing".into());
    }
    Ok(Envelope { id, source, name: name.into(), time, raised, wantedlist, data })
}

fn text(object: &mut Map<String, Value>, key: &str) -> Result<String, String> {
    match object.remove(key) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("`{key}` is not text")),
        None => Err(format!("`{key}` is missing")),
    }
}

/// To the microsecond: what Moodle can tell.
fn instant(object: &mut Map<String, Value>, key: &str) -> Result<Option<Timestamp>, String> {
    let bad = || format!("`{key}` is no RFC 3339 time");
    match object.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let at: Timestamp = text.parse().map_err(|_| bad())?;
            at.round(Unit::Microsecond).map(Some).map_err(|_| bad())
        }
        Some(_) => Err(bad()),
    }
}

fn is_event_name(name: &str) -> bool {
    name.starts_with('\\')
        && (2..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'\\')
}

/// The keys that are looked for in an element that can't be read. The reader behind it neither recurses
/// nor keeps the rest.
#[derive(Default, Deserialize)]
struct Remains<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    name: Option<&'a RawValue>,
}

fn salvage(raw: &str, sender: &SourceKey, mut parking: Parking) -> Unreadable {
    let remains: Remains<'_> = serde_json::from_str(raw).unwrap_or_default();
    let word = |value: Option<&RawValue>| value.and_then(|v| serde_json::from_str::<String>(v.get()).ok());
    let id = word(remains.id).and_then(|text| text.parse::<EventId>().ok());
    let name = word(remains.name).filter(|name| is_event_name(name));
    let digest = Sha256::digest(raw.as_bytes());
    let told = name.as_deref().unwrap_or("unreadable");
    parking.detail = format!(
        "{}; kept of it: type {told}, {} bytes, SHA-256 {}",
        parking.detail,
        raw.len(),
        hex(&digest),
    );
    if id.is_none() {
        parking.detail.push_str(", no usable id");
    }
    Unreadable {
        id: id.unwrap_or_else(|| derived(sender, raw)),
        source: word(remains.source),
        name: told.into(),
        parking,
    }
}

/// The id of an element without a usable one: the same bytes of the same source get the same.
fn derived(sender: &SourceKey, raw: &str) -> EventId {
    let mut hash = Sha256::new();
    for part in [sender.as_str(), "\0", raw] {
        hash.update(part.as_bytes());
    }
    EventId::from_digest(&hash.finalize().into())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "01a20e53-90ce-7205-a292-0dd69749d9f5";

    fn good() -> Value {
        json!({
            "specversion": "1.0", "id": ID, "source": "https://vle.example.org",
            "type": "\\core\\event\\course_updated", "time": "2026-11-24T16:11:27Z",
            "raised": "2026-11-24T16:11:27.310028Z", "wantedlist": "abc",
            "data": { "event": { "eventname": "\\core\\event\\course_updated", "courseid": "5", "anonymous": 0 }, "entities": {} },
        })
    }

    fn read_text(text: &str) -> Result<Envelope, Unreadable> {
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        read(&raw, &"vle".parse().unwrap(), &Limits { max_event: 2_000, ..Limits::default() })
    }

    #[test]
    fn an_event_of_the_agreed_form_is_read() {
        let mut value = good();
        value["something new"] = json!([1]);
        let read = read_text(&value.to_string()).unwrap();
        assert_eq!((read.id.to_string().as_str(), &*read.name), (ID, "\\core\\event\\course_updated"));
        assert_eq!(read.raised.unwrap().as_microsecond() % 1_000_000, 310_028);
        assert_eq!(read.data.event["courseid"], "5");
        assert_eq!(read.wantedlist.as_deref(), Some("abc"));
    }

    #[test]
    fn each_break_of_the_form_has_its_words() {
        let cases: &[(&str, Value, &str)] = &[
            ("/specversion", json!("0.3"), "`specversion` is not"),
            ("/id", json!(7), "`id` is not text"),
            ("/id", json!(""), "`id` is not an event id"),
            ("/id", json!("6ba7b810-9dad-41d1-80b4-00c04fd430c8"), "`id` is not an event id"),
            ("/source", Value::Null, "`source` is not text"),
            ("/type", json!("core.course_updated"), "`type` is no Moodle event name"),
            ("/type", json!("producer:heartbeat"), "`type` is no Moodle event name"),
            ("/type", json!("\\core\\event\\other"), "`data.event.eventname` is not"),
            ("/time", json!("yesterday"), "`time` is no RFC 3339 time"),
            ("/time", Value::Null, "`time` is missing"),
            ("/raised", json!(12), "`raised` is no RFC 3339 time"),
            ("/raised", Value::Null, "`raised` is missing"),
            ("/wantedlist", json!({}), "`wantedlist` is not"),
            ("/data", json!([]), "`data` is not an object"),
            ("/data/event", json!([]), "`data.event` is not an object"),
            ("/data/entities", json!([]), "`data.entities` is not an object"),
            ("/data/event/eventname", json!(null), "`data.event.eventname` is not"),
        ];
        for (place, value, words) in cases {
            let mut event = good();
            *event.pointer_mut(place).unwrap() = value.clone();
            let fault = read_text(&event.to_string()).unwrap_err();
            assert_eq!(fault.parking.reason, Reason::Shape, "{place}");
            assert!(fault.parking.detail.starts_with(words), "{place}: {}", fault.parking.detail);
        }
        for text in ["[]", "1", "null", "\"x\"", "1e999"] {
            assert_eq!(read_text(text).unwrap_err().parking.reason, Reason::Shape, "{text}");
        }
    }

    #[test]
    fn an_anonymous_or_backfilled_event_needs_no_raised() {
        let mut anonymous = good();
        anonymous["data"]["event"]["anonymous"] = json!(1);
        anonymous.as_object_mut().unwrap().remove("raised");
        assert!(read_text(&anonymous.to_string()).unwrap().raised.is_none());
        let mut backfill = good();
        backfill["id"] = json!(EventId::from_digest(&[1; 32]).to_string());
        backfill.as_object_mut().unwrap().remove("raised");
        let read = read_text(&backfill.to_string()).unwrap();
        assert_eq!(read.raised, Some(read.time), "so that a state of then is older than one of now");
    }

    #[test]
    fn of_an_unreadable_element_only_id_type_size_and_digest_are_kept() {
        let secret = "canary-of-a-person";
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(700), "]".repeat(700));
        let cases = [
            (
                format!(r#"{{"id":"{ID}","type":"\\a\\event\\b","x":"{secret}","x":1}}"#),
                Reason::DuplicateKey,
                true,
            ),
            (
                format!(r#"{{"id":"{ID}","type":"\\a\\event\\b","x":"{}"}}"#, secret.repeat(150)),
                Reason::TooLarge,
                true,
            ),
            (format!(r#"{{"id":"{ID}","type":"\\a\\event\\b","{secret} x":"\ud800"}}"#), Reason::Shape, true),
            (
                format!(r#"{{"id":"{ID}","id":"{ID}","type":"\\a\\event\\b","x":"{secret}"}}"#),
                Reason::DuplicateKey,
                false,
            ),
            (deep, Reason::TooDeep, false),
        ];
        for (text, reason, whole) in cases {
            let kept = read_text(&text).unwrap_err();
            assert_eq!(kept.parking.reason, reason);
            assert!(!kept.parking.detail.contains(secret), "{}", kept.parking.detail);
            assert!(kept.parking.detail.contains(&format!("{} bytes, SHA-256 ", text.len())));
            assert_eq!((kept.id.to_string() == ID, &*kept.name == "\\a\\event\\b"), (whole, whole));
            assert_eq!(read_text(&text).unwrap_err().id, kept.id, "the same bytes get the same id");
        }
    }
}
