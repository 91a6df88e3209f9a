//! Accept at the spool's interface, beside a bare rusqlite loop that writes the same rows in groups of
//! the mean size that ours reached. Both on one disk, in turn, in one run.
//!
//! `cargo bench --bench accept` (`BENCH_SECONDS`, `BENCH_ROUNDS`, `BENCH_DIR` for the disk).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    unreachable_pub,
    missing_docs,
    reason = "a benchmark stops at the first surprise, and its figures are small"
)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moodle_sns_producer::spool::{Settings, Spool};
use support::bare::Bare;
use support::events::Stream;
use support::{median, setting};

const CLIENTS: u64 = 32;

/// Events a second, and batches a commit, of `CLIENTS` tasks that each wait for their answer.
async fn ours(dir: &Path, events: &Stream, batch: usize, time: Duration, salt: u64) -> (f64, f64) {
    let spool = Spool::open(Settings::at(dir.join("ours.db"))).await.unwrap();
    let done = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (spool, done) = (spool.clone(), Arc::clone(&done));
            let mut stream = events.from((salt << 40) + (client << 32));
            tokio::spawn(async move {
                while begun.elapsed() < time {
                    spool.accept(stream.batch(batch)).await.unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let seconds = begun.elapsed().as_secs_f64();
    let batches = done.load(Ordering::Relaxed) as f64;
    let commits = spool.state().await.unwrap().commits as f64;
    spool.shut().await;
    (batches * batch as f64 / seconds, batches / commits)
}

fn bare(dir: &Path, events: &Stream, batch: usize, group: f64, time: Duration, salt: u64) -> f64 {
    let mut bare = Bare::open(&dir.join("bare.db"));
    let mut stream = events.from(salt << 40);
    let (mut written, mut owed_batches) = (0, 0.0);
    let begun = Instant::now();
    while begun.elapsed() < time {
        // A mean of 15.4 is 15 and 16 in turn.
        owed_batches += group;
        let n = owed_batches as usize;
        owed_batches -= n as f64;
        let batches: Vec<_> = (0..n).map(|_| stream.batch(batch)).collect();
        bare.commit(&batches);
        written += n * batch;
    }
    written as f64 / begun.elapsed().as_secs_f64()
}

fn main() {
    let time = Duration::from_secs_f64(setting("BENCH_SECONDS", 2.0));
    let rounds = setting("BENCH_ROUNDS", 5.0) as u64;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let events = Stream::new(0);
    println!(
        "accept at the spool's interface: {CLIENTS} clients, {} bytes an event, one delivery each",
        events.mean_bytes()
    );
    println!("{:>6} {:>12} {:>12} {:>8} {:>8}", "batch", "ours ev/s", "bare ev/s", "group", "ratio");
    for batch in [1, 10] {
        let mut ratios = Vec::new();
        let (mut ours_all, mut bare_all, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            let dir = std::env::var("BENCH_DIR")
                .map_or_else(|_| tempfile::tempdir(), tempfile::tempdir_in)
                .unwrap();
            runtime.block_on(async {
                let spool = Spool::open(Settings::at(dir.path().join("bare.db"))).await.unwrap();
                spool.shut().await;
            });
            let (ours, group) = runtime.block_on(ours(dir.path(), &events, batch, time, round));
            let bare = bare(dir.path(), &events, batch, group, time, round);
            ratios.push(ours / bare);
            ours_all.push(ours);
            bare_all.push(bare);
            groups.push(group);
        }
        println!(
            "{batch:>6} {:>12.0} {:>12.0} {:>8.1} {:>8.2}",
            median(ours_all),
            median(bare_all),
            median(groups),
            median(ratios)
        );
    }
}
