//! The second opinion: `json-schema-diff` over the two schemas, both ways. It calls breaking what a schema
//! no longer accepts. From new to old: a new message may break a reader's old schema. From old to new: an
//! older message (an archive) may break the new one. It knows nothing of meanings; our rules do, so only
//! what they do not name is told.

use json_schema_diff::{Change, ChangeKind, diff};

use super::super::Contract;
use super::{Found, Verdict, whole};

/// Keys of the envelope that carry the name of the type: another version always changes them.
const NAMED: [&str; 2] = ["id", "type"];

pub(super) fn compare(found: &mut Found<'_>) {
    let (old, new) = (found.old, found.new);
    let same_type = old.id == new.id;
    let both = differences(new, old).and_then(|forth| Ok((forth, differences(old, new)?)));
    let (forth, back) = match both {
        Ok(both) => both,
        Err(error) => {
            let what = format!("the two schemas could not be compared: {error}");
            found.approval("schema", what, "whoever a change of the schema would break");
            return;
        }
    };
    for Change { path, change } in forth.iter().filter(|difference| difference.change.is_breaking()) {
        let at = place(path, change);
        let explained = whole_explains(found, &at)
            || found.changes.iter().any(|c| c.verdict >= Verdict::NeedsApproval && related(&c.at, &at));
        if !explained && (same_type || !NAMED.contains(&at.as_str())) {
            found.breaking(&at, words(change), "consumers who check messages against the old schema");
        }
    }
    for Change { path, change } in back.iter().filter(|difference| difference.change.is_breaking()) {
        let at = place(path, change);
        let explained = whole_explains(found, &at) || found.changes.iter().any(|c| related(&c.at, &at));
        if !explained && (same_type || !NAMED.contains(&at.as_str())) {
            found.note(&at, "an older message may break the new schema here");
        }
    }
}

fn differences(from: &Contract, to: &Contract) -> Result<Vec<Change>, String> {
    let parsed =
        |contract: &Contract| serde_json::from_str(&contract.schema).map_err(|error| error.to_string());
    diff(parsed(from)?, parsed(to)?).map_err(|error| error.to_string())
}

/// Where a difference is, as our rules say it: a property that comes or goes is named itself.
fn place(path: &str, change: &ChangeKind) -> String {
    let property = match change {
        ChangeKind::PropertyAdd { added: property, .. }
        | ChangeKind::PropertyRemove { removed: property, .. }
        | ChangeKind::RequiredAdd { property }
        | ChangeKind::RequiredRemove { property } => Some(property.as_str()),
        _ => None,
    };
    // Alternatives (`<anyOf:1>`) and items of lists (`?`) have no name of their own in a contract.
    let named = path.split('.').filter(|part| !part.is_empty() && *part != "?" && !part.starts_with('<'));
    named.chain(property).collect::<Vec<_>>().join(".")
}

/// Whether one place is the other, or lies within it.
fn related(a: &str, b: &str) -> bool {
    let within =
        |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    within(a, b) || within(b, a)
}

/// Whether a change of the contract's own keys says it all: a contract that begins or ceases to speak of
/// anonymous events has other forms of data, no `raised`, and other subjects.
fn whole_explains(found: &Found<'_>, at: &str) -> bool {
    let anonymous = found.old.anonymous.is_some() != found.new.anonymous.is_some();
    anonymous && whole::OF_ANONYMITY.iter().any(|key| related(at, key))
}

fn words(change: &ChangeKind) -> String {
    match change {
        ChangeKind::TypeRemove { removed } => {
            format!("may be of the JSON type {}, which it never was", format!("{removed:?}").to_lowercase())
        }
        ChangeKind::EnumRemove { removed, .. } => format!("may be {removed}, which it never was"),
        ChangeKind::EnumAdd { .. } => "the list of its values is no longer closed".to_owned(),
        ChangeKind::ConstAdd { added } => format!("was always {added}, and need not be now"),
        ChangeKind::RequiredAdd { .. } => "may be absent now".to_owned(),
        ChangeKind::PropertyAdd { .. } => "is no longer described".to_owned(),
        ChangeKind::FormatAdd { .. } | ChangeKind::FormatChange { .. } => {
            "its format is not the old one".to_owned()
        }
        ChangeKind::PatternAdd { .. } | ChangeKind::PatternChange { .. } => {
            "need not have its old pattern now".to_owned()
        }
        ChangeKind::RangeAdd { .. } | ChangeKind::RangeChange { .. } => {
            "may lie beyond its old range".to_owned()
        }
        ChangeKind::MaxLengthAdd { .. } | ChangeKind::MaxLengthChange { .. } => {
            "may be longer than before".to_owned()
        }
        ChangeKind::MinLengthAdd { .. } | ChangeKind::MinLengthChange { .. } => {
            "may be shorter than before".to_owned()
        }
        other => format!("the old schema may refuse it: {other:?}"),
    }
}
