//! Past events sent again, by the real process: to one topic and no other, byte for byte, across a kill.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{assert_adds_up, assert_no_panic, post};
use crate::support::contract::{self, BREAKABLE, SOUND, Shape};
use crate::support::sidecar::{FIFO, Sidecar};
use crate::support::sns::{SnsDouble, Taken};

/// Runs a command that must be refused: its exit code, and what it says.
fn refused(sidecar: &Sidecar, words: &[&str]) -> (Option<i32>, String) {
    let config = sidecar.dir.join("config.toml");
    let output = Command::new(Sidecar::program()).args(words).arg("--config").arg(config).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn start<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["replay", "start", "--topic", "ordered", "--for", "library", "--why", "their import failed"], more]
        .concat()
}

fn replays(sidecar: &Sidecar) -> Vec<Value> {
    sidecar.ask(&["replay", "list"]).as_array().unwrap().clone()
}

async fn until(sidecar: &Sidecar, state: &str) -> Value {
    let begun = Instant::now();
    loop {
        let newest = replays(sidecar).remove(0);
        if newest["state"] == state {
            return newest;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{newest:#}\n{}", sidecar.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Goal: a consumer that asks for a period gets all of it, and can tell it from what is live; others get
/// nothing of it. Method: 40 events under two contracts to two topics; replayed at 40 a second, with a kill
/// on the way; the copies held against the first messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_sends_all_of_a_period_to_one_topic_once_across_a_kill() {
    let double = SnsDouble::start(11).await;
    let dir = tempfile::tempdir().unwrap();
    let (mut sidecar, mut client, list) = super::held::running(dir.path(), &double, Shape::Picky).await;
    let before = Timestamp::now() - SignedDuration::from_secs(3_600);
    post(&mut client, &contract::events(0, 1, &json!(7)), &list).await;
    let armed = Timestamp::now().to_string();
    post(&mut client, &contract::events(1, 39, &json!(7)), &list).await;
    sidecar.drained(Duration::from_secs(30)).await;
    let first = double.log();
    assert_eq!(first.len(), 160);

    // Before the contracts were armed nobody knows what there was.
    let (code, words) = refused(&sidecar, &start(&["--from", &before.to_string()]));
    assert_eq!(code, Some(1), "{words}");
    for part in ["can't be had whole", "is armed for vle since", "--accept-gaps", "say --from "] {
        assert!(words.contains(part), "{part}: {words}");
    }
    for (more, part) in [
        (&["--from", "2999-01-01"][..], "nothing lies between"),
        (&["--from", &armed, "--until", "2999-01-01"], "still to come"),
        (&["--from", &armed, "--contract", "moodle.grade.updated.v1"], "does not carry"),
        (&["--from", &armed, "--id", "a b"], "not the name of a replay"),
    ] {
        let (code, words) = refused(&sidecar, &start(more));
        assert!(code == Some(1) && words.contains(part), "{part}: {words}");
    }
    let dry = sidecar.ask(&start(&["--from", &before.to_string(), "--dry-run"]));
    assert_eq!(dry["counted"], json!({"events": 40, "messages": 80, "unmade": 0, "at_least": false}));
    assert_eq!(dry["gaps"].as_array().unwrap().len(), 2);
    assert!(replays(&sidecar).is_empty());

    let whole = start(&["--from", &before.to_string(), "--accept-gaps", "--id", "r1", "--rate", "40"])
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
    assert_eq!(sidecar.ask(&whole)["replay"], "library/r1");
    let begun = Instant::now();
    while double.taken() < 160 + 20 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", sidecar.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    sidecar.kill();
    let at_kill = double.taken() - 160;
    assert!(at_kill < 80, "it was over before the kill: a useless run");
    let offline = replays(&sidecar).remove(0);
    assert_eq!(offline["state"], "running", "told from the file while nobody runs");
    sidecar.start();
    sidecar.ready().await;
    let done = until(&sidecar, "done").await;
    assert!(begun.elapsed() > Duration::from_millis(1_500), "80 messages at 40 a second");
    assert_eq!((&done["owed"], &done["published"], &done["unmade"]), (&json!(80), &json!(80), &json!(0)));
    assert_adds_up(&sidecar.ask(&["status"]));

    let originals: BTreeMap<(String, String), String> =
        first.iter().map(|t| ((t.topic.clone(), t.id()), t.message.clone())).collect();
    let copies: Vec<Taken> = double.log().into_iter().skip(160).collect();
    let mut fresh = BTreeSet::new();
    for copy in &copies {
        assert_eq!(copy.topic, FIFO, "no other topic is touched");
        assert_eq!(copy.attribute("replay"), Some("library/r1"));
        assert_eq!(copy.dedup_id.as_deref(), Some(&*format!("{}#r1", copy.id())));
        assert_eq!(originals[&(FIFO.to_owned(), copy.id())], copy.message, "byte for byte");
        if !copy.suppressed {
            assert!(fresh.insert(copy.id()), "{} was sent twice", copy.id());
        }
    }
    assert_eq!(
        fresh.len(),
        80,
        "SNS takes each once: a replay within 5 minutes is no duplicate of the first"
    );
    let order = |log: &[Taken], name: &str| -> Vec<String> {
        let of = |t: &&Taken| t.topic == FIFO && t.id().ends_with(name) && !t.suppressed;
        log.iter().filter(of).map(Taken::id).collect()
    };
    assert_eq!(order(&copies, SOUND), order(&first, SOUND), "all are of one person, so of one group");

    let event = copies[0].id();
    let event = event.split(':').next().unwrap();
    let trace = sidecar.ask(&["trace", event]);
    let of_replay: Vec<&Value> =
        trace["messages"].as_array().unwrap().iter().filter(|m| m["replay"] == "library/r1").collect();
    assert_eq!((of_replay.len(), &of_replay[0]["state"]), (2, &json!("settled")));
    assert!(trace["sentence"].as_str().unwrap().contains("All 4 messages were published"), "{trace}");
    let (code, words) = refused(&sidecar, &whole);
    assert!(code == Some(1) && words.contains("another --id"), "{words}");
    assert_no_panic(&sidecar);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_made_is_counted_and_a_cancelled_replay_ends() {
    let double = SnsDouble::start(12).await;
    let dir = tempfile::tempdir().unwrap();
    let (mut sidecar, mut client, list) = super::held::running(dir.path(), &double, Shape::Picky).await;
    let from = Timestamp::now().to_string();
    post(&mut client, &contract::events(0, 30, &json!(7)), &list).await;
    sidecar.drained(Duration::from_secs(30)).await;
    assert_eq!(double.taken(), 120);
    sidecar.terminate();
    // From now on the contract asks for what no event has.
    contract::write(&dir.path().join("contracts"), Shape::Broken, "stable");
    sidecar.start();
    sidecar.ready().await;
    sidecar.ask(&start(&["--from", &from, "--rate", "1000", "--accept-gaps"]));
    let done = until(&sidecar, "done").await;
    assert_eq!((&done["owed"], &done["unmade"]), (&json!(30), &json!(30)), "{done}");
    let status = sidecar.drained(Duration::from_secs(30)).await;
    assert_eq!(status["parked"], json!([]));
    assert_ne!(status["verdict"]["level"], "outage", "no contract comes into doubt: {}", status["verdict"]);
    assert!(double.log().iter().skip(120).all(|copy| !copy.id().ends_with(BREAKABLE)));

    let slow = start(&["--from", &from, "--rate", "1", "--contract", SOUND, "--accept-gaps", "--id", "slow"]);
    sidecar.ask(&slow);
    let begun = Instant::now();
    while double.taken() < 151 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", sidecar.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let cancelled = sidecar.ask(&["replay", "cancel", "library/slow", "--why", "it works again"]);
    assert_eq!(cancelled["replay"], "slow");
    assert_eq!(until(&sidecar, "cancelled").await["replay"], "library/slow");
    let there = double.taken();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(double.taken() <= there + 1 && there < 180);
    assert_adds_up(&sidecar.ask(&["status"]));
    let (code, words) = refused(&sidecar, &["replay", "cancel", "slow", "--why", "again"]);
    assert!(code == Some(1) && words.contains("replay list"), "{words}");
    assert_no_panic(&sidecar);
}
