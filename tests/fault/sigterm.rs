//! Goal: SIGTERM ends it in order, whenever it comes (O1; under load: `journey::end`). Method: the real binary,
//! told to end in its first moments, twice, and while SNS gives no answer; it must end with 0 within ten
//! seconds and lose nothing.

use std::time::Duration;

use rustix::process::Signal;

use super::harness::{self, Account};
use super::load::{Load, Stock};
use crate::support::sidecar::Sidecar;
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_in_order_whenever_it_is_told_to() {
    let seed = harness::seed();
    println!("SEED={seed} cargo test --test fault it_ends_in_order -- --nocapture");
    let mut random = fastrand::Rng::with_seed(seed);
    let double = SnsDouble::start(seed).await;
    let dir = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::new(dir.path(), &double.url());
    let stock = Stock::new(&mut random);
    let mut account = Account::default();
    for round in 0..9 {
        sidecar.start();
        let load = Load::begin(&sidecar, &stock, &mut random, 1..20);
        let what = match round % 3 {
            0 => {
                // Its handler may not be there yet: then the signal ends it, and nothing was promised.
                tokio::time::sleep(Duration::from_millis(random.u64(0..100))).await;
                "in its first moments"
            }
            1 => {
                assert!(sidecar.listening().await, "{}", sidecar.log());
                tokio::time::sleep(Duration::from_millis(200)).await;
                sidecar.signal(Signal::TERM);
                tokio::time::sleep(Duration::from_millis(random.u64(0..50))).await;
                "twice"
            }
            _ => {
                assert!(sidecar.listening().await, "{}", sidecar.log());
                double.fault(Fault::always(What::BlackHole));
                tokio::time::sleep(Duration::from_millis(300)).await;
                "while SNS gives no answer"
            }
        };
        let (exit, took) = tokio::task::block_in_place(|| sidecar.terminate());
        account.add(load.end().await);
        double.calm();
        println!("{what}: {exit} after {took:.2?}");
        let first_moments = round % 3 == 0 && exit.code().is_none();
        assert!(exit.code() == Some(0) || first_moments, "{what}: {exit}\n{}", sidecar.log());
        assert!(took < Duration::from_secs(10), "{what}: {took:?}");
    }
    sidecar.start();
    sidecar.ready().await;
    let verdict = harness::calm(&mut sidecar, &double, account, Duration::from_secs(60), None).await;
    assert!(verdict.kept > 0 && verdict.faults.is_empty(), "{verdict:#?}");
}
