//! What goes in: a batch of cut events with what each owes, and what became of it.

use std::sync::Arc;
use std::time::Duration;

use super::Shortage;
use crate::delivery::{Class, ContractId, Group, Parking, TopicKey};
use crate::event::{Event, Sequence, SourceKey};

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
    /// The ids of Moodle's users who stand in it, so that it is found when one of them is to be erased.
    pub people: Vec<i64>,
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
    /// There is too little room on the disk, or the log has grown too long. Nothing was kept.
    #[error("there is no room for a batch: {}", .0.cure())]
    Short(Shortage),
    /// The oldest batch in the commit queue has waited too long. Nothing was kept.
    #[error("the disk is behind: the oldest batch has waited {0:?} for its commit")]
    Busy(Duration),
    /// A person has it drained. Nothing was kept.
    #[error("the spool is being drained: it takes nothing new")]
    Draining,
    /// The spool is shut. Nothing was kept.
    #[error("the spool is shut")]
    Shut,
}
