//! Names what a message speaks of: its subject, and the group within which order holds. Both come from
//! the event alone, so that the group is known at accept, cheaply, and is the one the message carries.

use sha2::{Digest, Sha256};

use super::block::Object;
use super::field::{Field, Origin};
use super::file::{Draft, Part};
use super::map::{Form, Mapping, unexpectedly_anonymous};
use super::tree::StoredData;
use crate::delivery::{ContractId, Group, Parking, Reason};

/// How one contract names subject and group.
#[derive(Debug)]
pub(super) struct Naming {
    contract: ContractId,
    subject: Vec<Piece>,
    group: Grouping,
    /// The activity, where the contract speaks of anonymous events: their subject and group.
    activity: Option<Field>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Field(Box<Field>),
}

#[derive(Debug)]
enum Grouping {
    /// As the contract lists; what is null or absent is left out.
    Listed(Vec<Field>),
    /// The default where the data have both: course and user, or the subject where one is not there.
    CourseAndUser(Vec<Field>),
    Subject,
}

/// What a message speaks of.
pub(super) struct Name {
    pub(super) subject: String,
    pub(super) group: Group,
    pub(super) form: Form,
}

impl Naming {
    pub(super) fn of(draft: &Draft) -> Self {
        let field = |path: &str| draft.data.fields().find(|f| f.path == path).cloned();
        let of_event = |path: &str| field(path).filter(|f| f.origins.iter().all(Origin::is_of_event));
        let subject = draft.subject.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(Piece::Text(text.clone())),
            Part::Field(path) => field(path).map(|f| Piece::Field(Box::new(f))),
        });
        let group = match (&draft.group, of_event("course.id"), of_event("user.id")) {
            (Some(paths), ..) => Grouping::Listed(paths.iter().filter_map(|path| field(path)).collect()),
            (None, Some(course), Some(user)) => Grouping::CourseAndUser(vec![course, user]),
            _ => Grouping::Subject,
        };
        let activity = draft.anonymous.as_ref().and_then(|_| activity_id(&draft.data)).cloned();
        Self { contract: draft.id.clone(), subject: subject.collect(), group, activity }
    }

    /// The group in words.
    pub(super) fn group_text(&self) -> String {
        match &self.group {
            Grouping::Listed(fields) => fields.iter().map(|f| f.path.as_str()).collect::<Vec<_>>().join(", "),
            Grouping::CourseAndUser(_) => "course.id, user.id".to_owned(),
            Grouping::Subject => "subject".to_owned(),
        }
    }

    /// The group as the digest covers it. A listed group may read like a default and differ from it where a
    /// part is absent: then the default takes the subject, and a listed one what is left.
    pub(super) fn group_promise(&self) -> String {
        let text = self.group_text();
        match &self.group {
            Grouping::Listed(_) if text == "course.id, user.id" || text == "subject" => {
                format!("listed: {text}")
            }
            Grouping::Listed(_) | Grouping::CourseAndUser(_) | Grouping::Subject => text,
        }
    }

    /// Subject and group of an event of the site at `source`.
    pub(super) fn name(&self, source: &str, data: &StoredData<'_>) -> Result<Name, Parking> {
        if data.is_anonymous() {
            return self.name_activity(source, data);
        }
        let mapping = Mapping { contract: &self.contract, data, form: Form::Named };
        let mut subject = String::new();
        for piece in &self.subject {
            match piece {
                Piece::Text(text) => subject.push_str(text),
                Piece::Field(field) => {
                    let text = mapping.read_text(field)?.ok_or_else(|| self.nothing(&field.path))?;
                    subject.push_str(&text);
                }
            }
        }
        let by_subject = || hash(source, &[("subject", subject.as_str())]);
        let group = match &self.group {
            Grouping::Subject => by_subject(),
            Grouping::Listed(fields) => match told(mapping, fields)? {
                parts if parts.is_empty() => return Err(self.nothing("group")),
                parts => hash(source, &parts),
            },
            Grouping::CourseAndUser(fields) => match told(mapping, fields)? {
                parts if parts.len() < fields.len() => by_subject(),
                parts => hash(source, &parts),
            },
        };
        Ok(Name { subject, group, form: Form::Named })
    }

    fn name_activity(&self, source: &str, data: &StoredData<'_>) -> Result<Name, Parking> {
        let Some(activity) = &self.activity else { return Err(unexpectedly_anonymous(&self.contract, data)) };
        let mapping = Mapping { contract: &self.contract, data, form: Form::Anonymous };
        let id = mapping.read_text(activity)?.ok_or_else(|| self.nothing(&activity.path))?;
        let subject = format!("activity/{id}");
        Ok(Name { group: hash(source, &[("subject", subject.as_str())]), subject, form: Form::Anonymous })
    }

    fn nothing(&self, what: &str) -> Parking {
        Parking::new(
            Reason::Mapping,
            format!("{}: {what}: expected a value that names it, found it absent or null", self.contract),
        )
    }
}

/// The path and text of each field that is there and not null.
fn told<'f>(mapping: Mapping<'_>, fields: &'f [Field]) -> Result<Vec<(&'f str, String)>, Parking> {
    let each =
        fields.iter().map(|field| Ok(mapping.read_text(field)?.map(|text| (field.path.as_str(), text))));
    each.filter_map(Result::transpose).collect()
}

/// The id of the activity block.
fn activity_id(data: &Object) -> Option<&Field> {
    data.fields().find(|f| f.path == "activity.cm_id")
}

/// The first 16 bytes of SHA-256 over the JSON array [source, path, value, path, value, …].
fn hash<T: AsRef<str>>(source: &str, parts: &[(&str, T)]) -> Group {
    let mut all = Vec::with_capacity(1 + parts.len() * 2);
    all.push(source);
    all.extend(parts.iter().flat_map(|(path, value)| [*path, value.as_ref()]));
    // An array of texts has one canonical form (RFC 8785), and this is it; texts cannot fail to be written.
    let digest = Sha256::digest(serde_json::to_vec(&all).unwrap_or_default());
    let mut group = [0; 16];
    group.copy_from_slice(&digest[..16]);
    Group(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_the_hash_of_canonical_json() {
        let parts = [("course.id", "9"), ("user.id", "a\"\u{8}\u{1f}\u{7f}é\u{2028}😀")];
        let all = ["https://x", "course.id", "9", "user.id", parts[1].1];
        let canonical = serde_json_canonicalizer::to_vec(&all).unwrap();
        assert_eq!(hash("https://x", &parts).0[..], Sha256::digest(canonical)[..16]);
    }

    #[test]
    fn a_group_on_the_wire_never_changes() {
        // Known value: consumers and FIFO topics hold groups for ever.
        let group = hash("https://moodle.example.ac.uk", &[("course.id", "9"), ("user.id", "61")]);
        assert_eq!(group.to_hex(), "5e665e2ef9f17854cd5f90d10828ecb5");
    }
}
