//! The spool: the disk between Moodle and SNS.
//!
//! In comes a batch of cut events with the deliveries they owe; the answer comes only when the commit
//! that holds them has returned. Out go deliveries, topic by topic, in the order of acceptance, and in
//! come their fates. It promises: what was committed is there after any crash; a repeated event id is
//! answered as a duplicate for 35 days; a sequence never goes back; and the ledger's sums hold at every
//! commit, because its rows change in the transaction they count. It must not know what a contract,
//! a signature or an SNS answer looks like.
//!
//! This face carries no SQL type. What a second implementation (a shared database) must promise is
//! written at each function, and `tests/behaviour/spool.rs` tests it against the face alone.

mod accept;
mod account;
mod dispatch;
mod erase;
mod own;
mod owed;
mod people;
mod pressure;
mod replay;
mod sqlite;
mod verbs;
mod withdraw;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::delivery::{Fate, Position, TopicKey};
use crate::event::{EventId, SourceKey, StoredEvent};

pub use accept::{Accept, AcceptError, Accepted, Batch, Owed, Route};
pub use account::{Count, LedgerRow, State, TopicState};
pub use dispatch::{ConcludeError, Delivery, Entry, Lease};
pub use erase::Erasure;
pub use owed::Owing;
pub use own::{Carrier, Own, Published, SumUp, Tell};
pub use people::{Parked, ParkedFilter, Trace, TracedDelivery, TracedState};
pub use pressure::{Filling, Pressure, Shortage};
pub use replay::{OwedAgain, Past, PastPage, Reach, Replay, ReplayOrder, ReplayState, ReplayStep};
pub use verbs::{AuditLine, Changed, Door, Pause, Signed, SkipOutlook, Skipped};
pub use withdraw::{Keep, Kept, Withdrawal, Withdrawn};

/// How long an event id is remembered, whatever else is pruned: a repeated id within this time is a
/// duplicate, and an older one is refused at the door.
pub const IDS_KEPT: Duration = Duration::from_secs(35 * 24 * 3600);

/// How long a wanted list that was replaced may still be named by an event.
pub const LISTS_KEPT: Duration = Duration::from_secs(14 * 24 * 3600);

/// How long commits took, in seconds.
pub type CommitSeconds = prometheus_client::metrics::histogram::Histogram;

/// What is set for a spool.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its file. On a local disk that keeps what was synced.
    pub path: PathBuf,
    /// The most that may wait to be published, in bytes: above it the door is shut (429).
    pub max_size: u64,
    /// How long history stays.
    pub history_age: Duration,
    /// How many bytes of history stay.
    pub history_size: u64,
}

impl Settings {
    /// The defaults: 8 GiB owed, 7 days or 2 GiB of history.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            max_size: 8 << 30,
            history_age: Duration::from_secs(7 * 86_400),
            history_size: 2 << 30,
        }
    }
}

/// An open spool. Clones share it.
#[derive(Clone)]
pub struct Spool {
    store: Arc<sqlite::Store>,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spool({})", self.id())
    }
}

impl Spool {
    /// Opens the spool, or makes it, and holds it for this process alone.
    ///
    /// Promises a new epoch, above all that were, before anything is accepted.
    ///
    /// # Errors
    /// See [`OpenError`]; the file is left as it was.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        Self::opened(move || sqlite::Store::open(&settings)).await
    }

    /// Opens a spool that no process holds, to look at it. Holds it meanwhile and changes nothing.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn read_only(path: &Path) -> Result<Self, OpenError> {
        let path = path.to_owned();
        Self::opened(move || sqlite::Store::read_only(&path)).await
    }

    async fn opened(
        open: impl FnOnce() -> Result<sqlite::Store, OpenError> + Send + 'static,
    ) -> Result<Self, OpenError> {
        let store =
            tokio::task::spawn_blocking(open).await.map_err(|e| OpenError::Interrupted(e.to_string()))??;
        Ok(Self { store: Arc::new(store) })
    }

    /// Names this spool. A restored copy has the same name, a new one another.
    #[must_use]
    pub fn id(&self) -> &str {
        self.store.id()
    }

    /// Keeps a batch: all of it, or none of it. Answers when it would survive a power cut, with one
    /// outcome an event, in their order. A known id is answered as [`Accepted::Duplicate`] without a
    /// write; two of one id in one batch, the second is the duplicate.
    ///
    /// A second implementation must promise the same, and that an event accepted after another's answer
    /// gets the greater sequence, whichever process took it.
    ///
    /// # Errors
    /// [`AcceptError::Unknown`] leaves open whether it is kept; the others say that it is not.
    pub async fn accept(&self, batch: Batch) -> Result<Vec<Accepted>, AcceptError> {
        self.store.accept(batch).await
    }

    /// Takes the right to dispatch a topic. On one machine the spool's lock gives it always; a shared
    /// spool gives it to one process at a time, and fences [`Spool::conclude`] by it.
    ///
    /// # Errors
    /// The store failed.
    #[allow(clippy::unused_async, reason = "a shared spool asks its database")]
    pub async fn lease(&self, topic: &TopicKey) -> Result<Lease, SpoolError> {
        Ok(Lease { topic: topic.clone() })
    }

    /// At most `n` deliveries of the topic behind `after`, in order. Everything that a commit gave the
    /// topic before is seen, and what is seen later has a greater position: so whoever read to an end
    /// goes on from there and misses nothing, unless [`Spool::rewound`] says that the head changed.
    ///
    /// # Errors
    /// The store failed.
    pub async fn index(
        &self,
        lease: &Lease,
        after: Option<Position>,
        n: usize,
    ) -> Result<Vec<Entry>, SpoolError> {
        self.store.index(&lease.topic, after, n).await
    }

    /// Deliveries with their events, in the order asked; those that are no more are left out. An event
    /// whose bytes are not those that were accepted comes as a parking.
    ///
    /// # Errors
    /// The store failed.
    pub async fn load(&self, lease: &Lease, at: &[Position]) -> Result<Vec<Delivery>, SpoolError> {
        self.store.load(&lease.topic, at).await
    }

    /// Keeps what became of deliveries, all in one commit, with the ledger. One that was concluded
    /// before is passed over.
    ///
    /// # Errors
    /// [`ConcludeError::Unknown`]: read the index again from its head.
    pub async fn conclude(&self, lease: &Lease, fates: Vec<(Position, Fate)>) -> Result<(), ConcludeError> {
        self.store.conclude(&lease.topic, fates).await
    }

    /// Changes after each commit that gave the topic a delivery. Take it before reading the index.
    #[must_use]
    pub fn woken(&self, topic: &TopicKey) -> watch::Receiver<u64> {
        self.store.woken(topic)
    }

    /// Changes after each commit that gave or took deliveries behind where a reader of the topic's index may
    /// be: it must read again from the head. Take it before reading the index.
    #[must_use]
    pub fn rewound(&self, topic: &TopicKey) -> watch::Receiver<u64> {
        self.store.rewound(topic)
    }

    /// Makes a wanted list the present one of its source; the one before may be named for
    /// [`LISTS_KEPT`] from `now`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn remember_list(
        &self,
        source: &SourceKey,
        etag: &str,
        rows: &str,
        now: Timestamp,
    ) -> Result<(), SpoolError> {
        self.store.remember_list(source, etag, rows, now).await
    }

    /// The wanted lists of a source that may still be named, as (etag, rows), the present one first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn lists(&self, source: &SourceKey) -> Result<Vec<(String, String)>, SpoolError> {
        self.store.lists(source).await
    }

    /// The whole account at one moment.
    ///
    /// # Errors
    /// The store failed.
    pub async fn state(&self) -> Result<State, SpoolError> {
        self.store.state().await
    }

    /// What waits or is held, by topic and contract, in their order.
    ///
    /// # Errors
    /// The store failed.
    pub async fn owed(&self) -> Result<Vec<Owing>, SpoolError> {
        self.store.owed().await
    }

    /// The ledger's rows of the hours since `since`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn ledger(&self, since: Timestamp) -> Result<Vec<LedgerRow>, SpoolError> {
        self.store.ledger(since).await
    }

    /// What became of the events of one source at the door, as sums over their names by the hour in which
    /// they came, since `since`. Cheap beside [`Spool::ledger`]: a busy site has hundreds of rows an hour.
    ///
    /// # Errors
    /// The store failed.
    pub async fn door(
        &self,
        source: &SourceKey,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, Count, u64)>, SpoolError> {
        self.store.door(source, since).await
    }

    /// What became of an event; none when its id is not known. Without a source, any source's.
    ///
    /// # Errors
    /// The store failed.
    pub async fn trace(&self, source: Option<&SourceKey>, id: EventId) -> Result<Option<Trace>, SpoolError> {
        self.store.trace(source, id).await
    }

    /// At most `n` of what is parked, behind the number `after`, by number.
    ///
    /// # Errors
    /// The store failed.
    pub async fn parked(
        &self,
        filter: &ParkedFilter,
        after: Option<u64>,
        n: usize,
    ) -> Result<Vec<Parked>, SpoolError> {
        self.store.parked(filter, after, n).await
    }

    /// The event of a parked row; none when there is none or its bytes are corrupt.
    ///
    /// # Errors
    /// The store failed.
    pub async fn stored(&self, number: u64) -> Result<Option<StoredEvent>, SpoolError> {
        self.store.stored(number).await
    }

    /// Takes contracts out: drops what is owed of them and counts it as erased, cuts the stored events that
    /// they took to what others take, and erases those that no other took. Ids stay known, the audit says
    /// what was done, and nothing of it stays in the store's files. Must be called at each start, before
    /// anything is dispatched, with all contracts that are withdrawn then; what was done before is not done
    /// again. Ended by a failure or a kill it is done in part, and the next call does the rest.
    ///
    /// # Errors
    /// The store failed.
    pub async fn withdraw(&self, wish: &Withdrawal) -> Result<Withdrawn, SpoolError> {
        self.store.withdraw(wish).await
    }

    /// How long commits took.
    #[must_use]
    pub fn commit_seconds(&self) -> CommitSeconds {
        self.store.commit_seconds()
    }

    /// Whether the log can't be copied into the file at present: not ready, though nothing is lost.
    #[must_use]
    pub fn checkpoint_failing(&self) -> bool {
        self.store.checkpoint_failing()
    }

    /// Turns true when the spool has given up: the process must end (exit 70) and be started again.
    #[must_use]
    pub fn failed(&self) -> watch::Receiver<bool> {
        self.store.failed()
    }

    /// Commits what is queued, closes the file in order and lets go of it.
    pub async fn shut(&self) {
        self.store.shut().await;
    }
}

/// Why a spool could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("another process holds the spool {0}: stop it first, or give this one another spool.path")]
    Locked(PathBuf),
    /// The file is something else.
    #[error("{0} is not a spool of this program: give spool.path another name; the file was left as it is")]
    NotASpool(PathBuf),
    /// The file is of another version.
    #[error(
        "{path} has tables of version {found}, this program knows version {known}: run the version that made it; the file was left as it is"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The version this program knows.
        known: i64,
    },
    /// The structure of the file is damaged.
    #[error(
        "{path} is damaged ({words}): keep the file, check the disk, and start with a backup or a new spool; the file was left as it is"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check said.
        words: String,
    },
    /// The disk is of a kind that can't hold a spool.
    #[error("{path} lies on {kind}, which can't keep a spool safe: use a local disk or a block volume")]
    Disk {
        /// The file.
        path: PathBuf,
        /// The kind of file system.
        kind: &'static str,
    },
    /// SQLite is too old to be safe.
    #[error("this program was built with SQLite {0}, which can lose commits: 3.51.3 or later is needed")]
    Sqlite(i32),
    /// The store failed at its own file: the disk, or a setting that did not take.
    #[error(
        "the spool {path} failed: {why}; check the disk, and start again: nothing was changed that was promised"
    )]
    Store {
        /// The file.
        path: PathBuf,
        /// What failed.
        why: String,
    },
    /// Something at the path failed.
    #[error("opening the spool {path}: {why}")]
    Path {
        /// The file.
        path: PathBuf,
        /// What failed.
        why: String,
    },
    /// The process is ending.
    #[error("opening the spool was interrupted: {0}")]
    Interrupted(String),
}

/// A read, or a change a person asked for, could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// The store failed.
    #[error("{doing}: {cause}")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// What the store said.
        cause: String,
    },
    /// The spool is shut.
    #[error("the spool is shut")]
    Shut,
}
