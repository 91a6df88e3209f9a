//! Deliveries that stand aside from their FIFO group: one whose message can't be made, until it is judged,
//! and behind it those of the same contract and group. The group's others go on without them.

use std::collections::{HashMap, VecDeque};

use super::super::slab::Slot;
use super::{ContractNumber, Line, Order, Queue, Tried};

/// Group and contract.
type Key = (u64, u32);

/// The lanes of a queue.
#[derive(Debug, Default)]
pub(super) struct Lanes(HashMap<Key, Lane>);

/// Those of one contract in one group.
#[derive(Debug, Default)]
struct Lane {
    /// In the order of acceptance.
    slots: VecDeque<Slot>,
    /// So many of the first could not be made and are not judged.
    doubtful: usize,
    /// Whether one behind them could be made: then no more are tried.
    tried: bool,
}

impl Lanes {
    pub(super) fn has(&self, key: Key) -> bool {
        self.0.contains_key(&key)
    }
}

impl Queue {
    pub(super) fn lane_of(&self, slot: Slot) -> Key {
        let ContractNumber(contract) = self.contract(slot);
        (self.slab.group(slot), contract)
    }

    /// A delivery that was taken can't be made: it stands aside until it is finished.
    pub(in super::super) fn set_aside(&mut self, slot: Slot) {
        if self.order == Order::Standard {
            return;
        }
        let lane = self.lanes.0.entry(self.lane_of(slot)).or_default();
        lane.slots.push_back(slot);
        lane.doubtful += 1;
        self.step_back(slot);
    }

    /// A delivery that was taken for trial can be made: it waits behind those that can't.
    pub(in super::super) fn keep_behind(&mut self, slot: Slot, tried: Tried) {
        let key = self.lane_of(slot);
        let Some(lane) = self.lanes.0.get_mut(&key) else {
            // What it waited for was judged meanwhile.
            self.give_back(slot, tried);
            return;
        };
        lane.slots.push_back(slot);
        lane.tried = true;
        self.step_back(slot);
    }

    /// Of a group's first and those behind it, the first that need not stand aside.
    pub(super) fn pass_lanes(&mut self, mut slot: Slot) -> Option<Slot> {
        if self.order == Order::Standard {
            return Some(slot);
        }
        loop {
            let key = self.lane_of(slot);
            match self.lanes.0.get_mut(&key) {
                Some(lane) if lane.tried => lane.slots.push_back(slot),
                _ => return Some(slot),
            }
            slot = self.take_from_group(slot)?;
        }
    }

    /// Takes a delivery that is judged out of its lane, and lets the lane go when it was the last one that
    /// was not. False when it is in none.
    pub(super) fn leave_lane(&mut self, slot: Slot) -> bool {
        if self.lanes.0.is_empty() {
            return false;
        }
        let key = self.lane_of(slot);
        let Some(lane) = self.lanes.0.get_mut(&key) else { return false };
        let Some(at) = lane.slots.iter().take(lane.doubtful).position(|known| *known == slot) else {
            return false;
        };
        lane.slots.remove(at);
        lane.doubtful -= 1;
        if lane.doubtful == 0
            && let Some(lane) = self.lanes.0.remove(&key)
        {
            self.rejoin(key.0, &lane.slots);
        }
        true
    }

    /// Puts those that stood aside back into their group: behind its first, which may be out, and before
    /// all others, since they are older. The first is never of their contract: it would be in the lane.
    fn rejoin(&mut self, group: u64, slots: &VecDeque<Slot>) {
        let (Some(first), Some(last)) = (slots.front().copied(), slots.back().copied()) else { return };
        let slab = &mut self.slab;
        for (one, next) in slots.iter().zip(slots.iter().skip(1)) {
            slab.set_next(*one, *next);
        }
        let more = u32::try_from(slots.len()).unwrap_or(u32::MAX);
        if let Some(line) = self.groups.find_mut(group, |line| slab.group(line.last) == group) {
            let head = slab.next(line.last);
            let second = slab.next(head);
            slab.set_next(head, first);
            if line.last == head {
                slab.set_next(last, head);
                line.last = last;
            } else {
                slab.set_next(last, second);
            }
            line.length += more;
            let length = line.length;
            self.lengthen(length - more, length);
        } else {
            slab.set_next(last, first);
            let line = Line { last, length: more };
            self.groups.insert_unique(group, line, |line| slab.group(line.last));
            self.lengthen(0, more);
            self.come_forward(first);
        }
    }
}
