//! `POST /v1/sources/{source}/events`: a batch in, what became of each event out.

use std::sync::Arc;

use http::StatusCode;
use http::request::Parts;
use hyper::body::Incoming;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::admit::{Admitted, Takes, admit};
use super::batch::{self, Judged, Lists, Place, Terms};
use super::json::{NoArray, split};
use super::refusal::Refusal;
use super::serve::{Answer, Door, json};

use super::{Limits, clock};
use crate::contract::Routes;
use crate::spool::Accepted;

const MEDIA_TYPE: &str = "application/cloudevents-batch+json";

/// Unsigned, and for priority only.
const BULK: &str = "bulk";

/// A larger body is read on a thread of its own: it would hold up the other requests of this one.
const READ_INLINE: usize = 128 << 10;

/// What became of a batch; the numbers add up to its events. The places of those that were not accepted
/// are told, so that the sender's ledger can count each under its event's name.
#[derive(Serialize)]
struct Outcome<'a> {
    accepted: usize,
    duplicate: usize,
    unwanted: usize,
    parked: Vec<Parked>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    duplicates: Vec<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unwanteds: Vec<usize>,
    spool: &'a str,
}

#[derive(Serialize)]
struct Parked {
    index: usize,
    id: String,
    reason: &'static str,
}

pub(super) async fn answer(
    door: &Door,
    source: &str,
    head: &Parts,
    incoming: &mut Incoming,
    arrived: Timestamp,
) -> Result<Answer, Refusal> {
    let context = &door.context;
    let takes = Takes { media_type: MEDIA_TYPE, max_body: context.limits.max_body };
    let admitted = admit(door, source, &takes, head, incoming, arrived).await?;
    let key = admitted.sender.source.key.clone();
    let routes = context.routes.load_full();
    let lists = door.lists.of(&key, &routes, &context.spool, arrived).await.map_err(|error| {
        tracing::error!(source = %key, %error, "the wanted lists can't be read");
        Refusal::NotReady
    })?;
    let bulk = head.headers.get(BULK).is_some_and(|value| value == "1");
    // What waited in an outbox may be sent by a node with another clock than the one that raised it.
    let skew = if bulk { None } else { clock::skew(admitted.signed, arrived) };

    let Judged { batch, places, unwanted: unwanteds, when_unknown, corrected, named, urls } =
        judge(&admitted, Arc::clone(&routes), lists, &context.limits, arrived, skew, bulk).await?;
    if !bulk {
        context.stats.clock(&key, skew, corrected);
    }
    if let Some(skew) = skew {
        let ahead_seconds = skew.as_secs_f64();
        tracing::warn!(source = %key, ahead_seconds, corrected, "the sender's clock is off: `raised` was corrected");
    }
    context.stats.unknown_conditions(&key, when_unknown);
    context.stats.spoke_as(&key, &urls, arrived);

    // Before the commit: what is kept is never older than its contracts.
    for list in &named {
        door.lists.arm(&key, list, &routes, &context.spool, arrived).await;
    }
    let kept = if batch.events.is_empty() && batch.unwanted.is_empty() {
        Vec::new()
    } else {
        context.spool.accept(batch).await.map_err(|error| {
            tracing::warn!(source = %key, batch = admitted.id, %error, "a batch was not accepted");
            Refusal::Spool(error)
        })?
    };
    let (accepted, duplicates, parked) = sum(&places, &kept);
    context.stats.accepted(&key, accepted, arrived);
    let (duplicate, unwanted) = (duplicates.len(), unwanteds.len());
    for (id, reason) in places.iter().filter_map(|p| Some((p.id, p.parked?))) {
        tracing::warn!(source = %key, event = %id, %reason, "an event was set aside at the door");
    }
    tracing::debug!(
        source = %key, batch = admitted.id, accepted, duplicate, unwanted, parked = parked.len(), "accepted a batch"
    );
    let spool = context.spool.id();
    let outcome = Outcome { accepted, duplicate, unwanted, parked, duplicates, unwanteds, spool };
    let body = serde_json::to_vec(&outcome).unwrap_or_default();
    Ok(json(StatusCode::ACCEPTED, "application/json", body))
}

/// How many were accepted, where the duplicates were, and what was set aside.
fn sum(places: &[Place], kept: &[Accepted]) -> (usize, Vec<usize>, Vec<Parked>) {
    let (mut accepted, mut duplicates, mut parked) = (0, Vec::new(), Vec::new());
    for (place, kept) in places.iter().zip(kept) {
        match (kept, place.parked) {
            (Accepted::Duplicate | Accepted::Conflict, _) => duplicates.push(place.index),
            (Accepted::New(_), None) => accepted += 1,
            (Accepted::New(_), Some(reason)) => {
                parked.push(Parked { index: place.index, id: place.id.to_string(), reason: reason.as_str() });
            }
        }
    }
    (accepted, duplicates, parked)
}

async fn judge(
    admitted: &Admitted,
    routes: Arc<Routes>,
    lists: Arc<Lists>,
    limits: &Limits,
    now: Timestamp,
    skew: Option<SignedDuration>,
    bulk: bool,
) -> Result<Judged, Refusal> {
    let body = admitted.body.bytes.clone();
    let (sender, limits) = (admitted.sender.clone(), limits.clone());
    let large = body.len() > READ_INLINE;
    let work = move || {
        let terms =
            Terms { sender: &sender, routes: &routes, lists: &lists, limits: &limits, now, skew, bulk };
        read(&body, &terms)
    };
    if !large {
        return work();
    }
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "reading a large body failed");
        Err(Refusal::NotReady)
    })
}

fn read(body: &[u8], terms: &Terms<'_>) -> Result<Judged, Refusal> {
    let limit = terms.limits.max_events;
    let elements = split(body, limit).map_err(|fault| match fault {
        NoArray::Invalid(words) => Refusal::NotJson(words),
        NoArray::Other => Refusal::Form("a batch is a JSON array of events"),
        NoArray::TooMany => Refusal::TooManyEvents { limit },
    })?;
    batch::judge(&elements, terms)
        .map_err(|foreign| Refusal::SourceMismatch(format!("`source` of event {}", foreign.0)))
}
