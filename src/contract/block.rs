//! The data of a message: objects of fields. The common ones (course, user, actor, activity, group,
//! grade item) are written once, in `contracts/blocks.toml`, in the same form as a contract's own.

use std::sync::LazyLock;

use super::field::{Field, Role, Scalar};
use super::line;
use super::problem::Problem;
use super::sheet::{Entries, Entry, Sheet, Text};

/// An object in a message's data.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) about: Option<String>,
    pub(super) presence: Presence,
    /// Of an anonymous event it says that there is somebody and nothing else.
    pub(super) person: bool,
    pub(super) members: Vec<Member>,
}

/// What a message says where the thing does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It always exists.
    Always,
    /// Nothing: the object is left out (no course at site level).
    OrAbsent,
    /// Null: Moodle says that there is nobody.
    OrNull,
}

/// A part of an object.
#[derive(Debug, Clone)]
pub(super) enum Member {
    Field(Box<Field>),
    Object(Object),
}

impl Member {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Field(field) => &field.name,
            Self::Object(object) => &object.name,
        }
    }
}

impl Object {
    /// All fields in it, at any depth, in the order of the message.
    pub(super) fn fields(&self) -> Box<dyn Iterator<Item = &Field> + '_> {
        Box::new(self.members.iter().flat_map(|member| -> Box<dyn Iterator<Item = &Field> + '_> {
            match member {
                Member::Field(field) => Box::new(std::iter::once(&**field)),
                Member::Object(object) => object.fields(),
            }
        }))
    }

    /// The field whose value says whether the thing exists.
    pub(super) fn id(&self) -> Option<&Field> {
        match self.members.first() {
            Some(Member::Field(field)) if field.role != Role::Plain => Some(field),
            _ => None,
        }
    }

    /// Whether each message has it: something in it is always there. (Null counts as there.)
    pub(super) fn is_required(&self) -> bool {
        match self.presence {
            Presence::OrAbsent => false,
            Presence::OrNull => true,
            Presence::Always => self.members.iter().any(|member| match member {
                Member::Field(field) => field.is_required(),
                Member::Object(object) => object.is_required(),
            }),
        }
    }

    /// Marks a field that names the subject: 0 names nothing.
    pub(super) fn mark_id_of_subject(&mut self, path: &str) {
        for member in &mut self.members {
            match member {
                Member::Field(field) if field.path == path => {
                    if field.scalar == Scalar::Integer && field.role == Role::Plain {
                        field.role = Role::Id;
                    }
                }
                Member::Field(_) => {}
                Member::Object(object) => object.mark_id_of_subject(path),
            }
        }
    }

    /// Puts a member in the place of one of its name, or at the end.
    fn put(&mut self, member: Member) {
        match self.members.iter_mut().find(|m| m.name() == member.name()) {
            Some(slot) => *slot = member,
            None => self.members.push(member),
        }
    }
}

const BLOCKS_FILE: &str = "contracts/blocks.toml";
/// The text of the common blocks of this program.
pub(super) const TEXT: &str = include_str!("../../contracts/blocks.toml");
static COMMON: LazyLock<(Vec<Object>, Vec<Problem>)> = LazyLock::new(|| read_common(BLOCKS_FILE, TEXT));

/// The common blocks of this program.
pub(super) fn built_in() -> &'static [Object] {
    &COMMON.0
}

/// Reads common blocks from their text; those that a contract was released with may be older than this
/// program's.
pub(super) fn read_common(file: &str, text: &str) -> (Vec<Object>, Vec<Problem>) {
    let sheet = Sheet::new(file, text);
    let mut blocks = Vec::new();
    if let Some(document) = sheet.parse() {
        for entry in Entries::new(document.get_ref(), 0..0).rest() {
            let mut block = new(entry.key, Presence::Always);
            fill(&sheet, &mut block, entry, entry.key);
            block.person = matches!(entry.key, "user" | "actor");
            blocks.push(block);
        }
    }
    (blocks, sheet.into_problems())
}

/// What is wrong with the common blocks: nothing, in a build that passed its tests.
pub(super) fn problems() -> &'static [Problem] {
    &COMMON.1
}

/// A common block as it is written once.
pub(super) fn common_named(name: &str) -> Option<&'static Object> {
    COMMON.0.iter().find(|block| block.name == name)
}

/// A field of a common block.
pub(super) fn common_field(block: &str, field: &str) -> Option<&'static Field> {
    common_named(block)?.fields().find(|f| f.name == field)
}

fn new(name: &str, presence: Presence) -> Object {
    Object { name: name.to_owned(), about: None, presence, person: false, members: Vec::new() }
}

/// Reads `[data]`: the common blocks it names, with what it restates, then objects and fields of its own.
pub(super) fn read_data(sheet: &Sheet<'_>, entries: &Entries<'_>, blocks: &[Object]) -> Object {
    let mut data = new("data", Presence::Always);
    for text in entries.get("blocks").and_then(|e| e.texts(sheet)).unwrap_or_default() {
        if let Some(block) = common(sheet, &text, &data, blocks) {
            data.members.push(Member::Object(block));
        }
    }
    for entry in entries.rest() {
        read_member(sheet, &mut data, entry, entry.key);
    }
    if data.members.is_empty() {
        sheet.problem(
            &entries.span,
            "the message holds nothing",
            "name blocks, or write a table of fields: `[data.enrolment]`",
        );
    }
    data.members.iter_mut().for_each(|member| mark_id(member, blocks));
    data
}

/// A common block as `[data] blocks` names it: `course`, or `course?` where there may be none.
fn common(sheet: &Sheet<'_>, text: &Text<'_>, data: &Object, blocks: &[Object]) -> Option<Object> {
    let (name, maybe) = text.value.strip_suffix('?').map_or((text.value, false), |name| (name, true));
    let found = blocks.iter().find(|block| block.name == name);
    let names = || blocks.iter().map(|b| b.name.as_str()).collect::<Vec<_>>().join(", ");
    let Some(block) = found.filter(|_| !(maybe && name == "actor")) else {
        let help = format!("use {}; a `?` behind one (not actor) says that there may be none", names());
        sheet.problem(&text.span, format!("there is no common block {:?}", text.value), help);
        return None;
    };
    if data.members.iter().any(|m| m.name() == name) {
        sheet.problem(&text.span, format!("block {name} stands here twice"), "name each block once");
        return None;
    }
    let presence = match (maybe, name) {
        (false, _) => Presence::Always,
        (true, "user") => Presence::OrNull,
        (true, _) => Presence::OrAbsent,
    };
    Some(Object { presence, ..block.clone() })
}

/// The first field of a common block says whether its thing exists; the actor's says of what kind it is.
fn mark_id(member: &mut Member, blocks: &[Object]) {
    let Member::Object(object) = member else { return };
    if !blocks.iter().any(|block| block.name == object.name) || object.name == "actor" {
        return;
    }
    let role = if object.presence == Presence::Always { Role::Id } else { Role::IdOrNone };
    if let Some(Member::Field(field)) = object.members.first_mut() {
        field.role = role;
    }
}

fn read_member(sheet: &Sheet<'_>, into: &mut Object, entry: &Entry<'_>, path: &str) {
    let word = entry
        .key
        .bytes()
        .enumerate()
        .all(|(i, b)| b.is_ascii_lowercase() || (i > 0 && (b.is_ascii_digit() || b == b'_')));
    if !word || entry.key.is_empty() {
        sheet.problem(
            &entry.key_span,
            format!("{:?} is no name for a field", entry.key),
            "use a-z, 0-9 and _, beginning with a letter",
        );
        return;
    }
    // A table whose `type` or `from` is no table itself is a field; any other is an object of fields.
    let is_field = entry.value.as_table().is_some_and(|table| {
        ["type", "from"]
            .iter()
            .any(|key| table.iter().any(|(k, v)| k.get_ref() == key && !v.get_ref().is_table()))
    });
    if is_field {
        match line::read(sheet, entry, path) {
            Some(field) => into.put(Member::Field(Box::new(field))),
            None => sheet.set_unread(path),
        }
        return;
    }
    let mut object = match into.members.iter().find(|m| m.name() == entry.key) {
        Some(Member::Object(object)) => object.clone(),
        _ => new(entry.key, Presence::Always),
    };
    fill(sheet, &mut object, entry, path);
    into.put(Member::Object(object));
}

fn fill(sheet: &Sheet<'_>, object: &mut Object, entry: &Entry<'_>, path: &str) {
    let Some(entries) = entry.table(sheet) else { return };
    if entries.get("about").is_some_and(|e| e.value.is_str()) {
        object.about = entries.get("about").and_then(|e| e.text(sheet)).map(|t| t.value.to_owned());
    } else if let Some(about) = entries.get("about") {
        read_member(sheet, object, about, &format!("{path}.about"));
    }
    for member in entries.rest() {
        read_member(sheet, object, member, &format!("{path}.{}", member.key));
    }
    if object.members.is_empty() {
        sheet.problem(
            &entry.key_span,
            format!("`{path}` holds no field"),
            "write a line a field, or leave the table out",
        );
    }
}
