//! The rules for the data: objects and fields, each where it stands in the message.

use super::super::block::{Member, Object, Presence};
use super::super::field::Field;
use super::{ALL_READERS, Found, quoted, whole};

const OLDER: &str =
    "events accepted before it, which lack it, and readers of the new text who meet an older message";
const NULLS: &str = "consumers who take it that it is never null";
const ABSENCE: &str = "consumers who take it that it is always there";
const STORES: &str = "consumers whose code or store has room for the old values only";

pub(super) fn compare(found: &mut Found<'_>) {
    let (old, new) = (found.old, found.new);
    objects(found, "data", &old.data, &new.data);
}

fn objects(found: &mut Found<'_>, at: &str, old: &Object, new: &Object) {
    presence(found, at, old.presence, new.presence);
    if old.about != new.about {
        found.compatible(
            "about",
            format!("what is said about {at} reads otherwise; it is no part of the promise"),
        );
    }
    let by_name = |object: &'_ Object, name: &str| object.members.iter().position(|m| m.name() == name);
    for before in &old.members {
        let here = format!("{at}.{}", before.name());
        match (before, by_name(new, before.name()).map(|n| &new.members[n])) {
            (before, None) => removed(found, &here, before),
            (Member::Field(before), Some(Member::Field(after))) => fields(found, &here, before, after),
            (Member::Object(before), Some(Member::Object(after))) => objects(found, &here, before, after),
            (Member::Field(before), Some(Member::Object(_))) => {
                found.breaking(&here, format!("was {}, now an object", before.type_text()), ALL_READERS);
            }
            (Member::Object(_), Some(Member::Field(after))) => {
                found.breaking(&here, format!("was an object, now {}", after.type_text()), ALL_READERS);
            }
        }
    }
    for after in new.members.iter().filter(|member| by_name(old, member.name()).is_none()) {
        added(found, &format!("{at}.{}", after.name()), after);
    }
    let order = |object: &Object, other: &Object| -> Vec<String> {
        let names = object.members.iter().map(|member| member.name().to_owned());
        names.filter(|name| by_name(other, name).is_some()).collect()
    };
    if order(old, new) != order(new, old) {
        found.note(at, "the fields stand in another order; JSON gives no meaning to it");
    }
}

fn presence(found: &mut Found<'_>, at: &str, old: Presence, new: Presence) {
    match (old, new) {
        (Presence::Always, Presence::OrAbsent) => {
            found.breaking(at, "may be absent now: there may be none", ABSENCE);
        }
        (Presence::Always | Presence::OrAbsent, Presence::OrNull) => {
            found.breaking(at, "may be null now: there may be nobody", NULLS);
        }
        (Presence::OrNull, Presence::OrAbsent) => {
            found.breaking(at, "was null where there is none, now absent", ABSENCE);
        }
        (Presence::OrAbsent, Presence::Always) => found.note(at, "is always there now"),
        (Presence::OrNull, Presence::Always) => found.note(at, "is never null now"),
        (Presence::Always, Presence::Always)
        | (Presence::OrAbsent, Presence::OrAbsent)
        | (Presence::OrNull, Presence::OrNull) => {}
    }
}

fn removed(found: &mut Found<'_>, at: &str, member: &Member) {
    let Member::Field(field) = member else {
        found.breaking(at, "the object is gone, or has another name", ALL_READERS);
        return;
    };
    let old = found.old;
    let twin = found.new.data.fields().find(|after| {
        let as_before = after.origins == field.origins && after.type_text() == field.type_text();
        as_before && old.data.fields().all(|before| before.path != after.path)
    });
    let what = match twin {
        Some(twin) if parent(&twin.path) == parent(&field.path) => format!("renamed to data.{}", twin.path),
        Some(twin) => format!("moved to data.{}", twin.path),
        None => "the field is gone".to_owned(),
    };
    found.breaking(at, what, ALL_READERS);
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

fn added(found: &mut Found<'_>, at: &str, member: &Member) {
    let (required, kind) = match member {
        Member::Field(field) => (field.is_required(), "field"),
        Member::Object(object) => (object.is_required(), "object"),
    };
    // Another version has no older messages.
    if required && found.old.id == found.new.id {
        found.breaking(at, format!("a new {kind} that is always there; a new one must be `optional`"), OLDER);
    } else {
        let there = if required { "that is always there" } else { "that may be absent" };
        found.compatible(at, format!("a new {kind} {there}"));
    }
}

fn fields(found: &mut Found<'_>, at: &str, old: &Field, new: &Field) {
    if (old.scalar, old.many) != (new.scalar, new.many) {
        found.breaking(at, format!("was {}, now {}", old.type_text(), new.type_text()), ALL_READERS);
    }
    if old.origins != new.origins {
        let what = format!("came from {}, now from {}", old.from(), new.from());
        found.breaking(at, what, "consumers who rely on what it means: another source means something else");
    }
    nulls(found, at, old, new);
    match (old.is_required(), new.is_required()) {
        (true, false) => found.breaking(at, "may be absent now", ABSENCE),
        (false, true) => found.note(at, "is always there now"),
        _ => {}
    }
    values(found, at, &old.values, &new.values);
    known(found, at, old, new);
    match (&old.unit, &new.unit) {
        (None, Some(unit)) => {
            let what = format!("has a unit now: {unit}. Was it always in that?");
            found.approval(at, what, "consumers who took it to be in another unit");
        }
        (before, after) if before != after => {
            let what = format!("its unit was {}, now {}", said(before.as_deref()), said(after.as_deref()));
            found.breaking(at, what, "consumers who reckon with it");
        }
        _ => {}
    }
    match (&old.format, &new.format) {
        (None, Some(format)) => found.note(at, format!("its text is always of the format {format} now")),
        (before, after) if before != after => {
            let what = format!("its format was {}, now {}", said(before.as_deref()), said(after.as_deref()));
            found.breaking(at, what, "consumers who parse it");
        }
        _ => {}
    }
    let limit = |length: Option<usize>| length.unwrap_or(usize::MAX);
    let told = |length: Option<usize>| length.map_or("none".to_owned(), |n| format!("{n} characters"));
    let what = format!("its limit was {}, now {}", told(old.max_length), told(new.max_length));
    match limit(new.max_length).cmp(&limit(old.max_length)) {
        std::cmp::Ordering::Greater => found.breaking(at, what, STORES),
        std::cmp::Ordering::Less => found.note(at, what),
        std::cmp::Ordering::Equal => {}
    }
    personal(found, at, old, new);
    if old.about != new.about {
        whole::words(found, at, &old.about, &new.about);
    }
}

fn said(text: Option<&str>) -> &str {
    text.unwrap_or("not said")
}

fn nulls(found: &mut Found<'_>, at: &str, old: &Field, new: &Field) {
    for (before, after, none) in
        [(old.zero_is_null, new.zero_is_null, "0"), (old.empty_is_null, new.empty_is_null, "empty text")]
    {
        match (before, after) {
            (true, false) => {
                let what = format!("{none} of Moodle was told as null, now as it is");
                found.breaking(at, what, "consumers who take it that null is the only sign of none");
            }
            (false, true) => {
                found.breaking(at, format!("{none} of Moodle is told as null now"), NULLS);
            }
            _ => {}
        }
    }
    let same_nulls = (old.zero_is_null, old.empty_is_null) == (new.zero_is_null, new.empty_is_null);
    match (old.says_null(), new.says_null()) {
        (false, true) if new.nullable => found.breaking(at, "may be null now", NULLS),
        (true, false) if old.nullable => found.note(at, "is never null now"),
        (true, true) if old.nullable != new.nullable && same_nulls => {
            let word = if new.nullable { "told as null now, refused before" } else { "refused now" };
            found.note(at, format!("Moodle's own null is {word}"));
        }
        _ => {}
    }
}

fn values(found: &mut Found<'_>, at: &str, old: &[(String, String)], new: &[(String, String)]) {
    let told = |list: &[(String, String)]| -> Vec<String> { list.iter().map(|(_, to)| to.clone()).collect() };
    match (old.is_empty(), new.is_empty()) {
        (true, true) => return,
        (false, true) => return found.breaking(at, "the list of its values is no longer closed", STORES),
        (true, false) if new.iter().all(|(from, to)| from == to) => {
            return found.note(at, format!("only {} from now on", quoted(told(new))));
        }
        (true, false) => {
            let what = format!("Moodle's own values were told, now {}", quoted(told(new)));
            return found.breaking(at, what, STORES);
        }
        (false, false) => {}
    }
    let (before, after) = (told(old), told(new));
    let come: Vec<_> = after.iter().filter(|value| !before.contains(value)).collect();
    let gone: Vec<_> = before.iter().filter(|value| !after.contains(value)).collect();
    if !come.is_empty() {
        found.breaking(at, format!("may also be {}", quoted(come)), STORES);
    }
    if !gone.is_empty() {
        found.note(at, format!("is never {} now", quoted(gone)));
    }
    for (from, to) in old {
        match new.iter().find(|(key, _)| key == from) {
            Some((_, other)) if other != to => {
                let what = format!("Moodle's {from:?} was told as {to:?}, now as {other:?}");
                found.breaking(at, what, ALL_READERS);
            }
            None if after.contains(to) => found.note(at, format!("Moodle's {from:?} is refused now")),
            _ => {}
        }
    }
    for (from, to) in
        new.iter().filter(|(from, to)| before.contains(to) && !old.iter().any(|(key, _)| key == from))
    {
        found.approval(
            at,
            format!("Moodle's {from:?}, refused before, is told as {to:?}"),
            "consumers for whom that word now covers more",
        );
    }
    let order = |a: &[(String, String)], b: &[(String, String)]| -> Vec<(String, String)> {
        a.iter().filter(|pair| b.contains(pair)).cloned().collect()
    };
    if order(old, new) != order(new, old) {
        found.note(at, "its values stand in another order");
    }
}

fn known(found: &mut Found<'_>, at: &str, old: &Field, new: &Field) {
    let come: Vec<_> = new.known.iter().filter(|value| !old.known.contains(value)).collect();
    let gone: Vec<_> = old.known.iter().filter(|value| !new.known.contains(value)).collect();
    if !come.is_empty() {
        found.compatible(at, format!("{} is known to occur too; the list was always open", quoted(come)));
    }
    if !gone.is_empty() && new.values.is_empty() {
        found.note(
            at,
            format!("{} is no longer named among the known values; the list stays open", quoted(gone)),
        );
    }
    let order = |a: &[String], b: &[String]| -> Vec<String> {
        a.iter().filter(|value| b.contains(value)).cloned().collect()
    };
    if order(&old.known, &new.known) != order(&new.known, &old.known) {
        found.note(at, "its known values stand in another order");
    }
}

fn personal(found: &mut Found<'_>, at: &str, old: &Field, new: &Field) {
    if old.personal != new.personal {
        let class = |field: &Field| field.personal.map_or("none", super::super::Personal::as_str);
        let what = format!("its personal class was {}, now {}", class(old), class(new));
        let whom = if new.personal > old.personal {
            "consumers who may not hold what is that near to a person"
        } else {
            "the register of personal data, which would say less"
        };
        found.approval(at, what, whom);
    }
    if found.old.anonymous.is_none() || found.new.anonymous.is_none() {
        return;
    }
    match (old.survives_anonymity(), new.survives_anonymity()) {
        (true, false) => found.breaking(at, "is gone from the messages of anonymous events", ABSENCE),
        (false, true) => found.note(at, "is told of anonymous events too"),
        _ => {}
    }
}
