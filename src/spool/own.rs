//! What the sidecar tells of itself: own events, which nobody sent and no door counted.

use super::{Owed, Spool, SpoolError};
use crate::event::Event;

/// An event of the product's own, with the one message that it owes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The event.
    pub event: Event,
    /// Its message.
    pub owed: Owed,
}

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
}
