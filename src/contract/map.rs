//! Maps an event to the data of a message: each field of the contract, in its order.

use super::block::{Member, Object, Presence};
use super::field::{Field, Role};
use super::json::write_told;
use super::tree::StoredData;
use super::value::{Found, Mismatch, Plain, Told, kind, tell, tell_word};
use crate::delivery::{ContractId, Parking, Reason};

/// What of an event may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// All that the contract lists.
    Named,
    /// The course and the activity; of people that they are hidden.
    Anonymous,
}

/// An event on its way into a message of one contract.
#[derive(Clone, Copy)]
pub(super) struct Mapping<'a> {
    pub(super) contract: &'a ContractId,
    pub(super) data: &'a StoredData<'a>,
    pub(super) form: Form,
}

impl<'a> Mapping<'a> {
    /// The value of one field; none where it is absent: not known, or there is no such thing.
    pub(super) fn read<'f: 'a>(&self, field: &'f Field) -> Result<Option<Told<'a>>, Parking> {
        let (origin, found) = field.find(self.data);
        let told = match found {
            Found::Word(word) => Ok(Some(tell_word(field, word))),
            Found::Here(value) => tell(field, value),
            Found::Missing if !field.is_required() || field.role == Role::IdOrNone => Ok(None),
            Found::Missing => {
                let expected = if field.role == Role::Id { "an id above 0" } else { field.scalar.expected() };
                Err(Mismatch { expected: expected.into(), found: "nothing".into() })
            }
        };
        told.map_err(|Mismatch { expected, found }| {
            let (contract, path) = (self.contract, &field.path);
            let detail = format!(
                "{contract}: field {path}, from {}: expected {expected}, found {found}",
                origin.text()
            );
            Parking::new(Reason::Mapping, detail)
        })
    }

    /// The value of one field as text; none where it is absent or null.
    pub(super) fn read_text<'f: 'a>(&self, field: &'f Field) -> Result<Option<String>, Parking> {
        Ok(self.read(field)?.and_then(|told| told.text().map(std::borrow::Cow::into_owned)))
    }

    /// Appends an object's JSON; gives whether there was anything to say.
    pub(super) fn write(&self, out: &mut String, object: &'a Object) -> Result<Written, Parking> {
        if object.person && self.form == Form::Anonymous {
            out.push_str(r#"{"kind":"hidden"}"#);
            return Ok(Written::Something);
        }
        if object.presence != Presence::Always && self.is_none(object)? {
            if object.presence == Presence::OrNull {
                out.push_str("null");
                return Ok(Written::Something);
            }
            return Ok(Written::Nothing);
        }
        let before = out.len();
        out.push('{');
        let empty = out.len();
        for member in &object.members {
            let here = out.len();
            if here > empty {
                out.push(',');
            }
            out.push('"');
            out.push_str(member.name());
            out.push_str("\":");
            if self.write_member(out, member)? == Written::Nothing {
                out.truncate(here);
            }
        }
        if out.len() == empty {
            out.truncate(before);
            return Ok(Written::Nothing);
        }
        out.push('}');
        Ok(Written::Something)
    }

    fn write_member(&self, out: &mut String, member: &'a Member) -> Result<Written, Parking> {
        let field = match member {
            Member::Object(object) => return self.write(out, object),
            Member::Field(field) => field,
        };
        if self.form == Form::Anonymous && !field.survives_anonymity() {
            return Ok(Written::Nothing);
        }
        Ok(self.read(field)?.map_or(Written::Nothing, |told| {
            write_told(out, &told);
            Written::Something
        }))
    }

    /// Whether the thing that an object describes does not exist.
    fn is_none(&self, object: &'a Object) -> Result<bool, Parking> {
        object.id().map_or(Ok(false), |id| Ok(self.read(id)?.is_none()))
    }
}

/// Whether an object or field left anything in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Something,
    Nothing,
}

/// The complaint about an event whose stored data are no JSON of the agreed form.
pub(super) fn unreadable(contract: &ContractId, error: &serde_json::Error) -> Parking {
    Parking::new(
        Reason::Mapping,
        format!(
            "{contract}: the stored event is no JSON object of event and entities (at column {})",
            error.column()
        ),
    )
}

/// The complaint about an anonymous event of a contract that has no words for one.
pub(super) fn unexpectedly_anonymous(contract: &ContractId, data: &StoredData<'_>) -> Parking {
    let found = data.event.get("anonymous").map(Plain::from).map_or("nothing".to_owned(), kind);
    let detail = format!(
        "{contract}: expected a named event (event.anonymous 0), found {found} that is not 0; the contract does not say what it tells of anonymous events (`anonymous = \"…\"`)"
    );
    Parking::new(Reason::Mapping, detail)
}
