//! Laws of a FIFO topic, over many seeds (P4): whatever SNS answers and however often the workers start
//! again, each group comes in the order of acceptance, one message of a group is out at a time, and a group
//! that is held holds no other.

use std::time::Duration;

use super::rig::{FIFO, Rig};
use crate::support::sns::script::{Fault, What};

/// How many seeds an ordinary run takes.
const SEEDS: u64 = 300;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A few groups, a random choice of faults, workers that start again in the middle of it.
async fn one(seed: u64) -> [u64; 3] {
    let mut random = fastrand::Rng::with_seed(seed);
    let in_flight = random.usize(1..=8);
    let mut rig = Rig::with(seed, |settings| {
        settings.attempt_timeout = Duration::from_millis(400);
        for topic in &mut settings.topics {
            topic.in_flight = in_flight;
        }
    })
    .await;
    for what in [
        What::refuse(429, "Throttled"),
        What::refuse(500, "InternalError"),
        What::CutBefore,
        What::CutAfter,
        What::Omit(0),
        What::Truncate(300),
        What::Repeat(0),
        What::Fail { place: Some(0), code: "InternalError", sender_fault: false },
        What::Fail { place: Some(1), code: "InvalidParameter", sender_fault: true },
        What::Delay(Duration::from_millis(5)),
    ] {
        if random.bool() {
            rig.double.fault(Fault::chance(random.f64() * 0.2, what));
        }
    }
    if random.u32(0..10) == 0 {
        rig.double.fault(Fault::once(What::BlackHoleAfter));
    }
    let groups = random.u32(1..=6);
    let mut starts = 0;
    for _ in 0..random.u32(2..=5) {
        let people: Vec<u32> = (0..random.u32(1..=12)).map(|_| random.u32(0..groups)).collect();
        rig.owe(FIFO, &people).await;
        match random.u32(0..4) {
            0 => {
                rig.stop().await;
                rig.publish().await;
                starts += 1;
            }
            // Dropped as it is: what was out is not waited for.
            1 => {
                drop(rig.publisher.take());
                rig.publish().await;
                starts += 1;
            }
            _ => tokio::time::sleep(Duration::from_millis(random.u64(0..10))).await,
        }
    }
    let log = rig.check().await;
    // A worker that was dropped may have left a call behind that nobody waits for.
    assert!(starts > 0 || rig.double.overlaps() == 0, "two of a group were out at once");
    let suppressed = log.iter().filter(|taken| taken.suppressed).count() as u64;
    [suppressed, rig.parked().await.len() as u64, starts]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_keep_their_order_over_many_seeds() {
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + number("SEEDS").unwrap_or(1),
        None => {
            let first = fastrand::u64(..u64::MAX / 2);
            first..first + number("SEEDS").unwrap_or(SEEDS)
        }
    };
    println!("seeds {seeds:?}");
    let mut met = [0; 3];
    let mut tasks = tokio::task::JoinSet::new();
    let count = seeds.end - seeds.start;
    let mut seeds = seeds.into_iter();
    loop {
        while tasks.len() < 4
            && let Some(seed) = seeds.next()
        {
            tasks.spawn(async move {
                let work = tokio::spawn(one(seed));
                let outcome = work.await;
                if outcome.is_err() {
                    println!("SEED={seed} cargo test --test behaviour groups_keep_their_order");
                }
                outcome.unwrap()
            });
        }
        let Some(done) = tasks.join_next().await else { break };
        for (sum, n) in met.iter_mut().zip(done.unwrap()) {
            *sum += n;
        }
    }
    let [copies, parked, starts] = met;
    println!("{count} seeds: {copies} copies held back by SNS, {parked} parked, {starts} new starts");
    assert!(count < 20 || met.iter().all(|n| *n > 0), "a useless run: {met:?}");
}

/// One group that SNS never takes costs the others less than a tenth of their pace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_group_costs_the_others_nothing_of_their_pace() {
    // The pace is set by the double's delay, not by this machine's.
    let pace = async |held: bool| {
        let mut rig = Rig::with(0, |settings| settings.attempt_timeout = Duration::from_secs(2)).await;
        rig.double.fault(Fault::always(What::Delay(Duration::from_millis(40))));
        let first = rig.owe(FIFO, &[0]).await;
        if held {
            let fail = What::Fail { place: None, code: "InternalError", sender_fault: false };
            rig.double.fault(Fault::always(fail).holding(&first[0].id));
        }
        let begun = std::time::Instant::now();
        let people: Vec<u32> = (0..1_200).map(|n| 1 + n % 200).collect();
        rig.owe(FIFO, &people).await;
        rig.taken(1_200 + usize::from(!held)).await;
        let took = begun.elapsed();
        rig.check().await;
        took
    };
    // The better of three each: a pause of the machine is not the product's.
    let (mut free, mut beside) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        free = free.min(pace(false).await);
        beside = beside.min(pace(true).await);
    }
    println!("1,200 messages of 200 groups in {free:.2?} alone, in {beside:.2?} beside a held group");
    assert!(
        free.as_secs_f64() >= 0.9 * beside.as_secs_f64(),
        "{beside:?} beside a held group, {free:?} alone"
    );
}
