//! Goal: the wall clock decides nothing but what time it is (D13, one step). Method: the real binary under
//! libfaketime, which steps its wall clock and leaves the monotonic one alone; the clock goes back while
//! messages wait for their next try.

use std::path::PathBuf;
use std::time::Duration;

use super::harness::{self, Account};
use super::load::Stock;
use crate::support::checker::Known;
use crate::support::corpus;
use crate::support::sidecar::{Sidecar, URL};
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_goes_back_stops_no_retry() {
    let Some(library) = library() else {
        harness::skip("libfaketime (apt-get install libfaketime)", "a wall clock that is set (D13)");
        return;
    };
    let double = SnsDouble::start(3).await;
    double.fault(Fault::always(What::Say { status: 503, body: "" }));
    let dir = tempfile::tempdir().unwrap();
    let clock = dir.path().join("clock");
    std::fs::write(&clock, "+0").unwrap();
    let mut sidecar = Sidecar::new(dir.path(), &double.url())
        .with_variable("LD_PRELOAD", &library.display().to_string())
        .with_variable("FAKETIME_TIMESTAMP_FILE", &clock.display().to_string())
        .with_variable("FAKETIME_NO_CACHE", "1")
        .with_variable("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    sidecar.start();
    sidecar.ready().await;
    let mut random = fastrand::Rng::with_seed(3);
    let stock = Stock::new(&mut random);
    let mut account = Account::default();
    let batch: Vec<_> = (0..20).map(|_| stock.draw(&mut random)).collect();
    let events: Vec<_> = batch.iter().map(|(_, _, event)| event.clone()).collect();
    sidecar.client().post(corpus::body(&events, URL, "")).await.accepted();
    account.sent.extend(batch.iter().map(|(id, ..)| (*id, Known::Kept)));
    account.owes.extend(batch.iter().map(|(id, rows, _)| (*id, *rows)));
    while double.calls() < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    std::fs::write(&clock, "-3600").unwrap();
    let calls = double.calls();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let tried = double.calls() - calls;
    assert!((1..200).contains(&tried), "{tried} tries in three seconds after the clock went back an hour");
    let verdict = harness::calm(&mut sidecar, &double, account, Duration::from_secs(45), None).await;
    println!("{tried} tries in three seconds after the step; drained in {:.1?}", verdict.drained);
    assert!(verdict.faults.is_empty(), "{:#?}", verdict.faults);
}
