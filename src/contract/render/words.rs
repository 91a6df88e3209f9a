//! What the pages say in words of their own.

use crate::contract::{Contract, Field, Personal, Tells};
use crate::delivery::ContractId;

/// The name as people say it: `enrolment.created`.
pub(super) fn short(id: &ContractId) -> String {
    format!("{}.{}", id.area(), id.operation())
}

/// Where its page stands, without an ending: `enrolment/created/v1`.
pub(super) fn place(id: &ContractId) -> String {
    crate::contract::catalogue::place_of(id)
}

/// `course_category` as a person writes it.
pub(super) fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

/// With a capital at its front.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// `a, b and c`.
pub(super) fn and(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Text for Markdown: on one line, nothing in it is markup.
pub(super) fn md(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '|' | '[' | '`' | '*' => out.extend(['\\', c]),
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A name as code in Markdown. A backquote cannot stand in such code.
pub(super) fn md_code(name: &str) -> String {
    format!("`{}`", name.replace('`', "'").replace('|', "\\|").replace(['\n', '\r'], " "))
}

/// A text that says one thing after another, as a list: what begins with a word such as "when" begins an
/// entry, what does not belongs to the entry before it.
pub(super) fn entries(text: &str) -> Vec<String> {
    const OPENERS: [&str; 22] = [
        "When", "While", "Where", "For", "If", "Once", "Each", "Until", "Before", "After", "At", "In", "On",
        "By", "With", "Without", "Again", "As", "Between", "From", "Through", "To",
    ];
    let opens = |part: &str| {
        let word = part.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
        OPENERS.contains(&capital(word).as_str())
    };
    let mut list: Vec<String> = Vec::new();
    for sentence in sentences(text) {
        let mut clauses = sentence.split("; ").peekable();
        let mut first = true;
        while let Some(clause) = clauses.next() {
            let starts_entry = list.is_empty() || opens(clause);
            match list.last_mut().filter(|_| !starts_entry) {
                Some(last) if first => *last = format!("{last} {clause}"),
                Some(last) => *last = format!("{}; {clause}", last.trim_end_matches('.')),
                None => list.push(capital(clause)),
            }
            // A clause that a list entry now ends with ends as a sentence does.
            if let Some(last) = list.last_mut().filter(|_| clauses.peek().is_some()) {
                last.push('.');
            }
            first = false;
        }
    }
    list
}

/// Cut behind a full stop that a capital or a name in quotes follows.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(". ") {
        if text[at + 2..].starts_with(|c: char| c.is_uppercase()) {
            found.push(&text[start..=at]);
            start = at + 2;
        }
    }
    found.push(&text[start..]);
    found
}

/// The classes of a contract's fields, the nearest to a person first.
pub(super) fn classes(contract: &Contract) -> Vec<Personal> {
    let mut classes: Vec<Personal> = contract.fields().filter_map(Field::personal).collect();
    classes.sort_unstable_by(|a, b| b.cmp(a));
    classes.dedup();
    classes
}

/// Whether a class wants a second look before anybody subscribes.
pub(super) fn is_sensitive(class: Personal) -> bool {
    matches!(class, Personal::Performance | Personal::Special)
}

/// Within what messages are in order: `course and person`.
pub(super) fn group(contract: &Contract) -> String {
    let group = contract.group();
    if group == "subject" {
        return "subject".to_owned();
    }
    let parts: Vec<String> = group
        .split(", ")
        .map(|path| match path.strip_suffix(".id").unwrap_or(path) {
            "user" => "person".to_owned(),
            "activity.cm_id" => "activity".to_owned(),
            thing => spaced(thing),
        })
        .collect();
    and(&parts)
}

/// Whether a message tells that its subject is gone.
pub(super) fn is_end(contract: &Contract) -> bool {
    !contract.ends().is_empty()
        || ["deleted", "removed", "unassigned", "revoked"]
            .iter()
            .any(|end| contract.id().operation().ends_with(end))
}

pub(super) fn is_state(contract: &Contract) -> bool {
    contract.tells() == Tells::State
}

/// The last part of an event's name: `user_graded`.
pub(super) fn event_name(event: &str) -> &str {
    event.rsplit(['\\', ':']).next().unwrap_or(event)
}

/// An event as the filters name it: `core.user_graded`.
pub(super) fn event_key(event: &str) -> String {
    let parts: Vec<&str> =
        event.split(['\\', ':']).filter(|part| !part.is_empty() && *part != "event").collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    parts.join(".").chars().filter(|c| plain(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_a_list_where_it_speaks_of_several_cases() {
        assert_eq!(
            entries(
                "When a grade is saved; when it is withdrawn, with value null. When it is hidden. That is rare. Moodle 4.5. For all; then none."
            ),
            [
                "When a grade is saved.",
                "When it is withdrawn, with value null.",
                "When it is hidden. That is rare. Moodle 4.5.",
                "For all; then none."
            ]
        );
        assert_eq!(entries("Once. It may come again."), ["Once. It may come again."]);
    }

    #[test]
    fn names_read_well() {
        assert_eq!(and(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(event_key(r"\mod_assign\event\submission_graded"), "mod_assign.submission_graded");
        assert_eq!(event_key("producer:heartbeat"), "producer.heartbeat");
        assert_eq!(event_name("producer:heartbeat"), "heartbeat");
        assert_eq!(capital("été"), "Été");
    }
}
