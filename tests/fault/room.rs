//! D6. Goal: a disk that fills never costs what got a 202: history yields first, then the door shuts with a 429
//! before the disk is full, what was kept is still published and settled on the reserve, and all goes on by
//! itself when there is room. Method: the real binary with its spool on a small disk of its own, filled by load,
//! by ballast, by files without end, by a limit of a file's size.

use std::time::Duration;

use super::posts::{Load, Told, errors, ledger_adds_up, not_ready, slow, topic};
use super::volume::Volume;
use crate::support::sidecar::Sidecar;
use crate::support::sns::SnsDouble;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_shuts_the_door_before_it_is_full_and_loses_nothing() {
    let Some(volume) = Volume::ext4(24, &[], "D6, a full disk") else { return };
    let double = SnsDouble::start(1).await;
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::with_topics(dir.path(), &double.url(), &topic());
    volume.holds_the_spool_of(&sidecar);
    sidecar.start();
    sidecar.ready().await;
    let mut load = Load::new(&sidecar);

    // Filled by load: published at first, so that there is history to yield.
    for _ in 0..10 {
        load.kept(100, Duration::from_secs(5)).await;
    }
    sidecar.drained(Duration::from_secs(30)).await;
    slow(&double);
    let refused = loop {
        match load.post(500).await {
            Told::Kept => {}
            Told::Wait(kind) if kind == "busy" => tokio::time::sleep(Duration::from_millis(20)).await,
            Told::Wait(kind) => break kind,
            Told::Unknown(why) => panic!("the disk was full before the door was shut: {why}"),
        }
        assert!(load.count < 100_000, "24 MiB never filled");
    };
    assert_eq!(refused, "no-room");
    let (kept, free) = (load.kept_so_far(), volume.free());
    println!("by load: {kept} events kept, then {refused} with {free} bytes free");
    assert!(free > 0);
    // Told within a second or so.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let status = sidecar.ask(&["status"]);
    assert_eq!(status["spool"]["commit_failures"], 0, "{}", status["spool"]);
    assert!(
        status["verdict"]["sentence"].as_str().unwrap().contains("takes nothing"),
        "{}",
        status["verdict"]
    );
    assert!(not_ready(&sidecar).contains("room"), "{}", not_ready(&sidecar));
    double.calm();
    sidecar.drained(Duration::from_secs(60)).await;
    let took = load.kept(10, Duration::from_secs(10)).await;
    println!("what was kept is published, and the door is open again after {took:?}");

    // Filled by somebody else, again and again.
    let mut slowest = Duration::ZERO;
    for round in 0..10 {
        slow(&double);
        load.kept(50, Duration::from_secs(10)).await;
        // History yields first, so the disk is full only when that is gone.
        let mut fills = 0;
        loop {
            volume.fill();
            fills += 1;
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            match load.post(10).await {
                Told::Wait(kind) if kind == "no-room" => break,
                other => assert!(fills < 20, "round {round}: {other:?} after {fills} fills"),
            }
        }
        double.calm();
        // On the reserve: what waits is published and settled though nobody makes room.
        let status = sidecar.drained(Duration::from_secs(30)).await;
        assert_eq!(status["spool"]["commit_failures"], 0, "round {round}: {}", status["spool"]);
        volume.clear();
        slowest = slowest.max(load.kept(10, Duration::from_secs(10)).await);
        sidecar.drained(Duration::from_secs(30)).await;
    }
    println!("10 fill and free rounds: the door was open again after at most {slowest:?}");

    // Somebody who takes the reserve too: then nothing can be settled, and still nothing is lost.
    slow(&double);
    load.kept(100, Duration::from_secs(10)).await;
    for _ in 0..30 {
        volume.fill();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    double.calm();
    let _ = load.post(10).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    volume.clear();
    assert_eq!(sidecar.ended(), None, "{}", errors(&sidecar));
    let took = load.kept(10, Duration::from_secs(10)).await;
    let status = sidecar.drained(Duration::from_secs(60)).await;
    println!(
        "with the reserve taken too: open again after {took:?}, {} commits failed",
        status["spool"]["commit_failures"]
    );
    ledger_adds_up(&status);
    let faults = load.faults(&double);
    assert!(faults.is_empty(), "{faults:#?}");
    let (exit, _) = sidecar.terminate();
    assert_eq!(exit.code(), Some(0));
}

/// Each way in which there may be no room though the disk has bytes: none of them is a reason to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_grow_no_more_and_a_disk_without_inodes_are_borne() {
    // A file of at most 16 MiB (RLIMIT_FSIZE): the door is shut before a write meets it.
    let double = SnsDouble::start(1).await;
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar =
        Sidecar::with_topics(dir.path(), &double.url(), &topic()).under(&["prlimit", "--fsize=16777216"]);
    sidecar.start();
    sidecar.ready().await;
    slow(&double);
    let mut load = Load::new(&sidecar);
    loop {
        match load.post(500).await {
            Told::Kept => {}
            Told::Wait(kind) if kind == "busy" => tokio::time::sleep(Duration::from_millis(20)).await,
            told => {
                assert_eq!(told, Told::Wait("no-room".into()), "{}", errors(&sidecar));
                break;
            }
        }
        assert!(load.count < 50_000, "16 MiB never filled");
    }
    println!("a file of at most 16 MiB: shut after {} events", load.kept_so_far());
    double.calm();
    let status = sidecar.drained(Duration::from_secs(60)).await;
    ledger_adds_up(&status);
    assert_eq!(status["spool"]["commit_failures"], 0, "{}", errors(&sidecar));
    assert!(load.faults(&double).is_empty(), "{:#?}", load.faults(&double));
    sidecar.kill();

    // No inode is left: nothing new can be made, and nothing new is needed.
    let Some(volume) = Volume::ext4(24, &["-N", "32"], "D6, a disk without inodes") else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::with_topics(dir.path(), &double.url(), &topic());
    volume.holds_the_spool_of(&sidecar);
    sidecar.start();
    sidecar.ready().await;
    let mut load = Load::new(&sidecar);
    load.kept(10, Duration::from_secs(10)).await;
    let made = (0..64).take_while(|n| std::fs::File::create(volume.at.join(format!("f{n}"))).is_ok()).count();
    assert!((1..64).contains(&made), "{made} files and no end");
    for _ in 0..20 {
        load.kept(10, Duration::from_secs(10)).await;
    }
    ledger_adds_up(&sidecar.drained(Duration::from_secs(30)).await);
    // Killed, and started again with no inode free.
    sidecar.kill();
    sidecar.start();
    sidecar.ready().await;
    load.kept(10, Duration::from_secs(10)).await;
    sidecar.drained(Duration::from_secs(30)).await;
    let (exit, _) = sidecar.terminate();
    assert_eq!(exit.code(), Some(0), "{}", errors(&sidecar));
}
