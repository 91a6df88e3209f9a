//! JSON text as it lies before us: read once, borrowed from the text, never changed. Each message reads two
//! such texts, the stored event and its own body for the check; trees of owned values took two fifths of
//! the time that a message costs.

use std::borrow::Cow;
use std::fmt;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object, cmp};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use super::cut::is_marked_anonymous;
use super::path::{Path, Root};
use super::value::Plain;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree<'t> {
    Null,
    Bool(bool),
    Number(Number),
    /// Borrowed where the text has no escape in it.
    Text(Cow<'t, str>),
    List(Vec<Tree<'t>>),
    Map(Members<'t>),
}

/// The members of an object, in the order of the text.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Members<'t>(Vec<(Cow<'t, str>, Tree<'t>)>);

/// An event as it is stored.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct StoredData<'t> {
    #[serde(borrow, default)]
    pub(super) event: Members<'t>,
    #[serde(borrow, default)]
    pub(super) entities: Members<'t>,
}

impl<'t> StoredData<'t> {
    /// Reads the JSON text in which an event is stored.
    pub(super) fn parse(text: &'t [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// Reads the event's own half and passes over the entities: enough to name a group, and cheap.
    pub(super) fn parse_event(text: &'t [u8]) -> Result<Self, serde_json::Error> {
        #[derive(serde::Deserialize)]
        struct Half<'t> {
            #[serde(borrow, default)]
            event: Members<'t>,
        }
        serde_json::from_slice::<Half<'t>>(text)
            .map(|half| Self { event: half.event, entities: Members::default() })
    }

    /// The value at a path, if it is there.
    pub(super) fn find(&self, path: &Path) -> Option<&Tree<'t>> {
        let top = match path.root {
            Root::Event => &self.event,
            Root::Entities => &self.entities,
        };
        let mut keys = path.keys.iter();
        let first = top.get(keys.next()?)?;
        keys.try_fold(first, |value, key| value.get(key))
    }

    /// Whether Moodle marks the event anonymous.
    pub(super) fn is_anonymous(&self) -> bool {
        is_marked_anonymous(self.event.get("anonymous").map(Plain::from))
    }
}

impl<'t> Members<'t> {
    pub(super) fn get(&self, key: &str) -> Option<&Tree<'t>> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }
}

impl<'t> Tree<'t> {
    pub(super) fn get(&self, key: &str) -> Option<&Tree<'t>> {
        match self {
            Self::Map(members) => members.get(key),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(super) fn to_owned_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(*b),
            Self::Number(n) => Value::Number(n.clone()),
            Self::Text(text) => Value::String(text.clone().into_owned()),
            Self::List(items) => items.iter().map(Tree::to_owned_value).collect(),
            Self::Map(members) => {
                let owned = members.0.iter().map(|(name, value)| (name.to_string(), value.to_owned_value()));
                Value::Object(owned.collect())
            }
        }
    }
}

impl<'t, 'de: 't> Deserialize<'de> for Tree<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree<'de>, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, b: bool) -> Result<Tree<'de>, E> {
        Ok(Tree::Bool(b))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(n.into()))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(n.into()))
    }

    fn visit_f64<E>(self, n: f64) -> Result<Tree<'de>, E> {
        Ok(Number::from_f64(n).map_or(Tree::Null, Tree::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Tree<'de>, A::Error> {
        MembersVisitor.visit_map(map).map(Tree::Map)
    }
}

impl<'t, 'de: 't> Deserialize<'de> for Members<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some((Name(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

/// A member's name: serde's own `Cow` always copies.
struct Name<'t>(Cow<'t, str>);

impl<'t, 'de: 't> Deserialize<'de> for Name<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// The form in which the validator reads such trees.
pub(super) struct Borrowed;

impl Json for Borrowed {
    type Node<'a> = &'a Tree<'a>;
    type PreparedKey = String;
    type StringBuffer = ();
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(Self::Node<'_>) -> T) -> T {
        f(&Tree::Text(Cow::Borrowed(string)))
    }
}

impl<'a> Node<'a, Borrowed> for &'a Tree<'a> {
    type Object = &'a Members<'a>;
    type Array = &'a [Tree<'a>];
    type Number = &'a Number;

    fn as_object(&self) -> Option<&'a Members<'a>> {
        match self {
            Tree::Map(members) => Some(members),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<&'a [Tree<'a>]> {
        match self {
            Tree::List(items) => Some(items),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self {
            Tree::Text(text) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<&'a Number> {
        match self {
            Tree::Number(number) => Some(number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self {
            Tree::Bool(b) => Some(*b),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        Tree::is_null(self)
    }

    fn json_type(&self) -> JsonType {
        match self {
            Tree::Null => JsonType::Null,
            Tree::Bool(_) => JsonType::Boolean,
            Tree::Number(_) => JsonType::Number,
            Tree::Text(_) => JsonType::String,
            Tree::List(_) => JsonType::Array,
            Tree::Map(_) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match (self, expected) {
            (Tree::Text(text), Value::String(expected)) => text == expected,
            _ => cmp::equal(&self.to_owned_value(), expected),
        }
    }

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(self.to_owned_value())
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Tree<'a>>(self).addr()))
    }
}

type Member<'a> = (Cow<'a, str>, Tree<'a>);

impl<'a> Object<'a, Borrowed> for &'a Members<'a> {
    type Node = &'a Tree<'a>;
    type MemberName = &'a str;
    type MembersIter =
        std::iter::Map<std::slice::Iter<'a, Member<'a>>, fn(&'a Member<'a>) -> (&'a str, &'a Tree<'a>)>;

    fn len(&self) -> usize {
        Members::len(self)
    }

    fn get(&self, key: &String) -> Option<&'a Tree<'a>> {
        Members::get(self, key)
    }

    fn members(&self) -> Self::MembersIter {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl<'a> Array<'a, Borrowed> for &'a [Tree<'a>] {
    type Node = &'a Tree<'a>;
    type ElementsIter = std::slice::Iter<'a, Tree<'a>>;

    fn len(&self) -> usize {
        <[Tree<'a>]>::len(self)
    }

    fn elements(&self) -> Self::ElementsIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,8}|[\"\\\\\n\u{0}]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,6}|[\"\\\\]{1,2}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_tree_says_what_the_text_says(value in json()) {
            let text = value.to_string();
            let tree: Tree<'_> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(tree.to_owned_value(), serde_json::from_str::<Value>(&text).unwrap());
        }

        #[test]
        fn a_schema_judges_a_tree_as_it_judges_the_value(value in json(), other in json()) {
            let schema = serde_json::json!({
                "type": ["object", "array", "string", "null"], "maxLength": 3, "uniqueItems": true,
                "items": {"type": ["integer", "string", "boolean", "object"]}, "maxItems": 4,
                "propertyNames": {"pattern": "^[^a]"}, "required": [""], "enum": [other, value, "x", 5],
            });
            let loose = serde_json::json!({"allOf": [{"not": {"const": other}}], "properties": {"": {"type": "number"}}});
            for schema in [schema, loose] {
                let plain = jsonschema::options().build(&schema).unwrap();
                let ours = jsonschema::options_for::<Borrowed>().build(&schema).unwrap();
                for value in [&value, &other] {
                    let text = value.to_string();
                    let tree: Tree<'_> = serde_json::from_str(&text).unwrap();
                    let again: Value = serde_json::from_str(&text).unwrap();
                    prop_assert_eq!(plain.is_valid(&again), ours.is_valid(&tree));
                }
            }
        }
    }

    #[test]
    fn a_text_without_escapes_is_not_copied() {
        let tree: Tree<'_> = serde_json::from_str(r#"{"a":"b","c\n":"d\n"}"#).unwrap();
        let Tree::Map(Members(members)) = tree else { panic!("no map") };
        assert!(matches!(members[0], (Cow::Borrowed("a"), Tree::Text(Cow::Borrowed("b")))));
        assert!(matches!(members[1], (Cow::Owned(_), Tree::Text(Cow::Owned(_)))));
    }

    #[test]
    fn what_is_no_object_of_objects_is_no_stored_event() {
        for bad in ["", "1", r#"{"event":[]}"#, r#"{"event":{},"entities":null}"#, r#"{"event":{}"#] {
            assert!(StoredData::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let whole = StoredData::parse(br#"{"other":1,"event":{"objectid":"5"}}"#).unwrap();
        assert_eq!(whole.event.get("objectid"), Some(&Tree::Text("5".into())));
        assert!(
            StoredData::parse_event(br#"{"entities":[],"event":{"a":1}}"#).unwrap().event.get("a").is_some()
        );
    }
}
