//! Who stands in an event: the ids of Moodle's users in what was kept of it, so that a person's events can
//! be found when they must go.

use serde_json::{Map, Value};

use super::field::Personal;
use super::value::{Plain, whole};
use super::wanted::Row;

/// Where Moodle writes a user's id, whatever the rows say of it.
const ALWAYS: [&str; 5] =
    ["userid", "relateduserid", "entities.request.realuserid", "entities.user.id", "entities.actor.id"];

/// Moodle's context level of a user (`CONTEXT_USER`): its instance is the user's id.
const USER_LEVEL: i64 = 30;

/// Identifiers that are names, or numbers of another book than Moodle's: the same digits may be another
/// person's id.
const OTHER_BOOKS: [&str; 3] = ["idnumber", "username", "email"];

/// The ids of the users who stand in an event as it was cut: in a field of class `identifier` of the rows
/// that took it, or where Moodle always writes one. Sorted, each once.
pub(super) fn people(event: &Map<String, Value>, entities: &Map<String, Value>, rows: &[&Row]) -> Vec<i64> {
    let mut found = Vec::new();
    let mut look = |path: &str| match path.strip_prefix("entities.") {
        Some(path) => ids(entities, path, &mut found),
        None => ids(event, path.trim_end_matches("[]").trim_end_matches("{}"), &mut found),
    };
    ALWAYS.into_iter().for_each(&mut look);
    if event.get("contextlevel").map(Plain::from).and_then(whole) == Some(USER_LEVEL) {
        look("contextinstanceid");
    }
    let classed = rows.iter().flat_map(|row| &row.personal);
    let identifiers = classed.filter(|(_, class)| **class == Personal::Identifier).map(|(path, _)| path);
    identifiers.filter(|path| !is_of_another_book(path)).for_each(|path| look(path));
    found.sort_unstable();
    found.dedup();
    found
}

fn is_of_another_book(path: &str) -> bool {
    path.rsplit('.').next().is_some_and(|last| OTHER_BOOKS.contains(&last))
}

/// The whole numbers above 0 at a path: one value, each of a list, or the names of a map's keys.
fn ids(map: &Map<String, Value>, path: &str, found: &mut Vec<i64>) {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let mut take = |value: Plain<'_>| found.extend(whole(value).filter(|n| *n > 0));
    match (map.get(first), rest) {
        (Some(Value::Object(inner)), Some(rest)) => ids(inner, rest, found),
        (Some(Value::Object(inner)), None) => inner.keys().for_each(|key| take(Plain::Text(key))),
        (Some(Value::Array(items)), None) => items.iter().for_each(|item| take(item.into())),
        (Some(value), None) => take(value.into()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::cut::EventData;
    use super::*;

    #[test]
    fn a_person_is_found_wherever_an_id_of_a_user_stands() {
        let row: Row = serde_json::from_value(json!({
            "contract": "c", "event": "\\e", "keys": [], "entities": {},
            "personal": {
                "objectid": "identifier", "other.submitterid": "identifier", "other.ids[]": "identifier",
                "other.changed{}": "identifier", "other.idnumber": "identifier", "other.grade": "performance",
                "entities.user.username": "identifier", "entities.submission.userid": "identifier",
            },
        }))
        .unwrap();
        for (event, entities, expected) in [
            (json!({}), json!({}), vec![]),
            (json!({"userid": "7", "relateduserid": 8}), json!({}), vec![7, 8]),
            (json!({"userid": -1, "relateduserid": 0, "objectid": 5}), json!({}), vec![5]),
            (json!({"contextlevel": 30, "contextinstanceid": "9"}), json!({}), vec![9]),
            (json!({"contextlevel": 50, "contextinstanceid": "9"}), json!({}), vec![]),
            (json!({"other": {"submitterid": 3, "ids": [5, "4", null, "x"]}}), json!({}), vec![3, 4, 5]),
            (json!({"other": {"changed": {"6": null, "name": null}}}), json!({}), vec![6]),
            (json!({"other": {"idnumber": "11", "grade": 12, "else": 13}}), json!({}), vec![]),
            (json!({"userid": 2}), json!({"request": {"realuserid": 3}, "user": {"id": "2"}}), vec![2, 3]),
            (json!({}), json!({"actor": {"id": 4}, "submission": {"userid": 6}}), vec![4, 6]),
            (json!({}), json!({"user": {"username": "123456", "idnumber": "17"}}), vec![]),
            (json!({"other": "text"}), json!({"user": null}), vec![]),
        ] {
            let data = EventData::of(&json!({"event": event, "entities": entities}));
            assert_eq!(people(&data.event, &data.entities, &[&row]), expected, "{event} {entities}");
        }
    }
}
