//! Four clients that post captured events as the plugin does: the same ids again until there is an answer,
//! but now and then none again. Each id ends as kept, unknown or refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use moodle_sns_producer::contract::{Catalogue, EventData, Routes, Subscription, WantedList};
use moodle_sns_producer::event::EventId;
use tokio::task::JoinHandle;

use super::harness::Account;
use crate::support::checker::Known;
use crate::support::client::{Outcome, SigningClient};
use crate::support::corpus::{self, Captured, Recording};
use crate::support::sidecar::{SOURCE, Sidecar, URL};

/// Captured events, each with how many contracts take it.
pub struct Stock {
    events: Vec<(Captured, usize)>,
    count: AtomicU64,
}

impl Stock {
    /// An hour of a site and an example of each class; of what no contract takes a twentieth.
    pub fn new(random: &mut fastrand::Rng) -> Arc<Self> {
        let list = wanted();
        let events = [Recording::Hour, Recording::Enriched]
            .into_iter()
            .flat_map(corpus::read)
            .map(|event| (takes(&list, &event), event))
            .filter(|(rows, _)| *rows > 0 || random.u32(0..20) == 0)
            .map(|(rows, event)| (event, rows))
            .collect();
        Arc::new(Self { events, count: AtomicU64::new(1) })
    }

    /// Any of them, raised again now under an id of its own: the id it is published under, how many
    /// messages it owes each topic, and the event.
    pub fn draw(&self, random: &mut fastrand::Rng) -> (EventId, usize, Captured) {
        let (event, rows) = random.choice(&self.events).unwrap();
        let event = again(event, self.count.fetch_add(1, Ordering::Relaxed));
        // Of an anonymous event the published id has its time cut to the hour.
        let id = if event.is_anonymous() { event.id.cut_to_hour() } else { event.id };
        (id, *rows, event)
    }
}

/// Which contracts take an event, as the sidecar decides it.
fn wanted() -> Arc<WantedList> {
    let catalogue = Arc::new(Catalogue::builtin().unwrap());
    let contracts = catalogue.matching("moodle.*.*.v1");
    let subscription = Subscription { topic: "ordered".parse().unwrap(), contracts, sources: None };
    Routes::new(catalogue, &[subscription]).wanted(&SOURCE.parse().unwrap())
}

fn takes(list: &WantedList, event: &Captured) -> usize {
    let data =
        EventData { event: event.data.clone(), entities: event.entities.clone(), ..EventData::default() };
    list.take(&event.name, &data).rows.len()
}

fn again(event: &Captured, count: u64) -> Captured {
    let mut event = corpus::moved_to(Timestamp::now(), std::slice::from_ref(event)).remove(0);
    let random = u128::from(count).to_be_bytes();
    let millis = Timestamp::now().as_millisecond().cast_unsigned();
    let id = uuid::Builder::from_unix_timestamp_millis(millis, random[6..].try_into().unwrap()).into_uuid();
    event.id = EventId::new(id).unwrap();
    event
}

/// Clients at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Account>>,
}

impl Load {
    /// Four of them begin, each with a pause of some milliseconds between its batches.
    pub fn begin(
        sidecar: &Sidecar,
        stock: &Arc<Stock>,
        random: &mut fastrand::Rng,
        pause: std::ops::Range<u64>,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..4)
            .map(|_| {
                let (client, stock, stop) = (sidecar.client(), Arc::clone(stock), Arc::clone(&stop));
                tokio::spawn(post(client, stock, stop, random.fork(), pause.clone()))
            })
            .collect();
        Self { stop, clients }
    }

    /// They stop, and say what they know.
    pub async fn end(self) -> Account {
        self.stop.store(true, Ordering::Relaxed);
        let mut account = Account::default();
        for client in self.clients {
            account.add(client.await.unwrap());
        }
        account
    }
}

async fn post(
    mut client: SigningClient,
    stock: Arc<Stock>,
    stop: Arc<AtomicBool>,
    mut random: fastrand::Rng,
    pause: std::ops::Range<u64>,
) -> Account {
    let mut account = Account::default();
    while !stop.load(Ordering::Relaxed) {
        let n = if random.u32(0..10) == 0 { random.usize(1..=50) } else { random.usize(1..=4) };
        let batch: Vec<_> = (0..n).map(|_| stock.draw(&mut random)).collect();
        account.owes.extend(batch.iter().map(|(id, rows, _)| (*id, *rows)));
        let events: Vec<Captured> = batch.iter().map(|(_, _, event)| event.clone()).collect();
        let body = corpus::body(&events, URL, "");
        let known = loop {
            match client.post(body.clone()).await {
                Outcome::Accepted(answer) => {
                    adds_up(&answer, events.len());
                    break Known::Kept;
                }
                Outcome::Refused(status, _) if status == http::StatusCode::TOO_MANY_REQUESTS => {
                    if stop.load(Ordering::Relaxed) {
                        break Known::Refused;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Outcome::Refused(status, problem) => panic!("{status} {problem}"),
                Outcome::Unknown(why) => {
                    // Nobody was there to cut it off.
                    let cut = !why.contains("refused") && !why.contains("No such file");
                    account.unanswered += u64::from(cut);
                    if random.u32(0..200) == 0 || stop.load(Ordering::Relaxed) {
                        break Known::Unknown;
                    }
                    account.resent += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        account.sent.extend(batch.iter().map(|(id, ..)| (*id, known)));
        tokio::time::sleep(Duration::from_millis(random.u64(pause.clone()))).await;
    }
    account
}

/// The numbers of a 202 are those of its batch.
fn adds_up(answer: &serde_json::Value, events: usize) {
    let sum = |key: &str| answer[key].as_u64().unwrap();
    let parked = answer["parked"].as_array().unwrap().len() as u64;
    assert_eq!(sum("accepted") + sum("duplicate") + sum("unwanted") + parked, events as u64, "{answer}");
    assert_eq!(parked, 0, "{answer}");
}
