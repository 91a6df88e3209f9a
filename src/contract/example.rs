//! Examples of a contract: a captured event, as it is stored, with the message it gives. They stand
//! beside the contract, and both halves are checked on every build.

use jiff::Timestamp;
use serde::Deserialize;

use super::cut::{EventData, cut};
use super::json::{pretty, write_text};
use super::message::{Message, build};
use super::wanted::WantedList;
use super::{Contract, Seen, own};
use crate::delivery::Parking;
use crate::event::{Event, EventId, Sequence, Source, SourceKey, StoredEvent};

/// One example.
#[derive(Debug)]
pub struct Example {
    note: String,
    from: Provenance,
    event: Captured,
}

/// Where its event comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provenance {
    /// A running Moodle: the file and the situation.
    Captured(String),
    /// Nothing captured has it: what it was made of.
    Constructed(String),
}

#[derive(Debug, Deserialize)]
struct Captured {
    name: String,
    id: String,
    time: Timestamp,
    #[serde(default)]
    raised: Option<Timestamp>,
    data: EventData,
}

/// Why an example is none.
#[derive(Debug, thiserror::Error)]
pub enum BadExample {
    /// It does not have the form of one.
    #[error("the example cannot be read: {0}")]
    Form(String),
    /// The contract would never see such an event.
    #[error("the contract does not take this event: its name or its `when` differs")]
    NotTaken,
    /// The contract makes no message of it.
    #[error("the event gives no message: {0}")]
    NoMessage(Parking),
}

/// What examples are made with: the site, and a place in the order of acceptance.
const URL: &str = "https://moodle.example.ac.uk";
const DATASCHEMA: &str = "urn:moodle-sns-producer:schema:";
const SEQUENCE: Sequence = Sequence { epoch: 0x6b03_8202, position: 41_921, place: 0 };

impl Example {
    /// Reads an example: `{"note", "captured" or "constructed", "event": {"name", "id", "time", "raised"?,
    /// "data"}, …}`.
    ///
    /// # Errors
    /// It does not have that form.
    pub fn read(text: &str) -> Result<Self, BadExample> {
        #[derive(Deserialize)]
        struct File {
            note: String,
            #[serde(default)]
            captured: Option<String>,
            #[serde(default)]
            constructed: Option<String>,
            event: Captured,
        }
        let File { note, captured, constructed, event } =
            serde_json::from_str(text).map_err(|e| BadExample::Form(e.to_string()))?;
        let from = match (captured, constructed) {
            (Some(captured), None) => Provenance::Captured(captured),
            (None, Some(constructed)) => Provenance::Constructed(constructed),
            _ => {
                return Err(BadExample::Form("say either `captured` or `constructed`, and from what".into()));
            }
        };
        Ok(Self { note, from, event })
    }

    /// An event that was captured, with these data, as an example.
    pub(super) fn of(note: &str, from: Provenance, seen: &Seen<'_>, data: EventData) -> Self {
        let event = Captured {
            name: seen.name.to_owned(),
            id: seen.id.to_string(),
            time: seen.time,
            raised: Some(seen.raised),
            data,
        };
        Self { note: note.to_owned(), from, event }
    }

    /// What it shows, in a sentence.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Where its event comes from.
    #[must_use]
    pub fn from(&self) -> &Provenance {
        &self.from
    }

    /// The event as it is stored: cut to what the contract declares.
    ///
    /// # Errors
    /// The contract does not take it, or its id is none.
    pub fn stored(&self, contract: &Contract) -> Result<StoredEvent, BadExample> {
        let one = std::iter::once(contract);
        let list = if own::is_own(&self.event.name) { WantedList::of_own(one) } else { WantedList::of(one) };
        let taken = list.take(&self.event.name, &self.event.data);
        if taken.is_empty() {
            return Err(BadExample::NotTaken);
        }
        let cut = cut(&taken, &self.event.data);
        let id: EventId = self.event.id.parse().map_err(|e| BadExample::Form(format!("`id`: {e}")))?;
        let hour = Timestamp::from_second(
            self.event.time.as_second() - self.event.time.as_second().rem_euclid(3600),
        );
        let event = Event {
            source: site()?.key,
            id: if cut.anonymous { id.cut_to_hour() } else { id },
            name: self.event.name.as_str().into(),
            time: if cut.anonymous { hour.unwrap_or(self.event.time) } else { self.event.time },
            raised: self.event.raised.filter(|_| !cut.anonymous),
            bulk: false,
            data: cut.data,
        };
        Ok(StoredEvent { event, sequence: SEQUENCE })
    }

    /// The event as it is stored, and the message it gives now.
    pub(super) fn told(&self, contract: &Contract) -> Result<(StoredEvent, Message), BadExample> {
        let stored = self.stored(contract)?;
        let message = build(contract, &site()?, &stored).map_err(BadExample::NoMessage)?;
        Ok((stored, message))
    }

    /// The whole text of the example: what is stored of the event, and the message it gives now.
    ///
    /// # Errors
    /// The contract does not take the event, or makes no message of it.
    pub fn write(&self, contract: &Contract) -> Result<String, BadExample> {
        let (stored, message) = self.told(contract)?;
        let mut out = String::from("{\"note\":");
        write_text(&mut out, &self.note);
        let (key, from) = match &self.from {
            Provenance::Captured(from) => ("captured", from),
            Provenance::Constructed(from) => ("constructed", from),
        };
        out.push_str(&format!(",\"{key}\":"));
        write_text(&mut out, from);
        out.push_str(",\"event\":{\"name\":");
        write_text(&mut out, &stored.event.name);
        out.push_str(&format!(",\"id\":\"{}\",\"time\":\"{}\"", stored.event.id, stored.event.time));
        if let Some(raised) = stored.event.raised {
            out.push_str(&format!(",\"raised\":\"{raised:.6}\""));
        }
        out.push_str(",\"data\":");
        out.push_str(&String::from_utf8_lossy(&stored.event.data));
        out.push_str("},\"message\":");
        out.push_str(&message.body);
        out.push_str(",\"attributes\":{");
        for (i, (name, value)) in message.attributes.iter().enumerate() {
            out.push_str(if i == 0 { "\"" } else { ",\"" });
            out.push_str(name);
            out.push_str("\":");
            write_text(&mut out, value);
        }
        out.push_str("}}");
        Ok(pretty(&out))
    }
}

fn site() -> Result<Source, BadExample> {
    let key: SourceKey = "vle".parse().map_err(|e| BadExample::Form(format!("{e}")))?;
    Ok(Source { key, url: URL.to_owned(), dataschema: DATASCHEMA.to_owned() })
}
