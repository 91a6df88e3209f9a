//! A person's events taken out: what was ordered, and how far it is.

use jiff::Timestamp;

use super::{Signed, Spool, SpoolError};
use crate::delivery::TopicKey;
use crate::event::SourceKey;

/// An order to take a person's events out. Who it was is known only until all of them are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Its number.
    pub number: u64,
    /// When it was ordered.
    pub begun: Timestamp,
    /// Of which source the person is.
    pub source: SourceKey,
    /// Whether all events of the person are found.
    pub found_all: bool,
    /// Events that are gone.
    pub events: u64,
    /// Messages that were dropped with them: parked ones, and with `now` those that waited.
    pub messages: u64,
    /// Messages still to be sent, by topic: their events go when they are.
    pub left: Vec<(TopicKey, u64)>,
    /// Whether nothing of what went lies in the store's files any more.
    pub wiped: bool,
}

impl Erasure {
    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.found_all && self.left.is_empty() && self.wiped
    }
}

impl Spool {
    /// Orders that every event accepted so far in which a user of a source stands is taken out, from history
    /// and from what is parked; what waits is sent first, or with `now` dropped. The store carries it out by
    /// itself, also after a restart. Ids stay known; the audit says who ordered it and why, and not whom it was
    /// about. Gives the order's number.
    ///
    /// # Errors
    /// The store failed: whether it was ordered is not known.
    pub async fn erase(
        &self,
        source: &SourceKey,
        user: i64,
        now: bool,
        signed: &Signed,
    ) -> Result<u64, SpoolError> {
        self.store.erase(source.clone(), user, now, signed.clone()).await
    }

    /// How far an erasure is; none: there is none of this number.
    ///
    /// # Errors
    /// The store failed.
    pub async fn erasure(&self, number: u64) -> Result<Option<Erasure>, SpoolError> {
        self.store.erasure(number).await
    }
}
