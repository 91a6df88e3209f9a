//! The gate: what changed between two texts of one contract, in words, for whom it breaks, and what to do.
//!
//! In go two compiled contracts; out comes a list of [`Change`]s. The rules are ours (`whole` for the
//! contract's own keys, `data` for its fields), since most of what hurts a consumer is in no schema: a
//! meaning, a source, a group. The two schemas are compared by `json-schema-diff` as well (`second`): what
//! it calls breaking and no rule names is told too. What moves the digest and nobody names is told as well,
//! so nothing that is promised changes in silence.
//!
//! A release (`release`) freezes a text; each later one is compared with all before it.

mod data;
mod release;
mod second;
#[cfg(test)]
mod table;
mod whole;

use std::fmt;

use serde::Serialize;

use super::Contract;

pub(super) use release::breaking;
pub use release::{Frozen, Record, Refusal, Release, Wish, read, release, released_folder, releases, shelf};

/// One change between two texts of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// A key of the contract (`group`), or a field (`data.course.id`).
    pub at: String,
    /// What changed, in words.
    pub what: String,
    /// What that means.
    pub verdict: Verdict,
    /// For whom it breaks, or who should know; none: nobody needs to.
    pub whom: Option<&'static str>,
    /// What to do.
    pub cure: String,
}

/// What a change means for those who read the messages. The worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nobody has to do anything.
    Compatible,
    /// Nobody breaks; some may want to know.
    Note,
    /// Only a person can say whether it breaks somebody: who agrees is named in the release.
    NeedsApproval,
    /// It needs a new version beside the old one.
    Breaking,
}

impl Verdict {
    /// Every verdict, the worst first.
    pub const ALL: [Self; 4] = [Self::Breaking, Self::NeedsApproval, Self::Note, Self::Compatible];

    /// The verdict's one name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compatible => "compatible",
            Self::Note => "note",
            Self::NeedsApproval => "needs-approval",
            Self::Breaking => "breaking",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What changed from one text of a contract to another, the worst first; else in the order of the contract.
#[must_use]
pub fn compare(old: &Contract, new: &Contract) -> Vec<Change> {
    let mut found = Found { old, new, changes: Vec::new() };
    whole::compare(&mut found);
    data::compare(&mut found);
    second::compare(&mut found);
    found.close()
}

/// Who reads every message.
const ALL_READERS: &str = "consumers who rely on it as it was";

/// Changes as they are found.
struct Found<'c> {
    old: &'c Contract,
    new: &'c Contract,
    changes: Vec<Change>,
}

impl Found<'_> {
    fn breaking(&mut self, at: &str, what: impl Into<String>, whom: &'static str) {
        self.push(Verdict::Breaking, at, what.into(), Some(whom));
    }

    fn approval(&mut self, at: &str, what: impl Into<String>, whom: &'static str) {
        self.push(Verdict::NeedsApproval, at, what.into(), Some(whom));
    }

    fn note(&mut self, at: &str, what: impl Into<String>) {
        self.push(Verdict::Note, at, what.into(), None);
    }

    fn compatible(&mut self, at: &str, what: impl Into<String>) {
        self.push(Verdict::Compatible, at, what.into(), None);
    }

    fn push(&mut self, verdict: Verdict, at: &str, what: String, whom: Option<&'static str>) {
        let cure = self.cure(verdict, at);
        self.changes.push(Change { at: at.to_owned(), what, verdict, whom, cure });
    }

    fn cure(&self, verdict: Verdict, at: &str) -> String {
        let (old, new) = (&self.old.id, &self.new.id);
        if old != new {
            return match verdict {
                Verdict::Breaking | Verdict::NeedsApproval => {
                    format!(
                        "consumers look at this before they move from {} to {}",
                        old.version(),
                        new.version()
                    )
                }
                Verdict::Note | Verdict::Compatible => "nothing".to_owned(),
            };
        }
        match verdict {
            Verdict::Breaking => {
                let next = next_version(new.version());
                format!(
                    "leave it as it was, or write {}/{}/{next}.toml beside {} and give {} its end (status, until, replaced_by)",
                    new.area(),
                    new.operation(),
                    new.version(),
                    new.version()
                )
            }
            Verdict::NeedsApproval => {
                format!("leave it as it was, or release it with `--accept {at}` once it is agreed")
            }
            Verdict::Note => "say it in the note of the release".to_owned(),
            Verdict::Compatible => "nothing".to_owned(),
        }
    }

    fn close(mut self) -> Vec<Change> {
        let promised = |change: &Change| !whole::OUTSIDE.contains(&change.at.as_str());
        let same_type = self.old.id == self.new.id;
        if same_type && self.old.digest != self.new.digest && !self.changes.iter().any(promised) {
            self.approval("digest", "something promised changed, and no rule says what", ALL_READERS);
        }
        self.changes.sort_by_key(|change| std::cmp::Reverse(change.verdict));
        self.changes
    }
}

/// `v2` of `v1`.
fn next_version(version: &str) -> String {
    let number = version.trim_start_matches('v').parse::<u32>().unwrap_or_default();
    format!("v{}", number.saturating_add(1))
}

/// `a`, `b` and `c`, each in quotes.
fn quoted<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = texts.into_iter().map(|text| format!("{:?}", text.as_ref())).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}
