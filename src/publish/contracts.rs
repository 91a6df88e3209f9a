//! Contracts that are held, over all topics. Those that there are not any more are held as they are met. A message that can't be made is its event's fault or its
//! contract's, and one failure doesn't say which: so the others of the contract are looked at. Held for its
//! own fault, a contract stays held until the next start, which may bring a mended one: mapping is a pure
//! function, so trying again before would change nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use super::stats::Stats;
use super::window::Window;
use crate::delivery::{Cause, ContractId, Parking, Position, TopicKey};

/// A contract that is held because nobody can make its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldContract {
    /// Its name.
    pub contract: ContractId,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub flaw: Flaw,
    /// How many of its messages wait, for each topic.
    pub waiting: BTreeMap<TopicKey, u64>,
}

/// Why a contract's messages can't be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// It fails at too many events.
    Fault {
        /// So many messages could not be made…
        failed: usize,
        /// …of so many that were tried last.
        of: u64,
        /// What the last failure was.
        complaint: Parking,
    },
    /// There is no such contract any more.
    Gone,
}

impl HeldContract {
    /// Its kind.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self.flaw {
            Flaw::Fault { .. } => Cause::ContractFault,
            Flaw::Gone => Cause::ContractGone,
        }
    }

    /// How many of its messages wait.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.values().sum()
    }

    /// Why it is held, and what to do.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.flaw {
            Flaw::Fault { failed, of, complaint } => format!(
                "{failed} of its last {of} messages could not be made, the last one by {complaint}. Mend the contract (`moodle-sns-producer contracts check`) or go back to the version before, and restart: what waits goes on in order"
            ),
            Flaw::Gone => "There is no such contract any more. Put its text back (`contracts.dir`, or the version of this program that has it) and restart: what waits goes on in order; to drop what waits, name it under `contracts.withdrawn` too".to_owned(),
        }
    }
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// Not known yet: it is the outcome of this number.
    Doubtful(u64),
    /// The contract is at fault, and held.
    Contract,
}

/// What a doubtful failure has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Others must be tried first.
    Open,
    /// Enough others were tried: it is the event's own.
    Event,
    /// The contract is at fault, and held.
    Contract,
}

/// The outcomes of all contracts, which all topics share.
#[derive(Debug, Clone)]
pub(super) struct Contracts {
    watched: Arc<Mutex<HashMap<ContractId, Watched>>>,
    held: watch::Sender<Vec<ContractId>>,
    stats: Stats,
}

#[derive(Debug, Default)]
struct Watched {
    window: Window<(TopicKey, Position)>,
    held: Option<HeldContract>,
}

impl Contracts {
    pub(super) fn new(stats: Stats) -> Self {
        Self { watched: Arc::default(), held: watch::Sender::new(Vec::new()), stats }
    }

    /// The names of those that are held: wakes when there is one more.
    pub(super) fn watch(&self) -> watch::Receiver<Vec<ContractId>> {
        self.held.subscribe()
    }

    pub(super) fn is_held(&self, contract: &ContractId) -> bool {
        self.held.borrow().contains(contract)
    }

    /// A message of the contract could be made and goes out for the first time.
    pub(super) fn pass(&self, contract: &ContractId) {
        let mut all = self.all();
        match all.get_mut(contract) {
            Some(watched) => watched.window.pass(),
            None => all.entry(contract.clone()).or_default().window.pass(),
        }
    }

    /// A message of the contract could not be made.
    pub(super) fn fail(
        &self,
        contract: &ContractId,
        topic: &TopicKey,
        position: Position,
        complaint: &Parking,
    ) -> Failure {
        let mut all = self.all();
        let Watched { window, held } = all.entry(contract.clone()).or_default();
        if held.is_some() {
            return Failure::Contract;
        }
        let number = window.fail((topic.clone(), position));
        if !window.is_at_fault() {
            return Failure::Doubtful(number);
        }
        let (failed, of) = window.failures();
        self.hold(held, contract, Flaw::Fault { failed, of, complaint: complaint.clone() });
        tracing::error!(%contract, failed, of, %complaint,
            "the contract is held (contract-fault): mend it and restart; its messages wait, those of others go on, nothing is lost");
        Failure::Contract
    }

    /// Holds a contract that there is not any more.
    pub(super) fn gone(&self, contract: &ContractId) {
        let mut all = self.all();
        let Watched { held, .. } = all.entry(contract.clone()).or_default();
        if held.is_none() {
            self.hold(held, contract, Flaw::Gone);
            tracing::error!(%contract, "the contract is held (contract-gone): there is no such contract any more; put its text back and restart; its messages wait, nothing is lost");
        }
    }

    fn hold(&self, held: &mut Option<HeldContract>, contract: &ContractId, flaw: Flaw) {
        let new = HeldContract {
            contract: contract.clone(),
            since: Timestamp::now(),
            flaw,
            waiting: BTreeMap::new(),
        };
        self.stats.hold_contract(contract, new.cause());
        *held = Some(new);
        self.held.send_modify(|names| names.push(contract.clone()));
    }

    /// What a doubtful failure has come to; `late` when it has waited long enough.
    pub(super) fn judge(&self, contract: &ContractId, number: u64, late: bool) -> Judgement {
        match self.all().get(contract) {
            Some(watched) if watched.held.is_some() => Judgement::Contract,
            Some(watched) if watched.window.is_looked_at(number) && !late => Judgement::Open,
            _ => Judgement::Event,
        }
    }

    /// Says how many messages of a held contract wait for a topic.
    pub(super) fn count(&self, contract: &ContractId, topic: &TopicKey, waiting: u64) {
        if let Some(Watched { held: Some(held), .. }) = self.all().get_mut(contract) {
            held.waiting.insert(topic.clone(), waiting);
        }
    }

    /// Those that are held, by name.
    pub(super) fn held(&self) -> Vec<HeldContract> {
        let mut held: Vec<_> = self.all().values().filter_map(|watched| watched.held.clone()).collect();
        held.sort_by(|a, b| a.contract.cmp(&b.contract));
        held
    }

    // Nothing that holds the lock can leave an outcome half counted.
    fn all(&self) -> MutexGuard<'_, HashMap<ContractId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Reason;
    use crate::publish::window::{OUTCOMES, TOO_MANY};

    #[test]
    fn failures_of_all_topics_count_together_and_those_of_other_contracts_do_not() {
        let contracts = Contracts::new(Stats::default());
        let (mine, other): (ContractId, ContractId) =
            ("moodle.a.b.v1".parse().unwrap(), "moodle.a.c.v1".parse().unwrap());
        let topics: [TopicKey; 2] = ["grades".parse().unwrap(), "activity".parse().unwrap()];
        let complaint = Parking::new(Reason::Mapping, "field a.b");
        let mut numbers = Vec::new();
        for n in 1..TOO_MANY {
            let topic = &topics[n % 2];
            match contracts.fail(&mine, topic, Position(n as u64), &complaint) {
                Failure::Doubtful(number) => numbers.push(number),
                Failure::Contract => panic!("{n} are too few"),
            }
            contracts.fail(&other, topic, Position(1), &complaint);
        }
        assert_eq!(contracts.judge(&mine, numbers[0], false), Judgement::Open);
        assert_eq!(contracts.judge(&mine, numbers[0], true), Judgement::Event);
        assert_eq!(contracts.fail(&mine, &topics[0], Position(99), &complaint), Failure::Contract);
        assert_eq!(contracts.judge(&mine, numbers[0], true), Judgement::Contract);
        assert!(contracts.is_held(&mine) && !contracts.is_held(&other));
        contracts.count(&mine, &topics[0], 7);
        let held = contracts.held();
        assert_eq!((held.len(), held[0].cause(), held[0].waiting()), (1, Cause::ContractFault, 7));
        assert!(held[0].words().starts_with("20 of its last 20 "), "{}", held[0].words());
        assert!(held[0].words().contains("field a.b"), "{}", held[0].words());
    }

    #[test]
    fn one_failure_is_its_events_own_once_200_others_were_tried() {
        let contracts = Contracts::new(Stats::default());
        let contract: ContractId = "moodle.a.b.v1".parse().unwrap();
        let topic = "grades".parse().unwrap();
        let complaint = Parking::new(Reason::Invalid, "x");
        let Failure::Doubtful(number) = contracts.fail(&contract, &topic, Position(1), &complaint) else {
            panic!("one is no fault of the contract")
        };
        for _ in 1..OUTCOMES {
            contracts.pass(&contract);
        }
        assert_eq!(contracts.judge(&contract, number, false), Judgement::Open);
        contracts.pass(&contract);
        assert_eq!(contracts.judge(&contract, number, false), Judgement::Event);
    }
}
