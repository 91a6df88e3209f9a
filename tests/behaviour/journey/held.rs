//! A contract that can't make its messages, in the real process: what a person is told, and how it goes on.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{ask_wanted, assert_adds_up, assert_no_panic, post};
use crate::support::client::SigningClient;
use crate::support::contract::{self, BREAKABLE, Shape};
use crate::support::sidecar::{FIFO, STANDARD, Sidecar};
use crate::support::sns::{SnsDouble, Taken};

/// A sidecar with the contracts of the folder `contracts`, on a FIFO and a standard topic.
pub(super) fn sidecar(dir: &std::path::Path, double: &SnsDouble) -> Sidecar {
    let topic =
        |key, arn| format!("[topics.{key}]\narn = \"{arn}\"\ncontracts = [\"moodle.proof.*.v1\"]\n\n");
    let topics = topic("ordered", FIFO) + &topic("plain", STANDARD) + "[contracts]\ndir = \"contracts\"\n";
    Sidecar::with_topics(dir, &double.url(), &topics)
}

/// The same, running with contracts of a shape; a client, and the list that the sidecar told it.
pub(super) async fn running(
    dir: &std::path::Path,
    double: &SnsDouble,
    shape: Shape,
) -> (Sidecar, SigningClient, String) {
    contract::write(&dir.join("contracts"), shape, "stable");
    let mut sidecar = sidecar(dir, double);
    sidecar.start();
    sidecar.ready().await;
    let mut client = sidecar.client();
    let list = ask_wanted(&mut client).await;
    (sidecar, client, list)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contract_at_fault_is_told_with_its_cure_and_goes_on_after_a_restart_with_the_mended_one() {
    let double = SnsDouble::start(5).await;
    let dir = tempfile::tempdir().unwrap();
    let (mut sidecar, mut client, list) = running(dir.path(), &double, Shape::Broken).await;
    let events = contract::events(0, 30, &Value::Null);
    assert_eq!(post(&mut client, &events, &list).await["accepted"], 30);

    let begun = Instant::now();
    let status = loop {
        let status = sidecar.ask(&["status"]);
        let sentence = status["verdict"]["sentence"].as_str().unwrap();
        if double.taken() == 60 && sentence.ends_with("60 messages wait; other contracts go on.") {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{status:#}\n{}", sidecar.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let sentence = status["verdict"]["sentence"].as_str().unwrap();
    assert!(sentence.starts_with(&format!("The contract `{BREAKABLE}` is held since")), "{sentence}");
    assert_eq!(status["verdict"]["level"], "outage");
    let step = status["verdict"]["steps"][0].as_str().unwrap();
    assert!(step.contains("event.other.nowhere") && step.contains("restart"), "{step}");
    for topic in status["topics"].as_array().unwrap() {
        assert_eq!(topic["doing"], "sending");
        assert!(topic["words"].as_str().unwrap().contains("(contract-fault): 30 messages wait"), "{topic}");
    }
    assert_adds_up(&status);
    let log = sidecar.log();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("is held (contract-fault)")).collect();
    assert!(told.len() == 1 && told[0].contains("ERROR"), "{told:?}");

    let (exit, _) = sidecar.terminate();
    assert_eq!(exit.code(), Some(0));
    contract::write(&dir.path().join("contracts"), Shape::Mended, "stable");
    sidecar.start();
    sidecar.ready().await;
    let status = sidecar.drained(Duration::from_secs(30)).await;
    assert_adds_up(&status);
    assert_eq!(status["parked"], serde_json::json!([]));
    let log = double.log();
    assert_eq!(log.len(), 120, "each once");
    let of_fifo = log.iter().filter(|t| t.topic == FIFO && t.id().ends_with(BREAKABLE));
    let ids: Vec<String> = of_fifo.map(Taken::id).collect();
    let expected: Vec<String> = events.iter().map(|e| format!("{}:{BREAKABLE}", e.id)).collect();
    assert_eq!(ids, expected, "all are of one person, so of one group");
    assert_no_panic(&sidecar);
}
