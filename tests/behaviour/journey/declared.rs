//! No more than declared, in the whole process: what no contract names is nowhere afterwards.

use std::collections::HashSet;
use std::time::Duration;

use http::Request;
use http_body_util::Full;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Decided, ask_wanted, assert_no_panic, data_of};
use crate::support::canary::plant;
use crate::support::client::{Endpoint, SigningClient};
use crate::support::corpus::{self, Captured, Recording};
use crate::support::sidecar::{SECRET, SOURCE, Sidecar, URL};
use crate::support::sns::SnsDouble;

/// A captured event of each class and variant that a contract takes, with a canary in each place that
/// none of the rows that took it names, and how many canaries there are.
fn planted(decided: &Decided) -> (Vec<Captured>, usize) {
    let mut met = HashSet::new();
    let mut canaries = 0;
    let mut events = Vec::new();
    for mut event in corpus::moved_to(Timestamp::now(), &corpus::read(Recording::Enriched)) {
        let data = data_of(&event);
        let taken = decided.list.take(&event.name, &data);
        if taken.is_empty() || !met.insert((event.name.clone(), event.variant.clone())) {
            continue;
        }
        let (data, more) = plant(&data, &taken.rows, canaries);
        canaries += more;
        (event.data, event.entities) = (data.event, data.entities);
        events.push(event);
    }
    (events, canaries)
}

/// The batch's body, with canaries beside the data too.
fn body(events: &[Captured], etag: &str) -> Vec<u8> {
    let with_extras = |event: &Captured| {
        let mut event = event.cloud_event(URL, etag);
        event["extra"] = json!("canary-of-envelope");
        event["data"]["extra"] = json!({ "canary-of-data": "canary-of-data" });
        event
    };
    serde_json::to_vec(&events.iter().map(with_extras).collect::<Vec<Value>>()).unwrap()
}

/// Goal: a key that no contract names is neither on disk, nor in a message, nor in an attribute, nor in
/// the log, a metric or a page, whatever else is told of the event.
/// Method: real events, with another value in each such place, through the real process at its most
/// talkative; then a search through all that it left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_contract_names_is_nowhere_afterwards() {
    let double = SnsDouble::start(1).await;
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::new(dir.path(), &double.url()).with_variable("MSP_LOG", "trace");
    sidecar.start();
    sidecar.ready().await;
    let decided = Decided::new();
    let mut client = sidecar.client();
    let etag = ask_wanted(&mut client).await;
    let (events, canaries) = planted(&decided);
    assert!(canaries > 5_000, "{canaries} canaries in {} events", events.len());

    let mut left = String::new();
    for batch in events.chunks(50) {
        let answer = client.post(body(batch, &etag)).await.accepted();
        assert_eq!((&answer["accepted"], &answer["parked"]), (&json!(batch.len()), &json!([])), "{answer}");
        left += &answer.to_string();
    }
    left += &sidecar.drained(Duration::from_secs(120)).await.to_string();
    left += &sidecar.ask(&["parked", "list"]).to_string();
    for page in ["/status", "/metrics"] {
        let mut operator =
            SigningClient::new(Endpoint::Unix(dir.path().join("operate.sock")), SOURCE, SECRET);
        let request = Request::get(page).header("host", "localhost").body(Full::default()).unwrap();
        left += &String::from_utf8_lossy(&operator.send(request).await.unwrap().body);
    }
    assert!(left.contains("moodle_sns_"), "no metrics were read");
    for taken in double.log() {
        left += &taken.message;
        left += &format!("{:?}", taken.attributes);
    }
    assert!(double.taken() > events.len(), "{} messages of {} events", double.taken(), events.len());
    let (exit, _) = sidecar.terminate();
    assert_eq!(exit.code(), Some(0));
    assert_no_panic(&sidecar);
    let log = sidecar.log();
    assert!(log.contains("\"TRACE\""), "the log is not at its most talkative");
    left += &log;

    let found = |text: &str| {
        text.find("canary").map(|at| text[at.saturating_sub(200)..].chars().take(260).collect::<String>())
    };
    assert_eq!(found(&left), None);
    let mut read = 0;
    for file in std::fs::read_dir(dir.path().join("spool")).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(found(&text), None, "{}", path.display());
        // What is declared is there: the search reads what is meant.
        read += usize::from(text.contains("\"idnumber\":\"STAT0001-"));
    }
    assert!(read > 0, "no file of the spool holds an event");
}
