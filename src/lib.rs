//! `moodle-sns-producer` takes signed events from a Moodle site and publishes them to Amazon SNS as
//! messages whose contracts were reviewed before any code was written.
//!
//! Read the modules in the order in which an event meets them:
//!
//! 1. [`event`] and [`delivery`] hold the words that every stage shares: what Moodle raised, and what
//!    is owed for it. Values only; no I/O.
//! 2. [`receive`] listens for Moodle. It verifies the signature over the raw bytes before it parses
//!    anything, cuts each event down to what the contracts declare, asks which topics are owed a
//!    message, has the spool commit, and only then answers `202`.
//! 3. [`spool`] is the disk. What it has committed is never lost: events, the deliveries they owe, the
//!    ids already seen, and the ledger that must add up. Everything after it is a function of it, so a
//!    crash anywhere costs at most a second copy under the same message id.
//! 4. [`contract`] is the pure middle: it reads `contracts/<subject>/<name>/v1.toml` and from it alone
//!    derives which events are wanted, how they are cut and routed, the message that each becomes, and
//!    the JSON Schema that the message is checked against before it is published.
//! 5. [`publish`] has one worker a topic. It takes deliveries in order, packs batches, sends them, reads
//!    the answer entry by entry, and tells the spool what became of each.
//! 6. [`operate`] is for the person on call: `/livez`, `/readyz`, `/metrics`, `/status`, and the verbs
//!    that change something.
//! 7. [`own`] tells consumers of the process itself: heartbeats, by the same way as all else.
//! 8. [`config`] turns one TOML file, the environment and flags into checked values, and reports all
//!    problems at once. [`cli`] is the command line; `cli/run.rs` is the one place that puts the stages
//!    together.
//!
//! `pages` holds the stylesheet that the operator's pages and the catalogue's share.
//!
//! A stage may use the shared words and the public face of its neighbours, never their inside. Only
//! `spool` sees SQL, only `publish` the AWS SDK, only `receive` and `operate` serve HTTP.

pub mod event;
pub mod delivery;

pub mod receive;
pub mod spool;
pub mod contract;
pub mod publish;
pub mod operate;
pub mod own;

mod pages;
mod planted;

pub mod config;
pub mod cli;
