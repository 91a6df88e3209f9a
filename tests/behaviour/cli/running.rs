//! The commands beside a real process: one that runs, one that doesn't, and one in the way.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Said, call, initialised, repository};
use crate::support::sidecar::{Sidecar, URL};
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

pub(super) fn ask(sidecar: &Sidecar, words: &[&str]) -> Said {
    call(&sidecar.dir, &[], &[words, &["--config", "config.toml"]].concat())
}

/// The captured enrolments and groups, as a file in the sidecar's folder.
pub(super) fn slice(sidecar: &Sidecar) -> usize {
    let corpus = std::fs::read_to_string(repository("tests/corpus/enriched.jsonl")).unwrap();
    let wanted = |line: &&str| {
        ["user_enrolment_created", "group_member_added"]
            .iter()
            .any(|class| line.contains(&format!("\"class\":\"core\\\\event\\\\{class}\"")))
            && !line.contains("\"anonymous\":1")
    };
    let lines: Vec<&str> = corpus.lines().filter(wanted).collect();
    assert!(
        lines.iter().any(|l| l.contains("member_added")) && lines.iter().any(|l| l.contains("enrolment"))
    );
    std::fs::write(sidecar.dir.join("slice.jsonl"), lines.join("\n")).unwrap();
    lines.len()
}

/// Asks until it is so.
pub(super) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn send_status_trace_park_and_redrive() {
    let folder = tempfile::tempdir().unwrap();
    let double = SnsDouble::start(1).await;
    double.fault(
        Fault::always(What::Fail { place: None, code: "InvalidParameter", sender_fault: true })
            .holding("moodle.group.member_added.v1"),
    );
    let mut sidecar = Sidecar::new(folder.path(), &double.url());
    sidecar.start();
    sidecar.ready().await;
    assert_eq!(ask(&sidecar, &["healthcheck"]).done(), "ready\n");
    ask(&sidecar, &["status", "--output", "table"]).is(0, &["Healthy: No message waits.", "✓ adds up"]);

    let n = slice(&sidecar);
    ask(&sidecar, &["send", "slice.jsonl", "--source", "nope"]).is(64, &["the sources are vle"]);
    let sent = ask(&sidecar, &["send", "slice.jsonl", "--source", "vle"]);
    sent.is(0, &["moved to now"]);
    assert_eq!(
        (sent.json()["events"].as_u64(), sent.json()["accepted"].as_u64()),
        (Some(n as u64), Some(n as u64))
    );
    // The same again: remade ids are new, so it is accepted again; as it is, it would be too old or known.

    until("all is published or parked", || {
        let status = ask(&sidecar, &["status"]).json();
        let topics = status["topics"].as_array().unwrap().clone();
        topics.iter().all(|t| t["waiting"] == 0 && t["held"] == 0) && topics.iter().any(|t| t["parked"] != 0)
    });
    let status = ask(&sidecar, &["status", "--output", "table"]);
    status.is(2, &["Wants a person: ", "messages are parked", "parked list --reason refused", "✓ adds up"]);

    let rows: Vec<Value> =
        serde_json::from_str(&ask(&sidecar, &["parked", "list", "--topic", "plain"]).done()).unwrap();
    assert!(!rows.is_empty() && rows.iter().all(|row| row["contract"] == "moodle.group.member_added.v1"));
    let lines = ask(&sidecar, &["parked", "list", "--output", "jsonl"]).done();
    assert_eq!(lines.lines().count(), rows.len() * 2);
    let (number, event) = (rows[0]["number"].to_string(), rows[0]["event"].as_str().unwrap().to_owned());
    ask(&sidecar, &["parked", "list", "--output", "table", "--limit", "1"])
        .is(0, &["NUMBER", "InvalidParameter", "--limit takes up to 1000"]);
    ask(&sidecar, &["parked", "list", "--reason", "mapping", "--output", "table"])
        .is(0, &["Nothing is parked."]);

    let show = ask(&sidecar, &["parked", "show", &number, "--output", "table"]);
    show.is(0, &["read SNS's words", "only a redrive shows", "group_member_added", "\"entities\""]);
    ask(&sidecar, &["parked", "show", "999999"]).is(2, &["parked list` shows what is"]);

    let message = format!("{event}:moodle.group.member_added.v1");
    for id in [&event, &message] {
        ask(&sidecar, &["trace", id, "--output", "table"]).is(0, &["0 of 2 messages published", "parked"]);
    }
    let unknown = "01890000-0000-7000-8000-000000000000";
    ask(&sidecar, &["trace", unknown, "--output", "table"]).is(2, &["Not known here"]);

    // The cure: SNS takes it now.
    double.calm();
    let dry = ask(&sidecar, &["parked", "redrive", "--number", &number, "--why", "cured", "--dry-run"]);
    assert_eq!(dry.json(), json!({"redriven": 1, "at_the_door": 0, "dry_run": true, "left": 1}));
    ask(&sidecar, &["parked", "redrive", "--reason", "mapping", "--why", "x", "--output", "table"])
        .is(0, &["Nothing that is parked fits"]);
    let all = ask(&sidecar, &["parked", "redrive", "--reason", "refused", "--why", "cured"]);
    assert_eq!(all.json()["redriven"].as_u64(), Some(rows.len() as u64 * 2));
    until("the redriven are published", || {
        ask(&sidecar, &["trace", &event]).json()["sentence"]
            .as_str()
            .unwrap()
            .contains("All 2 messages were published")
    });
    ask(&sidecar, &["status", "--output", "table"]).is(0, &["Healthy: "]);
    let redriven = double.log().into_iter().filter(|taken| taken.message.contains(&message)).count();
    assert_eq!(redriven, 2, "under its old message id, once a topic");
    assert!(double.log().iter().all(|taken| taken.message.contains(URL)));

    // A token that isn't the process's.
    std::fs::write(sidecar.dir.join("operate.token"), "another-operators-token-x").unwrap();
    ask(&sidecar, &["parked", "redrive", "--all", "--why", "x"]).is(1, &["401", "operate.token_file"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_runs_another_runs_or_the_way_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let double = SnsDouble::start(1).await;
    let mut sidecar = Sidecar::new(folder.path(), &double.url());
    let n = slice(&sidecar);
    for words in [&["status"][..], &["parked", "list"], &["trace", "01890000-0000-7000-8000-000000000000"]] {
        ask(&sidecar, words)
            .is(69, &["nothing listens at unix:", "there is no such file", "`moodle-sns-producer run`"]);
    }
    ask(&sidecar, &["healthcheck"]).is(69, &["nothing listens at unix:", "Is the process running"]);
    ask(&sidecar, &["send", "slice.jsonl", "--source", "vle"])
        .is(69, &["nothing listens", "Is the process running"]);
    ask(&sidecar, &["parked", "redrive", "--all", "--why", "x"]).is(69, &["start it first"]);

    sidecar.start();
    sidecar.ready().await;
    ask(&sidecar, &["send", "slice.jsonl", "--source", "vle"]).done();
    until("published", || double.taken() == n * 2);
    let (operate, receive) = ("operate.listen=unix:/nowhere/o.sock", "receive.listen=127.0.0.1:0");
    ask(&sidecar, &["run", "--set", operate, "--set", receive]).is(75, &["another process holds the spool"]);
    ask(&sidecar, &["status", "--set", operate]).is(75, &["ask it by its own configuration (--config)"]);
    let elsewhere = format!("spool.path={}/other/spool.db", folder.path().display());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("receive.listen={}", taken.local_addr().unwrap());
    let said = call(
        &sidecar.dir,
        &[("MSP_LOG", "off")],
        &["run", "--config", "config.toml", "--set", &elsewhere, "--set", &listen],
    );
    said.is(69, &["is another process there? set receive.listen"]);

    // Ended in order: who looks reads the spool itself, changes nothing and says so.
    let (status, _) = sidecar.terminate();
    assert!(status.success());
    let said = ask(&sidecar, &["status", "--output", "table"]);
    said.is(
        2,
        &[
            "No process runs: reading ",
            "changing nothing",
            "No process holds this spool. Nothing waits.",
            "✓ adds up",
        ],
    );
    ask(&sidecar, &["parked", "list", "--output", "table"]).is(0, &["Nothing is parked."]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_init_writes_runs() {
    let folder = initialised();
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let place = |key: &str, addr: &str| format!("{key}={addr}");
    let (receive, operate) = (place("receive.listen", &free()), place("operate.listen", &free()));
    let spool = format!("spool.path={}/spool.db", folder.path().display());
    let layers = ["--config", "config.toml", "--set", &receive, "--set", &operate, "--set", &spool];
    let mut process = std::process::Command::new(Sidecar::program())
        .arg("run")
        .args(layers)
        .current_dir(folder.path())
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until("ready", || call(folder.path(), &[], &[&["healthcheck"], &layers[..]].concat()).code == 0);
    let told = std::process::Command::new("kill").arg(process.id().to_string()).status().unwrap();
    assert!(told.success() && process.wait().unwrap().success());
}
