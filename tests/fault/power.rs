//! Goal: nothing that got a 202 is lost when the power fails (D3). Method: the spool lies on a disk of its
//! own; clients post; SIGKILL, then the disk is shut down so that all that was not synced is gone, mounted
//! again, and the sidecar starts on what is left; again and again on the same spool. At the end all must be
//! published. Also straight after the first start, when the file and its folder are new. The same with a
//! program that doesn't sync must lose: else the cuts prove nothing.

use std::path::Path;
use std::time::Duration;

use moodle_sns_producer::event::EventId;

use super::aim::{self, Moment};
use super::harness::{self, Account, Sometimes, Verdict};
use super::load::{Load, Stock};
use crate::support::checker::Known;
use crate::support::corpus::{self, Captured};
use crate::support::loop_disk::{self, Kind, LoopDisk};
use crate::support::sidecar::{Sidecar, URL};
use crate::support::sns::SnsDouble;
use crate::support::sns::script::{Fault, What};

/// Whether disks can be had; says so, if not.
fn disks() -> bool {
    let missing = loop_disk::missing();
    if let Some(needs) = &missing {
        harness::skip(needs, "power loss (D3)");
    }
    missing.is_none()
}

/// Whether what the program calls a sync is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syncs {
    Real,
    /// Each does nothing: the control group.
    Empty,
}

fn sidecar(dir: &Path, double: &SnsDouble, syncs: Syncs) -> Sidecar {
    let spool = dir.join("spool");
    // History goes at once, so that there is pruning and giving back of pages, too.
    let sidecar = Sidecar::new(dir, &double.url()).reconfigured(
        &format!("path = \"{}/spool.db\"", spool.display()),
        &format!("path = \"{}/new/folder/spool.db\"\nhistory = {{ age = \"1s\" }}", spool.display()),
    );
    match syncs {
        Syncs::Real => sidecar,
        Syncs::Empty => sidecar.under(&["eatmydata"]),
    }
}

/// Cuts the power so many times under load.
async fn cut(kind: Kind, seed: u64, cuts: u64, syncs: Syncs) -> (Verdict, Sometimes) {
    let mut random = fastrand::Rng::with_seed(seed);
    let double = SnsDouble::start(seed).await;
    let dir = tempfile::tempdir().unwrap();
    let mut disk = LoopDisk::new(kind, 512, &dir.path().join("image"), &dir.path().join("spool"));
    let mut sidecar = sidecar(dir.path(), &double, syncs);
    let stock = Stock::new(&mut random);
    let mut account = Account::default();
    let mut sometimes = Sometimes::default();
    for cut in 0..cuts {
        // In two of three rounds SNS takes nothing: then it is the spool alone that has what got a 202.
        double.calm();
        if cut % 3 < 2 {
            double.fault(Fault::always(What::Say { status: 503, body: "" }));
        }
        sidecar.start();
        let load = Load::begin(&sidecar, &stock, &mut random, 1..15);
        if cut % 4 == 3 {
            let moment = *random.choice(&[Moment::Commit, Moment::Checkpoint]).unwrap();
            let came = tokio::task::block_in_place(|| aim::kill_at(moment, &mut sidecar, &double));
            sometimes.met("a cut in a commit or a checkpoint", u64::from(came));
        } else {
            assert!(sidecar.listening().await, "{}", sidecar.log());
            tokio::time::sleep(Duration::from_millis(random.u64(30..400))).await;
            sidecar.kill();
        }
        let one = load.end().await;
        sometimes.met("a batch that got a 202", one.sent.values().any(|k| *k == Known::Kept).into());
        account.add(one);
        tokio::task::block_in_place(|| disk.cut_power());
    }
    double.calm();
    sidecar.plainly();
    sidecar.start();
    sidecar.ready().await;
    (harness::calm(&mut sidecar, &double, account, Duration::from_secs(120), None).await, sometimes)
}

/// The power fails when the spool's first batch, in a folder that is new, has just got its 202.
async fn cut_after_the_first(kind: Kind, seed: u64, syncs: Syncs) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let double = SnsDouble::start(seed).await;
    double.fault(Fault::always(What::Say { status: 503, body: "" }));
    let dir = tempfile::tempdir().unwrap();
    let mut disk = LoopDisk::new(kind, 512, &dir.path().join("image"), &dir.path().join("spool"));
    let mut sidecar = sidecar(dir.path(), &double, syncs);
    sidecar.start();
    assert!(sidecar.listening().await, "{}", sidecar.log());
    let (id, rows, event) = stock_of_one(&mut random);
    sidecar.client().post(corpus::body(&[event], URL, "")).await.accepted();
    sidecar.kill();
    tokio::task::block_in_place(|| disk.cut_power());
    sidecar.plainly();
    sidecar.start();
    if !sidecar.listening().await {
        return vec![format!("I1 kept: the spool can't be opened: {}", sidecar.log())];
    }
    let mut account = Account::default();
    account.sent.insert(id, Known::Kept);
    account.owes.insert(id, rows);
    harness::calm(&mut sidecar, &double, account, Duration::from_secs(30), None).await.faults
}

fn stock_of_one(random: &mut fastrand::Rng) -> (EventId, usize, Captured) {
    let stock = Stock::new(random);
    std::iter::repeat_with(|| stock.draw(random)).find(|(_, rows, _)| *rows > 0).unwrap()
}

async fn nothing_is_lost(kind: Kind, cuts: u64) {
    if !disks() {
        return;
    }
    let (seed, cuts) = (harness::seed(), harness::amount("CUTS", cuts));
    let name = format!("a_power_cut_on_{kind:?}").to_lowercase();
    println!("SEED={seed} cargo test --test fault {name} -- --nocapture");
    for first in 0..2 {
        let faults = cut_after_the_first(kind, seed + first, Syncs::Real).await;
        assert!(faults.is_empty(), "after the first start: {faults:#?}");
    }
    let (verdict, sometimes) = cut(kind, seed, cuts, Syncs::Real).await;
    println!(
        "{kind:?}: {cuts} power cuts, {} events ({} got a 202), {} messages taken ({} copies), drained in \
         {:.1?}; {sometimes}",
        verdict.events, verdict.kept, verdict.messages, verdict.copies, verdict.drained
    );
    assert!(verdict.faults.is_empty(), "{:#?}", verdict.faults);
    assert!(sometimes.missed().is_empty(), "a useless run: it never met {:?}", sometimes.missed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_on_ext4_loses_nothing_that_got_a_202() {
    nothing_is_lost(Kind::Ext4, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_on_xfs_loses_nothing_that_got_a_202() {
    nothing_is_lost(Kind::Xfs, 20).await;
}

/// The control group: under `eatmydata` no sync is one, and the same cuts must be seen to lose.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_power_cuts_lose_what_was_not_synced() {
    if !disks() || !harness::has("eatmydata", "eatmydata", "that the power cuts can fail (D3, control)") {
        return;
    }
    for kind in [Kind::Ext4, Kind::Xfs] {
        let (mut lost, mut attempt) = (false, 0);
        while !lost && attempt < 12 {
            let faults = cut_after_the_first(kind, attempt, Syncs::Empty).await;
            println!("{kind:?} without syncs: {:?}", faults.first());
            lost = faults.iter().any(|fault| fault.starts_with("I1"));
            attempt += 1;
        }
        assert!(lost, "{kind:?}: 12 power cuts lost nothing that was not synced: they prove nothing");
    }
}
