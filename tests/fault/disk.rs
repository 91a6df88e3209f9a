//! Goal: an error of the disk at a commit never becomes a false 202, and the process either goes on from
//! the reopened file or ends with 70. Method: the real binary under `strace`, which makes the n-th sync
//! fail, for n from the first on; every id that got a 202 must be in the file at the end.

use std::collections::HashSet;
use std::time::Duration;

use moodle_sns_producer::event::EventId;
use moodle_sns_producer::spool::{OpenError, Spool};

use super::harness;
use crate::support::checker::{self, Evidence, Known};
use crate::support::client::Outcome;
use crate::support::corpus::{self, Recording};
use crate::support::sidecar::{Sidecar, URL};
use crate::support::sns::SnsDouble;

fn have(tool: &str) -> bool {
    harness::has(tool, tool, "disk errors at a commit")
}

struct Run {
    acked: Vec<EventId>,
    unknown: usize,
    problem: Option<String>,
    exit: Option<i32>,
    there: HashSet<EventId>,
    /// The end of its log.
    words: String,
}

/// Posts events one by one while syncs fail by `when`, and looks at the file afterwards.
async fn post_while_syncs_fail(when: &str) -> Run {
    let dir = tempfile::tempdir().unwrap();
    // Nothing is published: the double is not there, and every delivery waits.
    let mut sidecar =
        Sidecar::new(dir.path(), "http://127.0.0.1:9").with_syncs(&format!("error=EIO:when={when}"));
    sidecar.start();
    let mut events = corpus::read(Recording::Hour);
    events.retain(|event| event.name.ends_with("user_enrolment_created"));
    let events = corpus::moved_to(jiff::Timestamp::now(), &events[..30]);
    let mut client = sidecar.client();
    let mut run = Run {
        acked: Vec::new(),
        unknown: 0,
        problem: None,
        exit: None,
        there: HashSet::new(),
        words: String::new(),
    };
    for event in &events {
        let body = corpus::body(std::slice::from_ref(event), URL, "");
        for _ in 0..400 {
            match client.post(body.clone()).await {
                Outcome::Accepted(_) => {
                    run.acked.push(event.id);
                    break;
                }
                Outcome::Refused(status, problem) => panic!("{status} {problem}"),
                Outcome::Unknown(why) => {
                    if why.starts_with("503") {
                        run.unknown += 1;
                        run.problem = Some(why);
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            if let Some(status) = sidecar.ended() {
                run.exit = status.code();
                break;
            }
        }
        if run.exit.is_some() {
            break;
        }
    }
    if run.exit.is_none() {
        sidecar.kill();
    }
    let log = sidecar.log();
    run.words = log.lines().filter(|line| line.contains("ERROR")).collect::<Vec<_>>().join("\n");
    // Killed together with its tracer, it may take a moment to let go. A start that failed may have left
    // no spool at all.
    let spool = loop {
        match Spool::read_only(&dir.path().join("spool/spool.db")).await {
            Ok(spool) => break Some(spool),
            Err(OpenError::Locked(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(_) if run.acked.is_empty() => break None,
            Err(error) => panic!("{error}"),
        }
    };
    if let Some(spool) = spool {
        for event in &events {
            if spool.trace(None, event.id).await.unwrap().is_some() {
                run.there.insert(event.id);
            }
        }
        let state = spool.state().await.unwrap();
        assert!(state.topics.iter().all(|t| t.missing() == 0), "{state:?}");
    }
    run
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_failed_sync_is_an_unknown_outcome_and_the_process_goes_on() {
    if !have("strace") {
        return;
    }
    let (mut unknown, mut refused_to_start, mut ended) = (0, 0, 0);
    for when in 1..=26 {
        let run = post_while_syncs_fail(&when.to_string()).await;
        let lost: Vec<_> = run.acked.iter().filter(|id| !run.there.contains(id)).collect();
        assert!(lost.is_empty(), "sync {when}: got a 202 and is not in the file: {lost:?}");
        unknown += run.unknown;
        println!("sync {when}: exit {:?}, {} acked, {} unknown", run.exit, run.acked.len(), run.unknown);
        match run.exit {
            None => assert_eq!(run.acked.len(), 30, "sync {when}: {:?}", run.problem),
            // A start whose first syncs fail ends with a word, before anything was promised.
            Some(code) if run.acked.is_empty() => {
                refused_to_start += 1;
                assert!(code == 70 || code == 69, "sync {when}: exit {code}\n{}", run.words);
            }
            // The tracer counts by thread, so one place may be two failures: the second ends the process.
            Some(code) => {
                ended += 1;
                println!("sync {when}: ended after a second failure\n{}", run.words);
                assert_eq!(code, 70, "sync {when}\n{}", run.words);
            }
        }
    }
    println!("26 places: {unknown} answers of unknown outcome, {refused_to_start} starts refused");
    assert!(ended <= 2, "one failed sync is no reason to end");
    assert!(unknown >= 5 && refused_to_start <= 18, "the sweep never reached a commit of a batch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_goes_on_failing_ends_the_process_with_70_and_no_false_202() {
    if !have("strace") {
        return;
    }
    for when in ["20+", "30+"] {
        let run = post_while_syncs_fail(when).await;
        println!("syncs {when}: exit {:?}, {} acked", run.exit, run.acked.len());
        assert_eq!(run.exit, Some(70), "syncs {when}: {:?}", run.problem);
        assert!(!run.acked.is_empty(), "syncs {when}: it never came up");
        let lost: Vec<_> = run.acked.iter().filter(|id| !run.there.contains(id)).collect();
        assert!(lost.is_empty(), "syncs {when}: got a 202 and is not in the file: {lost:?}");
    }
}

/// What SNS took and the spool could not note is published again, under the same id, and nothing is lost:
/// after the failed sync the workers read their topics again from the head.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_while_messages_are_published_costs_copies_and_no_message() {
    if !have("strace") {
        return;
    }
    let mut failures = 0;
    for when in ["18", "27", "36"] {
        let double = SnsDouble::start(1).await;
        let dir = tempfile::tempdir().unwrap();
        let mut sidecar =
            Sidecar::new(dir.path(), &double.url()).with_syncs(&format!("error=EIO:when={when}"));
        sidecar.start();
        sidecar.ready().await;
        let mut events = corpus::read(Recording::Hour);
        events.retain(|event| event.name.ends_with("user_enrolment_created"));
        let events = corpus::moved_to(jiff::Timestamp::now(), &events[..60]);
        let mut client = sidecar.client();
        let mut evidence = Evidence::default();
        for event in &events {
            let body = corpus::body(std::slice::from_ref(event), URL, "");
            while let Outcome::Unknown(_) = client.post(body.clone()).await {
                assert_eq!(sidecar.ended(), None, "syncs {when}: one failure is no reason to end");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            evidence.sent.insert(event.id, Known::Kept);
            evidence.owes.insert(event.id, 2);
        }
        sidecar.drained(Duration::from_secs(30)).await;
        assert_eq!(sidecar.ended(), None, "syncs {when}");
        failures += sidecar.log().matches("a commit failed").count();
        evidence.taken = double.log().into_iter().map(checker::Taken::from).collect();
        let faults = checker::faults(&evidence);
        assert!(faults.is_empty(), "syncs {when}: {faults:#?}");
    }
    assert!(failures > 0, "no sync of a commit failed: the test met nothing");
}
