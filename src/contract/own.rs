//! The product's own events: what the sidecar tells of itself. They are raised inside it, and nothing that
//! comes from Moodle can pose as one: the door takes Moodle's names only, no wanted list asks for these,
//! and no pattern means their contracts unless it names them.

use super::Contract;
use crate::delivery::ContractId;

/// What the names of own events begin with. Moodle's begin with a backslash.
const PREFIX: &str = "producer:";

/// What the names of their contracts begin with.
const AREA: &str = "moodle.producer.";

/// The subject and the name of the contract of test messages.
const TEST: (&str, &str) = ("producer", "test");

/// A heartbeat, a day's summary, and a test that the sidecar itself makes.
pub(super) const NAMES: [&str; 3] = ["producer:heartbeat", "producer:summary", "producer:test"];

/// Whether an event is the product's own.
pub(super) fn is_own(event: &str) -> bool {
    event.starts_with(PREFIX)
}

/// Whether a contract is that of test messages.
pub(super) fn is_test(id: &ContractId) -> bool {
    (id.area(), id.operation()) == TEST
}

/// Whether a contract speaks of own events only.
pub(super) fn speaks_of_own(events: &[String]) -> bool {
    events.iter().all(|event| is_own(event))
}

/// Whether a pattern may mean a contract: those of the product's own messages must be named, so that a
/// topic of `moodle.*` gets none unasked.
pub(super) fn may_mean(pattern: &str, contract: &Contract) -> bool {
    !contract.id.as_str().starts_with(AREA) || pattern.starts_with(AREA)
}
