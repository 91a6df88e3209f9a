//! The layers under a configuration: a file, the environment, flags. Each becomes a tree of raw values
//! that know where they come from; a later layer wins value by value.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::{Form, Key, ROOT, Shape};
use super::problem::{Origin, Problems, SourceFile};

/// Names of variables begin with this; `__` stands between the parts of a key.
const PREFIX: &str = "MSP_";

/// A raw value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) content: Content,
    /// Where the value stands.
    pub(crate) at: Origin,
    /// Where its key stands.
    pub(crate) named: Origin,
}

/// What a raw value is.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Text(String),
    Number(i64),
    Switch(bool),
    /// Something that no key takes (a float, a date), by its TOML name.
    Other(&'static str),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

impl Content {
    /// What it is, in a word.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::Switch(_) => "true or false",
            Self::Other(word) => word,
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// A tree with nothing in it.
pub(crate) fn empty(at: Origin) -> Node {
    Node { content: Content::Table(BTreeMap::new()), named: at.clone(), at }
}

/// The layer of a file. Of a text that is no TOML only the syntax errors are told.
pub(crate) fn of_file(file: &Arc<SourceFile>, problems: &mut Problems) -> Node {
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    let origin = |span: std::ops::Range<usize>| Origin::File(Arc::clone(file), span);
    for error in &errors {
        let end = file.text.trim_end().len();
        let mut span = error.span().unwrap_or(0..0);
        // "expected …" at a line's end is shown there, not at the beginning of the next.
        if span.start > end {
            span = end..end;
        }
        problems.add(
            &origin(span),
            format!("not TOML: {}", error.message()),
            "correct the line; what comes after it was not looked at",
        );
    }
    let named = origin(0..0);
    Node { content: table_of(table.get_ref(), &origin), at: named.clone(), named }
}

fn table_of(table: &DeTable<'_>, origin: &dyn Fn(std::ops::Range<usize>) -> Origin) -> Content {
    let node = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| Node {
        content: content_of(value.get_ref(), origin),
        at: origin(value.span()),
        named: origin(key.span()),
    };
    Content::Table(table.iter().map(|entry| (entry.0.get_ref().to_string(), node(entry))).collect())
}

fn content_of(value: &DeValue<'_>, origin: &dyn Fn(std::ops::Range<usize>) -> Origin) -> Content {
    match value {
        DeValue::String(text) => Content::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
            .map_or(Content::Other("a number out of range"), Content::Number),
        DeValue::Boolean(switch) => Content::Switch(*switch),
        DeValue::Float(_) => Content::Other("a fraction"),
        DeValue::Datetime(_) => Content::Other("a date without quotes"),
        DeValue::Array(list) => Content::List(
            list.iter()
                .map(|item| {
                    let at = origin(item.span());
                    Node { content: content_of(item.get_ref(), origin), named: at.clone(), at }
                })
                .collect(),
        ),
        DeValue::Table(table) => table_of(table, origin),
    }
}

/// The layer of the environment: `MSP_TOPICS__GRADES__IN_FLIGHT`. Variables without `__` are not keys
/// (`MSP_CONFIG`, `MSP_LOG`, and what Kubernetes sets for a service of that name).
pub(crate) fn of_env(env: &[(String, String)], below: &Node, problems: &mut Problems) -> Node {
    let mut layer = empty(Origin::Default);
    for (name, value) in env {
        let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| rest.contains("__")) else { continue };
        let parts: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
        put(&mut layer, &parts, value, &Origin::Env(name.clone()), below, problems);
    }
    layer
}

/// The layer of the flags: `--set topics.grades.in_flight=4`. A secret is refused: every user of the
/// machine can read a command line.
pub(crate) fn of_flags(flags: &[(String, String)], below: &Node, problems: &mut Problems) -> Node {
    let mut layer = empty(Origin::Default);
    for (key, value) in flags {
        let parts: Vec<String> = key.split('.').map(str::to_owned).collect();
        put(&mut layer, &parts, value, &Origin::Flag(key.clone()), below, problems);
    }
    layer
}

/// Sets one key, given as text, in a layer.
fn put(layer: &mut Node, parts: &[String], value: &str, at: &Origin, below: &Node, problems: &mut Problems) {
    let Some((path, shape)) = resolve(parts, below) else {
        problems.add(
            at,
            format!("there is no key {}", parts.join(".")),
            "`moodle-sns-producer config schema` lists all keys",
        );
        return;
    };
    let content = match content_of_text(shape, value, at) {
        Ok(content) => content,
        Err(message) => {
            problems.add(
                at,
                format!("{} is not written as TOML: {message}", path.join(".")),
                "write it as in the file",
            );
            return;
        }
    };
    if matches!(at, Origin::Flag(_)) && holds_secret(shape, &content) {
        problems.add(
            at,
            format!("{} is secret and can't be given by a flag", path.join(".")),
            "other users can read a command line: use the key that names a file, or a variable",
        );
        return;
    }
    let mut node = layer;
    for (n, part) in path.iter().enumerate() {
        let Content::Table(table) = &mut node.content else { return };
        node = table.entry(part.clone()).or_insert_with(|| empty(at.clone()));
        if n + 1 == path.len() {
            *node = Node { content, at: at.clone(), named: at.clone() };
            return;
        }
    }
}

/// The key that the parts name. A chosen name is found with `-` and `_` alike, since a variable's name
/// can't hold a `-`.
fn resolve(parts: &[String], below: &Node) -> Option<(Vec<String>, Shape)> {
    let mut keys: &[Key] = ROOT;
    let mut below = Some(below);
    let mut path = Vec::new();
    let mut parts = parts.iter();
    while let Some(part) = parts.next() {
        let key = keys.iter().find(|key| key.name == part)?;
        path.push(part.clone());
        below = child(below, part);
        match key.shape {
            Shape::Section(inner) => keys = inner,
            Shape::Named(inner) => {
                let name = parts.next()?;
                let same = |known: &&String| known.replace('-', "_") == name.replace('-', "_");
                let known = match below.map(|node| &node.content) {
                    Some(Content::Table(table)) => table.keys().find(same).cloned(),
                    _ => None,
                };
                let name = known.unwrap_or_else(|| name.clone());
                below = child(below, &name);
                path.push(name);
                keys = inner;
            }
            shape @ (Shape::One(_) | Shape::Many(_)) => {
                return parts.next().is_none().then_some((path, shape));
            }
        }
    }
    None
}

fn child<'a>(node: Option<&'a Node>, name: &str) -> Option<&'a Node> {
    match &node?.content {
        Content::Table(table) => table.get(name),
        _ => None,
    }
}

/// Reads a text as the key needs it; lists of texts may be written with commas.
fn content_of_text(shape: Shape, text: &str, at: &Origin) -> Result<Content, String> {
    let node = |content| Node { content, at: at.clone(), named: at.clone() };
    let toml = |text: &str| {
        DeValue::parse(text)
            .map(|value| content_of(value.get_ref(), &|_| at.clone()))
            .map_err(|error| error.message().to_owned())
    };
    match shape {
        Shape::One(Form::Count(..)) => {
            Ok(text.trim().parse().map_or_else(|_| Content::Text(text.to_owned()), Content::Number))
        }
        Shape::One(Form::Switch) => {
            Ok(text.trim().parse().map_or_else(|_| Content::Text(text.to_owned()), Content::Switch))
        }
        Shape::One(Form::Texts) if !text.trim_start().starts_with('[') => Ok(Content::List(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| node(Content::Text(item.to_owned())))
                .collect(),
        )),
        Shape::One(Form::Texts) | Shape::Many(_) => toml(text),
        _ => Ok(Content::Text(text.to_owned())),
    }
}

fn holds_secret(shape: Shape, content: &Content) -> bool {
    match (shape, content) {
        (Shape::One(form), _) => form == Form::Secret,
        (Shape::Many(keys), Content::List(list)) => list.iter().any(|item| match &item.content {
            Content::Table(table) => keys
                .iter()
                .any(|key| matches!(key.shape, Shape::One(Form::Secret)) && table.contains_key(key.name)),
            _ => false,
        }),
        _ => false,
    }
}

/// Lays a layer over another: tables are merged, anything else is replaced.
pub(crate) fn over(below: Node, above: Node) -> Node {
    match (below.content, above.content) {
        (Content::Table(mut table), Content::Table(upper)) => {
            for (name, node) in upper {
                let merged = match table.remove(&name) {
                    Some(lower) => over(lower, node),
                    None => node,
                };
                table.insert(name, merged);
            }
            Node { content: Content::Table(table), at: below.at, named: below.named }
        }
        (_, content) => Node { content, at: above.at, named: above.named },
    }
}
