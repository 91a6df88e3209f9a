//! `map FILE`: what each event becomes. Sends nothing, and needs neither configuration nor spool.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::args::Map;
use super::captured::{self, FileEvent};
use super::exit::{Exit, Failure};
use super::output::{Output, table};
use crate::contract::{Catalogue, Routes, Subscription, WantedList, cut};
use crate::delivery::{ContractId, TopicKey};
use crate::event::{Event, Sequence, Source, StoredEvent};
use crate::operate::words::harmless;

/// What one event becomes.
#[derive(Serialize)]
struct Mapped {
    id: String,
    event: String,
    messages: Vec<Became>,
}

/// What one contract makes of it.
#[derive(Serialize)]
struct Became {
    contract: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parked: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<serde_json::Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Value>,
}

pub(super) fn map(args: &Map, output: Output) -> Result<Exit, Failure> {
    let (_, events) = captured::read(&args.file)?;
    let catalogue = Arc::new(Catalogue::load(args.own.contracts.as_deref())?);
    let contracts = catalogue.matching(&args.contract);
    if contracts.is_empty() {
        let words = format!(
            "{:?} matches no contract: `moodle-sns-producer contracts list` shows all",
            args.contract
        );
        return Err(Failure::new(Exit::Usage, words));
    }
    let source = source(&args.source_url)?;
    let topic: TopicKey = "map".parse().map_err(anyhow::Error::new)?;
    let everything = [Subscription { topic, contracts, sources: None }];
    let wanted = Routes::new(Arc::clone(&catalogue), &everything).wanted(&source.key);

    let mapped: Result<Vec<Mapped>, Failure> = events
        .iter()
        .zip(1..)
        .map(|(event, position)| one(&catalogue, &wanted, &source, event, position))
        .collect();
    let mapped = mapped?;
    output.list(&mapped, || text(&mapped))?;
    let parked = mapped.iter().flat_map(|event| &event.messages).any(|message| message.parked.is_some());
    Ok(if parked { Exit::Findings } else { Exit::Done })
}

fn source(url: &str) -> Result<Source, Failure> {
    Ok(Source {
        key: "map".parse().map_err(anyhow::Error::new)?,
        url: url.to_owned(),
        dataschema: "urn:moodle-sns-producer:schema:".to_owned(),
    })
}

/// Goes the way of an event through the door and to a message.
fn one(
    catalogue: &Catalogue,
    wanted: &WantedList,
    source: &Source,
    event: &FileEvent,
    position: u64,
) -> Result<Mapped, Failure> {
    let taken = wanted.take(&event.name, &event.data);
    let mut mapped = Mapped { id: event.id.to_string(), event: event.name.to_string(), messages: Vec::new() };
    if taken.is_empty() {
        return Ok(mapped);
    }
    let cut = cut(&taken, &event.data);
    let hour = |at: Timestamp| {
        Timestamp::from_second(at.as_second() - at.as_second().rem_euclid(3600)).unwrap_or(at)
    };
    let (id, time, raised) = if cut.anonymous {
        (event.id.cut_to_hour(), hour(event.time), None)
    } else {
        (event.id, event.time, Some(event.raised))
    };
    let event = Event {
        source: source.key.clone(),
        id,
        name: Arc::clone(&event.name),
        time,
        raised,
        bulk: false,
        data: cut.data,
    };
    let stored = StoredEvent { event, sequence: Sequence { epoch: 0, position, place: 0 } };
    let mut names: Vec<&str> = taken.rows.iter().map(|row| row.contract.as_str()).collect();
    names.dedup();
    for name in names {
        let contract: ContractId = name.parse().map_err(anyhow::Error::new)?;
        let contract_name = contract.to_string();
        mapped.messages.push(match catalogue.map(&contract, source, &stored) {
            Ok(message) => Became {
                contract: contract_name,
                parked: None,
                attributes: Some(
                    message
                        .attributes
                        .iter()
                        .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
                        .collect(),
                ),
                message: Some(serde_json::from_str(&message.body).map_err(anyhow::Error::from)?),
            },
            Err(parking) => Became {
                contract: contract_name,
                parked: Some(parking.to_string()),
                attributes: None,
                message: None,
            },
        });
    }
    Ok(mapped)
}

/// One event: its messages whole. Several: a line each, and the sums.
fn text(mapped: &[Mapped]) -> String {
    if let [one] = mapped {
        let mut text = format!("{} {}\n", one.id, harmless(&one.event));
        if one.messages.is_empty() {
            text += "No contract takes it.\n";
        }
        for message in &one.messages {
            text += &format!("\n{}\n", message.contract);
            text += &match (&message.parked, &message.message) {
                (Some(why), _) => format!("would be parked: {}\n", harmless(why)),
                (None, message) => {
                    let pretty = serde_json::to_string_pretty(message).unwrap_or_default();
                    pretty.lines().map(harmless).collect::<Vec<_>>().join("\n") + "\n"
                }
            };
        }
        return text;
    }
    let rows = mapped.iter().flat_map(|event| {
        let none = event
            .messages
            .is_empty()
            .then(|| vec![event.id.clone(), event.event.clone(), "-".into(), "no contract takes it".into()]);
        let each = event.messages.iter().map(|message| {
            let became = match (&message.parked, &message.message) {
                (Some(why), _) => format!("parked: {why}"),
                (None, message) => {
                    let subject =
                        message.as_ref().and_then(|message| message.get("subject")).and_then(Value::as_str);
                    subject.unwrap_or("message").to_owned()
                }
            };
            vec![event.id.clone(), event.event.clone(), message.contract.clone(), became]
        });
        none.into_iter().chain(each).collect::<Vec<_>>()
    });
    let messages: usize = mapped.iter().map(|event| event.messages.len()).sum();
    let parked =
        mapped.iter().flat_map(|event| &event.messages).filter(|message| message.parked.is_some()).count();
    let untaken = mapped.iter().filter(|event| event.messages.is_empty()).count();
    let sums = format!(
        "\n{} events: {} messages, {parked} would be parked; {untaken} events are taken by no contract. Nothing was sent.\n",
        mapped.len(),
        messages - parked
    );
    table(&["id", "event", "contract", "becomes"], rows) + &sums
}
