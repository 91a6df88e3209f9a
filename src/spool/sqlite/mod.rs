//! The spool in one SQLite file on a local disk: one thread writes, readers have their own connections.
//!
//! `place` is where the file lies, `schema` the tables and the settings under which a commit that
//! returned is on the disk, `prepared` and `change` one transaction, `writer` the thread with its group commit, `read`
//! the readers' questions, `house` what it does between commits, `replay` what is sent again, `prune` what may go,
//! `own` what the sidecar tells of itself, `verbs` and `topics` what people order, `withdraw` and `erase` what must go,
//! `room` and `strain` what is left of the disk.

mod broken;
mod change;
mod erase;
mod house;
mod own;
mod owed;
mod people;
mod place;
mod prepared;
mod prune;
mod read;
mod replay;
mod room;
mod schema;
mod scrub;
mod shared;
mod strain;
mod topics;
mod verbs;
mod withdraw;
mod words;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};

use self::change::Standing;
use self::place::{LastEnd, Place};
use self::prepared::Prepared;
use self::prune::{Keep, Pruner};
use self::room::Room;
use self::schema::Fault;
use self::shared::Shared;
use self::withdraw::Stage;
use self::writer::{Job, Writer};
use super::{
    AcceptError, Accepted, Batch, CommitSeconds, ConcludeError, Count, Delivery, Entry, LISTS_KEPT,
    LedgerRow, OpenError, Owing, Parked, ParkedFilter, Pause, Settings, SpoolError, State, Trace, Withdrawal,
    Withdrawn,
};
use crate::delivery::{Fate, Position, TopicKey};
use crate::event::{EventId, SourceKey, StoredEvent};

/// A batch that comes while the oldest one has waited this long for the writer is refused as busy.
const QUEUE_LIMIT: Duration = Duration::from_millis(150);

/// One open spool.
pub(super) struct Store {
    shared: Arc<Shared>,
    id: String,
    epoch: u32,
    limit_bytes: u64,
    keep: Keep,
    draining: AtomicBool,
    /// None where the spool is open for reading only.
    jobs: Option<Sender<Job>>,
    /// The lock, where the spool is open for reading only; else the writer holds it.
    reading: Mutex<Option<File>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Store {
    pub(super) fn open(settings: &Settings) -> Result<Self, OpenError> {
        let version = rusqlite::version_number();
        if version < schema::OLDEST_SQLITE {
            return Err(OpenError::Sqlite(version));
        }
        let place = Place::of(&settings.path)?;
        place.make_folder()?;
        let lock = place.lock()?;
        let last = place.make()?;
        place.check_disk()?;
        let fault = |fault| OpenError::from_fault(&settings.path, fault);
        // First: on a full disk the reserve has to be given up for the file to be opened.
        let room = Room::open(&settings.path, &place.reserve)
            .map_err(|e| place.fault("measuring the disk's room and reserving some", &e))?;
        let mut conn = schema::open_writer(&settings.path).map_err(fault)?;
        if last == LastEnd::Unclean {
            writer::quick_check(&conn).map_err(fault)?;
        }
        let mut standing = Standing::read(&conn).map_err(|e| fault(e.into()))?;
        let high = place.high_water()?;
        let mut lost_at_start = 0;
        if let Some(told) = high.read()
            && told > standing.seq
        {
            lost_at_start = told - standing.seq;
            tracing::error!(
                missing = lost_at_start,
                "the spool ends before what was accepted: the disk changed or lost its log; find what is missing by a backfill in Moodle"
            );
            high.clear();
        }
        standing.epoch = next_epoch(standing.epoch, Timestamp::now());
        // Synced before the first accept: a sequence that was given never comes again.
        conn.execute("update meta set value = ?1 where key = 'epoch'", [standing.epoch])
            .map_err(|e| fault(e.into()))?;
        let id = conn
            .query_one("select value from meta where key = 'spool'", [], |r| r.get(0))
            .map_err(|e| fault(e.into()))?;
        let shared = Arc::new(Shared::new(place, standing.owed_bytes));
        shared.unwiped.store(standing.scrub.is_some(), Ordering::Relaxed);
        shared.watch_log(&mut conn).map_err(|e| fault(e.into()))?;
        shared.pressure.lock().lost_at_start = lost_at_start;
        shared.set_paused(topics::paused(&conn).map_err(|e| fault(e.into()))?);
        let keep = Keep { age: settings.history_age, bytes: settings.history_size };
        let epoch = standing.epoch;
        let writer = Writer::new(
            settings,
            lock,
            (conn, standing),
            (high, room),
            Arc::clone(&shared),
            Pruner::new(keep),
        );
        let (jobs, queue) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("spool-writer".into())
            .spawn(move || writer.run(&queue))
            .map_err(|e| OpenError::Path {
                path: settings.path.clone(),
                why: format!("starting the writer: {e}"),
            })?;
        Ok(Self {
            shared,
            id,
            epoch,
            limit_bytes: settings.max_size,
            keep,
            draining: AtomicBool::new(false),
            jobs: Some(jobs),
            reading: Mutex::default(),
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(super) fn read_only(path: &Path) -> Result<Self, OpenError> {
        let place = Place::of(path)?;
        if !path.exists() {
            return Err(OpenError::Path { path: path.into(), why: "there is no such file".into() });
        }
        let lock = place.lock()?;
        let shared = Arc::new(Shared::new(place, 0));
        let ids = shared
            .readers
            .read(|c| {
                Ok((
                    c.query_one("select value from meta where key = 'spool'", [], |r| r.get(0))?,
                    c.query_one("select value from meta where key = 'epoch'", [], |r| r.get(0))?,
                    c.query_one("select coalesce(sum(size), 0) from delivery", [], |r| r.get(0))?,
                ))
            })
            .map_err(|fault| OpenError::from_fault(path, fault))?;
        shared.owed_bytes.store(ids.2, Ordering::Relaxed);
        Ok(Self {
            shared,
            id: ids.0,
            epoch: ids.1,
            limit_bytes: 0,
            keep: Keep { age: Duration::ZERO, bytes: 0 },
            draining: AtomicBool::new(false),
            jobs: None,
            reading: Mutex::new(Some(lock)),
            thread: Mutex::new(None),
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn commit_seconds(&self) -> CommitSeconds {
        self.shared.commit_seconds.clone()
    }

    pub(super) fn failed(&self) -> watch::Receiver<bool> {
        self.shared.failed.subscribe()
    }

    pub(super) fn checkpoint_failing(&self) -> bool {
        self.shared.checkpoint_failing.load(Ordering::Relaxed)
    }

    fn send<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> Job) -> Option<oneshot::Receiver<T>> {
        let (answer, answered) = oneshot::channel();
        self.shared.queue.queued();
        self.jobs.as_ref()?.send(make(answer)).ok()?;
        Some(answered)
    }

    pub(super) async fn accept(&self, batch: Batch) -> Result<Vec<Accepted>, AcceptError> {
        if self.draining.load(Ordering::Relaxed) {
            return Err(AcceptError::Draining);
        }
        let age = self.shared.queue.age();
        if age > QUEUE_LIMIT {
            return Err(AcceptError::Busy(age));
        }
        let prepared = Prepared::new(batch);
        let owed_bytes = self.shared.owed_bytes.load(Ordering::Relaxed);
        if owed_bytes + prepared.owes() > self.limit_bytes {
            return Err(AcceptError::Full { owed_bytes, limit_bytes: self.limit_bytes });
        }
        let answered = self.send(|answer| Job::Accept(prepared, answer)).ok_or(AcceptError::Shut)?;
        // A writer that went away in the middle of a group may have committed it.
        answered
            .await
            .unwrap_or_else(|_| Err(AcceptError::Unknown("the writer stopped before it answered".into())))
    }

    pub(super) async fn conclude(
        &self,
        topic: &TopicKey,
        fates: Vec<(Position, Fate)>,
    ) -> Result<(), ConcludeError> {
        let answered =
            self.send(|answer| Job::Conclude(topic.clone(), fates, answer)).ok_or(ConcludeError::Shut)?;
        answered.await.unwrap_or(Err(ConcludeError::Shut))
    }

    pub(super) async fn remember_list(
        &self,
        source: &SourceKey,
        etag: &str,
        rows: &str,
        now: Timestamp,
    ) -> Result<(), SpoolError> {
        let (source, etag, rows) = (source.as_str().to_owned(), etag.to_owned(), rows.to_owned());
        let until = now.checked_add(LISTS_KEPT).unwrap_or(Timestamp::MAX);
        self.change(move |change| change.remember_list(&source, &etag, &rows, until)).await
    }

    pub(super) async fn withdraw(&self, wish: &Withdrawal) -> Result<Withdrawn, SpoolError> {
        let (mut stage, mut done) = (Stage::Begin, Withdrawn::default());
        while stage != Stage::Done {
            let wish = wish.clone();
            let (next, step) = self.change(move |change| change.withdraw(&wish, stage, done)).await?;
            (stage, done) = (next, done.and(step));
        }
        Ok(done)
    }

    async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, SpoolError> {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.readers.read(read))
            .await
            .map_err(|e| SpoolError::Store { doing, cause: e.to_string() })?
            .map_err(|fault| SpoolError::Store { doing, cause: fault.to_string() })
    }

    pub(super) async fn index(
        &self,
        topic: &TopicKey,
        after: Option<Position>,
        n: usize,
    ) -> Result<Vec<Entry>, SpoolError> {
        let topic = topic.clone();
        self.read("reading a topic's index", move |c| read::index(c, &topic, after, n)).await
    }

    pub(super) async fn load(&self, topic: &TopicKey, at: &[Position]) -> Result<Vec<Delivery>, SpoolError> {
        let (topic, at) = (topic.clone(), at.to_vec());
        self.read("loading deliveries", move |c| read::load(c, &topic, &at)).await
    }

    pub(super) fn woken(&self, topic: &TopicKey) -> watch::Receiver<u64> {
        self.shared.woken(topic.as_str())
    }

    pub(super) fn paused(&self, topic: &TopicKey) -> watch::Receiver<Option<Pause>> {
        self.shared.paused(topic.as_str())
    }

    pub(super) fn rewound(&self, topic: &TopicKey) -> watch::Receiver<u64> {
        self.shared.rewound(topic.as_str())
    }

    pub(super) async fn lists(&self, source: &SourceKey) -> Result<Vec<(String, String)>, SpoolError> {
        let source = source.clone();
        self.read("reading the wanted lists", move |c| read::lists(c, &source)).await
    }

    pub(super) async fn owed(&self) -> Result<Vec<Owing>, SpoolError> {
        self.read("counting what is owed", owed::owed).await
    }

    pub(super) async fn ledger(&self, since: Timestamp) -> Result<Vec<LedgerRow>, SpoolError> {
        self.read("reading the ledger", move |c| read::ledger(c, since)).await
    }

    pub(super) async fn door(
        &self,
        source: &SourceKey,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, Count, u64)>, SpoolError> {
        let source = source.clone();
        self.read("reading the ledger", move |c| read::door(c, &source, since)).await
    }

    pub(super) async fn trace(
        &self,
        source: Option<&SourceKey>,
        id: EventId,
    ) -> Result<Option<Trace>, SpoolError> {
        let source = source.cloned();
        self.read("tracing an event", move |c| read::trace(c, source.as_ref(), id)).await
    }

    pub(super) async fn parked(
        &self,
        filter: &ParkedFilter,
        after: Option<u64>,
        n: usize,
    ) -> Result<Vec<Parked>, SpoolError> {
        let filter = filter.clone();
        self.read("listing what is parked", move |c| read::parked(c, &filter, after, n)).await
    }

    pub(super) async fn stored(&self, number: u64) -> Result<Option<StoredEvent>, SpoolError> {
        self.read("reading a parked event", move |c| read::stored(c, number)).await
    }

    pub(super) async fn state(&self) -> Result<State, SpoolError> {
        let account = self.read("reading the account", read::account).await?;
        let size = |end: &str| {
            let mut name = self.shared.place.file.as_os_str().to_owned();
            name.push(end);
            std::fs::metadata(name).map_or(0, |m| m.len())
        };
        Ok(State {
            spool_id: self.id.clone(),
            epoch: self.epoch,
            topics: account.topics,
            parked_events: account.parked_events,
            events: account.events,
            owed_bytes: self.shared.owed_bytes.load(Ordering::Relaxed),
            limit_bytes: self.limit_bytes,
            file_bytes: size("") + size("-wal"),
            checkpoint_failures: self.shared.checkpoint_failures.load(Ordering::Relaxed),
            commits: self.shared.commits.load(Ordering::Relaxed),
            commit_failures: self.shared.commit_failures.load(Ordering::Relaxed),
            pressure: self.shared.pressure.lock().clone(),
        })
    }

    pub(super) async fn shut(&self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        if let Some(done) = self.send(Job::Shut) {
            let _ = done.await;
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        drop(self.reading.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Higher than any epoch before, and than any that a restored copy may still have given.
fn next_epoch(stored: u32, now: Timestamp) -> u32 {
    let seconds = u32::try_from(now.as_second()).unwrap_or(0);
    seconds.max(stored.saturating_add(1))
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => write!(f, "{error}"),
            Self::Setting { name, wanted, found } => {
                write!(f, "the setting {name} is {found}, {wanted} is needed")
            }
            Self::NotASpool => f.write_str("the file is not a spool"),
            Self::Version(version) => write!(f, "the file has tables of version {version}"),
            Self::Damaged(words) => write!(f, "the file is damaged: {words}"),
        }
    }
}

impl OpenError {
    fn from_fault(path: &Path, fault: Fault) -> Self {
        let path = path.to_owned();
        match fault {
            Fault::NotASpool => Self::NotASpool(path),
            Fault::Version(found) => Self::Version { path, found, known: schema::VERSION },
            Fault::Damaged(words) => Self::Damaged { path, words },
            Fault::Store(_) | Fault::Setting { .. } => Self::Store { path, why: fault.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_above_the_stored_one_and_not_behind_the_clock() {
        let at = |s| Timestamp::from_second(s).unwrap();
        assert_eq!(next_epoch(5, at(100)), 100);
        assert_eq!(next_epoch(100, at(100)), 101);
        assert_eq!(next_epoch(200, at(100)), 201, "a clock that went back");
        assert_eq!(next_epoch(7, at(-5)), 8, "a clock before 1970");
    }
}
