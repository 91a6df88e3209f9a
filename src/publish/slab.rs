//! Where the queue keeps its deliveries: 24 bytes each, in chunks, so that growing copies nothing and
//! an empty queue gives its memory back.

use crate::delivery::Position;

const CHUNK: usize = 4096;

/// The place of one delivery, until it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Slot(u32);

impl Slot {
    fn at(self) -> (usize, usize) {
        let n = self.0 as usize;
        (n / CHUNK, n % CHUNK)
    }
}

#[derive(Debug, Clone, Copy)]
struct Row {
    position: Position,
    group: u64,
    /// The number of its contract, given by the queue.
    contract: u32,
    /// The next of its group, class or the free ones.
    next: Slot,
}

/// All deliveries of one topic. At most `u32::MAX` of them; the worker's own limit is far below.
#[derive(Debug, Default)]
pub(super) struct Slab {
    chunks: Vec<Vec<Row>>,
    free: Option<Slot>,
    free_count: usize,
    len: usize,
}

impl Slab {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn add(&mut self, position: Position, group: u64, contract: u32) -> Slot {
        self.len += 1;
        if let Some(slot) = self.free {
            self.free_count -= 1;
            self.free = (self.free_count > 0).then(|| self.row(slot).next);
            *self.row_mut(slot) = Row { position, group, contract, next: slot };
            return slot;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let slot = Slot(u32::try_from(self.len - 1).unwrap_or(u32::MAX));
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(Row { position, group, contract, next: slot });
        }
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        self.len -= 1;
        if self.len == 0 {
            *self = Self::default();
            return;
        }
        self.row_mut(slot).next = self.free.unwrap_or(slot);
        self.free = Some(slot);
        self.free_count += 1;
    }

    pub(super) fn position(&self, slot: Slot) -> Position {
        self.row(slot).position
    }

    pub(super) fn group(&self, slot: Slot) -> u64 {
        self.row(slot).group
    }

    pub(super) fn contract(&self, slot: Slot) -> u32 {
        self.row(slot).contract
    }

    pub(super) fn next(&self, slot: Slot) -> Slot {
        self.row(slot).next
    }

    pub(super) fn set_next(&mut self, slot: Slot, next: Slot) {
        self.row_mut(slot).next = next;
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<Row>()).sum()
    }

    fn row(&self, slot: Slot) -> &Row {
        let (chunk, place) = slot.at();
        &self.chunks[chunk][place]
    }

    fn row_mut(&mut self, slot: Slot) -> &mut Row {
        let (chunk, place) = slot.at();
        &mut self.chunks[chunk][place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_costs_24_bytes() {
        assert_eq!(size_of::<Row>(), 24);
    }

    #[test]
    fn places_are_used_again_and_an_empty_slab_holds_no_memory() {
        let mut slab = Slab::default();
        let slots: Vec<Slot> = (0..5_000).map(|n| slab.add(Position(n), n, 0)).collect();
        for slot in &slots[..2_000] {
            slab.remove(*slot);
        }
        let more: Vec<Slot> = (0..3_000).map(|n| slab.add(Position(10_000 + n), n, 0)).collect();
        assert_eq!((slab.len(), slab.chunks.len()), (6_000, 2));
        for (n, slot) in (0..).zip(&more) {
            assert_eq!(slab.position(*slot), Position(10_000 + n));
        }
        for slot in slots[2_000..].iter().chain(&more) {
            slab.remove(*slot);
        }
        assert_eq!((slab.len(), slab.chunks.len()), (0, 0));
    }
}
