//! The page of one contract, its twin in Markdown, and the files beside them.

use std::collections::BTreeMap;

use askama::Template;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::code::{self, Markup};
use super::rich::Rich;
use super::{File, Shown, ShownExample, Site, Topic, Unrendered, file, fill, rules, subscribe, words};
use crate::contract::block::{Member, Object, Presence};
use crate::contract::field::Origin;
use crate::contract::{Contract, Field, Personal, Provenance, Status, gate};

/// All that is told of one contract; texts may hold names between backquotes.
struct View<'s> {
    contract: &'s Contract,
    rich: Rich<'s>,
    /// Whether the pages speak of a site's topics at all.
    sited: bool,
    topics: Vec<&'s Topic>,
    facts: Vec<rules::Fact>,
    examples: Vec<ExampleView>,
    attributes: Vec<(&'static str, String)>,
    blocks: Vec<Block<'s>>,
    functions: Vec<(&'static str, &'static str)>,
    rules: Vec<(&'static str, String)>,
    releases: &'s [gate::Release],
}

/// One release, with what it changed.
struct Revision {
    name: String,
    file: String,
    said: String,
    changes: Vec<gate::Change>,
    first: bool,
}

struct ExampleView {
    note: String,
    from: String,
    file: String,
    /// The message.
    message: String,
    /// Its subject and data alone.
    short: String,
    attributes: String,
    enveloped: String,
    bytes: usize,
}

/// A part of the data with its fields.
struct Block<'s> {
    path: String,
    about: String,
    rows: Vec<Row<'s>>,
}

struct Row<'s> {
    field: &'s Field,
    /// The path but for its last part, with the dot.
    within: &'s str,
    name: &'s str,
    more: Vec<String>,
}

#[derive(Template)]
#[template(path = "contract.html")]
struct Html<'s> {
    page: &'s View<'s>,
}

#[derive(Template)]
#[template(path = "contract.md")]
struct Markdown<'s> {
    page: &'s View<'s>,
}

/// The page, its twin, the contract, its schema, its examples.
pub(super) fn files(site: &Site<'_>, shown: &Shown<'_>) -> Result<Vec<File>, Unrendered> {
    let id = shown.contract.id();
    let place = words::place(id);
    let folder = place.rsplit_once('/').map_or("", |(folder, _)| folder);
    let view = View::of(site, shown)?;
    let mut files = vec![
        fill(&format!("{place}.html"), &Html { page: &view })?,
        fill(&format!("{place}.md"), &Markdown { page: &view })?,
        file(format!("{place}.toml"), shown.contract.text()),
        file(format!("{place}.schema.json"), shown.contract.schema()),
    ];
    files.extend(shown.examples.iter().map(|e| file(format!("{folder}/examples/{}", e.file), &*e.text)));
    files.extend(shown.released.iter().map(|(name, text)| file(format!("{folder}/released/{name}"), text)));
    Ok(files)
}

impl<'s> View<'s> {
    fn of(site: &'s Site<'s>, shown: &'s Shown<'s>) -> Result<Self, Unrendered> {
        let contract = shown.contract;
        let examples = shown.examples.iter().map(|example| {
            ExampleView::of(example).map_err(|error| Unrendered::Example {
                contract: contract.id().clone(),
                file: example.file.clone(),
                why: error.to_string(),
            })
        });
        let examples: Vec<ExampleView> = examples.collect::<Result<_, _>>()?;
        Ok(Self {
            contract,
            rich: Rich::new(site, Some(contract)),
            sited: site.topics.is_some(),
            topics: site.topics_of(contract.id()),
            facts: rules::facts(contract, examples.first().map(|example| example.bytes)),
            examples,
            attributes: attributes(contract),
            blocks: blocks(contract),
            functions: functions(contract),
            rules: rules::rules(site, contract),
            releases: &shown.releases,
        })
    }

    fn area(&self) -> String {
        words::spaced(self.contract.id().area())
    }

    fn version(&self) -> &str {
        self.contract.id().version()
    }

    fn status(&self) -> String {
        words::capital(self.contract.status().as_str())
    }

    fn is_draft(&self) -> bool {
        self.contract.status() == Status::Draft
    }

    fn sent(&self) -> Vec<String> {
        words::entries(self.contract.sent())
    }

    fn not_sent(&self) -> Vec<String> {
        words::entries(self.contract.not_sent())
    }

    /// The sentence on Moodle's events.
    fn origin(&self) -> String {
        let events: Vec<String> = self.contract.events().iter().map(|event| format!("`{event}`")).collect();
        let which = self.contract.when().map(|when| {
            let list = |values: &[String], last: &str| {
                let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
                match &values[..] {
                    [one] => one.clone(),
                    [most @ .., end] => format!("{} {last} {end}", most.join(", ")),
                    [] => String::new(),
                }
            };
            match (&when.one_of, &when.not_in) {
                (Some(values), _) => format!(", only where `{}` is {}", when.field, list(values, "or")),
                (None, Some(values)) => {
                    format!(", only where `{}` is there and is not {}", when.field, list(values, "or"))
                }
                (None, None) => String::new(),
            }
        });
        format!("From Moodle’s event {}{}.", words::and(&events), which.unwrap_or_default())
    }

    /// The web service call, as a reader writes it.
    fn fetch(&self) -> Option<String> {
        let fetch = self.contract.fetch()?;
        let arguments: Vec<String> = fetch
            .arguments
            .iter()
            .map(|(name, value)| match value.strip_prefix('=') {
                Some(text) => format!("`{name}` = `{text}`"),
                None => format!("`{name}` = `{value}`"),
            })
            .collect();
        let arguments =
            if arguments.is_empty() { String::new() } else { format!(" with {}", words::and(&arguments)) };
        Some(format!("The rest: Moodle’s web service `{}`{arguments}.", fetch.function))
    }

    fn code(&self) -> Markup {
        let mut out = Markup::default();
        for line in rules::code(self.contract).lines() {
            let (code, comment) = line.split_once("  #").unwrap_or((line, ""));
            out.text(code);
            if !comment.is_empty() {
                out.raw("  <i>#");
                out.text(comment);
                out.raw("</i>");
            }
            out.raw("\n");
        }
        out
    }

    fn subscription(&self, topic: &Topic) -> String {
        subscribe::attributes(topic, self.contract.id())
    }

    fn template(&self, topic: &Topic) -> String {
        subscribe::template(topic, self.contract.id())
    }

    fn terraform(&self, topic: &Topic) -> String {
        subscribe::terraform(topic, self.contract.id())
    }

    /// What was released of it, the newest first, each with its changes.
    fn releases(&self) -> Vec<Revision> {
        let revision = |(n, release): (usize, &gate::Release)| {
            let record = &release.record;
            let said = record.note.as_ref().map_or_else(String::new, |note| format!(" {note}"));
            Revision {
                name: format!("Revision {}, {}", record.revision, record.released),
                file: format!("{}-{}.toml", self.version(), record.revision),
                said: format!("Agreed by {}.{said}", record.by),
                changes: match n.checked_sub(1).and_then(|before| self.releases.get(before)) {
                    Some(before) => gate::compare(&before.contract, &release.contract),
                    None => Vec::new(),
                },
                first: n == 0,
            }
        };
        self.releases.iter().enumerate().map(revision).rev().collect()
    }

    /// What the text of this page says that the newest release did not.
    fn since_release(&self) -> Vec<gate::Change> {
        let newest = self.releases.last();
        newest.map_or_else(Vec::new, |release| gate::compare(&release.contract, self.contract))
    }

    fn plain_code(&self) -> String {
        rules::code(self.contract)
    }
}

impl ExampleView {
    fn of(shown: &ShownExample) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Whole<'t> {
            #[serde(borrow)]
            message: &'t RawValue,
            #[serde(borrow)]
            attributes: &'t RawValue,
        }
        #[derive(Deserialize)]
        struct Part<'t> {
            #[serde(borrow)]
            subject: &'t RawValue,
            #[serde(borrow)]
            data: &'t RawValue,
        }
        let whole: Whole<'_> = serde_json::from_str(&shown.text)?;
        let part: Part<'_> = serde_json::from_str(whole.message.get())?;
        let compact = serde_json::from_str::<serde_json::Value>(whole.message.get())?.to_string();
        let from = match shown.example.from() {
            Provenance::Captured(from) => format!("Captured from a running Moodle: {from}"),
            Provenance::Constructed(from) => format!("Constructed, not captured: {from}"),
        };
        Ok(Self {
            note: shown.example.note().to_owned(),
            from: if from.ends_with('.') { from } else { from + "." },
            file: shown.file.clone(),
            message: dedent(whole.message.get()),
            short: format!(
                "{{\n  \"subject\": {},\n  \"data\": {}\n}}",
                part.subject.get(),
                dedent(part.data.get())
            ),
            attributes: dedent(whole.attributes.get()),
            enveloped: enveloped(&compact, whole.attributes.get())?,
            bytes: compact.len(),
        })
    }
}

/// What stood two blanks deep in the file, two blanks to the left.
fn dedent(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
    lines.join("\n")
}

/// As a message lies in a queue without raw delivery.
fn enveloped(body: &str, attributes: &str) -> Result<String, serde_json::Error> {
    let attributes: BTreeMap<String, String> = serde_json::from_str(attributes)?;
    let each: Vec<String> = attributes
        .iter()
        .map(|(name, value)| {
            Ok(format!(
                "    \"{name}\": {{ \"Type\": \"String\", \"Value\": {} }}",
                serde_json::to_string(value)?
            ))
        })
        .collect::<Result<_, serde_json::Error>>()?;
    let start: String = body.chars().take(60).collect();
    let message = serde_json::to_string(&(start + "…"))?;
    Ok(format!(
        "{{\n  \"Type\": \"Notification\",\n  \"MessageId\": \"…\",\n  \"TopicArn\": \"…\",\n  \"Message\": {message},\n  \"Timestamp\": \"…\",\n  \"MessageAttributes\": {{\n{}\n  }}\n}}",
        each.join(",\n")
    ))
}

/// The attributes that its messages may have.
fn attributes(contract: &Contract) -> Vec<(&'static str, String)> {
    let id = contract.id();
    let mut list = vec![
        ("message_id", "the message’s `id`".to_owned()),
        ("type", format!("`{id}`")),
        ("source", "the site’s URL".to_owned()),
        ("area", format!("`{}`", id.area())),
        ("operation", format!("`{}`", id.operation())),
    ];
    list.extend(
        contract
            .attributes
            .named()
            .map(|(name, path)| (name, format!("`{path}`; left out where that is absent, null or empty"))),
    );
    list.push(("replay", "only on a replay: `<for>/<id>`".to_owned()));
    list.push(("redrive", "`1`, only when sent after a repair".to_owned()));
    list
}

fn blocks(contract: &Contract) -> Vec<Block<'_>> {
    let alone: Vec<Row<'_>> = contract
        .data
        .members
        .iter()
        .filter_map(|member| match member {
            Member::Field(field) => Some(Row::of(field)),
            Member::Object(_) => None,
        })
        .collect();
    let mut blocks = Vec::new();
    if !alone.is_empty() {
        blocks.push(Block { path: "data".to_owned(), about: "object".to_owned(), rows: alone });
    }
    blocks.extend(contract.data.members.iter().filter_map(|member| match member {
        Member::Object(object) => Some(block(object)),
        Member::Field(_) => None,
    }));
    blocks
}

fn block(object: &Object) -> Block<'_> {
    let may = match object.presence {
        Presence::OrAbsent => " Left out where there is none.",
        Presence::OrNull => " Null where there is nobody.",
        Presence::Always if !object.is_required() => " Left out where nothing of it is known.",
        Presence::Always => "",
    };
    let about = object.about.as_deref().unwrap_or_default();
    Block {
        path: format!("data.{}", object.name),
        about: format!("object: {about}{may}").trim_end_matches([':', ' ']).to_owned(),
        rows: object.fields().map(Row::of).collect(),
    }
}

impl<'s> Row<'s> {
    fn of(field: &'s Field) -> Self {
        let path = field.path();
        let cut = path.rfind('.').map_or(0, |dot| dot + 1);
        Self { field, within: &path[..cut], name: &path[cut..], more: more(field) }
    }

    fn presence(&self) -> &'static str {
        match (self.field.optional(), self.field.nullable()) {
            (false, false) => "required",
            (false, true) => "required, may be null",
            (true, false) => "may be absent",
            (true, true) => "may be absent or null",
        }
    }

    fn class(&self) -> &'static str {
        self.field.personal().map_or("none", Personal::as_str)
    }

    fn class_of_class(&self) -> &'static str {
        match self.field.personal() {
            None => "soft",
            Some(class) if words::is_sensitive(class) => "tag warn",
            Some(_) => "tag",
        }
    }

    fn origins(&self) -> Vec<&'s str> {
        self.field.origins.iter().map(Origin::text).collect()
    }
}

/// What a field's text may be, beside its meaning.
fn more(field: &Field) -> Vec<String> {
    let mut more = Vec::new();
    if !field.values().is_empty() {
        let mut told: Vec<(&str, Vec<&str>)> = Vec::new();
        for (from, to) in field.values() {
            match told.iter_mut().find(|(known, _)| known == to) {
                Some((_, froms)) => froms.push(from),
                None => told.push((to, vec![from])),
            }
        }
        let each: Vec<String> = told
            .into_iter()
            .map(|(to, froms)| match &froms[..] {
                [from] if *from == to => format!("`{to}`"),
                froms => {
                    let froms: Vec<&str> =
                        froms.iter().map(|f| if f.is_empty() { "\"\"" } else { f }).collect();
                    format!("`{to}` (Moodle: {})", froms.join(" or "))
                }
            })
            .collect();
        more.push(format!("One of {}; no other.", each.join(", ")));
    }
    if !field.known().is_empty() {
        let known: Vec<String> = field.known().iter().map(|known| format!("`{known}`")).collect();
        more.push(format!("Known: {}; others may appear.", known.join(", ")));
    }
    more.extend(field.unit().map(|unit| format!("Unit: {unit}.")));
    more.extend(field.format().map(|format| format!("Format: `{format}`.")));
    more.extend(
        field
            .max_length()
            .map(|max| format!("At most {max} characters; a longer text is cut and ends in “…”.")),
    );
    more
}

/// The named functions that its fields come from.
fn functions(contract: &Contract) -> Vec<(&'static str, &'static str)> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for origin in contract.fields().flat_map(|field| &field.origins) {
        if let Origin::Function(function) = origin {
            let pair = (function.text(), function.about());
            if !found.contains(&pair) {
                found.push(pair);
            }
        }
    }
    found
}
