//! Goal: there is no system call at which a kill loses what got a 202 (D2). Method: a fixed script of three
//! batches and what is published of them, run under `strace`, which kills the process at its N-th sync,
//! write, answer, rename, cut or removal of a file, for N from 1 until a run ends untouched; each time a
//! start without `strace` must be ready within seconds and the laws must hold.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moodle_sns_producer::spool::{Settings, Spool};
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

/// A spool that was made and closed in order: what is counted then is the work, not the making of a file.
async fn made_before() -> Arc<tempfile::TempDir> {
    let dir = tempfile::tempdir().unwrap();
    Spool::open(Settings::at(dir.path().join("spool.db"))).await.unwrap().shut().await;
    Arc::new(dir)
}

async fn point(calls: &str, n: u64, spool: Option<&Path>) -> Point {
    let double = SnsDouble::start(n).await;
    let dir = tempfile::tempdir().unwrap();
    if let Some(made) = spool {
        let folder = dir.path().join("spool");
        std::fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
        for file in std::fs::read_dir(made).unwrap().flatten() {
            std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
    }
    let kill = format!("signal=KILL:when={n}");
    let mut sidecar = Sidecar::new(dir.path(), &double.url()).with_calls(calls, &kill, None);
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

/// Which calls of a life are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// The first: the file is made. Each 25th.
    First,
    /// A later one: each to the `FIRST`-th, then each `EVERY`-th.
    Later,
}

type Swept = (Life, &'static str, u64, Point);

/// The points of one kind of call, until one is not hit.
async fn sweep(
    life: Life,
    calls: &'static str,
    made: Arc<tempfile::TempDir>,
    free: Arc<Semaphore>,
) -> Vec<Swept> {
    let (first, every) = (harness::amount("FIRST", 20), harness::amount("EVERY", 10));
    let counted = move |n: &u64| match life {
        Life::First => n % 25 == 1,
        Life::Later => *n <= first || n.is_multiple_of(every),
    };
    let mut numbers = (1..MOST).filter(counted);
    let mut points = Vec::new();
    loop {
        let mut running = JoinSet::new();
        for n in numbers.by_ref().take(AT_ONCE) {
            let (made, free) = (Arc::clone(&made), Arc::clone(&free));
            running.spawn(async move {
                let _place = free.acquire_owned().await.unwrap();
                let made = (life == Life::Later).then(|| made.path());
                (life, calls, n, point(calls, n, made).await)
            });
        }
        let some = running.join_all().await;
        let ended = some.is_empty() || some.iter().any(|(.., point)| !point.hit);
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
    let made = made_before().await;
    for life in [Life::First, Life::Later] {
        for calls in CALLS {
            sweeps.spawn(sweep(life, calls, Arc::clone(&made), Arc::clone(&free)));
        }
    }
    let points: Vec<_> = sweeps.join_all().await.into_iter().flatten().collect();
    let mut sometimes = Sometimes::default();
    let mut restarts = Vec::new();
    let mut copies = 0;
    let mut faults = Vec::new();
    for (life, calls, n, point) in points {
        sometimes.met("a point that was hit", u64::from(point.hit));
        sometimes.met("a kind of call swept to its end", u64::from(!point.hit));
        sometimes.met("a batch without an answer", point.unanswered as u64);
        copies += point.copies;
        restarts.push(point.restart);
        faults.extend(point.faults.into_iter().map(|fault| format!("{life:?} {calls} {n}: {fault}")));
    }
    restarts.sort();
    let (median, slowest) = (restarts[restarts.len() / 2], restarts[restarts.len() - 1]);
    println!("{sometimes}; {copies} copies; starts took {median:.2?}, the slowest {slowest:.2?}");
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(sometimes.missed().is_empty(), "a useless run: it never met {:?}", sometimes.missed());
}
