//! The contracts, held against the captured events.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use moodle_sns_producer::contract::{
    Catalogue, Contract, Cut, EventData, Example, Message, Routes, Subscription, Taken, WantedList, check, cut,
};
use moodle_sns_producer::delivery::{Parking, Reason};
use moodle_sns_producer::event::{Event, EventId, Sequence, Source, StoredEvent};
use proptest::prelude::*;
use serde_json::{Value, json};

const REWRITE: &str = "UPDATE_GOLDEN=1 cargo test --test behaviour contract";

static CATALOGUE: LazyLock<Arc<Catalogue>> =
    LazyLock::new(|| Arc::new(Catalogue::builtin().unwrap_or_else(|problems| panic!("{problems}"))));

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn source() -> Source {
    Source {
        key: "vle".parse().unwrap(),
        url: "https://moodle.example.ac.uk".into(),
        dataschema: "urn:moodle-sns-producer:schema:".into(),
    }
}

/// All built-in contracts, to one topic.
fn routes() -> Routes {
    let all = Subscription { topic: "all".parse().unwrap(), contracts: CATALOGUE.matching("*"), sources: None };
    Routes::new(Arc::clone(&CATALOGUE), &[all])
}

/// One line of the corpus: Moodle's event with what the plugin added, where it was captured.
struct Captured {
    name: String,
    id: EventId,
    raised: Timestamp,
    data: EventData,
    line: String,
}

/// The corpus's file of this name, unpacked.
fn corpus(file: &str) -> Vec<Captured> {
    let path = root().join("tests/corpus").join(file);
    let bytes = fs::read(&path).unwrap();
    let mut text = String::new();
    if file.ends_with(".gz") {
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text.lines().enumerate().map(|(n, line)| captured(file, n, line)).collect()
}

/// The older files hold no ids, times of raising or entities: they get an id of their line, and none.
fn captured(file: &str, n: usize, line: &str) -> Captured {
    let mut value: Value = serde_json::from_str(line).unwrap();
    let made = uuid::Uuid::from_u128(0x01a2_0e53_0000_7000_8000_0000_0000_0000 | n as u128).to_string();
    let id = value["id"].as_str().unwrap_or(&made).parse().unwrap();
    let raised = value["raised"].as_str().unwrap_or("2026-11-24T16:12:40.213135Z").parse().unwrap();
    let event = std::mem::take(&mut value["data"]);
    let entities = value.get("entities").cloned().unwrap_or(json!({}));
    let name = event["eventname"].as_str().unwrap().to_owned();
    let data = serde_json::from_value(json!({"event": event, "entities": entities})).unwrap();
    Captured { name, id, raised, data, line: format!("{file}:{}", n + 1) }
}

const FILES: [&str; 4] = ["enriched.jsonl", "hour.jsonl.gz", "events.jsonl", "day.jsonl.gz"];

/// What receive does with an event that rows took.
fn store(event: &Captured, cut: Cut) -> StoredEvent {
    let time = event.data.event["timecreated"].as_i64().unwrap();
    let hour = |seconds: i64| seconds - seconds.rem_euclid(3600);
    let event = Event {
        source: source().key,
        id: if cut.anonymous { event.id.cut_to_hour() } else { event.id },
        name: event.name.as_str().into(),
        time: Timestamp::from_second(if cut.anonymous { hour(time) } else { time }).unwrap(),
        raised: (!cut.anonymous).then_some(event.raised),
        bulk: false,
        data: cut.data,
    };
    StoredEvent { event, sequence: Sequence { epoch: 1, position: 2, place: 0 } }
}

/// An event the whole way, under each contract that takes it.
fn walk(list: &WantedList, event: &Captured) -> Vec<(String, StoredEvent, Result<Message, Parking>)> {
    let taken = list.take(&event.name, &event.data);
    let each = |row| {
        let alone = Taken { rows: vec![row], when_unknown: 0 };
        let stored = store(event, cut(&alone, &event.data));
        let id = row.contract.parse().unwrap();
        let message = CATALOGUE.map(&id, &source(), &stored);
        (row.contract.clone(), stored, message)
    };
    taken.rows.iter().map(|row| each(*row)).collect()
}

fn folder(contract: &Contract) -> PathBuf {
    let id = contract.id();
    root().join("contracts").join(id.area()).join(id.operation())
}

fn golden(path: &Path, text: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, text).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(committed == text, "{} is not what its contract gives; write it by\n  {REWRITE}", path.display());
}

#[test]
fn schemas_and_examples_are_those_that_the_contracts_give() {
    for contract in CATALOGUE.iter() {
        golden(&folder(contract).join("v1.schema.json"), contract.schema());
        let mut examples: Vec<_> =
            fs::read_dir(folder(contract).join("examples")).unwrap().map(|e| e.unwrap().path()).collect();
        examples.sort();
        assert!(examples.len() >= 2, "{} needs two examples or more", contract.id());
        for path in examples {
            let text = fs::read_to_string(&path).unwrap();
            let example = Example::read(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            golden(&path, &example.write(contract).unwrap_or_else(|e| panic!("{}: {e}", path.display())));
        }
    }
}

#[test]
fn every_contract_file_is_built_in_and_checks_clean() {
    let checked = check(&root().join("contracts")).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(checked, CATALOGUE.matching("*"));
}

#[test]
fn each_captured_event_that_a_row_takes_becomes_a_message_or_is_parked_for_a_written_reason() {
    let (routes, source) = (routes(), source());
    let list = routes.wanted(&source.key);
    let mut told = BTreeMap::<String, u32>::new();
    let mut parked = BTreeMap::<String, u32>::new();
    for event in FILES.into_iter().flat_map(corpus) {
        let taken = list.take(&event.name, &event.data);
        if taken.is_empty() {
            continue;
        }
        let stored = store(&event, cut(&taken, &event.data));
        for owed in routes.owed(&source, &taken, &stored.event) {
            match CATALOGUE.map(&owed.contract, &source, &stored) {
                Ok(message) => {
                    assert_eq!(owed.group, Ok(message.group), "{}: the group at accept is the message's", event.line);
                    let body: Value = serde_json::from_str(&message.body).unwrap();
                    assert_eq!(body["partitionkey"], message.group.to_hex(), "{}", event.line);
                    *told.entry(owed.contract.to_string()).or_default() += 1;
                }
                Err(parking) => {
                    assert_eq!(parking.reason, Reason::Mapping, "{}: {parking}", event.line);
                    *parked.entry(parking.detail).or_default() += 1;
                }
            }
        }
    }
    println!("{told:#?}\n{parked:#?}");
    assert_eq!(told.len(), CATALOGUE.iter().count(), "each contract is met: {told:?}");
    assert_eq!(parked, BTreeMap::new(), "no captured event of these contracts has a reason to be parked");
}
