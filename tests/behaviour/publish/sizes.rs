//! Edges of size (P7): what fits is sent, in batches that SNS takes; what is one byte too large is parked,
//! and its neighbours are sent.

use std::collections::HashSet;

use moodle_sns_producer::delivery::{Class, Reason};
use moodle_sns_producer::event::EventId;

use super::rig::{self, Rig, STANDARD, captured};

const CONTRACT: &str = "moodle.course.created.v1";

/// What a name may be filled with, and how many bytes each takes in a message: plain, one that JSON escapes,
/// two and four bytes of UTF-8, and one that SNS forbids and we escape.
const FILLINGS: [(&str, usize); 5] = [("x", 1), ("\"", 2), ("é", 2), ("😀", 4), ("\u{FFFE}", 6)];

struct Makes {
    captured: serde_json::Value,
    number: u64,
}

impl Makes {
    /// An event whose message has this name in it.
    fn event(&mut self, name: &str) -> (u32, moodle_sns_producer::event::Event) {
        self.number += 1;
        let mut captured = self.captured.clone();
        captured["data"]["objectid"] = self.number.into();
        captured["data"]["courseid"] = self.number.into();
        captured["entities"]["course"]["id"] = self.number.into();
        captured["entities"]["course"]["fullname"] = name.into();
        (0, rig::event(&"vle".parse().unwrap(), r"\core\event\course_created", &captured))
    }
}

/// Starts with a limit, and learns how large a message with an empty name is.
async fn start(limit: usize) -> (Rig, Makes, usize) {
    let mut rig = Rig::with(0, |settings| {
        for topic in &mut settings.topics {
            topic.max_message = limit;
        }
    })
    .await;
    rig.double.set_max_message(limit);
    let mut makes = Makes { captured: captured("course_created"), number: 1_000_000 };
    let event = makes.event("");
    let empty = rig.owe_events(Class::Live, STANDARD, CONTRACT, vec![event]).await[0].bytes;
    (rig, makes, empty)
}

/// Owes messages whose names are filled so that they miss the limit by so many bytes, and holds what was
/// taken and parked against their sizes.
async fn holds(limit: usize, batches: Vec<Vec<(usize, i64)>>) -> (usize, usize) {
    let (mut rig, mut makes, empty) = start(limit).await;
    let mut debts = Vec::new();
    for batch in batches {
        let mut events = Vec::new();
        for (filling, over) in batch {
            let (text, bytes) = FILLINGS[filling % FILLINGS.len()];
            let room = usize::try_from(i64::try_from(limit).unwrap() + over).unwrap().saturating_sub(empty);
            // What is left of the room is filled plainly, so that the size is met to the byte.
            let name = text.repeat(room / bytes) + &"x".repeat(room % bytes);
            events.push(makes.event(&name));
        }
        debts.extend(rig.owe_events(Class::Live, STANDARD, CONTRACT, events).await);
        rig.drained().await;
    }
    rig.check().await;
    assert_eq!(rig.double.refused(), 0, "a call broke a limit of SNS");
    let parked = rig.parked().await;
    assert!(parked.iter().all(|(_, parking)| parking.reason == Reason::Oversized), "{parked:?}");
    let parked: HashSet<EventId> = parked.into_iter().map(|(id, _)| id).collect();
    for debt in &debts {
        let oversized = debt.bytes > limit;
        assert_eq!(parked.contains(&debt.stored.event.id), oversized, "{} bytes, limit {limit}", debt.bytes);
    }
    (debts.len(), parked.len())
}

#[tokio::test]
async fn at_snss_own_limit_a_byte_decides() {
    let edges: Vec<_> =
        (0..FILLINGS.len()).flat_map(|filling| [-1, 0, 1].map(|over| (filling, over))).collect();
    // Ten of the largest in one go; and one too large among small ones.
    let ten = vec![(0, 0); 10];
    let among = [vec![(1, -200_000); 4], vec![(2, 1)], vec![(3, -200_000); 5]].concat();
    let (owed, parked) = holds(262_144, vec![edges, ten, among]).await;
    assert_eq!((owed, parked), (35, FILLINGS.len() + 1));
}

#[tokio::test]
async fn no_batch_is_ever_too_long() {
    let seed = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed} cargo test --test behaviour no_batch_is_ever_too_long");
    let mut random = fastrand::Rng::with_seed(seed);
    let limit = 8_192;
    let batches = (0..80)
        .map(|_| {
            (0..25)
                .map(|_| {
                    // Near the limit, near a half, a third … of it, or anywhere.
                    let over = match random.u32(0..4) {
                        0 => random.i64(-3..=3),
                        1 => 8_192 / random.i64(2..=10) - 8_192 + random.i64(-3..=3),
                        _ => random.i64(-8_192..=60),
                    };
                    (random.usize(0..FILLINGS.len()), over)
                })
                .collect()
        })
        .collect();
    let (owed, parked) = holds(limit, batches).await;
    assert_eq!(owed, 2_000);
    assert!(parked > 50, "only {parked} were oversized: a useless run");
}
