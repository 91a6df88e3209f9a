//! What became of its own events: a plugin asks, and is answered under a signature.

use jiff::Timestamp;
use moodle_sns_producer::event::EventId;
use moodle_sns_producer::receive::signature;
use serde_json::{Value, json};

use super::{CONTRACTS, ENROLLED, FIRST, OTHERS, Open, SUBMITTED, URL, live, routes};
use crate::support::client::{Answer, SigningClient, fresh_id};
use crate::support::corpus;

const NEVER: &str = "01a20e53-90ce-7205-a292-0dd69749d9f5";

async fn ask(client: &mut SigningClient, ids: &[&str]) -> Vec<Value> {
    let request = client.tracing(&fresh_id(), &json!({ "ids": ids }));
    let answer = client.send(request).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()["events"].as_array().unwrap().clone()
}

fn unknown(id: &str) -> Value {
    json!({ "id": id, "fate": "unknown", "deliveries": [] })
}

#[tokio::test]
async fn a_plugin_learns_the_fate_of_each_of_its_events() {
    let open = Open::new().await;
    let mut client = open.client();
    let list = open.etag();
    let [enrolled, submitted] = [live(ENROLLED, 1), live(SUBMITTED, 1)];
    let dropped = live("\\core\\event\\group_member_added", 1);
    client.post(corpus::body(&enrolled, URL, &list)).await.accepted();
    // Told under a list that is still known, and wanted by no topic any more.
    let question = json!({ "wire": 1, "plugin": "1", "moodle": "4.5.6", "url": URL });
    client.send(client.question(&fresh_id(), &question)).await.unwrap();
    open.context.routes.store(routes(&CONTRACTS[..1]).into());
    client.post(corpus::body(&submitted, URL, &list)).await.accepted();
    let mut bad = live(ENROLLED, 2)[1].cloud_event(URL, &list);
    bad["raised"] = Value::Null;
    client.post(json!([bad]).to_string()).await.accepted();
    let answer = client.post(corpus::body(&dropped, URL, &list)).await.accepted();
    assert_eq!(answer["unwanted"], 1);

    let ids = [&enrolled[0], &submitted[0], &dropped[0]].map(|event| event.id.to_string());
    let bad = bad["id"].as_str().unwrap();
    let told = ask(&mut client, &[&ids[0], &ids[1], bad, &ids[2], NEVER]).await;

    let near = |at: &Value| {
        let at: Timestamp = at.as_str().unwrap().parse().unwrap();
        assert!(Timestamp::now().duration_since(at).as_secs() < 120, "{at}");
    };
    told[..3].iter().for_each(|event| near(&event["at"]));
    let fates: Vec<&str> = told.iter().map(|event| event["fate"].as_str().unwrap()).collect();
    assert_eq!(fates, ["stored", "unrouted", "parked", "unknown", "unknown"]);
    let delivery =
        json!([{ "topic": "records", "contract": "moodle.enrolment.created.v1", "state": "waiting" }]);
    assert_eq!((&told[0]["id"], &told[0]["deliveries"]), (&json!(ids[0]), &delivery));
    assert_eq!((&told[2]["reason"], &told[2]["deliveries"]), (&json!("shape"), &json!([])));
    let detail = told[2]["detail"].as_str().unwrap();
    assert!(detail.starts_with("`raised` is missing") && detail.contains("To do: "), "{detail}");
    assert_eq!(told[3], unknown(&ids[2]), "nothing is kept of what no row takes, so it can't be told apart");
    assert_eq!(told[4], unknown(NEVER));

    let text = open.metrics();
    assert!(text.contains("events_traced_total{source=\"vle\"} 5"), "{text}");
}

#[tokio::test]
async fn what_was_read_late_is_marked_in_what_is_kept_and_told_and_anonymous_events_have_no_mark() {
    let open = Open::new().await;
    let mut client = open.client();
    let mut events: Vec<Value> =
        live(ENROLLED, 3).iter().map(|event| event.cloud_event(URL, &open.etag())).collect();
    events[0]["entities_late"] = json!(true);
    events[1]["entities_late"] = json!("true");
    events[2]["entities_late"] = json!(true);
    events[2]["data"]["event"]["anonymous"] = json!(1);
    client.post(Value::from(events.clone()).to_string()).await.accepted();
    let id = |n: usize| events[n]["id"].as_str().unwrap().to_owned();
    let hidden = id(2).parse::<EventId>().unwrap().cut_to_hour().to_string();
    let told = ask(&mut client, &[&id(0), &id(1), &hidden]).await;
    let late: Vec<Option<bool>> = told.iter().map(|event| event["entities_late"].as_bool()).collect();
    assert_eq!(late, [Some(true), None, None], "{told:?}");
}

#[tokio::test]
async fn another_sources_event_looks_as_one_that_never_was() {
    let open = Open::new().await;
    let event = live(ENROLLED, 1);
    open.client().post(corpus::body(&event, URL, &open.etag())).await.accepted();
    let id = event[0].id.to_string();
    let mut other = SigningClient::new(open.endpoint.clone(), "other", OTHERS);
    assert_eq!(ask(&mut other, &[&id]).await, [unknown(&id)]);
    assert_eq!(ask(&mut open.client(), &[&id]).await[0]["fate"], "stored");
}

#[tokio::test]
async fn an_answer_is_signed_for_its_question_and_can_not_be_sent_back() {
    let open = Open::new().await;
    let mut client = open.client();
    let id = "q".repeat(57);
    let answer = client.send(client.tracing(&id, &json!({ "ids": [NEVER] }))).await.unwrap();
    assert!(answer.is_signed(&format!("trace-{id}"), FIRST));
    for path in ["trace", "wanted"] {
        let mut back = client.signed(path, "application/json", "q", 0, answer.body.clone());
        for name in [signature::ID, signature::TIMESTAMP, signature::SIGNATURE] {
            back.headers_mut().insert(name, answer.headers[name].clone());
        }
        assert_eq!(client.send(back).await.unwrap().kind(), "reserved-id");
    }
}

#[tokio::test]
async fn a_question_in_another_form_is_refused() {
    let open = Open::new().await;
    let mut client = open.client();
    let wanted = json!({ "wire": 1, "plugin": "1", "moodle": "4.5.6", "url": URL, "etag": "" });
    let with = |mut question: Value, key: &str, value: Value| {
        question[key] = value;
        question
    };
    let ids = |n: usize| json!({ "ids": vec![NEVER; n] });
    assert_eq!(ask(&mut client, &[NEVER; 20]).await.len(), 20);
    for (what, path, body, status, kind) in [
        ("21 ids", "trace", ids(21).to_string(), 413, "max-ids"),
        ("5 KiB", "trace", with(ids(1), "x", json!("x".repeat(5 << 10))).to_string(), 413, "max-body"),
        ("no JSON", "trace", "{".into(), 400, "not-json"),
        ("a key twice", "trace", r#"{"ids":[],"ids":[]}"#.into(), 400, "not-json"),
        ("no object", "trace", "[]".into(), 400, "form"),
        ("no ids", "trace", "{}".into(), 400, "form"),
        ("no list", "trace", json!({ "ids": NEVER }).to_string(), 400, "form"),
        (
            "no event id",
            "trace",
            json!({ "ids": ["6ba7b810-9dad-41d1-80b4-00c04fd430c8"] }).to_string(),
            400,
            "form",
        ),
        ("the question for the list", "trace", wanted.to_string(), 400, "form"),
        ("both questions", "trace", with(wanted.clone(), "ids", json!([NEVER])).to_string(), 400, "form"),
        ("the question for a fate", "wanted", ids(1).to_string(), 400, "form"),
        ("both questions", "wanted", with(wanted.clone(), "ids", json!([NEVER])).to_string(), 400, "form"),
        ("an id too long to be answered", "trace", String::new(), 400, "form"),
    ] {
        let (id, body) = match what.starts_with("an id") {
            true => ("q".repeat(58), ids(1).to_string()),
            false => (fresh_id(), body),
        };
        let now = Timestamp::now().as_second();
        let answer =
            client.send(client.signed(path, "application/json", &id, now, body.into())).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.kind().as_str()), (status, kind), "{what} to {path}");
    }
}

#[tokio::test]
async fn a_signed_question_passes_at_no_other_path() {
    let open = Open::new().await;
    let mut client = open.client();
    let question = json!({ "ids": [NEVER] });
    let batch = "application/cloudevents-batch+json";
    let now = Timestamp::now().as_second();
    // Caught on its way and posted elsewhere, with whatever unsigned header fits there.
    let to = |path: &str, media: &str| client.signed(path, media, "q", now, question.to_string().into());
    for (request, kind) in [(to("events", batch), "form"), (to("wanted", "application/json"), "form")] {
        let answer: Answer = client.send(request).await.unwrap();
        assert_eq!(answer.kind(), kind, "{}", answer.json());
    }
    for (path, kind) in [("events", "content-type"), ("trace", "form")] {
        let body = corpus::body(&live(ENROLLED, 1), URL, &open.etag());
        let request = client.signed(path, "application/json", "q", now, body.into());
        assert_eq!(client.send(request).await.unwrap().kind(), kind, "a batch at {path}");
    }
}
