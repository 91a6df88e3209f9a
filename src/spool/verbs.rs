//! What a person has changed in the spool. Each order is one commit, with who and why in the audit beside it.

use super::{ParkedFilter, Spool, SpoolError};

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
}
