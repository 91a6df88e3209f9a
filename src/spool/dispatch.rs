//! What goes out: the deliveries of one topic, in order, to whoever holds its lease.

use crate::delivery::{Class, ContractId, Group, Held, Parking, Position, ReplayName, TopicKey};
use crate::event::StoredEvent;

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

/// A delivery with its event, as [`load`](super::Spool::load) gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Where it stands in its topic.
    pub position: Position,
    /// Of which contract.
    pub contract: ContractId,
    /// Whether a person sent it again after it was parked.
    pub redriven: bool,
    /// The replay it is of; none for the first copy.
    pub replay: Option<ReplayName>,
    /// The event; or the parking (`corrupt`) when the bytes are not those that were accepted.
    pub event: Result<StoredEvent, Parking>,
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
