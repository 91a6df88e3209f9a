//! Whether a contract is at fault: how many of its last outcomes were failures. Pure.

use std::collections::VecDeque;

/// So many of a contract's last outcomes are looked at.
pub(super) const OUTCOMES: u64 = 200;

/// So many failures among them are the contract's fault; fewer are their events' own.
pub(super) const TOO_MANY: usize = 20;

/// The last outcomes of one contract: whether a message could be made. `K` names a delivery.
#[derive(Debug)]
pub(super) struct Window<K> {
    /// Outcomes ever: each has its number, from 1.
    ever: u64,
    /// The failures among the last [`OUTCOMES`], oldest first.
    failed: VecDeque<(u64, K)>,
}

impl<K> Default for Window<K> {
    fn default() -> Self {
        Self { ever: 0, failed: VecDeque::new() }
    }
}

impl<K: PartialEq> Window<K> {
    /// A message could be made.
    pub(super) fn pass(&mut self) {
        self.count();
    }

    /// A message could not be made. Gives the outcome's number. A delivery that is tried again is counted
    /// once, while its failure is looked at.
    pub(super) fn fail(&mut self, which: K) -> u64 {
        if let Some((number, _)) = self.failed.iter().find(|(_, known)| *known == which) {
            return *number;
        }
        self.count();
        self.failed.push_back((self.ever, which));
        self.ever
    }

    fn count(&mut self) {
        self.ever += 1;
        while self.failed.front().is_some_and(|(number, _)| !self.is_looked_at(*number)) {
            self.failed.pop_front();
        }
    }

    /// Whether an outcome is among the last.
    pub(super) fn is_looked_at(&self, number: u64) -> bool {
        number + OUTCOMES > self.ever
    }

    /// How many of the last failed, and how many these are.
    pub(super) fn failures(&self) -> (usize, u64) {
        (self.failed.len(), self.ever.min(OUTCOMES))
    }

    /// Whether the contract is at fault.
    pub(super) fn is_at_fault(&self) -> bool {
        self.failed.len() >= TOO_MANY
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_twentieth_failure_of_the_last_200_is_the_contracts_fault() {
        let mut window = Window::default();
        for _ in 0..300 {
            window.pass();
        }
        for n in 0..19 {
            window.fail(n);
        }
        assert_eq!(window.failures(), (19, 200));
        assert!(!window.is_at_fault());
        window.fail(1_000);
        assert!(window.is_at_fault());
    }

    #[test]
    fn twenty_that_fail_at_once_are_enough() {
        let mut window = Window::default();
        for n in 0..TOO_MANY {
            assert!(!window.is_at_fault());
            assert_eq!(window.fail(n), n as u64 + 1);
        }
        assert!(window.is_at_fault());
    }

    #[test]
    fn one_that_is_tried_again_counts_once() {
        let mut window = Window::default();
        for _ in 0..100 {
            assert_eq!(window.fail("the same"), 1);
        }
        assert_eq!(window.failures(), (1, 1));
    }

    proptest! {
        #[test]
        fn it_counts_what_a_list_of_all_outcomes_would(outcomes in proptest::collection::vec(any::<bool>(), 0..700)) {
            let mut window = Window::default();
            for (n, passes) in outcomes.iter().enumerate() {
                if *passes { window.pass() } else { prop_assert_eq!(window.fail(n), n as u64 + 1) }
                let all = &outcomes[..=n];
                let last = &all[all.len().saturating_sub(200)..];
                let failed = last.iter().filter(|passes| !**passes).count();
                prop_assert_eq!(window.failures(), (failed, last.len() as u64));
                prop_assert_eq!(window.is_at_fault(), failed >= 20);
                prop_assert_eq!(window.is_looked_at(n as u64 + 1), true);
                let first = (all.len() - last.len()) as u64;
                prop_assert!(first == 0 || !window.is_looked_at(first));
            }
        }
    }
}
