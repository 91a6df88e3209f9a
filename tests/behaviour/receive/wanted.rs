//! The wanted list: asked and answered, signed both ways.

use jiff::Timestamp;
use moodle_sns_producer::contract::Row;
use moodle_sns_producer::receive::signature;
use serde_json::{Value, json};

use super::{CONTRACTS, ENROLLED, FIRST, MOVED_URL, Open, SECOND, URL, live, routes, senders};
use crate::support::client::fresh_id;
use crate::support::corpus;

fn ask(url: &str, etag: &str) -> Value {
    json!({ "wire": 1, "plugin": "2026112400", "moodle": "4.5.6", "url": url, "etag": etag,
            "ledger": [], "of a newer plugin": true })
}

#[tokio::test]
async fn a_plugin_gets_its_list_once_and_then_only_its_etag() {
    let open = Open::new().await;
    let mut client = open.client();
    let id = "q".repeat(57);
    let request = client.question(&id, &ask(URL, ""));
    let answer = client.send(request).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.is_signed(&format!("wanted-{id}"), FIRST));
    let told = answer.json();
    assert_eq!(told["etag"], open.etag());
    assert_eq!(told["limits"]["max_events"], 2_000);
    assert!(told["ledger"]["events"]["received"].is_u64());
    let rows: Vec<Row> = serde_json::from_value(told["rows"].clone()).unwrap();
    let contracts: Vec<&str> = rows.iter().map(|row| row.contract.as_str()).collect();
    assert_eq!(contracts.len(), CONTRACTS.len());

    let request = client.question("q2", &ask(MOVED_URL, &open.etag()));
    let answer = client.send(request).await.unwrap();
    assert!(answer.is_signed("wanted-q2", FIRST));
    let keys: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["etag", "ledger"], "what is unchanged is not told again");

    let lists = open.context.spool.lists(&"vle".parse().unwrap()).await.unwrap();
    assert!(lists.iter().any(|(etag, _)| *etag == open.etag()), "what a plugin was told is remembered");
}

#[tokio::test]
async fn an_answer_is_signed_with_the_secret_of_the_question() {
    let open = Open::new().await;
    open.context.senders.store(senders(&[("a", FIRST), ("b", SECOND)]).into());
    for (secret, other) in [(FIRST, SECOND), (SECOND, FIRST)] {
        let mut client = open.client_with(secret);
        let request = client.question("q", &ask(URL, ""));
        let answer = client.send(request).await.unwrap();
        assert!(answer.is_signed("wanted-q", secret) && !answer.is_signed("wanted-q", other));
    }
}

#[tokio::test]
async fn a_question_is_the_sign_of_life_of_its_source() {
    let open = Open::new().await;
    let key = "vle".parse().unwrap();
    assert!(open.context.stats.plugin(&key).is_none());
    let mut client = open.client();
    let request = client.question("q", &ask(URL, "older"));
    client.send(request).await.unwrap();
    let report = open.context.stats.plugin(&key).unwrap();
    assert_eq!((report.plugin.as_str(), report.moodle.as_str()), ("2026112400", "4.5.6"));
    assert_eq!(report.etag, "older");
    assert!(report.at.duration_since(Timestamp::now()).abs() < jiff::SignedDuration::from_secs(5));
}

/// The plugin's ledger of one hour, some hours ago.
fn told(hours_ago: i64, observed: u64, accepted: u64) -> Value {
    let hour = (Timestamp::now().as_second() / 3_600 - hours_ago) * 3_600;
    let hour = Timestamp::from_second(hour).unwrap().to_string();
    json!([{ "hour": hour, "event": ENROLLED, "observed": observed, "accepted": accepted, "when_unknown": 9 }])
}

#[tokio::test]
async fn both_ledgers_are_held_against_each_other_at_each_question() {
    let open = Open::new().await;
    let mut client = open.client();
    let events = live(ENROLLED, 5);
    // A repeat is counted with the next commit that writes.
    for batch in [&events[..3], &events[..2], &events[3..]] {
        client.post(corpus::body(batch, URL, &open.etag())).await.accepted();
    }
    for (ledger, unaccounted, not_received) in [
        (told(4, 5, 5), 0, 0),
        (told(4, 7, 5), 0, 0), // the first time
        (told(4, 7, 5), 2, 0),
        (told(1, 7, 5), 0, 0), // an hour that is not over for long
        (told(4, 9, 9), 0, 4),
        (told(4, 5, 5), 0, 0),
    ] {
        let mut question = ask(URL, &open.etag());
        question["ledger"] = ledger.clone();
        let answer = client.send(client.question(&fresh_id(), &question)).await.unwrap().json();
        let sums = json!({ "received": 7, "accepted": 5, "duplicate": 2, "unwanted": 0, "parked": 0 });
        assert_eq!(answer["ledger"]["events"], sums, "told each time");
        assert_eq!(answer["ledger"]["since"], ledger[0]["hour"], "of the hours that the plugin tells of");
        let text = open.metrics();
        for (reason, n) in [("unaccounted", unaccounted), ("not-received", not_received)] {
            let line = format!("ledger_mismatch{{source=\"vle\",reason=\"{reason}\"}} {n}\n");
            assert!(text.contains(&line), "{ledger}: {line}{text}");
        }
    }
}

#[tokio::test]
async fn a_changed_list_is_told_and_an_answer_can_not_be_sent_back_as_a_request() {
    let open = Open::new().await;
    let mut client = open.client();
    let old = open.etag();
    open.context.routes.store(routes(&CONTRACTS[..1]).into());
    let request = client.question("q", &ask(URL, &old));
    let answer = client.send(request).await.unwrap();
    assert_ne!(answer.json()["etag"], old);
    assert_eq!(answer.json()["rows"].as_array().unwrap().len(), 1);

    let mut back = client.question("q", &answer.json());
    for name in [signature::ID, signature::TIMESTAMP, signature::SIGNATURE] {
        back.headers_mut().insert(name, answer.headers[name].clone());
    }
    *back.body_mut() = http_body_util::Full::new(answer.body.clone());
    assert_eq!(client.send(back).await.unwrap().kind(), "reserved-id");
}
