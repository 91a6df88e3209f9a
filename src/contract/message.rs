//! The message: CloudEvents 1.0, structured JSON, in one fixed order, with the SNS attributes that
//! subscribers filter by; checked against the contract's schema before anyone may publish it.

use std::fmt::Write as _;

use super::Contract;
use super::cut::HOUR;
use super::field::Field;
use super::file::Draft;
use super::group::Name;
use super::json::{attribute, write_text};
use super::map::{Form, Mapping, unreadable};
use super::schema::complaint;
use super::tree::{StoredData, Tree};
use super::value::write_time;
use crate::delivery::{Group, Parking, Reason, message_id};
use crate::event::{Source, StoredEvent};

/// What is published for one event under one contract. A redrive and a replay add their attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `<event id>:<type>`: the same in every copy, for ever. Consumers deduplicate on it.
    pub id: String,
    /// JSON text, with no character that SNS forbids.
    pub body: String,
    /// Name and value, all of type String, none personal, none empty or over 256 bytes.
    pub attributes: Vec<(&'static str, String)>,
    /// The FIFO group: equal to the `partitionkey` in the body.
    pub group: Group,
}

/// The fields that become attributes of their own.
#[derive(Debug)]
pub(super) struct Attributes(Vec<(&'static str, Field)>);

impl Attributes {
    pub(super) fn of(draft: &Draft) -> Self {
        let names = [
            ("course_id", "course.id"),
            ("course_idnumber", "course.idnumber"),
            ("module", "activity.module"),
        ];
        // KMS does not encrypt attributes, so a contract that makes one of these personal keeps it out.
        let found = names.into_iter().filter_map(|(name, path)| {
            draft.data.fields().find(|f| f.path == path && f.personal.is_none()).map(|f| (name, f.clone()))
        });
        Self(found.collect())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(name, _)| *name)
    }

    /// The attributes' names, and the path of the field that each is.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, field)| (*name, field.path.as_str()))
    }
}

/// Makes the message of a stored event, and checks it.
pub(super) fn build(contract: &Contract, source: &Source, stored: &StoredEvent) -> Result<Message, Parking> {
    let event = &stored.event;
    if !contract.events.iter().any(|name| **name == *event.name) {
        let detail = format!(
            "{}: expected {}, found another event, {}",
            contract.id,
            contract.events.join(" or "),
            event.name
        );
        return Err(Parking::new(Reason::Mapping, detail));
    }
    let data = StoredData::parse(&event.data).map_err(|error| unreadable(&contract.id, &error))?;
    let name = contract.naming.name(&source.url, &data)?;
    let mapping = Mapping { contract: &contract.id, data: &data, form: name.form };
    let id = match name.form {
        Form::Named => message_id(event.id, contract.id.as_str()),
        // Receive has cut it already; it must be so whoever stored the event.
        Form::Anonymous => message_id(event.id.cut_to_hour(), contract.id.as_str()),
    };
    let mut body = String::with_capacity(1024 + event.data.len());
    write_envelope(&mut body, contract, source, stored, &name, &id);
    mapping.write(&mut body, &contract.data)?;
    body.push('}');
    check(contract, name.form, &body)?;

    let mut attributes = Vec::with_capacity(8);
    let mut add = |name, text: &str| attributes.extend(attribute(text).map(|text| (name, text)));
    add("message_id", &id);
    add("type", contract.id.as_str());
    add("source", &source.url);
    add("area", contract.id.area());
    add("operation", contract.id.operation());
    for (name, field) in &contract.attributes.0 {
        if let Some(text) = mapping.read_text(field)? {
            add(name, &text);
        }
    }
    Ok(Message { id, body, attributes, group: name.group })
}

fn write_envelope(
    out: &mut String,
    contract: &Contract,
    source: &Source,
    stored: &StoredEvent,
    name: &Name,
    id: &str,
) {
    let event = &stored.event;
    let text = |out: &mut String, key: &str, text: &str| {
        out.push_str(key);
        write_text(out, text);
    };
    text(out, r#"{"specversion":"1.0","id":"#, id);
    text(out, r#","source":"#, &source.url);
    text(out, r#","type":"#, contract.id.as_str());
    text(out, r#","subject":"#, &name.subject);
    out.push_str(r#","time":""#);
    let seconds = event.time.as_second();
    write_time(out, if name.form == Form::Anonymous { seconds - seconds.rem_euclid(HOUR) } else { seconds });
    out.push_str(r#"","datacontenttype":"application/json","dataschema":"#);
    write_text(out, &format!("{}{}", source.dataschema, contract.id));
    text(out, r#","contractdigest":"#, &contract.digest);
    // Writing to a String does not fail.
    let _ = write!(out, r#","sequence":"{}""#, stored.sequence);
    if let (Form::Named, Some(raised)) = (name.form, event.raised) {
        let _ = write!(out, r#","raised":"{raised:.6}""#);
    }
    let _ = write!(out, r#","partitionkey":"{}""#, name.group.to_hex());
    if event.id.is_backfill() {
        out.push_str(r#","backfill":true"#);
    }
    out.push_str(r#","data":"#);
}

/// Checks the very text that is to be published.
fn check(contract: &Contract, form: Form, body: &str) -> Result<(), Parking> {
    let told = match serde_json::from_str::<Tree<'_>>(body) {
        Ok(message) => match contract.validator.validate(&message) {
            Ok(()) => return Ok(()),
            Err(error) => complaint(&error, form),
        },
        Err(error) => format!("the message is no JSON at column {}", error.column()),
    };
    Err(Parking::new(Reason::Invalid, format!("{}: {told}", contract.id)))
}
