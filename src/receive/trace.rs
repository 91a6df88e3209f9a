//! `POST /v1/sources/{source}/trace`: a plugin asks what became of its own events. Of another source's
//! event it learns as much as of one that never was.

use http::request::Parts;
use hyper::body::Incoming;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::question::{self, Kind};
use super::refusal::Refusal;
use super::serve::{Answer, Door};
use super::signature::TRACE;
use crate::contract::EventData;
use crate::delivery::Parking;
use crate::event::EventId;
use crate::spool::{Trace, TracedDelivery, TracedState};

/// The most ids of a question.
const MOST_IDS: usize = 20;

/// As many ids take less than 1 KiB.
const KIND: Kind = Kind { prefix: TRACE, max_body: 4 << 10, foreign: "wire" };

pub(super) async fn answer(
    door: &Door,
    source: &str,
    head: &Parts,
    incoming: &mut Incoming,
    arrived: Timestamp,
) -> Result<Answer, Refusal> {
    let mut question = question::read(door, source, &KIND, head, incoming, arrived).await?;
    let ids = ids(&mut question.object)?;
    let key = question.admitted.sender.source.key.clone();
    let mut events = Vec::with_capacity(ids.len());
    for id in ids {
        let trace = door.context.spool.trace(Some(&key), id).await.map_err(|error| {
            tracing::error!(source = %key, event = %id, %error, "an event can't be traced");
            Refusal::NotReady
        })?;
        events.push(Traced::new(id, trace));
    }
    door.context.stats.traced(&key, events.len());
    Ok(question.answer(&json!({ "events": events })))
}

/// `{"ids":[…]}`, at most [`MOST_IDS`].
fn ids(question: &mut Map<String, Value>) -> Result<Vec<EventId>, Refusal> {
    const FORM: Refusal =
        Refusal::Form("`ids` is not a list of event ids: UUIDs of version 7 or 8 in lower case");
    let Some(Value::Array(ids)) = question.remove("ids") else { return Err(FORM) };
    if ids.len() > MOST_IDS {
        return Err(Refusal::TooManyIds { limit: MOST_IDS });
    }
    let id = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
    ids.iter().map(id).collect::<Option<Vec<_>>>().ok_or(FORM)
}

/// What became of one event.
#[derive(Serialize)]
struct Traced {
    id: String,
    fate: Fate,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// When it was accepted; of a pruned one the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    /// Its entities were read some time after it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    entities_late: bool,
    deliveries: Vec<Delivery>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Fate {
    /// No event of this id was kept in 35 days. One that no row of the list took is not kept either, nor
    /// its id.
    Unknown,
    /// Set aside at the door.
    Parked,
    /// Kept, and no topic is owed a message.
    Unrouted,
    /// Kept, with a message for each delivery.
    Stored,
    /// All was done with it, and only its id is still known.
    Pruned,
}

/// What became of one message.
#[derive(Serialize)]
struct Delivery {
    topic: String,
    contract: String,
    state: &'static str,
    /// Why it is held or parked.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// SNS's own id of the message; the message's id for its readers is `<event id>:<contract>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    /// When it was published; of a held one when it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
}

impl Traced {
    fn new(id: EventId, trace: Option<Trace>) -> Self {
        let id = id.to_string();
        let Some(Trace { event, accepted: at, parked, dropped: _, mut deliveries }) = trace else {
            let fate = Fate::Unknown;
            let deliveries = Vec::new();
            return Self { id, fate, reason: None, detail: None, at: None, entities_late: false, deliveries };
        };
        // Copies of a replay are for others, and no news of the event.
        deliveries.retain(|delivery| delivery.replay.is_none());
        let data = event.as_ref().and_then(|stored| EventData::parse(&stored.event.data).ok());
        let entities_late = data.is_some_and(|data| data.entities_late);
        let fate = match (&parked, deliveries.is_empty(), event) {
            (Some(_), ..) => Fate::Parked,
            (None, false, _) => Fate::Stored,
            (None, true, Some(_)) => Fate::Unrouted,
            (None, true, None) => Fate::Pruned,
        };
        let (reason, detail) = parked.as_ref().map(told).unzip();
        let mut deliveries: Vec<Delivery> = deliveries.into_iter().map(Delivery::from).collect();
        deliveries.sort_by(|a, b| (&a.topic, &a.contract).cmp(&(&b.topic, &b.contract)));
        Self { id, fate, reason, detail, at, entities_late, deliveries }
    }
}

impl From<TracedDelivery> for Delivery {
    fn from(traced: TracedDelivery) -> Self {
        let TracedDelivery { topic, contract, state, .. } = traced;
        let (topic, contract) = (topic.to_string(), contract.to_string());
        let waiting = Self {
            topic,
            contract,
            state: "waiting",
            reason: None,
            detail: None,
            message_id: None,
            at: None,
        };
        match state {
            TracedState::Waiting => waiting,
            TracedState::Held(held) => {
                Self { state: "held", reason: Some(held.cause.as_str()), at: Some(held.due), ..waiting }
            }
            TracedState::Parked(parking) => {
                let (reason, detail) = told(&parking);
                Self { state: "parked", reason: Some(reason), detail: Some(detail), ..waiting }
            }
            TracedState::Settled { at, receipt } => {
                Self { state: "settled", message_id: Some(receipt.sns_id), at: Some(at), ..waiting }
            }
            TracedState::Skipped { at } | TracedState::Dropped { at } => {
                Self { state: "skipped", at: Some(at), ..waiting }
            }
        }
    }
}

/// The kind of a fault, and the complaint with what to do: neither holds a value of the event.
fn told(parking: &Parking) -> (&'static str, String) {
    (parking.reason.as_str(), format!("{}. To do: {}", parking.detail, parking.reason.cure()))
}
