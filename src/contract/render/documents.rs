//! Documents for tools: AsyncAPI, and one JSON Schema of all contracts. Derived, never written by hand.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Shown, Site, Topic, words};
use crate::contract::json::pretty;
use crate::contract::schema::{BASE, list, object, quote};
use crate::delivery::ContractId;

/// The version of AsyncAPI that is written.
const ASYNCAPI: &str = "3.1.0";

impl Site<'_> {
    /// An AsyncAPI document: of one topic, or of all; without topics one channel without an address holds
    /// every message. The payload of each message is the schema that it is checked against.
    #[must_use]
    pub fn asyncapi(&self, topic: Option<&str>) -> String {
        let topics: Option<Vec<&Topic>> = self.topics.as_ref().map(|topics| {
            topics
                .iter()
                .filter(|t| topic.is_none_or(|key| t.key == key) && !t.contracts.is_empty())
                .collect()
        });
        let is_told = |shown: &&Shown<'_>| {
            topics
                .as_ref()
                .is_none_or(|topics| topics.iter().any(|t| t.contracts.contains(shown.contract.id())))
        };
        let told: Vec<&Shown<'_>> = self.shown.iter().filter(is_told).collect();
        let all: Vec<&str> = told.iter().map(|shown| shown.contract.id().as_str()).collect();
        let channels: Vec<(&str, String)> = match &topics {
            None => vec![("events", channel("null", "Moodle's events", None, &all))],
            Some(topics) => topics
                .iter()
                .map(|topic| {
                    let names: Vec<&str> = topic.contracts.iter().map(ContractId::as_str).collect();
                    (&*topic.key, channel(&quote(&topic.arn), topic.name(), Some(topic), &names))
                })
                .collect(),
        };
        let operations: Vec<(String, String)> = channels
            .iter()
            .map(|(key, _)| {
                let parts = [("action", quote("send")), ("channel", reference("channels", key))];
                (format!("publish-{key}"), object(&parts))
            })
            .collect();
        let operations: Vec<(&str, String)> =
            operations.iter().map(|(key, operation)| (key.as_str(), operation.clone())).collect();
        let messages: Vec<(&str, String)> =
            told.iter().map(|shown| (shown.contract.id().as_str(), message(shown))).collect();
        let schemas: Vec<(&str, String)> = told
            .iter()
            .map(|shown| (shown.contract.id().as_str(), nameless(shown.contract.schema())))
            .collect();
        let info = object(&[
            ("title", quote("Moodle event contracts")),
            ("version", quote(env!("CARGO_PKG_VERSION"))),
            (
                "description",
                quote(
                    "What Moodle tells other systems through Amazon SNS. Delivered at least once: deduplicate on `id`; order is that of (`raised`, `sequence`) within `source` and `subject`.",
                ),
            ),
        ]);
        pretty(&object(&[
            ("asyncapi", quote(ASYNCAPI)),
            ("info", info),
            ("defaultContentType", quote("application/json")),
            ("channels", object(&channels)),
            ("operations", object(&operations)),
            ("components", object(&[("messages", object(&messages)), ("schemas", object(&schemas))])),
        ]))
    }

    /// One JSON Schema (2020-12) that takes a message of any contract, with each contract's schema by its name.
    #[must_use]
    pub fn schemas(&self) -> String {
        let names = || self.shown.iter().map(|shown| shown.contract.id().as_str());
        let schemas: Vec<(&str, String)> =
            self.shown.iter().map(|s| (s.contract.id().as_str(), compact(s.contract.schema()))).collect();
        let one_of: Vec<String> =
            names().map(|name| object(&[("$ref", quote(&format!("#/$defs/{name}")))])).collect();
        pretty(&object(&[
            ("$schema", quote("https://json-schema.org/draft/2020-12/schema")),
            ("$id", quote(&format!("{BASE}all"))),
            ("title", quote("Moodle event contracts")),
            ("oneOf", list(&one_of)),
            ("$defs", object(&schemas)),
        ]))
    }
}

fn reference(part: &str, name: &str) -> String {
    object(&[("$ref", quote(&format!("#/{part}/{name}")))])
}

fn channel(address: &str, title: &str, topic: Option<&Topic>, messages: &[&str]) -> String {
    let messages: Vec<(&str, String)> =
        messages.iter().map(|name| (*name, reference("components/messages", name))).collect();
    let mut parts =
        vec![("address", address.to_owned()), ("title", quote(title)), ("messages", object(&messages))];
    if let Some(topic) = topic {
        let kind = if topic.fifo { "FIFO" } else { "standard" };
        let sns = object(&[
            ("name", quote(topic.name())),
            ("ordering", object(&[("type", quote(kind)), ("contentBasedDeduplication", "false".to_owned())])),
            ("bindingVersion", quote("0.1.0")),
        ]);
        parts.push(("bindings", object(&[("sns", sns)])));
    }
    object(&parts)
}

fn message(shown: &Shown<'_>) -> String {
    let contract = shown.contract;
    let id = contract.id().as_str();
    let words = format!(
        "{} Sent: {} Not sent: {}",
        contract.purpose(),
        contract.sent().trim(),
        contract.not_sent().trim()
    );
    let mut parts = vec![
        ("name", quote(id)),
        ("title", quote(contract.title())),
        ("summary", quote(contract.purpose())),
        ("description", quote(&words)),
        ("contentType", quote("application/json")),
        ("tags", list(&[object(&[("name", quote(contract.status().as_str()))])])),
        ("x-contract-digest", quote(contract.digest())),
        ("x-page", quote(&format!("{}.html", words::place(contract.id())))),
    ];
    if let Some(example) = shown.examples.first().and_then(|example| example_of(&example.text)) {
        parts.push(("examples", list(&[object(&[("payload", example)])])));
    }
    parts.push(("payload", reference("components/schemas", id)));
    object(&parts)
}

/// The message of an example's file.
fn example_of(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Whole<'t> {
        #[serde(borrow)]
        message: &'t RawValue,
    }
    serde_json::from_str::<Whole<'_>>(text).ok().map(|whole| compact(whole.message.get()))
}

/// A schema as a part of another document: without a name and a dialect of its own.
fn nameless(schema: &str) -> String {
    let schema = compact(schema);
    // Both stand at its front, before the title.
    match schema.find("\"title\":") {
        Some(at) => format!("{{{}", &schema[at..]),
        None => schema,
    }
}

/// JSON without the blanks between its parts.
fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut inside, mut escaped) = (false, false);
    for c in text.chars() {
        if inside || !c.is_ascii_whitespace() {
            out.push(c);
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = inside,
            '"' => inside = !inside,
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_but_those_in_texts() {
        let text = "{ \"a b\" : [ 1,\n \"c \\\" d\" ] }";
        assert_eq!(compact(text), r#"{"a b":[1,"c \" d"]}"#);
    }
}
