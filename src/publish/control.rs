//! What other stages may see of the workers: a pulse for each topic, and the counters.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::contracts::{Contracts, HeldContract};
use super::flow::{Flow, Outlook};
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
    /// Messages a second that may go now to all topics of its account and kind together; none: no limit.
    pub pace: Option<f64>,
    /// When it will be clear.
    pub outlook: Outlook,
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
    /// A person stopped it: nothing goes out until one lets it go on.
    Paused {
        /// Since when.
        since: Timestamp,
        /// Why.
        why: String,
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

/// What a worker has to do, and how fast it may.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Batches in flight.
    pub in_flight: usize,
    /// Deliveries in memory.
    pub queued: usize,
    /// Those of the longest group.
    pub longest_group: usize,
    /// Messages a second that may go now.
    pub pace: Option<f64>,
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
    flow: Flow,
    longest_group: usize,
    round_trip: Option<Duration>,
    pace: Option<f64>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Told {
            state: State::Running,
            in_flight: 0,
            queued: 0,
            last_published: None,
            flow: Flow::new(Instant::now()),
            longest_group: 0,
            round_trip: None,
            pace: None,
        })))
    }

    /// Says what the worker has to do, and how fast it may.
    pub(super) fn load(&self, load: Load) {
        let mut told = self.told();
        told.in_flight = load.in_flight;
        told.queued = load.queued;
        told.longest_group = load.longest_group;
        told.pace = load.pace;
    }

    /// Says what the state is.
    pub(super) fn state(&self, state: State) {
        let mut told = self.told();
        let going = state == State::Running && told.queued > 0;
        told.flow.going(Instant::now(), going);
        told.state = state;
    }

    /// Says that messages came that are owed.
    pub(super) fn arrived(&self, n: usize) {
        self.told().flow.arrived(Instant::now(), u32::try_from(n).unwrap_or(u32::MAX));
    }

    /// Says how long a batch took from the spool to SNS and back.
    pub(super) fn round_trip(&self, took: Duration) {
        let mut told = self.told();
        // Of the last ten or so.
        told.round_trip =
            Some(told.round_trip.map_or(took, |before| before.mul_f64(0.9) + took.mul_f64(0.1)));
    }

    /// Says that SNS took messages.
    pub(super) fn published(&self, n: u32) {
        let mut told = self.told();
        told.last_published = Some(Timestamp::now());
        told.flow.published(Instant::now(), n);
    }

    fn pulse(&self, topic: &TopicKey) -> Pulse {
        let mut told = self.told();
        let now = Instant::now();
        Pulse {
            topic: topic.clone(),
            state: told.state.clone(),
            in_flight: told.in_flight,
            queued: told.queued,
            last_published: told.last_published,
            per_second: told.flow.per_second(now),
            pace: told.pace,
            outlook: Outlook {
                // Nothing is known yet of one that is held or begins: it may go as fast as the quota lets it.
                going: told.flow.going_at(now).or(told.pace),
                arriving: told.flow.arriving(now),
                longest_group: told.longest_group as u64,
                round_trip: told.round_trip,
            },
        }
    }

    // Nothing that holds the lock can leave the counts half written.
    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
