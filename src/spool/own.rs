//! What the sidecar tells of itself: own events, which nobody sent and no door counted, and the tally of what
//! was published, of which they tell.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Owed, Spool, SpoolError};
use crate::delivery::{ContractId, TopicKey};
use crate::event::{Event, SourceKey};

/// An event of the product's own, with the one message that it owes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The event.
    pub event: Event,
    /// Its message.
    pub owed: Owed,
}

/// A topic that asks for own messages of a contract, for one source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Carrier {
    /// The topic.
    pub topic: TopicKey,
    /// The source.
    pub source: SourceKey,
    /// The contract.
    pub contract: ContractId,
}

/// First publications of one contract's messages, to one topic in one day, of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The contract.
    pub contract: ContractId,
    /// How many messages, each id once.
    pub messages: u64,
    /// The XOR of the first 16 bytes of the SHA-256 of each message id.
    pub check: u128,
}

/// The order to tell what was published in the days that are over.
#[derive(Clone)]
pub struct SumUp {
    /// Who is told.
    pub carriers: Vec<Carrier>,
    /// The beginning of the day that isn't over yet, UTC.
    pub today: Timestamp,
    /// Makes the event that tells of a day, given its beginning.
    pub tell: Arc<Tell>,
}

/// Makes the event that tells a carrier of a day; none: it can't be told.
pub type Tell = dyn Fn(&Carrier, Timestamp, &[Published]) -> Option<Own> + Send + Sync;

impl Spool {
    /// Keeps own events in one commit, but none whose predecessor (of the same topic, source and contract)
    /// still waits or is held: it would only lengthen the queue. They are counted as owed, and not at the
    /// door, where nothing came in; and a full spool takes them, since there is never more than one of a kind.
    /// Gives how many were kept.
    ///
    /// # Errors
    /// The store failed: whether they are kept is not known.
    pub async fn tell(&self, told: Vec<Own>) -> Result<u64, SpoolError> {
        self.store.tell(told).await
    }

    /// Keeps for each carrier an own event for each day before today that it was not told yet, of 35 days at
    /// most, each day once for ever. The first order for a carrier tells nothing: its days begin with today.
    /// Gives how many were kept.
    ///
    /// What is told are the first publications, counted in the transactions that settled them: so neither a
    /// kill nor what is pruned changes a count, and none is added to a day that was told.
    ///
    /// # Errors
    /// The store failed: whether they are kept is not known.
    pub async fn sum_up(&self, order: SumUp) -> Result<u64, SpoolError> {
        self.store.sum_up(order).await
    }
}
