//! A person taken out of the real process's files: with messages that wait, are held, parked and history; and
//! nothing that a person may order afterwards brings any of it back.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{assert_adds_up, assert_no_panic, post};
use crate::support::contract::{self, Shape};
use crate::support::corpus::Captured;
use crate::support::sidecar::{FIFO, STANDARD, Sidecar};
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

/// An id and names that no other field has by chance.
const PERSON: &str = "918273645";
const OTHER: &str = "918273646";

/// Events in which this person stands.
fn of(from: u8, n: u8, id: &str, username: &str) -> Vec<Captured> {
    let mut events = contract::events(from, n, &json!(7));
    for event in &mut events {
        event.data["relateduserid"] = id.into();
        event.entities["user"]["id"] = id.into();
        event.entities["user"]["username"] = username.into();
        event.entities["user"]["idnumber"] = format!("{username}-number").into();
    }
    events
}

fn hits(sidecar: &Sidecar, needle: &str) -> usize {
    let files = std::fs::read_dir(sidecar.dir.join("spool")).unwrap();
    let mut bytes = files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect::<Vec<u8>>();
    bytes.extend(sidecar.log().bytes());
    bytes.windows(needle.len()).filter(|window| *window == needle.as_bytes()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_person_is_left_and_neither_replay_nor_redrive_brings_it_back() {
    let double = SnsDouble::start(13).await;
    // One topic takes nothing, so what goes there is held or waits; the other refuses some for good.
    double.fault(Fault::always(What::refuse(403, "AuthorizationError")).on(FIFO));
    double.fault(
        Fault::always(What::Fail { place: None, code: "InvalidParameter", sender_fault: true })
            .on(STANDARD)
            .holding("refused"),
    );
    let dir = tempfile::tempdir().unwrap();
    let (mut sidecar, mut client, list) = super::held::running(dir.path(), &double, Shape::Picky).await;
    let before = (Timestamp::now() - SignedDuration::from_hours(1)).to_string();
    for events in [
        of(0, 5, PERSON, "canary-a"),
        of(10, 3, PERSON, "canary-a-refused"),
        of(20, 4, OTHER, "canary-b"),
        of(30, 2, OTHER, "canary-b-refused"),
    ] {
        post(&mut client, &events, &list).await;
    }
    let begun = std::time::Instant::now();
    let parked = |sidecar: &Sidecar| sidecar.ask(&["parked", "list"]).as_array().unwrap().len();
    while parked(&sidecar) < 10 || double.taken() < 18 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", sidecar.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(hits(&sidecar, "canary-a") > 8, "a useless run");

    let erase = |wait: &'static str| {
        ["erase", "--source", "vle", "--user", PERSON, "--why", "they asked us to", "--wait", wait]
    };
    let first = sidecar.ask(&erase("1"));
    assert_eq!((&first["over"], &first["events"], &first["messages"]), (&json!(false), &json!(0), &json!(6)));
    assert_eq!(first["left"], json!([{"topic": "ordered", "messages": 16}]));
    assert!(first["not_reached"].as_array().unwrap().len() > 3);
    assert_eq!(parked(&sidecar), 4, "what was parked of the person is gone at once");

    // The order outlives the process, and is over once what was owed before is sent.
    let (exit, _) = sidecar.terminate();
    assert_eq!(exit.code(), Some(0));
    double.calm();
    sidecar.start();
    sidecar.ready().await;
    let status = sidecar.drained(Duration::from_secs(30)).await;
    assert_adds_up(&status);
    let again = sidecar.ask(&erase("30"));
    assert_eq!((&again["over"], &again["left"]), (&json!(true), &json!([])), "{again}");
    for needle in ["canary-a", PERSON] {
        assert_eq!(hits(&sidecar, needle), 0, "{needle}");
    }
    assert!(hits(&sidecar, "canary-b") > 5 && hits(&sidecar, OTHER) > 5);

    let sent = double.taken();
    sidecar.ask(&["parked", "redrive", "--all", "--why", "cured"]);
    let order = ["replay", "start", "--for", "library", "--from", &before, "--accept-gaps", "--why", "x"];
    for topic in ["ordered", "plain"] {
        let started = sidecar.ask(&[&order[..], &["--topic", topic]].concat());
        assert_eq!(started["topic"], topic);
    }
    let begun = std::time::Instant::now();
    loop {
        let replays: Value = sidecar.ask(&["replay", "list"]);
        if replays.as_array().unwrap().iter().all(|replay| replay["state"] == "done") {
            assert!(replays.as_array().unwrap().iter().all(|replay| replay["published"] == 12), "{replays}");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{replays}\n{}", sidecar.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    sidecar.drained(Duration::from_secs(30)).await;
    let late = double.log().split_off(sent);
    assert_eq!(late.len(), 4 + 24);
    assert!(late.iter().all(|taken| taken.message.contains("canary-b") && !taken.message.contains(PERSON)));
    assert_eq!(hits(&sidecar, "canary-a") + hits(&sidecar, PERSON), 0);
    assert_no_panic(&sidecar);
}
