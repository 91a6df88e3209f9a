//! How many messages a second may go out. SNS counts them per account and region, standard and FIFO topics
//! apart, and over all who publish there: so all topics of one account and kind share one token bucket.
//! Pure but for the lock: times come as arguments.
//!
//! A worker asks for a turn, a batch each, and has at most one question open: turns are given in the order
//! of the questions, so topics share evenly. One that has something live goes before those that have bulk
//! only, and while both wait it gets four turns of five. When SNS throttles, the pace is halved for ten
//! seconds and then climbs back within a minute.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::TopicKind;
use super::pack::MAX_ENTRIES;
use crate::delivery::Class;

/// How long the pace is halved after SNS throttled.
const SLOW: Duration = Duration::from_secs(10);

/// From nothing to the whole pace the climb takes so long: from half of it, half as long.
const CLIMB: Duration = Duration::from_secs(60);

/// However often SNS throttles, this part of the pace is tried.
const LEAST: f64 = 0.05;

/// So much time's worth of messages may go at once after a pause: enough that a sleeping timer costs
/// nothing, too little for a storm after an outage.
const BURST: Duration = Duration::from_millis(100);

/// Nobody waits longer than this without looking again: who was before may have gone away.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// While something live waits, so many turns of it are given for one of bulk: 80 %.
const LIVE_FOR_ONE_BULK: u8 = 4;

/// What a turn costs: a whole batch. What isn't used of it is given back.
#[expect(clippy::cast_precision_loss, reason = "ten")]
const TURN: f64 = MAX_ENTRIES as f64;

/// The most messages a second that may be sent to the topics of one account; none: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// To standard topics, all together.
    pub standard: Option<u32>,
    /// To FIFO topics, all together.
    pub fifo: Option<u32>,
}

impl Quota {
    /// As fast as SNS answers.
    pub const NONE: Self = Self { standard: None, fifo: None };

    /// What AWS grants an account in a region until it asks for more ("Amazon SNS endpoints and quotas",
    /// publish API throttling, in messages a second).
    #[must_use]
    pub fn of_region(region: &str) -> Self {
        let (standard, fifo) = match region {
            "us-east-1" => (30_000, 30_000),
            "us-west-2" | "eu-west-1" => (9_000, 9_000),
            "us-east-2" | "us-west-1" | "eu-central-1" | "ap-south-1" | "ap-northeast-1"
            | "ap-northeast-2" | "ap-southeast-1" | "ap-southeast-2" => (1_500, 3_000),
            _ => (300, 3_000),
        };
        Self { standard: Some(standard), fifo: Some(fifo) }
    }

    /// So many hundredths of it, at least one message a second.
    #[must_use]
    pub fn share(self, percent: u32) -> Self {
        let part = |whole: u32| {
            let part = u64::from(whole) * u64::from(percent) / 100;
            u32::try_from(part).unwrap_or(u32::MAX).max(1)
        };
        Self { standard: self.standard.map(part), fifo: self.fifo.map(part) }
    }
}

/// The gates of all accounts, made as topics name them.
#[derive(Debug, Default)]
pub(super) struct Gates(HashMap<(String, TopicKind), Gate>);

impl Gates {
    /// A place at the gate of a topic's account.
    pub(super) fn seat(&mut self, arn: &str, kind: TopicKind, quota: Quota, now: Instant) -> Seat {
        let account = arn.split(':').nth(4).unwrap_or_default().to_owned();
        let most = match kind {
            TopicKind::Standard => quota.standard,
            TopicKind::Fifo => quota.fifo,
        };
        self.0.entry((account, kind)).or_insert_with(|| Gate::new(most, now)).seat()
    }
}

/// What the topics of one account and kind share. None: they have no limit.
#[derive(Debug, Clone)]
struct Gate(Option<Arc<Mutex<Desk>>>);

impl Gate {
    fn new(most: Option<u32>, now: Instant) -> Self {
        Self(most.map(|most| Arc::new(Mutex::new(Desk::new(most.into(), now)))))
    }

    fn seat(&self) -> Seat {
        let number = self.0.as_ref().map_or(0, |desk| {
            let mut desk = lock(desk);
            desk.seats += 1;
            desk.seats
        });
        Seat { gate: self.clone(), number }
    }
}

/// One worker's place at its gate. It leaves when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    gate: Gate,
    number: u32,
}

/// Whether a batch may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It may.
    Now,
    /// Ask again then.
    At(Instant),
}

impl Seat {
    /// Asks for a turn, for a batch that holds something live or bulk only. Whoever was told to wait keeps
    /// its place in the row until it is given the turn or leaves.
    pub(super) fn ask(&self, class: Class, now: Instant) -> Turn {
        self.desk().map_or(Turn::Now, |mut desk| desk.ask(self.number, class, now))
    }

    /// Gives back what was not sent of a turn.
    pub(super) fn unused(&self, messages: usize) {
        if let Some(mut desk) = self.desk() {
            desk.bucket.put(messages);
        }
    }

    /// Wants no turn now.
    pub(super) fn leave(&self) {
        if let Some(mut desk) = self.desk() {
            desk.leave(self.number);
        }
    }

    /// SNS throttled a call that was sent at `sent`.
    pub(super) fn slow(&self, sent: Instant, now: Instant) {
        if let Some(mut desk) = self.desk() {
            desk.bucket.slow(sent, now);
        }
    }

    /// Messages a second that all topics at this gate may send now; none: no limit.
    pub(super) fn pace(&self, now: Instant) -> Option<f64> {
        self.desk().map(|desk| desk.bucket.pace(now))
    }

    fn desk(&self) -> Option<MutexGuard<'_, Desk>> {
        self.gate.0.as_ref().map(|desk| lock(desk))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

// Nothing that holds the lock can leave the desk half changed.
fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who waits, and what there is to give.
#[derive(Debug)]
struct Desk {
    bucket: Bucket,
    seats: u32,
    live: VecDeque<u32>,
    bulk: VecDeque<u32>,
    /// Turns of live since the last of bulk, while both waited.
    taken_live: u8,
    /// Turns that were given while their seats weren't looking.
    given: Vec<u32>,
}

impl Desk {
    fn new(most: f64, now: Instant) -> Self {
        Self {
            bucket: Bucket::new(most, now),
            seats: 0,
            live: VecDeque::new(),
            bulk: VecDeque::new(),
            taken_live: 0,
            given: Vec::new(),
        }
    }

    fn ask(&mut self, seat: u32, class: Class, now: Instant) -> Turn {
        self.enter(seat, class);
        self.bucket.refill(now);
        while self.bucket.tokens >= TURN {
            let Some(next) = self.next() else { break };
            self.bucket.tokens -= TURN;
            self.given.push(next);
        }
        if let Some(at) = self.given.iter().position(|given| *given == seat) {
            self.given.swap_remove(at);
            return Turn::Now;
        }
        let before = |row: &VecDeque<u32>| row.iter().position(|waiting| *waiting == seat);
        let before = before(&self.live)
            .or_else(|| before(&self.bulk).map(|place| place + self.live.len()))
            .unwrap_or_default();
        let turns = u32::try_from(before + 1).unwrap_or(u32::MAX);
        let wait = (f64::from(turns) * TURN - self.bucket.tokens) / self.bucket.pace(now);
        Turn::At(now + Duration::from_secs_f64(wait.clamp(0.000_1, LOOK_AGAIN.as_secs_f64())))
    }

    /// Puts a seat at the end of its row, unless it is there or has been given its turn.
    fn enter(&mut self, seat: u32, class: Class) {
        let (row, other) = match class {
            Class::Live => (&mut self.live, &mut self.bulk),
            Class::Bulk => (&mut self.bulk, &mut self.live),
        };
        if self.given.contains(&seat) || row.contains(&seat) {
            return;
        }
        other.retain(|waiting| *waiting != seat);
        row.push_back(seat);
    }

    fn next(&mut self) -> Option<u32> {
        let bulks_turn = self.taken_live >= LIVE_FOR_ONE_BULK || self.live.is_empty();
        if bulks_turn && let Some(seat) = self.bulk.pop_front() {
            self.taken_live = 0;
            return Some(seat);
        }
        self.taken_live = if self.bulk.is_empty() { 0 } else { self.taken_live + 1 };
        self.live.pop_front()
    }

    fn leave(&mut self, seat: u32) {
        self.live.retain(|waiting| *waiting != seat);
        self.bulk.retain(|waiting| *waiting != seat);
        if let Some(at) = self.given.iter().position(|given| *given == seat) {
            self.given.swap_remove(at);
            self.bucket.put(MAX_ENTRIES);
        }
    }
}

/// A token a message.
#[derive(Debug)]
struct Bucket {
    /// Messages a second while SNS doesn't throttle.
    most: f64,
    tokens: f64,
    filled: Instant,
    slowed: Option<Slowed>,
}

#[derive(Debug, Clone, Copy)]
struct Slowed {
    at: Instant,
    /// The pace until `at` + [`SLOW`]; from there it climbs.
    pace: f64,
}

impl Bucket {
    fn new(most: f64, now: Instant) -> Self {
        let mut bucket = Self { most, tokens: 0.0, filled: now, slowed: None };
        bucket.tokens = bucket.room(now);
        bucket
    }

    fn pace(&self, now: Instant) -> f64 {
        let Some(Slowed { at, pace }) = self.slowed else { return self.most };
        let climbing = now.saturating_duration_since(at + SLOW);
        (pace + self.most * climbing.as_secs_f64() / CLIMB.as_secs_f64()).min(self.most)
    }

    /// The most tokens that it holds.
    fn room(&self, now: Instant) -> f64 {
        (self.pace(now) * BURST.as_secs_f64()).max(TURN)
    }

    fn refill(&mut self, now: Instant) {
        let pace = self.pace(now);
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + pace * passed).min(self.room(now));
        self.filled = self.filled.max(now);
        if pace >= self.most {
            self.slowed = None;
        }
    }

    fn put(&mut self, messages: usize) {
        #[expect(clippy::cast_precision_loss, reason = "at most a batch")]
        let messages = messages as f64;
        self.tokens = (self.tokens + messages).min(self.room(self.filled));
    }

    /// Of the calls that were in flight together only the first one throttled slows it.
    fn slow(&mut self, sent: Instant, now: Instant) {
        if self.slowed.is_some_and(|slowed| sent < slowed.at) {
            return;
        }
        self.refill(now);
        let pace = (self.pace(now) / 2.0).max(self.most * LEAST);
        self.slowed = Some(Slowed { at: now, pace });
        self.tokens = 0.0;
    }
}

#[cfg(test)]
mod tests;
