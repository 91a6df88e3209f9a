//! The resolved configuration, each value with where it comes from.

use super::key::Shape;
use super::read::{Entry, Leaf, Section, Value, size_text};
use super::secret::SecretText;

/// One value of the resolved configuration.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// The key with its tables: `topics.grades.in_flight`.
    pub key: String,
    /// The value as TOML; of a secret `***` and a fingerprint.
    pub value: String,
    /// `default`, `FILE:LINE:COLUMN`, a variable or a flag.
    pub origin: String,
}

const UNSET: &str = "(not set)";

pub(super) fn all(root: &Section) -> Vec<Shown> {
    let mut list = Vec::new();
    add(root, "", &mut list);
    list
}

/// Fills in a secret that isn't set in place with what its file holds.
pub(super) fn from_file(shown: &mut [Shown], path: &str, name: &str, file: &str, secret: &SecretText) {
    let (name, file) = (format!("{path}.{name}"), format!("{path}.{file}"));
    let origin = shown.iter().find(|s| s.key == file).map(|s| s.origin.clone());
    if let (Some(row), Some(origin)) = (shown.iter_mut().find(|s| s.key == name && s.value == UNSET), origin)
    {
        row.value = masked(secret);
        row.origin = format!("the file named at {origin}");
    }
}

fn masked(secret: &SecretText) -> String {
    format!("*** (sha256 {}…)", secret.fingerprint())
}

fn add(section: &Section, path: &str, list: &mut Vec<Shown>) {
    for key in section.keys {
        let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        match section.entry(key.name) {
            Some(Entry::One(leaf)) => {
                list.push(Shown { key: path, value: text(leaf), origin: leaf.at.to_string() });
            }
            Some(Entry::Section(inner)) => add(inner, &path, list),
            Some(Entry::Named(sections)) => {
                for (name, inner) in sections {
                    add(inner, &format!("{path}.{name}"), list);
                }
            }
            Some(Entry::Many(sections)) => {
                for (n, inner) in sections.iter().enumerate() {
                    add(inner, &format!("{path}[{n}]"), list);
                }
            }
            // Not set and without a default: a person who asks what holds sees that nothing does.
            None if matches!(key.shape, Shape::One(_)) => {
                list.push(Shown { key: path, value: UNSET.to_owned(), origin: "default".to_owned() });
            }
            None => {}
        }
    }
}

fn text(leaf: &Leaf) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    match &leaf.value {
        Value::Text(text) => quoted(text),
        Value::Texts(texts) => {
            let items: Vec<String> = texts.iter().map(|(text, _)| quoted(text)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Size(size) => quoted(&size_text(*size)),
        Value::Span(span) => quoted(&humantime::format_duration(*span).to_string()),
        Value::Count(count) => count.to_string(),
        Value::Switch(switch) => switch.to_string(),
        Value::Secret(secret) => masked(secret),
    }
}
