//! The register of personal data: which contract tells what about people, from where, why, on which
//! topics, and how long the sidecar keeps it.

use askama::Template;
use serde::Serialize;

use super::{File, Site, Unrendered, fill, words};
use crate::contract::file::Part;
use crate::contract::{Contract, Personal};

/// How long the sidecar keeps an event, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// While a message of it waits.
    pub spool: String,
    /// After all its messages were published.
    pub history: String,
}

impl Default for Retention {
    fn default() -> Self {
        let unknown = "as the site’s configuration says.";
        Self { spool: unknown.to_owned(), history: unknown.to_owned() }
    }
}

/// A field about a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The contract.
    pub contract: String,
    /// The field's path in the message: `data.user.id`, or `subject` or `partitionkey` where these are made of
    /// such fields.
    pub field: String,
    /// How near it is to a person.
    pub class: &'static str,
    /// What it says.
    pub meaning: String,
    /// Where it comes from in Moodle.
    pub source: String,
    /// What the contract is for.
    pub purpose: String,
    /// The topics that carry it; none where no configuration was given.
    pub topics: Option<Vec<String>>,
    /// How long it is kept while it waits.
    pub spool: String,
    /// How long it is kept afterwards.
    pub history: String,
}

/// The names of an entry's parts, as a table heads them.
pub const COLUMNS: [&str; 9] =
    ["contract", "field", "class", "meaning", "source", "purpose", "topics", "spool", "history"];

impl Entry {
    /// Its parts, as [`COLUMNS`] names them.
    #[must_use]
    pub fn cells(&self) -> Vec<String> {
        let topics = self.topics.as_ref().map(|topics| topics.join(" "));
        vec![
            self.contract.clone(),
            self.field.clone(),
            self.class.to_owned(),
            self.meaning.clone(),
            self.source.clone(),
            self.purpose.clone(),
            topics.unwrap_or_default(),
            self.spool.clone(),
            self.history.clone(),
        ]
    }
}

/// Comma-separated values with a head, as RFC 4180 writes them.
#[must_use]
pub fn csv(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let cell = |text: &str| {
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let line = |cells: Vec<String>| cells.join(",") + "\r\n";
    let head = line(head.iter().map(|name| cell(name)).collect());
    rows.into_iter().fold(head, |csv, row| csv + &line(row.iter().map(|text| cell(text)).collect()))
}

impl Site<'_> {
    /// The register, in the order of contracts and of their fields.
    #[must_use]
    pub fn register(&self, retention: &Retention) -> Vec<Entry> {
        let mut entries = Vec::new();
        for contract in self.shown.iter().map(|shown| shown.contract) {
            let topics = self.topics.as_ref().map(|_| {
                self.topics_of(contract.id()).iter().map(|topic| topic.key.clone()).collect::<Vec<_>>()
            });
            let entry = |field: String, class: Personal, meaning: &str, source: String| Entry {
                contract: contract.id().to_string(),
                field,
                class: class.as_str(),
                meaning: meaning.to_owned(),
                source,
                purpose: contract.purpose().to_owned(),
                topics: topics.clone(),
                spool: retention.spool.clone(),
                history: retention.history.clone(),
            };
            let subject: Vec<&str> = contract
                .subject
                .parts
                .iter()
                .filter_map(|part| match part {
                    Part::Field(path) => Some(path.as_str()),
                    Part::Text(_) => None,
                })
                .collect();
            let group = contract.group();
            let group = if group == "subject" { subject.clone() } else { group.split(", ").collect() };
            for (field, paths, meaning) in [
                ("subject", subject, "What the message speaks of."),
                ("partitionkey", group, "The group within which order holds: a pseudonym, from a hash."),
            ] {
                if let Some((class, source)) = made_of(contract, &paths) {
                    entries.push(entry(field.to_owned(), class, meaning, source));
                }
            }
            entries.extend(contract.fields().filter_map(|field| {
                let class = field.personal()?;
                Some(entry(format!("data.{}", field.path()), class, field.about(), field.from()))
            }));
        }
        entries
    }

    /// The register as a page that stands beside the others.
    ///
    /// # Errors
    /// The page cannot be made.
    pub fn register_page(&self, retention: &Retention) -> Result<File, Unrendered> {
        self.register_html(retention, None)
    }

    /// The register as a page that stands alone, its style in it.
    ///
    /// # Errors
    /// The page cannot be made.
    pub fn register_alone(&self, retention: &Retention) -> Result<File, Unrendered> {
        self.register_html(retention, Some(crate::pages::CSS))
    }

    fn register_html(&self, retention: &Retention, style: Option<&'static str>) -> Result<File, Unrendered> {
        let entries = self.register(retention);
        let mut groups: Vec<Group<'_>> = Vec::new();
        for entry in &entries {
            if groups.last().is_none_or(|group| group.contract != entry.contract) {
                let place = entry.contract.trim_start_matches("moodle.").replace('.', "/");
                groups.push(Group { contract: &entry.contract, place, entries: Vec::new(), first: entry });
            }
            if let Some(group) = groups.last_mut() {
                match group.entries.iter_mut().find(|(class, _)| *class == entry.class) {
                    Some((_, list)) => list.push(entry),
                    None => group.entries.push((entry.class, vec![entry])),
                }
            }
        }
        let page = RegisterPage { groups, retention, count: entries.len(), all: self.shown.len(), style };
        fill("personal-data.html", &page)
    }
}

/// The class and the sources of what is made of fields, where one of them is about a person.
fn made_of(contract: &Contract, paths: &[&str]) -> Option<(Personal, String)> {
    let found: Vec<_> = contract
        .fields()
        .filter(|field| paths.contains(&field.path()))
        .filter_map(|field| Some((field.personal()?, field.path())))
        .collect();
    let class = found.iter().map(|(class, _)| *class).max()?;
    let names: Vec<String> = found.iter().map(|(_, path)| format!("data.{path}")).collect();
    Some((class, words::and(&names)))
}

/// A contract with its fields by class.
struct Group<'e> {
    contract: &'e str,
    place: String,
    entries: Vec<(&'static str, Vec<&'e Entry>)>,
    first: &'e Entry,
}

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage<'e> {
    groups: Vec<Group<'e>>,
    retention: &'e Retention,
    count: usize,
    all: usize,
    style: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_with_a_comma_or_a_quote_is_quoted() {
        let rows =
            [vec!["a,b".to_owned(), "say \"x\"".to_owned()], vec!["two\nlines".to_owned(), String::new()]];
        assert_eq!(csv(&["h", "i"], rows), "h,i\r\n\"a,b\",\"say \"\"x\"\"\"\r\n\"two\nlines\",\r\n");
    }
}
