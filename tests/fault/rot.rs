//! D10. Goal: a disk that changes what lies on it never makes a wrong message, never an endless loop, and what is
//! gone is told. Method: the spool of a killed process, damaged at random places in its file, its log or its
//! shared memory, again and again; each start is held against what an undamaged one publishes.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::harness;
use super::posts::{Load, topic};
use crate::support::sidecar::Sidecar;
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

const FILES: [&str; 4] = ["spool.db", "spool.db-wal", "spool.db-shm", "spool.db.high"];

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for name in FILES {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

/// Damages one file somewhere, and says how.
fn damage(spool: &Path, random: &mut fastrand::Rng) -> String {
    // The log and the file hold what counts; the shared memory is rebuilt.
    let name =
        *random.choice(&["spool.db", "spool.db", "spool.db-wal", "spool.db-wal", "spool.db-shm"]).unwrap();
    let file = fs::OpenOptions::new().read(true).write(true).open(spool.join(name)).unwrap();
    let size = file.metadata().unwrap().len().max(1);
    let at = random.u64(0..size);
    match random.u32(0..4) {
        // In what was accepted, where only a digest can see it.
        3 => {
            let name = *random.choice(&["spool.db", "spool.db-wal"]).unwrap();
            let bytes = fs::read(spool.join(name)).unwrap();
            let bodies: Vec<usize> =
                bytes.windows(9).enumerate().filter(|(_, w)| *w == b"contextid").map(|(at, _)| at).collect();
            let at = *random.choice(&bodies).unwrap() as u64;
            let file = fs::OpenOptions::new().write(true).open(spool.join(name)).unwrap();
            file.write_all_at(b"C", at).unwrap();
            format!("{name}: a letter of the event at {at} changed")
        }
        0 => {
            let mut byte = [0];
            let _ = file.read_at(&mut byte, at);
            let bit = random.u32(0..8);
            file.write_all_at(&[byte[0] ^ (1 << bit)], at).unwrap();
            format!("{name}: bit {bit} of byte {at} flipped")
        }
        1 => {
            file.set_len(at).unwrap();
            format!("{name}: cut at {at} of {size}")
        }
        _ => {
            let page = at / 4096 * 4096;
            file.write_all_at(&[0; 4096], page).unwrap();
            file.set_len(size).unwrap();
            format!("{name}: page at {page} zeroed")
        }
    }
}

/// Messages by id, as a double took them.
fn messages(double: &SnsDouble) -> HashMap<String, HashSet<String>> {
    let mut messages: HashMap<String, HashSet<String>> = HashMap::new();
    for taken in double.log() {
        let body: serde_json::Value = serde_json::from_str(&taken.message).unwrap();
        messages.entry(body["id"].as_str().unwrap().to_owned()).or_default().insert(taken.message);
    }
    messages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_changes_what_it_holds_never_makes_a_wrong_message() {
    let seed = harness::seed();
    let damages = harness::amount("DAMAGES", 20);
    println!("SEED={seed} DAMAGES={damages} cargo test --test fault a_disk_that_changes -- --nocapture");
    let mut random = fastrand::Rng::with_seed(seed);
    // A spool with history, parked and waiting messages, part of it in its log only.
    let double = SnsDouble::start(seed).await;
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::with_topics(dir.path(), &double.url(), &topic());
    sidecar.start();
    sidecar.ready().await;
    let mut load = Load::new(&sidecar);
    for _ in 0..20 {
        load.kept(20, Duration::from_secs(10)).await;
    }
    sidecar.drained(Duration::from_secs(30)).await;
    // Long enough for the log to be copied.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    double.fault(Fault::always(What::BlackHole));
    for _ in 0..20 {
        load.kept(5, Duration::from_secs(10)).await;
    }
    sidecar.kill();
    let (spool, whole) = (dir.path().join("spool"), dir.path().join("whole"));
    copy(&spool, &whole);
    let before = messages(&double).len();
    double.calm();
    sidecar.start();
    sidecar.drained(Duration::from_secs(30)).await;
    sidecar.kill();
    let good = messages(&double);
    let owed = good.len() - before;
    assert!(owed >= 90, "only {owed} of 100 messages waited");

    let (mut refused, mut parked, mut told, mut unhurt) = (0, 0, 0, 0);
    let mut slowest = Duration::ZERO;
    for n in 0..damages {
        copy(&whole, &spool);
        let how = damage(&spool, &mut random);
        let double = SnsDouble::start(seed).await;
        let run = tempfile::tempdir().unwrap();
        let mut sidecar = Sidecar::with_topics(run.path(), &double.url(), &topic());
        copy(&spool, &run.path().join("spool"));
        sidecar.start();
        let begun = Instant::now();
        // Comes up, or ends with a word; and drains, or ends with a word.
        let mut up = false;
        let status = loop {
            if let Some(status) = sidecar.ended() {
                break Err(status);
            }
            if up {
                // It may end at any moment.
                let Some(status) = super::posts::status(&sidecar) else { continue };
                let count = |topic: &serde_json::Value, key: &str| topic[key].as_u64().unwrap();
                let topics = status["topics"].as_array().unwrap();
                let left: u64 = topics.iter().map(|t| count(t, "waiting") + count(t, "held")).sum();
                if left == 0 {
                    break Ok(status);
                }
            } else if super::posts::not_ready(&sidecar).is_empty() {
                up = true;
                slowest = slowest.max(begun.elapsed());
            }
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{n} {how}: neither drained nor ended\n{}",
                sidecar.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let log = sidecar.log();
        let sent = messages(&double);
        for (id, bodies) in &sent {
            assert_eq!(Some(bodies), good.get(id), "{n} {how}: {id} is not what was accepted");
        }
        match status {
            Err(status) => {
                refused += 1;
                let code = status.code();
                assert!(matches!(code, Some(70 | 78)), "{n} {how}: {status}\n{log}");
                let words = log.lines().last().unwrap_or_default();
                assert!(words.contains("spool"), "{n} {how}: {log}");
            }
            Ok(status) => {
                let aside: u64 =
                    status["topics"].as_array().unwrap().iter().map(|t| t["parked"].as_u64().unwrap()).sum();
                let missing = log.lines().any(|line| line.contains("ends before what was accepted"));
                parked += aside;
                told += u64::from(missing);
                let gone = owed as u64 - (sent.len() as u64).min(owed as u64);
                if gone == 0 {
                    unhurt += 1;
                }
                // What is neither published nor parked is gone, and that is told.
                assert!(
                    gone <= aside || missing,
                    "{n} {how}: {gone} gone, {aside} parked, nothing told\n{log}"
                );
                sidecar.kill();
            }
        }
        assert!(!log.contains("panicked"), "{n} {how}: {log}");
    }
    println!(
        "{damages} damages: {refused} refused to go on, {unhurt} unhurt, {parked} messages parked as corrupt, {told} told what is missing; slowest start {slowest:?}"
    );
    assert!(slowest < Duration::from_secs(10));
    assert!(damages < 20 || (refused > 0 && told > 0 && unhurt > 0), "the run met too little");
}
