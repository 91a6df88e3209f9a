//! The last stage: from the spool to SNS.
//!
//! In come the deliveries of each topic, in the order of acceptance, out of the spool; out go batches to
//! SNS, and back to the spool goes what became of each delivery. One worker a topic reads the index into
//! memory without bodies, loads and maps only what is sent next, packs it, sends several batches at once
//! and reads each answer entry by entry. It promises: a delivery is settled only when SNS named it as
//! taken; what SNS refuses for the message's own fault is parked, alone; everything else is held and tried
//! again without an end in time; of a FIFO group one message at most is out, until its fate is kept; and a
//! contract that can't make its messages is held, not parked away message by message.
//! It must not know how Moodle sends, what a contract holds, or how the spool stores.
//!
//! Read in this order: `verdict.rs` (what an answer means), `pack.rs` (into batches), `queue.rs` (what may be
//! sent next), `quota.rs` (how fast), `contracts.rs` (which contracts are at fault), `errand.rs` (one batch from load to conclusion), `worker.rs` (the loop that starts them); and
//! `replay.rs` (past events owed again).

mod backoff;
mod client;
mod contracts;
mod control;
mod errand;
mod flow;
mod hold;
mod pace;
mod pack;
mod queue;
mod quota;
mod replay;
mod slab;
mod stats;
mod verdict;
mod window;
mod worker;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use backoff::Backoff;
pub use contracts::{Flaw, HeldContract};
pub use control::{Control, Pulse, State};
pub use flow::{Clear, Outlook};
pub use quota::Quota;
pub use replay::{Counted, Gap, Replays};
pub use stats::Stats;

use crate::contract::{Catalogue, Contract, Message, Status};
use crate::delivery::{ContractId, Parking, Reason, TopicKey};
use crate::event::{Source, SourceKey, StoredEvent};
use crate::spool::{Spool, SpoolError};
use client::Client;
use contracts::Contracts;
use control::Shared;
use errand::Line;
use hold::Account;
use queue::Order;
use quota::Gates;
use worker::Worker;

/// What the stage is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The AWS region of the topics.
    pub region: String,
    /// Where SNS is, if not at AWS.
    pub endpoint_url: Option<String>,
    /// Whose name calls are signed in.
    pub identity: Identity,
    /// The longest that a connection may take to be made.
    pub connect_timeout: Duration,
    /// The longest that one call may take in all.
    pub attempt_timeout: Duration,
    /// The wait between tries.
    pub backoff: Backoff,
    /// While a topic or the account is held, one message is tried so often.
    pub probe: Duration,
    /// One whose message can't be made is held so long, while others of its contract are tried.
    pub doubt: Duration,
    /// The most messages a second to the topics of one account.
    pub quota: Quota,
    /// The topics to serve.
    pub topics: Vec<TopicSettings>,
}

impl Settings {
    /// The defaults, for a region and topics, as for a stand-in of AWS: as fast as it answers.
    #[must_use]
    pub fn new(region: impl Into<String>, topics: Vec<TopicSettings>) -> Self {
        Self {
            region: region.into(),
            endpoint_url: None,
            identity: Identity::Chain,
            connect_timeout: Duration::from_secs(2),
            attempt_timeout: Duration::from_secs(5),
            backoff: Backoff::default(),
            // With a call that takes its whole time, what is cured goes on within 30 s.
            probe: Duration::from_secs(25),
            doubt: Duration::from_secs(60),
            quota: Quota::NONE,
            topics,
        }
    }
}

/// Where credentials come from.
#[derive(Clone)]
pub enum Identity {
    /// The SDK's default chain: environment, profile, web identity, ECS, IMDS.
    Chain,
    /// These: for a stand-in of AWS on this machine that checks none.
    Fixed {
        /// The access key's id.
        key_id: String,
        /// The access key's secret.
        secret: String,
    },
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Chain => "Chain",
            Self::Fixed { .. } => "Fixed",
        })
    }
}

/// What is told of one topic.
#[derive(Debug, Clone)]
pub struct TopicSettings {
    /// Its key, which is its identity.
    pub key: TopicKey,
    /// Its ARN.
    pub arn: String,
    /// Its kind.
    pub kind: TopicKind,
    /// The most bytes of a message, and of a batch: SNS's `MaximumMessageSize` of the topic.
    pub max_message: usize,
    /// The most batches in flight at once.
    pub in_flight: usize,
}

impl TopicSettings {
    /// The defaults: 262,144 bytes, 8 batches; FIFO when the ARN ends in `.fifo`, as SNS has it.
    #[must_use]
    pub fn new(key: TopicKey, arn: impl Into<String>) -> Self {
        let arn = arn.into();
        let kind = if arn.ends_with(".fifo") { TopicKind::Fifo } else { TopicKind::Standard };
        Self { key, arn, kind, max_message: 262_144, in_flight: 8 }
    }
}

/// The two kinds of topic that SNS has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TopicKind {
    /// Live before bulk, order best effort.
    Standard,
    /// The messages of one group in order.
    Fifo,
}

/// Makes messages of stored events.
#[derive(Clone)]
pub struct Mapper {
    /// The contracts.
    pub catalogue: Arc<Catalogue>,
    /// The sites by key, as messages name them.
    pub sources: HashMap<SourceKey, Source>,
}

impl Mapper {
    fn map(&self, contract: &ContractId, stored: &StoredEvent) -> Result<Message, Unmade> {
        let source = self.sources.get(&stored.event.source).ok_or_else(|| {
            let key = &stored.event.source;
            Unmade::Certain(Parking::new(
                Reason::Mapping,
                format!("no [sources.{key}] is configured: add it again, restart, redrive"),
            ))
        })?;
        self.catalogue.map(contract, source, stored).map_err(|parking| {
            match self.catalogue.get(contract).map(Contract::status) {
                Some(Status::Stable | Status::Deprecated) => Unmade::Doubtful(parking),
                Some(Status::Draft) | None => Unmade::Certain(parking),
            }
        })
    }
}

/// Why there is no message of a stored event.
enum Unmade {
    /// It can't be made, and no other message says more about it: what a draft refuses, too.
    Certain(Parking),
    /// Whether the event or the contract is at fault, others of the contract must show.
    Doubtful(Parking),
}

/// Why publishing could not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// A topic's lease could not be taken.
    #[error("taking topic {topic} failed: {cause}; see `spool check`")]
    Lease {
        /// The topic.
        topic: TopicKey,
        /// What the spool said.
        cause: SpoolError,
    },
}

/// The running workers.
#[derive(Debug)]
pub struct Publisher {
    workers: JoinSet<()>,
    stop: CancellationToken,
    control: Control,
}

impl Publisher {
    /// Takes each topic's lease and starts its worker. Workers take nothing new once `stop` is cancelled.
    ///
    /// # Errors
    /// When the spool gives no lease. Bad credentials or topics are no error here: they hold what they
    /// concern, and [`Control`] says so.
    pub async fn start(
        settings: Settings,
        spool: Spool,
        mapper: Mapper,
        stop: CancellationToken,
    ) -> Result<Self, StartError> {
        // A token of our own: `finish` must not stop what shares the caller's.
        let stop = stop.child_token();
        let Settings { backoff, probe, doubt, quota, .. } = settings;
        let topics = settings.topics.clone();
        let client = Client::new(settings).await;
        let account = Account::new();
        let stats = Stats::default();
        let contracts = Contracts::new(stats.clone());
        let mut workers = JoinSet::new();
        let mut told = Vec::new();
        let mut gates = Gates::default();
        for topic in topics {
            let key = topic.key.clone();
            let lease =
                spool.lease(&key).await.map_err(|cause| StartError::Lease { topic: key.clone(), cause })?;
            let shared = Shared::new();
            let seat = gates.seat(&topic.arn, topic.kind, quota, Instant::now());
            let line = Line {
                order: match topic.kind {
                    TopicKind::Standard => Order::Standard,
                    TopicKind::Fifo => Order::Fifo,
                },
                topic,
                client: client.clone(),
                mapper: mapper.clone(),
                spool: spool.clone(),
                lease,
                backoff,
                probe,
                doubt,
                contracts: contracts.clone(),
                stats: stats.of(&key),
                shared: shared.clone(),
            };
            told.push((key, shared));
            workers.spawn(Worker::new(line, account.clone(), seat, stop.clone()).run());
        }
        Ok(Self { workers, stop, control: Control::new(told, contracts, stats) })
    }

    /// What others may see of the workers.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Takes nothing new, waits at most `within` for the batches in flight to be answered and concluded,
    /// and leaves the rest. What is left unanswered is unknown, and is sent again at the next start.
    pub async fn finish(mut self, within: Duration) {
        self.stop.cancel();
        let all = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(within, all).await.is_err() {
            tracing::warn!(?within, "batches in flight were not answered in time: they are sent again");
        }
    }
}
