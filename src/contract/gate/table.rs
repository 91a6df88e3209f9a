//! The table of compatibility: each kind of change, both ways, with all that the gate says of it.

use std::collections::BTreeSet;

use super::super::catalogue::compile;
use super::super::file::tests::{GOOD, read_text};
use super::super::{Contract, Problems};
use super::Verdict::{Breaking, Compatible, NeedsApproval, Note};
use super::{Change, Verdict, compare};

fn contract(text: &str) -> Contract {
    let draft = read_text(text).unwrap_or_else(|problems| panic!("{}\n{text}", Problems(problems)));
    compile(draft, text).unwrap()
}

/// The contract with something put in the place of something.
fn with(put_out: &str, put_in: &str) -> Contract {
    assert!(GOOD.contains(put_out), "{put_out}");
    contract(&GOOD.replacen(put_out, put_in, 1))
}

fn told(changes: &[Change]) -> BTreeSet<(&str, Verdict)> {
    changes.iter().map(|change| (change.at.as_str(), change.verdict)).collect()
}

type Said = &'static [(&'static str, Verdict)];
/// What is put in the place of what; what is said of that; what is said of the way back.
type Row = (&'static str, &'static str, Said, Said);

const LAST: &str = r#"about = "A field may be called type." }"#;

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // A new optional field, and a field removed.
    (LAST, "about = \"A field may be called type.\" }\nmore  = { from = \"event.other.more\", type = \"string\", optional = true, about = \"A.\" }",
        &[("data.thing.more", Compatible)], &[("data.thing.more", Breaking)]),
    // A new optional object, and one removed.
    ("inner = {", "extra = { a = { from = \"entities.cm.name\", type = \"string\", about = \"A.\" } }\ninner = {",
        &[("data.thing.extra", Compatible)], &[("data.thing.extra", Breaking)]),
    ("[\"course?\", \"user\", \"actor\"]", "[\"course?\", \"user\", \"actor\", \"grade_item?\"]",
        &[("data.grade_item", Compatible)], &[("data.grade_item", Breaking)]),
    // A required field that is new breaks who holds older messages.
    (LAST, "about = \"A field may be called type.\" }\nmore  = { from = \"event.other.more\", type = \"string\", about = \"A.\" }",
        &[("data.thing.more", Breaking)], &[("data.thing.more", Breaking)]),
    // A known value more, or less.
    ("known = [\"t\"]", "known = [\"t\", \"u\"]", &[("data.thing.tags", Compatible)], &[("data.thing.tags", Note)]),
    // Wording: only a person can say.
    ("about = \"A field may", "about = \"The field may", &[("data.thing.type", NeedsApproval)], &[("data.thing.type", NeedsApproval)]),
    ("\"S.\"", "\"S!\"", &[("sent", NeedsApproval)], &[("sent", NeedsApproval)]),
    ("\"N.\"", "\"N!\"", &[("not_sent", NeedsApproval)], &[("not_sent", NeedsApproval)]),
    // Renamed, and moved.
    ("link = {", "url = {", &[("data.thing.inner.link", Breaking), ("data.thing.inner.url", Breaking)],
        &[("data.thing.inner.url", Breaking), ("data.thing.inner.link", Breaking)]),
    ("size  = {", "scale = {", &[("data.thing.size", Breaking), ("data.thing.scale", Breaking)], &[("data.thing.scale", Breaking), ("data.thing.size", Breaking)]),
    // Type.
    ("from = \"event.other.size\", type = \"number\"", "from = \"event.other.size\", type = \"integer\"", &[("data.thing.size", Breaking)], &[("data.thing.size", Breaking)]),
    ("type = \"list\", of = \"string\", optional = true, known = [\"t\"]", "type = \"string\", optional = true, known = [\"t\"]", &[("data.thing.tags", Breaking)], &[("data.thing.tags", Breaking)]),
    ("type = \"list\", of = \"string\", optional = true, known = [\"t\"]", "type = \"list\", keys = true, optional = true", &[("data.thing.tags", Breaking), ("data.thing.tags", Note)], &[("data.thing.tags", Breaking), ("data.thing.tags", Compatible)]),
    // Unit: another one breaks; one where none was said is a question.
    ("unit = \"m\"", "unit = \"km\"", &[("data.thing.size", Breaking)], &[("data.thing.size", Breaking)]),
    ("unit = \"m\", ", "", &[("data.thing.size", Breaking)], &[("data.thing.size", NeedsApproval)]),
    // Null.
    ("format = \"uri\", nullable = true", "format = \"uri\"", &[("data.thing.inner.link", Note)], &[("data.thing.inner.link", Breaking)]),
    ("zero = \"null\", ", "", &[("data.thing.size", Breaking)], &[("data.thing.size", Breaking)]),
    ("zero = \"null\"", "zero = \"null\", nullable = true", &[("data.thing.size", Note)], &[("data.thing.size", Note)]),
    ("zero = \"null\"", "nullable = true", &[("data.thing.size", Breaking)], &[("data.thing.size", Breaking)]),
    ("empty = \"null\", ", "", &[("data.thing.name", Breaking)], &[("data.thing.name", Breaking)]),
    // Absence.
    ("optional = true, known", "known", &[("data.thing.tags", Note)], &[("data.thing.tags", Breaking)]),
    ("\"course?\"", "\"course\"", &[("data.course", Note)], &[("data.course", Breaking)]),
    // A closed list: wider, narrower, and the same word for another value.
    ("a = \"x\", b = \"y\"", "a = \"x\", b = \"y\", c = \"z\"", &[("data.thing.kind", Breaking)], &[("data.thing.kind", Note)]),
    ("a = \"x\", b = \"y\"", "a = \"x\", b = \"y\", c = \"x\"", &[("data.thing.kind", NeedsApproval)], &[("data.thing.kind", Note)]),
    ("a = \"x\", b = \"y\"", "a = \"y\", b = \"x\"", &[("data.thing.kind", Breaking)], &[("data.thing.kind", Breaking)]),
    ("a = \"x\", b = \"y\"", "b = \"y\", a = \"x\"", &[("data.thing.kind", Note)], &[("data.thing.kind", Note)]),
    ("values = { a = \"x\", b = \"y\" }, ", "", &[("data.thing.kind", Breaking)], &[("data.thing.kind", Breaking)]),
    ("values = { a = \"x\", b = \"y\" }, ", "known = [\"x\"], ", &[("data.thing.kind", Breaking), ("data.thing.kind", Compatible)], &[("data.thing.kind", Breaking)]),
    // Format.
    ("format = \"uri\"", "format = \"email\"", &[("data.thing.inner.link", Breaking)], &[("data.thing.inner.link", Breaking)]),
    ("format = \"uri\", ", "", &[("data.thing.inner.link", Breaking)], &[("data.thing.inner.link", Note)]),
    // A limit.
    ("max_length = 20", "max_length = 21", &[("data.thing.name", Breaking)], &[("data.thing.name", Note)]),
    ("max_length = 20, ", "", &[("data.thing.name", Breaking)], &[("data.thing.name", Note)]),
    // Source.
    ("from = \"event.objectid\"", "from = \"event.other.id\"", &[("data.thing.id", Breaking)], &[("data.thing.id", Breaking)]),
    (", \"event.userid\"]", "]", &[("data.user.id", Breaking)], &[("data.user.id", Breaking)]),
    (r"'\mod_x\event\thing_done'", r"'\mod_y\event\thing_done'", &[("event", Breaking), ("event", NeedsApproval)], &[("event", Breaking), ("event", NeedsApproval)]),
    (r", '\mod_x\event\thing_done'", "", &[("event", Breaking)], &[("event", NeedsApproval)]),
    (r"'\core\event\thing_done', '\mod_x\event\thing_done'", r"'\mod_x\event\thing_done', '\core\event\thing_done'", &[("event", Note)], &[("event", Note)]),
    ("in = [\"a\", \"b\"]", "in = [\"a\"]", &[("when", Breaking)], &[("when", NeedsApproval)]),
    ("when     = { field = \"event.other.kind\", in = [\"a\", \"b\"] }\n", "", &[("when", NeedsApproval)], &[("when", Breaking)]),
    // Meaning: what it tells, of what, in what order, what it ends.
    ("\"state\"", "\"fact\"", &[("tells", Breaking)], &[("tells", Breaking)]),
    ("thing/{thing.id}/user", "a_thing/{thing.id}/user", &[("subject", Breaking)], &[("subject", Breaking)]),
    ("group    = [\"course.id\", \"user.id\"]", "group = [\"course.id\"]", &[("group", Breaking)], &[("group", Breaking)]),
    ("group    = [\"course.id\", \"user.id\"]\n", "", &[("group", Breaking)], &[("group", Breaking)]),
    ("ends     = [\"thing/{thing.id}/\"]\n", "", &[("ends", Breaking)], &[("ends", Breaking)]),
    ("[\"course?\", \"user\", \"actor\"]", "[\"course?\", \"user\", \"actor\", \"activity\"]", &[("data.activity", Breaking), ("attributes", Compatible)], &[("data.activity", Breaking), ("attributes", Breaking)]),
    // Personal class.
    ("from = \"event.other.name\", type = \"string\"", "from = \"event.other.name\", type = \"string\", personal = \"identifier\"", &[("data.thing.name", NeedsApproval)], &[("data.thing.name", NeedsApproval)]),
    ("personal = \"identifier\"", "personal = \"name\"", &[("data.user.id", NeedsApproval)], &[("data.user.id", NeedsApproval)]),
    // An attribute that subscriptions filter by goes when its field does, or when it becomes personal.
    ("[data.user]", "[data.course]\nidnumber = { from = \"entities.course.idnumber\", type = \"string\", personal = \"identifier\", about = \"The code that the registry gave the course. May be empty.\" }\n\n[data.user]",
        &[("data.course.idnumber", NeedsApproval), ("attributes", Breaking)], &[("data.course.idnumber", NeedsApproval), ("attributes", Compatible)]),
    // Outside the digest.
    ("\"P.\"", "\"P!\"", &[("purpose", Compatible)], &[("purpose", Compatible)]),
    ("function = \"core_x\"", "function = \"core_y\"", &[("fetch", Compatible)], &[("fetch", Compatible)]),
    ("\"Thing done\"", "\"A thing done\"", &[("title", Compatible)], &[("title", Compatible)]),
    ("notes    = [\"W.\"]\n", "", &[("notes", Compatible)], &[("notes", Compatible)]),
    ("about = \"B.\"\n", "", &[("about", Compatible)], &[("about", Compatible)]),
    ("since = 2, ", "", &[], &[]),
    // Status: what was stable and is a draft again leaves the topics that take none.
    ("\"draft\"", "\"stable\"", &[("status", Compatible)], &[("status", Breaking)]),
    ("status   = \"draft\"", "status = \"deprecated\"\nuntil = \"2027-07-31\"\nreplaced_by = \"moodle.thing.done.v2\"",
        &[("status", Compatible), ("until", Note), ("replaced_by", Note)], &[("status", Breaking), ("until", Note), ("replaced_by", Note)]),
    // The order of fields is in the bytes, and means nothing.
    ("\"user\", \"actor\"]", "\"actor\", \"user\"]", &[("data", Note)], &[("data", Note)]),
];

#[test]
fn each_kind_of_change_has_its_verdict_both_ways_and_nothing_else_is_said() {
    let good = contract(GOOD);
    let mut missed = String::new();
    for (put_out, put_in, forth, back) in TABLE {
        let other = with(put_out, put_in);
        for (from, to, expected) in [(&good, &other, forth), (&other, &good, back)] {
            let changes = compare(from, to);
            let promised = changes.iter().any(|c| !super::whole::OUTSIDE.contains(&c.at.as_str()));
            assert_eq!(promised, from.digest != to.digest, "{put_out} → {put_in}: {changes:#?}");
            if told(&changes) != expected.iter().copied().collect() {
                missed += &format!("{put_out} → {put_in}\n  expected {expected:?}\n  told {changes:#?}\n");
            }
            for change in changes {
                assert_eq!(change.whom.is_some(), change.verdict >= NeedsApproval, "{change:?}");
                assert!(!change.what.is_empty() && !change.cure.is_empty(), "{change:?}");
            }
        }
    }
    assert!(missed.is_empty(), "{missed}");
}

#[test]
fn a_person_who_may_be_nobody_breaks_and_the_way_back_is_a_note() {
    let text = GOOD.replace("/user/{user.id}", "");
    let maybe = text.replace("\"user\", \"actor\"", "\"user?\", \"actor\"");
    let (always, maybe) = (contract(&text), contract(&maybe));
    assert_eq!(told(&compare(&always, &maybe)), [("data.user", Breaking)].into());
    assert_eq!(told(&compare(&maybe, &always)), [("data.user", Note)].into());
}

#[test]
fn a_contract_has_not_changed_from_itself() {
    assert_eq!(compare(&contract(GOOD), &contract(GOOD)), []);
}

#[test]
fn a_common_block_that_changes_is_seen_against_the_blocks_of_the_release() {
    let then = super::super::block::TEXT.replace("entities.course.idnumber", "entities.course.shortname");
    let released = super::read("v1-1.toml", GOOD, Some(("v1-1.blocks.toml", &then))).unwrap();
    let now = super::read("v1.toml", GOOD, None).unwrap();
    assert_ne!(released.digest, now.digest);
    let changes = compare(&released, &now);
    assert_eq!(told(&changes), [("data.course.idnumber", Breaking)].into());
    assert_eq!(changes[0].what, "came from entities.course.shortname, now from entities.course.idnumber");
}

#[test]
fn what_only_the_schemas_show_is_told_too() {
    // An object with the name of a common block: whether its id may be 0 depends on that name alone.
    let text = GOOD.replace("[data.thing]\n", "[data.group]\nid = { from = \"event.contextid\", type = \"integer\", about = \"A.\" }\n\n[data.thing]\n");
    let common = super::super::block::TEXT.replace("[group]", "[team]");
    let loose = super::read("v1-1.toml", &text, Some(("v1-1.blocks.toml", &common))).unwrap();
    let strict = super::read("v1.toml", &text, None).unwrap();
    assert_eq!(loose.digest, strict.digest, "no rule of ours sees it");
    let changes = compare(&strict, &loose);
    assert_eq!(told(&changes), [("data.group.id", Breaking)].into());
    assert_eq!(changes[0].what, "may lie beyond its old range");
    assert_eq!(told(&compare(&loose, &strict)), [("data.group.id", Note)].into());
}
