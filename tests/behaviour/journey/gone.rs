//! A topic and a contract that are taken out while something waits for them, in the real process: the check
//! before says so, the start holds what waits, and it goes on when they are back.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::held::sidecar;
use super::{ask_wanted, assert_adds_up, assert_no_panic, post};
use crate::support::contract::{self, SOUND, Shape};
use crate::support::sidecar::{FIFO, Sidecar};
use crate::support::sns::script::{Fault, What};
use crate::support::sns::{SnsDouble, Taken};

/// `config check --spool` by a configuration: how it ended, and what is gone.
fn check(config: &Path) -> (Option<i32>, Value) {
    let output = Command::new(Sidecar::program())
        .args(["config", "check", "--spool", "--output", "json", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), told["gone"].clone())
}

/// `reload`: how it ended, and what it said.
fn reload(sidecar: &Sidecar) -> (Option<i32>, String) {
    let output = Command::new(Sidecar::program())
        .args(["reload", "--why", "a test", "--by", "tests", "--config"])
        .arg(sidecar.dir.join("config.toml"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let words = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&words).into_owned())
}

/// What is gone, as kind, name and count.
fn rows(gone: &Value) -> Vec<Value> {
    gone.as_array().unwrap().iter().map(|g| json!([g["what"], g["name"], g["waiting"]])).collect()
}

pub(super) fn get(sidecar: &Sidecar, path: &str) -> String {
    let mut stream = UnixStream::connect(sidecar.dir.join("operate.sock")).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_topic_or_contract_that_is_gone_is_foretold_held_and_goes_on_when_it_is_back() {
    let double = SnsDouble::start(7).await;
    double.fault(Fault::always(What::refuse(404, "NotFound")));
    let dir = tempfile::tempdir().unwrap();
    let contracts = dir.path().join("contracts");
    contract::write(&contracts, Shape::Mended, "stable");
    let mut sidecar = sidecar(dir.path(), &double);
    sidecar.start();
    sidecar.ready().await;
    let mut client = sidecar.client();
    let list = ask_wanted(&mut client).await;
    let events = contract::events(0, 10, &Value::Null);
    assert_eq!(post(&mut client, &events, &list).await["accepted"], 10);

    // Both are asked of the running process: its own configuration, and one without the topic.
    let present = dir.path().join("config.toml");
    let text = std::fs::read_to_string(&present).unwrap();
    let at = text.find("[topics.plain]").unwrap();
    let end = text.find("[contracts]").unwrap();
    let without = [&text[..at], &text[end..]].concat();
    let new = dir.path().join("new.toml");
    std::fs::write(&new, &without).unwrap();
    assert_eq!(check(&present), (Some(0), json!([])));
    let (exit, gone) = check(&new);
    assert_eq!((exit, rows(&gone)), (Some(2), vec![json!(["topic-gone", "plain", 20])]));
    assert!(gone[0]["cure"].as_str().unwrap().contains("put [topics.plain] back"), "{gone}");

    // A reload doesn't take it over, and one that takes the contracts from a topic does.
    std::fs::write(&present, &without).unwrap();
    let (exit, words) = reload(&sidecar);
    assert_eq!(exit, Some(1), "{words}");
    for part in ["topic-gone: 20 messages wait for the topic plain", "topic skip plain"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let fewer = text.replacen("moodle.proof.*.v1", SOUND, 1);
    std::fs::write(&present, fewer.replacen("[spool]\n", "[spool]\nmax_size = \"1 GiB\"\n", 1)).unwrap();
    let (exit, words) = reload(&sidecar);
    assert!(exit == Some(1) && words.contains("read at a start only: spool.max_size"), "{words}");
    std::fs::write(&present, &fewer).unwrap();
    let (exit, words) = reload(&sidecar);
    assert!(exit == Some(0) && words.contains("topics.ordered.contracts"), "{words}");
    let more = contract::events(10, 1, &Value::Null);
    assert_eq!(post(&mut client, &more, &list).await["accepted"], 1);
    let waits = |status: &Value| -> Vec<u64> {
        let all = |topic: &Value| topic["waiting"].as_u64().unwrap() + topic["held"].as_u64().unwrap();
        status["topics"].as_array().unwrap().iter().map(all).collect()
    };
    assert_eq!(waits(&sidecar.ask(&["status"])), [21, 22], "one contract fewer for the first");

    assert_eq!(sidecar.terminate().0.code(), Some(0));
    std::fs::write(&present, &without).unwrap();
    let sound = contracts.join("proof").join("sound");
    std::fs::rename(&sound, dir.path().join("sound")).unwrap();
    let (exit, gone) = check(&present);
    let expected = vec![json!(["contract-gone", SOUND, 22]), json!(["topic-gone", "plain", 22])];
    assert_eq!((exit, rows(&gone)), (Some(2), expected));

    double.calm();
    sidecar.start();
    sidecar.ready().await;
    let begun = Instant::now();
    let ready = loop {
        let ready = get(&sidecar, "/readyz?verbose");
        if double.taken() == 10 && ready.contains("contract-gone") {
            break ready;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{ready}\n{}", sidecar.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(ready.starts_with("HTTP/1.1 200"), "an alarm is no unreadiness: {ready}");
    for line in
        ["[!] topic plain: held (topic-gone), 22 messages wait: put [topics.plain] back", "[!] contract "]
    {
        assert!(ready.contains(line), "{line} in {ready}");
    }
    let metrics = get(&sidecar, "/metrics");
    for line in [
        "moodle_sns_topic_gone{topic=\"plain\"} 1".to_owned(),
        format!("moodle_sns_contract_held{{contract=\"{SOUND}\",cause=\"contract-gone\"}} 1"),
    ] {
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    let status = sidecar.ask(&["status"]);
    let told = status["verdict"].to_string();
    assert!(told.contains("(`topic-gone`)") && told.contains("(`contract-gone`)"), "{told}");
    assert_adds_up(&status);
    let trace = sidecar.ask(&["trace", &events[0].id.to_string()]);
    let words = trace["messages"].to_string();
    assert!(words.contains("held (topic-gone)") && words.contains("held (contract-gone)"), "{words}");
    let log = sidecar.log();
    for cause in ["held (topic-gone)", "held (contract-gone)"] {
        assert_eq!(log.lines().filter(|line| line.contains(cause)).count(), 1, "{cause}: {log}");
    }

    assert_eq!(sidecar.terminate().0.code(), Some(0));
    std::fs::write(&present, &text).unwrap();
    std::fs::rename(dir.path().join("sound"), &sound).unwrap();
    sidecar.start();
    sidecar.ready().await;
    let status = sidecar.drained(Duration::from_secs(30)).await;
    assert_adds_up(&status);
    assert_eq!(status["parked"], json!([]));
    let log = double.log();
    assert_eq!(log.len(), 43, "each once");
    let of_sound: Vec<String> =
        log.iter().filter(|t| t.topic == FIFO && t.id().ends_with(SOUND)).map(Taken::id).collect();
    let expected: Vec<String> = events.iter().chain(&more).map(|e| format!("{}:{SOUND}", e.id)).collect();
    assert_eq!(of_sound, expected, "all are of one person, so of one group");
    assert_no_panic(&sidecar);
}
