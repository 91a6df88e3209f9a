//! Goal: nothing that got a 202 is lost when the process is killed at any moment. Method: four clients
//! post captured events to the real binary while it publishes to a double that goes wrong now and then;
//! SIGKILL at random times and at aimed ones, and start again; then all faults end, everything must drain,
//! and what the double took is held against what the clients know.

use std::time::{Duration, Instant};

use super::aim::{self, Moment};
use super::harness::{self, Sometimes, Verdict};
use super::load::{Load, Stock};
use crate::support::sidecar::Sidecar;
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

/// What goes wrong at SNS now and then.
pub fn rough_weather(double: &SnsDouble) {
    for fault in [
        Fault::chance(0.03, What::refuse(429, "Throttled")),
        Fault::chance(0.02, What::CutAfter),
        Fault::chance(0.02, What::CutBefore),
        Fault::chance(0.02, What::Omit(0)),
        Fault::chance(0.02, What::Truncate(120)),
        Fault::chance(0.02, What::Fail { place: Some(0), code: "InternalError", sender_fault: false }),
        Fault::chance(0.30, What::Delay(Duration::from_millis(15))),
    ] {
        double.fault(fault);
    }
}

/// Kills the sidecar `kills` times under load and says which laws are broken after a calm phase.
async fn run(seed: u64, kills: u64) -> (Verdict, Sometimes, String) {
    let mut random = fastrand::Rng::with_seed(seed);
    let double = SnsDouble::start(seed).await;
    rough_weather(&double);
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::new(dir.path(), &double.url());
    sidecar.start();
    sidecar.ready().await;
    let descriptors = harness::open_files(sidecar.pid());
    let stock = Stock::new(&mut random);
    let load = Load::begin(&sidecar, &stock, &mut random, 5..60);

    let mut sometimes = Sometimes::default();
    for moment in Moment::ALL {
        sometimes.met(moment.words(), 0);
    }
    let mut slowest = Duration::ZERO;
    for kill in 0..kills {
        // Every other kill is aimed; the rest come when they come, also while it starts.
        if kill % 2 == 0 {
            let moment = *random.choice(&Moment::ALL).unwrap();
            let came = tokio::task::block_in_place(|| aim::kill_at(moment, &mut sidecar, &double));
            sometimes.met(moment.words(), u64::from(came));
        } else {
            let up = random.u32(0..4) == 0 || sidecar.listening().await;
            tokio::time::sleep(Duration::from_millis(random.u64(0..300))).await;
            assert!(up && sidecar.ended().is_none(), "the sidecar ended by itself\n{}", sidecar.log());
            sidecar.kill();
        }
        sidecar.start();
        let begun = Instant::now();
        if kill % 10 == 0 {
            sidecar.ready().await;
            slowest = slowest.max(begun.elapsed());
        }
    }
    sidecar.ready().await;
    let account = load.end().await;
    sometimes.met("a request was cut by a kill", account.unanswered);
    sometimes.met("a batch was sent again under its ids", account.resent);
    let verdict =
        harness::calm(&mut sidecar, &double, account, Duration::from_secs(90), Some(descriptors)).await;
    sometimes.met("a message was published twice", verdict.copies as u64);
    let summary = format!(
        "{kills} kills, {} events ({} got a 202), {} messages taken ({} copies), drained in {:.1?}, \
         slowest start {slowest:.2?}; {sometimes}",
        verdict.events, verdict.kept, verdict.messages, verdict.copies, verdict.drained
    );
    (verdict, sometimes, summary)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_got_a_202_is_lost_to_sigkill() {
    let seed = harness::seed();
    println!("SEED={seed} cargo test --test fault nothing_that_got_a_202_is_lost_to_sigkill -- --nocapture");
    let (verdict, sometimes, summary) = run(seed, harness::amount("KILLS", 100)).await;
    println!("{summary}");
    assert!(verdict.faults.is_empty(), "{:#?}", verdict.faults);
    assert!(sometimes.missed().is_empty(), "a useless run: it never met {:?}", sometimes.missed());
}
