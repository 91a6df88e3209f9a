//! Coercion: Moodle sends one value as `"5"`, `5`, `5.0` or `"5.00000"`, as the page happened to hold it;
//! a contract promises one type. What cannot be that type is a complaint that names kinds, not values.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::{Number, Value};

use super::field::{Field, Many, Role, Scalar};
use super::tree::Tree;

/// The largest whole number that every JSON reader keeps exactly.
const EXACT: i64 = 1 << 53;
/// The end of the year 9999: the last second RFC 3339 can write.
const LAST_SECOND: i64 = 253_402_300_799;

/// What stands at a field's origin.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'d> {
    Missing,
    Here(&'d Tree<'d>),
    /// Made by a named function.
    Word(&'static str),
}

impl<'d> From<Option<&'d Tree<'d>>> for Found<'d> {
    fn from(value: Option<&'d Tree<'d>>) -> Self {
        value.map_or(Self::Missing, Self::Here)
    }
}

/// A value as it is found: of a list or map only how long it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plain<'d> {
    Null,
    Bool(bool),
    Number(&'d Number),
    Text(&'d str),
    List(usize),
    Map(usize),
}

impl<'d> From<&'d Value> for Plain<'d> {
    fn from(value: &'d Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Number(n) => Self::Number(n),
            Value::String(text) => Self::Text(text),
            Value::Array(items) => Self::List(items.len()),
            Value::Object(map) => Self::Map(map.len()),
        }
    }
}

impl<'d> From<&'d Tree<'_>> for Plain<'d> {
    fn from(value: &'d Tree<'_>) -> Self {
        match value {
            Tree::Null => Self::Null,
            Tree::Bool(b) => Self::Bool(*b),
            Tree::Number(n) => Self::Number(n),
            Tree::Text(text) => Self::Text(text),
            Tree::List(items) => Self::List(items.len()),
            Tree::Map(members) => Self::Map(members.len()),
        }
    }
}

/// A value of the promised type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told<'d> {
    Null,
    Integer(i64),
    Number(f64),
    Boolean(bool),
    Text(Cow<'d, str>),
    /// Seconds since 1970.
    Time(i64),
    List(Vec<Told<'d>>),
}

impl Told<'_> {
    /// The value as plain text: for subjects, groups and attributes. None for null and lists.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null | Self::List(_) => None,
            Self::Integer(n) | Self::Time(n) => Some(n.to_string().into()),
            Self::Number(n) => Some(n.to_string().into()),
            Self::Boolean(b) => Some(if *b { "true" } else { "false" }.into()),
            Self::Text(text) => Some(Cow::Borrowed(text)),
        }
    }
}

/// Why a value is not what the field promises.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) expected: Cow<'static, str>,
    pub(super) found: String,
}

/// A whole number, from a number or from digits.
pub(super) fn whole(value: Plain<'_>) -> Option<i64> {
    match value {
        Plain::Number(n) => whole_number(n),
        Plain::Text(text) => digits(text),
        _ => None,
    }
}

fn whole_number(n: &Number) -> Option<i64> {
    // 52.0 is 52: PHP writes a float that happens to be whole like that.
    n.as_i64().or_else(|| {
        n.as_f64().filter(|f| f.fract() == 0.0 && f.abs() <= 9e15).and_then(|f| f.to_string().parse().ok())
    })
}

fn digits(text: &str) -> Option<i64> {
    let bare = text.strip_prefix('-').unwrap_or(text);
    if bare.is_empty() || !bare.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn decimal(text: &str) -> Option<f64> {
    let bare = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = bare.split_once('.').unwrap_or((bare, "0"));
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if digits(whole) && digits(part) { text.parse().ok() } else { None }
}

/// A source value as text, for `values` and `when`: 50 and "50" are one key. None for null, maps, lists.
pub(super) fn key_text(value: Plain<'_>) -> Option<Cow<'_, str>> {
    match value {
        Plain::Text(text) => Some(text.into()),
        Plain::Bool(b) => Some(if b { "true" } else { "false" }.into()),
        Plain::Number(n) => Some(whole_number(n).map_or_else(|| n.to_string(), |w| w.to_string()).into()),
        Plain::Null | Plain::List(_) | Plain::Map(_) => None,
    }
}

/// What a value is, without saying it: it may be personal.
pub(super) fn kind(value: Plain<'_>) -> String {
    match value {
        Plain::Null => "null".into(),
        Plain::Bool(_) => "a boolean".into(),
        Plain::Number(n) if whole_number(n).is_some() => "a whole number".into(),
        Plain::Number(_) => "a number".into(),
        Plain::Text(text) if digits(text).is_some() => format!("text of {} digits", text.len()),
        Plain::Text(text) => format!("text of {} characters", text.chars().count()),
        Plain::List(items) => format!("a list of {items}"),
        Plain::Map(keys) => format!("a map of {keys} keys"),
    }
}

/// The value a field promises. `Ok(None)`: the thing that the field identifies does not exist (an id
/// that is null, 0 or below), which only an id of a block that may be missing can say.
pub(super) fn tell<'d>(field: &Field, found: &'d Tree<'_>) -> Result<Option<Told<'d>>, Mismatch> {
    if found.is_null() && field.says_null() {
        return Ok(Some(Told::Null));
    }
    if field.role != Role::Plain {
        return id(field, found.into());
    }
    let told = match field.many {
        Many::One => one(field, found.into())?,
        Many::Keys => Told::List(key_names(found)?),
        Many::Given => Told::Boolean(!found.is_null()),
        Many::List => match found {
            Tree::List(items) => {
                Told::List(items.iter().map(|item| one(field, item.into())).collect::<Result<_, _>>()?)
            }
            other => return Err(Mismatch { expected: "a list".into(), found: kind(other.into()) }),
        },
    };
    let none = match &told {
        Told::Integer(0) | Told::Time(0) => field.zero_is_null,
        Told::Number(n) => field.zero_is_null && *n == 0.0,
        Told::Text(text) => field.empty_is_null && text.is_empty(),
        _ => false,
    };
    Ok(Some(if none { Told::Null } else { told }))
}

fn id<'d>(field: &Field, found: Plain<'_>) -> Result<Option<Told<'d>>, Mismatch> {
    match whole(found) {
        Some(n @ 1..=EXACT) => Ok(Some(Told::Integer(n))),
        Some(..=0) if field.role == Role::IdOrNone => Ok(None),
        None if matches!(found, Plain::Null) && field.role == Role::IdOrNone => Ok(None),
        _ => Err(Mismatch { expected: "an id above 0".into(), found: kind(found) }),
    }
}

/// The value of one that a named function gave.
pub(super) fn tell_word(field: &Field, word: &'static str) -> Told<'static> {
    let mapped = field.values.iter().find(|(from, _)| from == word);
    Told::Text(mapped.map_or(Cow::Borrowed(word), |(_, to)| Cow::Owned(to.clone())))
}

fn key_names<'d>(found: &'d Tree<'_>) -> Result<Vec<Told<'d>>, Mismatch> {
    match found {
        Tree::Map(members) => {
            // Sorted, so that equal input gives equal bytes however a map keeps its keys.
            let mut names: Vec<&str> = members.names().collect();
            names.sort_unstable();
            Ok(names.into_iter().map(|k| Told::Text(k.into())).collect())
        }
        // PHP writes an empty map as `[]`.
        Tree::List(items) if items.is_empty() => Ok(Vec::new()),
        other => Err(Mismatch { expected: "a map".into(), found: kind(other.into()) }),
    }
}

fn one<'d>(field: &Field, found: Plain<'d>) -> Result<Told<'d>, Mismatch> {
    if !field.values.is_empty() {
        return mapped(field, found);
    }
    let told = match field.scalar {
        Scalar::Integer => whole(found).filter(|n| n.abs() <= EXACT).map(Told::Integer),
        Scalar::Number => number(found).map(Told::Number),
        Scalar::Boolean => boolean(found).map(Told::Boolean),
        Scalar::Timestamp => whole(found).filter(|n| (0..=LAST_SECOND).contains(n)).map(Told::Time),
        Scalar::String => text(field, found),
    };
    told.ok_or_else(|| Mismatch { expected: field.scalar.expected().into(), found: kind(found) })
}

fn mapped<'d>(field: &Field, found: Plain<'_>) -> Result<Told<'d>, Mismatch> {
    let key = key_text(found);
    if let Some((_, to)) = field.values.iter().find(|(from, _)| Some(from.as_str()) == key.as_deref()) {
        return Ok(Told::Text(Cow::Owned(to.clone())));
    }
    let keys: Vec<_> = field.values.iter().map(|(from, _)| format!("{from:?}")).collect();
    let found = match key {
        Some(key) if field.personal.is_none() => format!("{:?}", key.chars().take(40).collect::<String>()),
        _ => kind(found),
    };
    Err(Mismatch { expected: format!("one of {}", keys.join(", ")).into(), found })
}

fn number(found: Plain<'_>) -> Option<f64> {
    let n = match found {
        Plain::Number(n) => n.as_f64(),
        Plain::Text(text) => decimal(text),
        _ => None,
    }?;
    #[allow(clippy::cast_precision_loss, reason = "2^53 is exact")]
    let kept = n.is_finite() && (n.fract() != 0.0 || n.abs() <= EXACT as f64);
    // Adding 0 makes -0 plain 0: "-0.00000" and 0 are one value.
    kept.then_some(n + 0.0)
}

fn boolean(found: Plain<'_>) -> Option<bool> {
    match found {
        Plain::Bool(b) => Some(b),
        Plain::Number(n) => match n.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Plain::Text("0") => Some(false),
        Plain::Text("1") => Some(true),
        _ => None,
    }
}

fn text<'d>(field: &Field, found: Plain<'d>) -> Option<Told<'d>> {
    let text: Cow<'d, str> = match found {
        Plain::Text(text) => text.into(),
        Plain::Number(n) => whole_number(n)?.to_string().into(),
        _ => return None,
    };
    Some(Told::Text(match field.max_length {
        Some(max) if text.chars().nth(max).is_some() => {
            let mut cut: String = text.chars().take(max - 1).collect();
            cut.push('…');
            cut.into()
        }
        _ => text,
    }))
}

/// Appends a time as RFC 3339 in UTC, whole seconds.
pub(super) fn write_time(out: &mut String, seconds: i64) {
    // Always within the range, by `LAST_SECOND`; were it not, the schema's format would refuse it.
    if let Ok(time) = jiff::Timestamp::from_second(seconds) {
        // Writing to a String does not fail.
        let _ = write!(out, "{time}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tells(field: &Field, value: &Value) -> Result<String, String> {
        let text = value.to_string();
        match tell(field, &serde_json::from_str(&text).unwrap()) {
            Ok(Some(told)) => {
                let mut out = String::new();
                super::super::json::write_told(&mut out, &told);
                Ok(out)
            }
            Ok(None) => Ok("nothing".into()),
            Err(m) => Err(format!("{}, found {}", m.expected, m.found)),
        }
    }

    fn field(toml: &str) -> Field {
        Field::for_test(toml)
    }

    fn table(toml: &str, rows: &[(Value, Result<&str, &str>)]) {
        let field = field(toml);
        for (value, expected) in rows {
            let told = tells(&field, value);
            assert_eq!(told.as_deref().map_err(String::as_str), *expected, "{toml}: {value}");
        }
    }

    #[test]
    fn integers_come_from_numbers_and_digits_and_stay_exact() {
        const NOT: &str = "a whole number of at most 2^53";
        table(
            "type = \"integer\"",
            &[
                (json!(5), Ok("5")),
                (json!("5"), Ok("5")),
                (json!(5.0), Ok("5")),
                (json!("-5"), Ok("-5")),
                (json!("007"), Ok("7")),
                (json!(9_007_199_254_740_992_i64), Ok("9007199254740992")),
                (json!(9_007_199_254_740_993_i64), Err(&format!("{NOT}, found a whole number"))),
                (json!("9007199254740993"), Err(&format!("{NOT}, found text of 16 digits"))),
                (json!("99999999999999999999"), Err(&format!("{NOT}, found text of 20 characters"))),
                (json!(u64::MAX), Err(&format!("{NOT}, found a number"))),
                (json!(5.5), Err(&format!("{NOT}, found a number"))),
                (json!("5.5"), Err(&format!("{NOT}, found text of 3 characters"))),
                (json!(""), Err(&format!("{NOT}, found text of 0 characters"))),
                (json!("+5"), Err(&format!("{NOT}, found text of 2 characters"))),
                (json!(true), Err(&format!("{NOT}, found a boolean"))),
                (json!(null), Err(&format!("{NOT}, found null"))),
                (json!([1]), Err(&format!("{NOT}, found a list of 1"))),
                (json!({"a": 1}), Err(&format!("{NOT}, found a map of 1 keys"))),
            ],
        );
    }

    #[test]
    fn numbers_of_one_value_give_the_same_bytes() {
        const NOT: &str = "a number, whole ones of at most 2^53";
        table(
            "type = \"number\"",
            &[
                (json!(50), Ok("50")),
                (json!(50.0), Ok("50")),
                (json!("50.00000"), Ok("50")),
                (json!("50"), Ok("50")),
                (json!("66.66667"), Ok("66.66667")),
                (json!(66.66667), Ok("66.66667")),
                (json!("0.00000"), Ok("0")),
                (json!("-0.00000"), Ok("0")),
                (json!(-0.0), Ok("0")),
                (json!("-1.50000"), Ok("-1.5")),
                (json!(0.000_000_1), Ok("0.0000001")),
                (json!(1e300), Err(&format!("{NOT}, found a number"))),
                (json!("9007199254740994"), Err(&format!("{NOT}, found text of 16 digits"))),
                (json!("1e5"), Err(&format!("{NOT}, found text of 3 characters"))),
                (json!("50,0"), Err(&format!("{NOT}, found text of 4 characters"))),
                (json!("."), Err(&format!("{NOT}, found text of 1 characters"))),
                (json!("NaN"), Err(&format!("{NOT}, found text of 3 characters"))),
            ],
        );
    }

    #[test]
    fn strings_booleans_and_times_have_one_form() {
        table(
            "type = \"string\"",
            &[
                (json!("a"), Ok("\"a\"")),
                (json!(""), Ok("\"\"")),
                (json!(12), Ok("\"12\"")),
                (json!("12"), Ok("\"12\"")),
                (json!(true), Err("text, found a boolean")),
                (json!(1.5), Err("text, found a number")),
            ],
        );
        table(
            "type = \"boolean\"",
            &[
                (json!(true), Ok("true")),
                (json!(0), Ok("false")),
                (json!("1"), Ok("true")),
                (json!("0"), Ok("false")),
                (json!(2), Err("true or false, 0 or 1, found a whole number")),
                (json!(""), Err("true or false, 0 or 1, found text of 0 characters")),
                (json!("true"), Err("true or false, 0 or 1, found text of 4 characters")),
            ],
        );
        table(
            "type = \"timestamp\"",
            &[
                (json!(1_795_536_753), Ok("\"2026-11-24T16:12:33Z\"")),
                (json!("1795536753"), Ok("\"2026-11-24T16:12:33Z\"")),
                (json!(0), Ok("\"1970-01-01T00:00:00Z\"")),
                (json!(-1), Err("Unix seconds from 1970 to 9999, found a whole number")),
                (json!(253_402_300_800_i64), Err("Unix seconds from 1970 to 9999, found a whole number")),
                (json!("2026-11-24"), Err("Unix seconds from 1970 to 9999, found text of 10 characters")),
            ],
        );
    }

    #[test]
    fn null_is_told_only_where_the_contract_says_so() {
        table(
            "type = \"integer\"\nzero = \"null\"",
            &[
                (json!(0), Ok("null")),
                (json!("0"), Ok("null")),
                (json!(1), Ok("1")),
                (json!(null), Ok("null")),
            ],
        );
        table("type = \"timestamp\"\nzero = \"null\"", &[(json!("0"), Ok("null"))]);
        table("type = \"number\"\nzero = \"null\"", &[(json!("0.00000"), Ok("null"))]);
        table("type = \"string\"\nempty = \"null\"", &[(json!(""), Ok("null")), (json!("x"), Ok("\"x\""))]);
        table("type = \"number\"\nnullable = true", &[(json!(null), Ok("null")), (json!(0), Ok("0"))]);
    }

    #[test]
    fn closed_values_compare_the_source_as_text() {
        table(
            "type = \"string\"\nvalues = { \"0\" = \"active\", \"1\" = \"suspended\", \"\" = \"none\", \"true\" = \"yes\" }",
            &[
                (json!("0"), Ok("\"active\"")),
                (json!(1), Ok("\"suspended\"")),
                (json!(1.0), Ok("\"suspended\"")),
                (json!(""), Ok("\"none\"")),
                (json!(true), Ok("\"yes\"")),
                (json!("2"), Err("one of \"0\", \"1\", \"\", \"true\", found \"2\"")),
                (json!(null), Err("one of \"0\", \"1\", \"\", \"true\", found null")),
            ],
        );
    }

    #[test]
    fn a_personal_value_is_never_in_a_complaint() {
        table(
            "type = \"string\"\npersonal = \"performance\"\nvalues = { \"0\" = \"failed\" }",
            &[(json!("secret"), Err("one of \"0\", found text of 6 characters"))],
        );
    }

    #[test]
    fn lists_and_names_of_keys() {
        table(
            "type = \"list\"\nof = \"integer\"",
            &[
                (json!(["1", 2]), Ok("[1,2]")),
                (json!([]), Ok("[]")),
                (json!(["x"]), Err("a whole number of at most 2^53, found text of 1 characters")),
                (json!({}), Err("a list, found a map of 0 keys")),
            ],
        );
        table(
            "type = \"list\"\nkeys = true",
            &[
                (json!({"b": "secret", "a": null}), Ok("[\"a\",\"b\"]")),
                (json!([]), Ok("[]")),
                (json!(["secret"]), Err("a map, found a list of 1")),
                (json!("x"), Err("a map, found text of 1 characters")),
            ],
        );
    }

    #[test]
    fn whether_a_value_is_set_tells_nothing_of_the_value() {
        table(
            "type = \"boolean\"\ngiven = true",
            &[(json!(null), Ok("false")), (json!(0), Ok("true")), (json!("1795536675"), Ok("true"))],
        );
    }

    #[test]
    fn a_text_over_its_length_is_cut_and_shows_it() {
        table(
            "type = \"string\"\nmax_length = 4",
            &[(json!("äöüß"), Ok("\"äöüß\"")), (json!("äöüßx"), Ok("\"äöü…\""))],
        );
    }
}
