//! What goes for good: the contracts that may not be sent any more, and all that only they had kept.

use std::sync::Arc;

use bytes::Bytes;

use crate::delivery::ContractId;
use crate::event::Event;

/// Which contracts are withdrawn, and what stays of the events they took.
#[derive(Clone)]
pub struct Withdrawal {
    /// All that are withdrawn now. None: what was withdrawn before is no more.
    pub contracts: Vec<ContractId>,
    /// Moodle's names of the events they speak of.
    pub events: Vec<String>,
    /// What stays of one of these events.
    pub keep: Arc<Keep>,
}

/// Says what stays of an event for the other contracts that are owed, or were sent, messages of it.
pub type Keep = dyn Fn(&Event, &[ContractId]) -> Kept + Send + Sync;

impl std::fmt::Debug for Withdrawal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Withdrawal({:?})", self.contracts)
    }
}

/// What stays of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// All of it.
    Whole,
    /// A part of it.
    Part {
        /// Its data.
        data: Bytes,
        /// Who stands in them, as [`Accept::people`](super::Accept::people).
        people: Vec<i64>,
    },
    /// Nothing: no other contract took it.
    Nothing,
}

/// What a withdrawal did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Withdrawn {
    /// Deliveries that waited or were held.
    pub unsent: u64,
    /// Deliveries that were parked.
    pub parked: u64,
    /// Events that were cut to what others took.
    pub cut: u64,
    /// Events that were erased whole.
    pub erased: u64,
}

impl Withdrawn {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            unsent: self.unsent + other.unsent,
            parked: self.parked + other.parked,
            cut: self.cut + other.cut,
            erased: self.erased + other.erased,
        }
    }
}
