//! What a person sees of single events: where one is, and which were set aside.

use std::sync::Arc;

use jiff::Timestamp;

use crate::delivery::{ContractId, Held, Parking, Reason, Receipt, ReplayName, TopicKey};
use crate::event::{EventId, SourceKey, StoredEvent};

/// A parked delivery or event, as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Names it for `parked show` and `parked redrive`.
    pub number: u64,
    /// When it was parked.
    pub at: Timestamp,
    /// Why.
    pub parking: Parking,
    /// The site it came from.
    pub source: SourceKey,
    /// The event.
    pub event: EventId,
    /// Moodle's event name.
    pub name: Arc<str>,
    /// The delivery's topic and contract; none when the event was parked at the door.
    pub owed: Option<(TopicKey, ContractId)>,
}

/// Which parked deliveries a verb speaks of: all that fit every part that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParkedFilter {
    /// One of them, by [`Parked::number`].
    pub number: Option<u64>,
    /// Those of one event.
    pub event: Option<EventId>,
    /// Those of one reason.
    pub reason: Option<Reason>,
    /// Those of one topic.
    pub topic: Option<TopicKey>,
    /// Those of one contract.
    pub contract: Option<ContractId>,
    /// Those parked until then: what parks again after an order began is not the order's any more.
    pub until: Option<Timestamp>,
}

impl std::fmt::Display for ParkedFilter {
    /// `reason mapping, topic grades`, or `all`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            self.number.map(|number| format!("number {number}")),
            self.event.map(|event| format!("event {event}")),
            self.reason.map(|reason| format!("reason {reason}")),
            self.topic.as_ref().map(|topic| format!("topic {topic}")),
            self.contract.as_ref().map(|contract| format!("contract {contract}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(if parts.is_empty() { "all" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

/// What became of one event, for `trace`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The event as kept; none when it was pruned and only its id is known.
    pub event: Option<StoredEvent>,
    /// When it was accepted, if still known (else the day of it).
    pub accepted: Option<Timestamp>,
    /// Set when the event itself was parked at the door.
    pub parked: Option<Parking>,
    /// When a person dropped it there.
    pub dropped: Option<Timestamp>,
    /// Each message it owes.
    pub deliveries: Vec<TracedDelivery>,
}

/// One message of a traced event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedDelivery {
    /// To which topic.
    pub topic: TopicKey,
    /// Of which contract.
    pub contract: ContractId,
    /// The replay it is of; none for the first copy.
    pub replay: Option<ReplayName>,
    /// Where it is.
    pub state: TracedState,
}

/// Where a delivery is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TracedState {
    /// To be sent.
    Waiting,
    /// To be tried again.
    Held(Held),
    /// Set aside.
    Parked(Parking),
    /// Published.
    Settled {
        /// When SNS had answered.
        at: Timestamp,
        /// What it answered.
        receipt: Receipt,
    },
    /// Passed over by a person's command.
    Skipped {
        /// When.
        at: Timestamp,
    },
    /// Dropped by a person after it was parked.
    Dropped {
        /// When.
        at: Timestamp,
    },
}
