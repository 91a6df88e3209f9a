//! Strict JSON: what could be read in two ways is refused.
//!
//! A batch is first split into its elements without reading them, so that one bad element stands
//! alone. An element is then read into a value; a key that stands twice in one object, or nesting
//! beyond the limit, is a fault of that element. Numbers are as `serde_json` gives them: an integer
//! beyond 64 bits becomes a float, which a contract refuses where it promises an integer.

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// Why a text is no array of elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoArray {
    /// It is no JSON, at this byte (counted from 0, near enough to find it).
    Invalid(String),
    /// It is JSON, but no array.
    Other,
    /// It has more elements than allowed.
    TooMany,
}

/// Why an element can't be read. Paths name keys only, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// It is no JSON.
    #[error("{0}")]
    Invalid(String),
    /// An object has one key twice.
    #[error("the key stands twice: {0}")]
    DuplicateKey(String),
    /// It is nested beyond the limit.
    #[error("nested deeper than {limit} levels, at {path}")]
    TooDeep {
        /// The limit.
        limit: usize,
        /// Where.
        path: String,
    },
}

/// The elements of an array, each as it was written.
///
/// # Errors
/// No JSON, no array, or more than `most` elements.
pub(super) fn split(body: &[u8], most: usize) -> Result<Vec<&RawValue>, NoArray> {
    let text = std::str::from_utf8(body)
        .map_err(|e| NoArray::Invalid(format!("invalid UTF-8 at byte {}", e.valid_up_to())))?;
    let too_many = RefCell::new(false);
    let mut reader = serde_json::Deserializer::from_str(text);
    let elements = reader.deserialize_any(Elements { most, too_many: &too_many }).and_then(|found| {
        reader.end()?;
        Ok(found)
    });
    match elements {
        Ok(Some(elements)) => Ok(elements),
        Ok(None) => Err(NoArray::Other),
        Err(_) if too_many.into_inner() => Err(NoArray::TooMany),
        Err(error) => Err(NoArray::Invalid(words(&error))),
    }
}

/// Where and why, without what was found there.
fn words(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        _ => "it breaks the grammar",
    };
    format!("{what}, at line {} column {}", error.line(), error.column())
}

struct Elements<'a> {
    most: usize,
    too_many: &'a RefCell<bool>,
}

impl<'de> Visitor<'de> for Elements<'_> {
    /// None: JSON, but no array.
    type Value = Option<Vec<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            if elements.len() == self.most {
                self.too_many.replace(true);
                return Err(de::Error::custom("too many elements"));
            }
            elements.push(element);
        }
        Ok(Some(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Reads one value. It may be nested `deepest` levels: 1 is an object of plain values.
///
/// # Errors
/// See [`Fault`].
pub(super) fn parse(text: &str, deepest: usize) -> Result<Value, Fault> {
    let fault = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_str(text);
    // Ours stops first, at `deepest`, and says where.
    let seed = Strict { deepest, level: 0, path: &Path::Root, fault: &fault };
    let value = seed.deserialize(&mut reader).and_then(|value| {
        reader.end()?;
        Ok(value)
    });
    value.map_err(|error| fault.into_inner().unwrap_or_else(|| Fault::Invalid(words(&error))))
}

/// Where in a value we are; built on the way down without a write to the heap.
enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("$"),
            // A key may be what somebody typed (a map in `other`): then it is not repeated.
            Self::Key(before, key) if is_plain(key) => write!(f, "{before}.{key}"),
            Self::Key(before, _) => write!(f, "{before}.?"),
            Self::Index(before, index) => write!(f, "{before}[{index}]"),
        }
    }
}

fn is_plain(key: &str) -> bool {
    (1..=40).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    deepest: usize,
    level: usize,
    path: &'a Path<'a>,
    fault: &'a RefCell<Option<Fault>>,
}

impl Strict<'_> {
    fn fail<E: de::Error>(self, fault: Fault) -> E {
        self.fault.replace(Some(fault));
        E::custom("strict")
    }

    fn enter<E: de::Error>(self) -> Result<usize, E> {
        if self.level == self.deepest {
            return Err(self.fail(Fault::TooDeep { limit: self.deepest, path: self.path.to_string() }));
        }
        Ok(self.level + 1)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Number::from_f64(v).map_or(Value::Null, Value::Number))
    }
    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }
    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let level = self.enter()?;
        let mut values = Vec::new();
        loop {
            let path = Path::Index(self.path, values.len());
            let Some(value) = seq.next_element_seed(Strict { level, path: &path, ..self })? else {
                return Ok(Value::Array(values));
            };
            values.push(value);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let level = self.enter()?;
        let mut values = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let path = Path::Key(self.path, &key);
            if values.contains_key(&key) {
                return Err(self.fail(Fault::DuplicateKey(path.to_string())));
            }
            let value = map.next_value_seed(Strict { level, path: &path, ..self })?;
            values.insert(key, value);
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> String {
        format!("{}{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn a_batch_is_split_without_reading_its_elements() {
        let raw = |body: &str| {
            split(body.as_bytes(), 3).map(|v| v.iter().map(|e| e.get().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(raw(" [] "), Ok(vec![]));
        assert_eq!(
            raw(r#"[ {"a":1,"a":2} , 1e999,"\ud800"]"#),
            Ok(vec![r#"{"a":1,"a":2}"#.into(), "1e999".into(), r#""\ud800""#.into()])
        );
        for other in ["{}", r#"{"a":[1]}"#, "1", "-1", "1.5", "\"a\"", "null", "true"] {
            assert_eq!(raw(other), Err(NoArray::Other), "{other}");
        }
        assert_eq!(raw("[1,2,3,4]"), Err(NoArray::TooMany));
        assert_eq!(raw(&nested(1_000_000)).map(|v| v.len()), Ok(1), "splitting needs no stack");
        for bad in ["", "[", "[1,]", "[1] 2", "[01]", "\u{feff}[]", "{\"a\"}", "[nul]", "[\"\t\"]"] {
            assert!(matches!(raw(bad), Err(NoArray::Invalid(_))), "{bad}");
        }
        assert_eq!(split(b"[\"\xff\"]", 3).unwrap_err(), NoArray::Invalid("invalid UTF-8 at byte 2".into()));
    }

    #[test]
    fn equal_text_gives_what_serde_json_gives() {
        for text in [
            r#"{"a":[1,-2,2.5,"x",null,true,{"b":{}}],"c":18446744073709551615}"#,
            r#"{"n":123456789012345678901234567890,"z":-0,"u":"\u0000\ufffe"}"#,
            "[]",
            "7",
        ] {
            assert_eq!(parse(text, 32).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_named_by_its_path() {
        for (text, path) in [
            (r#"{"a":1,"a":1}"#, "$.a"),
            (r#"{"a":{"b":[1,{"c":1,"d":2,"c":3}]}}"#, "$.a.b[1].c"),
            (r#"{"a":1,"\u0061":2}"#, "$.a"),
            (r#"{"what a person typed":{"x":1,"x":1}}"#, "$.?.x"),
        ] {
            assert_eq!(parse(text, 32), Err(Fault::DuplicateKey(path.into())), "{text}");
        }
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        assert!(parse(&nested(31), 32).is_ok());
        assert!(parse(&nested(32), 32).is_ok());
        for levels in [33, 128, 10_000] {
            assert!(matches!(parse(&nested(levels), 32), Err(Fault::TooDeep { limit: 32, .. })), "{levels}");
        }
        assert_eq!(parse(r#"{"a":[{}]}"#, 2), Err(Fault::TooDeep { limit: 2, path: "$.a[0]".into() }));
    }

    #[test]
    fn what_is_no_json_is_invalid_and_the_words_hold_no_value() {
        for bad in [
            "1e999",
            r#""\ud800""#,
            r#""\udc00x""#,
            "{\"secret\":\"\u{1}\"}",
            "{",
            "[1 2]",
            "'a'",
            "NaN",
            "1 1",
            "+1",
            ".5",
            "0x1",
        ] {
            let Err(Fault::Invalid(words)) = parse(bad, 32) else { panic!("{bad}") };
            assert!(!words.contains("secret"), "{words}");
        }
    }
}
