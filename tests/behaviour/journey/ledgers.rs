//! The plugin's ledger beside the spool's, as a person sees both.

use serde_json::{Value, json};

use super::assert_no_panic;
use crate::support::client::fresh_id;
use crate::support::sidecar::{SECRET, SOURCE, Sidecar, URL};
use crate::support::sns::SnsDouble;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_does_not_hold_is_an_alarm_and_stands_beside_ours() {
    let double = SnsDouble::start(5).await;
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::new(dir.path(), &double.url());
    let idle = sidecar.ask(&["config", "show"]);
    sidecar.start();
    sidecar.ready().await;
    let mut client = sidecar.client();
    let hour = jiff::Timestamp::now().as_second() / 3_600 * 3_600 - 5 * 3_600;
    let mut ask = async |observed: u64| {
        let ledger = json!([{ "hour": hour, "observed": observed, "waiting": 7, "not_taken": 1 }]);
        let question = json!({ "wire": 1, "plugin": "1.0", "moodle": "4.5.6", "url": URL, "etag": "", "ledger": ledger });
        assert_eq!(client.send(client.question(&fresh_id(), &question)).await.unwrap().status, 200);
    };
    for observed in [10, 10, 10] {
        ask(observed).await;
    }

    let status = sidecar.ask(&["status"]);
    let sentence = status["verdict"]["sentence"].as_str().unwrap();
    assert_eq!(status["verdict"]["level"], "person");
    assert!(sentence.starts_with(&format!("2 events that Moodle `{SOURCE}` raised")), "{sentence}");
    let books = &status["books"][0];
    assert_eq!(
        (&books["source"], &books["unaccounted"], &books["not_received"]),
        (&json!(SOURCE), &json!(2), &json!(0))
    );
    let line = |name: &str| {
        books["lines"].as_array().unwrap().iter().find(|line| line["name"] == name).unwrap().clone()
    };
    assert_eq!(line("observed, received"), json!({ "name": "observed, received", "moodle": 10, "here": 0 }));
    assert_eq!(
        line("waiting in the outbox"),
        json!({ "name": "waiting in the outbox", "moodle": 7, "here": null })
    );
    let errors = |log: &str| {
        log.lines().filter(|line| line.contains("ledger-mismatch") && line.contains("ERROR")).count()
    };
    assert_eq!(errors(&sidecar.log()), 1, "a line a change");

    // The plugin's page and `config show` name the secret in the same way.
    let secret = &status["secrets"][0];
    let fingerprint = secret["fingerprint"].as_str().unwrap();
    assert_eq!(fingerprint, moodle_sns_producer::receive::Secret::parse("x", SECRET).unwrap().fingerprint());
    assert!(secret["last_used"].is_string(), "{secret}");
    assert!(idle.to_string().contains(&format!("sha256 {fingerprint}")), "{idle}");

    ask(8).await;
    let status: Value = sidecar.ask(&["status"]);
    assert_eq!(
        (&status["verdict"]["level"], &status["books"][0]["unaccounted"]),
        (&json!("healthy"), &json!(0))
    );
    assert_eq!(errors(&sidecar.log()), 1);
    assert!(sidecar.log().contains("holds again"));
    assert_no_panic(&sidecar);
}
