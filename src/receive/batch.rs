//! A verified body to what the spool is to commit: pure.
//!
//! Each event is cut by the rows of the wanted list it was cut under, so that nothing which no contract
//! declares reaches the disk; then it is routed, or set aside with its reason.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;

use super::envelope::{self, Envelope, Unreadable};
use super::senders::Sender;
use super::{Limits, clock};
use crate::contract::{Routes, WantedList, cut};
use crate::delivery::Reason;
use crate::event::{Event, EventId};
use crate::planted::{Bug, planted};
use crate::spool::{Accept, Batch, Route};

/// More events than this in one batch are bulk, whatever its header says.
pub(super) const LIVE_AT_MOST: usize = 1_000;

/// The wanted lists of a source that an event may name, by its `ETag`.
pub(super) type Lists = HashMap<String, Arc<WantedList>>;

/// All that a batch is judged by.
pub(super) struct Terms<'a> {
    pub sender: &'a Sender,
    pub routes: &'a Routes,
    pub lists: &'a Lists,
    pub limits: &'a Limits,
    pub now: Timestamp,
    /// How far the sender's clock is ahead, where `raised` is to be corrected by it.
    pub skew: Option<SignedDuration>,
    /// Marked so by the sender.
    pub bulk: bool,
}

/// A batch that may be committed.
pub(super) struct Judged {
    pub batch: Batch,
    /// Where each of the batch's events was in the request.
    pub places: Vec<Place>,
    /// Places in the request of the events that no row took.
    pub unwanted: Vec<usize>,
    /// Conditions that could not be judged because what they speak of is absent or null.
    pub when_unknown: u32,
    /// Events whose `raised` was corrected.
    pub corrected: u32,
    /// The lists that its events named, each once.
    pub named: Vec<Arc<WantedList>>,
    /// The URLs that the events named: one, but for a site that moves.
    pub urls: Vec<String>,
}

/// One event that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Its place in the request.
    pub index: usize,
    /// The id it is kept under.
    pub id: EventId,
    /// Why it was set aside.
    pub parked: Option<Reason>,
}

/// An event names a site that this source may not speak as: at this place in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Foreign(pub usize);

/// Reads, cuts and routes each element.
pub(super) fn judge(elements: &[&RawValue], terms: &Terms<'_>) -> Result<Judged, Foreign> {
    let sender = &terms.sender.source.key;
    let read: Vec<_> = elements.iter().map(|raw| envelope::read(raw, sender, terms.limits)).collect();
    let urls = urls(&read, terms)?;
    let present = terms.routes.wanted(sender);
    let bulk = terms.bulk || elements.len() > LIVE_AT_MOST;

    let mut judged = Judged {
        batch: Batch { source: sender.clone(), events: Vec::with_capacity(read.len()), unwanted: Vec::new() },
        places: Vec::with_capacity(read.len()),
        unwanted: Vec::new(),
        when_unknown: 0,
        corrected: 0,
        named: Vec::new(),
        urls,
    };
    let mut unwanted: BTreeMap<Arc<str>, u32> = BTreeMap::new();
    for (index, element) in read.into_iter().enumerate() {
        let accept = match element {
            Err(unreadable) => set_aside(unreadable, terms, bulk),
            Ok(envelope) => {
                let named = envelope.wantedlist.as_ref().and_then(|etag| terms.lists.get(etag));
                if let Some(list) = named.filter(|list| !judged.named.iter().any(|l| l.etag() == list.etag()))
                {
                    judged.named.push(Arc::clone(list));
                }
                let list = named.unwrap_or(&present);
                let taken = list.take(&envelope.name, &envelope.data);
                judged.when_unknown += taken.when_unknown;
                if taken.is_empty() {
                    *unwanted.entry(envelope.name).or_default() += 1;
                    judged.unwanted.push(index);
                    continue;
                }
                let mut cut = cut(&taken, &envelope.data);
                if planted(Bug::UndeclaredPassed) {
                    let data = &envelope.data;
                    let whole = serde_json::json!({"entities": data.entities, "event": data.event});
                    cut.data = whole.to_string().into();
                }
                let parking = clock::window(envelope.id, terms.now).err();
                let (event, corrected) = event(envelope, cut.data, cut.anonymous, terms, bulk);
                judged.corrected += u32::from(corrected);
                let route = match parking {
                    Some(parking) => Route::Parked(parking),
                    None => {
                        let owed = terms.routes.owed(&terms.sender.source, &taken, &event);
                        if owed.is_empty() { Route::Unrouted } else { Route::Owed(owed) }
                    }
                };
                Accept { event, people: cut.people, route }
            }
        };
        let parked = match &accept.route {
            Route::Parked(parking) => Some(parking.reason),
            Route::Unrouted | Route::Owed(_) => None,
        };
        judged.places.push(Place { index, id: accept.event.id, parked });
        judged.batch.events.push(accept);
    }
    judged.batch.unwanted = unwanted.into_iter().collect();
    Ok(judged)
}

/// The sites the elements name; all of them must be the source's, or nothing of the request is kept.
fn urls(read: &[Result<Envelope, Unreadable>], terms: &Terms<'_>) -> Result<Vec<String>, Foreign> {
    let mut urls: Vec<String> = Vec::new();
    for (place, element) in read.iter().enumerate() {
        let url = match element {
            Ok(envelope) => Some(&envelope.source),
            Err(unreadable) => unreadable.source.as_ref(),
        };
        let Some(url) = url.filter(|url| !urls.contains(url)) else { continue };
        if !terms.sender.speaks_as(url, terms.now) {
            return Err(Foreign(place));
        }
        urls.push(url.clone());
    }
    Ok(urls)
}

/// The event as it is kept, and whether its `raised` was corrected.
fn event(envelope: Envelope, data: Bytes, anonymous: bool, terms: &Terms<'_>, bulk: bool) -> (Event, bool) {
    let Envelope { mut id, name, mut time, mut raised, .. } = envelope;
    let mut corrected = false;
    if anonymous {
        (id, time, raised) = (id.cut_to_hour(), hour_of(time), None);
    } else if let (Some(at), Some(skew), false) = (raised, terms.skew, id.is_backfill()) {
        raised = at.checked_sub(skew).ok();
        corrected = true;
    }
    let source = terms.sender.source.key.clone();
    (Event { source, id, name, time, raised, bulk, data }, corrected)
}

fn hour_of(time: Timestamp) -> Timestamp {
    let seconds = time.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(3_600)).unwrap_or(time)
}

fn set_aside(unreadable: Unreadable, terms: &Terms<'_>, bulk: bool) -> Accept {
    let Unreadable { id, name, parking, .. } = unreadable;
    let event = Event {
        source: terms.sender.source.key.clone(),
        id,
        name,
        time: Timestamp::from_second(terms.now.as_second()).unwrap_or(terms.now),
        raised: None,
        bulk,
        data: Bytes::from_static(b"{}"),
    };
    Accept { event, people: Vec::new(), route: Route::Parked(parking) }
}
