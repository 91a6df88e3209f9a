//! Contracts that are drafted from captured events.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its own functions too")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use moodle_sns_producer::contract::{
    Catalogue, Contract, EventData, Example, Generated, Proposal, Seen, Wish, check, propose,
};
use moodle_sns_producer::delivery::ContractId;
use moodle_sns_producer::event::Source;
use serde_json::json;

use crate::support::corpus::{Captured, Recording, read};

static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::builtin().unwrap());

/// A recording's events by class, at most so many of each: a class's shapes come early in it.
fn by_class(recordings: &[Recording], most: usize) -> BTreeMap<String, Vec<Captured>> {
    let mut classes: BTreeMap<String, Vec<Captured>> = BTreeMap::new();
    for recording in recordings {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for event in read(*recording) {
            let n = count.entry(event.name.clone()).or_default();
            *n += 1;
            if *n <= most {
                classes.entry(event.name.clone()).or_default().push(event);
            }
        }
    }
    classes
}

fn draft(id: &str, samples: bool, events: &[Captured]) -> Proposal {
    let data: Vec<EventData> = events
        .iter()
        .map(|e| serde_json::from_value(json!({"event": e.data, "entities": e.entities})).unwrap())
        .collect();
    let seen: Vec<Seen<'_>> = events
        .iter()
        .zip(&data)
        .enumerate()
        .map(|(n, (e, data))| Seen {
            place: format!("event {}", n + 1),
            id: e.id,
            name: &e.name,
            time: e.time,
            raised: e.raised,
            data,
        })
        .collect();
    let wish = Wish { id: id.parse().unwrap(), from: "the corpus", samples };
    let proposal = propose(&BUILT_IN, &wish, &seen);
    proposal.unwrap_or_else(|problems| panic!("{id}: {problems}"))
}

/// Answers each mark as a person would who has no doubt: a text is written, a comment taken away.
fn answered(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        while let Some(at) = line.find("DECIDE:") {
            let quotes = line[..at].replace("\\\"", "").matches('"').count();
            if quotes % 2 == 1 {
                let end = at + line[at..].find('"').unwrap();
                line.replace_range(at..end, "Answered.");
            } else {
                line.truncate(line[..at].rfind('#').unwrap());
            }
        }
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

fn save(folder: &Path, id: &str, text: &str, examples: &[(String, String)]) {
    let id: ContractId = id.parse().unwrap();
    let folder = folder.join(id.area()).join(id.operation());
    fs::create_dir_all(folder.join("examples")).unwrap();
    fs::write(folder.join(format!("{}.toml", id.version())), text).unwrap();
    for (name, text) in examples {
        fs::write(folder.join("examples").join(name), text).unwrap();
    }
}

/// A contract's name for an event class.
fn name_of(class: &str, n: usize) -> String {
    let (component, name) = class.trim_start_matches('\\').split_once("\\event\\").unwrap();
    let room = 64 - "moodle...v1".len() - 5 - component.len();
    let name: String = name.chars().take(room).collect();
    format!("moodle.{component}.{name}_{n}.v1")
}

#[test]
fn a_draft_of_each_class_once_answered_passes_the_check_and_maps_each_event_it_was_made_from() {
    let folder = tempfile::tempdir().unwrap();
    let classes = by_class(&Recording::ALL, 6);
    assert_eq!(classes.len(), 425);
    let mut ids = Vec::new();
    let mut faults = String::new();
    for (n, (class, events)) in classes.iter().enumerate() {
        let id = name_of(class, n);
        let proposal = draft(&id, n % 2 == 0, events);
        assert!(proposal.text.contains("DECIDE:") && proposal.marks.len() >= 6, "{id}");
        for (why, first, count) in &proposal.unheld {
            faults += &format!("{class}: {count} of {} not held, {first}: {why}\n", events.len());
        }
        assert!((1..=4).contains(&proposal.examples.len()), "{class}: {}", proposal.examples.len());
        save(folder.path(), &id, &answered(&proposal.text), &proposal.examples);
        ids.push((id, class));
    }
    assert!(faults.is_empty(), "{faults}");
    let checked = check(folder.path(), Generated::Write).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(checked.len(), ids.len());

    let catalogue = Catalogue::load(Some(folder.path())).unwrap();
    let source = Source {
        key: "vle".parse().unwrap(),
        url: "https://moodle.example.ac.uk".into(),
        dataschema: "urn:moodle-sns-producer:schema:".into(),
    };
    for (id, class) in ids {
        let contract = catalogue.get(&id.parse().unwrap()).unwrap();
        for event in &classes[class] {
            let text = json!({"note": "n", "captured": "c", "event": {"name": event.name, "id": event.id.to_string(),
                "time": event.time.to_string(), "raised": event.raised.to_string(),
                "data": {"event": event.data, "entities": event.entities}}});
            let stored = Example::read(&text.to_string()).unwrap().stored(contract).unwrap();
            let mapped = catalogue.map(contract.id(), &source, &stored);
            mapped.unwrap_or_else(|parking| panic!("{class}: {parking}"));
        }
    }
}

#[test]
fn a_draft_shows_no_person_and_no_text_that_was_captured() {
    let classes = by_class(&[Recording::Enriched, Recording::Events], 4);
    assert_eq!(classes.len(), 425);
    let mut shown = String::new();
    for (class, events) in &classes {
        let proposal = draft("moodle.x.y.v1", false, events);
        let examples = proposal.examples.iter().map(|(_, text)| text.as_str());
        let all: String = std::iter::once(proposal.text.as_str()).chain(examples).collect();
        let people = events.iter().flat_map(|e| [e.entities.get("user"), e.entities.get("actor")]).flatten();
        for text in people.flat_map(|p| ["username", "idnumber"].map(|k| p[k].as_str().unwrap_or_default())) {
            assert!(text.is_empty() || !all.contains(&format!("\"{text}\"")), "{class}: {text}");
        }
        for event in events {
            for id in ["userid", "relateduserid"].map(|key| &event.data[key]) {
                let id = id.as_str().map(str::to_owned).or_else(|| id.as_i64().map(|n| n.to_string()));
                // Small ids are ids of much else too.
                let told = |id: &String| {
                    [format!("\"{id}\""), format!(": {id},"), format!(" {id}, ")]
                        .iter()
                        .any(|t| all.contains(t))
                };
                if id.as_ref().is_some_and(|id| id.len() >= 4 && told(id)) {
                    shown += &format!("{class}: {id:?}\n");
                }
            }
        }
    }
    assert_eq!(shown, "");
}

/// A line of a contract, without its words: where it stands, where it comes from, what it promises.
fn lines(contract: &Contract) -> Vec<String> {
    contract
        .fields()
        .map(|f| {
            let flag = |there: bool, word: &'static str| if there { word } else { "" };
            let personal = f.personal().map_or("", |p| p.as_str());
            let null = flag(f.nullable(), "null");
            format!("{} {} {null} {} {personal}", f.from(), f.type_text(), flag(f.optional(), "optional"))
        })
        .collect()
}

#[test]
fn a_draft_of_a_known_event_comes_near_to_what_people_wrote() {
    let classes = by_class(&[Recording::Enriched], 200);
    let folder = tempfile::tempdir().unwrap();
    let known = [
        "group.member_added",
        "enrolment.created",
        "course.deleted",
        "quiz.attempt_submitted",
        "grade_item.deleted",
    ];
    for name in known {
        let written = BUILT_IN.get(&format!("moodle.{name}.v1").parse().unwrap()).unwrap();
        let id = format!("moodle.{name}.v9");
        let proposal = draft(&id, false, &classes[&written.events()[0]]);
        save(folder.path(), &id, &answered(&proposal.text), &[]);
    }
    let drafts = Catalogue::load(Some(folder.path())).unwrap();
    // What is missed: lines of what people wrote that the draft has not. Lines of entities are the built-in
    // contracts' own, which a draft takes over; those of the event are guessed.
    let near = known.map(|name| {
        let written = BUILT_IN.get(&format!("moodle.{name}.v1").parse().unwrap()).unwrap();
        let drafted = drafts.get(&format!("moodle.{name}.v9").parse().unwrap()).unwrap();
        let (theirs, ours) = (lines(written), lines(drafted));
        let missed = theirs.iter().filter(|line| !ours.contains(line)).count();
        let same = [
            drafted.subject() == written.subject(),
            drafted.group() == written.group(),
            drafted.tells() == written.tells(),
        ];
        (name, missed, same)
    });
    let expected = [
        ("group.member_added", 0, [true, false, true]),
        // The method's id, which no recording holds: the plugin is to read it.
        ("enrolment.created", 1, [true; 3]),
        ("course.deleted", 0, [true; 3]),
        ("quiz.attempt_submitted", 0, [true; 3]),
        ("grade_item.deleted", 1, [true; 3]),
    ];
    assert_eq!(near, expected);
}
