//! Goal: there is no system call at which a kill loses what got a 202 (D2). Method: a fixed script of three
//! batches and what is published of them, run under `strace`, which kills the process at its N-th sync,
//! write, answer, rename, cut or removal of a file, for N from 1 until a run ends untouched; each time a
//! start without `strace` must be ready within seconds and the laws must hold.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::harness::{self, Account, Sometimes};
use crate::support::checker::Known;
use crate::support::client::Outcome;
use crate::support::corpus::{self, Captured, Recording};
use crate::support::sidecar::{Sidecar, URL};
use crate::support::sns::SnsDouble;

/// Which calls are counted together. `strace` counts them for each thread.
const CALLS: [&str; 6] = ["fsync,fdatasync", "pwrite64", "sendto,writev", "rename", "ftruncate", "unlink"];

/// Points of one kind of call that are in flight at once.
const AT_ONCE: usize = 3;

/// What the script has published in all: each event on both topics.
const MESSAGES: usize = 12;

/// Sure to be past the last call of any thread.
const MOST: u64 = 400;

/// What one point came to.
struct Point {
    /// Whether the kill hit; else the script ran to its end.
    hit: bool,
    faults: Vec<String>,
    /// Batches that got no answer.
    unanswered: usize,
    copies: usize,
    restart: Duration,
}

/// The events of the script: enrolments of a few people, so that groups have several.
fn script() -> Vec<Vec<Captured>> {
    let mut events = corpus::read(Recording::Hour);
    events.retain(|event| event.name.ends_with("user_enrolment_created"));
    let events = corpus::moved_to(jiff::Timestamp::now(), &events[..6]);
    [&events[..1], &events[1..3], &events[3..]].map(<[Captured]>::to_vec).into()
}

async fn point(calls: &str, n: u64) -> Point {
    let double = SnsDouble::start(n).await;
    let dir = tempfile::tempdir().unwrap();
    let inject = format!("inject={calls}:signal=KILL:when={n}");
    let trace = format!("trace={calls}");
    let mut sidecar = Sidecar::new(dir.path(), &double.url()).under(&[
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &trace,
        "-e",
        &inject,
    ]);
    sidecar.start();
    let mut batches: Vec<(Vec<Captured>, Known)> =
        script().into_iter().map(|batch| (batch, Known::Unknown)).collect();
    let mut ended = false;
    for (batch, known) in &mut batches {
        let body = corpus::body(batch, URL, "");
        let mut client = sidecar.client();
        let begun = Instant::now();
        while *known == Known::Unknown && !ended {
            match client.post(body.clone()).await {
                Outcome::Accepted(_) => *known = Known::Kept,
                Outcome::Refused(status, problem) => panic!("{status} {problem}"),
                Outcome::Unknown(_) => tokio::time::sleep(Duration::from_millis(3)).await,
            }
            ended = sidecar.ended().is_some();
            assert!(begun.elapsed() < Duration::from_secs(30), "no 202 and no end\n{}", sidecar.log());
        }
    }
    let begun = Instant::now();
    while !ended && double.taken() < MESSAGES && begun.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(3)).await;
        ended = sidecar.ended().is_some();
    }
    // The end is part of the script.
    let hit = ended || !sidecar.terminate().0.success();

    sidecar.plainly();
    sidecar.start();
    let begun = Instant::now();
    sidecar.ready().await;
    let restart = begun.elapsed();
    let unanswered = batches.iter().filter(|(_, known)| *known == Known::Unknown).count();
    let mut account = Account::default();
    for (batch, mut known) in batches {
        // Every other time the sender asks again, as the plugin does.
        if known == Known::Unknown && n.is_multiple_of(2) {
            sidecar.client().post(corpus::body(&batch, URL, "")).await.accepted();
            known = Known::Kept;
        }
        account.owes.extend(batch.iter().map(|event| (event.id, 1)));
        account.sent.extend(batch.iter().map(|event| (event.id, known)));
    }
    let verdict = harness::calm(&mut sidecar, &double, account, Duration::from_secs(30), None).await;
    Point { hit, faults: verdict.faults, unanswered, copies: verdict.copies, restart }
}

/// The points of one kind of call: each to the `FIRST`-th, then each `EVERY`-th, until one is not hit.
async fn sweep(calls: &'static str, free: Arc<Semaphore>) -> Vec<(&'static str, u64, Point)> {
    let (first, every) = (harness::amount("FIRST", 20), harness::amount("EVERY", 10));
    let mut numbers = (1..MOST).filter(|n| *n <= first || n.is_multiple_of(every));
    let mut points = Vec::new();
    loop {
        let mut running = JoinSet::new();
        for n in numbers.by_ref().take(AT_ONCE) {
            let free = Arc::clone(&free);
            running.spawn(async move {
                let _place = free.acquire_owned().await.unwrap();
                (calls, n, point(calls, n).await)
            });
        }
        let some = running.join_all().await;
        let ended = some.is_empty() || some.iter().any(|(_, _, point)| !point.hit);
        points.extend(some);
        if ended {
            return points;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_any_system_call_loses_nothing() {
    if !harness::has("strace", "strace", "kills at chosen system calls (D2)") {
        return;
    }
    let free = Arc::new(Semaphore::new(AT_ONCE));
    let mut sweeps = JoinSet::new();
    for calls in CALLS {
        sweeps.spawn(sweep(calls, Arc::clone(&free)));
    }
    let points: Vec<_> = sweeps.join_all().await.into_iter().flatten().collect();
    let mut sometimes = Sometimes::default();
    let mut restarts = Vec::new();
    let mut faults = Vec::new();
    for (calls, n, point) in points {
        sometimes.met("a point that was hit", u64::from(point.hit));
        sometimes.met("a kind of call swept to its end", u64::from(!point.hit));
        sometimes.met("a batch without an answer", point.unanswered as u64);
        sometimes.met("a message published twice", point.copies as u64);
        restarts.push(point.restart);
        faults.extend(point.faults.into_iter().map(|fault| format!("{calls} {n}: {fault}")));
    }
    restarts.sort();
    let (median, slowest) = (restarts[restarts.len() / 2], restarts[restarts.len() - 1]);
    println!("{sometimes}; starts took {median:.2?}, the slowest {slowest:.2?}");
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(sometimes.missed().is_empty(), "a useless run: it never met {:?}", sometimes.missed());
}
