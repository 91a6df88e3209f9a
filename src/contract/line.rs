//! Reads one line of a contract, strictly: the field, and which of its modifiers go together.

use std::ops::Range;

use super::field::{Field, Many, Origin, Personal, Role, Scalar};
use super::function::Function;
use super::path::Path;
use super::sheet::{Entries, Entry, Sheet, Text};

const KEYS: &str = "from, type, of, keys, given, nullable, optional, zero, empty, values, known, unit, format, max_length, personal, since, about";
/// Where something stands in the text, in bytes.
type Span = Range<usize>;

const FORMATS: [&str; 7] = ["date", "date-time", "email", "hostname", "time", "uri", "uuid"];

/// Reads one field; none when it has a problem (which is told).
pub(super) fn read(sheet: &Sheet<'_>, entry: &Entry<'_>, path: &str) -> Option<Field> {
    let table = entry.table(sheet)?;
    let origins = read_origins(sheet, &table);
    let shape = read_type(sheet, &table);
    let about = table
        .need(sheet, "about", "\"what it means, for a reader who does not know Moodle\"")
        .and_then(|e| e.text(sheet));
    let flag = |key: &str| table.get(key).and_then(|e| e.flag(sheet)).unwrap_or(false);
    let (nullable, optional) = (flag("nullable"), flag("optional"));
    let text = |key: &str| table.get(key).and_then(|e| e.text(sheet));
    let null_word = |key: &str| {
        let text = text(key)?;
        if text.value != "null" {
            sheet.problem(
                &text.span,
                format!("`{key}` can be \"null\" only"),
                format!("write `{key} = \"null\"`, or leave it out"),
            );
        }
        Some(text.span)
    };
    let (zero, empty) = (null_word("zero"), null_word("empty"));
    let values = table.get("values").and_then(|e| read_values(sheet, e));
    let known = table.get("known").and_then(|e| Some((e.key_span.clone(), e.texts(sheet)?)));
    let unit = text("unit");
    let format = text("format");
    let max_length = table.get("max_length").and_then(|e| Some((e.key_span.clone(), e.count(sheet)?)));
    let personal = read_personal(sheet, &table, origins.as_deref());
    let since = table.get("since").and_then(|e| e.count(sheet));
    table.finish(sheet, KEYS);
    let (scalar, many) = shape?;

    let is_text = scalar == Scalar::String && many != Many::Keys;
    let plain_text = is_text && values.is_none();
    let one = many == Many::One;
    let counts = matches!(scalar, Scalar::Integer | Scalar::Number | Scalar::Timestamp);
    let refuse = |span: Option<&Span>, allowed: bool, key: &str, only: &str| {
        if let (Some(span), false) = (span, allowed) {
            sheet.problem(
                span,
                format!("`{key}` does not go with this type"),
                format!("`{key}` is for {only}"),
            );
        }
    };
    let null = table.get("nullable").map(|e| e.key_span.clone());
    refuse(
        null.as_ref(),
        many != Many::Given,
        "nullable",
        "what tells the value: whether it is set is never null",
    );
    refuse(zero.as_ref(), one && counts, "zero", "integer, number and timestamp");
    refuse(empty.as_ref(), one && plain_text, "empty", "string without `values` (there \"\" may be a key)");
    refuse(values.as_ref().map(|(s, _)| s), is_text, "values", "string, alone or in a list");
    refuse(
        known.as_ref().map(|(s, _)| s),
        plain_text,
        "known",
        "string without `values`: the list is open, or it is closed",
    );
    refuse(
        unit.as_ref().map(|t| &t.span),
        matches!(scalar, Scalar::Integer | Scalar::Number),
        "unit",
        "integer and number",
    );
    refuse(format.as_ref().map(|t| &t.span), plain_text, "format", "string without `values`");
    refuse(max_length.as_ref().map(|(s, _)| s), plain_text, "max_length", "string without `values`");
    if let Some(format) = format.as_ref().filter(|f| !FORMATS.contains(&f.value)) {
        sheet.problem(
            &format.span,
            format!("{:?} is no format", format.value),
            format!("use one of {}", FORMATS.join(", ")),
        );
    }
    Some(Field {
        name: entry.key.to_owned(),
        path: path.to_owned(),
        origins: origins?,
        scalar,
        many,
        role: Role::Plain,
        nullable,
        optional,
        zero_is_null: zero.is_some(),
        empty_is_null: empty.is_some(),
        values: values.map(|(_, v)| v).unwrap_or_default(),
        known: known.map(|(_, k)| k.iter().map(|t| t.value.to_owned()).collect()).unwrap_or_default(),
        unit: unit.map(|t| t.value.to_owned()),
        format: format.map(|t| t.value.to_owned()),
        max_length: max_length.map(|(_, n)| n),
        personal,
        since,
        about: about?.value.to_owned(),
    })
}

fn read_origins(sheet: &Sheet<'_>, table: &Entries<'_>) -> Option<Vec<Origin>> {
    let texts = table.need(sheet, "from", "\"event.objectid\"")?.text_or_texts(sheet)?;
    let mut origins: Vec<Origin> = Vec::new();
    for text in &texts {
        let Some(origin) = read_origin(sheet, text) else { continue };
        if origins.contains(&origin) {
            sheet.problem(&text.span, format!("{:?} stands here twice", text.value), "name each origin once");
        }
        origins.push(origin);
    }
    (origins.len() == texts.len()).then_some(origins)
}

fn read_origin(sheet: &Sheet<'_>, text: &Text<'_>) -> Option<Origin> {
    if text.value.starts_with("fn:") {
        let function = Function::ALL.into_iter().find(|f| f.text() == text.value);
        if function.is_none() {
            let names = Function::ALL.map(Function::text).join(", ");
            sheet.problem(
                &text.span,
                format!("there is no function {:?}", text.value),
                format!("use one of {names}"),
            );
        }
        return function.map(Origin::Function);
    }
    read_path(sheet, text).map(Origin::Path)
}

pub(super) fn read_path(sheet: &Sheet<'_>, text: &Text<'_>) -> Option<Path> {
    Path::parse(text.value)
        .map_err(|help| sheet.problem(&text.span, format!("{:?} leads nowhere", text.value), help))
        .ok()
}

fn read_type(sheet: &Sheet<'_>, table: &Entries<'_>) -> Option<(Scalar, Many)> {
    let text = table.need(sheet, "type", "\"string\"")?.text(sheet)?;
    let of = table.get("of");
    let keys = table.get("keys").and_then(|e| e.flag(sheet)).unwrap_or(false);
    if text.value != "list" {
        for key in ["of", "keys"] {
            if let Some(entry) = table.get(key) {
                sheet.problem(
                    &entry.key_span,
                    format!("`{key}` is for lists"),
                    "write `type = \"list\"`, or leave it out",
                );
            }
        }
        let scalar = read_scalar(sheet, &text, ", list")?;
        return match table.get("given").filter(|e| e.flag(sheet) == Some(true)) {
            None => Some((scalar, Many::One)),
            Some(_) if scalar == Scalar::Boolean => Some((scalar, Many::Given)),
            Some(given) => {
                sheet.problem(
                    &given.key_span,
                    "whether a value is set is a boolean",
                    "write `type = \"boolean\"`, or leave `given` out",
                );
                None
            }
        };
    }
    if let Some(given) = table.get("given") {
        sheet.problem(&given.key_span, "`given` is for one value", "leave `given` out of a list");
    }
    match (of, keys) {
        (None, true) => Some((Scalar::String, Many::Keys)),
        (Some(of), true) => {
            sheet.problem(&of.key_span, "names of keys are always text", "leave `of` out");
            None
        }
        (Some(of), false) => read_scalar(sheet, &of.text(sheet)?, "").map(|scalar| (scalar, Many::List)),
        (None, false) => {
            sheet.problem(
                &text.span,
                "a list of what?",
                "add `of = \"integer\"` (or another type), or `keys = true` for the names of a map's keys",
            );
            None
        }
    }
}

fn read_scalar(sheet: &Sheet<'_>, text: &Text<'_>, more: &str) -> Option<Scalar> {
    let scalar = Scalar::ALL.into_iter().find(|s| s.as_str() == text.value);
    if scalar.is_none() {
        let names = Scalar::ALL.map(Scalar::as_str).join(", ");
        sheet.problem(
            &text.span,
            format!("there is no type {:?}", text.value),
            format!("use one of {names}{more}; an object is a table of its own, `[data.name]`"),
        );
    }
    scalar
}

/// A closed map: Moodle's value, and what the message says for it.
type Values = Vec<(String, String)>;

fn read_values(sheet: &Sheet<'_>, entry: &Entry<'_>) -> Option<(Span, Values)> {
    let table = entry.table(sheet)?;
    let mut values = Vec::new();
    for value in table.rest() {
        values.push((value.key.to_owned(), value.text(sheet)?.value.to_owned()));
    }
    if values.is_empty() {
        sheet.problem(
            &entry.span,
            "`values` is empty",
            "write each value of Moodle with what the message says for it: `{ \"0\" = \"active\" }`",
        );
        return None;
    }
    Some((entry.key_span.clone(), values))
}

fn read_personal(sheet: &Sheet<'_>, table: &Entries<'_>, origins: Option<&[Origin]>) -> Option<Personal> {
    let names = Personal::ALL.map(Personal::as_str).join(", ");
    let Some(entry) = table.get("personal") else {
        let person = origins.unwrap_or_default().iter().find(|origin| origin.is_person());
        if let (Some(origin), Some(from)) = (person, table.get("from")) {
            sheet.problem(
                &from.span,
                format!("{} speaks of a person", origin.text()),
                format!("add `personal = \"identifier\"` (or another of {names})"),
            );
        }
        return None;
    };
    let text = entry.text(sheet)?;
    let class = Personal::ALL.into_iter().find(|c| c.as_str() == text.value);
    if class.is_none() {
        sheet.problem(
            &text.span,
            format!("there is no personal class {:?}", text.value),
            format!("use one of {names}, or leave it out"),
        );
    }
    let mail = origins.unwrap_or_default().iter().any(|o| o.text().ends_with(".email"));
    if mail && class.is_some_and(|c| c != Personal::Contact) {
        sheet.problem(&text.span, "an e-mail address is of class contact", "write `personal = \"contact\"`");
    }
    class
}

#[cfg(test)]
impl Field {
    /// A field of its TOML lines, from `event.other.x`.
    pub(super) fn for_test(toml: &str) -> Self {
        let text = format!("[x]\nfrom = \"event.other.x\"\nabout = \"x\"\n{toml}");
        let sheet = Sheet::new("test", &text);
        let document = sheet.parse().unwrap();
        let entries = Entries::new(document.get_ref(), 0..0);
        let field = read(&sheet, entries.get("x").unwrap(), "x");
        let problems = sheet.into_problems();
        assert!(problems.is_empty(), "{problems:?}");
        field.unwrap()
    }
}
