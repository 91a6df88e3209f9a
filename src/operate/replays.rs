//! How far replays are: plain rows, so that the listener and the command line say the same.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::spool::{Replay, ReplayState, Spool, SpoolError};

/// A replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayRow {
    /// `<for>/<id>`: the attribute `replay` of its messages.
    pub replay: String,
    /// To which topic.
    pub topic: String,
    /// Messages of these contracts.
    pub contracts: Vec<String>,
    /// Only of this source.
    pub source: Option<String>,
    /// Events accepted at this time or later…
    pub from: Timestamp,
    /// …and before this.
    pub until: Timestamp,
    /// Messages a second at most.
    pub per_second: u32,
    /// When it was ordered.
    pub begun: Timestamp,
    /// `running`, `sending` (all is owed, some waits), `done` or `cancelled`.
    pub state: String,
    /// How much of the history was looked at, in percent.
    pub looked_at: u64,
    /// Messages owed so far.
    pub owed: u64,
    /// Of these: published.
    pub published: u64,
    /// Of these: to be sent.
    pub waiting: u64,
    /// Of these: set aside.
    pub parked: u64,
    /// Messages that could not be made, so nothing is owed for them.
    pub unmade: u64,
    /// Set when history was pruned up to this time before all of it was looked at: messages are missing.
    pub pruned: Option<Timestamp>,
}

impl ReplayRow {
    /// Whether something of it wants a person.
    #[must_use]
    pub fn wants_a_person(&self) -> bool {
        self.parked > 0 || self.pruned.is_some()
    }
}

impl From<Replay> for ReplayRow {
    fn from(replay: Replay) -> Self {
        let state = match replay.state {
            ReplayState::Running => "running",
            ReplayState::Made { .. } if replay.waiting > 0 => "sending",
            ReplayState::Made { .. } => "done",
            ReplayState::Cancelled { .. } => "cancelled",
        };
        let order = replay.order;
        Self {
            replay: order.name.to_string(),
            topic: order.topic.to_string(),
            contracts: order.contracts.iter().map(ToString::to_string).collect(),
            source: order.source.map(|source| source.to_string()),
            from: order.from,
            until: order.until,
            per_second: order.per_second,
            begun: replay.begun,
            state: state.to_owned(),
            looked_at: (replay.through.min(replay.last) * 100).checked_div(replay.last).unwrap_or(100),
            owed: replay.owed,
            published: replay.settled,
            waiting: replay.waiting,
            parked: replay.parked,
            unmade: replay.unmade,
            pruned: replay.pruned,
        }
    }
}

/// All replays, the newest first.
///
/// # Errors
/// The spool failed.
pub async fn rows(spool: &Spool) -> Result<Vec<ReplayRow>, SpoolError> {
    Ok(spool.replays().await?.into_iter().map(ReplayRow::from).collect())
}
