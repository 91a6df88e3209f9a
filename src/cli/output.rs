//! What goes to standard output: tables for people, JSON and comma-separated values for programs.

use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::exit::{Exit, Failure};
use crate::contract::render::csv;
use crate::operate::words::harmless;

/// How output is written.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Output {
    /// Default: table on a terminal, else json.
    #[arg(long, global = true, value_name = "FORM")]
    output: Option<Form>,
}

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For people.
    Table,
    /// One JSON value.
    Json,
    /// One JSON value a line.
    Jsonl,
    /// For a pull request: `contracts diff` only.
    Markdown,
    /// Comma-separated values: lists.
    Csv,
    /// A page: the register of personal data.
    Html,
}

impl Output {
    pub(super) fn form(self) -> Form {
        self.output.unwrap_or(if std::io::stdout().is_terminal() { Form::Table } else { Form::Json })
    }

    /// Writes one thing: `text` for people.
    pub(super) fn one(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.form() {
            Form::Table => say(&text()),
            Form::Json => say(&(pretty(value)? + "\n")),
            Form::Jsonl => say(&(line(value)? + "\n")),
            Form::Markdown | Form::Csv | Form::Html => Err(self.not_here()),
        }
    }

    /// Writes a list of rows, each a line of a table.
    pub(super) fn rows<T: Serialize>(
        self,
        rows: &[T],
        head: &[&str],
        cells: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), Failure> {
        match self.form() {
            Form::Csv => say(&csv(head, rows.iter().map(cells))),
            _ => self.list(rows, || table(head, rows.iter().map(cells))),
        }
    }

    /// Refuses a form that the command does not have.
    pub(super) fn check(self, has: impl Fn(Form) -> bool) -> Result<(), Failure> {
        if self.output.is_none_or(has) { Ok(()) } else { Err(self.not_here()) }
    }

    fn not_here(self) -> Failure {
        let name = self.form().to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned());
        Failure::new(Exit::Usage, format!("this command has no output as {name}: use table, json or jsonl"))
    }

    /// Writes a list: `text` for people.
    pub(super) fn list<T: Serialize>(self, rows: &[T], text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.form() {
            Form::Table => say(&text()),
            Form::Json => say(&(pretty(&rows)? + "\n")),
            Form::Jsonl => rows.iter().try_for_each(|row| say(&(line(row)? + "\n"))),
            Form::Markdown | Form::Csv | Form::Html => Err(self.not_here()),
        }
    }
}

fn pretty(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::new(Exit::Failed, error.to_string()))
}

fn line(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::new(Exit::Failed, error.to_string()))
}

/// Writes to standard output. A reader that has gone (`| head`) ends the command quietly.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::new(Exit::Failed, format!("writing to standard output: {error}"))),
    }
}

/// Writes a line to standard error, for people.
pub(super) fn note(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A table; cells are made harmless for a terminal.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(head.iter().map(|cell| cell.to_uppercase()));
    for row in rows {
        table.add_row(row.iter().map(|cell| harmless(cell)));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}
