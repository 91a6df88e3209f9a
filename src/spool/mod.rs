//! The spool: the disk between Moodle and SNS.
//!
//! In comes a batch of cut events with the deliveries they owe; the answer comes only when the commit
//! that holds them has returned. Out go deliveries, topic by topic, in the order of acceptance, and in
//! come their fates. It promises: what was committed is there after any crash; a repeated event id is
//! answered as a duplicate for 35 days; a sequence never goes back; and the ledger's sums hold at every
//! commit, because its rows change in the transaction they count. It must not know what a contract,
//! a signature or an SNS answer looks like.
//!
//! This face carries no SQL type. What a second implementation (a shared database) must promise is
//! written at each function, and `tests/spool.rs` tests it against the face alone.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::{Class, ContractId, Group, Held, Parking, Position, Reason, Receipt, TopicKey};
use crate::event::{Event, EventId, Sequence, SourceKey, StoredEvent};

/// How long an event id is remembered, whatever else is pruned: a repeated id within this time is a
/// duplicate, and an older one is refused at the door.
pub const IDS_KEPT: Duration = Duration::from_secs(35 * 24 * 3600);

/// How long a wanted list that was replaced may still be named by an event.
pub const LISTS_KEPT: Duration = Duration::from_secs(14 * 24 * 3600);

/// What one request brought, as one commit holds it: all of it, or nothing.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The site that sent it.
    pub source: SourceKey,
    /// The events to keep, in the order in which they were sent.
    pub events: Vec<Accept>,
    /// Events that no row of the wanted list took, by Moodle's event name: counted, not kept.
    pub unwanted: Vec<(Arc<str>, u32)>,
}

/// One event to keep.
#[derive(Debug, Clone)]
pub struct Accept {
    /// The event, cut.
    pub event: Event,
    /// What is owed for it.
    pub route: Route,
}

/// What is owed for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A row of the wanted list took it and no topic wants it now: kept as history.
    Unrouted,
    /// Set aside at the door.
    Parked(Parking),
    /// At least one delivery.
    Owed(Vec<Owed>),
}

/// One message owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// To which topic.
    pub topic: TopicKey,
    /// Of which contract.
    pub contract: ContractId,
    /// Before or after others on a standard topic.
    pub class: Class,
    /// In which group; or why none could be told, in which case the delivery is parked from the start.
    pub group: Result<Group, Parking>,
}

/// What became of one event of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is kept, here.
    New(Sequence),
    /// Its id was known and its content was the same: nothing was written.
    Duplicate,
    /// Its id was known with other content: the first wins, nothing was written but the count.
    Conflict,
}

/// Why a batch got no answer that it is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// The commit failed. Whether the batch is kept is not known: the sender must send it again.
    #[error("committing a batch failed, it may or may not be kept: {0}")]
    Unknown(String),
    /// What is owed has reached the high-water mark. Nothing was kept.
    #[error("the spool is full: {owed_bytes} bytes are owed, {limit_bytes} are allowed")]
    Full {
        /// What waits to be published, in bytes.
        owed_bytes: u64,
        /// `spool.max_size`.
        limit_bytes: u64,
    },
    /// The oldest batch in the commit queue has waited too long. Nothing was kept.
    #[error("the disk is behind: the oldest batch has waited {0:?} for its commit")]
    Busy(Duration),
    /// The spool is shut. Nothing was kept.
    #[error("the spool is shut")]
    Shut,
}

/// The right to dispatch one topic, held by one process at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The topic.
    pub topic: TopicKey,
}

/// One line of a topic's index: enough to know what may be sent next, without the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in its topic.
    pub position: Position,
    /// Of which contract.
    pub contract: ContractId,
    /// In which group.
    pub group: Group,
    /// Before or after others on a standard topic.
    pub class: Class,
    /// Set when it was tried and waits for its next try.
    pub held: Option<Held>,
}

/// A delivery with its event, as [`Spool::load`] gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Where it stands in its topic.
    pub position: Position,
    /// Of which contract.
    pub contract: ContractId,
    /// Whether a person sent it again after it was parked.
    pub redriven: bool,
    /// The event; or the parking (`corrupt`) when the bytes are not those that were accepted.
    pub event: Result<StoredEvent, Parking>,
}

/// A parked delivery or event, as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Names it for `parked show` and `parked redrive`.
    pub number: u64,
    /// When it was parked.
    pub at: Timestamp,
    /// Why.
    pub parking: Parking,
    /// The site it came from.
    pub source: SourceKey,
    /// The event.
    pub event: EventId,
    /// Moodle's event name.
    pub name: Arc<str>,
    /// The delivery's topic and contract; none when the event was parked at the door.
    pub owed: Option<(TopicKey, ContractId)>,
}

/// Which parked deliveries a verb speaks of: all that fit every part that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParkedFilter {
    /// One of them, by [`Parked::number`].
    pub number: Option<u64>,
    /// Those of one event.
    pub event: Option<EventId>,
    /// Those of one reason.
    pub reason: Option<Reason>,
    /// Those of one topic.
    pub topic: Option<TopicKey>,
    /// Those of one contract.
    pub contract: Option<ContractId>,
}

/// What became of one event, for `trace`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The event as kept; none when it was pruned and only its id is known.
    pub event: Option<StoredEvent>,
    /// When it was accepted, if still known (else the day of it).
    pub accepted: Option<Timestamp>,
    /// Set when the event itself was parked at the door.
    pub parked: Option<Parking>,
    /// Each message it owes.
    pub deliveries: Vec<TracedDelivery>,
}

/// One message of a traced event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedDelivery {
    /// To which topic.
    pub topic: TopicKey,
    /// Of which contract.
    pub contract: ContractId,
    /// Where it is.
    pub state: TracedState,
}

/// Where a delivery is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TracedState {
    /// To be sent.
    Waiting,
    /// To be tried again.
    Held(Held),
    /// Set aside.
    Parked(Parking),
    /// Published.
    Settled {
        /// When SNS had answered.
        at: Timestamp,
        /// What it answered.
        receipt: Receipt,
    },
}

/// What a ledger row counts. Events: `received = accepted + duplicate + unwanted + parked`.
/// Deliveries: `owed = waiting + held + parked + settled`, of which the first three are counted where
/// they lie and the rest here.
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
    /// Deliveries that `erase` took.
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
    /// Set aside, by reason.
    pub parked: Vec<(Reason, u64)>,
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
}

impl State {
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

/// A read, or a change a person asked for, could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// The store failed.
    #[error("{doing}: {cause}")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// What the store said.
        cause: String,
    },
    /// The spool is shut.
    #[error("the spool is shut")]
    Shut,
}

/// Why fates were not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConcludeError {
    /// Another process dispatches this topic now: stop.
    #[error("the lease on topic {0} is lost")]
    LeaseLost(TopicKey),
    /// The commit failed; whether the fates are kept is not known. Read the index again.
    #[error("keeping what became of deliveries failed: {0}")]
    Unknown(String),
    /// The spool is shut.
    #[error("the spool is shut")]
    Shut,
}
