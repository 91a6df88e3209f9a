//! Reads one contract file, whole and strictly: everything that is wrong with it is told at once.

use std::collections::BTreeMap;

use super::block::{self, Member, Object, Presence};
use super::field::{Field, Many, Origin, Scalar};
use super::line;
use super::sheet::{Entries, Sheet, Text};
use super::wanted::When;
use super::{Fetch, Status, Tells, own};
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
    read_with(sheet, expected, block::built_in())
}

/// The same with other common blocks than this program's.
pub(super) fn read_with(sheet: &Sheet<'_>, expected: &str, blocks: &[Object]) -> Option<Draft> {
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
    let data = top
        .need(sheet, "data", "{ blocks = [\"course\"] }")
        .and_then(|e| e.table(sheet))
        .map(|t| block::read_data(sheet, &t, blocks));
    let subject = top.need(sheet, "subject", "\"enrolment/{enrolment.id}\"").and_then(|e| e.text(sheet));
    let group = top.get("group").and_then(|e| e.texts(sheet));
    let ends = top.get("ends").and_then(|e| e.texts(sheet)).unwrap_or_default();
    let fetch = top.get("fetch").and_then(|e| read_fetch(sheet, &e.table(sheet)?, data.as_ref()));
    if let (Some(entry), Some(data)) = (top.get("anonymous"), &data) {
        check_anonymous(sheet, &entry.key_span, data);
    }
    top.finish(sheet, KEYS);

    let mut data = data?;
    // Of the product's own messages a text names the subject: the key of a topic.
    let texts = events.as_deref().is_some_and(own::speaks_of_own);
    let subject = subject.and_then(|text| read_template(sheet, &text, &data, texts));
    for part in subject.iter().flat_map(|subject| &subject.parts) {
        if let Part::Field(path) = part {
            data.mark_id_of_subject(path);
        }
    }
    for end in &ends {
        if !end.value.ends_with('/') {
            let help = "write \"group/{group.id}/\": all that lies beneath; `*` stands for anything";
            sheet.problem(&end.span, "what ends must end with `/`", help);
        }
        read_template(sheet, end, &data, texts);
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
        sheet.problem(
            &text.span,
            format!("there is no status {:?}", text.value),
            "use draft, stable or deprecated",
        );
    }
    status
}

fn read_deprecation(sheet: &Sheet<'_>, top: &Entries<'_>, status: Option<Status>) -> [Option<String>; 2] {
    ["until", "replaced_by"].map(|key| {
        if status == Some(Status::Deprecated) {
            top.need(
                sheet,
                key,
                if key == "until" { "\"2027-07-31\"" } else { "\"moodle.enrolment.created.v2\"" },
            )?;
        } else if let Some(entry) = top.get(key) {
            sheet.problem(
                &entry.key_span,
                format!("`{key}` is for a deprecated contract"),
                "write `status = \"deprecated\"`, or leave it out",
            );
        }
        let text = top.get(key)?.text(sheet)?;
        let told = match key {
            "until" => text.value.parse::<jiff::civil::Date>().err().map(|_| ("a day", "\"2027-07-31\"")),
            _ => text
                .value
                .parse::<ContractId>()
                .err()
                .map(|_| ("a contract", "\"moodle.enrolment.created.v2\"")),
        };
        if let Some((what, example)) = told {
            sheet.problem(
                &text.span,
                format!("{:?} is no name of {what}", text.value),
                format!("write {example}"),
            );
        }
        Some(text.value.to_owned())
    })
}

fn read_events(sheet: &Sheet<'_>, top: &Entries<'_>) -> Option<Vec<String>> {
    let texts = top.need(sheet, "event", "'\\core\\event\\user_enrolment_created'")?.text_or_texts(sheet)?;
    let mut events: Vec<String> = Vec::new();
    for text in &texts {
        if let Some((message, help)) = fault_of_event(text.value) {
            sheet.problem(&text.span, message, help);
        } else if events.iter().any(|event| event == text.value) {
            sheet.problem(&text.span, "this event stands here twice", "name each event once");
        }
        events.push(text.value.to_owned());
    }
    Some(events)
}

/// What is wrong with the name of an event, and what helps.
fn fault_of_event(name: &str) -> Option<(String, String)> {
    if own::is_own(name) {
        let unknown = !own::NAMES.contains(&name);
        return unknown.then(|| {
            (format!("the producer raises no event {name:?}"), format!("it raises {}", own::NAMES.join(", ")))
        });
    }
    let word = |p: &str| {
        !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let parts: Vec<&str> = name.split('\\').collect();
    if matches!(parts[..], ["", component, "event", name] if word(component) && word(name)) {
        return None;
    }
    let help = "write it as Moodle does, in single quotes: '\\core\\event\\course_created'";
    Some((format!("{name:?} is no name of an event"), help.to_owned()))
}

fn read_when(sheet: &Sheet<'_>, table: &Entries<'_>) -> Option<When> {
    let field = table.need(sheet, "field", "\"entities.grade.released\"").and_then(|e| e.text(sheet));
    let path = field.and_then(|text| line::read_path(sheet, &text));
    let list = |key: &str| {
        table
            .get(key)
            .and_then(|e| e.texts(sheet))
            .map(|texts| texts.iter().map(|t| t.value.to_owned()).collect())
    };
    let (one_of, not_in): (Option<Vec<String>>, _) = (list("in"), list("not_in"));
    if table.get("in").is_some() == table.get("not_in").is_some() {
        sheet.problem(
            &table.span,
            "`when` needs `in` or `not_in`, one of them",
            "write `when = { field = \"…\", in = [\"…\"] }`",
        );
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
            let help =
                "use \"state\" (the whole known state of the subject) or \"fact\" (something happened)";
            sheet.problem(&text.span, format!("a contract cannot tell {other:?}"), help);
            None
        }
    }
}

fn read_fetch(sheet: &Sheet<'_>, table: &Entries<'_>, data: Option<&Object>) -> Option<Fetch> {
    let function =
        table.need(sheet, "function", "\"core_enrol_get_enrolled_users\"").and_then(|e| e.text(sheet));
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
        let found = data
            .members
            .iter()
            .any(|m| matches!(m, Member::Object(o) if o.name == name && o.presence == Presence::Always));
        if !found {
            let help = "the message of an anonymous event tells course and activity only: add both to `blocks`, without `?`";
            sheet.problem(span, format!("`anonymous` needs the block {name}"), help);
        }
    }
}

/// The field at a path of the data; told when there is none.
fn find_field<'d>(sheet: &Sheet<'_>, text: &Text<'_>, path: &str, data: &'d Object) -> Option<&'d Field> {
    let field = data.fields().find(|f| f.path == path);
    if field.is_none() && !sheet.is_unread(path) {
        let paths: Vec<_> = data.fields().map(|f| f.path.as_str()).collect();
        sheet.problem(
            &text.span,
            format!("the data has no field `{path}`"),
            format!("it has {}", paths.join(", ")),
        );
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
        sheet.problem(
            &text.span,
            format!("`{}` is a {}", field.path, field.type_text()),
            "use an integer or string",
        );
    }
}

fn read_template(sheet: &Sheet<'_>, text: &Text<'_>, data: &Object, texts: bool) -> Option<Template> {
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
            let maybe = data.members.iter().any(|m| match m {
                Member::Object(o) => o.presence != Presence::Always && o.fields().any(|f| f.path == path),
                Member::Field(_) => false,
            });
            let names = field.scalar == Scalar::Integer || (texts && field.scalar == Scalar::String);
            if maybe || !names || !field.is_required() || field.says_null() {
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
        sheet.problem(
            &text.span,
            "all messages would have one subject",
            "name its field: \"enrolment/{enrolment.id}\"",
        );
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

#[cfg(test)]
pub(super) mod tests {
    use super::super::problem::Problem;
    use super::*;

    /// A contract that uses most of the form.
    pub(in super::super) const GOOD: &str = r#"type     = "moodle.thing.done.v1"
title    = "Thing done"
status   = "draft"
event    = ['\core\event\thing_done', '\mod_x\event\thing_done']
when     = { field = "event.other.kind", in = ["a", "b"] }
purpose  = "P."
sent     = "S."
not_sent = "N."
notes    = ["W."]
tells    = "state"
subject  = "thing/{thing.id}/user/{user.id}"
group    = ["course.id", "user.id"]
ends     = ["thing/{thing.id}/"]
fetch    = { function = "core_x", arguments = { id = "thing.id", field = "=id" } }

[data]
blocks = ["course?", "user", "actor"]

[data.user]
id = { from = ["event.relateduserid", "event.userid"], type = "integer", personal = "identifier", about = "A." }

[data.thing]
about = "B."
id    = { from = "event.objectid", type = "integer", about = "A." }
kind  = { from = "event.other.kind", type = "string", values = { a = "x", b = "y" }, about = "A." }
name  = { from = "event.other.name", type = "string", empty = "null", max_length = 20, about = "A." }
size  = { from = "event.other.size", type = "number", zero = "null", unit = "m", since = 2, about = "A." }
tags  = { from = "event.other.tags", type = "list", of = "string", optional = true, known = ["t"], about = "A." }
type  = { from = "event.target", type = "string", about = "A field may be called type." }
inner = { link = { from = "event.other.link", type = "string", format = "uri", nullable = true, about = "A." } }
"#;

    pub(in super::super) fn read_text(text: &str) -> Result<Draft, Vec<Problem>> {
        let sheet = Sheet::new("thing/done/v1.toml", text);
        let draft = read(&sheet, "moodle.thing.done.v1");
        let problems = sheet.into_problems();
        if problems.is_empty() { Ok(draft.unwrap()) } else { Err(problems) }
    }

    #[test]
    fn blocks_come_first_and_a_restated_field_keeps_its_place() {
        let draft = read_text(GOOD).unwrap();
        let paths: Vec<_> = draft.data.fields().map(|f| f.path.as_str()).collect();
        assert_eq!(
            paths[..6],
            [
                "course.id",
                "course.idnumber",
                "course.shortname",
                "course.fullname",
                "course.category_id",
                "user.id"
            ]
        );
        assert_eq!(
            paths[paths.len() - 7..],
            [
                "thing.id",
                "thing.kind",
                "thing.name",
                "thing.size",
                "thing.tags",
                "thing.type",
                "thing.inner.link"
            ]
        );
        assert_eq!(
            draft.data.fields().find(|f| f.path == "user.id").unwrap().from(),
            "event.relateduserid, else event.userid"
        );
    }

    /// What is put in the place of what; where the problem is shown; what it says.
    type Row = (&'static str, &'static str, (usize, usize), &'static str);

    #[rustfmt::skip]
    const FAULTS: &[Row] = &[
        ("[data]\n", "[data\n", (16, 6), "unclosed table"),
        ("title    =", "titel    =", (1, 1), "`title` is missing"),
        ("title    =", "titel = \"x\"\ntitle =", (2, 1), "`titel` is no key here"),
        ("title    = \"Thing done\"", "title = 5", (2, 9), "`title` must be a text"),
        ("title    = \"Thing done\"", "title = \" \"", (2, 9), "`title` is empty"),
        ("thing.done.v1\"", "Thing.v1\"", (1, 12), "is not a contract's name"),
        ("thing.done.v1\"", "thing.undone.v1\"", (1, 12), "the file stands where \"moodle.thing.done.v1\" belongs"),
        ("\"draft\"", "\"final\"", (3, 12), "there is no status"),
        ("\"draft\"", "\"deprecated\"", (1, 1), "`until` is missing"),
        ("status   =", "until = \"2027-01-01\"\nstatus =", (3, 1), "`until` is for a deprecated contract"),
        ("\"draft\"", "\"deprecated\"\nuntil = \"31.7.2027\"", (4, 9), "\"31.7.2027\" is no name of a day"),
        ("\"draft\"", "\"deprecated\"\nreplaced_by = \"the next\"", (4, 15), "\"the next\" is no name of a contract"),
        (r"'\core\event\thing_done'", r"'core\event\thing_done'", (4, 13), "is no name of an event"),
        (r"'\core\event\thing_done'", "'producer:thing'", (4, 13), "the producer raises no event \"producer:thing\""),
        (r"'\mod_x\event\thing_done'", r"'\core\event\thing_done'", (4, 39), "this event stands here twice"),
        ("\"event.other.kind\", in", "\"event.kind\", in", (5, 22), "\"event.kind\" leads nowhere"),
        ("in = [\"a\", \"b\"]", "in = [\"a\"], not_in = [\"b\"]", (5, 1), "`when` needs `in` or `not_in`"),
        ("in = [\"a\", \"b\"]", "on = [\"a\"]", (5, 1), "`when` needs `in` or `not_in`"),
        ("\"state\"", "\"story\"", (10, 12), "a contract cannot tell \"story\""),
        ("thing/{thing.id}/user/{user.id}", "thing/{thing.no}", (11, 12), "the data has no field `thing.no`"),
        ("thing/{thing.id}/user/{user.id}", "thing", (11, 12), "all messages would have one subject"),
        ("thing/{thing.id}/user/{user.id}", "thing/{thing.id", (11, 12), "a `{` has no `}`"),
        ("thing/{thing.id}/user/{user.id}", "thing/{course.id}", (11, 12), "does not always name a subject"),
        ("thing/{thing.id}/user/{user.id}", "thing/{thing.kind}", (11, 12), "does not always name a subject"),
        ("[\"thing/{thing.id}/\"]", "[\"thing/{thing.id}\"]", (13, 13), "what ends must end with `/`"),
        ("[\"course.id\", \"user.id\"]", "[\"course.idnumber\"]", (12, 13), "`course.idnumber` comes from an entity"),
        ("[\"course.id\", \"user.id\"]", "[\"thing.tags\"]", (12, 13), "`thing.tags` is a list of string"),
        ("[\"course.id\", \"user.id\"]", "\"course.id\"", (12, 12), "`group` must be a list"),
        ("[\"thing/{thing.id}/\"]", "[\"{x}\"]", (13, 13), "the data has no field `x`"),
        ("id = \"thing.id\", field", "id = \"thing.x\", field", (14, 54), "the data has no field `thing.x`"),
        ("\"course?\"", "\"curse\"", (17, 11), "there is no common block \"curse\""),
        ("\"actor\"]", "\"actor?\"]", (17, 30), "there is no common block \"actor?\""),
        ("\"actor\"]", "\"user\"]", (17, 30), "block user stands here twice"),
        ("tells    =", "anonymous = \"A.\"\ntells =", (10, 1), "`anonymous` needs the block activity"),
        ("[\"event.relateduserid\", \"event.userid\"]", "[\"event.userid\", \"event.userid\"]", (20, 32), "stands here twice"),
        ("personal = \"identifier\", ", "", (20, 15), "event.relateduserid speaks of a person"),
        ("personal = \"identifier\"", "personal = \"secret\"", (20, 85), "there is no personal class"),
        ("\"event.relateduserid\", \"event.userid\"", "\"entities.user.email\"", (20, 69), "an e-mail address is of class contact"),
        ("from = \"event.objectid\"", "from = \"event.objectidd\"", (24, 18), "\"event.objectidd\" leads nowhere"),
        ("from = \"event.objectid\"", "from = \"entities.thing.id\"", (24, 18), "\"entities.thing.id\" leads nowhere"),
        ("from = \"event.objectid\"", "from = \"fn:magic@1\"", (24, 18), "there is no function \"fn:magic@1\""),
        ("from = \"event.objectid\", ", "", (24, 1), "`from` is missing"),
        ("values = { a = \"x\", b = \"y\" }", "values = {}", (25, 64), "`values` is empty"),
        ("values = { a = \"x\", b = \"y\" }", "values = { a = \"x\" }, known = [\"a\"]", (25, 77), "`known` does not go with this type"),
        ("values = { a = \"x\", b = \"y\" }", "values = { a = \"x\" }, empty = \"null\"", (25, 85), "`empty` does not go with this type"),
        ("empty = \"null\"", "empty = \"\"", (26, 63), "`empty` is empty"),
        ("empty = \"null\"", "empty = \"zero\"", (26, 63), "`empty` can be \"null\" only"),
        ("empty = \"null\"", "zero = \"null\"", (26, 62), "`zero` does not go with this type"),
        ("max_length = 20", "max_length = 0", (26, 84), "`max_length` must be a whole number from 1"),
        ("empty = \"null\"", "nullable = \"yes\"", (26, 66), "`nullable` must be true or false"),
        ("unit = \"m\"", "format = \"uri\"", (27, 79), "`format` does not go with this type"),
        ("unit = \"m\"", "of = \"string\"", (27, 70), "`of` is for lists"),
        ("unit = \"m\"", "length = 5", (27, 70), "`length` is no key here"),
        (", of = \"string\"", "", (28, 45), "a list of what?"),
        ("of = \"string\"", "of = \"string\", keys = true", (28, 53), "names of keys are always text"),
        ("unit = \"m\"", "given = true", (27, 70), "whether a value is set is a boolean"),
        ("of = \"string\"", "of = \"list\"", (28, 58), "there is no type \"list\""),
        ("type = \"number\"", "type = \"float\"", (27, 45), "there is no type \"float\""),
        ("format = \"uri\"", "format = \"url\"", (30, 73), "\"url\" is no format"),
        ("inner = { link", "Inner = { link", (30, 1), "\"Inner\" is no name for a field"),
        ("inner = { link", "inner = { Link", (30, 11), "\"Link\" is no name for a field"),
    ];

    #[test]
    fn each_fault_is_shown_where_it_is() {
        let mut missed = String::new();
        for (put_out, put_in, (line, column), message) in FAULTS {
            assert!(GOOD.contains(put_out), "{put_out}");
            let problems = read_text(&GOOD.replacen(put_out, put_in, 1)).err().unwrap_or_default();
            let hit = problems.iter().any(|p| {
                let spot = p.spot.as_ref().map(|s| (s.line, s.column));
                p.message.contains(message) && spot == Some((*line, *column)) && !p.help.is_empty()
            });
            if !hit {
                missed += &format!(
                    "{put_in}: expected {message:?} at {line}:{column}, told\n{}\n",
                    super::super::Problems(problems)
                );
            }
        }
        assert!(missed.is_empty(), "{missed}");
    }

    #[test]
    fn all_faults_are_told_at_once_in_the_order_of_the_text() {
        let text = GOOD
            .replace("\"draft\"", "\"final\"")
            .replace("event.objectid", "event.objectidd")
            .replace("\"actor\"", "\"actress\"")
            .replace("unit = \"m\"", "units = \"m\"");
        let lines: Vec<_> =
            read_text(&text).unwrap_err().iter().map(|p| p.spot.as_ref().unwrap().line).collect();
        // The subject, which names the field that could not be read, is not blamed for it.
        assert_eq!(lines, [3, 17, 24, 27]);
    }
}
