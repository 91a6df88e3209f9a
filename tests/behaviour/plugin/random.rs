//! Random events and rows, of few names, so that they meet.

use fastrand::Rng;
use serde_json::{Map, Value, json};

const NAMES: [&str; 7] = ["a", "b", "c", "0", "1", "10", "kind"];
const TEXTS: [&str; 10] = ["", "0", "1", "-1", "5.00000", "a", "true", "é", "70", "9223372036854775808"];

fn pick<'t>(random: &mut Rng, of: &[&'t str]) -> &'t str {
    of[random.usize(..of.len())]
}

/// Any value that a PHP array can hold.
fn value(random: &mut Rng, depth: u8) -> Value {
    match random.u8(0..if depth == 0 { 7 } else { 11 }) {
        0 => Value::Null,
        1 => random.bool().into(),
        2 => random.i64(-3..100).into(),
        3 => random.i64(..).into(),
        4 => json!(f64::from_bits(random.u64(..))),
        5 => json!(f64::from(random.i32(-1_000..1_000)) / 8.0),
        6 => pick(random, &TEXTS).into(),
        7 | 8 => (0..random.u8(0..4)).map(|_| value(random, depth - 1)).collect::<Vec<_>>().into(),
        _ => Value::Object(map(random, depth - 1)),
    }
}

fn map(random: &mut Rng, depth: u8) -> Map<String, Value> {
    (0..random.u8(0..5)).map(|_| (pick(random, &NAMES).to_owned(), value(random, depth))).collect()
}

fn key(random: &mut Rng) -> String {
    let mut key = String::from("other");
    for _ in 0..random.u8(0..4) {
        key.push('.');
        key.push_str(pick(random, &NAMES));
    }
    key + pick(random, &["", "", "[]", "{}"])
}

fn row(random: &mut Rng, n: usize) -> Value {
    let keys: Vec<String> = (0..random.u8(0..5)).map(|_| key(random)).collect();
    let entities = json!({pick(random, &["course", "user", "cm"]): ["id", "idnumber"], pick(random, &["group", "cm", "role"]): ["name", "id"]});
    let mut row =
        json!({"contract": format!("c{n}"), "event": super::NAME, "keys": keys, "entities": entities});
    if random.u8(0..3) > 0 {
        let field = match random.u8(0..4) {
            0 => format!("entities.{}.id", pick(random, &["course", "user", "nobody"])),
            1 => format!("event.{}", pick(random, &["objectid", "contextlevel", "other", "nothing"])),
            _ => format!("event.other.{}", pick(random, &NAMES)),
        };
        let list: Vec<&str> = (0..random.u8(0..4)).map(|_| pick(random, &TEXTS)).collect();
        row["when"] = json!({"field": field, pick(random, &["in", "not_in"]): list});
    }
    row
}

pub(super) fn case(random: &mut Rng) -> Value {
    let mut event = Map::new();
    for key in [
        "anonymous",
        "contextid",
        "contextinstanceid",
        "contextlevel",
        "courseid",
        "eventname",
        "objectid",
        "timecreated",
        "userid",
    ] {
        if random.u8(0..8) > 0 {
            event.insert(key.to_owned(), value(random, 1));
        }
    }
    if random.u8(0..3) > 0 {
        event.insert("anonymous".to_owned(), json!(0));
    }
    if random.bool() {
        event.insert("contextlevel".to_owned(), json!(pick(random, &["50", "70", "30"])));
    }
    let other = if random.u8(0..8) > 0 { Value::Object(map(random, 3)) } else { value(random, 3) };
    event.insert("other".to_owned(), other);
    let mut entities = Map::new();
    for entity in ["course", "user", "cm", "group"] {
        let fields = match random.u8(0..6) {
            0 => continue,
            1 => value(random, 1),
            _ => json!({"id": value(random, 1), "name": value(random, 0)}),
        };
        entities.insert(entity.to_owned(), fields);
    }
    let rows: Vec<Value> = (0..random.usize(0..4)).map(|n| row(random, n)).collect();
    json!({"rows": rows, "data": {"event": event, "entities": entities}})
}
