//! What becomes of the events of a batch.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use moodle_sns_producer::delivery::Reason;
use moodle_sns_producer::event::EventId;
use moodle_sns_producer::spool::{ParkedFilter, TracedState};
use serde_json::{Value, json};

use super::{CONTRACTS, ENROLLED, FIRST, Open, SECOND, SUBMITTED, URL, live, routes, senders};
use crate::support::client::{Outcome, fresh_id};
use crate::support::corpus::{self, Captured, Recording};

fn cloud(events: &[Captured], etag: &str) -> Vec<Value> {
    events.iter().map(|e| e.cloud_event(URL, etag)).collect()
}

/// The numbers of an answer.
fn numbers(answer: &Value) -> (u64, u64, u64, usize) {
    let n = |key: &str| answer[key].as_u64().unwrap();
    (n("accepted"), n("duplicate"), n("unwanted"), answer["parked"].as_array().unwrap().len())
}

#[tokio::test]
async fn a_captured_batch_is_kept_and_owed_and_a_repeat_of_it_is_a_duplicate() {
    let open = Open::new().await;
    let mut client = open.client();
    let events = live(ENROLLED, 5);
    let body = corpus::body(&events, URL, &open.etag());
    let first = client.post(body.clone()).await.accepted();
    assert_eq!(numbers(&first), (5, 0, 0, 0));
    assert_eq!(first["spool"], open.context.spool.id());
    assert_eq!(first.get("duplicates"), None, "no place is told where there is none");
    let again = client.post(body).await.accepted();
    assert_eq!(numbers(&again), (0, 5, 0, 0), "under another webhook-id");
    assert_eq!(again["duplicates"], json!([0, 1, 2, 3, 4]));
    for event in &events {
        let trace = open.trace(&event.id.to_string()).await.unwrap();
        let kept = trace.event.unwrap().event;
        assert_eq!((kept.time, kept.raised), (event.time, Some(event.raised)));
        assert_eq!(trace.deliveries.len(), 1);
        assert_eq!(trace.deliveries[0].contract.as_str(), "moodle.enrolment.created.v1");
        assert_eq!(trace.deliveries[0].state, TracedState::Waiting);
    }
}

#[tokio::test]
async fn what_no_contract_declares_never_reaches_the_spool() {
    let open = Open::new().await;
    let mut event = live(ENROLLED, 1)[0].cloud_event(URL, &open.etag());
    let canary = "canary-of-a-person";
    for key in ["ip", "surprise", "component"] {
        event["data"]["event"][key] = json!(canary);
    }
    event["data"]["event"]["other"]["note"] = json!(canary);
    event["data"]["entities"]["user"]["email"] = json!(canary);
    event["data"]["entities"]["password"] = json!({ "hash": canary });
    event["extension"] = json!(canary);
    let id = event["id"].as_str().unwrap().to_owned();
    assert_eq!(numbers(&open.client().post(json!([event]).to_string()).await.accepted()), (1, 0, 0, 0));
    let kept = open.trace(&id).await.unwrap().event.unwrap().event;
    let text = String::from_utf8(kept.data.to_vec()).unwrap();
    assert!(!text.contains(canary), "{text}");
    assert!(text.contains("\"enrol\""), "the declared part is there: {text}");
}

#[tokio::test]
async fn an_event_that_no_row_takes_is_counted_and_not_kept() {
    let open = Open::new().await;
    let event = &live("\\core\\event\\group_member_added", 1)[0];
    let answer = open.client().post(corpus::body(std::slice::from_ref(event), URL, &open.etag())).await;
    assert_eq!(numbers(&answer.accepted()), (0, 0, 1, 0));
    assert!(open.trace(&event.id.to_string()).await.is_none());
}

#[tokio::test]
async fn an_answer_says_where_in_the_batch_each_event_was_that_was_not_accepted() {
    let open = Open::new().await;
    let mut client = open.client();
    let [enrolled, unwanted] = [live(ENROLLED, 3), live("\\core\\event\\group_member_added", 2)];
    let known = std::slice::from_ref(&enrolled[0]);
    assert_eq!(numbers(&client.post(corpus::body(known, URL, &open.etag())).await.accepted()), (1, 0, 0, 0));
    let mut events = cloud(&enrolled, &open.etag());
    let unwanted = cloud(&unwanted, &open.etag());
    // 0 unwanted, 1 known, 2 new, 3 unwanted, 4 unreadable, 5 new, 6 the fifth again.
    events.insert(0, unwanted[0].clone());
    events.insert(3, unwanted[1].clone());
    events.insert(4, json!(null));
    events.push(events[5].clone());
    let answer = client.post(Value::from(events).to_string()).await.accepted();
    assert_eq!(numbers(&answer), (2, 2, 2, 1), "{answer}");
    assert_eq!(answer["duplicates"], json!([1, 6]));
    assert_eq!(answer["unwanteds"], json!([0, 3]));
    assert_eq!(answer["parked"][0]["index"], 4);
}

#[tokio::test]
async fn one_bad_event_is_set_aside_and_its_neighbours_are_kept() {
    let open = Open::new().await;
    let events = cloud(&live(ENROLLED, 9), &open.etag());
    let good = |n: usize| events[n].to_string();
    let id = |n: usize| events[n]["id"].as_str().unwrap().to_owned();
    let changed = |n: usize, key: &str, value: Value| {
        let mut event = events[n].clone();
        event[key] = value;
        event.to_string()
    };
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let twice = good(3).replacen("\"courseid\":", "\"courseid\":1,\"courseid\":", 1);
    assert_ne!(twice, good(3));
    // Each with why it is set aside, and under which id: none where one is made of its bytes.
    type Aside = (&'static str, Option<String>);
    let elements: Vec<(String, Option<Aside>)> = vec![
        (good(0), None),
        ("null".into(), Some(("shape", None))),
        (changed(1, "type", json!("\\core\\event\\other")), Some(("shape", Some(id(1))))),
        (changed(2, "raised", Value::Null), Some(("shape", Some(id(2))))),
        (twice, Some(("duplicate-key", Some(id(3))))),
        (
            changed(4, "x", serde_json::from_str(&deep).unwrap_or_default())
                .replace("\"x\":null", &format!("\"x\":{deep}")),
            Some(("too-deep", Some(id(4)))),
        ),
        (changed(5, "id", json!("6ba7b810-9dad-41d1-80b4-00c04fd430c8")), Some(("shape", None))),
        (changed(6, "x", json!("y".repeat(1 << 20))), Some(("too-large", Some(id(6))))),
        (good(7).replace("\"timecreated\":", "\"big\":1e999,\"timecreated\":"), Some(("shape", Some(id(7))))),
        (good(8), None),
    ];
    let body = format!("[{}]", elements.iter().map(|(e, _)| e.as_str()).collect::<Vec<_>>().join(","));
    let answer = open.client().post(body.clone()).await.accepted();
    assert_eq!(numbers(&answer), (2, 0, 0, 8), "{answer}");
    let parked = answer["parked"].as_array().unwrap();
    let wanted = elements.iter().enumerate().filter_map(|(n, (_, p))| Some((n, p.as_ref()?)));
    for ((index, (reason, id)), told) in wanted.zip(parked) {
        assert_eq!((told["index"].as_u64(), told["reason"].as_str()), (Some(index as u64), Some(*reason)));
        let told: EventId = told["id"].as_str().unwrap().parse().unwrap();
        match id {
            Some(id) => assert_eq!(told.to_string(), *id),
            None => assert!(told.is_backfill(), "an id made of the bytes"),
        }
        let trace = open.trace(&told.to_string()).await.unwrap();
        assert_eq!(trace.parked.unwrap().reason.as_str(), *reason);
        assert_eq!(trace.event.unwrap().event.data, "{}", "nothing of what can't be read is kept");
        assert!(trace.deliveries.is_empty());
    }
    // Sent again, each is known: also those whose ids are made of their bytes.
    assert_eq!(numbers(&open.client().post(body).await.accepted()), (0, 10, 0, 0));
}

#[tokio::test]
async fn an_event_outside_the_id_window_is_cut_and_set_aside() {
    let open = Open::new().await;
    let now = Timestamp::now();
    let hours = |h: i64| now + SignedDuration::from_hours(h);
    let all: Vec<Captured> =
        corpus::read(Recording::Hour).into_iter().filter(|e| e.name == ENROLLED).take(1).collect();
    for (at, reason) in [
        (hours(-35 * 24 - 1), Some(Reason::TooOld)),
        (hours(-35 * 24 + 1), None),
        (hours(0), None),
        (now + SignedDuration::from_mins(9), None),
        (hours(1), Some(Reason::Clock)),
    ] {
        let mut event = corpus::moved_to(at, &all)[0].cloud_event(URL, &open.etag());
        event["data"]["event"]["surprise"] = json!("canary");
        let id = event["id"].as_str().unwrap().to_owned();
        let answer = open.client().post(json!([event]).to_string()).await.accepted();
        assert_eq!(answer["parked"][0]["reason"].as_str(), reason.map(Reason::as_str), "{at}");
        let trace = open.trace(&id).await.unwrap();
        assert_eq!(trace.parked.map(|p| p.reason), reason);
        let data = trace.event.unwrap().event.data;
        assert!(!data.is_empty() && data != "{}" && !String::from_utf8_lossy(&data).contains("canary"));
    }
}

#[tokio::test]
async fn a_backfilled_event_has_no_window() {
    let open = Open::new().await;
    let mut event = live(ENROLLED, 1)[0].cloud_event(URL, &open.etag());
    let id = EventId::from_digest(&[7; 32]).to_string();
    event["id"] = json!(id);
    event["time"] = json!("2019-01-01T00:00:00Z");
    event.as_object_mut().unwrap().remove("raised");
    assert_eq!(numbers(&open.client().post(json!([event]).to_string()).await.accepted()), (1, 0, 0, 0));
    let kept = open.trace(&id).await.unwrap().event.unwrap().event;
    assert_eq!(kept.raised, Some(kept.time), "the log knows no more");
}

#[tokio::test]
async fn an_anonymous_event_keeps_its_hour_and_nothing_of_a_person() {
    let open = Open::new().await;
    let anonymous: Vec<Captured> = corpus::read(Recording::Enriched)
        .into_iter()
        .filter(|e| e.name == SUBMITTED && e.is_anonymous())
        .take(2)
        .collect();
    assert_eq!(anonymous.len(), 2);
    for event in corpus::moved_to(Timestamp::now(), &anonymous) {
        let mut sent = event.cloud_event(URL, &open.etag());
        sent["data"]["entities"]["user"] =
            json!({ "id": "4711", "username": "canary", "idnumber": "canary" });
        let answer = open.client().post(json!([sent]).to_string()).await.accepted();
        assert_eq!(numbers(&answer), (1, 0, 0, 0), "{answer}");
        assert!(open.trace(&event.id.to_string()).await.is_none(), "its time is not in its id");
        let kept = open.trace(&event.id.cut_to_hour().to_string()).await.unwrap().event.unwrap().event;
        assert_eq!((kept.time.as_second() % 3_600, kept.raised), (0, None));
        let data: Value = serde_json::from_slice(&kept.data).unwrap();
        assert!(
            data["event"].get("userid").is_none() && data["event"].get("relateduserid").is_none(),
            "{data}"
        );
        assert!(!kept.data.windows(6).any(|w| w == b"canary"));
        // As its plugin would have cut it, it is the same event.
        sent["id"] = json!(event.id.cut_to_hour().to_string());
        sent.as_object_mut().unwrap().remove("raised");
        assert_eq!(numbers(&open.client().post(json!([sent]).to_string()).await.accepted()), (0, 1, 0, 0));
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected_where_the_sender_is_who_raised_it() {
    let open = Open::new().await;
    let events = live(ENROLLED, 4);
    let mut client = open.client();
    for (event, (seconds, bulk, corrected)) in
        events.iter().zip([(0, false, false), (-1, false, false), (-60, false, true), (-60, true, false)])
    {
        let body = corpus::body(std::slice::from_ref(event), URL, &open.etag());
        let now = Timestamp::now().as_second();
        let mut request = client.signed(
            "events",
            "application/cloudevents-batch+json",
            &fresh_id(),
            now + seconds,
            body.into(),
        );
        if bulk {
            request.headers_mut().insert("bulk", "1".parse().unwrap());
        }
        assert_eq!(client.send(request).await.unwrap().status, 202);
        let kept = open.trace(&event.id.to_string()).await.unwrap().event.unwrap().event;
        assert_eq!(kept.bulk, bulk);
        let off = kept.raised.unwrap().duration_since(event.raised);
        let want = if corrected { 58..=60 } else { 0..=0 };
        assert!(want.contains(&off.as_secs()), "{seconds} {bulk}: {off}");
    }
}

#[tokio::test]
async fn more_than_a_thousand_events_are_bulk() {
    let open = Open::new().await;
    let mut event = live(ENROLLED, 1)[0].cloud_event(URL, &open.etag());
    let mut filler = event.clone();
    filler["type"] = json!("\\core\\event\\user_loggedin");
    filler["data"]["event"]["eventname"] = json!("\\core\\event\\user_loggedin");
    let mut all = vec![filler; 1_000];
    event["x"] = json!(1);
    all.push(event.clone());
    let answer = open.client().post(json!(all).to_string()).await.accepted();
    assert_eq!(numbers(&answer), (1, 0, 1_000, 0));
    assert!(open.trace(event["id"].as_str().unwrap()).await.unwrap().event.unwrap().event.bulk);
}

#[tokio::test]
async fn a_secret_is_changed_without_a_pause() {
    let open = Open::new().await;
    let key = "vle".parse().unwrap();
    let (mut old, mut new) = (open.client_with(FIRST), open.client_with(SECOND));
    let tried = async |client: &mut crate::support::client::SigningClient| {
        matches!(client.post("[]").await, Outcome::Accepted(_))
    };
    assert!(tried(&mut old).await && !tried(&mut new).await);
    assert!(open.context.stats.secret_last_used(&key, "b").is_none());
    open.context.senders.store(senders(&[("a", FIRST), ("b", SECOND)]).into());
    assert!(tried(&mut old).await && tried(&mut new).await);
    assert!(open.context.stats.secret_last_used(&key, "b").is_some(), "one sees that the new one is in use");
    open.context.senders.store(senders(&[("b", SECOND)]).into());
    assert!(!tried(&mut old).await && tried(&mut new).await);
}

#[tokio::test]
async fn an_event_is_cut_by_the_list_it_names_also_when_another_is_in_force() {
    let open = Open::new().await;
    let old = open.etag();
    let mut client = open.client();
    let ask = |etag: &str| json!({ "wire": 1, "plugin": "1", "moodle": "4.5.6", "url": URL, "etag": etag });
    let request = client.question("q1", &ask(""));
    assert_eq!(
        client.send(request).await.unwrap().json()["etag"],
        old,
        "the plugin has it, so it is remembered"
    );
    open.context.routes.store(routes(&CONTRACTS[1..]).into());
    assert_ne!(open.etag(), old);
    let request = client.question("q2", &ask(&old));
    assert_eq!(client.send(request).await.unwrap().json()["etag"], open.etag());

    let events = live(ENROLLED, 3);
    let answer = client.post(corpus::body(&events[..1], URL, &old)).await.accepted();
    assert_eq!(numbers(&answer), (1, 0, 0, 0), "taken by the list it was cut under");
    let trace = open.trace(&events[0].id.to_string()).await.unwrap();
    assert!(trace.deliveries.is_empty() && trace.parked.is_none(), "no topic wants it now: it is history");
    for (event, etag) in events[1..].iter().zip([open.etag(), "never seen".to_owned()]) {
        let answer = client.post(corpus::body(std::slice::from_ref(event), URL, &etag)).await.accepted();
        assert_eq!(numbers(&answer), (0, 0, 1, 0), "{etag}: cut by the present list");
    }
}

#[tokio::test]
async fn a_spool_that_is_shut_is_told_as_such() {
    let open = Open::new().await;
    open.context.spool.shut().await;
    let mut client = open.client();
    let request = client.batch(corpus::body(&live(ENROLLED, 1), URL, &open.etag()).into());
    let answer = client.send(request).await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains_key("retry-after"));
    assert!(["stopping", "not-ready"].contains(&answer.kind().as_str()), "{}", answer.kind());
}

#[tokio::test]
async fn the_whole_corpus_gets_an_outcome() {
    let open = Open::new().await;
    let mut client = open.client();
    let mut reasons = BTreeSet::new();
    for recording in Recording::ALL {
        let events = corpus::moved_to(Timestamp::now(), &corpus::read(recording));
        for batch in events.chunks(500) {
            let answer = client.post(corpus::body(batch, URL, &open.etag())).await.accepted();
            let (accepted, duplicate, unwanted, parked) = numbers(&answer);
            assert_eq!(
                accepted + duplicate + unwanted + parked as u64,
                batch.len() as u64,
                "{recording:?}: {answer}"
            );
            reasons.extend(answer["parked"].as_array().unwrap().iter().map(|p| p["reason"].to_string()));
        }
    }
    let none = open.context.spool.parked(&ParkedFilter::default(), None, 1_000).await.unwrap();
    assert!(reasons.is_empty() && none.is_empty(), "{reasons:?} {none:?}");
}
