//! Past events owed again: to one topic, for one addressee, at a pace. What a person orders, how far it is,
//! and how far back anything can be sent again at all.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Signed, Spool, SpoolError};
use crate::delivery::{ContractId, Group, ReplayName, TopicKey};
use crate::event::{SourceKey, StoredEvent};

/// What is to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayOrder {
    /// For whom, and which replay it is.
    pub name: ReplayName,
    /// To which topic, and no other.
    pub topic: TopicKey,
    /// Messages of these contracts.
    pub contracts: Vec<ContractId>,
    /// Only of this source.
    pub source: Option<SourceKey>,
    /// Events accepted at this time or later…
    pub from: Timestamp,
    /// …and before this.
    pub until: Timestamp,
    /// So many messages a second at most.
    pub per_second: u32,
}

/// How far a replay is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Its number in the spool.
    pub number: u64,
    /// What was ordered.
    pub order: ReplayOrder,
    /// When.
    pub begun: Timestamp,
    /// Whether it still makes deliveries.
    pub state: ReplayState,
    /// The events up to this place were looked at…
    pub through: u64,
    /// …and this one is the last to be looked at.
    pub last: u64,
    /// Deliveries made.
    pub owed: u64,
    /// Messages that could not be made, so nothing is owed for them.
    pub unmade: u64,
    /// Of the deliveries made: published.
    pub settled: u64,
    /// To be sent, or to be sent again.
    pub waiting: u64,
    /// Set aside.
    pub parked: u64,
    /// Set when history was pruned up to this time before all of it was looked at: of what lies before,
    /// messages are missing.
    pub pruned: Option<Timestamp>,
}

/// Whether a replay makes deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayState {
    /// It does.
    Running,
    /// All are made; they may still wait to be sent.
    Made {
        /// Since when.
        at: Timestamp,
    },
    /// A person ended it.
    Cancelled {
        /// When.
        at: Timestamp,
    },
}

/// How far back events can be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Since when events were accepted under a list that names the contract, by source and contract.
    pub armed: Vec<(SourceKey, ContractId, Timestamp)>,
    /// History up to this time is pruned, in whole or in part.
    pub pruned: Option<Timestamp>,
    /// The place of the last event.
    pub last: u64,
}

/// Which past events are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Only of this source.
    pub source: Option<SourceKey>,
    /// Accepted at this time or later…
    pub from: Timestamp,
    /// …and before this.
    pub until: Timestamp,
    /// Moodle's names of them.
    pub names: Vec<Arc<str>>,
    /// None behind this place.
    pub last: u64,
}

/// Some of them, in the order of acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastPage {
    /// The events. Those whose bytes are damaged are left out, and those that are to be erased.
    pub events: Vec<StoredEvent>,
    /// Damaged ones.
    pub damaged: u64,
    /// All up to this place were looked at.
    pub through: u64,
}

/// One step of a replay, kept whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayStep {
    /// Of which, by [`Replay::number`].
    pub number: u64,
    /// Where the step before it ended: one that was kept already is passed over.
    pub after: u64,
    /// Where it ends.
    pub through: u64,
    /// What is owed again, in order.
    pub owed: Vec<OwedAgain>,
    /// Messages that could not be made.
    pub unmade: u64,
}

/// One message to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedAgain {
    /// Its event's place.
    pub event: u64,
    /// Of which contract.
    pub contract: ContractId,
    /// In which group.
    pub group: Group,
    /// The event's data, in bytes.
    pub bytes: u64,
}

impl Spool {
    /// Notes since when events of a source come under a list that names these contracts. What was noted
    /// before stays.
    ///
    /// # Errors
    /// The store failed.
    pub async fn arm(
        &self,
        source: &SourceKey,
        contracts: Vec<ContractId>,
        since: Timestamp,
    ) -> Result<(), SpoolError> {
        self.store.arm(source.clone(), contracts, since).await
    }

    /// Forgets since when the contracts of a source were armed, but for these: its list names no others any
    /// more.
    ///
    /// # Errors
    /// The store failed.
    pub async fn disarm_all_but(
        &self,
        source: &SourceKey,
        contracts: Vec<ContractId>,
    ) -> Result<(), SpoolError> {
        self.store.disarm_all_but(source.clone(), contracts).await
    }

    /// How far back events can be sent again.
    ///
    /// # Errors
    /// The store failed.
    pub async fn reach(&self) -> Result<Reach, SpoolError> {
        self.store.reach().await
    }

    /// Writes a replay down, and who asked and why into the audit. False: there is one of this id, and nothing
    /// was changed.
    ///
    /// # Errors
    /// The store failed: whether it was written is not known.
    pub async fn begin_replay(&self, order: &ReplayOrder, signed: &Signed) -> Result<bool, SpoolError> {
        self.store.begin_replay(order.clone(), signed.clone()).await
    }

    /// Owes what one step of a replay found, and keeps how far it got: both or neither. False: the replay is
    /// over, or the step was kept before.
    ///
    /// # Errors
    /// The store failed: whether it was kept is not known; doing it again changes nothing then.
    pub async fn owe_again(&self, step: ReplayStep) -> Result<bool, SpoolError> {
        self.store.owe_again(step).await
    }

    /// Ends a replay: nothing more is owed, what waits is passed over, and the audit says who and why. Says how
    /// many were passed over; none: no replay of this id goes on.
    ///
    /// # Errors
    /// The store failed: whether it was done is not known.
    pub async fn cancel_replay(&self, id: &str, signed: &Signed) -> Result<Option<u64>, SpoolError> {
        self.store.cancel_replay(id.to_owned(), signed.clone()).await
    }

    /// All replays, the newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn replays(&self) -> Result<Vec<Replay>, SpoolError> {
        self.store.replays(false).await
    }

    /// Those that still make deliveries.
    ///
    /// # Errors
    /// The store failed.
    pub async fn replays_running(&self) -> Result<Vec<Replay>, SpoolError> {
        self.store.replays(true).await
    }

    /// At most `n` past events behind a place, in the order of acceptance. Events set aside at the door are
    /// none. Where few fit, a page may be empty and yet not the last: look at how far it got.
    ///
    /// # Errors
    /// The store failed.
    pub async fn past(&self, asked: &Past, after: u64, n: usize) -> Result<PastPage, SpoolError> {
        self.store.past(asked.clone(), after, n).await
    }
}
