//! Who sent it: from a request's head and body to a body whose sender is known. Nothing else makes an
//! [`Admitted`], and only an [`Admitted`] is parsed.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use hyper::body::Incoming;
use jiff::Timestamp;

use super::body::{self, Body};
use super::refusal::Refusal;
use super::secret::Secret;
use super::senders::Sender;
use super::serve::Door;
use super::signature;
use crate::planted::{Bug, planted};

/// A request of a known sender.
pub(super) struct Admitted {
    pub sender: Arc<Sender>,
    /// The secret that made the signature.
    pub secret: Secret,
    /// The request's `webhook-id`.
    pub id: String,
    /// The whole second in which it was signed.
    pub signed: i64,
    pub body: Body,
}

/// What a path takes.
pub(super) struct Takes {
    pub media_type: &'static str,
    pub max_body: usize,
}

/// Checks the head, reads the body, verifies the signature over its bytes.
pub(super) async fn admit(
    door: &Door,
    source: &str,
    takes: &Takes,
    head: &Parts,
    incoming: &mut Incoming,
    arrived: Timestamp,
) -> Result<Admitted, Refusal> {
    if head.headers.contains_key(CONTENT_ENCODING) {
        return Err(Refusal::ContentEncoding);
    }
    if !is_of(&head.headers, takes.media_type) {
        return Err(Refusal::ContentType(takes.media_type));
    }
    let claim = signature::claim(&head.headers)?;
    let within = door.context.timeouts.body;
    let body = body::read(incoming, takes.max_body, within, &door.budget).await?;

    if planted(Bug::VerifyAfterParse) {
        serde_json::from_slice::<serde::de::IgnoredAny>(&body.bytes)
            .map_err(|error| Refusal::NotJson(error.to_string()))?;
    }
    let sender = door.context.senders.load().get(source);
    let secrets = sender.as_ref().map_or(&[][..], |s| &s.secrets);
    let secret = claim.verify(&body.bytes, secrets, arrived)?.secret.clone();
    // No secret of nobody fits, so there is a sender.
    let sender = sender.ok_or(Refusal::Signature)?;
    door.context.stats.verified(&sender.source.key, secret.id(), arrived);
    Ok(Admitted { sender, secret, id: claim.id.to_owned(), signed: claim.seconds, body })
}

/// Whether the one Content-Type is this, with or without parameters.
fn is_of(headers: &HeaderMap, media_type: &str) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let value = value.to_str().unwrap_or_default();
    value.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case(media_type))
}
