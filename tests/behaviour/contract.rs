//! The contracts, held against the captured events.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its own functions too")]

mod generated;
mod mutants;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use moodle_sns_producer::contract::{
    Catalogue, Contract, Cut, EventData, Generated, Message, Routes, Row, Subscription, Taken, WantedList,
    beside, check, cut,
};
use moodle_sns_producer::delivery::{ContractId, Parking, Reason};
use moodle_sns_producer::event::{Event, EventId, Sequence, Source, StoredEvent};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::canary::{change, plant};

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
    let all =
        Subscription { topic: "all".parse().unwrap(), contracts: CATALOGUE.matching("*"), sources: None };
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

/// The events with entities, by class and variant: what most laws are held against.
static ENRICHED: LazyLock<Vec<Captured>> = LazyLock::new(|| corpus("enriched.jsonl"));

impl Captured {
    fn with(&self, data: EventData) -> Self {
        Self { data, name: self.name.clone(), line: self.line.clone(), ..*self }
    }
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
    let each = |row: &&Row| {
        let alone = Taken { rows: vec![*row], when_unknown: 0 };
        let stored = store(event, cut(&alone, &event.data));
        let message = CATALOGUE.map(&row.contract.parse().unwrap(), &source(), &stored);
        (row.contract.clone(), stored, message)
    };
    taken.rows.iter().map(each).collect()
}

/// The data of a message.
fn data_of(message: &Message) -> Value {
    serde_json::from_str::<Value>(&message.body).unwrap()["data"].take()
}

fn folder(contract: &Contract) -> PathBuf {
    let id = contract.id();
    root().join("contracts").join(id.area()).join(id.operation())
}

#[test]
fn every_contract_has_two_examples_and_checks_clean_with_what_is_generated_beside_it() {
    let checked =
        check(&root().join("contracts"), Generated::Compare).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(checked, CATALOGUE.iter().map(|contract| contract.id().clone()).collect::<Vec<_>>());
    for contract in CATALOGUE.iter() {
        let examples = fs::read_dir(folder(contract).join("examples")).map_or(0, Iterator::count);
        assert!(examples >= 2, "{} needs two examples or more", contract.id());
    }
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
                    assert_eq!(
                        owed.group,
                        Ok(message.group),
                        "{}: the group at accept is the message's",
                        event.line
                    );
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
    for contract in CATALOGUE.iter().filter(|c| !told.contains_key(c.id().as_str())) {
        let examples = beside(None, contract.id()).unwrap().examples;
        let captured = examples.iter().find(|(_, text)| text.contains("\"captured\": \""));
        assert_eq!(captured, None, "{} has captured examples, but the corpus has none", contract.id());
    }
    assert_eq!(parked, BTreeMap::new(), "no captured event of these contracts has a reason to be parked");
}

#[test]
fn equal_input_gives_equal_bytes() {
    let list = routes().wanted(&source().key);
    for event in ENRICHED.iter() {
        for ((_, stored, first), (_, again, second)) in walk(&list, event).into_iter().zip(walk(&list, event))
        {
            assert_eq!((stored.event.data, first), (again.event.data, second), "{}", event.line);
        }
    }
}

#[test]
fn cutting_again_what_was_cut_changes_nothing() {
    let list = routes().wanted(&source().key);
    for event in ENRICHED.iter() {
        let taken = list.take(&event.name, &event.data);
        let once = cut(&taken, &event.data);
        assert_eq!(cut(&taken, &EventData::parse(&once.data).unwrap()), once, "{}", event.line);
    }
}

#[test]
fn the_types_of_a_message_do_not_depend_on_the_form_that_moodle_sends() {
    let list = routes().wanted(&source().key);
    let as_text = |_: &str, value: &mut Value| {
        if let Value::Number(n) = value {
            *value = Value::String(n.to_string());
        }
    };
    let as_number = |_: &str, value: &mut Value| {
        let number =
            value.as_str().filter(|t| !t.starts_with('0') || *t == "0").and_then(|t| t.parse::<i64>().ok());
        if let Some(n) = number.filter(|n| Some(n.to_string().as_str()) == value.as_str()) {
            *value = n.into();
        }
    };
    let mut compared = 0;
    for event in ENRICHED.iter() {
        for changed in [change(&event.data, as_text), change(&event.data, as_number)] {
            // The envelope's time is not of the data; it stays a number for this test.
            let mut changed = event.with(changed);
            changed.data.event.insert("timecreated".into(), event.data.event["timecreated"].clone());
            for ((_, _, plain), (_, _, other)) in walk(&list, event).into_iter().zip(walk(&list, &changed)) {
                assert_eq!(plain, other, "{}", event.line);
                compared += 1;
            }
        }
    }
    assert!(compared > 500, "{compared}");
}

#[test]
fn nothing_undeclared_is_kept_or_told() {
    let list = routes().wanted(&source().key);
    let mut hunted = 0;
    for event in ENRICHED.iter().chain(&corpus("events.jsonl")) {
        for row in list.take(&event.name, &event.data).rows {
            let (planted, canaries) = plant(&event.data, &[row], 0);
            let planted = event.with(planted);
            let alone = Taken { rows: vec![row], when_unknown: 0 };
            let stored = store(&planted, cut(&alone, &planted.data));
            let message = CATALOGUE.map(&row.contract.parse().unwrap(), &source(), &stored).unwrap();
            let all = format!(
                "{} {} {:?}",
                String::from_utf8_lossy(&stored.event.data),
                message.body,
                message.attributes
            );
            assert!(!all.contains("canary"), "{}: {all}", event.line);
            hunted += canaries;
        }
    }
    assert!(hunted > 10_000, "{hunted}");
}

#[test]
fn an_anonymous_event_tells_course_activity_and_hour_and_nobody() {
    let list = routes().wanted(&source().key);
    let (mut seen, mut marked) = (0, 0);
    for event in ENRICHED.iter().filter(|e| e.data.is_anonymous()) {
        for (_, _, message) in walk(&list, event) {
            let message = message.unwrap();
            let body: Value = serde_json::from_str(&message.body).unwrap();
            let cm = event.data.event["contextinstanceid"].as_str().unwrap();
            assert_eq!(body["subject"], format!("activity/{cm}"));
            assert_eq!(body.get("raised"), None);
            assert!(body["time"].as_str().unwrap().ends_with(":00:00Z"));
            let id: EventId = message.id.split(':').next().unwrap().parse().unwrap();
            assert_eq!(id, id.cut_to_hour());
            let data = body["data"].as_object().unwrap();
            assert!(data.contains_key("activity") && data.contains_key("course"));
            for (part, told) in
                data.iter().filter(|(part, _)| !["activity", "course"].contains(&part.as_str()))
            {
                let allowed = match part.as_str() {
                    "actor" | "user" => json!({"kind": "hidden"}),
                    _ => json!({"anonymous": true}),
                };
                assert_eq!(*told, allowed, "{}: {part}", message.id);
                marked += usize::from(told["anonymous"] == json!(true));
            }
            seen += 1;
        }
    }
    assert!(seen > 0);
    assert!(marked > 0, "of a feedback it is told that it is anonymous");
}

#[test]
fn a_grade_that_is_not_released_is_taken_by_no_row() {
    let list = routes().wanted(&source().key);
    let mut kept_back = 0;
    for event in ENRICHED.iter().chain(&corpus("events.jsonl")) {
        if event.name == "\\core\\event\\user_graded" {
            let taken = list.take(&event.name, &event.data);
            let released = event.data.entities.get("grade").map(|grade| grade["released"] == json!(true));
            assert_eq!(taken.is_empty(), released != Some(true), "{}", event.line);
            assert_eq!(taken.when_unknown, u32::from(released.is_none()), "{}", event.line);
            kept_back += u32::from(released != Some(true));
        }
    }
    assert!(kept_back > 50, "{kept_back}");
}

/// A captured enrolment with other data.
fn enrolment(data: impl FnOnce(EventData) -> EventData) -> Captured {
    let found = ENRICHED.iter().find(|e| e.name == "\\core\\event\\user_enrolment_created").unwrap();
    found.with(data(found.data.clone()))
}

#[test]
fn absent_is_not_known_and_null_is_none_and_anything_else_is_a_complaint_without_the_value() {
    let list = routes().wanted(&source().key);
    let told = |change: &dyn Fn(&mut EventData)| {
        let event = enrolment(|mut data| {
            change(&mut data);
            data
        });
        let (_, _, message) = walk(&list, &event).remove(0);
        message.map(|m| data_of(&m)).map_err(|parking| parking.detail)
    };
    let set = |data: &mut EventData, path: [&str; 2], value: Value| {
        let map = if path[0] == "event" {
            &mut data.event
        } else {
            data.entities[path[0]].as_object_mut().unwrap()
        };
        map.insert(path[1].into(), value);
    };
    let ordinary = told(&|_| ()).unwrap();
    assert_eq!(ordinary["enrolment"]["ends"], json!(null), "0 is none");
    let unread = told(&|data| data.entities.clear()).unwrap();
    assert_eq!(unread["enrolment"], json!({"id": ordinary["enrolment"]["id"], "method": "manual"}));
    assert_eq!(unread["course"], json!({"id": ordinary["course"]["id"]}));
    let partly =
        told(&|data| drop(data.entities["enrolment"].as_object_mut().unwrap().remove("timeend"))).unwrap();
    assert_eq!(partly["enrolment"].get("ends"), None);
    assert_eq!(partly["enrolment"]["status"], "active");

    let id = "moodle.enrolment.created.v1: field";
    type Change<'a> = &'a dyn Fn(&mut EventData);
    #[rustfmt::skip]
    let complaints: [(Change<'_>, &str); 8] = [
        (&|d| drop(d.event.remove("objectid")), "enrolment.id, from event.objectid: expected an id above 0, found nothing"),
        (&|d| drop(d.event.remove("other")), "enrolment.method, from event.other.enrol: expected text, found nothing"),
        (&|d| set(d, ["event", "other"], json!(null)), "enrolment.method, from event.other.enrol: expected text, found nothing"),
        (&|d| set(d, ["event", "relateduserid"], json!(0)), "user.id, from event.relateduserid: expected an id above 0, found a whole number"),
        (&|d| set(d, ["event", "relateduserid"], json!("Zoe Secret")), "user.id, from event.relateduserid: expected an id above 0, found text of 10 characters"),
        (&|d| set(d, ["event", "courseid"], json!("0")), "course.id, from event.courseid: expected an id above 0, found text of 1 digits"),
        (&|d| set(d, ["enrolment", "status"], json!("7")), "enrolment.status, from entities.enrolment.status: expected one of \"0\", \"1\", found \"7\""),
        (&|d| set(d, ["user", "username"], json!({"a": "Zoe Secret"})), "user.username, from entities.user.username: expected text, found a map of 0 keys"),
    ];
    for (change, complaint) in complaints {
        assert_eq!(told(change), Err(format!("{id} {complaint}")));
    }
    let anonymous = told(&|d| set(d, ["event", "anonymous"], json!(1))).unwrap_err();
    assert!(anonymous.contains("expected a named event"), "{anonymous}");
}

#[test]
fn a_message_that_breaks_its_schema_is_parked_as_invalid_without_the_value() {
    let folder = tempfile::tempdir().unwrap();
    let text = CONTRACT.replace(
        "type = \"string\", about = \"The mode.\"",
        "type = \"string\", format = \"uuid\", about = \"The mode.\"",
    );
    let catalogue = Catalogue::load(Some(own(folder.path(), "thing/done/v1", &text).as_path())).unwrap();
    let parking = thing(&catalogue, "Zoe Secret", &json!(9), &json!(61)).unwrap_err();
    assert_eq!(parking.reason, Reason::Invalid);
    assert!(parking.detail.contains("/data/thing/mode breaks the schema's rule `format`"), "{parking}");
    assert!(!parking.detail.contains("Zoe"), "{parking}");
}

/// A contract of a site's own.
pub(super) const CONTRACT: &str = r#"type     = "moodle.thing.done.v1"
title    = "Thing done"
status   = "draft"
event    = '\local_x\event\thing_done'
purpose  = "P."
sent     = "S."
not_sent = "N."
tells    = "fact"
subject  = "thing/{thing.id}"

[data]
blocks = ["course?", "user?"]

[data.thing]
id   = { from = "event.objectid", type = "integer", about = "The id." }
mode = { from = "event.other.mode", type = "string", about = "The mode." }
"#;

fn own(folder: &Path, place: &str, text: &str) -> PathBuf {
    let path = folder.join(place).with_extension("toml");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    folder.to_owned()
}

/// The message of an event of that contract.
fn thing(catalogue: &Catalogue, mode: &str, course: &Value, user: &Value) -> Result<Message, Parking> {
    let event = json!({
        "eventname": "\\local_x\\event\\thing_done", "objectid": 5, "courseid": course, "relateduserid": user,
        "anonymous": 0, "timecreated": 1_795_536_753, "other": {"mode": mode},
    });
    let data: EventData = serde_json::from_value(json!({ "event": event })).unwrap();
    let name = "\\local_x\\event\\thing_done".to_owned();
    let row = Row {
        contract: "moodle.thing.done.v1".into(),
        event: name.clone(),
        when: None,
        keys: vec!["other.mode".into(), "relateduserid".into()],
        entities: BTreeMap::new(),
        personal: BTreeMap::new(),
    };
    let captured = Captured { name, ..enrolment(|_| data) };
    let stored = store(&captured, cut(&Taken { rows: vec![&row], when_unknown: 0 }, &captured.data));
    catalogue.map(&row.contract.parse().unwrap(), &source(), &stored)
}

#[test]
fn where_there_may_be_none_a_course_is_left_out_and_a_user_is_null() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::load(Some(own(folder.path(), "thing/done/v1", CONTRACT).as_path())).unwrap();
    let told = |course: &Value, user: &Value| {
        let message = thing(&catalogue, "m", course, user).unwrap();
        (data_of(&message), message.group)
    };
    let thing = json!({"id": 5, "mode": "m"});
    let (data, both) = told(&json!(9), &json!("61"));
    assert_eq!(data, json!({"course": {"id": 9}, "user": {"id": 61}, "thing": thing}));
    let (data, no_course) = told(&json!("0"), &json!("61"));
    assert_eq!(data, json!({"user": {"id": 61}, "thing": thing}));
    for nobody in [json!(null), json!(0), json!("-1")] {
        let (data, group) = told(&json!(9), &nobody);
        assert_eq!(data, json!({"course": {"id": 9}, "user": null, "thing": thing}));
        assert_eq!(group, no_course, "without course and user both, the group is the subject");
        assert_ne!(group, both);
    }
}

#[test]
fn a_folder_of_own_contracts_is_read_strictly_and_all_its_faults_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let copy = fs::read_to_string(root().join("contracts/course/updated/v1.toml")).unwrap();
    own(folder.path(), "course/updated/v1", &copy);
    own(folder.path(), "thing/done/v1", &CONTRACT.replace("\"fact\"", "\"story\""));
    own(folder.path(), "thing/stray", CONTRACT);
    fs::write(folder.path().join("README.md"), "not a contract").unwrap();
    let problems = Catalogue::load(Some(folder.path())).unwrap_err();
    let told = problems.to_string();
    for expected in [
        "v1.toml:1:12: moodle.course.updated.v1 is already there: contracts/course/updated/v1.toml",
        "v1.toml:8:12: a contract cannot tell \"story\"",
        "stray.toml: no contract belongs here",
        "3 problems in contracts",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let absent = Catalogue::load(Some(&folder.path().join("nowhere"))).unwrap_err();
    assert!(absent.to_string().contains("the folder cannot be read"), "{absent}");
}

#[test]
fn a_text_with_something_left_to_decide_is_in_force_nowhere_but_can_be_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    own(
        folder.path(),
        "thing/done/v1",
        &CONTRACT.replace("\"The mode.\"", "\"DECIDE: what modes there are.\""),
    );
    let expected = "v1.toml:16:63: undecided: what modes there are.";
    for told in [
        Catalogue::load(Some(folder.path())).unwrap_err(),
        check(folder.path(), Generated::Write).unwrap_err(),
        check(folder.path(), Generated::Compare).unwrap_err(),
    ] {
        assert_eq!(told.0.len(), 1, "{told}");
        assert!(told.to_string().contains(expected), "{told}");
    }
    assert!(folder.path().join("thing/done/v1.schema.json").exists());
}

#[test]
fn a_check_tells_what_is_not_the_contracts_own_and_writes_it_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    own(folder.path(), "thing/done/v1", CONTRACT);
    let told = || check(folder.path(), Generated::Compare).map_err(|problems| problems.to_string());
    let schema = folder.path().join("thing/done/v1.schema.json");
    assert!(told().unwrap_err().contains("the schema cannot be read"));
    fs::write(&schema, "{}").unwrap();
    assert!(told().unwrap_err().contains("this schema is not the one"));

    let example = folder.path().join("thing/done/examples/least.json");
    fs::create_dir(example.parent().unwrap()).unwrap();
    let event = json!({
        "name": "\\local_x\\event\\thing_done", "id": "01a20e53-90ce-7205-a292-0dd69749d9f5", "time": "2026-11-24T16:11:27Z", "raised": "2026-11-24T16:11:27.5Z",
        "data": {"event": {"anonymous": 0, "objectid": "5", "courseid": "2", "relateduserid": null, "other": {"mode": "m", "secret": "s"}}},
    });
    fs::write(&example, json!({"note": "n", "event": event}).to_string()).unwrap();
    assert!(told().unwrap_err().contains("say either `captured` or `constructed`"));
    fs::write(&example, json!({"note": "n", "constructed": "nothing", "event": event}).to_string()).unwrap();
    let error = told().unwrap_err();
    assert!(error.contains("the contract gives another message"), "{error}");

    assert_eq!(check(folder.path(), Generated::Write).unwrap().len(), 1);
    assert_eq!(told().unwrap().len(), 1);
    let written = fs::read_to_string(&example).unwrap();
    assert!(written.contains("\"constructed\": \"nothing\""), "{written}");
    assert!(!written.contains("secret"), "{written}");
}

#[test]
fn a_source_is_asked_for_what_its_topics_carry_and_no_more() {
    let subscribe = |topic: &str, pattern: &str, sources: Option<&[&str]>| Subscription {
        topic: topic.parse().unwrap(),
        contracts: CATALOGUE.matching(pattern),
        sources: sources.map(|s| s.iter().map(|s| s.parse().unwrap()).collect()),
    };
    let routes = Routes::new(
        Arc::clone(&CATALOGUE),
        &[
            subscribe("enrol", "moodle.enrolment.*", None),
            subscribe("grades", "moodle.grade.updated.*", Some(&["vle"])),
            subscribe("both", "moodle.enrolment.created.v1", Some(&["vle"])),
        ],
    );
    let rows = |source: &str| {
        let list = routes.wanted(&source.parse().unwrap());
        (list.etag().to_owned(), list.rows().iter().map(|r| r.contract.clone()).collect::<Vec<_>>())
    };
    let (etag, other) = rows("other");
    assert_eq!(
        other,
        ["moodle.enrolment.created.v1", "moodle.enrolment.deleted.v1", "moodle.enrolment.updated.v1"]
    );
    assert_eq!(rows("another").0, etag, "equal contracts, equal etag");
    let (vle_etag, vle) = rows("vle");
    assert_eq!(vle[3..], ["moodle.grade.updated.v1", "moodle.grade.updated.v1"], "a row for each event");
    assert_ne!(vle_etag, etag);

    let event = enrolment(|data| data);
    let list = routes.wanted(&source().key);
    let taken = list.take(&event.name, &event.data);
    let mut stored = store(&event, cut(&taken, &event.data));
    let owed = |stored: &StoredEvent, source: &Source| -> Vec<String> {
        let owed = routes.owed(source, &taken, &stored.event);
        owed.iter().map(|o| format!("{} {:?} {}", o.topic, o.class, o.group.is_ok())).collect()
    };
    assert_eq!(owed(&stored, &source()), ["enrol Live true", "both Live true"]);
    assert_eq!(owed(&stored, &Source { key: "other".parse().unwrap(), ..source() }), ["enrol Live true"]);
    stored.event.bulk = true;
    assert_eq!(owed(&stored, &source()), ["enrol Bulk true", "both Bulk true"]);
    stored.event.data = bytes::Bytes::from_static(b"{\"event\":{\"anonymous\":0}}");
    assert_eq!(
        owed(&stored, &source()),
        ["enrol Live false", "both Live false"].map(|t| t.replace("Live", "Bulk"))
    );

    let unrouted = Routes::new(Arc::clone(&CATALOGUE), &[]);
    assert!(unrouted.owed(&source(), &taken, &stored.event).is_empty());
    let rows = serde_json::from_str(&serde_json::to_string(list.rows()).unwrap()).unwrap();
    assert_eq!(WantedList::new(list.etag().to_owned(), rows), *list, "a list kept by the spool reads back");
}

#[test]
fn what_the_product_tells_of_itself_is_named_by_who_wants_it_and_never_asked_of_moodle() {
    let own = |id: &ContractId| id.area() == "producer";
    for pattern in ["*", "moodle.*", "*.heartbeat.v1", "*.v1"] {
        assert!(!CATALOGUE.matching(pattern).iter().any(own), "{pattern}");
    }
    let named = CATALOGUE.matching("moodle.producer.*");
    assert_eq!(named.len(), 3);
    assert_eq!(CATALOGUE.matching("moodle.producer.heartbeat.v1").len(), 1);
    let subscription = Subscription { topic: "own".parse().unwrap(), contracts: named, sources: None };
    let routes = Routes::new(Arc::clone(&CATALOGUE), &[subscription]);
    let list = routes.wanted(&source().key);
    let asked: Vec<&str> = list.rows().iter().map(|row| row.event.as_str()).collect();
    assert_eq!(asked, ["\\local_snsproducer\\event\\test_sent"], "the test from Moodle's settings page");
    for event in ["producer:heartbeat", "producer:summary", "producer:test"] {
        let data =
            json!({"event": {"eventname": event, "anonymous": 0, "other": {"number": 1, "topic": "own"}}});
        assert!(list.take(event, &serde_json::from_value(data).unwrap()).is_empty(), "{event}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_value_anywhere_gives_a_message_or_a_reason_and_no_forbidden_character(
        n in 0_usize..1_000_000,
        line in 0_usize..1_000_000,
        put in prop_oneof![
            Just(json!(null)), Just(json!([])), Just(json!({})), Just(json!([1, {"a": "b"}])), any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from), any::<bool>().prop_map(Value::from),
            "(?s).{0,40}".prop_map(Value::from), "[\u{fffe}\u{ffff}\u{0}-\u{1f}\"\\\\a]{0,9}".prop_map(Value::from),
        ],
    ) {
        static WANTED: LazyLock<(Arc<WantedList>, Vec<&Captured>)> = LazyLock::new(|| {
            let list = routes().wanted(&source().key);
            let taken = ENRICHED.iter().filter(|e| !list.take(&e.name, &e.data).is_empty()).collect();
            (list, taken)
        });
        let (list, taken) = &*WANTED;
        let event = taken[line % taken.len()];
        let mut total = 0;
        change(&event.data, |_, _| total += 1);
        let mut at = 0;
        let changed = change(&event.data, |_, value| {
            if at == n % total {
                *value = put.clone();
            }
            at += 1;
        });
        let mut changed = event.with(changed);
        if changed.data.event["timecreated"].as_i64().is_none_or(|t| !(0..4_000_000_000).contains(&t)) {
            changed.data.event.insert("timecreated".into(), json!(1_795_536_753));
        }
        for (_, _, message) in walk(list, &changed) {
            match message {
                Ok(message) => {
                    let allowed = |c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..);
                    prop_assert!(message.body.chars().all(allowed));
                    prop_assert!(message.attributes.iter().all(|(_, v)| (1..=256).contains(&v.len()) && v.chars().all(allowed)));
                    prop_assert!(message.attributes.len() <= 8);
                }
                Err(parking) => prop_assert!(matches!(parking.reason, Reason::Mapping | Reason::Invalid)),
            }
        }
    }
}
