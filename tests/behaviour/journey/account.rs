//! What is told of events must not depend on who is asked: the running process, or the file after it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Decided, ask_wanted, assert_adds_up, kept_id, post};
use crate::support::corpus::{self, Captured, Recording};
use crate::support::sidecar::{STANDARD, Sidecar};
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

/// What a command said.
#[derive(Debug)]
struct Said {
    exit: Option<i32>,
    out: Value,
    err: String,
}

fn say(sidecar: &Sidecar, words: &[&str]) -> Said {
    let output = Command::new(Sidecar::program())
        .args(words)
        .args(["--output", "json", "--config"])
        .arg(sidecar.dir.join("config.toml"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    let out =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}\n{err}"));
    Said { exit: output.status.code(), out, err }
}

/// Of a status what is the spool's: the rest (rates, what workers do, when secrets were used) only a process
/// knows.
fn lasting(status: &Value) -> Value {
    let mut lasting = serde_json::Map::new();
    for key in ["door", "unrouted", "messages", "parked", "version"] {
        lasting.insert(key.to_owned(), status[key].clone());
    }
    for key in ["id", "owed_bytes"] {
        lasting.insert(key.to_owned(), status["spool"][key].clone());
    }
    let topics = status["topics"].as_array().unwrap().iter().map(|topic| {
        let keys = ["topic", "arn", "waiting", "held", "parked", "settled", "set_aside"];
        Value::from(keys.map(|key| topic[key].clone()).to_vec())
    });
    lasting.insert("topics".to_owned(), topics.collect());
    lasting.into()
}

/// A trace without the time that a held message still has to wait.
fn timeless(mut told: Value) -> Value {
    for message in told.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        let words = message["words"].as_str().unwrap();
        message["words"] = words.split(", again in").next().unwrap().into();
    }
    told
}

/// Starts the process with other contracts on both topics.
async fn restart_with(sidecar: &mut Sidecar, contracts: &str) {
    let (exit, _) = sidecar.terminate();
    assert_eq!(exit.code(), Some(0), "{}", sidecar.log());
    let file = sidecar.dir.join("config.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, config.replace(r#"["moodle.*.*.v1"]"#, contracts)).unwrap();
    sidecar.start();
    sidecar.ready().await;
}

/// Goal: `status`, `parked list` and `trace` give one account, whoever answers. Method: one event of each
/// fate there is; each question is asked while the process runs, and again when it has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_source_of_truth_gives_the_same_account() {
    let double = SnsDouble::start(3).await;
    double.fault(Fault::always(What::refuse(403, "AuthorizationError")).on(STANDARD));
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::new(dir.path(), &double.url());
    sidecar.start();
    sidecar.ready().await;
    let older_list = ask_wanted(&mut sidecar.client()).await;
    restart_with(&mut sidecar, r#"["moodle.enrolment.*.v1", "moodle.submission.*.v1"]"#).await;
    let list = ask_wanted(&mut sidecar.client()).await;
    assert_ne!(list, older_list);

    let decided = Decided::new();
    let hour = corpus::moved_to(Timestamp::now(), &corpus::read(Recording::Enriched));
    let find = |contract: Option<&str>, anonymous: bool| {
        let fits = |event: &&Captured| {
            decided.contracts(event).first().map(String::as_str) == contract
                && event.is_anonymous() == anonymous
        };
        hour.iter().find(fits).unwrap().clone()
    };
    let published = find(Some("moodle.enrolment.created.v1"), false);
    let anonymous = find(Some("moodle.submission.submitted.v1"), true);
    let unwanted = find(None, false);
    let unrouted = find(Some("moodle.course.updated.v1"), false);
    let mut unmapped = published.renamed(1);
    unmapped.data.insert("objectid".to_owned(), "no number".into());
    unmapped.data.insert("courseid".to_owned(), "no number".into());
    let days = SignedDuration::from_hours(24 * 36);
    let old = corpus::moved_to(Timestamp::now() - days, &[published.renamed(2)]).remove(0);

    let mut client = sidecar.client();
    let batch = [published.clone(), anonymous.clone(), unwanted.clone(), unmapped.clone(), old.clone()];
    let answer = post(&mut client, &batch, &list).await;
    assert_eq!(["accepted", "unwanted", "duplicate"].map(|key| &answer[key]), [3, 1, 0], "{answer}");
    let answer = post(&mut client, std::slice::from_ref(&published), &list).await;
    assert_eq!(answer["duplicate"], 1, "{answer}");
    // It was cut under the list before: taken by a contract that no topic carries any more.
    let answer = post(&mut client, std::slice::from_ref(&unrouted), &older_list).await;
    assert_eq!(answer["accepted"], 1, "{answer}");

    // Two are published on the one topic; the other may not be published to, so two are held there.
    let begun = Instant::now();
    loop {
        let status = sidecar.ask(&["status"]);
        let topic = |n: usize| {
            let count = |key: &str| super::count(&status["topics"][n][key]);
            [count("waiting"), count("held"), count("parked"), count("settled")]
        };
        if topic(0) == [0, 0, 1, 2] && topic(1) == [0, 2, 1, 0] && status["topics"][1]["doing"] == "held" {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{status:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let unknown = published.renamed(3).id.to_string();
    let ids = [&published, &anonymous, &unwanted, &unrouted, &unmapped, &old].map(|e| kept_id(e).to_string());
    let mut questions =
        vec![vec!["status"], vec!["parked", "list"], vec!["parked", "list", "--reason", "too-old"]];
    questions.extend(ids.iter().chain([&unknown]).map(|id| vec!["trace", id]));
    let ask_all = || questions.iter().map(|words| say(&sidecar, words)).collect::<Vec<Said>>();
    let running = ask_all();
    let number = running[1].out[0]["number"].to_string();
    let of_process = sidecar.ask(&["parked", "show", &number]);
    let (exit, _) = sidecar.terminate();
    assert_eq!(exit.code(), Some(0), "{}", sidecar.log());
    let ask_all = || questions.iter().map(|words| say(&sidecar, words)).collect::<Vec<Said>>();
    let stopped = ask_all();
    assert_eq!(sidecar.ask(&["parked", "show", &number]), of_process);

    for ((words, here), there) in questions.iter().zip(&running).zip(&stopped) {
        assert_eq!(here.err, "", "{words:?}");
        assert!(there.err.starts_with("No process runs: reading "), "{words:?}: {}", there.err);
        if words[0] == "status" {
            assert_adds_up(&here.out);
            assert_eq!(lasting(&here.out), lasting(&there.out));
            assert_eq!((here.out["started"].is_null(), there.out["started"].is_null()), (false, true));
            assert_eq!(there.out["topics"][1]["words"], "no process runs");
        } else {
            assert_eq!(here.exit, there.exit, "{words:?}");
            assert_eq!(timeless(here.out.clone()), timeless(there.out.clone()), "{words:?}");
        }
    }

    // And it is the truth.
    let status = &stopped[0].out;
    let parts: Vec<u64> = status["door"]["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| super::count(&line["counts"][1]))
        .collect();
    assert_eq!((&status["door"]["total"]["counts"][1], parts), (&7.into(), vec![4, 1, 1, 1]));
    assert_eq!(status["unrouted"], 1);
    assert_eq!((stopped[1].out.as_array().unwrap().len(), stopped[2].out.as_array().unwrap().len()), (3, 1));
    let sentences: Vec<&str> =
        stopped[3..].iter().map(|said| said.out["sentence"].as_str().unwrap()).collect();
    let told = [
        "1 of 2 messages",
        "1 of 2 messages",
        "Not known here",
        "unrouted",
        "0 of 2 messages",
        "Parked at the door: too-old",
        "Not known here",
    ];
    for (sentence, told) in sentences.iter().zip(told) {
        assert!(sentence.contains(told), "{sentence:?} is not of {told:?}");
    }
    let exits: Vec<Option<i32>> = stopped[3..].iter().map(|said| said.exit).collect();
    assert_eq!(exits, [0, 0, 2, 0, 0, 0, 2].map(Some));
}
