//! Every refusal, a row each: what is sent, and what is answered.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use jiff::{SignedDuration, Timestamp};
use moodle_sns_producer::receive::signature;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{ENROLLED, FIRST, GONE_URL, MOVED_URL, OTHERS, Open, URL, live};
use crate::support::client::SigningClient;
use crate::support::corpus;

const BATCH: &str = "application/cloudevents-batch+json";

type Sent = Request<Full<Bytes>>;

/// A row: its name, how a good request is changed, and the status and kind of the answer.
type Row = (&'static str, fn(&SigningClient, &[u8]) -> Sent, u16, &'static str);

fn good(client: &SigningClient, body: &[u8]) -> Sent {
    client.batch(Bytes::copy_from_slice(body))
}

fn signed(client: &SigningClient, body: impl Into<Bytes>) -> Sent {
    client.batch(body.into())
}

fn without(mut request: Sent, name: &'static str) -> Sent {
    request.headers_mut().remove(name).unwrap();
    request
}

fn with(mut request: Sent, name: &'static str, value: &str) -> Sent {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

fn twice(mut request: Sent, name: &'static str) -> Sent {
    let value = request.headers()[name].clone();
    request.headers_mut().append(name, value);
    request
}

fn to(mut request: Sent, method: Method, path: &str) -> Sent {
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    request
}

fn at(client: &SigningClient, body: &[u8], shift: i64) -> Sent {
    let seconds = Timestamp::now().as_second() + shift;
    client.signed("events", BATCH, "batch-1", seconds, Bytes::copy_from_slice(body))
}

/// The good batch with one event changed.
fn changed(client: &SigningClient, body: &[u8], place: &str, value: Value) -> Sent {
    let mut events: Value = serde_json::from_slice(body).unwrap();
    *events.pointer_mut(place).unwrap() = value;
    signed(client, events.to_string())
}

fn question(client: &SigningClient, change: impl FnOnce(&mut Value)) -> Sent {
    let mut body =
        json!({ "wire": 1, "plugin": "1.0", "moodle": "4.5.6", "url": URL, "etag": "", "ledger": [] });
    change(&mut body);
    client.question("q-1", &body)
}

const ROWS: &[Row] = &[
    ("a path that is not there", |c, b| to(good(c, b), Method::POST, "/"), 404, "no-such-path"),
    ("a source without more", |c, b| to(good(c, b), Method::POST, "/v1/sources/vle"), 404, "no-such-path"),
    ("another last part", |c, b| to(good(c, b), Method::POST, "/v1/sources/vle/other"), 404, "no-such-path"),
    ("a part more", |c, b| to(good(c, b), Method::POST, "/v1/sources/vle/events/x"), 404, "no-such-path"),
    ("a slash more", |c, b| to(good(c, b), Method::POST, "/v1/sources/vle/events/"), 404, "no-such-path"),
    ("another version", |c, b| to(good(c, b), Method::POST, "/v2/sources/vle/events"), 404, "no-such-path"),
    ("GET", |c, b| to(good(c, b), Method::GET, "/v1/sources/vle/events"), 405, "method"),
    ("PUT", |c, b| to(good(c, b), Method::PUT, "/v1/sources/vle/events"), 405, "method"),
    ("GET of the list", |c, b| to(good(c, b), Method::GET, "/v1/sources/vle/wanted"), 405, "method"),
    ("an unknown source", |c, b| to(good(c, b), Method::POST, "/v1/sources/nobody/events"), 401, "signature"),
    (
        "a source that is no key",
        |c, b| to(good(c, b), Method::POST, "/v1/sources/%2e%2e/events"),
        401,
        "signature",
    ),
    (
        "another source's path",
        |c, b| to(good(c, b), Method::POST, "/v1/sources/other/events"),
        401,
        "signature",
    ),
    ("no Content-Type", |c, b| without(good(c, b), "content-type"), 415, "content-type"),
    ("two Content-Types", |c, b| twice(good(c, b), "content-type"), 415, "content-type"),
    ("plain JSON", |c, b| with(good(c, b), "content-type", "application/json"), 415, "content-type"),
    (
        "a single event's type",
        |c, b| with(good(c, b), "content-type", "application/cloudevents+json"),
        415,
        "content-type",
    ),
    ("gzip", |c, b| with(good(c, b), "content-encoding", "gzip"), 415, "content-encoding"),
    ("identity", |c, b| with(good(c, b), "content-encoding", "identity"), 415, "content-encoding"),
    ("no id", |c, b| without(good(c, b), signature::ID), 400, "header-missing"),
    ("no timestamp", |c, b| without(good(c, b), signature::TIMESTAMP), 400, "header-missing"),
    ("no signature", |c, b| without(good(c, b), signature::SIGNATURE), 400, "header-missing"),
    ("two ids", |c, b| twice(good(c, b), signature::ID), 400, "header-repeated"),
    ("two timestamps", |c, b| twice(good(c, b), signature::TIMESTAMP), 400, "header-repeated"),
    ("two signatures", |c, b| twice(good(c, b), signature::SIGNATURE), 400, "header-repeated"),
    ("an id with a dot", |c, b| with(good(c, b), signature::ID, "a.b"), 400, "header-id"),
    ("an empty id", |c, b| with(good(c, b), signature::ID, ""), 400, "header-id"),
    ("an id that is too long", |c, b| with(good(c, b), signature::ID, &"a".repeat(65)), 400, "header-id"),
    (
        "an id of our answers",
        |c, b| c.signed("events", BATCH, "wanted-q", Timestamp::now().as_second(), b.to_vec().into()),
        400,
        "reserved-id",
    ),
    ("a timestamp with a sign", |c, b| with(good(c, b), signature::TIMESTAMP, "+1"), 400, "header-timestamp"),
    ("a timestamp of words", |c, b| with(good(c, b), signature::TIMESTAMP, "now"), 400, "header-timestamp"),
    (
        "a signature header that is no text",
        |c, b| {
            let mut request = good(c, b);
            request.headers_mut().insert(signature::SIGNATURE, HeaderValue::from_bytes(b"v1,\xff").unwrap());
            request
        },
        400,
        "header-signature",
    ),
    (
        "17 signatures",
        |c, b| with(good(c, b), signature::SIGNATURE, &["v1,AA=="; 17].join(" ")),
        400,
        "header-signature",
    ),
    ("a wrong signature", |c, b| with(good(c, b), signature::SIGNATURE, "v1,AAAA"), 401, "signature"),
    (
        "the signature of another version only",
        |c, b| with(good(c, b), signature::SIGNATURE, "v2,AAAA"),
        401,
        "signature",
    ),
    ("another id than was signed", |c, b| with(good(c, b), signature::ID, "another"), 401, "signature"),
    ("old", |c, b| at(c, b, -302), 401, "clock"),
    ("of the future", |c, b| at(c, b, 302), 401, "clock"),
    (
        "old, with a wrong signature",
        |c, b| with(at(c, b, -302), signature::SIGNATURE, "v1,AAAA"),
        401,
        "signature",
    ),
    ("empty", |c, _| signed(c, ""), 400, "empty"),
    ("no JSON", |c, _| signed(c, "hello"), 400, "not-json"),
    ("JSON that is cut", |c, b| signed(c, b[..b.len() - 1].to_vec()), 400, "not-json"),
    ("JSON with more behind it", |c, b| signed(c, [b, b"x"].concat()), 400, "not-json"),
    ("a byte order mark", |c, b| signed(c, [b"\xef\xbb\xbf", b].concat()), 400, "not-json"),
    ("no UTF-8", |c, _| signed(c, &b"[\"\xff\"]"[..]), 400, "not-json"),
    ("an object", |c, _| signed(c, "{}"), 400, "form"),
    ("a number", |c, _| signed(c, "1"), 400, "form"),
    (
        "another site",
        |c, b| changed(c, b, "/1/source", json!("https://clone.example.org")),
        403,
        "source-mismatch",
    ),
    (
        "the site with a slash more",
        |c, b| changed(c, b, "/0/source", json!(format!("{URL}/"))),
        403,
        "source-mismatch",
    ),
    (
        "another source's site",
        |c, b| changed(c, b, "/0/source", json!("https://other.example.org")),
        403,
        "source-mismatch",
    ),
    ("a URL whose time is over", |c, b| changed(c, b, "/0/source", json!(GONE_URL)), 403, "source-mismatch"),
    (
        "another site in an event that can't be read",
        |c, _| signed(c, r#"[{"source":"https://clone.example.org","x":1,"x":2}]"#),
        403,
        "source-mismatch",
    ),
    (
        "a question as a batch",
        |c, b| {
            let mut q = question(c, |_| ());
            *q.uri_mut() = "/v1/sources/vle/events".parse().unwrap();
            let _ = b;
            q
        },
        415,
        "content-type",
    ),
    (
        "a batch as a question",
        |c, b| c.signed("wanted", "application/json", "q", Timestamp::now().as_second(), b.to_vec().into()),
        400,
        "form",
    ),
    (
        "a question with a batch's type",
        |c, _| with(question(c, |_| ()), "content-type", BATCH),
        415,
        "content-type",
    ),
    (
        "an empty question",
        |c, _| c.signed("wanted", "application/json", "q", Timestamp::now().as_second(), Bytes::new()),
        400,
        "empty",
    ),
    (
        "a question that is no JSON",
        |c, _| c.signed("wanted", "application/json", "q", Timestamp::now().as_second(), "{".into()),
        400,
        "not-json",
    ),
    (
        "a question with a key twice",
        |c, _| {
            c.signed(
                "wanted",
                "application/json",
                "q",
                Timestamp::now().as_second(),
                r#"{"url":"a","url":"b"}"#.into(),
            )
        },
        400,
        "not-json",
    ),
    ("a question of another wire", |c, _| question(c, |q| q["wire"] = json!(2)), 400, "form"),
    ("a question without a site", |c, _| question(c, |q| q["url"] = Value::Null), 400, "form"),
    ("a question without a version", |c, _| question(c, |q| q["plugin"] = json!(1)), 400, "form"),
    (
        "a question of another site",
        |c, _| question(c, |q| q["url"] = json!("https://clone.example.org")),
        403,
        "source-mismatch",
    ),
    (
        "a question whose id is too long to be answered",
        |c, _| c.question(&"q".repeat(58), &json!({ "wire": 1 })),
        400,
        "form",
    ),
    (
        "a question of an unknown source",
        |c, _| to(question(c, |_| ()), Method::POST, "/v1/sources/nobody/wanted"),
        401,
        "signature",
    ),
];

#[tokio::test]
async fn every_refusal_says_what_it_is_and_keeps_nothing() {
    assert!(ROWS.len() >= 40);
    let open = Open::new().await;
    let events = live(ENROLLED, 2);
    let body = corpus::body(&events, URL, &open.etag());
    let mut client = open.client();
    for (name, make, status, kind) in ROWS {
        let request = make(&client, &body);
        let answer = client.send(request).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(
            (answer.status.as_u16(), answer.kind().as_str()),
            (*status, *kind),
            "{name}: {:?}",
            answer.body
        );
        let problem = answer.json();
        assert_eq!(problem["status"], *status, "{name}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{name}");
        assert!(problem["detail"].as_str().is_some_and(|d| d.len() > 15), "{name}: {problem}");
        assert!(problem["title"].as_str().is_some_and(|t| !t.is_empty()), "{name}");
        assert_eq!(answer.headers.contains_key("allow"), *status == 405, "{name}");
        assert!(
            !String::from_utf8_lossy(&answer.body).contains("clone.example"),
            "{name}: what was sent is not repeated"
        );
    }
    for event in &events {
        assert!(open.trace(&event.id.to_string()).await.is_none(), "a refused event was kept");
    }
    // The same events are then taken by the same connection.
    assert_eq!(client.post(body).await.accepted()["accepted"], 2);
}

#[tokio::test]
async fn nobody_learns_which_sources_there_are() {
    let open = Open::new().await;
    let mut answers = Vec::new();
    for (source, secret) in
        [("vle", OTHERS), ("nobody", FIRST), ("NO KEY".replace(' ', "%20").as_str(), FIRST)]
    {
        let mut client = SigningClient::new(open.endpoint.clone(), source, secret);
        let request = client.batch("[]".into());
        let mut answer = client.send(request).await.unwrap();
        answer.headers.remove("date");
        answers.push((answer.status, answer.headers, answer.body));
    }
    assert!(answers.iter().all(|a| *a == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_with_both_times() {
    let open = Open::new().await;
    let mut client = open.client();
    let request = at(&client, b"[]", -1_000);
    let theirs = request.headers()[signature::TIMESTAMP].to_str().unwrap().to_owned();
    let detail = client.send(request).await.unwrap().json()["detail"].as_str().unwrap().to_owned();
    let ours: i64 = theirs.parse::<i64>().unwrap() + 1_000;
    assert!(
        detail.contains(&theirs) && (ours..ours + 5).any(|t| detail.contains(&t.to_string())),
        "{detail}"
    );
}

#[tokio::test]
async fn a_site_that_moves_is_taken_under_both_urls_and_an_alarm_says_so() {
    let open = Open::new().await;
    let mut client = open.client();
    let events = live(ENROLLED, 2);
    let key = "vle".parse().unwrap();
    for (event, url) in events.iter().zip([URL, MOVED_URL]) {
        assert!(!open.context.stats.two_sites(&key, Timestamp::now()));
        let body = corpus::body(std::slice::from_ref(event), url, &open.etag());
        assert_eq!(client.post(body).await.accepted()["accepted"], 1, "{url}");
    }
    let now = Timestamp::now();
    assert!(open.context.stats.two_sites(&key, now));
    assert!(!open.context.stats.two_sites(&key, now + SignedDuration::from_hours(2)));
}

/// Writes these bytes, and reads until the other side closes or this time is over.
async fn raw(open: &Open, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(open.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ =
        tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("closed");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn requests_that_break_http_end_the_connection() {
    let open = Open::with(|settings, _| settings.timeouts.head = Duration::from_millis(500)).await;
    let head = "POST /v1/sources/vle/events HTTP/1.1\r\nHost: x\r\n";
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let rows: Vec<(&str, String, &str)> = vec![
        ("two lengths", format!("{head}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), "HTTP/1.1 400"),
        (
            "length and chunks",
            format!("{head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            "HTTP/1.1 4",
        ),
        ("a length with a sign", format!("{head}Content-Length: +2\r\n\r\nab"), "HTTP/1.1 400"),
        ("a NUL in a header", format!("{head}X: a\0b\r\n\r\n"), "HTTP/1.1 400"),
        ("a space before the colon", format!("{head}X : a\r\n\r\n"), "HTTP/1.1 400"),
        ("too many headers", format!("{head}{many}\r\n"), "HTTP/1.1 431"),
        ("a head that is too large", format!("{head}X: {}\r\n\r\n", "y".repeat(100_000)), "HTTP/1.1 431"),
        ("no HTTP", "hello\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        ("HTTP/2 with prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), ""),
    ];
    for (name, bytes, status) in rows {
        let answer = raw(&open, bytes.as_bytes()).await;
        assert!(answer.starts_with(status), "{name}: {answer:?}");
        assert!(!answer.contains(" 202 "), "{name}");
    }
    assert!(open.client().post("[]").await.accepted()["spool"].is_string());
}

#[tokio::test]
async fn a_request_cut_at_any_byte_keeps_nothing_and_harms_nobody() {
    let open = Open::new().await;
    let event = &live(ENROLLED, 1)[0];
    let body = corpus::body(std::slice::from_ref(event), URL, &open.etag());
    let mut client = open.client();
    let request = client.batch(body.clone().into());
    let mut whole = format!("POST /v1/sources/vle/events HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in request.headers() {
        whole.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    let whole = [whole.as_bytes(), b"\r\n", &body].concat();
    for cut in 0..whole.len() {
        let mut stream = TcpStream::connect(open.address()).await.unwrap();
        stream.write_all(&whole[..cut]).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{cut}: {}", String::from_utf8_lossy(&answer));
    }
    assert!(open.trace(&event.id.to_string()).await.is_none());
    assert_eq!(client.post(body).await.accepted()["accepted"], 1);
}
