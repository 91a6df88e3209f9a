//! One line of a contract: a field of the message, where it comes from, and what is promised of it.

use std::ops::Range;

use super::cut::EventData;
use super::function::Function;
use super::path::{Path, Root};
use super::sheet::{Entries, Entry, Sheet, Text};
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

/// Whether a field holds one value or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Many {
    One,
    List,
    /// The names of a map's keys, never its values.
    Keys,
}

/// What a field is to the block it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    /// The id of a thing that is always there: 0 and null are faults.
    Id,
    /// The id of a thing that may be missing: 0 and null mean that there is none.
    IdOrNone,
}

/// How near a field is to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    const ALL: [Self; 5] = [Self::Integer, Self::Number, Self::String, Self::Boolean, Self::Timestamp];

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

    pub(super) fn find<'d>(&self, data: &'d EventData) -> Found<'d> {
        match self {
            Self::Path(path) => path.find(data).into(),
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

    fn is_person(&self) -> bool {
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
            Many::One => self.scalar.as_str().to_owned(),
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

    /// Whether an anonymous event may tell it: it speaks of the course or the activity and of nobody.
    pub(super) fn survives_anonymity(&self) -> bool {
        self.personal.is_none() && self.origins.iter().all(Origin::is_place)
    }

    /// The first origin that is there and not null; else the first that is there.
    pub(super) fn find<'f, 'd>(&'f self, data: &'d EventData) -> (&'f Origin, Found<'d>) {
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

    /// Every path it reads, those of its functions included.
    pub(super) fn reads(&self) -> impl Iterator<Item = (&str, Many)> {
        self.origins.iter().flat_map(|origin| -> Vec<(&str, Many)> {
            match origin {
                Origin::Path(path) => vec![(path.text.as_str(), self.many)],
                Origin::Function(function) => function.reads().iter().map(|p| (*p, Many::One)).collect(),
            }
        })
    }
}

const KEYS: &str = "from, type, of, keys, nullable, optional, zero, empty, values, known, unit, format, max_length, personal, since, about";
/// Where something stands in the text, in bytes.
type Span = Range<usize>;

const FORMATS: [&str; 7] = ["date", "date-time", "email", "hostname", "time", "uri", "uuid"];

/// Reads one field; none when it has a problem (which is told).
pub(super) fn read(sheet: &Sheet<'_>, entry: &Entry<'_>, path: &str) -> Option<Field> {
    let table = entry.table(sheet)?;
    let origins = read_origins(sheet, &table);
    let shape = read_type(sheet, &table);
    let about = table
        .need(sheet, "about", "\"what it means, for a reader who does not know Moodle\"")
        .and_then(|e| e.text(sheet));
    let flag = |key: &str| table.get(key).and_then(|e| e.flag(sheet)).unwrap_or(false);
    let (nullable, optional) = (flag("nullable"), flag("optional"));
    let text = |key: &str| table.get(key).and_then(|e| e.text(sheet));
    let null_word = |key: &str| {
        let text = text(key)?;
        if text.value != "null" {
            sheet.problem(
                &text.span,
                format!("`{key}` can be \"null\" only"),
                format!("write `{key} = \"null\"`, or leave it out"),
            );
        }
        Some(text.span)
    };
    let (zero, empty) = (null_word("zero"), null_word("empty"));
    let values = table.get("values").and_then(|e| read_values(sheet, e));
    let known = table.get("known").and_then(|e| Some((e.key_span.clone(), e.texts(sheet)?)));
    let unit = text("unit");
    let format = text("format");
    let max_length = table.get("max_length").and_then(|e| Some((e.key_span.clone(), e.count(sheet)?)));
    let personal = read_personal(sheet, &table, origins.as_deref());
    let since = table.get("since").and_then(|e| e.count(sheet));
    table.finish(sheet, KEYS);
    let (scalar, many) = shape?;

    let is_text = scalar == Scalar::String && many != Many::Keys;
    let plain_text = is_text && values.is_none();
    let one = many == Many::One;
    let counts = matches!(scalar, Scalar::Integer | Scalar::Number | Scalar::Timestamp);
    let refuse = |span: Option<&Span>, allowed: bool, key: &str, only: &str| {
        if let (Some(span), false) = (span, allowed) {
            sheet.problem(
                span,
                format!("`{key}` does not go with this type"),
                format!("`{key}` is for {only}"),
            );
        }
    };
    refuse(zero.as_ref(), one && counts, "zero", "integer, number and timestamp");
    refuse(empty.as_ref(), one && plain_text, "empty", "string without `values` (there \"\" may be a key)");
    refuse(values.as_ref().map(|(s, _)| s), is_text, "values", "string, alone or in a list");
    refuse(
        known.as_ref().map(|(s, _)| s),
        plain_text,
        "known",
        "string without `values`: the list is open, or it is closed",
    );
    refuse(
        unit.as_ref().map(|t| &t.span),
        matches!(scalar, Scalar::Integer | Scalar::Number),
        "unit",
        "integer and number",
    );
    refuse(format.as_ref().map(|t| &t.span), plain_text, "format", "string without `values`");
    refuse(max_length.as_ref().map(|(s, _)| s), plain_text, "max_length", "string without `values`");
    if let Some(format) = format.as_ref().filter(|f| !FORMATS.contains(&f.value)) {
        sheet.problem(
            &format.span,
            format!("{:?} is no format", format.value),
            format!("use one of {}", FORMATS.join(", ")),
        );
    }
    Some(Field {
        name: entry.key.to_owned(),
        path: path.to_owned(),
        origins: origins?,
        scalar,
        many,
        role: Role::Plain,
        nullable,
        optional,
        zero_is_null: zero.is_some(),
        empty_is_null: empty.is_some(),
        values: values.map(|(_, v)| v).unwrap_or_default(),
        known: known.map(|(_, k)| k.iter().map(|t| t.value.to_owned()).collect()).unwrap_or_default(),
        unit: unit.map(|t| t.value.to_owned()),
        format: format.map(|t| t.value.to_owned()),
        max_length: max_length.map(|(_, n)| n),
        personal,
        since,
        about: about?.value.to_owned(),
    })
}

fn read_origins(sheet: &Sheet<'_>, table: &Entries<'_>) -> Option<Vec<Origin>> {
    let texts = table.need(sheet, "from", "\"event.objectid\"")?.text_or_texts(sheet)?;
    let mut origins: Vec<Origin> = Vec::new();
    for text in &texts {
        let Some(origin) = read_origin(sheet, text) else { continue };
        if origins.contains(&origin) {
            sheet.problem(&text.span, format!("{:?} stands here twice", text.value), "name each origin once");
        }
        origins.push(origin);
    }
    (origins.len() == texts.len()).then_some(origins)
}

fn read_origin(sheet: &Sheet<'_>, text: &Text<'_>) -> Option<Origin> {
    if text.value.starts_with("fn:") {
        let function = Function::ALL.into_iter().find(|f| f.text() == text.value);
        if function.is_none() {
            let names = Function::ALL.map(Function::text).join(", ");
            sheet.problem(
                &text.span,
                format!("there is no function {:?}", text.value),
                format!("use one of {names}"),
            );
        }
        return function.map(Origin::Function);
    }
    read_path(sheet, text).map(Origin::Path)
}

pub(super) fn read_path(sheet: &Sheet<'_>, text: &Text<'_>) -> Option<Path> {
    Path::parse(text.value)
        .map_err(|help| sheet.problem(&text.span, format!("{:?} leads nowhere", text.value), help))
        .ok()
}

fn read_type(sheet: &Sheet<'_>, table: &Entries<'_>) -> Option<(Scalar, Many)> {
    let text = table.need(sheet, "type", "\"string\"")?.text(sheet)?;
    let of = table.get("of");
    let keys = table.get("keys").and_then(|e| e.flag(sheet)).unwrap_or(false);
    if text.value != "list" {
        for key in ["of", "keys"] {
            if let Some(entry) = table.get(key) {
                sheet.problem(
                    &entry.key_span,
                    format!("`{key}` is for lists"),
                    "write `type = \"list\"`, or leave it out",
                );
            }
        }
        return read_scalar(sheet, &text, ", list").map(|scalar| (scalar, Many::One));
    }
    match (of, keys) {
        (None, true) => Some((Scalar::String, Many::Keys)),
        (Some(of), true) => {
            sheet.problem(&of.key_span, "names of keys are always text", "leave `of` out");
            None
        }
        (Some(of), false) => read_scalar(sheet, &of.text(sheet)?, "").map(|scalar| (scalar, Many::List)),
        (None, false) => {
            sheet.problem(
                &text.span,
                "a list of what?",
                "add `of = \"integer\"` (or another type), or `keys = true` for the names of a map's keys",
            );
            None
        }
    }
}

fn read_scalar(sheet: &Sheet<'_>, text: &Text<'_>, more: &str) -> Option<Scalar> {
    let scalar = Scalar::ALL.into_iter().find(|s| s.as_str() == text.value);
    if scalar.is_none() {
        let names = Scalar::ALL.map(Scalar::as_str).join(", ");
        sheet.problem(
            &text.span,
            format!("there is no type {:?}", text.value),
            format!("use one of {names}{more}; an object is a table of its own, `[data.name]`"),
        );
    }
    scalar
}

/// A closed map: Moodle's value, and what the message says for it.
type Values = Vec<(String, String)>;

fn read_values(sheet: &Sheet<'_>, entry: &Entry<'_>) -> Option<(Span, Values)> {
    let table = entry.table(sheet)?;
    let mut values = Vec::new();
    for value in table.rest() {
        values.push((value.key.to_owned(), value.text(sheet)?.value.to_owned()));
    }
    if values.is_empty() {
        sheet.problem(
            &entry.span,
            "`values` is empty",
            "write each value of Moodle with what the message says for it: `{ \"0\" = \"active\" }`",
        );
        return None;
    }
    Some((entry.key_span.clone(), values))
}

fn read_personal(sheet: &Sheet<'_>, table: &Entries<'_>, origins: Option<&[Origin]>) -> Option<Personal> {
    let names = Personal::ALL.map(Personal::as_str).join(", ");
    let Some(entry) = table.get("personal") else {
        let person = origins.unwrap_or_default().iter().find(|origin| origin.is_person());
        if let (Some(origin), Some(from)) = (person, table.get("from")) {
            sheet.problem(
                &from.span,
                format!("{} speaks of a person", origin.text()),
                format!("add `personal = \"identifier\"` (or another of {names})"),
            );
        }
        return None;
    };
    let text = entry.text(sheet)?;
    let class = Personal::ALL.into_iter().find(|c| c.as_str() == text.value);
    if class.is_none() {
        sheet.problem(
            &text.span,
            format!("there is no personal class {:?}", text.value),
            format!("use one of {names}, or leave it out"),
        );
    }
    let mail = origins.unwrap_or_default().iter().any(|o| o.text().ends_with(".email"));
    if mail && class.is_some_and(|c| c != Personal::Contact) {
        sheet.problem(&text.span, "an e-mail address is of class contact", "write `personal = \"contact\"`");
    }
    class
}

#[cfg(test)]
impl Field {
    /// A field of its TOML lines, from `event.other.x`.
    pub(super) fn for_test(toml: &str) -> Self {
        let text = format!("[x]\nfrom = \"event.other.x\"\nabout = \"x\"\n{toml}");
        let sheet = Sheet::new("test", &text);
        let document = sheet.parse().unwrap();
        let entries = Entries::new(document.get_ref(), 0..0);
        let field = read(&sheet, entries.get("x").unwrap(), "x");
        let problems = sheet.into_problems();
        assert!(problems.is_empty(), "{problems:?}");
        field.unwrap()
    }
}
