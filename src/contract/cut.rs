//! No more than declared: an event is cut to the keys and entity fields of the rows that took it, by the
//! plugin before it leaves Moodle and here again before it is stored. Cutting twice changes nothing.
//!
//! Of an anonymous event only the course and the activity stay, and the hour.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::path::ALWAYS;
use super::people::people;
use super::value::{Plain, whole};
use super::wanted::Taken;

/// What the plugin sends of an event: Moodle's own data and the entities read beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct EventData {
    /// What Moodle's event holds.
    #[serde(default)]
    pub event: Map<String, Value>,
    /// What the plugin read through Moodle's functions: `course`, `user`, …
    #[serde(default)]
    pub entities: Map<String, Value>,
    /// Whether the entities were read some time after the event, so that they may be newer than it.
    #[serde(default)]
    pub entities_late: bool,
}

impl EventData {
    /// Reads the JSON text in which an event is stored.
    ///
    /// # Errors
    /// It is no object of that form.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// Whether Moodle marks the event anonymous. Only a clear 0 says that it is not: what is missing or
    /// unreadable counts as anonymous, so that a fault never names a person.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        is_marked_anonymous(self.event.get("anonymous").map(Plain::from))
    }
}

/// Whether an event with this mark is anonymous: only a clear 0 says that it is not.
pub(super) fn is_marked_anonymous(mark: Option<Plain<'_>>) -> bool {
    match mark {
        Some(Plain::Bool(marked)) => marked,
        Some(value) => whole(value) != Some(0),
        None => true,
    }
}

/// An event, cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// JSON text of `{"entities":{…},"event":{…}}`, with `"entities_late":true` where that is so, keys
    /// sorted: equal input gives equal bytes.
    pub data: Bytes,
    /// The ids of Moodle's users who stand in what was kept, sorted, each once.
    pub people: Vec<i64>,
    /// Whether the event is anonymous: then its id and time are to be cut to the hour, and `raised` goes.
    pub anonymous: bool,
}

/// Seconds of an hour: what stays of the time of an anonymous event.
pub(super) const HOUR: i64 = 3600;

/// Moodle's context levels of a course and of an activity: the only ones whose id is no person's.
const PLACES: [i64; 2] = [50, 70];

/// Cuts an event to the rows that took it.
#[must_use]
pub fn cut(taken: &Taken<'_>, data: &EventData) -> Cut {
    let anonymous = data.is_anonymous();
    let mut event = Map::new();
    let mut entities = Map::new();
    let place = data
        .event
        .get("contextlevel")
        .map(Plain::from)
        .and_then(whole)
        .is_some_and(|level| PLACES.contains(&level));
    for key in ALWAYS {
        let Some(value) = data.event.get(key) else { continue };
        let kept = match key {
            _ if !anonymous => Some(leaf(value)),
            "objectid" => None,
            "contextid" | "contextinstanceid" if !place => None,
            "timecreated" => whole(value.into())
                .and_then(|seconds| seconds.checked_sub(seconds.rem_euclid(HOUR)))
                .map(Value::from),
            _ => Some(leaf(value)),
        };
        if let Some(kept) = kept {
            event.insert(key.to_owned(), kept);
        }
    }
    for row in &taken.rows {
        if !anonymous {
            for key in &row.keys {
                keep(&data.event, &mut event, key);
            }
        }
        for (entity, fields) in &row.entities {
            if anonymous && !matches!(entity.as_str(), "course" | "cm") {
                continue;
            }
            let Some(Value::Object(from)) = data.entities.get(entity) else { continue };
            let to = entities.entry(entity.as_str()).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(to) = to else { continue };
            for field in fields {
                if let Some(value) = from.get(field) {
                    to.insert(field.clone(), leaf(value));
                }
            }
        }
    }
    let people = people(&event, &entities, &taken.rows);
    let mut whole = Map::from_iter([
        ("entities".to_owned(), Value::Object(entities)),
        ("event".to_owned(), Value::Object(event)),
    ]);
    if data.entities_late && !anonymous {
        whole.insert("entities_late".to_owned(), true.into());
    }
    Cut { data: Value::Object(whole).to_string().into(), people, anonymous }
}

/// Copies what one key of a row names: `a.b` a plain value, `a.b[]` a list of them, `a.b{}` the names of
/// a map's keys.
fn keep(from: &Map<String, Value>, to: &mut Map<String, Value>, key: &str) {
    if let Some(key) = key.strip_suffix("{}") {
        keep_at(from, to, key, names);
    } else if let Some(key) = key.strip_suffix("[]") {
        keep_at(from, to, key, list);
    } else {
        keep_at(from, to, key, leaf);
    }
}

fn keep_at(from: &Map<String, Value>, to: &mut Map<String, Value>, key: &str, what: fn(&Value) -> Value) {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    let Some(value) = from.get(first) else { return };
    let kept = match (rest, value) {
        (None, value) => what(value),
        (Some(rest), Value::Object(inner)) => {
            let mut kept = Map::new();
            keep_at(inner, &mut kept, rest, what);
            Value::Object(kept)
        }
        // On the way to what is declared stands no map: that it is null or an empty list may be told (Moodle
        // writes an empty map as `[]`), a plain value may not.
        (Some(_), Value::Null | Value::Array(_)) => leaf(value),
        (Some(_), _) => return,
    };
    match to.get_mut(first) {
        Some(slot) => merge(slot, kept),
        None => drop(to.insert(first.to_owned(), kept)),
    }
}

/// Puts together what two rows keep of one key: the more telling of both, in whatever order they come.
fn merge(slot: &mut Value, kept: Value) {
    match (slot, kept) {
        (Value::Object(slot), Value::Object(kept)) => {
            for (key, value) in kept {
                match slot.get_mut(&key) {
                    Some(slot) => merge(slot, value),
                    None => drop(slot.insert(key, value)),
                }
            }
        }
        (Value::Array(slot), Value::Array(kept)) => {
            if kept.len() > slot.len() || slot.iter().all(Value::is_null) {
                *slot = kept;
            }
        }
        (slot, kept) => {
            if !kept.is_null() {
                *slot = kept;
            }
        }
    }
}

/// A plain value as it is; of a map or list only that it is one.
fn leaf(value: &Value) -> Value {
    match value {
        Value::Object(_) => Value::Object(Map::new()),
        Value::Array(_) => Value::Array(Vec::new()),
        plain => plain.clone(),
    }
}

fn list(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(leaf).collect()),
        other => leaf(other),
    }
}

/// A map's keys with no values; of a list how long it is; of a plain value nothing.
fn names(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map.keys().map(|k| (k.clone(), Value::Null)).collect()),
        Value::Array(items) => Value::Array(vec![Value::Null; items.len()]),
        _ => Value::Null,
    }
}

#[cfg(test)]
impl EventData {
    pub(super) fn of(value: &Value) -> Self {
        serde_json::from_value(value.clone()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::super::wanted::Row;
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn row(keys: &[&str], entities: &[(&str, &[&str])]) -> Row {
        let owned = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        Row {
            contract: "moodle.x.done.v1".into(),
            event: "\\x".into(),
            when: None,
            keys: owned(keys),
            entities: entities.iter().map(|(e, f)| ((*e).to_owned(), owned(f))).collect::<BTreeMap<_, _>>(),
            personal: BTreeMap::new(),
        }
    }

    fn cut_by(rows: &[Row], data: &Value) -> Value {
        let taken = Taken { rows: rows.iter().collect(), when_unknown: 0 };
        serde_json::from_slice(&cut(&taken, &EventData::of(data)).data).unwrap()
    }

    fn event() -> Value {
        json!({
            "event": {
                "eventname": "\\x", "objectid": "5", "courseid": "2", "contextlevel": 70, "contextid": 9,
                "contextinstanceid": "3", "anonymous": 0, "timecreated": 7205, "userid": "7", "relateduserid": null,
                "other": {"a": 1, "secret": "s", "map": {"k": "s", "l": {"m": "s"}}, "list": [1, {"s": "s"}], "deep": {"x": 1, "y": "s"}},
            },
            "entities": {"course": {"id": "2", "fullname": "s"}, "user": {"id": "7", "username": "s"}, "cm": {"id": "3"}},
        })
    }

    #[test]
    fn only_declared_keys_stay_beside_those_of_every_event() {
        let rows = [
            row(
                &["other.a", "other.map{}", "other.list[]", "other.deep.x", "userid"],
                &[("course", &["id", "idnumber"])],
            ),
            row(&["other.deep"], &[]),
        ];
        let expected = json!({
            "event": {
                "eventname": "\\x", "objectid": "5", "courseid": "2", "contextlevel": 70, "contextid": 9,
                "contextinstanceid": "3", "anonymous": 0, "timecreated": 7205, "userid": "7",
                "other": {"a": 1, "map": {"k": null, "l": null}, "list": [1, {}], "deep": {"x": 1}},
            },
            "entities": {"course": {"id": "2"}},
        });
        assert_eq!(cut_by(&rows, &event()), expected);
        let reversed: Vec<Row> = rows.iter().rev().cloned().collect();
        assert_eq!(cut_by(&reversed, &event()), expected);
        assert_eq!(cut_by(&rows, &expected), expected, "cutting twice changes nothing");
    }

    #[test]
    fn what_stands_on_the_way_is_told_only_as_null_or_empty() {
        for (other, expected) in [
            (json!(null), json!({"other": null})),
            (json!([]), json!({"other": []})),
            (json!(["s"]), json!({"other": []})),
            (json!("s"), json!({})),
            (json!({"a": {"s": "s"}}), json!({"other": {"a": {}}})),
        ] {
            let data = json!({"event": {"anonymous": 0, "other": other}});
            let mut cut = cut_by(&[row(&["other.a"], &[])], &data);
            cut["event"].as_object_mut().unwrap().remove("anonymous");
            assert_eq!(cut["event"], expected);
        }
    }

    #[test]
    fn of_an_anonymous_event_only_course_activity_and_hour_stay() {
        let rows = [row(
            &["other.a", "userid", "relateduserid"],
            &[("course", &["id"]), ("user", &["id"]), ("cm", &["id"])],
        )];
        let mut data = event();
        for mark in [json!(1), json!("1"), json!(true), json!(null), json!("x"), json!(2)] {
            data["event"]["anonymous"] = mark.clone();
            let expected = json!({
                "event": {
                    "eventname": "\\x", "courseid": "2", "contextlevel": 70, "contextid": 9,
                    "contextinstanceid": "3", "anonymous": mark, "timecreated": 7200,
                },
                "entities": {"course": {"id": "2"}, "cm": {"id": "3"}},
            });
            assert_eq!(cut_by(&rows, &data), expected);
        }
        data["event"]["contextlevel"] = json!(30);
        let cut = cut_by(&rows, &data);
        assert_eq!(cut["event"].get("contextinstanceid"), None, "a user context's instance is a user");
    }
}
