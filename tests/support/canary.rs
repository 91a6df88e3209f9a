//! Canaries: values that stand in an event where no row of the wanted list asks for anything. Found
//! anywhere later, they show that more was kept or told than a contract declares.

use moodle_sns_producer::contract::{EventData, Row};
use serde_json::Value;

/// Every plain value in a JSON value, with its path.
pub fn leaves(value: &mut Value, path: &str, each: &mut dyn FnMut(&str, &mut Value)) {
    match value {
        Value::Object(map) => map.iter_mut().for_each(|(k, v)| leaves(v, &format!("{path}.{k}"), each)),
        Value::Array(items) => items.iter_mut().for_each(|v| leaves(v, path, each)),
        plain => each(path, plain),
    }
}

/// The data with each plain value changed as `each` likes.
pub fn change(data: &EventData, mut each: impl FnMut(&str, &mut Value)) -> EventData {
    let mut changed = data.clone();
    for (root, map) in [("event", &mut changed.event), ("entities", &mut changed.entities)] {
        for (key, value) in map.iter_mut() {
            leaves(value, &format!("{root}.{key}"), &mut each);
        }
    }
    changed
}

/// The data with another canary in each place that none of these rows names, and how many there are.
pub fn plant(data: &EventData, rows: &[&Row], first: usize) -> (EventData, usize) {
    let anonymous = data.is_anonymous();
    let mut planted = 0;
    let changed = change(data, |path, value| {
        if !rows.iter().any(|row| declared(row, path, anonymous)) {
            *value = format!("canary{}canary", first + planted).into();
            planted += 1;
        }
    });
    (changed, planted)
}

/// Whether a row, or the rule of every event, lets a plain value at this path be kept.
fn declared(row: &Row, path: &str, anonymous: bool) -> bool {
    let Some((root, rest)) = path.split_once('.') else { return false };
    if root == "entities" {
        let Some((entity, field)) = rest.split_once('.') else { return false };
        let place = matches!(entity, "course" | "cm");
        return (place || !anonymous)
            && row.entities.get(entity).is_some_and(|fields| fields.iter().any(|f| f == field));
    }
    let place = [
        "eventname",
        "courseid",
        "contextlevel",
        "contextid",
        "contextinstanceid",
        "anonymous",
        "timecreated",
    ];
    place.contains(&rest)
        || !anonymous && (rest == "objectid" || row.keys.iter().any(|key| key.trim_end_matches("[]") == rest))
}
