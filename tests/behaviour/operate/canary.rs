//! What must never be told: secrets and people's data, whatever the log's level. And what comes from
//! outside can't forge a line of the log.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Watched, ask};
use crate::support::client::{Endpoint, Outcome, SigningClient, fresh_id};
use crate::support::corpus::{self, Captured, Recording};
use crate::support::sidecar::{SOURCE, URL};
use crate::support::sns::script::{Fault, What};

const SIGNING: &[u8] = b"canary-signing-4c1e8f7a2b9d6035!";
const TOKEN: &str = "canary-operator-9f2e7d1c5b8a4036";
const AWS: &str = "canary-aws-secret-1a2b3c4d5e6f7089";
const PERSON: &str = "canary-person-7e3f1d";

fn enrolment(username: &str) -> Captured {
    let is = |e: &Captured| e.name.ends_with("user_enrolment_created") && !e.entities.is_empty();
    let mut event = corpus::read(Recording::Enriched).into_iter().find(is).unwrap();
    event.entities["user"]["username"] = json!(username);
    corpus::moved_to(Timestamp::now(), &[event]).remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_and_people_are_told_nowhere() {
    let secret = format!("whsec_{}", STANDARD.encode(SIGNING));
    let (quoted, token) = (format!("secret = \"{secret}\""), format!("token = \"{TOKEN}\""));
    let in_place = |text: String| {
        text.replace("file = \"vle.secret\"", &quoted).replace("token_file = \"operate.token\"", &token)
    };
    let vars = [("MSP_LOG", "trace"), ("AWS_SECRET_ACCESS_KEY", AWS), ("RUST_BACKTRACE", "1")];
    let watched = Watched::with_variables(in_place, &vars).await;
    let fails = What::Fail { place: None, code: "InvalidParameter", sender_fault: true };
    watched.double.fault(Fault::once(fails));
    let door = Endpoint::Unix(watched.sidecar.dir.join("in.sock"));
    let mut client = SigningClient::new(door.clone(), SOURCE, &secret);
    let mut told = String::new();

    let body = corpus::body(&[enrolment(PERSON)], URL, "");
    assert_eq!(client.post(body.clone()).await.accepted()["accepted"], 1);
    // Refused in each way: the answers are read too.
    let mut stranger = SigningClient::new(door, SOURCE, "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    let refused = [
        stranger.post(body).await,
        client.post(b"[{]".to_vec()).await,
        client.post(format!("[\"{PERSON}\"]")).await,
    ];
    for outcome in refused {
        match outcome {
            Outcome::Accepted(value) | Outcome::Refused(_, value) => told += &value.to_string(),
            Outcome::Unknown(why) => panic!("{why}"),
        }
    }
    let begun = std::time::Instant::now();
    // The event that is no object is parked at the door at once: the one that SNS refuses is meant.
    let row = loop {
        let refused = watched.get("/v1/parked?reason=refused").json();
        if let Some(row) = refused["rows"].get(0) {
            break row["number"].to_string();
        }
        assert!(begun.elapsed().as_secs() < 20, "nothing was parked");
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let row = format!("/v1/parked/{row}");
    for path in [
        &*row,
        "/status",
        "/status.json",
        "/metrics",
        "/readyz?verbose",
        "/v1/parked",
        "/trace?id=x",
        "/nope",
    ] {
        told += &watched.get(path).body;
        let wrong = [("Authorization", "Bearer wrong"), ("Content-Type", "application/json")];
        told += &ask(watched.operator, "POST", path, &wrong, "{}").body;
    }
    let bearer = format!("Bearer {TOKEN}");
    let right = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    // Who shows the token sees the event: the only place where it is shown.
    assert!(ask(watched.operator, "GET", &row, &right, "").body.contains(PERSON));
    told += &ask(
        watched.operator,
        "POST",
        "/v1/parked/redrive",
        &right,
        r#"{"filter":{},"all":true,"by":"t","why":"t"}"#,
    )
    .body;
    for what in ["show", "check"] {
        told += &watched.sidecar.ask(&["config", what]).to_string();
    }
    told += &watched.sidecar.ask(&["parked", "list"]).to_string();
    let pid = watched.sidecar.pid();
    told += &String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/cmdline")).unwrap());

    // It goes all the way: there is something to be told.
    while !watched.double.log().iter().any(|taken| taken.message.contains(PERSON)) {
        assert!(begun.elapsed().as_secs() < 40, "not published");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let log = watched.sidecar.log();
    assert!(log.contains("\"target\":\"aws_"), "the SDK logs nothing");
    assert!(log.contains("\"TRACE\""), "the log is not at trace level");
    let encoded = STANDARD.encode(SIGNING);
    for (what, canary) in [
        ("the signing secret", encoded.as_str()),
        ("its bytes", std::str::from_utf8(SIGNING).unwrap()),
        ("the operator's token", TOKEN),
        ("the AWS secret", AWS),
        ("a person's data", PERSON),
    ] {
        assert!(!told.contains(canary), "{what} was told");
        let line = log.lines().find(|line| line.contains(canary));
        assert_eq!(line, None, "{what} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_from_outside_cannot_forge_a_line_of_the_log() {
    const EVIL: &str = "x\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\u{1b}[31m\u{202e}\u{2028}";
    for form in ["json", "text"] {
        let adapt = |text: String| text.replace("log = \"json\"", &format!("log = \"{form}\""));
        let watched = Watched::with_variables(adapt, &[("MSP_LOG", "debug")]).await;
        let door = Endpoint::Unix(watched.sidecar.dir.join("in.sock"));
        let mut client = SigningClient::new(door, SOURCE, crate::support::sidecar::SECRET);
        let good = enrolment("z").cloud_event(URL, "");
        for key in ["id", "source", "type", "time", "raised", "wantedlist", "specversion"] {
            let mut event = good.clone();
            event[key] = json!(EVIL);
            client.post(json!([event]).to_string()).await;
        }
        for place in ["event", "entities"] {
            let mut event = good.clone();
            event["data"][place] = json!({ EVIL: EVIL });
            client.post(json!([event]).to_string()).await;
        }
        client.post(json!([{ EVIL: EVIL }]).to_string()).await;
        let question =
            json!({"wire": 1, "plugin": EVIL, "moodle": EVIL, "url": URL, "etag": EVIL, "ledger": []});
        let question = client.question(&fresh_id(), &question);
        client.send(question).await.unwrap();
        // In a header only bytes over 0x7f and the tab get through.
        let unsigned = |path: &str, id: &[u8]| {
            Request::post(path)
                .header("host", "sidecar")
                .header("webhook-id", http::HeaderValue::from_bytes(id).unwrap())
                .header("webhook-timestamp", Timestamp::now().as_second())
                .header("webhook-signature", "v1,AAAA")
                .body(Full::new(Bytes::from_static(b"[]")))
                .unwrap()
        };
        for path in ["/v1/sources/vle/events", "/v1/sources/%0d%0aforged%1b[31m/events", "/%0a"] {
            for id in ["\u{202e}\u{2028}\t".as_bytes(), b"\xff\xfe\x9b31m"] {
                client.send(unsigned(path, id)).await.unwrap();
            }
        }
        watched.get("/trace?id=%0d%0aforged%1b[31m");
        watched.get("/v1/parked?topic=%0d%0aforged%1b[31m");
        let page = watched.get("/status");
        assert!(page.body.contains("Sign of life") && !page.body.contains('\u{1b}'), "{}", page.body);

        let log = watched.sidecar.log();
        assert!(log.lines().count() > 5, "{log}");
        for line in log.lines() {
            assert!(!line.contains(|c: char| c.is_control()), "{form}: {line:?}");
            match form {
                "json" => {
                    let record: Value =
                        serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
                    assert!(record["level"].is_string() && record["message"] != "forged", "{line}");
                }
                // Each line begins with its own time.
                _ => assert!(line.starts_with("20") && line.contains("Z "), "{line:?}"),
            }
        }
    }
}
