//! The events that a draft is made from, and what they hold at one place.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::value::{key_text, whole};
use super::Seen;
use super::guess::{PersonIds, Values};

/// The events that a draft is made from.
pub(super) struct Events<'a> {
    all: Vec<&'a Seen<'a>>,
    /// Those that name people: an anonymous event tells nothing of its keys.
    named: Vec<&'a Seen<'a>>,
    people: Vec<BTreeSet<i64>>,
}

/// How often a place holds an id above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Always,
    Sometimes,
    Never,
    /// It holds what is no id at all.
    Odd,
}

impl<'a> Events<'a> {
    pub(super) fn new(seen: &'a [Seen<'a>]) -> Self {
        let all: Vec<_> = seen.iter().collect();
        let named: Vec<_> = all.iter().copied().filter(|s| !s.data.is_anonymous()).collect();
        let named = if named.is_empty() { all.clone() } else { named };
        let paths = ["event.userid", "event.relateduserid", "entities.user.id", "entities.actor.id"];
        let ids = |seen: &&Seen<'_>| {
            paths.iter().filter_map(|path| whole(find(seen, path)?.into())).filter(|id| *id > 0).collect()
        };
        let people = named.iter().map(ids).collect();
        Self { all, named, people }
    }

    /// All of them, in the order of the file.
    pub(super) fn all(&self) -> &[&'a Seen<'a>] {
        &self.all
    }

    /// Those whose keys may be looked at.
    pub(super) fn named(&self) -> &[&'a Seen<'a>] {
        &self.named
    }

    /// Whether Moodle marks any of them anonymous.
    pub(super) fn are_anonymous(&self) -> bool {
        self.all.iter().any(|seen| seen.data.is_anonymous())
    }

    /// What each holds at a path.
    pub(super) fn at(&self, path: &str) -> Values<'a> {
        self.named.iter().map(|seen| find(seen, path)).collect()
    }

    /// The text that stands at a path in each event, if it is one.
    pub(super) fn same(&self, path: &str) -> Option<String> {
        let texts: BTreeSet<_> =
            self.at(path).into_iter().map(|v| key_text(v?.into()).map(Cow::into_owned)).collect();
        if texts.len() == 1 { texts.into_iter().next().flatten() } else { None }
    }

    pub(super) fn presence(&self, path: &str) -> Presence {
        presence(&self.named, path)
    }

    pub(super) fn ids(&self) -> PersonIds<'_> {
        PersonIds(&self.people)
    }
}

/// How often these events hold an id above 0 at a path.
pub(super) fn presence(seen: &[&Seen<'_>], path: &str) -> Presence {
    let values: Vec<_> = seen.iter().map(|seen| find(seen, path)).collect();
    if values.iter().flatten().any(|v| !v.is_null() && whole((*v).into()).is_none()) {
        return Presence::Odd;
    }
    let above = values.iter().filter(|v| v.and_then(|v| whole(v.into())).is_some_and(|n| n > 0)).count();
    match above {
        0 => Presence::Never,
        n if n == values.len() => Presence::Always,
        _ => Presence::Sometimes,
    }
}

/// What an event holds at a path.
pub(super) fn find<'a>(seen: &Seen<'a>, path: &str) -> Option<&'a Value> {
    let mut keys = path.split('.');
    let top: &'a Map<String, Value> = match keys.next()? {
        "event" => &seen.data.event,
        _ => &seen.data.entities,
    };
    let first = top.get(keys.next()?)?;
    keys.try_fold(first, |value, key| value.get(key))
}

/// Each key of the maps at one place, in the order first seen, with what each event holds there.
pub(super) fn keys<'a>(values: &Values<'a>) -> Vec<(String, Values<'a>)> {
    let mut names: Vec<&'a String> = Vec::new();
    for map in values.iter().filter_map(|v| v.and_then(Value::as_object)) {
        for key in map.keys() {
            if !names.contains(&key) {
                names.push(key);
            }
        }
    }
    let held = |key: &String| values.iter().map(|v| v.and_then(|v| v.get(key))).collect();
    names.into_iter().map(|key| (key.clone(), held(key))).collect()
}
