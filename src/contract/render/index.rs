//! The catalogue: one table of all contracts, what filters it, and what is not offered.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use askama::Template;

use super::offered::NOT_OFFERED;
use super::rich::Rich;
use super::{File, Shown, Site, Topic, Unrendered, file, fill, words};
use crate::contract::{Contract, Personal, Status, Tells};

struct View<'s> {
    rich: Rich<'s>,
    sited: bool,
    subjects: Vec<Subject<'s>>,
    filters: Vec<Filter>,
    count: usize,
    published: usize,
    not_offered: &'static [[&'static str; 3]],
}

/// The contracts of one subject, in the order of their names.
struct Subject<'s> {
    name: &'s str,
    rows: Vec<Row<'s>>,
}

struct Row<'s> {
    contract: &'s Contract,
    topics: Vec<&'s Topic>,
    classes: Vec<Personal>,
}

/// A choice that hides rows: the attribute of a row, and the values that occur.
struct Filter {
    name: &'static str,
    /// `s` for the attribute `data-s`.
    key: &'static str,
    /// A list to choose from, where there are too many for buttons.
    long: bool,
    /// Value and words.
    values: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "index.html")]
struct Html<'s> {
    page: &'s View<'s>,
}

#[derive(Template)]
#[template(path = "index.md")]
struct Markdown<'s> {
    page: &'s View<'s>,
}

#[derive(Template)]
#[template(path = "llms.txt")]
struct Llms<'s> {
    page: &'s View<'s>,
}

pub(super) fn files(site: &Site<'_>) -> Result<Vec<File>, Unrendered> {
    let view = View::of(site);
    Ok(vec![
        fill("index.html", &Html { page: &view })?,
        fill("index.md", &Markdown { page: &view })?,
        fill("llms.txt", &Llms { page: &view })?,
        file("filters.css", filter_rules(&view.filters)),
    ])
}

impl<'s> View<'s> {
    fn of(site: &'s Site<'s>) -> Self {
        let mut subjects: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
        for Shown { contract, .. } in &site.shown {
            subjects.entry(contract.id().area()).or_default().push(Row {
                contract,
                topics: site.topics_of(contract.id()),
                classes: words::classes(contract),
            });
        }
        let subjects: Vec<Subject<'_>> =
            subjects.into_iter().map(|(name, rows)| Subject { name, rows }).collect();
        let published = subjects.iter().flat_map(|s| &s.rows).filter(|row| !row.topics.is_empty()).count();
        Self {
            rich: Rich::new(site, None),
            sited: site.topics.is_some(),
            filters: filters(&subjects, site.topics.is_some()),
            count: site.shown.len(),
            published,
            subjects,
            not_offered: &NOT_OFFERED,
        }
    }
}

impl Row<'_> {
    fn href(&self, ending: &str) -> String {
        format!("{}.{ending}", words::place(self.contract.id()))
    }

    fn operation(&self) -> &str {
        self.contract.id().operation()
    }

    fn version(&self) -> &str {
        self.contract.id().version()
    }

    fn status(&self) -> String {
        words::capital(self.contract.status().as_str())
    }

    /// The values of the attribute `data-p`.
    fn class_names(&self) -> String {
        match self.classes[..] {
            [] => "none".to_owned(),
            _ => self.classes.iter().map(|class| class.as_str()).collect::<Vec<_>>().join(" "),
        }
    }

    /// The class nearest to a person.
    fn highest(&self) -> &'static str {
        self.classes.first().map_or("none", |class| class.as_str())
    }

    fn is_sensitive(&self) -> bool {
        self.classes.iter().any(|class| words::is_sensitive(*class))
    }

    /// The values of the attribute `data-k`.
    fn kinds(&self) -> String {
        let mut kinds: Vec<&str> =
            self.topics.iter().map(|topic| if topic.fifo { "fifo" } else { "standard" }).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.is_empty() { "no".to_owned() } else { kinds.join(" ") }
    }

    /// The values of the attribute `data-e`.
    fn events(&self) -> String {
        self.contract.events().iter().map(|event| words::event_key(event)).collect::<Vec<_>>().join(" ")
    }
}

fn filters(subjects: &[Subject<'_>], sited: bool) -> Vec<Filter> {
    let rows = || subjects.iter().flat_map(|subject| &subject.rows);
    let mut events: Vec<String> =
        rows().flat_map(|row| row.contract.events()).map(|event| words::event_key(event)).collect();
    events.sort_unstable();
    events.dedup();
    let mut filters = vec![
        Filter {
            name: "Subject",
            key: "s",
            long: true,
            values: subjects.iter().map(|s| (s.name.to_owned(), words::spaced(s.name))).collect(),
        },
        Filter {
            name: "Moodle’s event",
            key: "e",
            long: true,
            values: events.into_iter().map(|event| (event.clone(), event)).collect(),
        },
    ];
    let mut short = |name, key, values: Vec<(&'static str, &'static str, bool)>| {
        let values: Vec<(String, String)> = values
            .into_iter()
            .filter(|(.., occurs)| *occurs)
            .map(|(value, text, _)| (value.to_owned(), text.to_owned()))
            .collect();
        if values.len() > 1 {
            filters.push(Filter { name, key, long: false, values });
        }
    };
    let class =
        |class: Personal| (class.as_str(), class.as_str(), rows().any(|row| row.classes.contains(&class)));
    let mut classes = vec![("none", "none", rows().any(|row| row.classes.is_empty()))];
    classes.extend(Personal::ALL.map(class));
    short("Personal data", "p", classes);
    let tells =
        |tells: Tells| (tells.as_str(), tells.as_str(), rows().any(|row| row.contract.tells() == tells));
    short("Tells", "t", vec![tells(Tells::State), tells(Tells::Fact)]);
    let status = |status: Status| {
        (status.as_str(), status.as_str(), rows().any(|row| row.contract.status() == status))
    };
    short("State", "st", Status::ALL.map(status).to_vec());
    if sited {
        let kind = |fifo| rows().flat_map(|row| &row.topics).any(|topic| topic.fifo == fifo);
        let unpublished = rows().any(|row| row.topics.is_empty());
        short(
            "Topic",
            "k",
            vec![
                ("fifo", "FIFO", kind(true)),
                ("standard", "standard", kind(false)),
                ("no", "none here", unpublished),
            ],
        );
    }
    filters
}

/// A rule for each value: where it is chosen, the rows that lack it are hidden.
fn filter_rules(filters: &[Filter]) -> String {
    let mut out = String::from("/* Hides rows of the catalogue by what is chosen above it. */\n");
    for Filter { key, long, values, .. } in filters {
        for (n, (value, _)) in values.iter().enumerate() {
            let chosen = if *long {
                format!("#{key} option[value=\"{value}\"]:checked")
            } else {
                format!("#{key}{n}:checked")
            };
            // Writing to a String does not fail.
            let _ = writeln!(
                out,
                "body:has({chosen}) .cat tbody tr:not([data-{key}~=\"{value}\"]){{display:none}}"
            );
        }
    }
    out
}
