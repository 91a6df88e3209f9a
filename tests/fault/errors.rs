//! D4. Goal: an error of any call on any file of the spool, once or from then on, never becomes a false 202, and the
//! process either goes on or ends with 70 (69, 75 at its start), and starts again well. Method: a sweep over the
//! n-th `fsync`, `pwrite64`, `pread64`, `ftruncate` and `openat` on the spool's files, until a run doesn't reach its place.

use std::time::Duration;

use moodle_sns_producer::spool::{OpenError, Spool, TracedState};

use super::harness;
use super::posts::{Load, Told, errors, ledger_adds_up, topic};
use crate::support::checker::Known;
use crate::support::sidecar::Sidecar;
use crate::support::sns::SnsDouble;

const FILES: [&str; 7] = ["", "-wal", "-shm", ".lock", ".high", ".clean", ".reserve"];

struct Run {
    reached: bool,
    exit: Option<i32>,
    kept: usize,
    unknown: usize,
}

async fn run(call: &str, when: &str) -> Run {
    let what = format!("{call} {when}");
    let double = SnsDouble::start(1).await;
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace").display().to_string();
    let spool = dir.path().join("spool/spool.db");
    let mut words: Vec<String> = ["strace", "-f", "-qq", "-o", &trace].map(str::to_owned).to_vec();
    for end in FILES {
        words.extend(["-P".to_owned(), format!("{}{end}", spool.display())]);
    }
    words.extend(["-e".to_owned(), format!("trace={call}")]);
    words.extend(["-e".to_owned(), format!("inject={call}:error=EIO:when={when}")]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut sidecar = Sidecar::with_topics(dir.path(), &double.url(), &topic()).under(&words);
    sidecar.start();
    let mut load = Load::new(&sidecar);
    let mut run = Run { reached: false, exit: None, kept: 0, unknown: 0 };
    let (mut posts, mut tries) = (0, 0);
    while posts < 10 && tries < 300 {
        tries += 1;
        match load.post(2).await {
            Told::Kept => posts += 1,
            Told::Wait(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            Told::Unknown(why) => {
                run.unknown += usize::from(why == "outcome-unknown");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        if let Some(status) = sidecar.ended() {
            run.exit = Some(status.code().unwrap_or(-1));
            break;
        }
    }
    run.kept = load.kept_so_far();
    if run.exit.is_none() {
        if run.unknown > 0 {
            let status = sidecar.ask(&["status"]);
            assert!(status["spool"]["commit_failures"].as_u64().unwrap() > 0, "{what}: no alarm");
        }
        sidecar.kill();
    }
    run.reached = std::fs::read_to_string(&trace).unwrap_or_default().contains("INJECTED");
    // What got a 202 is in the file; what is settled there was taken by SNS.
    let spool = loop {
        match Spool::read_only(&spool).await {
            Ok(spool) => break Some(spool),
            Err(OpenError::Locked(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(_) if run.kept == 0 => break None,
            Err(error) => panic!("{what}: {error}"),
        }
    };
    if let Some(spool) = spool {
        let log = double.log();
        for (id, known) in &load.sent {
            let trace = spool.trace(None, *id).await.unwrap();
            assert!(
                trace.is_some() || *known != Known::Kept,
                "{what}: {id} got a 202 and is not in the file"
            );
            assert!(
                trace.is_none() || *known != Known::Refused,
                "{what}: {id} was refused and is in the file"
            );
            for delivery in trace.map(|t| t.deliveries).unwrap_or_default() {
                if matches!(delivery.state, TracedState::Settled { .. }) {
                    let taken = log.iter().any(|taken| taken.message.contains(&id.to_string()));
                    assert!(taken, "{what}: {id} is settled and SNS never had it");
                }
            }
        }
        let state = spool.state().await.unwrap();
        assert!(
            state.missing_events() == 0 && state.topics.iter().all(|t| t.missing() == 0),
            "{what}: {state:?}"
        );
    }
    // And it starts again, and publishes what waits.
    let mut again = Sidecar::with_topics(dir.path(), &double.url(), &topic());
    again.start();
    again.ready().await;
    ledger_adds_up(&again.drained(Duration::from_secs(20)).await);
    let faults = load.faults(&double);
    assert!(faults.is_empty(), "{what}: {faults:#?}");
    if let Some(code) = run.exit {
        let at_start = run.kept == 0;
        assert!(
            code == 70 || (at_start && matches!(code, 69 | 75)),
            "{what}: exit {code}\n{}",
            errors(&sidecar)
        );
    }
    run
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_any_call_on_the_spool_is_never_a_false_202() {
    if !harness::has("strace", "strace", "D4, errors of the disk") {
        return;
    }
    let step = harness::amount("STEP", 21);
    println!(
        "STEP={step} cargo test --test fault an_error_of_any_call -- --nocapture (STEP=1 for every place)"
    );
    let (mut runs, mut ended, mut unknown) = (0, 0, 0);
    for call in ["fsync,fdatasync", "pwrite64", "pread64", "ftruncate", "openat"] {
        for mode in ["", "+"] {
            // The first places are those of a start; then each so many.
            for when in std::iter::once(2).chain((1..).map(|n| n * step)) {
                let run = run(call, &format!("{when}{mode}")).await;
                runs += 1;
                ended += usize::from(run.exit.is_some());
                unknown += run.unknown;
                println!(
                    "{call} {when}{mode}: exit {:?}, {} kept, {} unknown",
                    run.exit, run.kept, run.unknown
                );
                if !run.reached {
                    break;
                }
            }
        }
    }
    println!("{runs} runs: {ended} ended with a code, {unknown} answers of unknown outcome");
    assert!(unknown > 0 && ended > 0 && ended < runs, "the sweep met too little");
}
