//! D7. Goal: a log that can't be copied into the file, for a fault of the disk or for a reader that doesn't end, is
//! an alarm within 5 s, stops growing by back-pressure, costs nothing that got a 202, and is short again within
//! 10 s of the cure. Method: the real binary; writes to the spool's file fail by strace, or a second process reads it.

use std::path::Path;
use std::time::{Duration, Instant};

use moodle_sns_producer::spool::{Count, Spool};

use super::harness;
use super::posts::{Load, Told, errors, ledger_adds_up, not_ready, topic};
use crate::support::sidecar::Sidecar;

/// The most that the log may have.
const MOST: u64 = 64 << 20;

fn log_bytes(spool: &Path) -> u64 {
    std::fs::metadata(spool.with_extension("db-wal")).map_or(0, |meta| meta.len())
}

/// Posts until the door is shut. Small batches: each commit writes whole pages into the log.
async fn fill(load: &mut Load, sidecar: &Sidecar) {
    loop {
        match load.post(2).await {
            Told::Kept => {}
            Told::Wait(kind) if kind == "busy" => tokio::time::sleep(Duration::from_millis(20)).await,
            told => {
                assert_eq!(told, Told::Wait("no-room".into()), "{}", errors(sidecar));
                return;
            }
        }
        assert!(load.count < 200_000, "the log never reached its limit");
    }
}

async fn cured(load: &mut Load, sidecar: &Sidecar, spool: &Path) {
    let begun = Instant::now();
    while log_bytes(spool) > 16 << 20 || !not_ready(sidecar).is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{} bytes; {}",
            log_bytes(spool),
            not_ready(sidecar)
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("cured: the log has {} bytes after {:?}", log_bytes(spool), begun.elapsed());
    load.kept(10, Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_cannot_be_copied_is_told_stops_growing_and_loses_nothing() {
    if !harness::has("strace", "strace", "D7, checkpoints that fail") {
        return;
    }
    // Nothing is published: each message is tried, and held, which is a commit too.
    let double = "http://127.0.0.1:9";
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::with_topics(dir.path(), double, &topic());
    let spool = dir.path().join("spool/spool.db");
    // Made and closed in order first: a fault from the first write on would be one of the start.
    sidecar.start();
    sidecar.ready().await;
    sidecar.terminate();
    let mut sidecar = sidecar.with_calls("pwrite64", "error=EIO", Some(&spool));
    sidecar.start();
    sidecar.ready().await;
    let mut load = Load::new(&sidecar);
    load.kept(10, Duration::from_secs(10)).await;
    let begun = Instant::now();
    while !not_ready(&sidecar).contains("checkpoint") {
        assert!(begun.elapsed() < Duration::from_secs(5), "no alarm: {}", errors(&sidecar));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("a checkpoint that fails is told after {:?}", begun.elapsed());
    fill(&mut load, &sidecar).await;
    // What was kept is published meanwhile, or waits: the log ends somewhere.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let log = log_bytes(&spool);
    println!("by a failing disk: shut after {} events, with a log of {log} bytes", load.kept_so_far());
    assert!((30 << 20..=MOST).contains(&log), "{log}");
    let told = errors(&sidecar).matches("can't be copied into its file").count();
    assert_eq!(told, 1, "{}", errors(&sidecar));
    // The tracer goes, and its faults with it.
    let tracer = sidecar.pid().to_string();
    assert!(std::process::Command::new("kill").args(["-9", &tracer]).status().unwrap().success());
    cured(&mut load, &sidecar, &spool).await;

    // A reader that doesn't end.
    let reader =
        rusqlite::Connection::open_with_flags(&spool, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    reader.execute_batch("begin").unwrap();
    let _: i64 = reader.query_row("select count(*) from event", [], |r| r.get(0)).unwrap();
    fill(&mut load, &sidecar).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let log = log_bytes(&spool);
    println!("by a reader: shut after {} events, with a log of {log} bytes", load.kept_so_far());
    assert!((30 << 20..=MOST).contains(&log), "{log}");
    assert!(not_ready(&sidecar).contains("room"), "{}", not_ready(&sidecar));
    drop(reader);
    cured(&mut load, &sidecar, &spool).await;
    let status = sidecar.ask(&["status"]);
    ledger_adds_up(&status);
    assert_eq!(status["spool"]["commit_failures"], 0);
    sidecar.kill();
    let spool = Spool::read_only(&spool).await.unwrap();
    let state = spool.state().await.unwrap();
    assert_eq!(state.event_count(Count::Accepted), load.kept_so_far() as u64);
    assert_eq!(state.topics.iter().map(|t| t.waiting + t.held).sum::<u64>(), load.kept_so_far() as u64);
}
