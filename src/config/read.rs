//! From the merged raw tree to values of the forms that the keys name. Complains about unknown keys,
//! missing ones and wrong forms, all at once; what the values mean together is `check`'s.

use std::collections::BTreeMap;
use std::time::Duration;

use super::key::{Form, Key, Shape, Unset};
use super::layer::{Content, Node};
use super::problem::{Origin, Problems};
use super::secret::SecretText;

/// One value in the form of its key.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Texts(Vec<(String, Origin)>),
    Size(u64),
    Span(Duration),
    Count(u64),
    Switch(bool),
    Secret(SecretText),
}

/// A value and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub(crate) value: Value,
    pub(crate) at: Origin,
}

/// What stands behind a key that is set or has a default.
#[derive(Debug, Clone)]
pub(crate) enum Entry {
    One(Leaf),
    Section(Section),
    Named(Vec<(String, Section)>),
    Many(Vec<Section>),
}

/// A table in which every key is known.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub(crate) at: Origin,
    pub(crate) keys: &'static [Key],
    entries: BTreeMap<&'static str, Entry>,
}

/// Reads a table. A wrong value counts as not set, so that one problem is told once.
pub(crate) fn section(
    keys: &'static [Key],
    path: &str,
    node: Option<&Node>,
    problems: &mut Problems,
) -> Section {
    let at = node.map_or(Origin::Default, |node| node.at.clone());
    let mut entries = BTreeMap::new();
    let table = match node.map(|node| &node.content) {
        Some(Content::Table(table)) => Some(table),
        Some(other) => {
            problems.add(
                &at,
                format!("{path} must be a table, and is {}", other.word()),
                format!("write [{path}] with keys below it"),
            );
            return Section { at, keys, entries };
        }
        None => None,
    };
    for (name, node) in table.into_iter().flatten() {
        if !keys.iter().any(|key| key.name == name) {
            problems.add(&node.named, format!("there is no key {}", joined(path, name)), known(name, keys));
        }
    }
    for key in keys {
        let node = table.and_then(|table| table.get(key.name));
        let path = joined(path, key.name);
        let entry = match (key.shape, node) {
            (Shape::Section(inner), node) => Some(Entry::Section(section(inner, &path, node, problems))),
            (_, None) => unset(key, &path, &at, problems),
            (Shape::One(form), Some(node)) => one(form, &path, node, problems).map(Entry::One),
            (Shape::Named(inner), Some(node)) => named(inner, &path, node, problems),
            (Shape::Many(inner), Some(node)) => many(inner, &path, node, problems),
        };
        if let Some(entry) = entry {
            entries.insert(key.name, entry);
        }
    }
    Section { at, keys, entries }
}

fn unset(key: &Key, path: &str, at: &Origin, problems: &mut Problems) -> Option<Entry> {
    match (key.unset, key.shape) {
        (Unset::Default(text), Shape::One(form)) => {
            // A default is a text of the table of keys; a test reads them all.
            parse(form, text).ok().map(|value| Entry::One(Leaf { value, at: Origin::Default }))
        }
        (Unset::Wrong, _) => {
            problems.add(at, format!("{path} is missing"), key.about);
            None
        }
        _ => None,
    }
}

fn one(form: Form, path: &str, node: &Node, problems: &mut Problems) -> Option<Leaf> {
    let read = match (form, &node.content) {
        (Form::Texts, Content::List(list)) => {
            let mut texts = Vec::new();
            for item in list {
                match &item.content {
                    Content::Text(text) => texts.push((text.clone(), item.at.clone())),
                    other => problems.add(
                        &item.at,
                        format!("{path} must be a list of texts, and this is {}", other.word()),
                        "put it in quotes",
                    ),
                }
            }
            Ok(Value::Texts(texts))
        }
        (Form::Texts, other) => Err((
            format!("must be a list of texts, and is {}", other.word()),
            "write it in brackets: [\"…\", \"…\"]".to_owned(),
        )),
        (Form::Switch, Content::Switch(switch)) => Ok(Value::Switch(*switch)),
        (Form::Count(least, most), Content::Number(number)) => u64::try_from(*number)
            .ok()
            .filter(|number| (least..=most).contains(number))
            .map(Value::Count)
            .ok_or_else(|| (format!("is {number}"), format!("write a whole number from {least} to {most}"))),
        (Form::Switch | Form::Count(..), other) => {
            let cure = match form {
                Form::Count(least, most) => {
                    format!("write a whole number from {least} to {most}, without quotes")
                }
                _ => "write true or false, without quotes".to_owned(),
            };
            Err((format!("is {}", other.word()), cure))
        }
        (form, Content::Text(text)) => parse(form, text),
        (form, other) => {
            Err((format!("is {}", other.word()), format!("write a text in quotes: {}", example(form))))
        }
    };
    match read {
        Ok(value) => Some(Leaf { value, at: node.at.clone() }),
        Err((what, cure)) => {
            problems.add(&node.at, format!("{path} {what}"), cure);
            None
        }
    }
}

fn example(form: Form) -> String {
    match form {
        Form::Size(..) => "\"4 MiB\"".to_owned(),
        Form::Span(..) => "\"10s\", \"5m\", \"7d\"".to_owned(),
        Form::Word(words) => words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" or "),
        _ => "\"…\"".to_owned(),
    }
}

/// Reads a text as a form. The error says what is wrong, and what to write.
fn parse(form: Form, text: &str) -> Result<Value, (String, String)> {
    let wrong = || format!("is {text:?}");
    match form {
        Form::Text => Ok(Value::Text(text.to_owned())),
        Form::Secret => Ok(Value::Secret(SecretText::new(text))),
        Form::Word(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
        Form::Word(_) => Err((wrong(), format!("write {}", example(form)))),
        Form::Texts => Ok(Value::Texts(Vec::new())),
        Form::Switch => text.parse().map(Value::Switch).map_err(|_| (wrong(), "write true or false".into())),
        Form::Count(..) => {
            text.parse().map(Value::Count).map_err(|_| (wrong(), "write a whole number".into()))
        }
        Form::Size(least, most) => {
            // A bare number would be bytes here and may have been meant as anything: it is refused.
            let size = (!text.bytes().all(|b| b.is_ascii_digit()))
                .then(|| text.parse::<bytesize::ByteSize>().ok())
                .flatten()
                .map(|size| size.as_u64());
            match size {
                Some(size) if (least..=most).contains(&size) => Ok(Value::Size(size)),
                Some(_) => {
                    Err((wrong(), format!("write a size from {} to {}", size_text(least), size_text(most))))
                }
                None => Err((wrong(), format!("write a size with its unit: {}", example(form)))),
            }
        }
        Form::Span(least, most) => match humantime::parse_duration(text) {
            Ok(span) if (Duration::from_secs(least)..=Duration::from_secs(most)).contains(&span) => {
                Ok(Value::Span(span))
            }
            Ok(_) => Err((wrong(), format!("write a time from {} to {}", span_text(least), span_text(most)))),
            Err(_) => Err((wrong(), format!("write a time with its unit: {}", example(form)))),
        },
    }
}

fn span_text(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

/// A size as a person writes it: the largest unit that divides it.
pub(crate) fn size_text(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes;
    let mut unit = 0;
    while size != 0 && size.is_multiple_of(1024) && unit + 1 < units.len() {
        size /= 1024;
        unit += 1;
    }
    format!("{size} {}", units[unit])
}

fn named(keys: &'static [Key], path: &str, node: &Node, problems: &mut Problems) -> Option<Entry> {
    let Content::Table(table) = &node.content else {
        problems.add(
            &node.at,
            format!("{path} must be tables, and is {}", node.content.word()),
            format!("write [{path}.KEY] with keys below it"),
        );
        return None;
    };
    // In the order of the file: of two that are alike the later one is told.
    let mut inners: Vec<(&String, &Node)> = table.iter().collect();
    inners.sort_by_key(|(_, inner)| inner.named.rank());
    let mut list = Vec::new();
    for (name, inner) in inners {
        if !crate::event::is_key(name) {
            problems.add(
                &inner.named,
                format!("{name:?} can't be a key of {path}"),
                "use 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit",
            );
        }
        list.push((name.clone(), section(keys, &joined(path, name), Some(inner), problems)));
    }
    Some(Entry::Named(list))
}

fn many(keys: &'static [Key], path: &str, node: &Node, problems: &mut Problems) -> Option<Entry> {
    let form = || {
        let parts: Vec<String> = keys
            .iter()
            .filter(|key| !matches!(key.shape, Shape::One(Form::Secret)))
            .map(|key| format!("{} = …", key.name))
            .collect();
        format!("write a list of tables: [{{ {} }}]", parts.join(", "))
    };
    let Content::List(list) = &node.content else {
        problems.add(&node.at, format!("{path} is {}", node.content.word()), form());
        return None;
    };
    let mut sections = Vec::new();
    for item in list {
        if matches!(item.content, Content::Table(_)) {
            sections.push(section(keys, path, Some(item), problems));
        } else {
            problems.add(&item.at, format!("{path} holds {}", item.content.word()), form());
        }
    }
    Some(Entry::Many(sections))
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// What to write instead of an unknown key.
fn known(name: &str, keys: &[Key]) -> String {
    let near = keys.iter().map(|key| (distance(name, key.name), key.name)).min();
    match near {
        Some((apart, near)) if apart <= 2 || near.contains(name) || name.contains(near) => {
            format!("did you mean {near}?")
        }
        _ => {
            let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
            format!("remove it; the keys here are {}", names.join(", "))
        }
    }
}

/// How many letters must be put in, taken out or changed (Levenshtein).
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = change.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

impl Section {
    /// What stands behind a key.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    fn leaf(&self, name: &str) -> Option<&Leaf> {
        match self.entry(name) {
            Some(Entry::One(leaf)) => Some(leaf),
            _ => None,
        }
    }

    /// Where a key's value comes from; the section's own place when it isn't set.
    pub(crate) fn origin(&self, name: &str) -> Origin {
        self.leaf(name).map_or_else(|| self.at.clone(), |leaf| leaf.at.clone())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match &self.leaf(name)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Option<&[(String, Origin)]> {
        match &self.leaf(name)?.value {
            Value::Texts(texts) => Some(texts),
            _ => None,
        }
    }

    pub(crate) fn secret(&self, name: &str) -> Option<&SecretText> {
        match &self.leaf(name)?.value {
            Value::Secret(secret) => Some(secret),
            _ => None,
        }
    }

    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        match self.leaf(name)?.value {
            Value::Count(count) => Some(count),
            _ => None,
        }
    }

    /// 0 where it isn't set: keys of this form have a default, so a problem has been told then.
    pub(crate) fn size(&self, name: &str) -> u64 {
        match self.leaf(name).map(|leaf| &leaf.value) {
            Some(Value::Size(size)) => *size,
            _ => 0,
        }
    }

    /// 0 where it isn't set, as for [`Self::size`].
    pub(crate) fn span(&self, name: &str) -> Duration {
        match self.leaf(name).map(|leaf| &leaf.value) {
            Some(Value::Span(span)) => *span,
            _ => Duration::ZERO,
        }
    }

    pub(crate) fn is_on(&self, name: &str) -> bool {
        matches!(self.leaf(name).map(|leaf| &leaf.value), Some(Value::Switch(true)))
    }

    /// The sections of a list of tables.
    pub(crate) fn many(&self, name: &str) -> &[Self] {
        match self.entry(name) {
            Some(Entry::Many(sections)) => sections,
            _ => &[],
        }
    }

    /// The sections under names that a person chose.
    pub(crate) fn named(&self, name: &str) -> &[(String, Self)] {
        match self.entry(name) {
            Some(Entry::Named(sections)) => sections,
            _ => &[],
        }
    }

    /// A section of known name.
    pub(crate) fn inner(&self, name: &str) -> Option<&Self> {
        match self.entry(name) {
            Some(Entry::Section(section)) => Some(section),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::key::ROOT;

    fn each(keys: &'static [Key], see: &mut dyn FnMut(&Key)) {
        for key in keys {
            see(key);
            match key.shape {
                Shape::One(_) => {}
                Shape::Section(inner) | Shape::Named(inner) | Shape::Many(inner) => each(inner, see),
            }
        }
    }

    #[test]
    fn every_default_reads_back_in_the_form_of_its_key() {
        let mut defaults = 0;
        each(ROOT, &mut |key| {
            if let (Unset::Default(text), Shape::One(form)) = (key.unset, key.shape) {
                assert!(parse(form, text).is_ok(), "{}: {text:?}", key.name);
                if let (Form::Count(least, most), Ok(Value::Count(n))) = (form, parse(form, text)) {
                    assert!((least..=most).contains(&n), "{}", key.name);
                }
                defaults += 1;
            }
        });
        assert!(defaults > 20);
    }

    #[test]
    fn the_nearest_key_is_offered_when_it_is_near() {
        let keys: Vec<Key> = ROOT.to_vec();
        assert_eq!(known("recieve", &keys), "did you mean receive?");
        assert_eq!(known("topic", &keys), "did you mean topics?");
        assert!(known("zebra", &keys).starts_with("remove it; the keys here are receive, operate"));
    }

    #[test]
    fn sizes_and_times_need_a_unit() {
        for (form, text, good) in [
            (Form::Size(1, u64::MAX), "4 MiB", true),
            (Form::Size(1, u64::MAX), "4096", false),
            (Form::Size(1, u64::MAX), "four", false),
            (Form::Size(1, 1000), "4 KiB", false),
            (Form::Span(1, 100), "10s", true),
            (Form::Span(1, 100), "10", false),
            (Form::Span(1, 100), "2m", false),
            (Form::Span(1, 100), "10 s", true),
        ] {
            assert_eq!(parse(form, text).is_ok(), good, "{text}");
        }
        assert_eq!(size_text(8 << 30), "8 GiB");
        assert_eq!(size_text(1500), "1500 B");
        assert_eq!(size_text(0), "0 B");
    }
}
