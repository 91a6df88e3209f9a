//! The ledger: counts that must add up.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Pause, Pressure};
use crate::delivery::{Reason, TopicKey};
use crate::event::SourceKey;

/// What a ledger row counts. Events: `received = accepted + duplicate + unwanted + parked`.
/// Deliveries: `owed = waiting + held + parked + settled + skipped + dropped + erased`, of which the first three
/// are counted where they lie and the rest here. An event parked at the door that a person drops is counted as
/// dropped too, beside its `parked`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Count {
    /// Events that came in.
    Received,
    /// Events kept that had not been seen.
    Accepted,
    /// Events whose id was known.
    Duplicate,
    /// Of the duplicates, those with other content.
    Conflict,
    /// Events no row of the wanted list took.
    Unwanted,
    /// Events set aside at the door.
    Parked,
    /// Accepted events that owe nothing.
    Unrouted,
    /// Deliveries made.
    Owed,
    /// Deliveries published.
    Settled,
    /// Deliveries a person passed over.
    Skipped,
    /// Deliveries a person dropped from parked.
    Dropped,
    /// Deliveries that went with what was erased: of a person, or of a withdrawn contract.
    Erased,
}

impl Count {
    /// Every count.
    pub const ALL: [Self; 12] = [
        Self::Received,
        Self::Accepted,
        Self::Duplicate,
        Self::Conflict,
        Self::Unwanted,
        Self::Parked,
        Self::Unrouted,
        Self::Owed,
        Self::Settled,
        Self::Skipped,
        Self::Dropped,
        Self::Erased,
    ];

    /// The count's one name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::Unwanted => "unwanted",
            Self::Parked => "parked",
            Self::Unrouted => "unrouted",
            Self::Owed => "owed",
            Self::Settled => "settled",
            Self::Skipped => "skipped",
            Self::Dropped => "dropped",
            Self::Erased => "erased",
        }
    }
}

/// One row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// The hour it counts (its beginning); 1970 for what was folded together because it is old.
    pub hour: Timestamp,
    /// The site.
    pub source: SourceKey,
    /// Moodle's event name for events, the contract's name for deliveries.
    pub name: Arc<str>,
    /// The topic, for deliveries.
    pub topic: Option<TopicKey>,
    /// What is counted.
    pub count: Count,
    /// How many.
    pub n: u64,
}

/// Where deliveries of one topic lie now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicState {
    /// The topic.
    pub topic: TopicKey,
    /// To be sent.
    pub waiting: u64,
    /// To be tried again.
    pub held: u64,
    /// What waits or is held, in bytes.
    pub owed_bytes: u64,
    /// Set aside, by reason.
    pub parked: Vec<(Reason, u64)>,
    /// Set while a person has stopped it.
    pub paused: Option<Pause>,
    /// When the oldest delivery that is waiting or held was accepted.
    pub oldest: Option<Timestamp>,
    /// How many were ever made, by the ledger.
    pub owed: u64,
    /// How many were ever published, by the ledger.
    pub settled: u64,
    /// Passed over, dropped or erased by a person, by the ledger.
    pub set_aside: u64,
}

impl TopicState {
    /// What waits or is held: a settling is still to come.
    #[must_use]
    pub fn still_owed(&self) -> u64 {
        self.waiting + self.held
    }

    /// What the ledger says is owed less what lies anywhere: 0, or something is wrong.
    #[must_use]
    pub fn missing(&self) -> i128 {
        let parked: u64 = self.parked.iter().map(|(_, n)| n).sum();
        i128::from(self.owed)
            - i128::from(self.waiting)
            - i128::from(self.held)
            - i128::from(parked)
            - i128::from(self.settled)
            - i128::from(self.set_aside)
    }
}

/// The whole account at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Names this spool: a restored copy has the same, a new one another.
    pub spool_id: String,
    /// The epoch of sequences given now.
    pub epoch: u32,
    /// Each topic that was ever owed something.
    pub topics: Vec<TopicState>,
    /// Events set aside at the door and not dropped, by reason.
    pub parked_events: Vec<(Reason, u64)>,
    /// Events by outcome, over all time: the ledger's event counts summed.
    pub events: Vec<(Count, u64)>,
    /// What waits to be published, in bytes.
    pub owed_bytes: u64,
    /// The most that may wait.
    pub limit_bytes: u64,
    /// The file with its log, in bytes.
    pub file_bytes: u64,
    /// Checkpoints that failed since the start.
    pub checkpoint_failures: u64,
    /// Commits since the start, and those that failed.
    pub commits: u64,
    /// Commits that failed since the start.
    pub commit_failures: u64,
    /// How near the limits are.
    pub pressure: Pressure,
}

impl State {
    /// Topics that nobody serves, though something waits for them; `served` knows by the key.
    pub fn unserved(&self, served: impl Fn(&TopicKey) -> bool) -> impl Iterator<Item = &TopicState> {
        self.topics.iter().filter(move |topic| topic.still_owed() > 0 && !served(&topic.topic))
    }

    /// A summed event count.
    #[must_use]
    pub fn event_count(&self, count: Count) -> u64 {
        self.events.iter().find(|(c, _)| *c == count).map_or(0, |(_, n)| *n)
    }

    /// Received events less those that have an outcome: 0, or something is wrong.
    #[must_use]
    pub fn missing_events(&self) -> i128 {
        i128::from(self.event_count(Count::Received))
            - [Count::Accepted, Count::Duplicate, Count::Unwanted, Count::Parked]
                .into_iter()
                .map(|c| i128::from(self.event_count(c)))
                .sum::<i128>()
    }
}
