use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn arrival(position: u64, group: u8) -> Arrival {
    Arrival { position: Position(position), group: Group([group; 16]), class: Class::Live, held: None }
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
    let mut queue = Queue::new(Order::Fifo);
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
    let mut queue = Queue::new(Order::Fifo);
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
        let mut queue = Queue::new(order);
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
    let mut queue = Queue::new(Order::Fifo);
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
    let mut queue = Queue::new(Order::Standard);
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
    let mut queue = Queue::new(Order::Standard);
    for n in 0..20 {
        queue.push(Arrival { class: Class::Bulk, ..arrival(n, 0) });
    }
    assert_eq!(queue.next(Instant::now(), 20).len(), 20);
}

#[test]
fn what_is_given_back_goes_first_and_in_order() {
    let now = Instant::now();
    for order in [Order::Fifo, Order::Standard] {
        let mut queue = Queue::new(order);
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
        [(Order::Standard, 1, 25), (Order::Fifo, MANY / 10, 28), (Order::Fifo, MANY, 41)]
    {
        let mut queue = Queue::new(order);
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
    let mut queue = Queue::new(order);
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
