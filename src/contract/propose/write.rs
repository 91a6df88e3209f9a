//! Writes a draft as the text that a person goes on with: each guess and each open question is marked.

use std::fmt::Write as _;

use super::super::field::{Field, Many, Personal, Scalar};
use super::super::mark::MARK;
use super::events::Events;
use super::guess::Guess;
use super::names;
use super::shape::Shape;
use super::{Seen, Wish};

/// The events of a draft are named in this order.
fn event_names<'a>(seen: &'a [Seen<'_>]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for event in seen {
        if !names.contains(&event.name) {
            names.push(event.name);
        }
    }
    names
}

/// The whole text.
pub(super) fn text(wish: &Wish<'_>, seen: &[Seen<'_>], events: &Events<'_>, shape: &Shape<'_>) -> String {
    let (area, name) = (wish.id.area(), wish.id.operation());
    let names: Vec<String> = event_names(seen).iter().map(|name| format!("'{name}'")).collect();
    let event = if let [one] = &names[..] { one.clone() } else { format!("[{}]", names.join(", ")) };
    let many = if seen.len() == 1 { "1 event".to_owned() } else { format!("{} events", seen.len()) };
    let mut out = format!(
        "# Drafted from {many} in {}. Each DECIDE is a question to a person: write the answer in its\n# place; where the guess is right, take only the mark away. `contracts check` lists what is left.\n",
        wish.from
    );
    // Anonymous events tell course and activity and nothing else: without both they are not taken.
    let places = shape.has("course") && shape.has("activity");
    let anonymous = events.are_anonymous().then_some(places);
    let when = match anonymous {
        Some(false) => {
            format!(
                "{{ field = \"event.anonymous\", in = [\"0\"] }}  # {MARK} anonymous events are left out: they have no activity to speak of"
            )
        }
        _ => String::new(),
    };
    let words = match anonymous {
        Some(true) => quoted(&format!(
            "{MARK} when Moodle marks it anonymous, and what may still let one guess who it was."
        )),
        _ => String::new(),
    };
    let mut rows = vec![
        ("type", quoted(wish.id.as_str())),
        ("title", quoted(&title(area, name))),
        ("status", quoted("draft")),
        ("event", event),
        ("when", when),
        (
            "purpose",
            quoted(&format!("{MARK} what happened, in a sentence for a reader who does not know Moodle.")),
        ),
        (
            "sent",
            quoted(&format!(
                "{MARK} when Moodle raises it: by which pages, uploads, web services, syncs, tasks."
            )),
        ),
        (
            "not_sent",
            quoted(&format!(
                "{MARK} when it is not raised, though one might think so; what other contract tells that."
            )),
        ),
        ("anonymous", words),
    ];
    let tells = if tells_state(name) { "state" } else { "fact" };
    let meant = "state is the whole known state of the subject, where a newer message replaces an older; fact is something that happened, and each counts";
    rows.push(("tells", format!("{}  # {MARK} {meant}.", quoted(tells))));
    let subject = shape.subject(area);
    rows.push(("subject", format!("{}  # {MARK} is this the smallest thing spoken of?", quoted(&subject))));
    rows.retain(|(_, value)| !value.is_empty());
    align(&mut out, &rows);
    let default =
        if shape.has("course") && shape.has("user") { "course.id and user.id" } else { "the subject" };
    let _ = writeln!(out, "# {MARK} within what must order hold? Without `group` it is {default}.");
    if name.ends_with("deleted") {
        let _ = writeln!(out, "# {MARK} what ends with it, without a word of its own? Say it in `ends`.");
    }
    let _ = writeln!(
        out,
        "# {MARK} which web service gives the rest? Say it in `fetch`, or take this line away."
    );

    out.push_str("\n[data]\n");
    if !shape.blocks.is_empty() {
        let blocks: Vec<String> = shape.blocks.iter().map(|b| quoted(b)).collect();
        let _ = writeln!(
            out,
            "blocks = [{}]  # {MARK} does a reader need each? No more than that leaves Moodle.",
            blocks.join(", ")
        );
    }
    for table in &shape.tables {
        let _ = writeln!(out, "\n[data.{}]", table.name);
        let width = table.guesses.iter().map(|g| g.field.name.len()).max().unwrap_or_default();
        for guess in &table.guesses {
            write_guess(&mut out, guess, width);
        }
    }
    write_left(&mut out, &shape.left);
    out
}

/// What was seen and is not told: a line for each map and reason.
fn write_left(out: &mut String, left: &[(String, &'static str)]) {
    let mut lines: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for (path, why) in left {
        let (map, key) = path.rsplit_once('.').unwrap_or(("", path));
        match lines.iter_mut().find(|(m, w, _)| *m == map && w == why) {
            Some((_, _, keys)) => keys.push(key),
            None => lines.push((map, why, vec![key])),
        }
    }
    if !lines.is_empty() {
        out.push_str("\n# Seen, and left out:\n");
    }
    for (map, why, keys) in lines {
        let _ = writeln!(out, "#   {map}: {} ({why})", keys.join(", "));
    }
}

fn title(area: &str, name: &str) -> String {
    let words = format!("{area} {name}").replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn tells_state(name: &str) -> bool {
    ["created", "updated", "deleted", "added", "removed", "assigned", "unassigned"]
        .contains(&name.rsplit('_').next().unwrap_or(name))
}

fn align(out: &mut String, rows: &[(&str, String)]) {
    let width = rows.iter().map(|(key, _)| key.len()).max().unwrap_or_default();
    for (key, value) in rows {
        let _ = writeln!(out, "{key:width$} = {value}");
    }
}

fn write_guess(out: &mut String, guess: &Guess, width: usize) {
    let field = &guess.field;
    let mut about = field.about.clone();
    if about.is_empty() {
        let counts = matches!(field.scalar, Scalar::Integer | Scalar::Number)
            && !names::says_id(field.name.trim_end_matches(|c: char| c == '_' || c.is_ascii_digit()));
        about = format!("{MARK} what it means{}.", if counts { ", and its unit" } else { "" });
        if !guess.doubts.is_empty() {
            let _ = write!(about, " Guessed: {}.", guess.doubts.join("; "));
        }
    } else if !guess.doubts.is_empty() {
        let _ = write!(about, " {MARK} {}.", guess.doubts.join("; "));
    }
    let seen = if guess.seen.is_empty() { String::new() } else { format!("# {}\n", guess.seen) };
    let like = guess
        .like
        .as_ref()
        .map_or_else(String::new, |id| format!("  # {MARK} as in {id}: does it hold here?"));
    let _ = writeln!(out, "{seen}{:width$} = {}{like}", field.name, line(field, &about));
}

/// A field as a contract writes it.
fn line(field: &Field, about: &str) -> String {
    let list =
        |texts: &[String]| format!("[{}]", texts.iter().map(|t| quoted(t)).collect::<Vec<_>>().join(", "));
    let origins: Vec<String> = field.origins.iter().map(|o| o.text().to_owned()).collect();
    let mut parts =
        vec![format!("from = {}", if let [one] = &origins[..] { quoted(one) } else { list(&origins) })];
    parts.push(match field.many {
        Many::One => format!("type = \"{}\"", field.scalar.as_str()),
        Many::List => format!("type = \"list\", of = \"{}\"", field.scalar.as_str()),
        Many::Keys => "type = \"list\", keys = true".to_owned(),
        Many::Given => "type = \"boolean\", given = true".to_owned(),
    });
    let mut add = |there: bool, part: String| {
        if there {
            parts.push(part);
        }
    };
    add(field.nullable, "nullable = true".to_owned());
    add(field.optional, "optional = true".to_owned());
    add(field.zero_is_null, "zero = \"null\"".to_owned());
    add(field.empty_is_null, "empty = \"null\"".to_owned());
    let values: Vec<String> =
        field.values.iter().map(|(from, to)| format!("{} = {}", quoted(from), quoted(to))).collect();
    add(!values.is_empty(), format!("values = {{ {} }}", values.join(", ")));
    add(!field.known.is_empty(), format!("known = {}", list(&field.known)));
    let text =
        |key: &str, value: Option<&str>| value.map_or_else(String::new, |v| format!("{key} = {}", quoted(v)));
    add(field.unit.is_some(), text("unit", field.unit.as_deref()));
    add(field.format.is_some(), text("format", field.format.as_deref()));
    add(field.max_length.is_some(), format!("max_length = {}", field.max_length.unwrap_or_default()));
    add(field.personal.is_some(), text("personal", field.personal.map(Personal::as_str)));
    parts.push(format!("about = {}", quoted(about)));
    format!("{{ {} }}", parts.join(", "))
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => drop(write!(out, "\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_written_as_it_is_read() {
        for toml in [
            "type = \"integer\"\nzero = \"null\"\nunit = \"s\"\npersonal = \"performance\"",
            "type = \"string\"\nnullable = true\noptional = true\nvalues = { \"\" = \"none\", \"a b\" = \"x\" }",
            "type = \"string\"\nempty = \"null\"\nknown = [\"a\", \"b\"]\nmax_length = 7\nformat = \"uri\"",
            "type = \"list\"\nof = \"number\"",
            "type = \"list\"\nkeys = true",
        ] {
            let field = Field::for_test(toml);
            let again = line(&field, "a \"quoted\" \\ text\u{1}");
            let table: toml::Table = format!("x = {again}").parse().unwrap();
            let read: String =
                table["x"].as_table().unwrap().iter().map(|(k, v)| format!("{k} = {v}\n")).collect();
            let lines = read.lines().filter(|l| !l.starts_with("from") && !l.starts_with("about"));
            let reread = Field::for_test(&lines.collect::<Vec<_>>().join("\n"));
            assert_eq!(line(&reread, ""), line(&field, ""), "{toml}");
            assert_eq!(table["x"]["about"].as_str(), Some("a \"quoted\" \\ text\u{1}"));
        }
        assert_eq!(title("group", "member_added"), "Group member added");
    }
}
