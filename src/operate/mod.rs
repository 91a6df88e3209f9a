//! For the person on call: is it well, what is where, and send parked messages again.
//!
//! In come requests on a listener that is never public: `/livez`, `/readyz`, `/metrics`, `/status` (a page
//! and the same as JSON), look-ups of single events, and the verbs that change something. It reads
//! the spool's account and the workers' pulses, and says in a sentence what is so and what to do
//! ([`verdict`]). It promises: reading changes nothing; a web page that a person has open can neither read
//! nor change anything here; no message's content and no secret is shown without the operator's token.
//! It must not know how events come in or how messages are sent.
//!
//! Read in this order: [`verdict`], [`books`] and [`report`] (all that `status` shows), [`look`] (single events),
//! `guard` (who may ask what), [`change`] (the verbs that change something), `answer` (the paths), `serve` (the sockets).

mod alarm;
mod answer;
pub mod audit;
pub mod books;
pub mod change;
mod clear;
pub mod gone;
mod guard;
pub mod look;
mod metrics;
mod page;
mod pressure;
mod ready;
pub mod replays;
pub mod report;
#[cfg(test)]
mod sample;
mod serve;
pub mod verdict;
pub mod words;

use std::sync::Arc;

use jiff::Timestamp;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, watch};

pub use metrics::PREFIX;
pub use ready::Phase;
pub use serve::{BindError, Listener, serve, serve_probes};

use books::Books;

use crate::config::SecretText;
use crate::delivery::TopicKey;
use crate::event::SourceKey;
use crate::publish::{HeldContract, Mapper, Pulse, Replays};
use crate::spool::Spool;

/// What the listener works with.
pub struct Operator {
    /// The account.
    pub spool: Spool,
    /// Says what a contract makes of a parked event now.
    pub mapper: Mapper,
    /// Sends past events again.
    pub replays: Replays,
    /// What the configuration says.
    pub setup: Setup,
    /// Has the process read its configuration again.
    pub reload: mpsc::Sender<change::reload::Asked>,
    /// What changes by the moment, asked at each request.
    pub signs: Box<dyn Fn() -> Signs + Send + Sync>,
    /// What the stages count; its prefix is [`PREFIX`].
    pub registry: Arc<Registry>,
    /// How far the process is.
    pub phase: watch::Receiver<Phase>,
    /// What changing verbs must show; none refuses them.
    pub token: Option<SecretText>,
    /// Names a request's `Host` may have, beside those that are always allowed.
    pub hosts: Vec<String>,
}

/// What the configuration says, as far as `status` shows it.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The topics.
    pub topics: Vec<SetTopic>,
    /// When the process started.
    pub started: Timestamp,
}

/// A topic of the configuration.
#[derive(Debug, Clone)]
pub struct SetTopic {
    /// Its key.
    pub key: TopicKey,
    /// Its ARN.
    pub arn: String,
}

/// Signs of life of this moment.
#[derive(Debug, Clone, Default)]
pub struct Signs {
    /// How each topic's worker does.
    pub pulses: Vec<Pulse>,
    /// The contracts that are held.
    pub contracts: Vec<HeldContract>,
    /// Each secret of each source.
    pub senders: Vec<Sign>,
    /// The ledgers of each source whose plugin told its own since the start.
    pub books: Vec<Books>,
}

/// A secret of a source, and when it was last used.
#[derive(Debug, Clone)]
pub struct Sign {
    /// The source.
    pub source: SourceKey,
    /// Its URL.
    pub url: String,
    /// The secret's name.
    pub secret: String,
    /// The beginning of its digest, to be compared with what the other side shows.
    pub fingerprint: String,
    /// When a request was last signed with it, since the start.
    pub last_used: Option<Timestamp>,
    /// What the source's plugin last said of itself, in words.
    pub plugin: String,
}
