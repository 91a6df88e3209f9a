//! How a contract's messages are to be read: the first screen's facts, and the rules.

use super::{Site, words};
use crate::contract::{Contract, Field};

/// A box of the first screen.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) more: String,
}

/// The boxes of the first screen; `bytes`: the size of the first example.
pub(super) fn facts(contract: &Contract, bytes: Option<usize>) -> Vec<Fact> {
    let fact = |name, value: &str, more: &str| Fact { name, value: value.to_owned(), more: more.to_owned() };
    let tells = if words::is_state(contract) {
        fact("Tells", "A state", "a newer message replaces an older one")
    } else {
        fact("Tells", "A fact", "something happened; each message counts")
    };
    let classes = words::classes(contract);
    let names: Vec<String> = classes.iter().map(|class| class.as_str().to_owned()).collect();
    let classed = contract.fields().filter(|field| field.personal().is_some()).count();
    let personal = match names.is_empty() {
        true => fact("Personal data", "None", "no field is about a person"),
        false => Fact {
            name: "Personal data",
            value: words::capital(&words::and(&names)),
            more: format!("in {classed} of {} fields", contract.fields().count()),
        },
    };
    let events: Vec<String> =
        contract.events().iter().map(|event| format!("`{}`", words::event_name(event))).collect();
    let which = contract.when().map_or_else(
        || if events.len() == 1 { "each one" } else { "each of them" }.to_owned(),
        |when| format!("depends on `{}`", when.field),
    );
    let size = bytes.map_or_else(
        || fact("Size", "No example", "limit 256 KiB"),
        |bytes| Fact {
            name: "Size",
            value: format!("About {}.{} kB", bytes / 1000, bytes % 1000 / 100),
            more: "Example 1; limit 256 KiB".to_owned(),
        },
    );
    vec![
        tells,
        fact("Delivery", "At least once", "deduplicate on `id`"),
        fact("Order", "By `raised`, then `sequence`", "within one `subject`"),
        Fact {
            name: "FIFO group",
            value: words::capital(&words::group(contract)),
            more: "on a FIFO topic, in order within it".to_owned(),
        },
        personal,
        Fact { name: "From Moodle’s event", value: events.join(", "), more: which },
        size,
        fact("Envelope", "CloudEvents 1.0, JSON", "raw delivery on or off"),
    ]
}

/// The rules for reading, name and text each.
pub(super) fn rules(site: &Site<'_>, contract: &Contract) -> Vec<(&'static str, String)> {
    let area = contract.id().area();
    let mut rules = vec![("State or fact", state_or_fact(contract))];
    let anonymous = if contract.anonymous().is_some() {
        " Of an anonymous event it is `activity/{activity.cm_id}`."
    } else {
        ""
    };
    rules.push(("Subject", format!("`{}`. Unique together with `source`.{anonymous}", contract.subject())));
    let raised = if contract.anonymous().is_some() {
        " An anonymous message has no `raised` and no order."
    } else {
        ""
    };
    let drop = if words::is_state(contract) {
        "Drop a message whose pair is smaller than one you hold; never drop on an equal pair."
    } else {
        "An older one still counts: never drop it for being late."
    };
    rules.push((
        "Order",
        format!(
            "Compare the pair (`raised`, `sequence`) of messages with one `source`, area `{area}` and `subject`. {drop} Never compare by topic, by group, or by `time`, which has whole seconds only.{raised}"
        ),
    ));
    rules.push((
        "Duplicates",
        "They happen. The same `id` with the same `replay` attribute is the same message, equal byte for byte."
            .to_owned(),
    ));
    rules.push(("Deletion", deletion(site, contract)));
    rules.push((
        "Replay, redrive",
        "A replay has the attribute `replay` = `<for>/<id>`, the old `id` and the old pair: the same rules hold. A redrive (`redrive` = `1`) is a first delivery that comes late.".to_owned(),
    ));
    rules.push((
        "Absent and null",
        "Absent: not known, keep what you hold. Null: Moodle says there is none. Never read absent as null."
            .to_owned(),
    ));
    rules.push((
        "Unknown values",
        "A field that says “others may appear” may hold a value that this page does not list: keep it as it is. Other lists are closed.".to_owned(),
    ));
    rules.push((
        "What may be added",
        "New optional fields, and new values where the text says that others may appear. Ignore what you don’t know. Once a contract is stable, all else is a new version, sent beside this one.".to_owned(),
    ));
    rules.push((
        "Late",
        "After an outage messages come later, in order. What comes from `entities.…` (names, codes) was read at the end of the request and may be newer than the event.".to_owned(),
    ));
    rules
}

fn state_or_fact(contract: &Contract) -> String {
    match (words::is_state(contract), words::is_end(contract)) {
        (true, true) => "A state: its subject is no more.".to_owned(),
        (true, false) => {
            "A state. Each message holds all that is known of its subject, so a newer one makes an older one needless."
                .to_owned()
        }
        (false, _) => "A fact. Something happened, and each message counts.".to_owned(),
    }
}

fn deletion(site: &Site<'_>, contract: &Contract) -> String {
    let link = |name: String| format!("`{name}`");
    if words::is_end(contract) {
        let beneath: Vec<String> = contract.ends().iter().map(|end| link(end.clone())).collect();
        let also = if beneath.is_empty() {
            String::new()
        } else {
            let how = if contract.ends().iter().any(|end| end.contains('*')) {
                " (`*` is anything; put a `/` behind a subject before you compare)"
            } else {
                ""
            };
            format!(" Subjects that begin with {}{how} end with it, announced or not.", words::and(&beneath))
        };
        return format!(
            "This ends `{}`: keep a tombstone with its pair, so that a late message brings nothing back.{also}",
            contract.subject()
        );
    }
    if !words::is_state(contract) {
        return "A fact is not taken back. What ends later is told by a contract of its own.".to_owned();
    }
    let mut own = Vec::new();
    let mut above = Vec::new();
    let shape = shape(contract.subject());
    let paths: Vec<&str> = contract.fields().map(Field::path).collect();
    for (name, other) in &site.short {
        if other.id() == contract.id() || !words::is_end(other) {
            continue;
        }
        let speaks_of = |block: &str| paths.contains(&&*format!("{block}.id"));
        let is_above = other.ends().iter().any(|end| shape.starts_with(&self::shape(end)))
            || matches!(name.as_str(), "course.deleted" if speaks_of("course"))
            || matches!(name.as_str(), "user.deleted" if speaks_of("user"));
        if self::shape(other.subject()) == shape {
            own.push(link(name.clone()));
        } else if is_above {
            above.push(link(name.clone()));
        }
    }
    let mut text = match own.is_empty() {
        false => format!(
            "{} ends the subject: keep a tombstone with its pair, so that a late message brings nothing back.",
            words::and(&own)
        ),
        true => "No message ends this subject by itself.".to_owned(),
    };
    if !above.is_empty() {
        text += &format!(
            " The end of what it belongs to ends it too, announced or not: keep the tombstones of {}.",
            words::and(&above)
        );
    }
    text
}

/// A subject without the names of its fields: `grade_item/{}/user/{}`.
fn shape(subject: &str) -> String {
    let mut shape = String::new();
    let mut inside = false;
    for c in subject.chars() {
        match c {
            '{' => {
                inside = true;
                shape.push_str("{}");
            }
            '}' => inside = false,
            c if !inside => shape.push(c),
            _ => {}
        }
    }
    shape
}

/// The rules of order and duplicates as code.
pub(super) fn code(contract: &Contract) -> String {
    if !words::is_state(contract) {
        return "if seen(m.id, m.attributes.replay): done      # a copy\napply(m)                                      # each counts, late ones too\nremember(m.id, m.attributes.replay)           # in the same transaction\n".to_owned();
    }
    let apply = if words::is_end(contract) {
        "drop(m.subject); held[key] = pair             # a tombstone: keep the pair\n"
    } else {
        "apply(m); held[key] = pair\n"
    };
    format!(
        "key  = (m.source, \"{}\", m.subject)\npair = (m.raised, m.sequence)\nif seen(m.id, m.attributes.replay): done      # a copy\nif key in held and pair < held[key]: done     # older than what we hold\n{apply}remember(m.id, m.attributes.replay)           # in the same transaction\n",
        contract.id().area()
    )
}
