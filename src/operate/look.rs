//! What a person asks of single events: where one is, and what is parked.
//! Plain rows, so that the listener and the command line say the same.

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::words::{moment, span};
use crate::contract::EventData;
use crate::delivery::{Cause, ContractId, Held, Parking, Reason, TopicKey};
use crate::event::{EventId, StoredEvent};
use crate::publish::Mapper;
use crate::spool::{Parked, ParkedFilter, Spool, SpoolError, Trace, TracedState};

/// A parked delivery or event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedRow {
    /// Names it for `parked show` and `parked redrive`.
    pub number: u64,
    /// When it was parked.
    pub at: Timestamp,
    /// The kind of fault.
    pub reason: String,
    /// The complaint in words.
    pub detail: String,
    /// The site it came from.
    pub source: String,
    /// The event's id.
    pub event: String,
    /// Moodle's event name.
    pub name: String,
    /// The topic; none when it was parked at the door.
    pub topic: Option<String>,
    /// The contract; none when it was parked at the door.
    pub contract: Option<String>,
}

impl From<Parked> for ParkedRow {
    fn from(parked: Parked) -> Self {
        let (topic, contract) = parked.owed.unzip();
        Self {
            number: parked.number,
            at: parked.at,
            reason: parked.parking.reason.to_string(),
            detail: parked.parking.detail,
            source: parked.source.to_string(),
            event: parked.event.to_string(),
            name: parked.name.to_string(),
            topic: topic.map(|topic| topic.to_string()),
            contract: contract.map(|contract| contract.to_string()),
        }
    }
}

/// One page of what is parked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedPage {
    /// The rows, by number.
    pub rows: Vec<ParkedRow>,
    /// Ask again with this as `after` for what follows; none at the end.
    pub next: Option<u64>,
}

/// A parked row with what can be said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedDetail {
    /// The row.
    pub row: ParkedRow,
    /// What to do.
    pub cure: String,
    /// What the contract makes of the event now.
    pub now: String,
    /// The event as it is kept; only for who shows the operator's token, since it may hold personal data.
    pub data: Option<serde_json::Value>,
}

/// Whether the event's content may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// It may: the token was right, or the spool is the asker's own file.
    Shown,
    /// It may not.
    Hidden,
}

/// What can be said of a parked row; none when nothing of that number is parked.
///
/// # Errors
/// The spool failed.
pub async fn parked_detail(
    spool: &Spool,
    mapper: &Mapper,
    number: u64,
    content: Content,
) -> Result<Option<ParkedDetail>, SpoolError> {
    let filter = ParkedFilter { number: Some(number), ..ParkedFilter::default() };
    let Some(parked) = spool.parked(&filter, None, 1).await?.pop() else { return Ok(None) };
    let stored = spool.stored(number).await?;
    let now = match (&parked.owed, &stored) {
        (None, _) => "It was parked at the door: no contract saw it.".to_owned(),
        (Some(_), None) => "Its event can't be read any more.".to_owned(),
        (Some((_, contract)), Some(stored)) => match remade(mapper, contract, stored) {
            Ok(bytes) if parked.parking.reason == Reason::Refused => format!(
                "{contract} makes a message of {bytes} bytes of it now, as it did when SNS refused it: whether SNS takes it, only a redrive shows."
            ),
            Ok(bytes) => {
                format!("{contract} makes a message of {bytes} bytes of it now: a redrive should succeed.")
            }
            Err(parking) => format!("{contract} still can't make a message of it: {parking}"),
        },
    };
    let data = stored
        .filter(|_| content == Content::Shown)
        .map(|stored| serde_json::from_slice(&stored.event.data).unwrap_or_default());
    let cure = parked.parking.reason.cure().to_owned();
    Ok(Some(ParkedDetail { row: parked.into(), cure, now, data }))
}

fn remade(mapper: &Mapper, contract: &ContractId, stored: &StoredEvent) -> Result<usize, Parking> {
    let source = mapper.sources.get(&stored.event.source).ok_or_else(|| {
        Parking::new(
            Reason::Mapping,
            format!("there is no source {} in the configuration", stored.event.source),
        )
    })?;
    mapper.catalogue.map(contract, source, stored).map(|message| message.body.len())
}

/// Which parked rows, as a person writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// One, by number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Those of one event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Those of one reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Those of one topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Those of one contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
}

impl Wish {
    /// Whether it means everything.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// The filter it means.
    ///
    /// # Errors
    /// A part that is no event id, reason, topic or contract: what is wrong with it.
    pub fn filter(&self) -> Result<ParkedFilter, String> {
        fn part<T: FromStr>(text: Option<&String>) -> Result<Option<T>, String>
        where
            T::Err: ToString,
        {
            text.map(|text| text.parse::<T>().map_err(|error| error.to_string())).transpose()
        }
        Ok(ParkedFilter {
            number: self.number,
            event: part::<EventId>(self.event.as_ref())?,
            reason: part::<Reason>(self.reason.as_ref())?,
            topic: part::<TopicKey>(self.topic.as_ref())?,
            contract: part::<ContractId>(self.contract.as_ref())?,
            until: None,
        })
    }
}

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceReport {
    /// Its id.
    pub id: String,
    /// Its fate in a sentence.
    pub sentence: String,
    /// The site it came from, while it is kept.
    pub source: Option<String>,
    /// Moodle's event name, while it is kept.
    pub name: Option<String>,
    /// When Moodle's observer ran, while it is kept.
    pub raised: Option<Timestamp>,
    /// Its place in the order of acceptance, while it is kept.
    pub sequence: Option<String>,
    /// When it was accepted.
    pub accepted: Option<Timestamp>,
    /// Whether what Moodle knows beside the event was read some time after it.
    #[serde(default)]
    pub entities_late: bool,
    /// Each message it owes.
    pub messages: Vec<TracedMessage>,
}

/// One message of a traced event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedMessage {
    /// The message's id.
    pub id: String,
    /// To which topic.
    pub topic: String,
    /// The replay that this copy is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
    /// `waiting`, `held`, `parked`, `settled`, `skipped` or `dropped`.
    pub state: String,
    /// Its fate in words.
    pub words: String,
}

impl TraceReport {
    /// Says what a trace means.
    #[must_use]
    pub fn new(id: EventId, trace: Option<&Trace>, now: Timestamp) -> Self {
        let messages: Vec<TracedMessage> = trace.map_or(Vec::new(), |trace| {
            trace
                .deliveries
                .iter()
                .map(|delivery| {
                    let (state, words) = state_words(&delivery.state, now);
                    TracedMessage {
                        id: format!("{id}:{}", delivery.contract),
                        topic: delivery.topic.to_string(),
                        replay: delivery.replay.as_ref().map(ToString::to_string),
                        state: state.to_owned(),
                        words,
                    }
                })
                .collect()
        });
        let event = trace.and_then(|trace| trace.event.as_ref());
        Self {
            id: id.to_string(),
            sentence: sentence(trace, &messages, now),
            source: event.map(|stored| stored.event.source.to_string()),
            name: event.map(|stored| stored.event.name.to_string()),
            raised: event.and_then(|stored| stored.event.raised),
            sequence: event.map(|stored| stored.sequence.to_string()),
            accepted: trace.and_then(|trace| trace.accepted),
            entities_late: event
                .and_then(|stored| EventData::parse(&stored.event.data).ok())
                .is_some_and(|data| data.entities_late),
            messages,
        }
    }

    /// Whether the id is known.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.accepted.is_some() || self.source.is_some() || !self.messages.is_empty()
    }
}

fn sentence(trace: Option<&Trace>, messages: &[TracedMessage], now: Timestamp) -> String {
    let Some(trace) = trace else {
        return "Not known here: no event of this id was accepted in the last 35 days. If Moodle raised it, \
                no contract asked for it, or it still waits in Moodle's outbox."
            .to_owned();
    };
    let accepted = trace.accepted.map_or(String::new(), |at| format!("Accepted {}. ", moment(at, now)));
    if let Some(parking) = &trace.parked {
        return format!("{accepted}Parked at the door: {parking}. To do: {}.", parking.reason.cure());
    }
    if let Some(at) = trace.dropped {
        return format!("{accepted}It was parked at the door, and dropped by a person {}.", moment(at, now));
    }
    // A replay's copies are told one by one, and don't make the first any more published.
    let messages: Vec<&TracedMessage> = messages.iter().filter(|m| m.replay.is_none()).collect();
    if messages.is_empty() {
        return match trace.event {
            Some(_) => {
                format!("{accepted}It owes no topic a message (unrouted): no topic's contracts want it.")
            }
            None => {
                format!("{accepted}It is no longer kept: it was pruned or erased, and only its id is known.")
            }
        };
    }
    let all = messages.len();
    let settled = messages.iter().filter(|message| message.state == "settled").count();
    match (settled, all) {
        (1, 1) => format!("{accepted}Its message was published."),
        (settled, all) if settled == all => format!("{accepted}All {all} messages were published."),
        (settled, all) => format!("{accepted}{settled} of {all} messages published."),
    }
}

fn state_words(state: &TracedState, now: Timestamp) -> (&'static str, String) {
    match state {
        TracedState::Waiting => ("waiting", "waits for its turn".to_owned()),
        TracedState::Held(Held { cause: Cause::Mapping, .. }) => (
            "held",
            "its message can't be made (mapping); others of its contract are tried for up to a minute, then it is parked or its contract is held".to_owned(),
        ),
        TracedState::Held(Held { cause: Cause::ContractFault, .. }) => (
            "held",
            "its contract can't make its messages (contract-fault): mend the contract and restart, it goes on in order".to_owned(),
        ),
        TracedState::Held(held) => (
            "held",
            format!(
                "tried {} times ({}), again in {}",
                held.tries,
                held.cause,
                span(held.due.duration_since(now))
            ),
        ),
        TracedState::Parked(parking) => ("parked", format!("{parking}; to do: {}", parking.reason.cure())),
        TracedState::Settled { at, receipt } => {
            let mut words = format!("published {}, SNS message {}", moment(*at, now), receipt.sns_id);
            if let Some(sequence) = &receipt.sns_sequence {
                words.push_str(&format!(", SNS sequence {sequence}"));
            }
            if let Some(request) = &receipt.request {
                words.push_str(&format!(", request {request}"));
            }
            ("settled", words)
        }
        TracedState::Skipped { at } => {
            ("skipped", format!("skipped by a person {}; `audit list` says who and why", moment(*at, now)))
        }
        TracedState::Dropped { at } => (
            "dropped",
            format!("parked, and dropped by a person {}; `audit list` says who and why", moment(*at, now)),
        ),
    }
}

/// An event id out of an event id or a message id (`<event id>:<type>`).
///
/// # Errors
/// Neither.
pub fn event_id(text: &str) -> Result<EventId, String> {
    let text = text.trim();
    let id = text.split_once(':').map_or(text, |(id, _)| id);
    id.parse().map_err(|error: crate::event::NotAnEventId| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{Parking, Receipt};
    use crate::spool::TracedDelivery;

    fn now() -> Timestamp {
        "2026-11-24T13:48:04Z".parse().unwrap()
    }

    #[test]
    fn a_trace_tells_the_fate_in_words() {
        let id = event_id("01a20e53-90ce-7205-a292-0dd69749d9f5:moodle.grade.updated.v1").unwrap();
        let delivery = |state| TracedDelivery {
            topic: "grades".parse().unwrap(),
            contract: "moodle.grade.updated.v1".parse().unwrap(),
            replay: None,
            state,
        };
        let settled = || {
            delivery(TracedState::Settled {
                at: now(),
                receipt: Receipt { sns_id: "m1".into(), sns_sequence: Some("7".into()), request: None },
            })
        };
        let held = delivery(TracedState::Held(Held {
            due: "2026-11-24T13:48:10Z".parse().unwrap(),
            tries: 3,
            cause: Cause::Throttled,
            unknown_since: None,
        }));
        let trace = |parked, deliveries| Trace {
            event: None,
            accepted: Some(now()),
            parked,
            dropped: None,
            deliveries,
        };
        for (trace, sentence, words) in [
            (None, "Not known here", None),
            (
                Some(trace(None, vec![settled()])),
                "Accepted 13:48 UTC. Its message was published.",
                Some("published 13:48 UTC, SNS message m1, SNS sequence 7"),
            ),
            (
                Some(trace(None, vec![held, settled()])),
                "Accepted 13:48 UTC. 1 of 2 messages published.",
                Some("tried 3 times (throttled), again in 6.0 s"),
            ),
            (Some(trace(None, vec![])), "Accepted 13:48 UTC. It is no longer kept", None),
            (
                Some(trace(Some(Parking::new(Reason::TooOld, "raised 40 days ago")), vec![])),
                "Accepted 13:48 UTC. Parked at the door: too-old: raised 40 days ago. To do: it waited longer",
                None,
            ),
        ] {
            let report = TraceReport::new(id, trace.as_ref(), now());
            assert!(report.sentence.starts_with(sentence), "{}", report.sentence);
            assert_eq!(report.messages.first().map(|message| message.words.as_str()), words);
        }
    }

    #[test]
    fn a_wish_is_read_strictly() {
        let wish = |json: &str| {
            serde_json::from_str::<Wish>(json).map_err(|e| e.to_string()).and_then(|w| w.filter())
        };
        assert_eq!(wish("{}"), Ok(ParkedFilter::default()));
        assert_eq!(wish(r#"{"reason":"mapping"}"#).unwrap().reason, Some(Reason::Mapping));
        for bad in
            [r#"{"reason":"maping"}"#, r#"{"event":"x"}"#, r#"{"topic":"A B"}"#, r#"{"resaon":"mapping"}"#]
        {
            assert!(wish(bad).is_err(), "{bad}");
        }
    }
}
