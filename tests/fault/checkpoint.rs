//! Goal: a log that can't be copied into the spool's file is told within seconds, and loses nothing (D7, its
//! first half). Method: `strace` makes each write to that one file fail, and to no other.

use std::time::{Duration, Instant};

use super::harness::{self, Account};
use super::load::{Load, Stock};
use crate::support::sidecar::Sidecar;
use crate::support::sns::SnsDouble;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_fails_is_told_within_seconds() {
    if !harness::has("strace", "strace", "checkpoints that fail (D7)") {
        return;
    }
    let double = SnsDouble::start(4).await;
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::new(dir.path(), &double.url());
    // The file must be there, whole, before its disk fails.
    sidecar.start();
    sidecar.ready().await;
    sidecar.terminate();
    let file = sidecar.spool();
    let mut sidecar = sidecar.with_calls("pwrite64", "error=EIO", Some(&file));
    sidecar.start();
    assert!(sidecar.listening().await, "{}", sidecar.log());
    let mut random = fastrand::Rng::with_seed(4);
    let stock = Stock::new(&mut random);
    let load = Load::begin(&sidecar, &stock, &mut random, 5..30);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut account: Account = load.end().await;
    // A quiet spool copies its log after a second.
    let begun = Instant::now();
    let failures = |text: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with("moodle_sns_spool_checkpoint_failures_total"));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
    };
    while failures(&harness::scrape(&sidecar).await) == 0.0 {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "no checkpoint was seen to fail\n{}",
            sidecar.log()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("told after {:.1?}", begun.elapsed());
    assert!(sidecar.log().contains("can't be copied"), "{}", sidecar.log());
    // It goes on accepting meanwhile.
    let load = Load::begin(&sidecar, &stock, &mut random, 5..30);
    tokio::time::sleep(Duration::from_millis(300)).await;
    account.add(load.end().await);
    sidecar.kill();
    sidecar.plainly();
    sidecar.start();
    sidecar.ready().await;
    let verdict = harness::calm(&mut sidecar, &double, account, Duration::from_secs(60), None).await;
    assert!(verdict.kept > 10, "{verdict:?}");
    assert!(verdict.faults.is_empty(), "{:#?}", verdict.faults);
}
