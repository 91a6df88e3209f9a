//! The contracts: what is promised to consumers, and the pure functions that keep the promise.
//!
//! In come contract files; out come, from them alone: the rows of the wanted list (which events, which
//! keys, which entity fields), the cut of an event to those rows, the routes (which topics are owed what,
//! in which group), the message that a stored event becomes, and the JSON Schema it is checked against.
//! Equal input gives equal bytes. Nothing here does I/O but reading contract files at start, and nothing
//! here knows the spool, SNS or HTTP.
//!
//! The way of a contract, at start:
//!
//! - a text is read strictly (`sheet`, `file`, `line`, `field`, `path`, `function`), with the common blocks
//!   (`block`), and all that is wrong is told at once ([`Problems`]);
//! - from it come its digest, its schema and its validator; all of them together are the [`Catalogue`].
//!
//! The way of an event, each step a pure function:
//!
//! 1. `wanted`: the rows that [take](WantedList::take) it, by name and condition; none: it is not kept.
//! 2. `cut`: what the rows do not name is dropped, and of an anonymous event all but course and activity.
//! 3. `routes`: what is [owed](Routes::owed), to which topics, in which `group`.
//! 4. `map`, with the coercions of `value`: the data of the message, field by field as the contract
//!    lists them. **Absent means not known; null means Moodle says there is none.**
//! 5. `message`: the CloudEvents envelope, the attributes, and the check against the schema.
//!
//! What changed between two texts of a contract, and whom it breaks, is told by `gate` ([`gate::compare`]).
//!
//! An event that cannot be mapped, or whose message breaks the schema, is a [`Parking`](crate::delivery::Parking) with its reason:
//! nothing here panics, and no complaint holds a value that may be personal.

mod beside;
mod block;
mod catalogue;
mod check;
mod cut;
mod digest;
mod example;
mod field;
mod file;
mod function;
pub mod gate;
mod group;
mod inventory;
mod json;
mod line;
mod map;
mod mark;
mod message;
mod own;
mod path;
mod people;
mod problem;
mod propose;
pub mod render;
mod routes;
mod schema;
mod sheet;
mod tree;
mod value;
mod wanted;
mod withdraw;

use std::collections::BTreeMap;

use crate::delivery::ContractId;

pub use beside::{Beside, beside};
pub use catalogue::Catalogue;
pub use check::{Generated, check};
pub use cut::{Cut, EventData, cut};
pub use example::{BadExample, Example, Provenance};
pub use field::{Field, Personal};
pub use inventory::{BadInventory, EventClass, Inventory, Loss, LossKind};
pub use json::pretty;
pub use message::Message;
pub use own::{HEARTBEAT, Heartbeat, SUMMARY, Summary};
pub use problem::{Problem, Problems, Spot};
pub use propose::{Proposal, Seen, Wish, propose};
pub use routes::{Routes, Subscription};
pub use wanted::{Row, Taken, WantedList, When};
pub use withdraw::Remaining;

/// One contract, compiled: what it promises, and all that follows from it.
#[derive(Debug)]
pub struct Contract {
    id: ContractId,
    title: String,
    status: Status,
    until: Option<String>,
    replaced_by: Option<String>,
    events: Vec<String>,
    when: Option<When>,
    purpose: String,
    sent: String,
    not_sent: String,
    anonymous: Option<String>,
    notes: Vec<String>,
    tells: Tells,
    subject: file::Template,
    ends: Vec<String>,
    fetch: Option<Fetch>,
    data: block::Object,
    text: String,
    digest: String,
    schema: String,
    naming: group::Naming,
    attributes: message::Attributes,
    validator: jsonschema::Validator<tree::Borrowed>,
}

/// How firm a contract is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// It may change; it is published only to topics that take drafts.
    Draft,
    /// Frozen: what it promises stays.
    Stable,
    /// Frozen, and to end on a date.
    Deprecated,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Draft, Self::Stable, Self::Deprecated];

    /// The status's one name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Stable => "stable",
            Self::Deprecated => "deprecated",
        }
    }
}

/// What a message of a contract is to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tells {
    /// The whole known state of its subject: a newer one replaces an older one.
    State,
    /// Something happened: each counts.
    Fact,
}

impl Tells {
    /// Its one name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Fact => "fact",
        }
    }
}

/// The web service function of Moodle that gives the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// Its name.
    pub function: String,
    /// Its arguments: each the path of a field of the data, or a fixed text behind `=`.
    pub arguments: BTreeMap<String, String>,
}

impl Contract {
    /// Its name with its version: the `type` of its messages.
    #[must_use]
    pub fn id(&self) -> &ContractId {
        &self.id
    }

    /// Its name for people.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// How firm it is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Whether it is that of test messages, which go to no topic that does not ask for them.
    #[must_use]
    pub fn is_test(&self) -> bool {
        own::is_test(&self.id)
    }

    /// Of a deprecated contract: the last day, and the contract that replaces it.
    #[must_use]
    pub fn end(&self) -> Option<(&str, &str)> {
        self.until.as_deref().zip(self.replaced_by.as_deref())
    }

    /// The events of Moodle that it speaks of.
    #[must_use]
    pub fn events(&self) -> &[String] {
        &self.events
    }

    /// Which of these events; none: all.
    #[must_use]
    pub fn when(&self) -> Option<&When> {
        self.when.as_ref()
    }

    /// What it is for, in a sentence.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// When it is sent.
    #[must_use]
    pub fn sent(&self) -> &str {
        &self.sent
    }

    /// When it is not sent, though one might think so.
    #[must_use]
    pub fn not_sent(&self) -> &str {
        &self.not_sent
    }

    /// When its messages name nobody; none where its events are never anonymous.
    #[must_use]
    pub fn anonymous(&self) -> Option<&str> {
        self.anonymous.as_deref()
    }

    /// What else a reader should know. Wording: outside the digest.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// A state or a fact.
    #[must_use]
    pub fn tells(&self) -> Tells {
        self.tells
    }

    /// The smallest thing it speaks of: `enrolment/{enrolment.id}`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject.text
    }

    /// Within what its messages are in order: `course.id, user.id`, or `subject`.
    #[must_use]
    pub fn group(&self) -> String {
        self.naming.group_text()
    }

    /// Subjects that end with this one (deletions of containers).
    #[must_use]
    pub fn ends(&self) -> &[String] {
        &self.ends
    }

    /// Where a reader gets the rest.
    #[must_use]
    pub fn fetch(&self) -> Option<&Fetch> {
        self.fetch.as_ref()
    }

    /// Its fields, in the order of the message.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.data.fields()
    }

    /// The text of its file.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `sha256:` and 64 hexadecimal digits over all that is promised.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The JSON Schema of its messages (2020-12), laid out for people.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }
}
