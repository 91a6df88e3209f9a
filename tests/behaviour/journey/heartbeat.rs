//! Heartbeats, in the real process: who gets them, what they tell, and that no heap of them grows.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{ask_wanted, assert_adds_up, assert_no_panic, post};
use crate::support::client::fresh_id;
use crate::support::corpus;
use crate::support::sidecar::{FIFO, STANDARD, Sidecar, URL};
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

const HEARTBEAT: &str = "moodle.producer.heartbeat.v1";

/// A standard topic that asks for heartbeats, and a FIFO topic that takes every contract and does not.
fn sidecar(dir: &std::path::Path, double: &SnsDouble) -> Sidecar {
    let topics = format!(
        "[topics.ordered]\narn = \"{FIFO}\"\ncontracts = [\"moodle.*.*.v1\"]\ndrafts = true\n\n\
         [topics.plain]\narn = \"{STANDARD}\"\ncontracts = [\"moodle.enrolment.*.v1\", \"{HEARTBEAT}\"]\ndrafts = true\n\n\
         [heartbeat]\nevery = \"1s\"\n"
    );
    Sidecar::with_topics(dir, &double.url(), &topics)
}

/// The heartbeats that were taken, in their order.
fn heartbeats(double: &SnsDouble) -> Vec<Value> {
    let log = double.log();
    let bodies = log.iter().filter(|t| t.attribute("type") == Some(HEARTBEAT)).map(|taken| {
        assert_eq!(taken.topic, STANDARD, "only the topic that asks gets them");
        serde_json::from_str(&taken.message).unwrap()
    });
    bodies.collect()
}

/// Waits for a heartbeat that tells what is looked for.
async fn one_that(double: &SnsDouble, sidecar: &Sidecar, tells: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        if let Some(found) = heartbeats(double).into_iter().rfind(&tells) {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{:#?}\n{}", heartbeats(double), sidecar.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_asks_gets_heartbeats_that_tell_how_things_stand_and_moodles_ledger_knows_none() {
    let double = SnsDouble::start(5).await;
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = sidecar(dir.path(), &double);
    sidecar.start();
    sidecar.ready().await;
    let first = one_that(&double, &sidecar, |_| true).await;
    assert_eq!((&first["source"], &first["subject"]), (&json!(URL), &json!("topic/plain")));
    assert_eq!(first["data"]["topic"], json!({ "key": "plain", "waiting": 0 }));
    assert_eq!(first["data"]["site"], json!({ "heard_at": null, "event_at": null }), "nobody spoke yet");
    assert_eq!(first["data"]["heartbeat"], json!({ "every": 1, "version": env!("CARGO_PKG_VERSION") }));

    let mut client = sidecar.client();
    let list = ask_wanted(&mut client).await;
    let heard = one_that(&double, &sidecar, |h| h["data"]["site"]["heard_at"] != Value::Null).await;
    assert_eq!(heard["data"]["site"]["event_at"], Value::Null);
    let captured = corpus::read(corpus::Recording::Hour);
    let enrolment = captured.into_iter().find(|e| e.name == "\\core\\event\\user_enrolment_created").unwrap();
    assert_eq!(post(&mut client, &[enrolment], &list).await["accepted"], 1);
    one_that(&double, &sidecar, |h| h["data"]["site"]["event_at"] != Value::Null).await;

    // Each has an id of its own, and is traced like any other message.
    let told = heartbeats(&double);
    let mut ids: Vec<&str> = told.iter().map(|h| h["id"].as_str().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), told.len());
    let event = ids[0].split(':').next().unwrap();
    assert!(sidecar.ask(&["trace", event]).to_string().contains("settled"));

    let question = json!({ "wire": 1, "plugin": "1.0", "moodle": "4.5.6", "url": URL, "etag": "" });
    let answer = client.send(client.question(&fresh_id(), &question)).await.unwrap().json();
    let events = &answer["ledger"]["events"];
    assert_eq!((&events["received"], &events["accepted"]), (&json!(1), &json!(1)), "{answer}");
    let (exit, _) = sidecar.terminate();
    assert_eq!(exit.code(), Some(0));
    let status = sidecar.ask(&["status"]);
    assert_adds_up(&status);
    let ever = &status["door"]["total"]["counts"][1];
    assert_eq!(*ever, 1, "{}", status["door"]);
    assert_no_panic(&sidecar);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_cannot_be_reached_gets_one_heartbeat_when_it_can_and_no_heap() {
    let double = SnsDouble::start(5).await;
    let dir = tempfile::tempdir().unwrap();
    double.fault(Fault::always(What::refuse(503, "ServiceUnavailable")).on(STANDARD));
    let mut sidecar = sidecar(dir.path(), &double);
    sidecar.start();
    sidecar.ready().await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    // A start makes no second one either.
    sidecar.kill();
    sidecar.start();
    sidecar.ready().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let status = sidecar.ask(&["status"]);
    let plain = status["topics"].as_array().unwrap().iter().find(|t| t["topic"] == "plain").unwrap();
    let left = plain["waiting"].as_u64().unwrap() + plain["held"].as_u64().unwrap();
    assert_eq!(left, 1, "{plain:#}");
    double.calm();
    let first = one_that(&double, &sidecar, |_| true).await;
    one_that(&double, &sidecar, |h| h["id"] != first["id"]).await;
    assert_no_panic(&sidecar);
}
