//! All contracts, compiled: those built in, and those of a folder of the site's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::file::{self, Draft};
use super::group::Naming;
use super::message::{Attributes, Message, build};
use super::problem::{Problem, Problems};
use super::sheet::{Entries, Sheet};
use super::{Contract, block, digest, mark, own, schema};
use crate::delivery::{ContractId, Parking, Reason};
use crate::event::{Source, StoredEvent};

/// A contract of this program, with what stands beside it: names and texts of files.
pub(super) struct BuiltIn {
    pub(super) place: &'static str,
    pub(super) text: &'static str,
    pub(super) examples: &'static [(&'static str, &'static str)],
    pub(super) released: &'static [(&'static str, &'static str)],
}

/// The contracts of this program, as `build.rs` found them.
pub(super) const BUILT_IN: &[BuiltIn] = include!(concat!(env!("OUT_DIR"), "/contracts.rs"));

/// Every contract there is, by name.
#[derive(Debug, Default)]
pub struct Catalogue {
    contracts: BTreeMap<String, Contract>,
}

impl Catalogue {
    /// The contracts of this program.
    ///
    /// # Errors
    /// All that is wrong with them: nothing, in a build that passed its tests.
    pub fn builtin() -> Result<Self, Problems> {
        Self::load(None)
    }

    /// The contracts of this program and those in a folder: `<subject>/<name>/v<number>.toml`.
    ///
    /// # Errors
    /// All that is wrong in all files, at once. One type twice is wrong.
    pub fn load(own: Option<&Path>) -> Result<Self, Problems> {
        let mut reading = Reading::built_in();
        if let Some(folder) = own {
            reading.read_folder(folder);
        }
        let catalogue = Self { contracts: reading.contracts };
        if reading.problems.is_empty() { Ok(catalogue) } else { Err(Problems(reading.problems)) }
    }

    /// The contracts of a folder alone, which may be built in as well.
    ///
    /// # Errors
    /// All that is wrong in all files, at once.
    pub fn folder(folder: &Path) -> Result<Self, Problems> {
        let mut reading = Reading::default();
        reading.read_folder(folder);
        let catalogue = Self { contracts: reading.contracts };
        if reading.problems.is_empty() { Ok(catalogue) } else { Err(Problems(reading.problems)) }
    }

    /// A contract by its name.
    #[must_use]
    pub fn get(&self, id: &ContractId) -> Option<&Contract> {
        self.named(id.as_str())
    }

    pub(super) fn named(&self, name: &str) -> Option<&Contract> {
        self.contracts.get(name)
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Contract> {
        self.contracts.values()
    }

    /// The names that fit a pattern, in which `*` stands for any part of the name, dots included:
    /// `moodle.enrolment.*.v1`, `*.v1`. Sorted; empty when none fits. The product's own messages are meant
    /// only by a pattern that begins with `moodle.producer.`.
    #[must_use]
    pub fn matching(&self, pattern: &str) -> Vec<ContractId> {
        let meant = |c: &&Contract| fits(pattern, c.id.as_str()) && own::may_mean(pattern, c);
        self.iter().filter(meant).map(|contract| contract.id.clone()).collect()
    }

    /// Makes the message of a stored event under a contract, and checks it against the schema. A pure
    /// function: equal input gives equal bytes.
    ///
    /// # Errors
    /// `mapping`: the event is not what the contract expects, or there is no such contract. `invalid`: the
    /// message breaks the schema. The words never hold a value that may be personal.
    pub fn map(&self, id: &ContractId, source: &Source, stored: &StoredEvent) -> Result<Message, Parking> {
        let contract = self.get(id).ok_or_else(|| {
            Parking::new(Reason::Mapping, format!("there is no contract {id}: add it, restart, then redrive"))
        })?;
        build(contract, source, stored)
    }
}

pub(super) fn whole_file(path: &Path, message: &str, help: &str) -> Problem {
    Problem {
        file: path.display().to_string(),
        spot: None,
        message: message.to_owned(),
        help: help.to_owned(),
    }
}

/// What a folder holds, in the order of names; a folder that cannot be read is a problem.
pub(super) fn sorted(folder: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>());
    entries.map_or_else(
        |error| {
            problems.push(whole_file(
                folder,
                &format!("the folder cannot be read: {error}"),
                "check the path and its permissions",
            ));
            Vec::new()
        },
        |mut paths| {
            paths.sort();
            paths
        },
    )
}

/// Contracts as they are read, with all that is wrong.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) contracts: BTreeMap<String, Contract>,
    /// Where each was read from, by name.
    pub(super) places: BTreeMap<String, PathBuf>,
    pub(super) problems: Vec<Problem>,
}

impl Reading {
    pub(super) fn built_in() -> Self {
        let mut reading = Self { problems: block::problems().to_vec(), ..Self::default() };
        for BuiltIn { place, text, .. } in BUILT_IN {
            reading.read(&PathBuf::from(format!("contracts/{place}.toml")), &type_of(place), text);
        }
        reading
    }

    /// Reads `<subject>/<name>/v<number>.toml`. Other TOML files are faults, except common blocks: a
    /// contract in the wrong place would be missed in silence.
    pub(super) fn read_folder(&mut self, folder: &Path) {
        for subject in sorted(folder, &mut self.problems) {
            if !subject.is_dir() {
                self.refuse_toml(&subject);
                continue;
            }
            for name in sorted(&subject, &mut self.problems) {
                if !name.is_dir() {
                    self.refuse_toml(&name);
                    continue;
                }
                for path in sorted(&name, &mut self.problems) {
                    self.read_file(folder, &path);
                }
            }
        }
    }

    fn read_file(&mut self, folder: &Path, path: &Path) {
        if path.extension().is_none_or(|e| e != "toml") {
            return;
        }
        let place = path.strip_prefix(folder).unwrap_or(path).with_extension("");
        let expected = type_of(&place.to_string_lossy());
        match fs::read_to_string(path) {
            Ok(text) => self.read(path, &expected, &text),
            Err(error) => self.problems.push(whole_file(
                path,
                &format!("the file cannot be read: {error}"),
                "it must be UTF-8 text that this user may read",
            )),
        }
    }

    fn refuse_toml(&mut self, path: &Path) {
        let toml = path.extension().is_some_and(|e| e == "toml");
        if toml && path.file_name().is_none_or(|name| name != "blocks.toml") {
            self.problems.push(whole_file(
                path,
                "no contract belongs here",
                "put it at <subject>/<name>/v<number>.toml: the folder is the name",
            ));
        }
    }

    fn read(&mut self, path: &Path, expected: &str, text: &str) {
        let file = path.display().to_string();
        let sheet = Sheet::new(&file, text);
        let draft = file::read(&sheet, expected);
        if let Some(other) = draft.as_ref().and_then(|draft| self.places.get(draft.id.as_str())) {
            let message = format!("{expected} is already there: {}", other.display());
            tell_at_type(
                &sheet,
                message,
                "one type has one contract: give yours another name, or another version",
            );
        }
        let mut problems = sheet.into_problems();
        let draft = draft.filter(|_| problems.is_empty());
        // A text that is whole but for its marks is compiled: what follows from it may be looked at.
        problems.extend(mark::undecided(&file, text));
        problems.sort_by_key(|p| p.spot.as_ref().map(|s| (s.line, s.column)));
        self.problems.extend(problems);
        let Some(draft) = draft else { return };
        match compile(draft, text) {
            Ok(contract) => {
                self.places.insert(contract.id.to_string(), path.to_owned());
                self.contracts.insert(contract.id.to_string(), contract);
            }
            Err(error) => self.problems.push(uncompiled(path, &error)),
        }
    }
}

/// Tells a problem at the line of the type.
fn tell_at_type(sheet: &Sheet<'_>, message: String, help: &str) {
    let document = sheet.parse();
    let span =
        document.as_ref().and_then(|d| Entries::new(d.get_ref(), 0..0).get("type").map(|e| e.span.clone()));
    sheet.problem(&span.unwrap_or(0..0), message, help);
}

/// The type that a place names: `enrolment/created/v1` is `moodle.enrolment.created.v1`.
fn type_of(place: &str) -> String {
    format!("moodle.{}", place.replace(['/', '\\'], "."))
}

/// Where a contract stands: `enrolment/created/v1`.
pub(super) fn place_of(id: &ContractId) -> String {
    format!("{}/{}/{}", id.area(), id.operation(), id.version())
}

/// One text, compiled. What is left to decide in it does not count.
pub(super) fn compiled(file: &str, expected: &str, text: &str) -> Result<Contract, Problems> {
    let sheet = Sheet::new(file, text);
    let draft = file::read(&sheet, expected);
    let mut problems = sheet.into_problems();
    if let Some(draft) = draft.filter(|_| problems.is_empty()) {
        match compile(draft, text) {
            Ok(contract) => return Ok(contract),
            Err(error) => problems.push(uncompiled(Path::new(file), &error)),
        }
    }
    Err(Problems(problems))
}

fn uncompiled(path: &Path, error: &str) -> Problem {
    let help = "report this: the reader should have seen it";
    whole_file(path, &format!("its schema does not compile: {error}"), help)
}

pub(super) fn compile(draft: Draft, text: &str) -> Result<Contract, String> {
    let naming = Naming::of(&draft);
    let attributes = Attributes::of(&draft);
    let digest = digest::digest(&draft, &naming.group_promise());
    let schema = schema::schema(&draft);
    let validator = schema::compile(&schema)?;
    Ok(Contract {
        id: draft.id,
        title: draft.title,
        status: draft.status,
        until: draft.until,
        replaced_by: draft.replaced_by,
        events: draft.events,
        when: draft.when,
        purpose: draft.purpose,
        sent: draft.sent,
        not_sent: draft.not_sent,
        anonymous: draft.anonymous,
        notes: draft.notes,
        tells: draft.tells,
        subject: draft.subject,
        ends: draft.ends,
        fetch: draft.fetch,
        data: draft.data,
        text: text.to_owned(),
        digest,
        schema,
        naming,
        attributes,
        validator,
    })
}

fn fits(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    (0..=rest.len()).any(|at| rest.is_char_boundary(at) && fits(after, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_part_of_a_name() {
        let name = "moodle.enrolment.created.v1";
        for pattern in [name, "*", "moodle.*", "moodle.enrolment.*.v1", "*.v1", "moodle.*.v1", "*enrol*"] {
            assert!(fits(pattern, name), "{pattern}");
        }
        for pattern in ["", "moodle", "moodle.enrolment", "moodle.grade.*", "*.v2", "enrolment.*"] {
            assert!(!fits(pattern, name), "{pattern}");
        }
    }
}
