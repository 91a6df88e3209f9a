//! The digest of a contract: it moves when, and only when, something that is promised does.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::block::{Member, Object, Presence};
use super::field::{Field, Many, Origin};
use super::file::Draft;
use super::wanted::hex;

/// Raised when the same text begins to mean something else: then every digest moves.
const FORM: u32 = 1;

/// `sha256:` and the 64 hexadecimal digits of SHA-256 over the RFC 8785 form of what is promised: type,
/// events, condition, the words on when it is and isn't sent, what it tells, subject, group, ends, and
/// each field with all but `since`, in order (the order is in the bytes of the message). Outside:
/// title, status, until, replaced_by, purpose, notes, fetch, and what is written about a block.
pub(super) fn digest(draft: &Draft, group: &str) -> String {
    let promised = json!({
        "form": FORM,
        "type": draft.id.as_str(),
        "events": draft.events,
        "when": draft.when,
        "sent": draft.sent,
        "not_sent": draft.not_sent,
        "anonymous": draft.anonymous,
        "tells": draft.tells.as_str(),
        "subject": draft.subject.text,
        "group": group,
        "ends": draft.ends,
        "data": object(&draft.data),
    });
    // What holds only texts, flags and small numbers has a canonical form.
    let text = serde_json_canonicalizer::to_vec(&promised).unwrap_or_default();
    format!("sha256:{}", hex(&Sha256::digest(text)))
}

fn object(object: &Object) -> Value {
    let presence = match object.presence {
        Presence::Always => "always",
        Presence::OrAbsent => "or absent",
        Presence::OrNull => "or null",
    };
    let members: Vec<Value> = object
        .members
        .iter()
        .map(|member| match member {
            Member::Field(f) => field(f),
            Member::Object(o) => self::object(o),
        })
        .collect();
    json!({ "name": object.name, "presence": presence, "members": members })
}

fn field(field: &Field) -> Value {
    let many = match field.many {
        Many::One => "one",
        Many::List => "list",
        Many::Keys => "keys",
    };
    json!({
        "name": field.name,
        "from": field.origins.iter().map(Origin::text).collect::<Vec<_>>(),
        "type": field.scalar.as_str(),
        "many": many,
        "nullable": field.nullable,
        "optional": field.optional,
        "zero": field.zero_is_null,
        "empty": field.empty_is_null,
        "values": field.values,
        "known": field.known,
        "unit": field.unit,
        "format": field.format,
        "max_length": field.max_length,
        "personal": field.personal.map(super::Personal::as_str),
        "about": field.about,
    })
}
