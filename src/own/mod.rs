//! What the sidecar tells of itself, so that a consumer can tell quiet from broken, and check that it has all.
//!
//! In come the routes (who asks for it), the spool's account and tally, and the door's signs of life; out go own
//! events, straight into the spool, and from there the way of every other. It promises: a topic that doesn't
//! ask gets nothing, a topic that can't be reached gets no heap of old news, each day is summed up once, and
//! nothing of it is counted as coming from Moodle. It must not know how messages are sent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::contract::{HEARTBEAT, Heartbeat, Routes, SUMMARY, Summary};
use crate::delivery::TopicKey;
use crate::event::{EventId, Source, SourceKey};
use crate::spool::{Carrier, Own, Published, Spool, SpoolError, State, SumUp, TopicState};

/// How often it is looked whether a day is over.
const LOOK: Duration = Duration::from_secs(5);

/// A day is summed up this long after its end, for what SNS took at its very end.
const GRACE: SignedDuration = SignedDuration::from_secs(5);

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Makes the own events while the process serves.
pub struct Teller {
    /// Takes them.
    pub spool: Spool,
    /// Say who asks for them; looked at each time.
    pub routes: Arc<ArcSwap<Routes>>,
    /// The sources of this moment.
    pub sources: Box<dyn Fn() -> Vec<SignOfLife> + Send + Sync>,
    /// How often a heartbeat is made; a second at least.
    pub every: Duration,
}

/// A source, and when it was last heard since the start.
#[derive(Debug, Clone)]
pub struct SignOfLife {
    /// The source.
    pub source: Source,
    /// When its plugin last spoke.
    pub heard_at: Option<Timestamp>,
    /// When an event of it was last accepted.
    pub event_at: Option<Timestamp>,
}

/// Up to which day who was told. What is owed of it stands in the spool: this only spares asking.
type Told = (Timestamp, Vec<Carrier>);

impl Teller {
    /// Tells until it is stopped, first at once: a process that lives again says so.
    pub async fn run(self, stop: CancellationToken) {
        let mut beat = tokio::time::interval(self.every.max(Duration::from_secs(1)));
        let mut look = tokio::time::interval(LOOK);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told: Option<Told> = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = beat.tick() => said("heartbeats", self.heartbeats(Timestamp::now()).await),
                _ = look.tick() => said("summaries", self.summaries(&mut told, Timestamp::now()).await),
            }
        }
    }

    async fn heartbeats(&self, now: Timestamp) -> Result<u64, SpoolError> {
        let routes = self.routes.load_full();
        let mut told = Vec::new();
        let mut account: Option<State> = None;
        for SignOfLife { source, heard_at, event_at } in (self.sources)() {
            for carrier in routes.carriers(HEARTBEAT, &source.key) {
                // Read only where somebody asks: it counts all that waits.
                if account.is_none() {
                    account = Some(self.spool.state().await?);
                }
                let waiting = account.as_ref().map_or(0, |state| waiting(state, &carrier.topic));
                let Some(id) = fresh_id() else { continue };
                let heartbeat =
                    Heartbeat { topic: &carrier.topic, waiting, heard_at, event_at, every: self.every };
                let event = heartbeat.event(&source.key, id, now);
                if let Some(owed) = routes.owed_of_own(&source, &carrier, &event) {
                    told.push(Own { event, owed });
                }
            }
        }
        if told.is_empty() {
            return Ok(0);
        }
        self.spool.tell(told).await
    }

    async fn summaries(&self, told: &mut Option<Told>, now: Timestamp) -> Result<u64, SpoolError> {
        let routes = self.routes.load_full();
        let sources: HashMap<SourceKey, Source> =
            (self.sources)().into_iter().map(|sign| (sign.source.key.clone(), sign.source)).collect();
        let mut carriers: Vec<Carrier> =
            sources.keys().flat_map(|source| routes.carriers(SUMMARY, source)).collect();
        carriers.sort();
        let today = begin_of_day(now.checked_sub(GRACE).unwrap_or(now));
        if carriers.is_empty() || told.as_ref().is_some_and(|(day, who)| (*day, who) == (today, &carriers)) {
            return Ok(0);
        }
        let tell = move |carrier: &Carrier, day: Timestamp, published: &[Published]| {
            let source = sources.get(&carrier.source)?;
            let event =
                Summary { topic: &carrier.topic, day, published }.event(&source.key, fresh_id()?, now);
            let owed = routes.owed_of_own(source, carrier, &event)?;
            Some(Own { event, owed })
        };
        let n = self.spool.sum_up(SumUp { carriers: carriers.clone(), today, tell: Arc::new(tell) }).await?;
        *told = Some((today, carriers));
        Ok(n)
    }
}

/// How many messages to a topic are not published yet.
fn waiting(state: &State, topic: &TopicKey) -> u64 {
    state.topics.iter().find(|t| t.topic == *topic).map_or(0, TopicState::still_owed)
}

fn begin_of_day(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(DAY)).unwrap_or(at)
}

fn fresh_id() -> Option<EventId> {
    EventId::new(Uuid::now_v7()).ok()
}

/// The next turn tries again: nothing is owed to anybody before it is in the spool.
fn said(what: &str, outcome: Result<u64, SpoolError>) {
    match outcome {
        Ok(0) => {}
        Ok(n) => tracing::debug!(n, what, "told"),
        Err(error) => tracing::warn!(%error, what, "not told now; the next turn tries again"),
    }
}
