//! The laws over events that nobody captured: any value in each place that a contract reads.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use moodle_sns_producer::contract::{EventData, Row, Taken, cut};
use moodle_sns_producer::delivery::Reason;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{CATALOGUE, Captured, ENRICHED, routes, source, store};

/// What can stand where a contract reads: all forms that Moodle was seen to send, and forms that it can't.
fn anything() -> impl Strategy<Value = Option<Value>> {
    let plain = prop_oneof![
        3 => prop_oneof![Just(json!(0)), Just(json!("0")), Just(json!(null)), Just(json!("")), Just(json!(1)), Just(json!("1"))],
        3 => (1_i64..5_000).prop_map(Value::from),
        3 => (1_i64..5_000).prop_map(|n| json!(n.to_string())),
        2 => (0_i64..4_000_000_000).prop_map(Value::from),
        2 => (0_i64..4_000_000_000).prop_map(|n| json!(n.to_string())),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => (-50_000_i64..50_000).prop_map(|n| json!(format!("{}.{:05}", n / 100, n.rem_euclid(100) * 1_000))),
        1 => any::<bool>().prop_map(Value::from),
        2 => "(?s).{0,300}".prop_map(Value::from),
        1 => "[\u{fffe}\u{0}-\u{1f}\"/{}]{0,9}".prop_map(Value::from),
        1 => Just(json!([])),
        1 => Just(json!({})),
        1 => prop::collection::vec("[a-z]{0,5}".prop_map(Value::from), 0..4).prop_map(Value::from),
        1 => prop::collection::btree_map("[a-z]{0,5}", any::<i64>().prop_map(Value::from), 0..4).prop_map(|m| m.into_iter().collect::<Map<_, _>>().into()),
    ];
    prop_oneof![1 => Just(None), 6 => plain.prop_map(Some)]
}

/// Every row of every contract, with the validator of its published schema.
static ROWS: LazyLock<Vec<(Row, jsonschema::Validator)>> = LazyLock::new(|| {
    let list = routes().wanted(&source().key);
    let rows = list.rows().iter().map(|row| {
        let contract = CATALOGUE.get(&row.contract.parse().unwrap()).unwrap();
        let schema = serde_json::from_str(contract.schema()).unwrap();
        (row.clone(), jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
    });
    rows.collect()
});

/// An event that a row could take, of one value for each place the row reads; a value that the row's
/// closed lists know stands in every third place, so that much of it maps.
fn event(row: &Row, mut values: impl Iterator<Item = Option<Value>>) -> EventData {
    let contract = CATALOGUE.get(&row.contract.parse().unwrap()).unwrap();
    let lists: BTreeMap<String, &str> = contract
        .fields()
        .filter(|f| !f.values().is_empty())
        .enumerate()
        .map(|(n, f)| (f.from(), f.values()[n % f.values().len()].0.as_str()))
        .collect();
    let mut turn = 0;
    let mut next = |path: &str| {
        turn += 1;
        match lists.get(path) {
            Some(known) if turn % 3 != 0 => Some(json!(known)),
            _ => values.next().unwrap_or(None),
        }
    };
    let mut event = Map::new();
    event.insert("eventname".into(), json!(row.event));
    event.insert("timecreated".into(), json!(1_795_536_753));
    event.insert(
        "anonymous".into(),
        json!(i32::from(contract.anonymous().is_some() && row.keys.len().is_multiple_of(2))),
    );
    let always =
        ["objectid", "courseid", "contextlevel", "contextid", "contextinstanceid"].map(str::to_owned);
    for key in always.iter().chain(&row.keys) {
        let plain = key.trim_end_matches("[]").trim_end_matches("{}");
        let Some(value) = next(&format!("event.{plain}")) else { continue };
        put(&mut event, plain, value);
    }
    let mut entities = Map::new();
    for (entity, fields) in &row.entities {
        for field in fields {
            if let Some(value) = next(&format!("entities.{entity}.{field}")) {
                put(&mut entities, &format!("{entity}.{field}"), value);
            }
        }
    }
    EventData { event, entities, ..EventData::default() }
}

fn put(into: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => drop(into.insert(path.to_owned(), value)),
        Some((first, rest)) => {
            let inner = into.entry(first).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Total: a message that its published schema accepts, or a reason that names contract, field, path,
    /// expected and found. Never a message that breaks the schema: what a contract can't promise, its
    /// mapping must not make. And the same again gives the same bytes.
    #[test]
    fn any_event_is_a_good_message_or_a_reason_in_words(
        which in any::<prop::sample::Index>(),
        values in prop::collection::vec(anything(), 80),
    ) {
        let (row, validator) = which.get(&ROWS);
        let data = event(row, values.into_iter());
        let captured = Captured { name: row.event.clone(), line: "generated".into(), data, ..ENRICHED[0] };
        let alone = Taken { rows: vec![row], when_unknown: 0 };
        let map = || {
            let stored = store(&captured, cut(&alone, &captured.data));
            CATALOGUE.map(&row.contract.parse().unwrap(), &source(), &stored)
        };
        let first = map();
        prop_assert_eq!(&first, &map());
        match first {
            Ok(message) => {
                let body: Value = serde_json::from_str(&message.body).unwrap();
                let faults: Vec<String> = validator.iter_errors(&body).map(|e| e.to_string()).collect();
                prop_assert!(faults.is_empty(), "{:?}: {}", faults, message.body);
                prop_assert!(message.attributes.len() <= 10);
            }
            Err(parking) => {
                prop_assert_eq!(parking.reason, Reason::Mapping, "{}", &parking.detail);
                prop_assert!(parking.detail.starts_with(&format!("{}: ", row.contract)), "{}", parking.detail);
                prop_assert!(parking.detail.contains("expected ") && parking.detail.contains("found "), "{}", parking.detail);
            }
        }
    }
}
