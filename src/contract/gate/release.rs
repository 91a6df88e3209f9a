//! Releases: texts of a contract that were promised, each frozen with who agreed, when and to what. They
//! stand under `released/`, three files each, and are never edited:
//!
//! - `v1-2.toml`: the text, byte for byte, as it was at the second release of version 1;
//! - `v1-2.blocks.toml`: the common blocks that it used, which may change later (not there when none);
//! - `v1-2.release.toml`: the record, with hashes of both and the digest of what they promise.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::beside::{released_of, texts};
use super::super::block::{self, Member};
use super::super::catalogue::{compile, place_of, whole_file};
use super::super::problem::{Problem, Problems};
use super::super::sheet::{Entries, Sheet};
use super::super::wanted::hex;
use super::super::{Contract, Status, file};
use super::{Change, Verdict, compare};
use crate::delivery::ContractId;

/// What is known of a release beside its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The contract.
    pub contract: String,
    /// Its releases are counted from 1; fields name in `since` the one that brought them.
    pub revision: usize,
    /// The day of the release.
    pub released: Date,
    /// Who agreed.
    pub by: String,
    /// What they said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Changes that only a person can judge, and that were agreed: where, and what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<String>,
    /// The digest of what is promised.
    pub digest: String,
    /// SHA-256 of the text.
    pub text: String,
    /// SHA-256 of the common blocks; none where it uses none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks: Option<String>,
}

/// One release of a contract.
#[derive(Debug)]
pub struct Release {
    /// Who agreed, when and to what.
    pub record: Record,
    /// The contract as it was.
    pub contract: Contract,
}

/// A wish to release a contract.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// Who agreed.
    pub by: &'a str,
    /// What they say of it.
    pub note: Option<&'a str>,
    /// Where they agreed to a change that only a person can judge.
    pub accepted: &'a [String],
    /// Today.
    pub on: Date,
}

/// What a wish to release leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frozen {
    /// Nothing: this revision promises just this.
    Already(Record),
    /// New files for `released/`, by name.
    New {
        /// The record among them.
        record: Record,
        /// Name and text of each.
        files: Vec<(String, String)>,
        /// What changed since the release before.
        changes: Vec<Change>,
    },
}

/// Why a contract cannot be released.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody froze it.
    #[error(
        "{0} is a draft: when it shall stay as it is, write `status = \"stable\"` in it, then release it"
    )]
    Draft(ContractId),
    /// It is to end.
    #[error("{0} is deprecated and promises something new: leave its promise as it was until its end")]
    Deprecated(ContractId),
    /// Someone must answer for it.
    #[error("say who agreed: --by \"NAME\"")]
    Nobody,
    /// It breaks what was promised.
    #[error("{id} breaks what was released:\n{}", lines(.changes))]
    Breaking {
        /// The contract.
        id: ContractId,
        /// The number of the release, and the change.
        changes: Vec<(usize, Change)>,
    },
    /// Only a person can judge it, and none has.
    #[error("{id} changes what only a person can judge:\n{}", lines(.changes))]
    NotAccepted {
        /// The contract.
        id: ContractId,
        /// The number of the release, and the change.
        changes: Vec<(usize, Change)>,
    },
    /// What was agreed to is not there.
    #[error("--accept {0}: nothing there needs it; `contracts diff` shows what does")]
    Unasked(String),
    /// A new field must say which release brought it.
    #[error("{} came with this release: write `since = {revision}` there", .fields.join(", "))]
    Since {
        /// The fields.
        fields: Vec<String>,
        /// The release.
        revision: usize,
    },
}

fn lines(changes: &[(usize, Change)]) -> String {
    let line = |(revision, change): &(usize, Change)| {
        let whom = change.whom.map_or(String::new(), |whom| format!(", for {whom}"));
        format!("  {}: {} (since release {revision}){whom}\n    = {}", change.at, change.what, change.cure)
    };
    changes.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Freezes a contract: gives the files to write, or says why not.
///
/// # Errors
/// It must not or need not be released.
pub fn release(present: &Contract, earlier: &[Release], wish: Wish<'_>) -> Result<Frozen, Refusal> {
    let newest = earlier.last();
    if present.status == Status::Draft {
        return Err(Refusal::Draft(present.id.clone()));
    }
    if let Some(newest) = newest.filter(|newest| newest.record.digest == present.digest) {
        return Ok(Frozen::Already(newest.record.clone()));
    }
    if present.status == Status::Deprecated {
        return Err(Refusal::Deprecated(present.id.clone()));
    }
    if wish.by.trim().is_empty() {
        return Err(Refusal::Nobody);
    }
    let changes = breaking(present, earlier);
    if !changes.is_empty() {
        return Err(Refusal::Breaking { id: present.id.clone(), changes });
    }
    let changes = newest.map(|newest| compare(&newest.contract, present)).unwrap_or_default();
    let accepted = agreed(present, newest, &changes, wish.accepted)?;
    let revision = newest.map_or(0, |newest| newest.record.revision) + 1;
    if let Some(newest) = newest {
        let is_new = |path: &str| newest.contract.fields().all(|before| before.path() != path);
        let undated = present.fields().filter(|field| field.since() != revision && is_new(field.path()));
        let fields: Vec<_> = undated.map(|field| format!("data.{}", field.path())).collect();
        if !fields.is_empty() {
            return Err(Refusal::Since { fields, revision });
        }
    }
    let blocks = blocks_of(present);
    let record = Record {
        contract: present.id.to_string(),
        revision,
        released: wish.on,
        by: wish.by.trim().to_owned(),
        note: wish.note.map(str::to_owned),
        accepted,
        digest: present.digest.clone(),
        text: hash(&present.text),
        blocks: blocks.as_deref().map(hash),
    };
    let name = format!("{}-{revision}", present.id.version());
    let mut files = vec![(format!("{name}.toml"), present.text.clone())];
    files.extend(blocks.map(|blocks| (format!("{name}.blocks.toml"), blocks)));
    files.push((format!("{name}.release.toml"), write(&record)));
    Ok(Frozen::New { record, files, changes })
}

/// What breaks what any release promised, with the number of that release; each change once, with the last
/// release that it breaks.
pub(in super::super) fn breaking(present: &Contract, earlier: &[Release]) -> Vec<(usize, Change)> {
    let mut found: Vec<(usize, Change)> = Vec::new();
    for release in earlier.iter().rev() {
        for change in compare(&release.contract, present) {
            if change.verdict == Verdict::Breaking && !found.iter().any(|(_, known)| *known == change) {
                found.push((release.record.revision, change));
            }
        }
    }
    found
}

/// The changes that needed a person, as the record keeps them; refuses where one is missing or too many.
fn agreed(
    present: &Contract,
    newest: Option<&Release>,
    changes: &[Change],
    accepted: &[String],
) -> Result<Vec<String>, Refusal> {
    let needed: Vec<&Change> =
        changes.iter().filter(|change| change.verdict == Verdict::NeedsApproval).collect();
    if let Some(unasked) = accepted.iter().find(|at| !needed.iter().any(|change| change.at == **at)) {
        return Err(Refusal::Unasked(unasked.clone()));
    }
    let revision = newest.map_or(0, |newest| newest.record.revision);
    let missing: Vec<_> = needed
        .iter()
        .filter(|change| !accepted.contains(&change.at))
        .map(|change| (revision, (*change).clone()))
        .collect();
    if missing.is_empty() {
        Ok(needed.iter().map(|change| format!("{}: {}", change.at, change.what)).collect())
    } else {
        Err(Refusal::NotAccepted { id: present.id.clone(), changes: missing })
    }
}

fn write(record: &Record) -> String {
    let body = toml::to_string(record).unwrap_or_default();
    format!(
        "# Written by `contracts release`, never edited: `contracts check` holds the files beside it against it.\n{body}"
    )
}

fn hash(text: &str) -> String {
    format!("sha256:{}", hex(&Sha256::digest(text)))
}

/// The text of the common blocks that a contract uses.
fn blocks_of(contract: &Contract) -> Option<String> {
    let used = |name: &str| {
        contract.data.members.iter().any(|member| matches!(member, Member::Object(o) if o.name == name))
    };
    let sections = block::TEXT.split("\n[").skip(1).filter_map(|section| {
        let name = section.split(']').next().filter(|name| used(name))?;
        Some(format!("[{name}]{}\n", section[name.len() + 1..].trim_end()))
    });
    let text = sections.collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then_some(text)
}

/// Reads a contract from a text that may stand anywhere, with the common blocks of this program or those
/// of its release.
///
/// # Errors
/// All that is wrong with it.
pub fn read(name: &str, text: &str, blocks: Option<(&str, &str)>) -> Result<Contract, Problems> {
    let (own, mut problems) = blocks.map_or((None, Vec::new()), |(name, text)| {
        let (blocks, problems) = block::read_common(name, text);
        (Some(blocks), problems)
    });
    let sheet = Sheet::new(name, text);
    let named = sheet.parse().and_then(|document| {
        let top = Entries::new(document.get_ref(), 0..0);
        top.get("type")?.value.as_str().map(str::to_owned)
    });
    let draft = named.and_then(|named| {
        file::read_with(&sheet, &named, own.as_deref().unwrap_or_else(|| block::built_in()))
    });
    problems.extend(sheet.into_problems());
    match draft {
        Some(draft) if problems.is_empty() => compile(draft, text).map_err(|error| {
            let told = format!("its schema does not compile: {error}");
            Problems(vec![whole_file(Path::new(name), &told, "report this: the reader should have seen it")])
        }),
        _ if problems.is_empty() => {
            let help = "a contract begins with `type = \"moodle.…\"`";
            Err(Problems(vec![whole_file(Path::new(name), "this is no contract: it names no type", help)]))
        }
        _ => Err(Problems(problems)),
    }
}

/// A contract of a folder as it stands now, and its releases in their order.
///
/// # Errors
/// It is not there, or something is wrong with it or with a release.
pub fn shelf(folder: &Path, id: &ContractId) -> Result<(Contract, Vec<Release>), Problems> {
    let path = folder.join(place_of(id)).with_extension("toml");
    let name = path.display().to_string();
    let text = fs::read_to_string(&path).map_err(|error| {
        let help = "name the folder that holds <subject>/<name>/v<number>.toml: --contracts DIR";
        Problems(vec![whole_file(&path, &format!("the contract {id} cannot be read: {error}"), help)])
    })?;
    let present = read(&name, &text, None)?;
    if present.id != *id {
        let told = format!("this is {}, and {id} belongs here", present.id);
        return Err(Problems(vec![whole_file(
            &path,
            &told,
            "the folder is the name: move it, or mend its type",
        )]));
    }
    let folder = released_folder(&path);
    let mut problems = Vec::new();
    let files = texts(&folder, &mut problems);
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    Ok((present, releases(&folder, id, released_of(files, id.version()))?))
}

/// Where the releases of the contract at a path stand.
#[must_use]
pub fn released_folder(contract: &Path) -> PathBuf {
    contract.with_file_name("released")
}

#[derive(Default)]
struct Files {
    text: Option<String>,
    blocks: Option<String>,
    record: Option<String>,
}

/// Reads the releases of a contract from their files, name and text each, and holds each against its
/// record. `folder` is what they are called by when something is wrong.
///
/// # Errors
/// A file is missing, was changed, or is none of these.
pub fn releases(
    folder: &Path,
    id: &ContractId,
    files: Vec<(String, String)>,
) -> Result<Vec<Release>, Problems> {
    const LEAVE: &str =
        "a release is never edited, renamed or taken away: take the file from the history of the repository";
    let mut problems = Vec::new();
    let mut by_revision = BTreeMap::<usize, Files>::new();
    for (name, text) in files {
        let rest = name.strip_prefix(id.version()).and_then(|rest| rest.strip_prefix('-'));
        let (number, kind) = rest.and_then(|rest| rest.split_once('.')).unwrap_or_default();
        let revision = number.parse::<usize>().ok().filter(|n| *n > 0 && n.to_string() == number);
        let slot = revision.map(|revision| by_revision.entry(revision).or_default());
        match (slot, kind) {
            (Some(slot), "toml") => slot.text = Some(text),
            (Some(slot), "blocks.toml") => slot.blocks = Some(text),
            (Some(slot), "release.toml") => slot.record = Some(text),
            _ => problems.push(whole_file(&folder.join(&name), "this is no file of a release", LEAVE)),
        }
    }
    let mut found = Vec::new();
    for (n, (revision, files)) in by_revision.into_iter().enumerate() {
        let name = format!("{}-{revision}", id.version());
        if revision != n + 1 {
            let told = format!("release {} of {id} is missing", n + 1);
            problems.push(whole_file(&folder.join(&name).with_extension("toml"), &told, LEAVE));
            break;
        }
        match held(folder, id, &name, revision, &files) {
            Ok(release) => found.push(release),
            Err(told) => problems.extend(told),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(Problems(problems)) }
}

fn held(
    folder: &Path,
    id: &ContractId,
    name: &str,
    revision: usize,
    files: &Files,
) -> Result<Release, Vec<Problem>> {
    let at = |kind: &str| folder.join(format!("{name}.{kind}"));
    let one = |kind: &str, told: &str| {
        let help = "a release is never edited: take its files from the history of the repository, and write what is new into the contract itself";
        vec![whole_file(&at(kind), told, help)]
    };
    let (Some(text), Some(record)) = (&files.text, &files.record) else {
        let missing = if files.text.is_none() { "toml" } else { "release.toml" };
        return Err(one(missing, "this file of the release is missing"));
    };
    let record: Record = toml::from_str(record)
        .map_err(|error| one("release.toml", &format!("the record cannot be read: {}", error.message())))?;
    if (record.contract.as_str(), record.revision) != (id.as_str(), revision) {
        return Err(one("release.toml", "the record is that of another release"));
    }
    if record.text != hash(text) {
        return Err(one("toml", "this released text was changed"));
    }
    if record.blocks != files.blocks.as_deref().map(hash) {
        return Err(one("blocks.toml", "the common blocks of this release were changed"));
    }
    let names = [at("toml").display().to_string(), at("blocks.toml").display().to_string()];
    // A release that uses no common block must not take its fields from those of today.
    let blocks = (names[1].as_str(), files.blocks.as_deref().unwrap_or_default());
    let contract = read(&names[0], text, Some(blocks)).map_err(|problems| problems.0)?;
    if contract.digest != record.digest {
        let told = format!(
            "this program reads the released text as {}, and {} was released",
            contract.digest, record.digest
        );
        return Err(one("toml", &told));
    }
    Ok(Release { record, contract })
}
