//! Reads one contract file, whole and strictly: everything that is wrong with it is told at once.

use std::collections::BTreeMap;

use super::block::{self, Object, Presence, Member};
use super::field::{self, Field, Many, Origin, Scalar};
use super::sheet::{Entries, Sheet, Text};
use super::wanted::When;
use super::{Fetch, Status, Tells};
use crate::delivery::ContractId;

/// What a contract file says, before anything is derived from it.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) id: ContractId,
    pub(super) title: String,
    pub(super) status: Status,
    pub(super) until: Option<String>,
    pub(super) replaced_by: Option<String>,
    pub(super) events: Vec<String>,
    pub(super) when: Option<When>,
    pub(super) purpose: String,
    pub(super) sent: String,
    pub(super) not_sent: String,
    pub(super) anonymous: Option<String>,
    pub(super) notes: Vec<String>,
    pub(super) tells: Tells,
    pub(super) subject: Template,
    pub(super) group: Option<Vec<String>>,
    pub(super) ends: Vec<String>,
    pub(super) fetch: Option<Fetch>,
    pub(super) data: Object,
}

/// A subject with its fields: `grade_item/{grade_item.id}/user/{user.id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    /// The path of a field in the data.
    Field(String),
}

const KEYS: &str = "type, title, status, until, replaced_by, event, when, purpose, sent, not_sent, anonymous, notes, tells, subject, group, ends, fetch, data";

/// Reads a contract from its text. `expected` is the type that the file's place names.
pub(super) fn read(sheet: &Sheet<'_>, expected: &str) -> Option<Draft> {
    let document = sheet.parse()?;
    let top = Entries::new(document.get_ref(), 0..0);
    let text = |key: &str, example: &str| {
        top.need(sheet, key, example).and_then(|e| e.text(sheet)).map(|t| t.value.to_owned())
    };
    let id = read_type(sheet, &top, expected);
    let title = text("title", "\"Enrolment created\"");
    let status = read_status(sheet, &top);
    let [until, replaced_by] = read_deprecation(sheet, &top, status);
    let events = read_events(sheet, &top);
    let when = top.get("when").and_then(|e| read_when(sheet, &e.table(sheet)?));
    let purpose = text("purpose", "\"What this is for.\"");
    let sent = text("sent", "\"When it is sent.\"");
    let not_sent = text("not_sent", "\"When it is not sent, though one might think so.\"");
    let anonymous = top.get("anonymous").and_then(|e| e.text(sheet)).map(|t| t.value.to_owned());
    let notes = top.get("notes").and_then(|e| e.texts(sheet)).unwrap_or_default();
    let tells = read_tells(sheet, &top);
    let data = top.need(sheet, "data", "{ blocks = [\"course\"] }").and_then(|e| e.table(sheet)).map(|t| block::read_data(sheet, &t));
    let subject = top.need(sheet, "subject", "\"enrolment/{enrolment.id}\"").and_then(|e| e.text(sheet));
    let group = top.get("group").and_then(|e| e.texts(sheet));
    let ends = top.get("ends").and_then(|e| e.texts(sheet)).unwrap_or_default();
    let fetch = top.get("fetch").and_then(|e| read_fetch(sheet, &e.table(sheet)?, data.as_ref()));
    if let (Some(entry), Some(data)) = (top.get("anonymous"), &data) {
        check_anonymous(sheet, &entry.key_span, data);
    }
    top.finish(sheet, KEYS);

    let data = data?;
    let subject = subject.and_then(|text| read_template(sheet, &text, &data));
    for end in &ends {
        read_template(sheet, end, &data);
    }
    let group = group.map(|paths| read_group(sheet, &paths, &data));
    Some(Draft {
        id: id?,
        title: title?,
        status: status?,
        until,
        replaced_by,
        events: events?,
        when,
        purpose: purpose?,
        sent: sent?,
        not_sent: not_sent?,
        anonymous,
        notes: notes.iter().map(|t| t.value.to_owned()).collect(),
        tells: tells?,
        subject: subject?,
        group,
        ends: ends.iter().map(|t| t.value.to_owned()).collect(),
        fetch,
        data,
    })
}

fn read_type(sheet: &Sheet<'_>, top: &Entries<'_>, expected: &str) -> Option<ContractId> {
    let text = top.need(sheet, "type", &format!("{expected:?}"))?.text(sheet)?;
    let id = text
        .value
        .parse::<ContractId>()
        .map_err(|e| sheet.problem(&text.span, e.to_string(), format!("write {expected:?}")))
        .ok()?;
    if text.value != expected {
        let help = format!("write {expected:?}, or move the file: the folder is the name");
        sheet.problem(&text.span, format!("the file stands where {expected:?} belongs"), help);
    }
    Some(id)
}

fn read_status(sheet: &Sheet<'_>, top: &Entries<'_>) -> Option<Status> {
    let text = top.need(sheet, "status", "\"draft\"")?.text(sheet)?;
    let status = Status::ALL.into_iter().find(|s| s.as_str() == text.value);
    if status.is_none() {
        sheet.problem(&text.span, format!("there is no status {:?}", text.value), "use draft, stable or deprecated");
    }
    status
}

fn read_deprecation(sheet: &Sheet<'_>, top: &Entries<'_>, status: Option<Status>) -> [Option<String>; 2] {
    ["until", "replaced_by"].map(|key| {
        if status == Some(Status::Deprecated) {
            top.need(sheet, key, if key == "until" { "\"2027-07-31\"" } else { "\"moodle.enrolment.created.v2\"" })?;
        } else if let Some(entry) = top.get(key) {
            sheet.problem(&entry.key_span, format!("`{key}` is for a deprecated contract"), "write `status = \"deprecated\"`, or leave it out");
        }
        top.get(key)?.text(sheet).map(|t| t.value.to_owned())
    })
}

fn read_events(sheet: &Sheet<'_>, top: &Entries<'_>) -> Option<Vec<String>> {
    let texts = top.need(sheet, "event", "'\\core\\event\\user_enrolment_created'")?.text_or_texts(sheet)?;
    let mut events: Vec<String> = Vec::new();
    for text in &texts {
        let parts: Vec<&str> = text.value.split('\\').collect();
        let word = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !matches!(parts[..], ["", component, "event", name] if word(component) && word(name)) {
            let help = "write it as Moodle does, in single quotes: '\\core\\event\\course_created'";
            sheet.problem(&text.span, format!("{:?} is no name of an event", text.value), help);
        } else if events.iter().any(|event| event == text.value) {
            sheet.problem(&text.span, "this event stands here twice", "name each event once");
        }
        events.push(text.value.to_owned());
    }
    Some(events)
}

fn read_when(sheet: &Sheet<'_>, table: &Entries<'_>) -> Option<When> {
    let field = table.need(sheet, "field", "\"entities.grade.released\"").and_then(|e| e.text(sheet));
    let path = field.and_then(|text| field::read_path(sheet, &text));
    let list = |key: &str| {
        table.get(key).and_then(|e| e.texts(sheet)).map(|texts| texts.iter().map(|t| t.value.to_owned()).collect())
    };
    let (one_of, not_in): (Option<Vec<String>>, _) = (list("in"), list("not_in"));
    if table.get("in").is_some() == table.get("not_in").is_some() {
        sheet.problem(&table.span, "`when` needs `in` or `not_in`, one of them", "write `when = { field = \"…\", in = [\"…\"] }`");
    }
    table.finish(sheet, "field, in, not_in");
    Some(When { field: path?.text, one_of, not_in })
}

fn read_tells(sheet: &Sheet<'_>, top: &Entries<'_>) -> Option<Tells> {
    let text = top.need(sheet, "tells", "\"state\"")?.text(sheet)?;
    match text.value {
        "state" => Some(Tells::State),
        "fact" => Some(Tells::Fact),
        other => {
            let help = "use \"state\" (the whole known state of the subject) or \"fact\" (something happened)";
            sheet.problem(&text.span, format!("a contract cannot tell {other:?}"), help);
            None
        }
    }
}

fn read_fetch(sheet: &Sheet<'_>, table: &Entries<'_>, data: Option<&Object>) -> Option<Fetch> {
    let function = table.need(sheet, "function", "\"core_enrol_get_enrolled_users\"").and_then(|e| e.text(sheet));
    let mut arguments = BTreeMap::new();
    if let Some(entries) = table.get("arguments").and_then(|e| e.table(sheet)) {
        for entry in entries.rest() {
            let Some(text) = entry.text(sheet) else { continue };
            let constant = text.value.starts_with('=');
            if let Some(data) = data.filter(|_| !constant) {
                find_field(sheet, &text, text.value, data);
            }
            arguments.insert(entry.key.to_owned(), text.value.to_owned());
        }
    }
    table.finish(sheet, "function, arguments");
    Some(Fetch { function: function?.value.to_owned(), arguments })
}

fn check_anonymous(sheet: &Sheet<'_>, span: &std::ops::Range<usize>, data: &Object) {
    for name in ["course", "activity"] {
        let found = data.members.iter().any(|m| matches!(m, Member::Object(o) if o.name == name && o.presence == Presence::Always));
        if !found {
            let help = "the message of an anonymous event tells course and activity only: add both to `blocks`, without `?`";
            sheet.problem(span, format!("`anonymous` needs the block {name}"), help);
        }
    }
}

/// The field at a path of the data; told when there is none.
fn find_field<'d>(sheet: &Sheet<'_>, text: &Text<'_>, path: &str, data: &'d Object) -> Option<&'d Field> {
    let field = data.fields().find(|f| f.path == path);
    if field.is_none() {
        let paths: Vec<_> = data.fields().map(|f| f.path.as_str()).collect();
        sheet.problem(&text.span, format!("the data has no field `{path}`"), format!("it has {}", paths.join(", ")));
    }
    field
}

/// Whether a field may name what a message speaks of: known at accept, before any entity is looked at.
fn check_name(sheet: &Sheet<'_>, text: &Text<'_>, field: &Field) {
    if !field.origins.iter().all(Origin::is_of_event) {
        let help = "use a field that comes from `event.…`: an entity may not have been read, and then the order would change";
        sheet.problem(&text.span, format!("`{}` comes from an entity", field.path), help);
    }
    if field.many != Many::One || !matches!(field.scalar, Scalar::Integer | Scalar::String) {
        sheet.problem(&text.span, format!("`{}` is a {}", field.path, field.type_text()), "use an integer or string");
    }
}

fn read_template(sheet: &Sheet<'_>, text: &Text<'_>, data: &Object) -> Option<Template> {
    let mut parts = Vec::new();
    let mut rest = text.value;
    while let Some((before, after)) = rest.split_once('{') {
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let Some((path, after)) = after.split_once('}') else {
            sheet.problem(&text.span, "a `{` has no `}`", "write fields as in \"enrolment/{enrolment.id}\"");
            return None;
        };
        if let Some(field) = find_field(sheet, text, path, data) {
            check_name(sheet, text, field);
            if field.scalar != Scalar::Integer || !field.is_required() || field.says_null() {
                let help = "use an integer that is always there and never null";
                sheet.problem(&text.span, format!("`{path}` does not always name a subject"), help);
            }
        }
        parts.push(Part::Field(path.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    if !parts.iter().any(|part| matches!(part, Part::Field(_))) {
        sheet.problem(&text.span, "all messages would have one subject", "name its field: \"enrolment/{enrolment.id}\"");
        return None;
    }
    Some(Template { text: text.value.to_owned(), parts })
}

fn read_group(sheet: &Sheet<'_>, paths: &[Text<'_>], data: &Object) -> Vec<String> {
    for text in paths {
        if let Some(field) = find_field(sheet, text, text.value, data) {
            check_name(sheet, text, field);
        }
    }
    paths.iter().map(|text| text.value.to_owned()).collect()
}
