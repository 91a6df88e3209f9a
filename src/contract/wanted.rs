//! The wanted list: what the plugin may observe and send, row by row. Derived from the contracts alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cut::EventData;
use super::field::{Field, Many, Personal, Read};
use super::path::{self, ALWAYS, Path};
use super::value::key_text;
use super::{Contract, own};

/// The list of one source, as the plugin and the spool keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedList {
    etag: String,
    rows: Vec<Row>,
}

/// One event that one contract speaks of, with all that it reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The contract's name.
    pub contract: String,
    /// Moodle's event name, with its leading backslash.
    pub event: String,
    /// Which of these events; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// Paths under `data.event` beside those that are always sent: `userid`, `other.enrol` (a plain value),
    /// `other.ids[]` (a list of plain values), `other.updatedfields{}` (the names of a map's keys; the
    /// values are sent as null).
    pub keys: Vec<String>,
    /// Fields of entities.
    pub entities: BTreeMap<String, Vec<String>>,
    /// How near to a person that which is read is, by path: a key as in `keys`, or one that is always sent
    /// (`objectid`), or `entities.user.id`. What has no class is not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub personal: BTreeMap<String, Personal>,
}

/// A condition on one value, compared as text (`true` and `"true"` are one). On a value that is absent
/// or null it takes nothing, by `in` and `not_in` alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// A path such as `entities.grade.released`.
    pub field: String,
    /// One of these.
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<String>>,
    /// None of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_in: Option<Vec<String>>,
}

/// The rows that take an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken<'a> {
    /// In the order of the list.
    pub rows: Vec<&'a Row>,
    /// How many rows did not take it because the value that their `when` asks for was absent or null.
    pub when_unknown: u32,
}

impl Taken<'_> {
    /// Whether no row takes it: then nothing of it may be kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl WantedList {
    /// A list that was told or kept before, under the name it had then.
    #[must_use]
    pub fn new(etag: String, rows: Vec<Row>) -> Self {
        Self { etag, rows }
    }

    /// Names the list: 32 hexadecimal digits of SHA-256 over its rows. Equal rows, equal etag.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// A row for each contract and event, in the order of their names.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The list of a set of contracts, given in the order of their names. It has no row for the product's
    /// own events: Moodle is never asked for them.
    pub(super) fn of<'c>(contracts: impl Iterator<Item = &'c Contract>) -> Self {
        Self::with(rows_of_moodle(contracts))
    }

    /// The rows of these contracts for the product's own events, which never leave the sidecar as a list.
    pub(super) fn of_own<'c>(contracts: impl Iterator<Item = &'c Contract>) -> Self {
        Self::with(contracts.flat_map(rows_of).filter(|row| own::is_own(&row.event)))
    }

    fn with(rows: impl Iterator<Item = Row>) -> Self {
        let rows: Vec<Row> = rows.collect();
        // Canonical JSON of plain texts cannot fail; were it to, the list would have an etag of its own.
        let text = serde_json_canonicalizer::to_vec(&rows).unwrap_or_default();
        Self::new(hex(&Sha256::digest(text)[..16]), rows)
    }

    /// The rows that take an event of this name.
    #[must_use]
    pub fn take(&self, name: &str, data: &EventData) -> Taken<'_> {
        let mut taken = Taken { rows: Vec::new(), when_unknown: 0 };
        // Asking every row costs 0.1 µs with a hundred of them: an index by name was no gain.
        for row in self.rows.iter().filter(|row| row.event == name) {
            match row.when.as_ref().map_or(Some(true), |when| when.holds(data)) {
                Some(true) => taken.rows.push(row),
                Some(false) => {}
                None => taken.when_unknown += 1,
            }
        }
        taken
    }
}

impl Row {
    /// Whether it may take an event of its name: only a condition that clearly does not hold says no.
    pub(super) fn may_take(&self, data: &EventData) -> bool {
        self.when.as_ref().is_none_or(|when| when.holds(data) != Some(false))
    }
}

impl When {
    /// Whether it holds; none where the value is not known.
    fn holds(&self, data: &EventData) -> Option<bool> {
        // A list that was read back names paths of our own; one that is no path takes nothing.
        let path = Path::parse(&self.field).ok()?;
        let value = key_text(path.find(data)?.into())?;
        let among = |list: &Vec<String>| list.iter().any(|text| *text == value);
        Some(self.one_of.as_ref().is_none_or(among) && !self.not_in.as_ref().is_some_and(among))
    }
}

/// The rows of these contracts for what Moodle raises.
pub(super) fn rows_of_moodle<'c>(contracts: impl Iterator<Item = &'c Contract>) -> impl Iterator<Item = Row> {
    contracts.flat_map(rows_of).filter(|row| !own::is_own(&row.event))
}

fn rows_of(contract: &Contract) -> Vec<Row> {
    let mut keys = BTreeSet::new();
    let mut entities: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut personal: BTreeMap<String, Personal> = BTreeMap::new();
    let mut want = |read: Read<'_>| {
        let place = if let Some(key) = read.path.strip_prefix("event.") {
            let written = match read.many {
                Many::One | Many::Given => key.to_owned(),
                Many::List => format!("{key}[]"),
                Many::Keys => format!("{key}{{}}"),
            };
            if !ALWAYS.contains(&key) {
                keys.insert(written.clone());
            }
            written
        } else {
            if let Some((entity, field)) = read.path.strip_prefix("entities.").and_then(|p| p.split_once('.'))
            {
                entities.entry(entity.to_owned()).or_default().insert(field.to_owned());
            }
            read.path.to_owned()
        };
        if let Some(class) = read.class {
            // Where two fields read one path, the stricter class holds.
            personal.entry(place).and_modify(|known| *known = class.max(*known)).or_insert(class);
        }
    };
    contract.data.fields().flat_map(Field::reads).for_each(&mut want);
    if let Some(When { field, .. }) = &contract.when {
        want(Read { path: field, many: Many::One, class: path::class_of(field) });
    }
    let keys: Vec<String> = keys.into_iter().collect();
    let entities: BTreeMap<_, Vec<_>> =
        entities.into_iter().map(|(e, f)| (e, f.into_iter().collect())).collect();
    let row = |event: &String| Row {
        contract: contract.id.to_string(),
        event: event.clone(),
        when: contract.when.clone(),
        keys: keys.clone(),
        entities: entities.clone(),
        personal: personal.clone(),
    };
    contract.events.iter().map(row).collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_condition_on_what_is_not_known_takes_nothing() {
        let when = |one_of: Option<&str>, not_in: Option<&str>| When {
            field: "event.other.kind".into(),
            one_of: one_of.map(|t| vec![t.to_owned()]),
            not_in: not_in.map(|t| vec![t.to_owned()]),
        };
        for (other, with_in, with_not_in) in [
            (json!({"kind": "a"}), Some(true), Some(false)),
            (json!({"kind": "b"}), Some(false), Some(true)),
            (json!({"kind": null}), None, None),
            (json!({}), None, None),
            (json!(null), None, None),
            (json!({"kind": {"a": 1}}), None, None),
        ] {
            let data = EventData::of(&json!({"event": {"other": other}}));
            assert_eq!(when(Some("a"), None).holds(&data), with_in, "{other}");
            assert_eq!(when(None, Some("a")).holds(&data), with_not_in, "{other}");
        }
        let one = EventData::of(&json!({"event": {"other": {"kind": 1}}}));
        assert_eq!(when(Some("1"), None).holds(&one), Some(true), "compared as text");
    }

    #[test]
    fn a_row_reads_back_from_its_json() {
        let text = r#"{"contract":"c","event":"\\e","when":{"field":"event.action","in":["a"]},"keys":["userid"],"entities":{"cm":["id"]}}"#;
        let row: Row = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&row).unwrap(), text);
        let with_classes =
            text.replace(r#"{"cm":["id"]}}"#, r#"{"cm":["id"]},"personal":{"userid":"identifier"}}"#);
        let row: Row = serde_json::from_str(&with_classes).unwrap();
        assert_eq!(row.personal["userid"], Personal::Identifier);
        assert_eq!(serde_json::to_string(&row).unwrap(), with_classes);
    }

    #[test]
    fn a_row_tells_the_class_of_each_path_that_has_one() {
        let catalogue = super::super::Catalogue::builtin().unwrap();
        let classes = |name: &str| rows_of(catalogue.named(name).unwrap()).remove(0).personal;
        let identifiers = |paths: &[&str]| {
            paths.iter().map(|path| ((*path).to_owned(), Personal::Identifier)).collect::<BTreeMap<_, _>>()
        };
        // Read by functions only: one tells the id, the other no more than who was logged in.
        assert_eq!(
            classes("moodle.producer.test.v1"),
            identifiers(&["entities.request.realuserid", "userid"])
        );
        let grade = classes("moodle.grade.updated.v1");
        assert_eq!(grade["other.finalgrade"], Personal::Performance);
        assert_eq!(grade["relateduserid"], Personal::Identifier);
        // Every path that names a person has a class in every row, and is one that the row asks for.
        for row in catalogue.iter().flat_map(rows_of) {
            let person =
                |path: &String| path.starts_with("entities.user.") || path.starts_with("entities.actor.");
            let of_entities = row
                .entities
                .iter()
                .flat_map(|(entity, fields)| fields.iter().map(move |f| format!("entities.{entity}.{f}")));
            let asked: Vec<String> = row.keys.iter().cloned().chain(of_entities).collect();
            for path in asked
                .iter()
                .filter(|path| person(path) || ["userid", "relateduserid"].contains(&path.as_str()))
            {
                assert!(row.personal.contains_key(path), "{}: {path} has no class", row.contract);
            }
            for path in row.personal.keys() {
                assert!(
                    asked.contains(path) || ALWAYS.contains(&path.as_str()),
                    "{}: {path} is not asked for",
                    row.contract
                );
            }
        }
    }
}
