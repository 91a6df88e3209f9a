//! What other stages may see of the workers: a pulse for each topic, and the counters.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use super::contracts::{Contracts, HeldContract};
use super::stats::Stats;
use crate::delivery::{Cause, TopicKey};

/// A view of all workers. Cheap to clone; outlives them.
#[derive(Debug, Clone)]
pub struct Control {
    topics: Arc<[(TopicKey, Shared)]>,
    contracts: Contracts,
    stats: Stats,
}

/// How one topic does.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulse {
    /// The topic.
    pub topic: TopicKey,
    /// Whether it publishes.
    pub state: State,
    /// Batches that were sent and are not answered.
    pub in_flight: usize,
    /// Deliveries in the worker's memory: waiting, held or sent.
    pub queued: usize,
    /// When SNS last took a message.
    pub last_published: Option<Timestamp>,
    /// Messages a second that SNS took, over the last minute.
    pub per_second: f64,
}

/// Whether a topic publishes, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It does.
    Running,
    /// Nothing goes out but a try now and then; it goes on by itself when the cause is gone.
    Held {
        /// The kind of fault.
        cause: Cause,
        /// What SNS said, and what to do.
        words: String,
        /// Since when.
        since: Timestamp,
        /// When the next try is made, about.
        next_probe: Timestamp,
    },
    /// The worker has ended: the process is stopping, or another one has the topic.
    Stopped {
        /// Why.
        why: String,
    },
}

impl Control {
    pub(super) fn new(topics: Vec<(TopicKey, Shared)>, contracts: Contracts, stats: Stats) -> Self {
        Self { topics: topics.into(), contracts, stats }
    }

    /// The contracts that are held because they can't make their messages, by name.
    #[must_use]
    pub fn held_contracts(&self) -> Vec<HeldContract> {
        self.contracts.held()
    }

    /// How each topic does now, in the order of the settings.
    #[must_use]
    pub fn pulses(&self) -> Vec<Pulse> {
        self.topics.iter().map(|(topic, shared)| shared.pulse(topic)).collect()
    }

    /// How one topic does now; none when it isn't served.
    #[must_use]
    pub fn pulse(&self, topic: &TopicKey) -> Option<Pulse> {
        let (topic, shared) = self.topics.iter().find(|(key, _)| key == topic)?;
        Some(shared.pulse(topic))
    }

    /// The counters, to register.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }
}

/// What a worker tells of itself.
#[derive(Debug, Clone)]
pub(super) struct Shared(Arc<Mutex<Told>>);

#[derive(Debug)]
struct Told {
    state: State,
    in_flight: usize,
    queued: usize,
    last_published: Option<Timestamp>,
    rate: Rate,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Told {
            state: State::Running,
            in_flight: 0,
            queued: 0,
            last_published: None,
            rate: Rate::new(Instant::now()),
        })))
    }

    /// Says how many batches are in flight, and how many deliveries are in memory.
    pub(super) fn count(&self, in_flight: usize, queued: usize) {
        let mut told = self.told();
        told.in_flight = in_flight;
        told.queued = queued;
    }

    /// Says what the state is.
    pub(super) fn state(&self, state: State) {
        self.told().state = state;
    }

    /// Says that SNS took messages.
    pub(super) fn published(&self, n: u32) {
        let mut told = self.told();
        told.last_published = Some(Timestamp::now());
        told.rate.add(Instant::now(), n);
    }

    fn pulse(&self, topic: &TopicKey) -> Pulse {
        let mut told = self.told();
        Pulse {
            topic: topic.clone(),
            state: told.state.clone(),
            in_flight: told.in_flight,
            queued: told.queued,
            last_published: told.last_published,
            per_second: told.rate.per_second(Instant::now()),
        }
    }

    // Nothing that holds the lock can leave the counts half written.
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SECONDS: usize = 60;

/// Counts of the last sixty seconds.
#[derive(Debug)]
struct Rate {
    began: Instant,
    seconds: [u32; SECONDS],
    last: u64,
}

impl Rate {
    fn new(began: Instant) -> Self {
        Self { began, seconds: [0; SECONDS], last: 0 }
    }

    fn add(&mut self, now: Instant, n: u32) {
        let place = self.move_to(now);
        self.seconds[place] = self.seconds[place].saturating_add(n);
    }

    fn per_second(&mut self, now: Instant) -> f64 {
        self.move_to(now);
        let over = (self.last + 1).min(SECONDS as u64);
        let sum: u64 = self.seconds.iter().map(|n| u64::from(*n)).sum();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = sum as f64 / over as f64;
        rate
    }

    fn move_to(&mut self, now: Instant) -> usize {
        let second = now.saturating_duration_since(self.began).as_secs().max(self.last);
        let place = |second: u64| usize::try_from(second % SECONDS as u64).unwrap_or_default();
        for passed in (self.last + 1..=second).rev().take(SECONDS) {
            self.seconds[place(passed)] = 0;
        }
        self.last = second;
        place(second)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_rate_forgets_after_a_minute() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut rate = Rate::new(start);
        for second in 0..10 {
            rate.add(at(second), 30);
        }
        assert!((rate.per_second(at(9)) - 30.0).abs() < 1e-9);
        assert!((rate.per_second(at(59)) - 5.0).abs() < 1e-9);
        assert!((rate.per_second(at(64)) - 2.5).abs() < 1e-9);
        assert!(rate.per_second(at(1_000)).abs() < 1e-9);
    }
}
