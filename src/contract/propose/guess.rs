//! Guesses the type of a field from the values seen at one place of the events. A guess holds for each of
//! them: it is tried with the very function that maps.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::super::field::{Field, Many, Origin, Personal, Role, Scalar};
use super::super::tree::Tree;
use super::super::value::{Plain, key_text, tell, whole};
use super::names;

/// What each event holds at one place; none where it has no such key.
pub(super) type Values<'a> = Vec<Option<&'a Value>>;

/// Seconds of the years 2001 to 2100: a number in between may be a time.
const TIMES: std::ops::Range<i64> = 978_307_200..4_102_444_800;

/// A field with what is doubtful about it.
#[derive(Debug, Clone)]
pub(super) struct Guess {
    pub(super) field: Field,
    pub(super) doubts: Vec<String>,
    /// What was seen, in a line: never a text, and of a person nothing, unless samples are asked for.
    pub(super) seen: String,
    /// Where it was taken from, when another contract already tells it.
    pub(super) like: Option<String>,
}

/// A field of these origins and no promises yet.
pub(super) fn plain(name: &str, path: String, origins: Vec<Origin>, about: String) -> Field {
    Field {
        name: name.to_owned(),
        path,
        origins,
        scalar: Scalar::String,
        many: Many::One,
        role: Role::Plain,
        nullable: false,
        optional: false,
        zero_is_null: false,
        empty_is_null: false,
        values: Vec::new(),
        known: Vec::new(),
        unit: None,
        format: None,
        max_length: None,
        personal: None,
        since: None,
        about,
    }
}

/// Whether a field can tell each of these values; those that are not there aside.
pub(super) fn fits(field: &Field, values: &Values<'_>) -> bool {
    values.iter().flatten().all(|value| {
        let text = value.to_string();
        serde_json::from_str::<Tree<'_>>(&text).is_ok_and(|tree| tell(field, &tree).is_ok())
    })
}

/// Types a field by what was seen. None where no type holds all of it.
pub(super) fn guess(
    mut field: Field,
    key: &str,
    values: &Values<'_>,
    ids: PersonIds<'_>,
    samples: bool,
) -> Option<Guess> {
    let mut doubts = Vec::new();
    let there: Vec<&Value> = values.iter().flatten().copied().filter(|v| !v.is_null()).collect();
    field.nullable = values.iter().flatten().any(|v| v.is_null());
    let of_entity = field.origins.iter().all(|o| o.text().starts_with("entities."));
    field.optional = !of_entity && values.iter().any(Option::is_none);

    field.personal = names::personal(key);
    if field.personal.is_none() && names::says_id(key) && ids.are_all(values) {
        field.personal = Some(Personal::Identifier);
        doubts.push("personal: it is the id of a person of the event".to_owned());
    } else if let Some(class) = field.personal {
        doubts.push(format!("personal class {} by its name", class.as_str()));
    }

    let chosen = candidates(key, &there).into_iter().find(|candidate| {
        (field.scalar, field.many) = (candidate.scalar, candidate.many);
        field.zero_is_null = candidate.zero;
        field.empty_is_null = candidate.empty;
        fits(&field, values)
    })?;
    doubts.extend(chosen.doubt.map(str::to_owned));
    if there.is_empty() {
        doubts.push("only null was seen, so the type is by its name".to_owned());
    }
    if chosen.zero {
        doubts.push("0 is taken for none".to_owned());
    }
    if chosen.empty {
        doubts.push("an empty text is taken for none".to_owned());
    }
    let codes = codes(key, &there, field.scalar);
    if samples && field.personal.is_none() && !codes.is_empty() {
        field.known = codes;
        doubts.push("an open list of what was seen; a closed one is `values`".to_owned());
    } else if field.scalar == Scalar::Integer && names::says_code(key) {
        doubts.push("a code? Then a string with `values`".to_owned());
    }
    let seen = seen(&field, values, samples);
    Some(Guess { field, doubts, seen, like: None })
}

/// The ids of the people of each event: an id that is always one of them names a person.
#[derive(Clone, Copy)]
pub(super) struct PersonIds<'a>(pub(super) &'a [BTreeSet<i64>]);

impl PersonIds<'_> {
    fn are_all(self, values: &Values<'_>) -> bool {
        let ids: Vec<_> = values
            .iter()
            .zip(self.0)
            .filter_map(|(value, people)| Some((whole((*value)?.into())?, people)))
            .filter(|(id, _)| *id > 0)
            .collect();
        !ids.is_empty() && ids.iter().all(|(id, people)| people.contains(id))
    }
}

struct Candidate {
    scalar: Scalar,
    many: Many,
    zero: bool,
    empty: bool,
    doubt: Option<&'static str>,
}

/// The types that may hold these values, the best first.
fn candidates(key: &str, there: &[&Value]) -> Vec<Candidate> {
    if there.iter().any(|v| v.is_object()) {
        let doubt = Some("only the names of its keys are told, never the values");
        return vec![Candidate {
            scalar: Scalar::String,
            many: Many::Keys,
            zero: false,
            empty: false,
            doubt,
        }];
    }
    let many = if there.iter().any(|v| v.is_array()) { Many::List } else { Many::One };
    let items: Vec<&Value> = there
        .iter()
        .flat_map(|v| v.as_array().map_or_else(|| vec![*v], |items| items.iter().collect()))
        .collect();
    let one = many == Many::One;
    let wholes: Option<Vec<i64>> = items.iter().map(|v| whole((*v).into())).collect();
    let zeros = wholes.as_ref().is_some_and(|w| w.contains(&0));
    let mut list = Vec::new();
    let mut offer = |scalar, zero, empty, doubt| list.push(Candidate { scalar, many, zero, empty, doubt });

    let leading_zero =
        |v: &&Value| v.as_str().is_some_and(|t| t.len() > 1 && t.starts_with('0') && !t.starts_with("0."));
    let text =
        items.iter().any(leading_zero) || (names::says_text(key) && items.iter().any(|v| v.is_string()));
    if !text && (!items.is_empty() || names::says_id(key) || names::says_time(key)) {
        let wholes = wholes.unwrap_or_default();
        let by_size = wholes.iter().any(|n| TIMES.contains(n));
        let time = wholes.iter().all(|n| *n == 0 || TIMES.contains(n)) && (by_size || names::says_time(key));
        if time {
            let doubt = match (by_size, names::says_time(key)) {
                (true, true) => None,
                (true, false) => Some("taken for a time by its size"),
                _ => Some("taken for a time by its name"),
            };
            offer(Scalar::Timestamp, one && zeros, false, doubt);
        }
        if items.iter().any(|v| v.is_boolean()) && items.iter().all(|v| v.is_boolean()) {
            offer(Scalar::Boolean, false, false, None);
        } else if !items.is_empty() && !names::says_code_or_count(key) {
            offer(
                Scalar::Boolean,
                false,
                false,
                Some("only 0 and 1 were seen, so it is taken for true or false"),
            );
        }
        offer(Scalar::Integer, one && zeros && names::says_id(key), false, None);
        offer(Scalar::Number, false, false, None);
    }
    let empty = items.iter().any(|v| v.as_str() == Some(""));
    offer(Scalar::String, false, one && empty && !names::says_text(key), None);
    list
}

/// The words seen, where they look like those of a list: few, and each a plain word.
fn codes(key: &str, there: &[&Value], scalar: Scalar) -> Vec<String> {
    let words: BTreeSet<&str> = there.iter().filter_map(|v| v.as_str()).filter(|t| !t.is_empty()).collect();
    let word = |t: &&str| {
        t.len() <= 30 && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let few = scalar == Scalar::String && !words.is_empty() && words.len() <= 12;
    if few && names::says_code(key) && words.iter().all(word) {
        words.into_iter().map(str::to_owned).collect()
    } else {
        Vec::new()
    }
}

/// How many values are shown, and how much of a text.
const SHOWN: usize = 4;
const SHOWN_LENGTH: usize = 40;

/// What was seen, in a line: how often, and of values what may be shown.
pub(super) fn seen(field: &Field, values: &Values<'_>, samples: bool) -> String {
    let there = values.iter().flatten().count();
    let nulls = values.iter().flatten().filter(|v| v.is_null()).count();
    let mut line = format!("seen in {there} of {}", values.len());
    if nulls > 0 {
        line += &format!(", null in {nulls}");
    }
    let all: BTreeSet<String> =
        values.iter().flatten().filter_map(|v| key_text(Plain::from(*v))).map(Cow::into_owned).collect();
    if field.personal.is_some() {
        return line + "; values of people are not shown";
    }
    if field.many != Many::One || all.is_empty() {
        return line;
    }
    if field.scalar == Scalar::String && !samples {
        let longest = all.iter().map(|t| t.chars().count()).max().unwrap_or_default();
        return line + &format!("; different texts: {}, the longest of {longest} characters", all.len());
    }
    let shown: Vec<String> = all
        .iter()
        .take(SHOWN)
        .map(|text| {
            let cut: String = text.chars().take(SHOWN_LENGTH).collect();
            if field.scalar == Scalar::String { format!("{cut:?}") } else { cut }
        })
        .collect();
    let more = if all.len() > SHOWN { format!(" and {} more", all.len() - SHOWN) } else { String::new() };
    line + &format!(": {}{more}", shown.join(", "))
}
