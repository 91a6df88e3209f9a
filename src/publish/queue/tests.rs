use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn arrival(position: u64, group: u8) -> Arrival {
    Arrival {
        position: Position(position),
        group: Group([group; 16]),
        contract: ContractNumber(0),
        class: Class::Live,
        held: None,
    }
}

/// A queue that knows two contracts, numbers 0 and 1.
fn queue_of(order: Order) -> Queue {
    let mut queue = Queue::new(order);
    for name in CONTRACTS {
        queue.number(&name.parse().unwrap());
    }
    queue
}

const CONTRACTS: [&str; 2] = ["moodle.a.first.v1", "moodle.a.second.v1"];

fn of_second(arrival: Arrival) -> Arrival {
    Arrival { contract: ContractNumber(1), ..arrival }
}

fn positions(next: &[Next]) -> Vec<u64> {
    next.iter().map(|n| n.position.0).collect()
}

fn once() -> Tried {
    Tried { tries: 1, ..Tried::NEVER }
}

#[test]
fn a_group_has_one_delivery_out_and_its_next_comes_when_it_is_finished() {
    let now = Instant::now();
    let mut queue = queue_of(Order::Fifo);
    for (position, group) in [(1, 1), (2, 1), (3, 2), (4, 1)] {
        queue.push(arrival(position, group));
    }
    let out = queue.next(now, 10);
    assert_eq!(positions(&out), [1, 3]);
    assert!(queue.next(now, 10).is_empty());
    queue.finish(out[0].slot);
    assert_eq!(positions(&queue.next(now, 10)), [2]);
}

#[test]
fn a_held_delivery_holds_its_group_only() {
    let now = Instant::now();
    let later = now + Duration::from_secs(1);
    let mut queue = queue_of(Order::Fifo);
    for (position, group) in [(1, 1), (2, 1), (3, 2), (4, 2)] {
        queue.push(arrival(position, group));
    }
    let out = queue.next(now, 10);
    queue.hold(out[0].slot, once(), later);
    queue.finish(out[1].slot);
    assert_eq!(positions(&queue.next(now, 10)), [4]);
    assert_eq!(queue.due(), Some(later));
    let again = queue.next(later, 10);
    assert_eq!(positions(&again), [1]);
    assert_eq!(again[0].tried, once());
}

#[test]
fn one_that_was_held_before_a_restart_waits_until_it_is_due() {
    let now = Instant::now();
    let later = now + Duration::from_secs(1);
    for order in [Order::Fifo, Order::Standard] {
        let mut queue = queue_of(order);
        queue.push(Arrival { held: Some((once(), later)), ..arrival(1, 1) });
        queue.push(arrival(2, 2));
        assert_eq!(positions(&queue.next(now, 10)), [2]);
        assert_eq!(positions(&queue.next(later, 10)), [1]);
    }
}

#[test]
fn a_held_one_behind_another_of_its_group_waits_for_both() {
    let now = Instant::now();
    let later = now + Duration::from_secs(1);
    let mut queue = queue_of(Order::Fifo);
    queue.push(arrival(1, 1));
    queue.push(Arrival { held: Some((once(), later)), ..arrival(2, 1) });
    let out = queue.next(later, 10);
    assert_eq!(positions(&out), [1]);
    queue.finish(out[0].slot);
    assert_eq!(positions(&queue.next(now, 10)), [0; 0]);
    assert_eq!(positions(&queue.next(later, 10)), [2]);
}

#[test]
fn live_goes_before_bulk_and_leaves_it_one_of_five() {
    let now = Instant::now();
    let mut queue = queue_of(Order::Standard);
    for n in 0..20 {
        queue.push(Arrival { class: Class::Bulk, ..arrival(100 + n, 0) });
    }
    for n in 0..20 {
        queue.push(arrival(n, 0));
    }
    let first = queue.next(now, 20);
    assert_eq!(first.iter().filter(|n| n.position.0 < 100).count(), 16);
    assert_eq!(positions(&first)[..6], [0, 1, 2, 3, 100, 4]);
    assert_eq!(queue.next(now, 100).len(), 20);
}

#[test]
fn bulk_alone_is_not_held_back() {
    let mut queue = queue_of(Order::Standard);
    for n in 0..20 {
        queue.push(Arrival { class: Class::Bulk, ..arrival(n, 0) });
    }
    assert_eq!(queue.next(Instant::now(), 20).len(), 20);
}

#[test]
fn what_is_given_back_goes_first_and_in_order() {
    let now = Instant::now();
    for order in [Order::Fifo, Order::Standard] {
        let mut queue = queue_of(order);
        for n in 0..6 {
            queue.push(arrival(u64::from(n), n));
        }
        for next in queue.next(now, 3) {
            queue.give_back(next.slot, next.tried);
        }
        assert_eq!(positions(&queue.next(now, 6)), [0, 1, 2, 3, 4, 5]);
    }
}

#[test]
fn a_million_waiting_deliveries_would_take_tens_of_megabytes() {
    const MANY: u64 = 250_000;
    for (order, groups, most) in
        [(Order::Standard, 1, 25), (Order::Fifo, MANY / 10, 28), (Order::Fifo, MANY, 50)]
    {
        let mut queue = queue_of(order);
        for n in 0..MANY {
            // Spread as a digest is.
            let group = (n % groups).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let group = Group((u128::from(group) << 64).to_be_bytes());
            queue.push(Arrival { group, ..arrival(n, 0) });
        }
        let each = queue.bytes() / 250_000;
        assert!(each < most, "{each} bytes each with {groups} groups");
    }
}

/// One step of a random run. Numbers choose among what is there.
#[derive(Debug, Clone)]
enum Step {
    Push { group: u8, bulk: bool, held: Option<u64> },
    Take(usize),
    Finish(usize),
    Hold(usize, u64),
    GiveBack(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0u8..5, any::<bool>(), proptest::option::weighted(0.1, 0u64..20))
            .prop_map(|(group, bulk, held)| Step::Push { group, bulk, held }),
        3 => (1usize..6).prop_map(Step::Take),
        3 => any::<usize>().prop_map(Step::Finish),
        1 => (any::<usize>(), 0u64..20).prop_map(|(n, ms)| Step::Hold(n, ms)),
        1 => any::<usize>().prop_map(Step::GiveBack),
        1 => (0u64..20).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..200)
}

/// The naive queue: every delivery in a list, with where it is.
#[derive(Debug, Default)]
struct Model {
    /// By position: group, and when it may be sent; none while it is out.
    rows: BTreeMap<u64, (u8, Option<Instant>)>,
}

impl Model {
    fn may_be_sent(&self, order: Order, now: Instant) -> Vec<u64> {
        let mut blocked = Vec::new();
        let mut free = Vec::new();
        for (position, (group, due)) in &self.rows {
            let first = order == Order::Standard || !blocked.contains(group);
            if first && due.is_some_and(|due| due <= now) {
                free.push(*position);
            }
            blocked.push(*group);
        }
        free
    }
}

fn run(order: Order, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut now = Instant::now();
    let mut queue = queue_of(order);
    let mut model = Model::default();
    let mut out: Vec<Next> = Vec::new();
    let mut finished: Vec<u64> = Vec::new();
    let pick = |out: &mut Vec<Next>, n: usize| (!out.is_empty()).then(|| out.swap_remove(n % out.len()));
    // The last steps are a calm phase in which everything must drain.
    let calm = (0..2_000).map(|n| match n % 3 {
        0 => Step::Wait(20),
        1 => Step::Take(5),
        _ => Step::Finish(0),
    });
    for (n, step) in (0..).zip(steps.iter().cloned().chain(calm)) {
        match step {
            Step::Push { group, bulk, held } => {
                let held = held.map(|ms| (once(), now + Duration::from_millis(ms)));
                let class = if bulk { Class::Bulk } else { Class::Live };
                queue.push(Arrival { class, held, ..arrival(n, group) });
                model.rows.insert(n, (group, Some(held.map_or(now, |(_, due)| due))));
            }
            Step::Take(most) => {
                let free = model.may_be_sent(order, now);
                prop_assert_eq!(queue.is_ready(now), !free.is_empty());
                let taken = queue.next(now, most);
                prop_assert_eq!(taken.len(), most.min(free.len()));
                for next in taken {
                    prop_assert!(free.contains(&next.position.0), "{:?} of {free:?}", next.position);
                    model.rows.entry(next.position.0).and_modify(|row| row.1 = None);
                    out.push(next);
                }
            }
            Step::Finish(n) => {
                if let Some(next) = pick(&mut out, n) {
                    queue.finish(next.slot);
                    model.rows.remove(&next.position.0);
                    finished.push(next.position.0);
                }
            }
            Step::Hold(n, ms) => {
                if let Some(next) = pick(&mut out, n) {
                    let due = now + Duration::from_millis(ms);
                    queue.hold(next.slot, Tried { tries: next.tried.tries + 1, ..next.tried }, due);
                    model.rows.entry(next.position.0).and_modify(|row| row.1 = Some(due));
                }
            }
            Step::GiveBack(n) => {
                if let Some(next) = pick(&mut out, n) {
                    queue.give_back(next.slot, next.tried);
                    model.rows.entry(next.position.0).and_modify(|row| row.1 = Some(now));
                }
            }
            Step::Wait(ms) => now += Duration::from_millis(ms),
        }
        prop_assert_eq!(queue.len(), model.rows.len());
    }
    prop_assert_eq!(queue.len(), 0, "the calm phase drains everything");
    let pushed = steps.iter().filter(|s| matches!(s, Step::Push { .. })).count();
    prop_assert_eq!(finished.len(), pushed);
    Ok(())
}

proptest! {
    #[test]
    fn a_fifo_queue_does_what_the_naive_one_does(steps in steps()) {
        run(Order::Fifo, &steps)?;
    }

    #[test]
    fn a_standard_queue_does_what_the_naive_one_does(steps in steps()) {
        run(Order::Standard, &steps)?;
    }
}

#[test]
fn one_that_stands_aside_lets_other_contracts_of_its_group_go_on_and_keeps_its_own_behind_it() {
    let now = Instant::now();
    let mut queue = queue_of(Order::Fifo);
    for arrival in
        [arrival(1, 1), of_second(arrival(2, 1)), arrival(3, 1), arrival(4, 1), of_second(arrival(5, 1))]
    {
        queue.push(arrival);
    }
    let bad = queue.next(now, 10)[0];
    queue.set_aside(bad.slot);
    let other = queue.next(now, 10);
    assert_eq!((positions(&other), other[0].trial), (vec![2], false));
    queue.finish(other[0].slot);
    let trial = queue.next(now, 10);
    assert_eq!((positions(&trial), trial[0].trial), (vec![3], true));
    queue.keep_behind(trial[0].slot, trial[0].tried);
    // 4 is not tried: 3 was enough to see that others can be made.
    let other = queue.next(now, 10);
    assert_eq!(positions(&other), [5]);
    queue.finish(bad.slot);
    assert!(queue.next(now, 10).is_empty(), "5 is out");
    queue.finish(other[0].slot);
    for expected in [3, 4] {
        let next = queue.next(now, 10);
        assert_eq!((positions(&next), next[0].trial), (vec![expected], false));
        queue.finish(next[0].slot);
    }
    assert_eq!(queue.len(), 0);
}

#[test]
fn a_stopped_contract_takes_no_memory_and_is_counted() {
    let now = Instant::now();
    for order in [Order::Fifo, Order::Standard] {
        let mut queue = queue_of(order);
        for arrival in [arrival(1, 1), of_second(arrival(2, 1)), arrival(3, 2), arrival(4, 1)] {
            queue.push(arrival);
        }
        let out = queue.next(now, 1);
        queue.stop(&CONTRACTS[0].parse().unwrap());
        queue.push(arrival(5, 3));
        queue.leave_out(out[0].slot);
        assert_eq!(positions(&queue.next(now, 10)), [2]);
        assert!(queue.next(now, 10).is_empty());
        let stopped: Vec<_> = queue.stopped().map(|(contract, n)| (contract.as_str(), n)).collect();
        assert_eq!(stopped, [(CONTRACTS[0], 4)]);
        assert!(queue.len() <= 2, "what stands behind the one that is out may be here still");
    }
}

/// A delivery of a random run: its group, its contract, and whether its message can be made.
#[derive(Debug, Clone, Copy)]
struct Made {
    group: u8,
    contract: u32,
    bad: bool,
}

fn made() -> impl Strategy<Value = Vec<Made>> {
    let one = (0u8..3, 0u32..2, proptest::bool::weighted(0.25));
    proptest::collection::vec(one.prop_map(|(group, contract, bad)| Made { group, contract, bad }), 0..80)
}

/// A worker in small: takes, sets aside what is bad, sends the rest, and judges when it is told to.
struct Small {
    queue: Queue,
    rows: Vec<Made>,
    out: Vec<Next>,
    doubts: Vec<Next>,
    sent: Vec<u64>,
}

impl Small {
    fn push(&mut self, row: Made) {
        let position = self.rows.len() as u64;
        self.rows.push(row);
        self.queue.push(Arrival { contract: ContractNumber(row.contract), ..arrival(position, row.group) });
    }

    fn row(&self, next: &Next) -> Made {
        self.rows[usize::try_from(next.position.0).unwrap()]
    }

    fn take(&mut self) -> Result<(), TestCaseError> {
        for next in self.queue.next(Instant::now(), 3) {
            let row = self.row(&next);
            prop_assert!(
                self.out.iter().all(|out| self.row(out).group != row.group),
                "two of a group are out"
            );
            let doubted = self.doubts.iter().map(|d| self.row(d));
            let behind = doubted.filter(|d| (d.group, d.contract) == (row.group, row.contract)).count() > 0;
            prop_assert_eq!(next.trial, behind);
            match (row.bad, next.trial) {
                (true, _) => {
                    self.queue.set_aside(next.slot);
                    self.doubts.push(next);
                }
                (false, true) => self.queue.keep_behind(next.slot, next.tried),
                (false, false) => self.out.push(next),
            }
        }
        Ok(())
    }

    fn settle(&mut self, n: usize) {
        if !self.out.is_empty() {
            let next = self.out.swap_remove(n % self.out.len());
            self.sent.push(next.position.0);
            self.queue.finish(next.slot);
        }
    }

    fn park(&mut self, n: usize) {
        if !self.doubts.is_empty() {
            let next = self.doubts.swap_remove(n % self.doubts.len());
            self.queue.finish(next.slot);
        }
    }

    /// The first contract is at fault.
    fn stop(&mut self) {
        self.queue.stop(&CONTRACTS[0].parse().unwrap());
        for next in std::mem::take(&mut self.doubts) {
            if self.row(&next).contract == 0 {
                self.queue.leave_out(next.slot);
            } else {
                self.doubts.push(next);
            }
        }
    }

    fn drain(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..self.rows.len() * 3 + 3 {
            self.take()?;
            self.settle(0);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn what_stands_aside_stops_its_own_contract_in_its_group_only(
        rows in made(), steps in proptest::collection::vec((0u8..4, any::<usize>()), 0..200), stops in any::<bool>(),
    ) {
        let mut small = Small {
            queue: queue_of(Order::Fifo), rows: Vec::new(), out: Vec::new(), doubts: Vec::new(), sent: Vec::new(),
        };
        let mut coming = rows.into_iter();
        for (step, n) in steps {
            match step {
                0 => if let Some(row) = coming.next() { small.push(row) },
                1 => small.take()?,
                2 => small.settle(n),
                _ => small.park(n),
            }
        }
        for row in coming {
            small.push(row);
        }
        // Nothing is judged meanwhile: whoever has no doubt before it goes on.
        small.drain()?;
        for (position, row) in (0u64..).zip(&small.rows) {
            let doubted = small.doubts.iter().any(|d| {
                let before = small.row(d);
                d.position.0 <= position && (before.group, before.contract) == (row.group, row.contract)
            });
            prop_assert_eq!(small.sent.contains(&position), !doubted && !row.bad, "{}", position);
        }
        if stops {
            small.stop();
        }
        while !small.doubts.is_empty() {
            small.park(0);
            small.drain()?;
        }
        small.drain()?;
        for (position, row) in (0u64..).zip(&small.rows) {
            if !(stops && row.contract == 0) {
                prop_assert_eq!(small.sent.contains(&position), !row.bad, "{}", position);
            }
        }
        prop_assert_eq!(small.queue.len(), 0);
        for group in 0..3 {
            for contract in 0..2 {
                let of = |p: &&u64| {
                    let row = small.rows[usize::try_from(**p).unwrap()];
                    (row.group, row.contract) == (group, contract)
                };
                prop_assert!(small.sent.iter().filter(of).is_sorted());
            }
        }
    }
}
