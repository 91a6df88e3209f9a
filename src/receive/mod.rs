//! The door: it listens for Moodle.
//!
//! In come signed requests over a socket; out goes, for each, one answer: `202` with what became of
//! each event, only after the spool committed them, or a problem that says what to do. It promises:
//! nothing is parsed before its signature is verified; every wait, size and number is bounded; one bad
//! event never costs its neighbours; what no contract declares never reaches the disk. It knows the
//! contracts' routes (a value handed to it) and the spool's face, and must not know what a message or
//! SNS is.
//!
//! Read it in the order a request meets it: [`listen`] (where), `serve` (the accept loop and one
//! exchange), `body`, [`signature`] (who), `json`, `envelope`, `batch` (what), `events` (a batch),
//! `question` with `wanted`, `ledger` and `trace` (what a plugin asks and tells), [`refusal`] (every way to say no).

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::contract::Routes;
use crate::spool::Spool;

mod admit;
mod batch;
mod body;
mod calm;
mod clock;
mod envelope;
mod events;
mod serve;
mod json;
mod ledger;
pub mod listen;
mod lists;
mod patience;
mod question;
pub mod refusal;
mod secret;
mod senders;
pub mod signature;
mod stats;
mod tls;
mod trace;
mod wanted;

pub use ledger::{Books, Outcome, PluginLedger};
pub use listen::{BindError, Bound, Listen};
pub use secret::{NotASecret, Secret};
pub use senders::{Sender, Senders, SendersError};
pub use serve::serve;
pub use stats::{PluginReport, Stats};
pub use tls::Certificates;

/// Plain values from the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen.
    pub listen: Listen,
    /// How much a request may bring.
    pub limits: Limits,
    /// How long each part of an exchange may take.
    pub timeouts: Timeouts,
    /// Connections open at once; one more is refused at once, because a page may wait for it.
    pub max_connections: usize,
}

impl Settings {
    /// The defaults, listening there.
    #[must_use]
    pub fn at(listen: Listen) -> Self {
        Self { listen, limits: Limits::default(), timeouts: Timeouts::default(), max_connections: 1_024 }
    }
}

/// How much a request may bring (DESIGN 4). The plugin is told them with the wanted list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body.
    pub max_body: usize,
    /// Events of a batch.
    pub max_events: usize,
    /// Bytes of one event.
    pub max_event: usize,
    /// Levels of nesting in one event: 1 is an object of plain values.
    pub max_depth: usize,
    /// Bytes of bodies that all requests together may hold.
    pub in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: 4 << 20,
            max_events: 2_000,
            max_event: 1 << 20,
            max_depth: 32,
            // Eight of the largest requests; what is parsed of them takes a few times that.
            in_flight: 32 << 20,
        }
    }
}

/// How long each part of an exchange may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From the opening of a connection, or the answer before, to the end of a request's head; also a
    /// TLS handshake, and an answer that its reader does not take.
    pub head: Duration,
    /// From the end of the head to the end of the body, however it drips.
    pub body: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { head: Duration::from_secs(3), body: Duration::from_secs(10) }
    }
}

/// What the door works with. A reload replaces what is in the `ArcSwap`s; a request sees one state of it.
#[derive(Clone)]
pub struct Context {
    /// Where events are kept.
    pub spool: Spool,
    /// What is wanted of which source, and owed to which topic.
    pub routes: Arc<ArcSwap<Routes>>,
    /// Who may send.
    pub senders: Arc<ArcSwap<Senders>>,
    /// What is counted.
    pub stats: Arc<Stats>,
    /// How much a request may bring.
    pub limits: Limits,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// Connections open at once.
    pub max_connections: usize,
}
