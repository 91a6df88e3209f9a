//! The listener in this process, on a spool whose rows are chosen: what a look-up and a redrive say of a
//! message that waits, one that is parked and an event parked at the door; and how its place is kept.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use moodle_sns_producer::config::SecretText;
use moodle_sns_producer::contract::{Catalogue, Routes};
use moodle_sns_producer::delivery::{Class, Group, Parking, Reason};
use moodle_sns_producer::event::{Event, EventId};
use moodle_sns_producer::operate::{Listener, Operator, PREFIX, Phase, Setup, Signs, serve, serve_probes};
use moodle_sns_producer::publish::{Mapper, Replays};
use moodle_sns_producer::spool::{Accept, Batch, Owed, Route, Settings, Spool};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "operator-token-of-a-test";
const ID: &str = "01a20e53-90ce-7205-a292-0dd69749d9f5";

/// A listener on a spool of its own, with one message that waits and one that is parked.
struct Desk {
    addr: SocketAddr,
    probes: SocketAddr,
    phase: watch::Sender<Phase>,
    _stop: tokio_util::sync::DropGuard,
    _dir: tempfile::TempDir,
}

fn addr_of(listener: &Listener) -> SocketAddr {
    listener.place().parse().unwrap()
}

impl Desk {
    async fn new(token: Option<&str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(Settings::at(dir.path().join("spool.db"))).await.unwrap();
        spool.accept(batch()).await.unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let (listener, probe_listener) =
            (Listener::tcp(any, "operate.listen").await.unwrap(), Listener::tcp(any, "x").await.unwrap());
        let (addr, probes) = (addr_of(&listener), addr_of(&probe_listener));
        let (phase, seen) = watch::channel(Phase::Serving);
        let catalogue = Arc::new(Catalogue::builtin().unwrap());
        let routes = Arc::new(ArcSwap::from_pointee(Routes::new(Arc::clone(&catalogue), &[])));
        let mapper = Mapper { catalogue, sources: HashMap::new() };
        let operator = Arc::new(Operator {
            replays: Replays::new(spool.clone(), mapper.clone(), routes),
            spool,
            mapper,
            reload: tokio::sync::mpsc::channel(1).0,
            setup: Setup { topics: Vec::new(), started: jiff::Timestamp::now() },
            signs: Box::new(Signs::default),
            registry: Arc::new(Registry::with_prefix(PREFIX)),
            phase: seen,
            token: token.map(SecretText::new),
            hosts: vec!["sidecar.internal".to_owned()],
        });
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, Arc::clone(&operator), stop.clone()));
        tokio::spawn(serve_probes(probe_listener, operator, stop.clone()));
        Self { addr, probes, phase, _stop: stop.drop_guard(), _dir: dir }
    }

    /// Sends these lines and this body, and gives status, head and body of the answer.
    async fn raw(addr: SocketAddr, head: &str, body: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let head = head.trim().replace('\n', "\r\n");
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let text = format!("{head}\r\n{length}Connection: close\r\n\r\n{body}");
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    async fn get(&self, path: &str) -> (u16, String, String) {
        Self::raw(self.addr, &format!("GET {path} HTTP/1.1\nHost: localhost"), "").await
    }

    async fn json(&self, path: &str) -> (u16, Value) {
        let (status, _, body) = self.get(path).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    async fn redrive(&self, order: &Value) -> (u16, Value) {
        let head = format!(
            "POST /v1/parked/redrive HTTP/1.1\nHost: localhost\nContent-Type: application/json\nAuthorization: Bearer {TOKEN}"
        );
        let (status, _, body) = Self::raw(self.addr, &head, &order.to_string()).await;
        (status, serde_json::from_str(&body).unwrap())
    }
}

/// One event that owes two messages, of which one could not be grouped, and one that is parked whole.
fn batch() -> Batch {
    let event = |id: &str, name: &str| Event {
        source: "vle".parse().unwrap(),
        id: id.parse::<EventId>().unwrap(),
        name: name.into(),
        time: "2026-11-24T16:11:27Z".parse().unwrap(),
        raised: None,
        bulk: false,
        data: r#"{"entities":{},"event":{"note":"personal-canary"}}"#.into(),
    };
    let owed = |topic: &str, group| Owed {
        topic: topic.parse().unwrap(),
        contract: "moodle.enrolment.created.v1".parse().unwrap(),
        class: Class::Live,
        group,
    };
    let mapping = Parking::new(Reason::Mapping, "course.id is missing");
    let door = Parking::new(Reason::Shape, "data is no object");
    Batch {
        source: "vle".parse().unwrap(),
        events: vec![
            Accept {
                event: event(ID, "\\core\\event\\user_enrolment_created"),
                people: Vec::new(),
                route: Route::Owed(vec![
                    owed("enrolments", Ok(Group([7; 16]))),
                    owed("copies", Err(mapping)),
                ]),
            },
            Accept {
                event: event("01a20e53-90ce-7205-a292-0dd69749d9f6", "<script>\u{1b}[2J"),
                people: Vec::new(),
                route: Route::Parked(door),
            },
        ],
        unwanted: vec![("\\core\\event\\course_viewed".into(), 3)],
    }
}

#[tokio::test]
async fn a_parked_row_is_told_and_its_event_only_for_the_token() {
    let desk = Desk::new(Some(TOKEN)).await;
    let (_, page) = desk.json("/v1/parked?reason=mapping").await;
    let row = &page["rows"][0];
    assert_eq!((&row["topic"], &row["detail"]), (&json!("copies"), &json!("course.id is missing")));
    let path = format!("/v1/parked/{}", row["number"]);
    let (_, hidden) = desk.json(&path).await;
    assert_eq!(hidden["data"], Value::Null);
    assert!(hidden["now"].as_str().unwrap().contains("there is no source vle"));
    let head = format!("GET {path} HTTP/1.1\nHost: localhost\nAuthorization: Bearer {TOKEN}");
    let (_, _, shown) = Desk::raw(desk.addr, &head, "").await;
    assert!(shown.contains("personal-canary"));
}

#[tokio::test]
async fn an_event_is_traced_by_its_id_or_its_messages() {
    let desk = Desk::new(Some(TOKEN)).await;
    for path in [format!("/v1/trace/{ID}"), format!("/v1/trace/{ID}:moodle.enrolment.created.v1?source=vle")]
    {
        let (status, report) = desk.json(&path).await;
        assert_eq!((status, report["messages"].as_array().unwrap().len()), (200, 2));
    }
    let (status, _) = desk.json(&format!("/v1/trace/{ID}?source=other")).await;
    assert_eq!(status, 404);
    let (status, _, page) = desk.get(&format!("/trace?id={ID}%3Amoodle.enrolment.created.v1")).await;
    assert!(
        status == 200 && page.contains("0 of 2 messages published") && page.contains("course.id is missing")
    );
    let (status, _, page) = desk.get("/trace?id=%3Cscript%3E").await;
    assert!(status == 400 && !page.contains("<script>"));
}

#[tokio::test]
async fn a_redrive_owes_again_and_counts_first() {
    let desk = Desk::new(Some(TOKEN)).await;
    let order =
        |dry_run| json!({"filter": {}, "all": true, "by": "me", "why": "because", "dry_run": dry_run});
    let said = async |dry_run| {
        let (status, said) = desk.redrive(&order(dry_run)).await;
        (status, said["redriven"].clone(), said["at_the_door"].clone(), said["left"].clone())
    };
    assert_eq!(said(true).await, (200, json!(1), json!(1), json!(1)));
    assert_eq!(desk.json("/v1/parked").await.1["rows"].as_array().unwrap().len(), 2);
    assert_eq!(said(false).await, (200, json!(1), json!(1), json!(0)));
    let (_, left) = desk.json("/v1/parked").await;
    assert_eq!(left["rows"].as_array().unwrap().len(), 1);
    assert_eq!(left["rows"][0]["reason"], "shape");
    let (_, report) = desk.json("/status.json").await;
    assert_eq!(report["messages"]["missing"], json!([0]));
}

#[tokio::test]
async fn readiness_follows_the_phase_and_liveness_does_not() {
    let desk = Desk::new(Some(TOKEN)).await;
    for (phase, status, words) in [
        (Phase::Starting, 503, "[-] door: not listening for Moodle yet"),
        (Phase::Serving, 200, "[+] spool: reads and commits"),
        (Phase::Stopping, 503, "[-] door: stopping"),
    ] {
        desk.phase.send_replace(phase);
        for addr in [desk.addr, desk.probes] {
            let (found, _, text) = Desk::raw(addr, "GET /readyz?verbose HTTP/1.1\nHost: localhost", "").await;
            assert!(found == status && text.contains(words), "{text}");
            for path in ["/livez", "/healthz"] {
                let (live, _, _) =
                    Desk::raw(addr, &format!("GET {path} HTTP/1.1\nHost: localhost"), "").await;
                assert_eq!(live, 200);
            }
        }
    }
}

#[tokio::test]
async fn a_unix_socket_is_for_its_owner_and_is_taken_over_after_a_kill() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("operate.sock");
    let listener = Listener::unix(&path, "operate.listen").await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let taken = Listener::unix(&path, "operate.listen").await.unwrap_err();
    assert!(taken.to_string().contains("set operate.listen"), "{taken}");
    // As a kill leaves it: the file stays, nobody listens.
    drop(listener);
    assert!(path.exists());
    Listener::unix(&path, "operate.listen").await.unwrap();
    let file = dir.path().join("precious");
    std::fs::write(&file, "x").unwrap();
    assert!(Listener::unix(&file, "operate.listen").await.is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "x");
}
