//! Routes: which topics are owed what. A function of the contracts and of the topics' subscriptions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Contract;
use super::catalogue::Catalogue;
use super::map::unreadable;
use super::tree::StoredData;
use super::wanted::{Row, Taken, WantedList};
use super::withdraw::is_among;
use crate::delivery::{Class, ContractId, TopicKey};
use crate::event::{Event, Source, SourceKey};
use crate::spool::{Carrier, Owed};

/// What one topic is to carry, as the configuration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The topic.
    pub topic: TopicKey,
    /// The contracts whose messages it carries.
    pub contracts: Vec<ContractId>,
    /// Of which sources; none: of all.
    pub sources: Option<Vec<SourceKey>>,
}

/// The routes in force. Replaced whole when the configuration is reloaded.
#[derive(Debug)]
pub struct Routes {
    catalogue: Arc<Catalogue>,
    subscriptions: Vec<Subscription>,
    /// The lists of the sources that a subscription names.
    lists: BTreeMap<SourceKey, Arc<WantedList>>,
    /// The list of every other source.
    list: Arc<WantedList>,
    withdrawn: BTreeSet<ContractId>,
}

impl Routes {
    /// Routes of these subscriptions. A contract that the catalogue does not have is passed over: the
    /// configuration tells that.
    #[must_use]
    pub fn new(catalogue: Arc<Catalogue>, subscriptions: &[Subscription]) -> Self {
        let list = |source: Option<&SourceKey>| {
            let wanted: BTreeSet<&ContractId> = subscriptions
                .iter()
                .filter(|s| s.carries_source(source))
                .flat_map(|s| &s.contracts)
                .collect();
            Arc::new(WantedList::of(wanted.into_iter().filter_map(|id| catalogue.get(id))))
        };
        let named: BTreeSet<&SourceKey> =
            subscriptions.iter().filter_map(|s| s.sources.as_ref()).flatten().collect();
        let lists = named.into_iter().map(|source| (source.clone(), list(Some(source)))).collect();
        let list = list(None);
        Self { catalogue, subscriptions: subscriptions.to_vec(), lists, list, withdrawn: BTreeSet::new() }
    }

    /// The same, and rows of these contracts take nothing any more, whatever list an event names.
    /// Subscriptions must not name them.
    #[must_use]
    pub fn without(self, withdrawn: BTreeSet<ContractId>) -> Self {
        Self { withdrawn, ..self }
    }

    /// Takes the rows of withdrawn contracts out of a list that was in force.
    pub fn cleanse(&self, rows: &mut Vec<Row>) {
        rows.retain(|row| !is_among(&self.withdrawn, row));
    }

    /// What a topic carries; none: there is no such topic.
    #[must_use]
    pub fn subscription(&self, topic: &TopicKey) -> Option<&Subscription> {
        self.subscriptions.iter().find(|subscription| subscription.topic == *topic)
    }

    /// The present wanted list of a source.
    #[must_use]
    pub fn wanted(&self, source: &SourceKey) -> Arc<WantedList> {
        Arc::clone(self.lists.get(source).unwrap_or(&self.list))
    }

    /// What is owed for an event: a message of each contract that took it, to each topic that carries the
    /// contract now. Empty: the event is unrouted. `event.data` is what [`cut`](super::cut()) left.
    #[must_use]
    pub fn owed(&self, source: &Source, taken: &Taken<'_>, event: &Event) -> Vec<Owed> {
        let class = if event.bulk { Class::Bulk } else { Class::Live };
        let mut owed: Vec<Owed> = Vec::new();
        let mut data = None;
        for row in &taken.rows {
            // A row of an older list may name a contract that is no more.
            let Some(contract) = self.catalogue.named(&row.contract) else { continue };
            let topics = self
                .subscriptions
                .iter()
                .filter(|s| s.carries_source(Some(&source.key)) && s.contracts.contains(contract.id()));
            let mut group = None;
            for Subscription { topic, .. } in topics {
                if owed.iter().any(|o| o.topic == *topic && o.contract == *contract.id()) {
                    continue;
                }
                let data = data.get_or_insert_with(|| StoredData::parse_event(&event.data));
                let group = group.get_or_insert_with(|| match data {
                    Ok(data) => contract.naming.name(&source.url, data).map(|name| name.group),
                    Err(error) => Err(unreadable(contract.id(), error)),
                });
                owed.push(Owed {
                    topic: topic.clone(),
                    contract: contract.id().clone(),
                    class,
                    group: group.clone(),
                });
            }
        }
        owed
    }

    /// Which topics carry messages of one of the product's own events for a source, with the contract.
    #[must_use]
    pub fn carriers(&self, event: &str, source: &SourceKey) -> Vec<Carrier> {
        let speaks = |id: &&ContractId| {
            self.catalogue.get(id).is_some_and(|contract| contract.events.iter().any(|name| name == event))
        };
        let carrier = |topic: &TopicKey, contract: &ContractId| Carrier {
            topic: topic.clone(),
            source: source.clone(),
            contract: contract.clone(),
        };
        self.subscriptions
            .iter()
            .filter(|s| s.carries_source(Some(source)))
            .flat_map(|s| s.contracts.iter().filter(speaks).map(|id| carrier(&s.topic, id)))
            .collect()
    }

    /// What is owed for one of the product's own events, which speaks of one topic and goes to no other. None:
    /// there is no such contract.
    #[must_use]
    pub fn owed_of_own(&self, source: &Source, carrier: &Carrier, event: &Event) -> Option<Owed> {
        let Carrier { topic, contract, .. } = carrier;
        let Contract { naming, .. } = self.catalogue.get(contract)?;
        let group = match StoredData::parse_event(&event.data) {
            Ok(data) => naming.name(&source.url, &data).map(|name| name.group),
            Err(error) => Err(unreadable(contract, &error)),
        };
        Some(Owed { topic: topic.clone(), contract: contract.clone(), class: Class::Live, group })
    }
}

impl Subscription {
    /// Whether it carries a source; none stands for one that no subscription names.
    fn carries_source(&self, source: Option<&SourceKey>) -> bool {
        self.sources.as_ref().is_none_or(|sources| source.is_some_and(|source| sources.contains(source)))
    }
}
