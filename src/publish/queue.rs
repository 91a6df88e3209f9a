//! The order of one topic's deliveries, in memory and without bodies: which may be sent next. Pure.
//!
//! A delivery costs 24 bytes, a group with something waiting 10 to 20 more, so that a million waiting ones
//! fit beside everything else. Standard topics: live before bulk, and while both wait live gets four of
//! five. FIFO topics: each group in order, at most one of it sent or held; one that is held holds its
//! group and no other.
//!
//! One whose message can't be made stands aside (`lane`) until it is judged, with those of its contract
//! behind it; others of its group go on. A contract that is stopped is left out: it costs no memory.

mod lane;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::time::Instant;

use hashbrown::HashTable;
use jiff::Timestamp;

use self::lane::Lanes;
use super::pack::Company;
use super::slab::{Slab, Slot};
use crate::delivery::{Class, ContractId, Group, Position};
use crate::planted::{Bug, planted};

/// While live and bulk deliveries both wait, so many live ones are taken for one bulk one: 80 %.
const LIVE_FOR_ONE_BULK: u8 = 4;

/// How a topic orders its deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Live before bulk, else in order of acceptance, best effort.
    Standard,
    /// Each group strictly in order of acceptance.
    Fifo,
}

/// What is remembered of a delivery that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tried {
    /// How often.
    pub tries: u32,
    /// Since when nobody can say whether it is published.
    pub unknown_since: Option<Timestamp>,
    /// Whether it must be sent by itself.
    pub company: Company,
}

impl Tried {
    /// Of a delivery that was never tried.
    pub(super) const NEVER: Self = Self { tries: 0, unknown_since: None, company: Company::Any };
}

/// A delivery that came in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// Where it stands.
    pub position: Position,
    /// Its group.
    pub group: Group,
    /// Its contract, by the queue's number.
    pub contract: ContractNumber,
    /// Its class.
    pub class: Class,
    /// Set when it was tried before, and when it may be tried again.
    pub held: Option<(Tried, Instant)>,
}

/// A delivery that may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    /// Names it in the queue until it is finished.
    pub slot: Slot,
    /// Names it in the spool.
    pub position: Position,
    /// What was tried before.
    pub tried: Tried,
    /// Whether only to see if its message can be made: one before it that can't holds it back.
    pub trial: bool,
}

/// A contract's number in one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ContractNumber(u32);

/// A contract of which something was ever in the queue.
#[derive(Debug)]
struct Known {
    contract: ContractId,
    /// How many of its deliveries came in and were not finished, left out ones included.
    waiting: u64,
    /// Whether its deliveries are left out.
    stopped: bool,
}

/// The deliveries of one topic.
#[derive(Debug)]
pub(super) struct Queue {
    order: Order,
    slab: Slab,
    /// Each group's deliveries that don't stand aside. FIFO only.
    groups: HashTable<Line>,
    /// How many groups have so many.
    lengths: BTreeMap<u32, u32>,
    /// First deliveries of their groups that may be sent. FIFO only.
    ready: VecDeque<Slot>,
    live: List,
    bulk: List,
    taken_live: u8,
    /// Tried before and may be sent now: before all others.
    again: VecDeque<Slot>,
    /// Held, by when they may be sent.
    held: BinaryHeap<Reverse<(Instant, Slot)>>,
    /// Only of those that were tried.
    tried: HashMap<Slot, Memory>,
    /// By number.
    contracts: Vec<Known>,
    numbers: HashMap<ContractId, ContractNumber>,
    /// Those that stand aside. FIFO only: where there is no order nothing stands behind another.
    lanes: Lanes,
}

/// A group's deliveries, through the slab's links: its last one points at the first.
#[derive(Debug, Clone, Copy)]
struct Line {
    last: Slot,
    length: u32,
}

#[derive(Debug, Clone, Copy)]
struct Memory {
    tried: Tried,
    due: Option<Instant>,
}

impl Queue {
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            slab: Slab::default(),
            groups: HashTable::new(),
            lengths: BTreeMap::new(),
            ready: VecDeque::new(),
            live: List::default(),
            bulk: List::default(),
            taken_live: 0,
            again: VecDeque::new(),
            held: BinaryHeap::new(),
            tried: HashMap::new(),
            contracts: Vec::new(),
            numbers: HashMap::new(),
            lanes: Lanes::default(),
        }
    }

    /// The number of a contract in this queue.
    pub(super) fn number(&mut self, contract: &ContractId) -> ContractNumber {
        if let Some(number) = self.numbers.get(contract) {
            return *number;
        }
        let number = ContractNumber(u32::try_from(self.contracts.len()).unwrap_or(u32::MAX));
        self.contracts.push(Known { contract: contract.clone(), waiting: 0, stopped: false });
        self.numbers.insert(contract.clone(), number);
        number
    }

    /// Whether the contract has a number.
    pub(super) fn knows(&self, contract: &ContractId) -> bool {
        self.numbers.contains_key(contract)
    }

    /// From now on nothing of the contract is taken or kept here; what is out may come back.
    pub(super) fn stop(&mut self, contract: &ContractId) {
        let number = self.number(contract);
        self.known(number).stopped = true;
    }

    /// How many deliveries of each stopped contract wait, here or left out.
    pub(super) fn stopped(&self) -> impl Iterator<Item = (&ContractId, u64)> {
        self.contracts.iter().filter(|known| known.stopped).map(|known| (&known.contract, known.waiting))
    }

    fn known(&mut self, ContractNumber(number): ContractNumber) -> &mut Known {
        &mut self.contracts[number as usize]
    }

    fn contract(&self, slot: Slot) -> ContractNumber {
        ContractNumber(self.slab.contract(slot))
    }

    /// How many are here: waiting, held and sent.
    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    /// When the next held one may be sent.
    pub(super) fn due(&self) -> Option<Instant> {
        self.held.peek().map(|Reverse((due, _))| *due)
    }

    /// Whether something may be sent now.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        !self.again.is_empty()
            || !self.ready.is_empty()
            || !self.live.is_empty()
            || !self.bulk.is_empty()
            || self.due().is_some_and(|due| due <= now)
    }

    /// Adds a delivery behind all others of its group or class.
    pub(super) fn push(&mut self, arrival: Arrival) {
        // Two groups that share eight bytes of a SHA-256 would only wait for each other.
        let mut key = [0; 8];
        key.copy_from_slice(&arrival.group.0[..8]);
        let group = u64::from_be_bytes(key);
        let known = self.known(arrival.contract);
        known.waiting += 1;
        if known.stopped {
            return;
        }
        let slot = self.slab.add(arrival.position, group, arrival.contract.0);
        if let Some((tried, due)) = arrival.held {
            self.tried.insert(slot, Memory { tried, due: Some(due) });
        }
        match self.order {
            Order::Standard if arrival.held.is_some() => self.come_forward(slot),
            Order::Standard => match arrival.class {
                Class::Live => self.live.append(slot, &mut self.slab),
                Class::Bulk => self.bulk.append(slot, &mut self.slab),
            },
            Order::Fifo => {
                let slab = &mut self.slab;
                if let Some(line) = self.groups.find_mut(group, |line| slab.group(line.last) == group) {
                    let first = slab.next(line.last);
                    slab.set_next(slot, first);
                    slab.set_next(line.last, slot);
                    line.last = slot;
                    line.length += 1;
                    let length = line.length;
                    self.lengthen(length - 1, length);
                } else {
                    slab.set_next(slot, slot);
                    let line = Line { last: slot, length: 1 };
                    self.groups.insert_unique(group, line, |line| slab.group(line.last));
                    self.lengthen(0, 1);
                    self.come_forward(slot);
                }
            }
        }
    }

    /// Takes up to `n` deliveries that may be sent now; of a FIFO group one at most. Each stays with the
    /// caller until it is finished, held or given back.
    pub(super) fn next(&mut self, now: Instant, n: usize) -> Vec<Next> {
        while self.due().is_some_and(|due| due <= now) {
            self.again.extend(self.held.pop().map(|Reverse((_, slot))| slot));
        }
        let mut taken = Vec::with_capacity(n);
        while taken.len() < n {
            let Some(slot) = self.first() else { break };
            if self.contracts[self.contract(slot).0 as usize].stopped {
                self.leave_out(slot);
                continue;
            }
            let trial = self.order == Order::Fifo && self.lanes.has(self.lane_of(slot));
            let tried = self.tried.get(&slot).map_or(Tried::NEVER, |memory| memory.tried);
            taken.push(Next { slot, position: self.slab.position(slot), tried, trial });
        }
        taken
    }

    fn first(&mut self) -> Option<Slot> {
        if let Some(slot) = self.again.pop_front() {
            return Some(slot);
        }
        if self.order == Order::Fifo {
            return self.ready.pop_front();
        }
        let bulks_turn = self.taken_live == LIVE_FOR_ONE_BULK || self.live.is_empty();
        if bulks_turn && !self.bulk.is_empty() {
            self.taken_live = 0;
            return self.bulk.pop(&self.slab);
        }
        self.taken_live = if self.bulk.is_empty() { 0 } else { self.taken_live + 1 };
        self.live.pop(&self.slab)
    }

    /// A delivery is settled or parked: the next of its group comes forward.
    pub(super) fn finish(&mut self, slot: Slot) {
        let contract = self.contract(slot);
        self.known(contract).waiting -= 1;
        self.leave_out(slot);
    }

    /// A delivery waits outside until the queue is made anew: its contract is stopped.
    pub(super) fn leave_out(&mut self, slot: Slot) {
        self.tried.remove(&slot);
        if self.order == Order::Fifo && !self.leave_lane(slot) {
            self.step_back(slot);
        }
        self.slab.remove(slot);
    }

    /// The first of a group leaves it: the next comes forward.
    fn step_back(&mut self, slot: Slot) {
        if let Some(second) = self.take_from_group(slot) {
            self.come_forward(second);
        }
    }

    /// Takes the first of a group out of it, and gives the one that is first then.
    fn take_from_group(&mut self, slot: Slot) -> Option<Slot> {
        let slab = &mut self.slab;
        let group = slab.group(slot);
        let mut entry = self.groups.find_entry(group, |line| slab.group(line.last) == group).ok()?;
        let Line { last, length } = *entry.get();
        if last == slot {
            entry.remove();
            self.lengthen(length, 0);
            return None;
        }
        entry.get_mut().length = length - 1;
        let second = slab.next(slot);
        slab.set_next(last, second);
        self.lengthen(length, length - 1);
        Some(second)
    }

    /// A group had so many and has so many now; of 0 there is none.
    fn lengthen(&mut self, before: u32, after: u32) {
        if let Some(groups) = self.lengths.get_mut(&before) {
            *groups -= 1;
            if *groups == 0 {
                self.lengths.remove(&before);
            }
        }
        if after > 0 {
            *self.lengths.entry(after).or_default() += 1;
        }
    }

    /// How many deliveries the longest group has; none have groups on a standard topic.
    pub(super) fn longest_group(&self) -> usize {
        self.lengths.last_key_value().map_or(0, |(length, _)| *length as usize)
    }

    /// Live, unless bulk is all that may be sent.
    pub(super) fn class(&self) -> Class {
        let only_bulk = self.order == Order::Standard && self.again.is_empty() && self.live.is_empty();
        if only_bulk && !self.bulk.is_empty() { Class::Bulk } else { Class::Live }
    }

    /// A delivery that was taken may not be sent before `due`.
    pub(super) fn hold(&mut self, slot: Slot, tried: Tried, due: Instant) {
        self.tried.insert(slot, Memory { tried, due: Some(due) });
        if planted(Bug::GroupFreeOnRetry) && self.let_pass(slot) {
            return;
        }
        self.held.push(Reverse((due, slot)));
    }

    /// The bug of that name: the first of a group goes to its end. False where it is alone.
    fn let_pass(&mut self, slot: Slot) -> bool {
        let slab = &mut self.slab;
        let group = slab.group(slot);
        let line = self.groups.find_mut(group, |line| slab.group(line.last) == group);
        let Some(line) = line.filter(|line| line.last != slot) else { return false };
        line.last = slot;
        let second = slab.next(slot);
        self.come_forward(second);
        true
    }

    /// A delivery that was taken may be sent again at once, before others.
    pub(super) fn give_back(&mut self, slot: Slot, tried: Tried) {
        if tried != Tried::NEVER {
            self.tried.insert(slot, Memory { tried, due: None });
        }
        self.again.push_back(slot);
    }

    fn come_forward(&mut self, slot: Slot) {
        let Some(slot) = self.pass_lanes(slot) else { return };
        match self.tried.get(&slot).and_then(|memory| memory.due) {
            Some(due) => self.held.push(Reverse((due, slot))),
            None => self.ready.push_back(slot),
        }
    }
}

#[cfg(test)]
impl Queue {
    /// The memory held for deliveries that wait.
    fn bytes(&self) -> usize {
        let slots = self.ready.capacity() + self.again.capacity();
        self.slab.bytes() + self.groups.allocation_size() + slots * size_of::<Slot>()
    }
}

/// A list through the slab's links.
#[derive(Debug, Default)]
struct List {
    ends: Option<(Slot, Slot)>,
}

impl List {
    fn is_empty(&self) -> bool {
        self.ends.is_none()
    }

    fn append(&mut self, slot: Slot, slab: &mut Slab) {
        self.ends = match self.ends {
            None => Some((slot, slot)),
            Some((first, last)) => {
                slab.set_next(last, slot);
                Some((first, slot))
            }
        };
    }

    fn pop(&mut self, slab: &Slab) -> Option<Slot> {
        let (first, last) = self.ends?;
        self.ends = (first != last).then(|| (slab.next(first), last));
        Some(first)
    }
}

#[cfg(test)]
mod tests;
