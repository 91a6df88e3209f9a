//! One line of a contract: a field of the message, where it comes from, and what is promised of it.

use super::function::Function;
use super::path::{self, Path, Root};
use super::tree::StoredData;
use super::value::Found;

/// A field of the data of a message.
#[derive(Debug, Clone)]
pub struct Field {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) origins: Vec<Origin>,
    pub(super) scalar: Scalar,
    pub(super) many: Many,
    pub(super) role: Role,
    pub(super) nullable: bool,
    pub(super) optional: bool,
    pub(super) zero_is_null: bool,
    pub(super) empty_is_null: bool,
    /// The closed map, in the order of the contract; empty where there is none.
    pub(super) values: Vec<(String, String)>,
    pub(super) known: Vec<String>,
    pub(super) unit: Option<String>,
    pub(super) format: Option<String>,
    pub(super) max_length: Option<usize>,
    pub(super) personal: Option<Personal>,
    pub(super) since: Option<usize>,
    pub(super) about: String,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Path(Path),
    Function(Function),
}

/// The type of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Integer,
    Number,
    String,
    Boolean,
    Timestamp,
}

/// What of its source a field tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Many {
    One,
    List,
    /// The names of a map's keys, never its values.
    Keys,
    /// Whether there is a value, never the value: what is null is told apart from what was not set.
    Given,
}

/// A path that is read, and how near what stands there is to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read<'a> {
    pub(super) path: &'a str,
    pub(super) many: Many,
    pub(super) class: Option<Personal>,
}

/// What a field is to the block it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    /// The id of a thing that is always there, or of the subject: 0 and null are faults.
    Id,
    /// The id of a thing that may be missing: 0 and null mean that there is none.
    IdOrNone,
}

/// How near a field is to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Personal {
    /// It says who: an id, a number, a login name.
    Identifier,
    /// A person's name.
    Name,
    /// How to reach a person.
    Contact,
    /// How well a person did.
    Performance,
    /// What the law protects specially: health, belief and the like.
    Special,
}

impl Personal {
    /// Every class.
    pub const ALL: [Self; 5] =
        [Self::Identifier, Self::Name, Self::Contact, Self::Performance, Self::Special];

    /// The class's one name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identifier => "identifier",
            Self::Name => "name",
            Self::Contact => "contact",
            Self::Performance => "performance",
            Self::Special => "special",
        }
    }
}

impl Scalar {
    pub(super) const ALL: [Self; 5] =
        [Self::Integer, Self::Number, Self::String, Self::Boolean, Self::Timestamp];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
        }
    }

    /// What a source must hold, in words.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Integer => "a whole number of at most 2^53",
            Self::Number => "a number, whole ones of at most 2^53",
            Self::String => "text",
            Self::Boolean => "true or false, 0 or 1",
            Self::Timestamp => "Unix seconds from 1970 to 9999",
        }
    }
}

impl Origin {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Path(path) => &path.text,
            Self::Function(function) => function.text(),
        }
    }

    pub(super) fn find<'d>(&self, data: &'d StoredData<'_>) -> Found<'d> {
        match self {
            Self::Path(path) => data.find(path).into(),
            Self::Function(function) => function.find(data),
        }
    }

    /// Whether it reads only what the event itself holds.
    pub(super) fn is_of_event(&self) -> bool {
        match self {
            Self::Path(path) => path.root == Root::Event,
            Self::Function(function) => function.reads().iter().all(|path| path.starts_with("event.")),
        }
    }

    fn is_of_entity(&self) -> bool {
        matches!(self, Self::Path(path) if path.root == Root::Entities)
    }

    fn is_place(&self) -> bool {
        match self {
            Self::Path(path) => path.is_place(),
            Self::Function(function) => function.is_place(),
        }
    }

    pub(super) fn is_person(&self) -> bool {
        match self {
            Self::Path(path) => path.is_person(),
            Self::Function(function) => function.is_person(),
        }
    }
}

impl Field {
    /// Where it stands in the data: `course.id`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where it comes from, as the contract writes it; several origins joined by `, else `.
    #[must_use]
    pub fn from(&self) -> String {
        self.origins.iter().map(Origin::text).collect::<Vec<_>>().join(", else ")
    }

    /// Its type in words: `integer`, `list of string`, `list of key names`.
    #[must_use]
    pub fn type_text(&self) -> String {
        match self.many {
            Many::One | Many::Given => self.scalar.as_str().to_owned(),
            Many::List => format!("list of {}", self.scalar.as_str()),
            Many::Keys => "list of key names".to_owned(),
        }
    }

    /// Whether it may be null: Moodle says that there is none.
    #[must_use]
    pub fn nullable(&self) -> bool {
        self.says_null()
    }

    /// Whether it may be absent: not known.
    #[must_use]
    pub fn optional(&self) -> bool {
        !self.is_required()
    }

    /// How near it is to a person; none where it is not.
    #[must_use]
    pub fn personal(&self) -> Option<Personal> {
        self.personal
    }

    /// What it means.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Its unit.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }

    /// The format of its text, as JSON Schema names it.
    #[must_use]
    pub fn format(&self) -> Option<&str> {
        self.format.as_deref()
    }

    /// The longest text in characters; a longer one is cut and ends in `…`.
    #[must_use]
    pub fn max_length(&self) -> Option<usize> {
        self.max_length
    }

    /// The closed list of values: Moodle's, and what the message says for it.
    #[must_use]
    pub fn values(&self) -> &[(String, String)] {
        &self.values
    }

    /// Values known to occur; others may appear.
    #[must_use]
    pub fn known(&self) -> &[String] {
        &self.known
    }

    /// The revision of the contract that brought it.
    #[must_use]
    pub fn since(&self) -> usize {
        self.since.unwrap_or(1)
    }

    pub(super) fn says_null(&self) -> bool {
        self.nullable || self.zero_is_null || self.empty_is_null
    }

    /// Whether each message has it, in its block: a field from entities alone may not be read, so never.
    pub(super) fn is_required(&self) -> bool {
        let known_to_be_there = !self.origins.iter().all(Origin::is_of_entity);
        !self.optional && (known_to_be_there || self.role == Role::IdOrNone)
    }

    /// Whether an anonymous event may tell it: it speaks of the course or the activity, or of the event's
    /// being anonymous, and of nobody.
    pub(super) fn survives_anonymity(&self) -> bool {
        self.personal.is_none() && self.origins.iter().all(Origin::is_place)
    }

    /// The first origin that is there and not null; else the first that is there.
    pub(super) fn find<'f, 'd>(&'f self, data: &'d StoredData<'_>) -> (&'f Origin, Found<'d>) {
        let mut null = None;
        for origin in &self.origins {
            match origin.find(data) {
                Found::Missing => {}
                found @ Found::Here(value) if value.is_null() => null = null.or(Some((origin, found))),
                found => return (origin, found),
            }
        }
        // A contract's field has an origin, or it would not have been read.
        null.unwrap_or((&self.origins[0], Found::Missing))
    }

    /// Every path it reads, those of its functions included, each with its class: the field's own where it
    /// is told as it is; of what a function reads only what names a person has one.
    pub(super) fn reads(&self) -> impl Iterator<Item = Read<'_>> {
        self.origins.iter().flat_map(|origin| -> Vec<Read<'_>> {
            match origin {
                Origin::Path(path) => vec![Read { path: &path.text, many: self.many, class: self.personal }],
                Origin::Function(function) => {
                    let read = |path| Read { path, many: Many::One, class: path::class_of(path) };
                    function.reads().iter().copied().map(read).collect()
                }
            }
        })
    }
}
