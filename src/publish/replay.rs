//! Past events owed again, to one topic for one addressee: what may be asked for, and the one task that makes
//! the deliveries. It looks through the history page by page, and each page is kept with the place where it
//! ended: so a replay that was cut off by a kill goes on where it was, and makes nothing twice.
//!
//! A delivery is made only of an event whose message can be made now: a replay never fills `parked`, and never
//! brings a contract into doubt for events from before it was armed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::Mapper;
use crate::contract::{EventData, Routes};
use crate::delivery::ContractId;
use crate::event::{SourceKey, StoredEvent};
use crate::spool::{OwedAgain, Past, Reach, Replay, ReplayOrder, ReplayStep, Spool, SpoolError};

/// How often a replay that runs makes deliveries.
const TICK: Duration = Duration::from_millis(200);
/// How often it is looked whether one runs.
const LOOK: Duration = Duration::from_secs(1);
/// So many of a replay may wait at once: it must not fill the spool, nor stand before what comes meanwhile.
const AHEAD: u64 = 1_000;
/// The most events of one step.
const STEP: usize = 200;
/// The most steps of one tick: where few events fit, most steps only look.
const STEPS: usize = 20;
/// What is counted beforehand is counted for so long at most.
const COUNTING: Duration = Duration::from_secs(15);

/// Replays: what may be asked for, and the work. Cheap to clone.
#[derive(Clone)]
pub struct Replays {
    spool: Spool,
    mapper: Mapper,
    routes: Arc<ArcSwap<Routes>>,
}

impl std::fmt::Debug for Replays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Replays({:?})", self.spool)
    }
}

/// A time before which what is asked for can't be whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// History up to this time is pruned.
    Pruned(Timestamp),
    /// Events of this source came under a list that names the contract only since then; none: never.
    Armed(SourceKey, ContractId, Option<Timestamp>),
}

impl Gap {
    /// From when on it is none; none: there is no such time yet.
    #[must_use]
    pub fn ends(&self) -> Option<Timestamp> {
        match self {
            Self::Pruned(at) => at.checked_add(Duration::from_micros(1)).ok(),
            Self::Armed(_, _, since) => *since,
        }
    }
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pruned(at) => write!(f, "history up to {at} is pruned"),
            Self::Armed(source, contract, Some(since)) => {
                write!(
                    f,
                    "{contract} is armed for {source} since {since}: what it needs was not asked for before"
                )
            }
            Self::Armed(source, contract, None) => {
                write!(f, "{contract} was never armed for {source}: no event came under a list that names it")
            }
        }
    }
}

/// What a replay would send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Events that were looked at.
    pub events: u64,
    /// Messages that can be made of them.
    pub messages: u64,
    /// Messages that can't.
    pub unmade: u64,
    /// Whether there was no time to look at all of them: there are more.
    pub cut_short: bool,
}

impl Replays {
    /// Replays of a spool, by these contracts and routes.
    #[must_use]
    pub fn new(spool: Spool, mapper: Mapper, routes: Arc<ArcSwap<Routes>>) -> Self {
        Self { spool, mapper, routes }
    }

    /// The contracts that a topic carries now; none: there is no such topic.
    #[must_use]
    pub fn carried(&self, topic: &crate::delivery::TopicKey) -> Option<Vec<ContractId>> {
        self.routes.load().subscription(topic).map(|subscription| subscription.contracts.clone())
    }

    /// What of an order lies before anything can be sent again. Empty: it can be carried out whole.
    ///
    /// # Errors
    /// The spool failed.
    pub async fn gaps(&self, order: &ReplayOrder) -> Result<Vec<Gap>, SpoolError> {
        let reach = self.spool.reach().await?;
        let routes = self.routes.load();
        let named = self.sources(order, &routes).into_iter().map(|source| {
            let list = routes.wanted(&source);
            let named = |contract: &&ContractId| list.rows().iter().any(|r| r.contract == contract.as_str());
            let contracts = order.contracts.iter().filter(named).cloned().collect();
            (source, contracts)
        });
        Ok(gaps(order.from, &reach, &named.collect()))
    }

    /// The sources whose events an order means.
    fn sources(&self, order: &ReplayOrder, routes: &Routes) -> BTreeSet<SourceKey> {
        let of_topic = routes.subscription(&order.topic).and_then(|s| s.sources.as_ref());
        let all = self.mapper.sources.keys();
        all.filter(|source| order.source.as_ref().is_none_or(|only| only == *source))
            .filter(|source| of_topic.is_none_or(|of_topic| of_topic.contains(source)))
            .cloned()
            .collect()
    }

    /// What an order would send, without sending it.
    ///
    /// # Errors
    /// The spool failed.
    pub async fn count(&self, order: &ReplayOrder) -> Result<Counted, SpoolError> {
        let begun = Instant::now();
        let routes = self.routes.load_full();
        let past = self.past(order, &routes, self.spool.reach().await?.last);
        let (mut counted, mut after) = (Counted::default(), 0);
        while after < past.last {
            if begun.elapsed() > COUNTING {
                counted.cut_short = true;
                break;
            }
            let page = self.spool.past(&past, after, STEP).await?;
            after = page.through;
            counted.events += page.events.len() as u64;
            counted.unmade += page.damaged;
            for stored in &page.events {
                let (owed, unmade) = self.owed(order, &routes, stored);
                counted.messages += owed.len() as u64;
                counted.unmade += unmade;
            }
        }
        Ok(counted)
    }

    fn past(&self, order: &ReplayOrder, routes: &Routes, last: u64) -> Past {
        let lists = self.sources(order, routes).into_iter().map(|source| routes.wanted(&source));
        let mut names = BTreeSet::new();
        for list in lists {
            let of_order =
                list.rows().iter().filter(|r| order.contracts.iter().any(|c| c.as_str() == r.contract));
            names.extend(of_order.map(|row| Arc::<str>::from(row.event.as_str())));
        }
        Past {
            source: order.source.clone(),
            from: order.from,
            until: order.until,
            names: names.into_iter().collect(),
            last,
        }
    }

    /// What is owed again for one event, and how many messages can't be made of it.
    fn owed(&self, order: &ReplayOrder, routes: &Routes, stored: &StoredEvent) -> (Vec<OwedAgain>, u64) {
        let event = &stored.event;
        let (Some(source), Ok(data)) =
            (self.mapper.sources.get(&event.source), EventData::parse(&event.data))
        else {
            return (Vec::new(), 1);
        };
        let list = routes.wanted(&event.source);
        let taken = list.take(&event.name, &data);
        let (mut owed, mut unmade) = (Vec::new(), 0);
        for one in routes.owed(source, &taken, event) {
            if one.topic != order.topic || !order.contracts.contains(&one.contract) {
                continue;
            }
            match self.mapper.map(&one.contract, stored) {
                Ok(message) => owed.push(OwedAgain {
                    event: stored.sequence.position,
                    contract: one.contract,
                    group: message.group,
                    bytes: event.data.len() as u64,
                }),
                Err(_) => unmade += 1,
            }
        }
        (owed, unmade)
    }

    /// Makes the deliveries of all replays that run, until it is told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut paces: HashMap<u64, Pace> = HashMap::new();
        let mut failing = false;
        loop {
            let pause = match self.work(&mut paces).await {
                Ok(running) => {
                    failing = false;
                    if running { TICK } else { LOOK }
                }
                Err(SpoolError::Shut) => return,
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(%error, "replays stand still: the spool failed; it is tried again");
                    }
                    LOOK
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One tick. Says whether any replay runs.
    async fn work(&self, paces: &mut HashMap<u64, Pace>) -> Result<bool, SpoolError> {
        let running = self.spool.replays_running().await?;
        paces.retain(|number, _| running.iter().any(|replay| replay.number == *number));
        for replay in &running {
            let pace = paces.entry(replay.number).or_insert_with(|| Pace::new(Instant::now()));
            self.advance(replay, pace).await?;
        }
        Ok(!running.is_empty())
    }

    async fn advance(&self, replay: &Replay, pace: &mut Pace) -> Result<(), SpoolError> {
        let order = &replay.order;
        let mut may = pace.may(Instant::now(), order.per_second, replay.waiting);
        let routes = self.routes.load_full();
        let carried = routes.subscription(&order.topic).map(|s| s.contracts.as_slice()).unwrap_or_default();
        if let Some(gone) = order.contracts.iter().find(|contract| !carried.contains(contract)) {
            if !std::mem::replace(&mut pace.stuck, true) {
                tracing::warn!(replay = %order.name, topic = %order.topic, contract = %gone,
                    "a replay stands still: its topic does not carry this contract any more; configure it again, or cancel the replay");
            }
            return Ok(());
        }
        let past = self.past(order, &routes, replay.last);
        let mut after = replay.through;
        for _ in 0..STEPS {
            if may == 0 {
                break;
            }
            let page = self.spool.past(&past, after, usize::try_from(may).unwrap_or(STEP).min(STEP)).await?;
            let mut step = ReplayStep {
                number: replay.number,
                after,
                through: page.through,
                owed: Vec::new(),
                unmade: page.damaged,
            };
            for stored in &page.events {
                let (owed, unmade) = self.owed(order, &routes, stored);
                step.owed.extend(owed);
                step.unmade += unmade;
            }
            let made = step.owed.len() as u64;
            if !self.spool.owe_again(step).await? {
                break;
            }
            pace.made(made);
            may = may.saturating_sub(made);
            after = page.through;
            if after >= replay.last {
                tracing::info!(replay = %order.name, topic = %order.topic, "all of a replay is owed");
                break;
            }
        }
        Ok(())
    }
}

/// What of the time from `from` on can't be whole, by what each source's list names. A source of which
/// nothing ever came has nothing to miss.
fn gaps(from: Timestamp, reach: &Reach, named: &BTreeMap<SourceKey, Vec<ContractId>>) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = reach.pruned.filter(|at| from <= *at).map(Gap::Pruned).into_iter().collect();
    for (source, contracts) in named {
        let of_source = || reach.armed.iter().filter(|(of, ..)| of == source);
        if of_source().next().is_none() {
            continue;
        }
        for contract in contracts {
            let since = of_source().find(|(_, of, _)| of == contract).map(|(_, _, since)| *since);
            if since.is_none_or(|since| from < since) {
                gaps.push(Gap::Armed(source.clone(), contract.clone(), since));
            }
        }
    }
    gaps
}

/// How much a replay may make now.
#[derive(Debug)]
struct Pace {
    at: Instant,
    /// Messages; below 0 when an event gave more than there was room for.
    room: f64,
    /// Whether it was said that it can't go on.
    stuck: bool,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { at: now.checked_sub(TICK).unwrap_or(now), room: 0.0, stuck: false }
    }

    /// How many messages may be made. Time in which nothing could be made is not made up for.
    fn may(&mut self, now: Instant, per_second: u32, waiting: u64) -> u64 {
        let rate = f64::from(per_second);
        self.room = (self.room + rate * now.saturating_duration_since(self.at).as_secs_f64())
            .min((rate * 2.0 * TICK.as_secs_f64()).max(1.0));
        self.at = now;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a rate")]
        let room = self.room.max(0.0) as u64;
        room.min(AHEAD.saturating_sub(waiting))
    }

    fn made(&mut self, n: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
        let n = n as f64;
        self.room -= n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_gives_its_rate_and_no_more_than_may_wait() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let mut made = 0;
        for tick in 0..50 {
            let may = pace.may(start + TICK * tick, 30, 0);
            pace.made(may);
            made += may;
        }
        assert!((290..=306).contains(&made), "{made} in 10 s at 30 a second");
        assert_eq!(
            pace.may(start + Duration::from_secs(3_600), 30, 0),
            12,
            "an hour's stop is no hour's burst"
        );
        assert_eq!(pace.may(start + Duration::from_secs(3_601), 30, AHEAD - 3), 3);
        assert_eq!(pace.may(start + Duration::from_secs(3_602), 30, AHEAD + 5), 0);
        let mut slow = Pace::new(start);
        let made: u64 = (0..50)
            .map(|tick| {
                let may = slow.may(start + TICK * tick, 1, 0);
                slow.made(may);
                may
            })
            .sum();
        assert!((9..=11).contains(&made), "{made} in 10 s at 1 a second");
    }

    #[test]
    fn what_lies_before_a_contract_was_armed_or_history_begins_is_a_gap() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let source = |key: &str| key.parse::<SourceKey>().unwrap();
        let contract = |name: &str| format!("moodle.{name}.v1").parse::<ContractId>().unwrap();
        let (old, new) = (contract("a.a"), contract("b.b"));
        let reach = Reach {
            armed: vec![(source("vle"), old.clone(), at(100)), (source("vle"), new.clone(), at(500))],
            pruned: Some(at(200)),
            last: 9,
        };
        let named = |keys: &[&str], contracts: &[&ContractId]| {
            keys.iter().map(|k| (source(k), contracts.iter().copied().cloned().collect())).collect()
        };
        let armed = |contract: &ContractId, since| Gap::Armed(source("vle"), contract.clone(), since);
        for (from, contracts, expected) in [
            (at(201), vec![&old], vec![]),
            (at(200), vec![&old], vec![Gap::Pruned(at(200))]),
            (at(50), vec![&old], vec![Gap::Pruned(at(200)), armed(&old, Some(at(100)))]),
            (at(499), vec![&old, &new], vec![armed(&new, Some(at(500)))]),
            (at(500), vec![&old, &new], vec![]),
            (at(900), vec![&contract("c.c")], vec![armed(&contract("c.c"), None)]),
        ] {
            let found = gaps(from, &reach, &named(&["vle", "silent"], &contracts));
            assert_eq!(found, expected, "{from}");
            assert!(found.iter().filter_map(Gap::ends).all(|ends| ends > from));
        }
    }
}
