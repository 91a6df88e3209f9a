//! The rules for a contract's own keys: everything but its data.

use super::super::wanted::When;
use super::super::{Contract, Status};
use super::{Found, quoted};

/// Keys outside the digest: what changes there changes no promise.
pub(super) const OUTSIDE: [&str; 9] =
    ["type", "title", "status", "until", "replaced_by", "purpose", "notes", "fetch", "about"];

/// Parts of a message that are otherwise where a contract speaks of anonymous events.
pub(super) const OF_ANONYMITY: [&str; 3] = ["data", "raised", "subject"];

const COUNTERS: &str = "consumers who count on hearing of each of these events";
const IN_ORDER: &str = "consumers who rely on the order within a group";
const TOMBSTONES: &str = "consumers who end what a deletion ends";

pub(super) fn compare(found: &mut Found<'_>) {
    let (old, new) = (found.old, found.new);
    if old.id != new.id {
        found.note("type", format!("{} stands beside {}", new.id, old.id));
    }
    events(found, old, new);
    when(found, old.when.as_ref(), new.when.as_ref());
    for (at, before, after) in [("sent", &old.sent, &new.sent), ("not_sent", &old.not_sent, &new.not_sent)] {
        if before != after {
            words(found, at, before, after);
        }
    }
    anonymous(found, old.anonymous.as_deref(), new.anonymous.as_deref());
    if old.tells != new.tells {
        let what = format!("told a {}, now tells a {}", old.tells.as_str(), new.tells.as_str());
        found.breaking("tells", what, "consumers who keep the last message, or count each");
    }
    if old.subject.text != new.subject.text {
        let what = format!("was {:?}, now {:?}", old.subject.text, new.subject.text);
        found.breaking("subject", what, "consumers who key what they keep by the subject");
    }
    let (before, after) = (old.naming.group_promise(), new.naming.group_promise());
    if before != after {
        found.breaking("group", format!("was {before}, now {after}"), IN_ORDER);
    }
    ends(found, &old.ends, &new.ends);
    attributes(found, old, new);
    status(found, old, new);
    for (at, same) in [
        ("title", old.title == new.title),
        ("purpose", old.purpose == new.purpose),
        ("notes", old.notes == new.notes),
        ("fetch", old.fetch == new.fetch),
    ] {
        if !same {
            found.compatible(at, "reads otherwise; it is no part of the promise");
        }
    }
}

/// Words changed, of which only a person can say whether they still mean the same.
pub(super) fn words(found: &mut Found<'_>, at: &str, before: &str, after: &str) {
    let what = format!("said {before:?}, now says {after:?}: another meaning, or only other words?");
    found.approval(at, what, "consumers who built on the meaning, if it is another");
}

fn events(found: &mut Found<'_>, old: &Contract, new: &Contract) {
    let gone: Vec<_> = old.events.iter().filter(|event| !new.events.contains(event)).collect();
    let come: Vec<_> = new.events.iter().filter(|event| !old.events.contains(event)).collect();
    if !gone.is_empty() {
        found.breaking("event", format!("{} gives no message any more", quoted(gone)), COUNTERS);
    }
    if !come.is_empty() {
        let what = format!("{} gives messages too", quoted(come));
        found.approval("event", what, "consumers for whom these messages mean something else");
    }
    let same = old.events.len() == new.events.len();
    if same && old.events != new.events && old.events.iter().all(|event| new.events.contains(event)) {
        found.note("event", "the events stand in another order");
    }
}

fn when(found: &mut Found<'_>, old: Option<&When>, new: Option<&When>) {
    if old == new {
        return;
    }
    let text = |when: Option<&When>| match when {
        None => "all of its events".to_owned(),
        Some(When { field, one_of: Some(list), .. }) => format!("{field} in {}", quoted(list)),
        Some(When { field, not_in, .. }) => format!("{field} not in {}", quoted(not_in.iter().flatten())),
    };
    let what = format!("took {}, now takes {}", text(old), text(new));
    if takes_all_of(new, old) {
        found.approval(
            "when",
            what,
            "consumers for whom the messages that come in addition mean something else",
        );
    } else {
        found.breaking("when", what, COUNTERS);
    }
}

/// Whether a condition takes each event that another takes.
fn takes_all_of(wide: Option<&When>, narrow: Option<&When>) -> bool {
    let within = |a: &[String], b: &[String]| a.iter().all(|value| b.contains(value));
    match (wide, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => {
            wide.field == narrow.field
                && match (&wide.one_of, &narrow.one_of, &wide.not_in, &narrow.not_in) {
                    (Some(wide), Some(narrow), ..) => within(narrow, wide),
                    (.., Some(wide), Some(narrow)) => within(wide, narrow),
                    _ => false,
                }
        }
    }
}

fn anonymous(found: &mut Found<'_>, old: Option<&str>, new: Option<&str>) {
    match (old, new) {
        (Some(before), Some(after)) if before != after => words(found, "anonymous", before, after),
        (None, Some(_)) => {
            let what = "messages may name nobody now: then only course and activity are told";
            found.breaking("anonymous", what, "consumers who take it that each message names a person");
        }
        (Some(_), None) => found.breaking("anonymous", "anonymous events give no message any more", COUNTERS),
        _ => {}
    }
}

fn ends(found: &mut Found<'_>, old: &[String], new: &[String]) {
    let gone: Vec<_> = old.iter().filter(|end| !new.contains(end)).collect();
    let come: Vec<_> = new.iter().filter(|end| !old.contains(end)).collect();
    if !gone.is_empty() {
        found.breaking("ends", format!("{} no longer ends with it", quoted(gone)), TOMBSTONES);
    }
    if !come.is_empty() {
        found.breaking("ends", format!("{} ends with it too", quoted(come)), TOMBSTONES);
    }
    if old.len() == new.len() && old != new && old.iter().all(|end| new.contains(end)) {
        found.note("ends", "the subjects stand in another order");
    }
}

fn attributes(found: &mut Found<'_>, old: &Contract, new: &Contract) {
    let (before, after): (Vec<_>, Vec<_>) =
        (old.attributes.names().collect(), new.attributes.names().collect());
    for name in before.iter().filter(|name| !after.contains(name)) {
        let what = format!("the SNS attribute {name} is gone");
        found.breaking("attributes", what, "subscriptions with a filter on it: they get nothing more");
    }
    for name in after.iter().filter(|name| !before.contains(name)) {
        found.compatible("attributes", format!("the SNS attribute {name} is there too"));
    }
}

fn status(found: &mut Found<'_>, old: &Contract, new: &Contract) {
    if old.status != new.status {
        let what = format!("was {}, now {}", old.status.as_str(), new.status.as_str());
        if new.status == Status::Draft && old.id == new.id {
            found.breaking("status", what, "topics that take no drafts: they carry it no more");
        } else {
            found.compatible("status", what);
        }
    }
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "not said".to_owned());
    if old.until != new.until {
        found.note("until", format!("was {}, now {}", said(&old.until), said(&new.until)));
    }
    if old.replaced_by != new.replaced_by {
        found.note("replaced_by", format!("was {}, now {}", said(&old.replaced_by), said(&new.replaced_by)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_wider_when_it_takes_all_that_the_other_takes() {
        let list = |texts: &[&str]| Some(texts.iter().map(|&t| t.to_owned()).collect::<Vec<_>>());
        let one_of = |texts: &[&str]| Some(When { field: "f".into(), one_of: list(texts), not_in: None });
        let not_in = |texts: &[&str]| Some(When { field: "f".into(), one_of: None, not_in: list(texts) });
        for (wide, narrow, expected) in [
            (None, one_of(&["a"]), true),
            (one_of(&["a"]), None, false),
            (one_of(&["b", "a"]), one_of(&["a"]), true),
            (one_of(&["a"]), one_of(&["a", "b"]), false),
            (not_in(&["a"]), not_in(&["a", "b"]), true),
            (not_in(&["a", "b"]), not_in(&["a"]), false),
            (not_in(&["a"]), one_of(&["b"]), false),
            (one_of(&["b"]), not_in(&["a"]), false),
        ] {
            assert_eq!(takes_all_of(wide.as_ref(), narrow.as_ref()), expected, "{wide:?} {narrow:?}");
        }
        let other = Some(When { field: "g".into(), one_of: list(&["a"]), not_in: None });
        assert!(!takes_all_of(other.as_ref(), one_of(&["a"]).as_ref()));
    }
}
