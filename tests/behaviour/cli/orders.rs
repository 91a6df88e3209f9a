//! The commands that change something, beside a real process: the on-call's afternoon.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

use super::running::{ask, slice, until};
use crate::support::sidecar::Sidecar;
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

fn topic(sidecar: &Sidecar, key: &str) -> Value {
    let status = ask(sidecar, &["status"]).json();
    status["topics"].as_array().unwrap().iter().find(|topic| topic["topic"] == key).unwrap().clone()
}

fn owed(topic: &Value) -> u64 {
    topic["waiting"].as_u64().unwrap() + topic["held"].as_u64().unwrap()
}

/// What the operator's listener answers, with its head.
fn get(sidecar: &Sidecar, path: &str) -> String {
    let mut stream = UnixStream::connect(sidecar.dir.join("operate.sock")).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn send(sidecar: &Sidecar) {
    ask(sidecar, &["send", "slice.jsonl", "--source", "vle"]).done();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_is_paused_over_a_restart_skipped_and_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let double = SnsDouble::start(1).await;
    let mut sidecar = Sidecar::new(folder.path(), &double.url());
    let n = slice(&sidecar) as u64;
    let why = ["--why", "ticket 4711", "--by", "ann"];
    ask(&sidecar, &[&["topic", "pause", "plain"][..], &why].concat()).is(69, &["start it first"]);
    ask(&sidecar, &["topic", "pause", "plain"]).is(64, &["--why"]);
    sidecar.start();
    sidecar.ready().await;
    ask(&sidecar, &[&["topic", "pause", "nope"][..], &why].concat())
        .is(1, &["the topics are ordered, plain"]);
    ask(&sidecar, &[&["topic", "skip", "plain"][..], &why].concat())
        .is(1, &["plain is not stopped", "topic pause plain"]);
    ask(&sidecar, &[&["topic", "pause", "plain", "--output", "table"][..], &why].concat())
        .is(0, &["plain is paused. 0 messages wait."]);
    send(&sidecar);
    until("the other topic is sent", || owed(&topic(&sidecar, "ordered")) == 0);
    // Killed and started again it is still paused, and everywhere says so.
    sidecar.kill();
    sidecar.start();
    sidecar.ready().await;
    send(&sidecar);
    until("the other topic is sent", || owed(&topic(&sidecar, "ordered")) == 0);
    let plain = topic(&sidecar, "plain");
    assert_eq!((plain["doing"].as_str(), owed(&plain)), (Some("paused"), 2 * n), "{plain}");
    assert!(double.log().iter().all(|taken| taken.topic.ends_with(".fifo")), "nothing of it was sent");
    ask(&sidecar, &["status", "--output", "table"])
        .is(0, &["Worth a look: `plain` is paused since", "(ticket 4711)", "topic resume plain"]);
    let get = |path: &str| get(&sidecar, path);
    let (ready, metrics) = (get("/readyz?verbose"), get("/metrics"));
    assert!(ready.contains("[!] topic plain: paused by a person") && ready.ends_with("ok\n"), "{ready}");
    assert!(metrics.contains("moodle_sns_topic_paused{topic=\"plain\"} 1"), "{metrics}");
    assert!(metrics.contains("moodle_sns_topic_paused{topic=\"ordered\"} 0"), "{metrics}");

    let skip = [&["topic", "skip", "plain"][..], &why].concat();
    let seen = ask(&sidecar, &[&skip[..], &["--dry-run"]].concat()).json();
    assert_eq!((seen["skipped"].as_u64(), seen["dry_run"].as_bool()), (Some(2 * n), Some(true)));
    ask(&sidecar, &[&skip[..], &["--output", "table"]].concat())
        .is(0, &["skipped. The oldest can be replayed"]);
    ask(&sidecar, &[&["topic", "resume", "plain"][..], &why].concat()).done();
    send(&sidecar);
    until("all is sent", || owed(&topic(&sidecar, "plain")) == 0);
    let plain = topic(&sidecar, "plain");
    assert_eq!((plain["settled"].as_u64(), plain["set_aside"].as_u64()), (Some(n), Some(2 * n)));
    ask(&sidecar, &["status", "--output", "table"]).is(0, &["Healthy", "✓ adds up"]);

    let audit: Vec<Value> = serde_json::from_str(&ask(&sidecar, &["audit", "list"]).done()).unwrap();
    let told: Vec<_> = audit.iter().map(|row| (row["verb"].as_str().unwrap(), row["n"].as_u64())).collect();
    assert_eq!(told, [("topic resume", None), ("topic skip", Some(2 * n)), ("topic pause", None)]);
    assert!(audit.iter().all(|row| row["by"] == "ann" && row["why"] == "ticket 4711"), "{audit:?}");
    let token = std::fs::read(sidecar.dir.join("operate.token")).unwrap();
    std::fs::write(sidecar.dir.join("operate.token"), "another-operators-token-x").unwrap();
    ask(&sidecar, &["audit", "list"]).is(1, &["401"]);
    std::fs::write(sidecar.dir.join("operate.token"), token).unwrap();
    assert!(sidecar.terminate().0.success());
    ask(&sidecar, &["audit", "list", "--limit", "1", "--output", "table"])
        .is(0, &["changing nothing", "topic resume", "--before"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_replayed_for_a_day_is_skipped_only_when_that_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let double = SnsDouble::start(1).await;
    let mut sidecar = Sidecar::new(folder.path(), &double.url());
    let file = sidecar.dir.join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replace("[spool]\n", "[spool]\nhistory = { age = \"1h\", size = \"1 GiB\" }\n"),
    )
    .unwrap();
    let n = slice(&sidecar) as u64;
    sidecar.start();
    sidecar.ready().await;
    ask(&sidecar, &["topic", "pause", "plain", "--why", "x"]).done();
    send(&sidecar);
    let skip = ["topic", "skip", "plain", "--why", "x"];
    ask(&sidecar, &skip).is(1, &["409", "could be replayed until about", "say --accept-loss"]);
    assert_eq!(owed(&topic(&sidecar, "plain")), n, "a refusal changes nothing");
    let done = ask(&sidecar, &[&skip[..], &["--accept-loss"]].concat()).json();
    assert_eq!(done["skipped"].as_u64(), Some(n));
    assert_eq!(owed(&topic(&sidecar, "plain")), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parked_ones_are_redriven_at_a_rate_or_dropped_and_a_drain_says_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let double = SnsDouble::start(1).await;
    double.fault(
        Fault::always(What::Fail { place: None, code: "InvalidParameter", sender_fault: true })
            .holding("moodle.group.member_added.v1"),
    );
    let mut sidecar = Sidecar::new(folder.path(), &double.url());
    slice(&sidecar);
    sidecar.start();
    sidecar.ready().await;
    send(&sidecar);
    let parked = |key: &str| topic(&sidecar, key)["parked"].as_u64().unwrap();
    until("all is published or parked", || {
        ["ordered", "plain"].iter().all(|key| owed(&topic(&sidecar, key)) == 0 && parked(key) > 0)
    });
    let n = parked("plain");
    assert!(n >= 2, "{n}");
    let words = |key: &'static str, verb: &'static str| ["parked", verb, "--topic", key, "--why", "x"];

    // Still refused: each is sent once by this order, and parks again.
    let taken = |double: &SnsDouble| double.log().len();
    let before = taken(&double);
    // Three orders, a second apart.
    let rate = n.div_ceil(3).to_string();
    let slowly = [&words("plain", "redrive")[..], &["--rate", &rate]].concat();
    let begun = std::time::Instant::now();
    let done = ask(&sidecar, &slowly).json();
    assert_eq!(done["redriven"].as_u64(), Some(n), "no more than there were at its beginning");
    let least = Duration::from_secs(n.div_ceil(n.div_ceil(3)) - 1);
    assert!(begun.elapsed() >= least, "{:?} for {n} at {rate} a second", begun.elapsed());
    until("they park again", || parked("plain") == n && owed(&topic(&sidecar, "plain")) == 0);
    assert_eq!(taken(&double), before, "SNS took none");
    let audit: Vec<Value> = serde_json::from_str(&ask(&sidecar, &["audit", "list"]).done()).unwrap();
    assert_eq!((audit.len(), audit[0]["n"].as_u64()), (1, Some(n)), "one order, one line: {audit:?}");

    let dry = ask(&sidecar, &[&words("plain", "drop")[..], &["--dry-run"]].concat()).json();
    assert_eq!((dry["dropped"].as_u64(), parked("plain")), (Some(n), n));
    ask(&sidecar, &["parked", "drop", "--why", "x"]).is(64, &["say which", "--all"]);
    ask(&sidecar, &[&words("plain", "drop")[..], &["--output", "table"]].concat())
        .is(0, &["dropped: they are not sent, and the ledger counts them"]);
    assert_eq!((parked("plain"), topic(&sidecar, "plain")["set_aside"].as_u64()), (0, Some(n)));

    // The end of a sidecar: what is parked on the other topic wants a person first.
    ask(&sidecar, &["topic", "pause", "plain", "--why", "to see it wait"]).done();
    send(&sidecar);
    let waiting = owed(&topic(&sidecar, "plain"));
    let drain = ["drain", "--why", "it moves", "--output", "table"];
    ask(&sidecar, &[&drain[..], &["--wait", "2"]].concat())
        .is(2, &["still owed: plain", "paused: since", "parked: see `moodle-sns-producer parked list`"]);
    ask(&sidecar, &["send", "slice.jsonl", "--source", "vle"]).is(69, &["503", "drained"]);
    ask(&sidecar, &["status", "--output", "table"]).is(2, &["being drained"]);
    ask(&sidecar, &["healthcheck"]).is(69, &["door: being drained"]);
    assert!(waiting > 0);
    double.calm();
    ask(&sidecar, &["topic", "resume", "plain", "--why", "x"]).done();
    ask(&sidecar, &["parked", "drop", "--all", "--why", "told the consumers"]).done();
    ask(&sidecar, &drain).is(0, &["Nothing is owed any more, and no batch is taken"]);
    ask(&sidecar, &[&drain[..], &["--cancel"]].concat()).is(0, &["Batches are taken again"]);
    send(&sidecar);
    ask(&sidecar, &["healthcheck"]).done();
}
