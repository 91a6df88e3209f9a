//! What a plugin asks (`wanted`, `trace`) and how it is answered: a signed JSON object in, a signed JSON
//! object out.
//!
//! Standard Webhooks signs no path, so a question caught on its way could be posted to another one. That
//! it can't pass there follows from its form: a batch is an array, a question an object that has its own
//! key and not the other's. An answer can't be sent back as a request, since its id is reserved.

use http::request::Parts;
use http::{HeaderValue, StatusCode};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::admit::{Admitted, Takes, admit};
use super::refusal::Refusal;
use super::serve::{Answer, Door, json};
use super::signature;

const MEDIA_TYPE: &str = "application/json";

/// What a path answers.
pub(super) struct Kind {
    /// What the ids of its answers begin with: one of [`signature::RESERVED`].
    pub prefix: &'static str,
    /// A body's most bytes.
    pub max_body: usize,
    /// A key of the other question: one that has it is none of this kind.
    pub foreign: &'static str,
}

/// A question of a known sender.
pub(super) struct Question {
    pub admitted: Admitted,
    pub object: Map<String, Value>,
    prefix: &'static str,
}

/// Verifies and reads a question. Keys that are not known are left in it, to be ignored.
pub(super) async fn read(
    door: &Door,
    source: &str,
    kind: &Kind,
    head: &Parts,
    incoming: &mut Incoming,
    arrived: Timestamp,
) -> Result<Question, Refusal> {
    let limits = &door.context.limits;
    let takes = Takes { media_type: MEDIA_TYPE, max_body: kind.max_body.min(limits.max_body) };
    let admitted = admit(door, source, &takes, head, incoming, arrived).await?;
    if admitted.id.len() > signature::LONGEST_QUESTION {
        return Err(Refusal::Form("the `webhook-id` of a question has at most 57 characters"));
    }
    let text =
        std::str::from_utf8(&admitted.body.bytes).map_err(|_| Refusal::NotJson("it is not UTF-8".into()))?;
    let value =
        super::json::parse(text, limits.max_depth).map_err(|fault| Refusal::NotJson(fault.to_string()))?;
    match value {
        Value::Object(object) if object.contains_key(kind.foreign) => {
            Err(Refusal::Form("a question asks one thing: this one was made for another path"))
        }
        Value::Object(object) => Ok(Question { admitted, object, prefix: kind.prefix }),
        _ => Err(Refusal::Form("a question is a JSON object")),
    }
}

impl Question {
    /// Signs the answer, with the secret that signed the question.
    pub(super) fn answer(&self, body: &Value) -> Answer {
        let body = body.to_string().into_bytes();
        let id = format!("{}{}", self.prefix, self.admitted.id);
        let seconds = Timestamp::now().as_second();
        let signature = signature::sign(&self.admitted.secret, &id, seconds, &body);
        let mut answer = json(StatusCode::OK, MEDIA_TYPE, body);
        for (name, value) in [
            (signature::ID, id),
            (signature::TIMESTAMP, seconds.to_string()),
            (signature::SIGNATURE, signature),
        ] {
            // All three are visible ASCII by their making.
            if let Ok(value) = HeaderValue::try_from(value) {
                answer.headers_mut().insert(name, value);
            }
        }
        answer
    }
}
