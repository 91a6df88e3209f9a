//! What is owed for an event: one message of one contract to one topic, and what became of it. Values
//! shared by all stages.

mod replay;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;

use crate::event::{EventId, key};

pub use replay::{NotAReplay, ReplayName};

key! {
    /// The key of a topic, as in `[topics.KEY]`. It is the topic's identity; its ARN may change.
    TopicKey
}

/// The name of a contract with its version, e.g. `moodle.enrolment.created.v1`: the CloudEvents `type`
/// of its messages. At most 64 characters of `[a-z0-9_.]`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContractId(Arc<str>);

/// A text that is not the name of a contract: see [`ContractId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a contract's name: `moodle.<subject>.<name>.v<number>` in lower case, at most 64 characters"
)]
pub struct NotAContract(pub String);

impl ContractId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The subject part of the name: `enrolment` of `moodle.enrolment.created.v1`.
    #[must_use]
    pub fn area(&self) -> &str {
        self.part(1)
    }

    /// The third part of the name: `created` of `moodle.enrolment.created.v1`.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.part(2)
    }

    /// The version: `v1` of `moodle.enrolment.created.v1`.
    #[must_use]
    pub fn version(&self) -> &str {
        self.part(3)
    }

    fn part(&self, n: usize) -> &str {
        self.0.split('.').nth(n).unwrap_or_default()
    }
}

impl FromStr for ContractId {
    type Err = NotAContract;
    fn from_str(text: &str) -> Result<Self, NotAContract> {
        let parts: Vec<&str> = text.split('.').collect();
        let word = |p: &str| {
            !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let version = |p: &str| {
            p.strip_prefix('v').is_some_and(|n| {
                !n.is_empty() && !n.starts_with('0') && n.bytes().all(|b| b.is_ascii_digit())
            })
        };
        let good = text.len() <= 64
            && parts.len() == 4
            && parts[0] == "moodle"
            && parts[1..3].iter().all(|p| word(p))
            && version(parts[3]);
        if good { Ok(Self(text.into())) } else { Err(NotAContract(text.to_owned())) }
    }
}

impl fmt::Display for ContractId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ContractId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl serde::Serialize for ContractId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The id of a message: `<event id>:<type>`, the same in every copy, for ever. Consumers deduplicate on it.
#[must_use]
pub fn message_id(event: EventId, contract: &str) -> String {
    format!("{event}:{contract}")
}

/// The messages of one group are published in the order of acceptance (FIFO topics). The first 16 bytes
/// of SHA-256 over what the contract groups by: a pseudonym, so it never stands in a log line or label.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group(pub [u8; 16]);

impl Group {
    /// The 32 hexadecimal digits that stand on the wire as `MessageGroupId` and `partitionkey`.
    #[must_use]
    pub fn to_hex(self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Group(…)")
    }
}

/// Where a delivery stands among those of its topic. Opaque, rising, given by the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub u64);

/// Live events go before bulk ones on standard topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Raised by somebody who works in Moodle now.
    Live,
    /// One of many at once: restore, command line, outbox, replay.
    Bulk,
}

/// Why an event or a delivery was set aside for a person. A closed list: it labels metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// At the door: the event is no object of the form that is agreed (DESIGN: the wire).
    Shape,
    /// At the door: an object has one key twice, so what it means is not known.
    DuplicateKey,
    /// At the door: nested deeper than the limit.
    TooDeep,
    /// At the door: larger than the limit for one event.
    TooLarge,
    /// At the door: raised longer ago than ids are kept.
    TooOld,
    /// At the door: raised in the future, so a clock is wrong.
    Clock,
    /// The contract could not make a message of the event.
    Mapping,
    /// The message made breaks the contract's schema.
    Invalid,
    /// The message is larger than its topic takes.
    Oversized,
    /// SNS refused this entry and said that it is the message's fault.
    Refused,
    /// The bytes on disk are not those that were accepted.
    Corrupt,
}

impl Reason {
    /// Every reason, in the order of the flow.
    pub const ALL: [Self; 11] = [
        Self::Shape,
        Self::DuplicateKey,
        Self::TooDeep,
        Self::TooLarge,
        Self::TooOld,
        Self::Clock,
        Self::Mapping,
        Self::Invalid,
        Self::Oversized,
        Self::Refused,
        Self::Corrupt,
    ];

    /// The reason's one name in answers, metrics, tables and pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shape => "shape",
            Self::DuplicateKey => "duplicate-key",
            Self::TooDeep => "too-deep",
            Self::TooLarge => "too-large",
            Self::TooOld => "too-old",
            Self::Clock => "clock",
            Self::Mapping => "mapping",
            Self::Invalid => "invalid",
            Self::Oversized => "oversized",
            Self::Refused => "refused",
            Self::Corrupt => "corrupt",
        }
    }

    /// What to do about it, for the person who looks at `parked list`.
    #[must_use]
    pub fn cure(self) -> &'static str {
        match self {
            Self::Shape | Self::DuplicateKey | Self::TooDeep => {
                "the sender does not speak the agreed form: compare its version with docs/install; nothing to redrive"
            }
            Self::TooLarge => {
                "raise receive.max_event or keep the field out of the contract; have Moodle send it again"
            }
            Self::TooOld => "it waited longer than ids are kept (35 days): use a backfill in Moodle",
            Self::Clock => "set the clock of the Moodle node that sent it; have Moodle send it again",
            Self::Mapping | Self::Invalid => {
                "correct the contract (see the complaint), restart, then `parked redrive`"
            }
            Self::Oversized => {
                "give the long field a max_length in the contract, or raise the topic's max_message, then `parked redrive`"
            }
            Self::Refused => {
                "read SNS's words in the complaint; correct the contract or the topic, then `parked redrive`"
            }
            Self::Corrupt => {
                "the disk changed what was written: check it; the event must come from Moodle again (backfill)"
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|r| r.as_str() == text).ok_or_else(|| {
            format!("no such reason: {text:?} (one of {})", Self::ALL.map(Self::as_str).join(", "))
        })
    }
}

/// Why something was set aside, with the complaint in words. The words never hold a field's value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Parking {
    /// The kind of fault.
    pub reason: Reason,
    /// What was expected where, and what was found.
    pub detail: String,
}

impl Parking {
    /// A parking with its complaint.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Why a delivery is held: retried by itself, no person needed unless an alarm says so. A closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// SNS asked for a slower pace.
    Throttled,
    /// No answer, a cut or unreadable one, or a fault on the side of SNS: the message may be published.
    Unknown,
    /// SNS said that this entry failed by no fault of the message.
    Failed,
    /// The topic is missing, forbidden, or its key can't be used.
    Topic,
    /// The account's credentials or clock are not accepted.
    Account,
    /// Its message could not be made; others of its contract are tried before it is judged.
    Mapping,
    /// Its contract is held, since too many of its messages could not be made.
    ContractFault,
    /// There is no such contract any more.
    ContractGone,
    /// There is no such topic any more.
    TopicGone,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 9] = [
        Self::Throttled,
        Self::Unknown,
        Self::Failed,
        Self::Topic,
        Self::Account,
        Self::Mapping,
        Self::ContractFault,
        Self::ContractGone,
        Self::TopicGone,
    ];

    /// Those that hold a topic: the others hold messages of a contract only.
    pub const OF_TOPICS: [Self; 5] =
        [Self::Throttled, Self::Unknown, Self::Failed, Self::Topic, Self::Account];

    /// Whether it is the making of the message that failed: it was not sent, and a start tries it at once.
    #[must_use]
    pub fn is_of_contract(self) -> bool {
        matches!(self, Self::Mapping | Self::ContractFault | Self::ContractGone)
    }

    /// The cause's one name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Topic => "topic",
            Self::Account => "account",
            Self::Mapping => "mapping",
            Self::ContractFault => "contract-fault",
            Self::ContractGone => "contract-gone",
            Self::TopicGone => "topic-gone",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Cause {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|c| c.as_str() == text).ok_or_else(|| format!("no such cause: {text:?}"))
    }
}

/// A delivery that waits for its next try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Not before this time.
    pub due: Timestamp,
    /// How often it was tried so far.
    pub tries: u32,
    /// Why the last try did not settle it.
    pub cause: Cause,
    /// Since when it isn't known whether SNS has it; none when every try was refused for certain.
    pub unknown_since: Option<Timestamp>,
}

/// What SNS answered for a message that it took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// SNS's own message id.
    pub sns_id: String,
    /// SNS's sequence number (FIFO topics).
    pub sns_sequence: Option<String>,
    /// The id of the request, for AWS support.
    pub request: Option<String>,
}

/// What became of a delivery that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// SNS has it.
    Settled(Receipt),
    /// It will be tried again.
    Held(Held),
    /// It waits for a person.
    Parked(Parking),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_names_have_four_parts() {
        let id: ContractId = "moodle.enrolment.created.v1".parse().unwrap();
        assert_eq!((id.area(), id.operation()), ("enrolment", "created"));
        for bad in [
            "enrolment.created.v1",
            "moodle.enrolment.created",
            "moodle.enrolment.created.v0",
            "moodle.enrolment.created.v01",
            "moodle.Enrolment.created.v1",
            "moodle..created.v1",
            "moodle.a.b.c.v1",
            &format!("moodle.{}.created.v1", "a".repeat(60)),
        ] {
            assert!(bad.parse::<ContractId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_reasons_and_causes_read_back() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        for cause in Cause::ALL {
            assert_eq!(cause.as_str().parse(), Ok(cause));
        }
    }

    #[test]
    fn a_group_shows_itself_on_the_wire_only() {
        let group = Group([0xab; 16]);
        assert_eq!(group.to_hex(), "ab".repeat(16));
        assert!(!format!("{group:?}").contains("ab"));
    }
}
