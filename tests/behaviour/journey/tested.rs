//! A test message, all the way: as the plugin's test button sends it, and as it then asks for its fate.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{assert_adds_up, assert_no_panic};
use crate::support::client::{SigningClient, fresh_id};
use crate::support::corpus;
use crate::support::sidecar::{FIFO, SECRET, STANDARD, Sidecar, URL};
use crate::support::sns::SnsDouble;

const TEST_SENT: &str = "\\local_snsproducer\\event\\test_sent";
const TRIAL: &str = "arn:aws:sns:eu-west-2:111122223333:trial";

/// What the plugin raises for a test, now.
fn test_event(list: &str) -> Value {
    let now = jiff::Timestamp::now();
    let id = uuid::Builder::from_unix_timestamp_millis(
        u64::try_from(now.as_millisecond()).unwrap(),
        &fastrand::u128(..).to_be_bytes()[..10].try_into().unwrap(),
    );
    json!({
        "specversion": "1.0", "id": id.into_uuid().to_string(), "source": URL, "type": TEST_SENT,
        "time": format!("{now:.0}"), "raised": format!("{now:.6}"), "wantedlist": list,
        "data": {
            "event": {
                "eventname": TEST_SENT, "anonymous": 0, "contextid": 1, "contextlevel": 10, "contextinstanceid": 0,
                "courseid": 0, "objectid": null, "timecreated": now.as_second(), "userid": "2",
                "other": { "number": 582_113 },
            },
            "entities": { "request": { "origin": "web", "realuserid": null } },
        },
    })
}

/// The list that the sidecar tells, as (etag, contracts that read the test event).
async fn wanted(client: &mut SigningClient) -> (String, Vec<String>) {
    let question = json!({ "wire": 1, "plugin": "1.0", "moodle": "4.5.6", "url": URL, "etag": "" });
    let answer = client.send(client.question(&fresh_id(), &question)).await.unwrap().json();
    let rows = answer["rows"].as_array().unwrap().iter().filter(|row| row["event"] == TEST_SENT);
    let contracts = rows.map(|row| row["contract"].as_str().unwrap().to_owned()).collect();
    (answer["etag"].as_str().unwrap().to_owned(), contracts)
}

/// The test messages that were published: one of the topics gets heartbeats, too.
fn tests(double: &SnsDouble) -> Vec<crate::support::sns::Taken> {
    double.log().into_iter().filter(|one| one.message.contains("\"moodle.producer.test.v1\"")).collect()
}

fn topics(plain: &str, trial: &str) -> String {
    format!(
        "[topics.ordered]\narn = \"{FIFO}\"\ncontracts = [\"moodle.*.*.v1\"]\ndrafts = true\n\n\
         [topics.plain]\narn = \"{STANDARD}\"\ncontracts = [\"moodle.*.*.v1\", \"moodle.producer.*\"]\n{plain}\n\n\
         [topics.trial]\narn = \"{TRIAL}\"\ncontracts = [\"moodle.group.created.v1\"]\ndrafts = true\n{trial}\n\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_event_arrives_at_the_test_topic_only_and_its_fate_names_the_message() {
    let double = SnsDouble::start(5).await;
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar =
        Sidecar::with_topics(dir.path(), &double.url(), &topics("drafts = true", "test = true"));
    let checked = sidecar.ask(&["config", "check"]);
    let carries =
        |n: usize| checked["topics"][n]["contracts"].to_string().contains("moodle.producer.test.v1");
    assert_eq!([carries(0), carries(1), carries(2)], [false, false, true], "{checked:#}");
    sidecar.start();
    sidecar.ready().await;
    let mut client = sidecar.client();
    let (list, readers) = wanted(&mut client).await;
    assert_eq!(readers, ["moodle.producer.test.v1"]);
    let event = test_event(&list);
    let id = event["id"].as_str().unwrap().to_owned();
    assert_eq!(client.post(json!([event]).to_string()).await.accepted()["accepted"], 1);

    let begun = Instant::now();
    let fate = loop {
        let asked = fresh_id();
        let answer = client.send(client.tracing(&asked, &json!({ "ids": [&id] }))).await.unwrap();
        assert!(answer.is_signed(&format!("trace-{asked}"), SECRET));
        let fate = answer.json()["events"][0].clone();
        if fate["deliveries"][0]["state"] == "settled" {
            break fate;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{fate:#}\n{}", sidecar.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_adds_up(&sidecar.drained(Duration::from_secs(10)).await);
    let log = tests(&double);
    assert_eq!(log.len(), 1, "no other topic got it");
    assert_eq!(log[0].topic, TRIAL);
    let body: Value = serde_json::from_str(&log[0].message).unwrap();
    assert_eq!(body["id"], format!("{id}:moodle.producer.test.v1"));
    assert_eq!(body["data"]["test"]["number"], 582_113);
    assert_eq!(fate["fate"], "stored");
    let delivery = &fate["deliveries"][0];
    assert_eq!(fate["deliveries"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&delivery["topic"], &delivery["contract"]),
        (&json!("trial"), &json!("moodle.producer.test.v1"))
    );
    assert_eq!(delivery["message_id"], log[0].sns_id);
    let at: jiff::Timestamp = delivery["at"].as_str().unwrap().parse().unwrap();
    assert!(jiff::Timestamp::now().duration_since(at).as_secs() < 10);
    assert_no_panic(&sidecar);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_test_topic_nobody_asks_for_tests_and_what_comes_is_not_kept() {
    let double = SnsDouble::start(5).await;
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::with_topics(dir.path(), &double.url(), &topics("drafts = true", ""));
    sidecar.start();
    sidecar.ready().await;
    let mut client = sidecar.client();
    let (list, readers) = wanted(&mut client).await;
    assert_eq!(readers, Vec::<String>::new());
    let answer = client.post(json!([test_event(&list)]).to_string()).await.accepted();
    assert_eq!((&answer["unwanted"], &answer["unwanteds"]), (&json!(1), &json!([0])));
    assert!(tests(&double).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backfilled_event_is_taken_once_and_its_message_says_so() {
    let double = SnsDouble::start(5).await;
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::new(dir.path(), &double.url());
    sidecar.start();
    sidecar.ready().await;
    let mut client = sidecar.client();
    let (list, _) = wanted(&mut client).await;
    // As it was in the log three years ago: no `raised`, an id that is a hash, an old time.
    let captured = corpus::read(corpus::Recording::Hour);
    let captured = captured.iter().find(|e| e.name == "\\core\\event\\user_enrolment_created").unwrap();
    let mut event = captured.cloud_event(URL, &list);
    let mut hash: [u8; 16] = fastrand::u128(..).to_be_bytes();
    (hash[6], hash[8]) = (hash[6] & 0x0f | 0x80, hash[8] & 0x3f | 0x80);
    let id = uuid::Uuid::from_bytes(hash).to_string();
    event["id"] = json!(id);
    event["time"] = json!("2023-11-24T16:11:27Z");
    event.as_object_mut().unwrap().remove("raised");
    let body = json!([event]).to_string();
    for outcome in ["accepted", "duplicate"] {
        let answer = client.post(body.clone()).await.accepted();
        assert_eq!(answer[outcome], 1, "{answer}");
    }
    sidecar.drained(Duration::from_secs(10)).await;
    let log = double.log();
    assert_eq!(log.len(), 2, "one message to each of the two topics");
    for taken in &log {
        let body: Value = serde_json::from_str(&taken.message).unwrap();
        assert_eq!(body["id"], format!("{id}:moodle.enrolment.created.v1"));
        assert_eq!((&body["backfill"], &body["time"]), (&json!(true), &json!("2023-11-24T16:11:27Z")));
        assert_eq!(
            body["raised"], "2023-11-24T16:11:27.000000Z",
            "no more is known, and a state must be older than one of now"
        );
    }
}
