//! Chooses examples for a draft, and makes up people and texts in them: what was captured on a running
//! site is not for everybody who reads a contract.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::Contract;
use super::super::cut::EventData;
use super::super::example::{BadExample, Example, Provenance};
use super::super::field::{Origin, Personal, Scalar};
use super::super::path::Root;
use super::super::value::whole;
use super::{Seen, Wish};
use crate::event::StoredEvent;

/// The most examples of a draft.
const MOST: usize = 4;

/// The files beside a draft: names and texts.
pub(super) fn choose(
    wish: &Wish<'_>,
    contract: &Contract,
    held: &[(&Seen<'_>, StoredEvent)],
) -> Vec<(String, String)> {
    let told: Vec<(&Seen<'_>, BTreeSet<String>)> = held
        .iter()
        .filter_map(|(seen, stored)| {
            Some((*seen, features(&serde_json::from_slice(&stored.event.data).ok()?)))
        })
        .collect();
    let there = |features: &BTreeSet<String>| features.iter().filter(|f| f.ends_with(" is there")).count();
    let named = told.iter().filter(|(seen, _)| !seen.data.is_anonymous());
    // The first of the fullest: `max_by_key` alone would give the last.
    let Some((ordinary, known)) = named.rev().max_by_key(|(_, features)| there(features)) else {
        return told
            .first()
            .map(|(seen, _)| vec![("anonymous".to_owned(), *seen)])
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(name, seen)| written(wish, contract, seen, &name, "An anonymous event.", false))
            .collect();
    };
    let mut files = Vec::new();
    files.extend(written(wish, contract, ordinary, "ordinary", "An ordinary event.", false));
    if !ordinary.data.entities.is_empty() {
        files.extend(written(
            wish,
            contract,
            ordinary,
            "least",
            "The least it can hold: nothing was read beside it.",
            true,
        ));
    }
    if let Some((seen, _)) = told.iter().find(|(seen, _)| seen.data.is_anonymous()) {
        files.extend(written(wish, contract, seen, "anonymous", "An anonymous event.", false));
    }
    let mut known = known.clone();
    let mut n = 1;
    while files.len() < MOST {
        let new = |features: &BTreeSet<String>| features.difference(&known).count();
        let found = told.iter().filter(|(s, _)| !s.data.is_anonymous()).rev().max_by_key(|(_, f)| new(f));
        let Some((seen, features)) = found.filter(|(_, f)| new(f) > 0) else { break };
        let differs: Vec<&str> = features.difference(&known).take(3).map(String::as_str).collect();
        let note = format!("A variant: {}.", differs.join(", "));
        let file = written(wish, contract, seen, &format!("variant-{n}"), &note, false);
        known.extend(features.iter().cloned());
        n += 1;
        let Some(file) = file else { break };
        files.push(file);
    }
    files
}

/// What is so of an event, as it is stored, that another may not have.
fn features(data: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, path: &str, out: &mut BTreeSet<String>) {
        let what = match value {
            Value::Object(map) => {
                map.iter().for_each(|(key, inner)| walk(inner, &format!("{path}.{key}"), out));
                return;
            }
            Value::Null => "is null",
            Value::Array(items) if items.is_empty() => "is an empty list",
            Value::String(text) if text.is_empty() => "is an empty text",
            value if whole(value.into()) == Some(0) => "is 0",
            _ => "is there",
        };
        out.insert(format!("{} {what}", path.trim_start_matches('.')));
    }
    let mut out = BTreeSet::new();
    walk(data, "", &mut out);
    out
}

fn written(
    wish: &Wish<'_>,
    contract: &Contract,
    seen: &Seen<'_>,
    name: &str,
    note: &str,
    bare: bool,
) -> Option<(String, String)> {
    let mut data = seen.data.clone();
    if bare {
        data.entities.clear();
    }
    let place = format!("{}, {}", wish.from, seen.place);
    let place = if bare { format!("{place}, with nothing read beside it") } else { place };
    let from = if wish.samples {
        Provenance::Captured(place)
    } else {
        Masks::default().mask(contract, &mut data);
        Provenance::Constructed(format!("of {place}: ids of people, marks and texts are made up"))
    };
    let example = Example::of(note, from, seen, data);
    Some((format!("{name}.json"), example.write(contract).ok()?))
}

/// The event as it is stored under the draft, if the draft makes a message of it.
pub(super) fn told(contract: &Contract, seen: &Seen<'_>) -> Result<StoredEvent, BadExample> {
    let from = Provenance::Captured(seen.place.clone());
    Example::of("", from, seen, seen.data.clone()).told(contract).map(|(stored, _)| stored)
}

/// What stands for each id and each text, the same in all of one event.
#[derive(Default)]
struct Masks {
    people: BTreeMap<i64, i64>,
    texts: BTreeMap<String, usize>,
}

/// Paths that hold a person's id whatever a contract says of them.
const PEOPLE: [&str; 5] = [
    "event.userid",
    "event.relateduserid",
    "entities.user.id",
    "entities.actor.id",
    "entities.request.realuserid",
];
/// Moodle's context level of a person.
const PERSON_LEVEL: i64 = 30;

impl Masks {
    fn mask(mut self, contract: &Contract, data: &mut EventData) {
        let mut people: BTreeSet<String> = PEOPLE.iter().map(|p| (*p).to_owned()).collect();
        let number = |data: &EventData, key: &str| data.event.get(key).and_then(|v| whole(v.into()));
        if number(data, "contextlevel") == Some(PERSON_LEVEL) {
            people.extend(["event.contextinstanceid".to_owned(), "event.contextid".to_owned()]);
        }
        // `objectid` is sent with every event, and may be the person.
        let object = number(data, "objectid");
        let of_people = data.event.get("objecttable").and_then(Value::as_str) == Some("user");
        if of_people || PEOPLE.iter().any(|p| at(data, p).and_then(|v| whole((&*v).into())) == object) {
            people.insert("event.objectid".to_owned());
        }
        for field in contract.fields() {
            let paths = field.origins.iter().filter_map(|origin| match origin {
                Origin::Path(path) => Some(path),
                Origin::Function(_) => None,
            });
            for path in paths {
                let always =
                    path.root == Root::Event && path.keys.len() == 1 && path.keys[0].starts_with("context");
                if field.personal == Some(Personal::Identifier) && field.scalar == Scalar::Integer && !always
                {
                    people.insert(path.text.clone());
                } else if let Some(value) = at(data, &path.text) {
                    self.mask_value(field, value);
                }
            }
        }
        for path in people {
            if let Some(value) = at(data, &path) {
                self.mask_person(value);
            }
        }
    }

    fn mask_person(&mut self, value: &mut Value) {
        let Some(id) = whole((&*value).into()).filter(|id| *id > 0) else { return };
        let next = 1001 + i64::try_from(self.people.len()).unwrap_or_default();
        let made = *self.people.entry(id).or_insert(next);
        *value = if value.is_string() { json!(made.to_string()) } else { json!(made) };
    }

    fn mask_value(&mut self, field: &super::super::Field, value: &mut Value) {
        if let Value::Array(items) = value {
            items.iter_mut().for_each(|item| self.mask_value(field, item));
        } else if field.personal == Some(Personal::Performance)
            && field.scalar != Scalar::Boolean
            && field.scalar != Scalar::Timestamp
        {
            match value {
                Value::String(text) if !text.is_empty() => "1".clone_into(text),
                Value::Number(_) => *value = json!(1),
                _ => {}
            }
        } else if field.scalar == Scalar::String && field.values.is_empty() && field.known.is_empty() {
            let Value::String(text) = value else { return };
            if !text.is_empty() {
                let next = self.texts.len() + 1;
                let n = *self.texts.entry(text.clone()).or_insert(next);
                *text = match field.format() {
                    Some("uri") => format!("https://example.org/{n}"),
                    Some("hostname") => "example.org".to_owned(),
                    Some("email") => format!("person{n}@example.org"),
                    Some(_) => return,
                    None => format!("text {n}"),
                };
            }
        }
    }
}

fn at<'d>(data: &'d mut EventData, path: &str) -> Option<&'d mut Value> {
    let mut keys = path.split('.');
    let top = match keys.next()? {
        "event" => &mut data.event,
        _ => &mut data.entities,
    };
    let first = top.get_mut(keys.next()?)?;
    keys.try_fold(first, |value, key| value.get_mut(key))
}
