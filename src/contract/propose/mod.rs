//! Drafts a contract from events that a Moodle raised: what can be seen in them is written down, what a
//! person must decide is marked. In come events as they were captured; out come the text and examples. A pure
//! function, which tries its own draft with the code that maps: what it does not hold is told.
//!
//! - `events`: what stands at one place of them;
//! - `names`: what the name of a key says; `guess`: what the values say; `shape`: blocks, subject, tables;
//! - `write`: the text; `examples`: which events show it, with people and texts made up.

mod events;
mod examples;
mod guess;
mod names;
mod shape;
mod write;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Catalogue;
use super::catalogue::compiled;
use super::cut::EventData;
use super::problem::Problems;
use crate::delivery::ContractId;
use crate::event::EventId;
use events::Events;
use shape::Shape;

/// An event as it was captured.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Where in its file: `line 7`.
    pub place: String,
    /// Its id.
    pub id: EventId,
    /// Moodle's name of it.
    pub name: &'a str,
    /// When Moodle says it was.
    pub time: Timestamp,
    /// When it was raised.
    pub raised: Timestamp,
    /// What it holds, and what was read beside it.
    pub data: &'a EventData,
}

/// What is asked for.
#[derive(Debug)]
pub struct Wish<'a> {
    /// The name of the contract to be.
    pub id: ContractId,
    /// What the events come from, in words that may stand in the draft.
    pub from: &'a str,
    /// Whether texts that were seen may stand in the draft and its examples.
    pub samples: bool,
}

/// A drafted contract.
#[derive(Debug)]
pub struct Proposal {
    /// Its text, with marks.
    pub text: String,
    /// What is to be decided: line and question.
    pub marks: Vec<(usize, String)>,
    /// Its examples: names and texts of files.
    pub examples: Vec<(String, String)>,
    /// Events that the draft does not hold: why, where the first is, and how many.
    pub unheld: Vec<(String, String, u64)>,
}

/// Drafts a contract from all of these events.
///
/// # Errors
/// The draft is no contract: told as `contracts check` would.
pub fn propose(catalogue: &Catalogue, wish: &Wish<'_>, seen: &[Seen<'_>]) -> Result<Proposal, Problems> {
    let events = Events::new(seen);
    let shape = Shape::of(&events, catalogue, wish.id.area(), wish.samples);
    let text = write::text(wish, seen, &events, &shape);
    let contract = compiled("the draft", wish.id.as_str(), &text)?;
    let mut unheld: BTreeMap<String, (String, u64)> = BTreeMap::new();
    let mut held = Vec::new();
    for event in seen {
        match examples::told(&contract, event) {
            Ok(stored) => held.push((event, stored)),
            Err(why) => {
                unheld.entry(why.to_string()).or_insert_with(|| (event.place.clone(), 0)).1 += 1;
            }
        }
    }
    Ok(Proposal {
        marks: super::mark::undecided("the draft", &text)
            .into_iter()
            .map(|p| {
                (p.spot.map_or(0, |spot| spot.line), p.message.trim_start_matches("undecided: ").to_owned())
            })
            .collect(),
        examples: examples::choose(wish, &contract, &held),
        unheld: unheld.into_iter().map(|(why, (place, n))| (why, place, n)).collect(),
        text,
    })
}
