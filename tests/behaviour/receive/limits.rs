//! Every limit at one below, at, and one above; and every wait.

use std::time::{Duration, Instant};

use bytes::Bytes;
use moodle_sns_producer::receive::{Limits, Timeouts};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{ENROLLED, Open, URL, live};
use crate::support::client::Outcome;

/// Events that no contract wants: counted, so that a limit can be met without a thousand rows.
fn unwanted(n: usize) -> Vec<Value> {
    let mut event = live(ENROLLED, 1)[0].cloud_event(URL, "none");
    event["type"] = json!("\\core\\event\\user_loggedin");
    event["data"]["event"] = json!({ "eventname": "\\core\\event\\user_loggedin" });
    vec![event; n]
}

#[track_caller]
fn refused(outcome: &Outcome) -> (u16, String) {
    let Outcome::Refused(status, problem) = outcome else { panic!("{outcome:?}") };
    let kind = problem["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    (status.as_u16(), kind)
}

#[tokio::test]
async fn a_body_may_have_exactly_its_limit() {
    let open = Open::with(|s, _| s.limits.max_body = 4_096).await;
    let mut client = open.client();
    for (size, taken) in [(4_095, true), (4_096, true), (4_097, false), (1 << 20, false)] {
        let body = format!("[{}]", " ".repeat(size - 2));
        let outcome = client.post(body).await;
        if taken {
            outcome.accepted();
        } else {
            assert_eq!(refused(&outcome), (413, "max-body".to_owned()), "{size}");
        }
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_counted_as_it_comes() {
    let open = Open::with(|s, _| s.limits.max_body = 4_096).await;
    let mut stream = TcpStream::connect(open.address()).await.unwrap();
    let request = open.client().batch("[]".into());
    let mut head = "POST /v1/sources/vle/events HTTP/1.1\r\nTransfer-Encoding: chunked\r\n".to_owned();
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    for _ in 0..5 {
        stream.write_all(format!("400\r\n{}\r\n", " ".repeat(1_024)).as_bytes()).await.unwrap();
    }
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_batch_may_have_exactly_its_number_of_events() {
    let open = Open::with(|s, _| s.limits.max_events = 50).await;
    let mut client = open.client();
    for (n, taken) in [(49, true), (50, true), (51, false), (500, false)] {
        let outcome = client.post(json!(unwanted(n)).to_string()).await;
        if taken {
            assert_eq!(outcome.accepted()["unwanted"], n);
        } else {
            assert_eq!(refused(&outcome), (413, "max-events".to_owned()), "{n}");
        }
    }
}

#[tokio::test]
async fn an_event_may_have_exactly_its_size_and_depth() {
    let open = Open::with(|s, _| s.limits = Limits { max_event: 20_000, ..Limits::default() }).await;
    let mut client = open.client();
    let sized = |mut event: Value, size: usize| {
        let bare = event.to_string().len();
        event["x"] = json!("y".repeat(size - bare - r#","x":"""#.len()));
        assert_eq!(event.to_string().len(), size);
        event
    };
    let nested = |mut event: Value, levels: usize| {
        // The event itself is one level, `x` the next.
        event["x"] = (1..levels).fold(json!(1), |inner, _| json!([inner]));
        event
    };
    type Change<'a> = &'a dyn Fn(Value) -> Value;
    let change: [(&str, Change<'_>, Option<&str>); 6] = [
        ("size - 1", &|e| sized(e, 19_999), None),
        ("size", &|e| sized(e, 20_000), None),
        ("size + 1", &|e| sized(e, 20_001), Some("too-large")),
        ("depth - 1", &|e| nested(e, 31), None),
        ("depth", &|e| nested(e, 32), None),
        ("depth + 1", &|e| nested(e, 33), Some("too-deep")),
    ];
    for ((name, change, reason), event) in change.into_iter().zip(live(ENROLLED, 6)) {
        let event = change(event.cloud_event(URL, &open.etag()));
        let answer = client.post(json!([event]).to_string()).await.accepted();
        assert_eq!(answer["parked"][0]["reason"].as_str(), reason, "{name}: {answer}");
    }
}

#[tokio::test]
async fn more_bytes_at_once_than_may_be_held_are_put_off() {
    let open = Open::with(|s, _| s.limits.in_flight = 10_000).await;
    let mut client = open.client();
    assert!(
        matches!(client.post(format!("[{}]", " ".repeat(10_001))).await, Outcome::Unknown(e) if e.starts_with("503"))
    );
    let request = client.batch(Bytes::from(format!("[{}]", " ".repeat(10_001))));
    let answer = client.send(request).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.kind().as_str()), (503, "overloaded"));
    assert_eq!(answer.headers["retry-after"], "1");
    // The bytes of those are given back.
    client.post(format!("[{}]", " ".repeat(9_998))).await.accepted();
    client.post(format!("[{}]", " ".repeat(9_998))).await.accepted();
}

const SHORT: Timeouts = Timeouts { head: Duration::from_millis(300), body: Duration::from_millis(600) };

/// Sends `first`, then one more byte each 50 ms; how long the other side bears it, and what it says.
async fn drip(open: &Open, first: &str, more: &[u8]) -> (Duration, String) {
    let mut stream = TcpStream::connect(open.address()).await.unwrap();
    let begin = Instant::now();
    stream.write_all(first.as_bytes()).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let more = more.to_vec();
    let dripping = tokio::spawn(async move {
        for byte in more.iter().cycle().take(200) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if write.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        // Dropped, it would end what is sent.
        std::future::pending::<()>().await;
        drop(write);
    });
    let mut answer = Vec::new();
    let _ = read.read_to_end(&mut answer).await;
    dripping.abort();
    (begin.elapsed(), String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn what_comes_too_slowly_ends_in_time() {
    let open = Open::with(|s, _| s.timeouts = SHORT).await;
    let client = open.client();
    let request = client.batch("[]".into());
    let mut head = "POST /v1/sources/vle/events HTTP/1.1\r\ncontent-length: 100\r\n".to_owned();
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    let rows: [(&str, &str, &[u8], &str); 5] = [
        ("nothing", "", b"", ""),
        ("half a head", "POST /v1/sources/vle/events HTTP/1.1\r\nhost", b"", "HTTP/1.1 408"),
        ("a head that drips", "POST /v1/sources/vle/events HTTP/1.1\r\nx: ", b"x", "HTTP/1.1 408"),
        ("half a body", &format!("{head}\r\n["), b"", "HTTP/1.1 408"),
        ("a body that drips", &format!("{head}\r\n["), b" ", "HTTP/1.1 408"),
    ];
    for (name, first, more, status) in rows {
        let (took, answer) = drip(&open, first, more).await;
        assert!(took < Duration::from_secs(2), "{name} was borne for {took:?}");
        // hyper says nothing to a head that never ended.
        assert!(answer.starts_with(status) || answer.is_empty(), "{name}: {answer}");
        if name.contains("body") {
            assert!(
                answer.starts_with("HTTP/1.1 408") && answer.contains("connection: close"),
                "{name}: {answer}"
            );
        }
    }
    let idle = {
        let (took, answer) = drip(&open, "GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        took
    };
    assert!(idle < Duration::from_secs(2), "idle after an answer: {idle:?}");
}

#[tokio::test]
async fn a_connection_too_many_is_turned_away_at_once() {
    let open = Open::with(|s, _| s.max_connections = 2).await;
    let mut first = open.client();
    first.post("[]").await.accepted();
    let _idle = TcpStream::connect(open.address()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut third = TcpStream::connect(open.address()).await.unwrap();
    let mut answer = String::new();
    third.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("Retry-After: 1"), "{answer}");
    // Those that are open go on.
    first.post("[]").await.accepted();
    drop(first);
    tokio::time::sleep(Duration::from_millis(50)).await;
    open.client().post("[]").await.accepted();
}
