//! What a person has changed in the spool. Each order is one commit, with who and why in the audit beside it.

use jiff::Timestamp;
use tokio::sync::watch;

use super::{ParkedFilter, Spool, SpoolError};
use crate::delivery::{Position, TopicKey};

/// Who orders a change and why, for the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// The audit's line of the order that this one goes on with: its count grows, where who, why and what are
    /// the same, and no line is added.
    pub line: Option<u64>,
}

impl Signed {
    /// Who and why, of an order that stands by itself.
    pub fn new(by: impl Into<String>, why: impl Into<String>) -> Self {
        Self { by: by.into(), why: why.into(), line: None }
    }
}

/// What an order changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// How many deliveries (or events, where an order speaks of those).
    pub n: u64,
    /// Its line in the audit.
    pub line: u64,
}

/// That a person stopped a topic, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// What one step of a skip did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// How many deliveries, and the audit's line.
    pub changed: Changed,
    /// The last position that the order speaks of: what is accepted meanwhile comes after it and stays.
    pub up_to: Position,
}

/// How long what a topic is owed would stay in history, if it were skipped now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkipOutlook {
    /// How many deliveries wait or are held.
    pub n: u64,
    /// Until when the oldest of them could be replayed, about: by the age of its event, and by how fast
    /// history grows. None: it would be pruned at once.
    pub until: Option<Timestamp>,
}

/// One line of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// Its number: lines are numbered in their order.
    pub no: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// What was done.
    pub verb: String,
    /// To what.
    pub what: String,
    /// Why.
    pub why: String,
    /// To how many, where that is counted.
    pub n: Option<u64>,
}

impl Spool {
    /// Owes at most `most` parked deliveries again, those of the smallest sequences first, under their old
    /// message ids and at their old positions: so each comes before what was accepted after it and still
    /// waits, and the topic's index must be read again ([`Spool::rewound`]). Events parked at the door are
    /// passed over.
    ///
    /// # Errors
    /// The store failed: whether it was done is not known.
    pub async fn redrive(
        &self,
        filter: &ParkedFilter,
        most: u64,
        signed: &Signed,
    ) -> Result<Changed, SpoolError> {
        self.store.redrive(filter.clone(), most, signed.clone()).await
    }

    /// Keeps in the audit who had the configuration read again, and which keys changed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn note_reload(&self, changed: &[String], signed: &Signed) -> Result<(), SpoolError> {
        self.store.note_reload(changed.join(" "), signed.clone()).await
    }

    /// Takes at most `most` parked deliveries and events out for good, in their order, and counts them as
    /// dropped. Their events stay in history for its time.
    ///
    /// # Errors
    /// The store failed: whether it was done is not known.
    pub async fn drop_parked(
        &self,
        filter: &ParkedFilter,
        most: u64,
        signed: &Signed,
    ) -> Result<Changed, SpoolError> {
        self.store.drop_parked(filter.clone(), most, signed.clone()).await
    }

    /// How many deliveries, and how many events parked at the door, a filter means.
    ///
    /// # Errors
    /// The store failed.
    pub async fn count_parked(&self, filter: &ParkedFilter) -> Result<(u64, u64), SpoolError> {
        self.store.count_parked(filter.clone()).await
    }

    /// Stops a topic until it is resumed, over restarts too. One that is stopped already gets the new reason.
    /// `n` is 0 then.
    ///
    /// # Errors
    /// The store failed: whether it was done is not known.
    pub async fn pause(&self, topic: &TopicKey, signed: &Signed) -> Result<Changed, SpoolError> {
        self.store.pause(topic.clone(), signed.clone()).await
    }

    /// Lets a topic go on. `n` is 0 where it was not stopped.
    ///
    /// # Errors
    /// The store failed: whether it was done is not known.
    pub async fn resume(&self, topic: &TopicKey, signed: &Signed) -> Result<Changed, SpoolError> {
        self.store.resume(topic.clone(), signed.clone()).await
    }

    /// Whether a topic is stopped: changes with the commit that stops it or lets it go on.
    #[must_use]
    pub fn paused(&self, topic: &TopicKey) -> watch::Receiver<Option<Pause>> {
        self.store.paused(topic)
    }

    /// Moves at most `most` of the deliveries that wait or are held into history, as skipped: those up to a
    /// position, or up to the last that there is. Nothing of the topic may be in flight.
    ///
    /// # Errors
    /// The store failed: whether it was done is not known.
    pub async fn skip(
        &self,
        topic: &TopicKey,
        up_to: Option<Position>,
        most: u64,
        signed: &Signed,
    ) -> Result<Skipped, SpoolError> {
        self.store.skip(topic.clone(), up_to, most, signed.clone()).await
    }

    /// What would become of a topic's deliveries if they were skipped now.
    ///
    /// # Errors
    /// The store failed.
    pub async fn skip_outlook(&self, topic: &TopicKey) -> Result<SkipOutlook, SpoolError> {
        self.store.skip_outlook(topic.clone()).await
    }

    /// Takes no new batch from now on ([`AcceptError::Draining`](super::AcceptError)), or takes them again; with
    /// a line in the audit. A restart takes them again.
    ///
    /// # Errors
    /// The store failed: then nothing is changed but, perhaps, the audit.
    pub async fn drain(&self, door: Door, signed: &Signed) -> Result<Changed, SpoolError> {
        self.store.drain(door, signed.clone()).await
    }

    /// Whether new batches are taken.
    #[must_use]
    pub fn door_is(&self) -> Door {
        self.store.door_is()
    }

    /// At most `n` lines of the audit, the newest first; those before a number, if one is given.
    ///
    /// # Errors
    /// The store failed.
    pub async fn audit(&self, before: Option<u64>, n: usize) -> Result<Vec<AuditLine>, SpoolError> {
        self.store.audit(before, n).await
    }
}

/// Whether new batches are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// They are.
    Open,
    /// They are not: the spool is drained.
    Draining,
}
