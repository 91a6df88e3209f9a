//! Reads one TOML text strictly: each key that is asked for has the type that is wanted, and each key
//! that nobody asked for is a problem. Nothing stops at the first problem but a text that is no TOML.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, Spot};

/// One file's text, and the problems found in it so far.
pub(super) struct Sheet<'t> {
    file: &'t str,
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
    /// Fields that could not be read: what names them is not told as a problem of its own.
    unread: RefCell<Vec<String>>,
}

impl<'t> Sheet<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text, problems: RefCell::default(), unread: RefCell::default() }
    }

    pub(super) fn problem(&self, span: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.problems.borrow_mut().push(Problem {
            file: self.file.to_owned(),
            spot: Some(Spot::of(self.text, span)),
            message: message.into(),
            help: help.into(),
        });
    }

    pub(super) fn set_unread(&self, path: &str) {
        self.unread.borrow_mut().push(path.to_owned());
    }

    pub(super) fn is_unread(&self, path: &str) -> bool {
        self.unread.borrow().iter().any(|p| p == path)
    }

    /// The document, or none when it is no TOML (told as a problem).
    pub(super) fn parse(&self) -> Option<Spanned<DeTable<'t>>> {
        DeTable::parse(self.text)
            .map_err(|error| {
                let span = error.span().unwrap_or(0..0);
                self.problem(&span, error.message(), "this file is no TOML: mend this spot, then look again");
            })
            .ok()
    }

    /// The problems in the order of the text.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|p| p.spot.as_ref().map(|s| (s.line, s.column)));
        problems
    }
}

/// A text with where it stands.
#[derive(Clone)]
pub(super) struct Text<'a> {
    pub(super) value: &'a str,
    pub(super) span: Range<usize>,
}

/// One key with its value.
pub(super) struct Entry<'a> {
    pub(super) key: &'a str,
    pub(super) key_span: Range<usize>,
    pub(super) span: Range<usize>,
    pub(super) value: &'a DeValue<'a>,
    asked: Cell<bool>,
}

impl<'a> Entry<'a> {
    fn wrong(&self, sheet: &Sheet<'_>, wanted: &str) {
        let found = self.value.type_str();
        sheet.problem(
            &self.span,
            format!("`{}` must be {wanted}, this is a TOML {found}", self.key),
            format!("write {wanted}"),
        );
    }

    pub(super) fn text(&self, sheet: &Sheet<'_>) -> Option<Text<'a>> {
        match self.value.as_str() {
            Some(value) if !value.trim().is_empty() => return Some(Text { value, span: self.span.clone() }),
            Some(_) => sheet.problem(
                &self.span,
                format!("`{}` is empty", self.key),
                "write the text, or leave the key out",
            ),
            None => self.wrong(sheet, "a text"),
        }
        None
    }

    pub(super) fn flag(&self, sheet: &Sheet<'_>) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.wrong(sheet, "true or false");
        }
        flag
    }

    /// A whole number from 1.
    pub(super) fn count(&self, sheet: &Sheet<'_>) -> Option<usize> {
        let count = self
            .value
            .as_integer()
            .filter(|i| i.radix() == 10)
            .and_then(|i| i.as_str().parse().ok())
            .filter(|n| *n > 0);
        if count.is_none() {
            self.wrong(sheet, "a whole number from 1");
        }
        count
    }

    /// A list of at least one text.
    pub(super) fn texts(&self, sheet: &Sheet<'_>) -> Option<Vec<Text<'a>>> {
        let items = self.value.as_array().map(|array| {
            array
                .iter()
                .map(|item| item.get_ref().as_str().map(|value| Text { value, span: item.span() }))
                .collect::<Option<Vec<_>>>()
        });
        match items.flatten() {
            Some(texts) if !texts.is_empty() => Some(texts),
            _ => {
                self.wrong(sheet, "a list of at least one text");
                None
            }
        }
    }

    /// A text, or a list of them.
    pub(super) fn text_or_texts(&self, sheet: &Sheet<'_>) -> Option<Vec<Text<'a>>> {
        if self.value.is_str() { self.text(sheet).map(|t| vec![t]) } else { self.texts(sheet) }
    }

    pub(super) fn table(&self, sheet: &Sheet<'_>) -> Option<Entries<'a>> {
        let table = self.value.as_table();
        if table.is_none() {
            self.wrong(sheet, "a table");
        }
        table.map(|t| Entries::new(t, self.key_span.clone()))
    }
}

/// The keys of one table, in the order in which they are written.
pub(super) struct Entries<'a> {
    list: Vec<Entry<'a>>,
    /// Where the table begins: what misses something is shown here.
    pub(super) span: Range<usize>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(table: &'a DeTable<'a>, span: Range<usize>) -> Self {
        let mut list: Vec<_> = table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref(),
                key_span: key.span(),
                span: value.span(),
                value: value.get_ref(),
                asked: Cell::new(false),
            })
            .collect();
        list.sort_by_key(|entry| entry.key_span.start);
        Self { list, span }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Entry<'a>> {
        let entry = self.list.iter().find(|entry| entry.key == key)?;
        entry.asked.set(true);
        Some(entry)
    }

    /// A key that must be there.
    pub(super) fn need(&self, sheet: &Sheet<'_>, key: &str, example: &str) -> Option<&Entry<'a>> {
        let entry = self.get(key);
        if entry.is_none() {
            sheet.problem(&self.span, format!("`{key}` is missing"), format!("add `{key} = {example}`"));
        }
        entry
    }

    /// The keys nobody asked for yet: for tables whose keys are names.
    pub(super) fn rest(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.list.iter().filter(|entry| !entry.asked.replace(true))
    }

    /// Tells each key that nobody asked for.
    pub(super) fn finish(&self, sheet: &Sheet<'_>, known: &str) {
        for entry in self.rest() {
            sheet.problem(
                &entry.key_span,
                format!("`{}` is no key here", entry.key),
                format!("known here: {known}"),
            );
        }
    }
}
