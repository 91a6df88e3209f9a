//! A batch with what can be computed before the writer's turn: its digests, and what it would add.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::super::Batch;
use crate::event::Event;

/// What every delivery costs beside its share of the body, in bytes: rows, keys, history. A round
/// estimate (measured: 240 to 330), so that the high-water mark speaks of the disk.
pub(super) const DELIVERY_BYTES: u64 = 300;

/// A batch with what can be computed before the writer's turn.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) batch: Batch,
    pub(super) digests: Vec<EventDigest>,
}

/// Two digests of one event: of what must be equal in a copy that Moodle sends again, and of all that is
/// stored, to see when the disk changed it.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventDigest {
    pub(super) content: i64,
    pub(super) stored: [u8; 16],
}

impl EventDigest {
    pub(super) fn of(event: &Event) -> Self {
        let mut hash = Sha256::new();
        hash.update(event.name.as_bytes());
        hash.update(event.time.as_second().to_le_bytes());
        hash.update(&event.data);
        // A copy sent later may carry another `raised`: it is corrected by the clock of its own request.
        let copy = hash.clone().finalize();
        hash.update(event.id.as_bytes());
        hash.update(event.raised.map_or(0, Timestamp::as_microsecond).to_le_bytes());
        let all = hash.finalize();
        let mut content = [0; 8];
        content.copy_from_slice(&copy[..8]);
        let mut stored = [0; 16];
        stored.copy_from_slice(&all[..16]);
        Self { content: i64::from_le_bytes(content), stored }
    }
}

impl Prepared {
    pub(super) fn new(batch: Batch) -> Self {
        let digests = batch.events.iter().map(|a| EventDigest::of(&a.event)).collect();
        Self { batch, digests }
    }

    /// What it would add to what is owed, in bytes.
    pub(super) fn owes(&self) -> u64 {
        self.batch.events.iter().map(|a| a.event.data.len() as u64 + DELIVERY_BYTES).sum()
    }
}
