//! What the writer's thread and the handles share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking::Lock;
use prometheus_client::metrics::histogram::exponential_buckets;
use rusqlite::Connection;
use tokio::sync::watch;

use super::super::{CommitSeconds, Pause, Pressure};
use super::change::Effects;
use super::place::Place;
use super::schema::{self, Fault};

/// State that both sides see. Counters only speak of commits that returned.
pub(super) struct Shared {
    pub(super) place: Place,
    pub(super) queue: Queue,
    pub(super) readers: Readers,
    pub(super) commits: AtomicU64,
    pub(super) commit_failures: AtomicU64,
    pub(super) commit_seconds: CommitSeconds,
    pub(super) checkpoint_failures: AtomicU64,
    pub(super) checkpoint_failing: AtomicBool,
    pub(super) owed_bytes: AtomicU64,
    pub(super) log_pages: Arc<AtomicU64>,
    /// How near the limits are, as the writer last measured it.
    pub(super) pressure: Lock<Pressure>,
    /// Told to end: the writer must not wait for a disk.
    pub(super) ending: AtomicBool,
    pub(super) failed: watch::Sender<bool>,
    /// Whether log or pages may hold what was erased.
    pub(super) unwiped: AtomicBool,
    wakes: Lock<HashMap<Arc<str>, Wakes>>,
}

/// What the reader of a topic's index hears of.
#[derive(Default)]
struct Wakes {
    /// More is there.
    woken: watch::Sender<u64>,
    /// The head changed.
    rewound: watch::Sender<u64>,
    /// A person stopped it.
    paused: watch::Sender<Option<Pause>>,
}

fn bump(sender: &watch::Sender<u64>) {
    sender.send_modify(|n| *n = n.wrapping_add(1));
}

impl Shared {
    pub(super) fn new(place: Place, owed_bytes: u64) -> Self {
        let readers = Readers { file: place.file.clone(), free: Lock::new((0, Vec::new())) };
        Self {
            place,
            queue: Queue::new(),
            readers,
            commits: AtomicU64::new(0),
            commit_failures: AtomicU64::new(0),
            // From what a fast disk takes (0.1 ms) to what stops everything (1.6 s).
            commit_seconds: CommitSeconds::new(exponential_buckets(0.0001, 2.0, 15)),
            checkpoint_failures: AtomicU64::new(0),
            checkpoint_failing: AtomicBool::new(false),
            owed_bytes: AtomicU64::new(owed_bytes),
            log_pages: Arc::new(AtomicU64::new(0)),
            pressure: Lock::new(Pressure::default()),
            ending: AtomicBool::new(false),
            failed: watch::Sender::new(false),
            unwiped: AtomicBool::new(false),
            wakes: Lock::new(HashMap::new()),
        }
    }

    /// Whether log or pages may hold what was erased.
    pub(super) fn unwiped(&self) -> bool {
        self.unwiped.load(Ordering::Relaxed)
    }

    /// Has each commit say how many pages the log holds.
    pub(super) fn watch_log(&self, conn: &mut Connection) -> rusqlite::Result<()> {
        let pages = Arc::clone(&self.log_pages);
        conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, n: i32| {
            // The hook is told how long the log is, whatever of it was copied.
            pages.store(u64::try_from(n).unwrap_or_default(), Ordering::Relaxed);
            Ok(())
        }))
    }

    /// The log that is not yet copied into the file.
    pub(super) fn log_bytes(&self) -> u64 {
        self.log_pages.load(Ordering::Relaxed) * 4_096
    }

    pub(super) fn woken(&self, topic: &str) -> watch::Receiver<u64> {
        self.wakes.lock().entry(topic.into()).or_default().woken.subscribe()
    }

    pub(super) fn rewound(&self, topic: &str) -> watch::Receiver<u64> {
        self.wakes.lock().entry(topic.into()).or_default().rewound.subscribe()
    }

    pub(super) fn paused(&self, topic: &str) -> watch::Receiver<Option<Pause>> {
        self.wakes.lock().entry(topic.into()).or_default().paused.subscribe()
    }

    /// Says which topics are stopped: these, and no other.
    pub(super) fn set_paused(&self, paused: Vec<(String, Pause)>) {
        let mut wakes = self.wakes.lock();
        let mut paused: HashMap<String, Pause> = paused.into_iter().collect();
        for (topic, wakes) in wakes.iter() {
            wakes.paused.send_replace(paused.remove(&**topic));
        }
        for (topic, pause) in paused {
            wakes.entry(topic.into()).or_default().paused.send_replace(Some(pause));
        }
    }

    /// Tells all who watch what a commit did.
    pub(super) fn tell(&self, effects: &Effects) {
        let mut wakes = self.wakes.lock();
        for (topic, pause) in &effects.paused {
            wakes.entry(Arc::clone(topic)).or_default().paused.send_replace(pause.clone());
        }
        effects.woken.iter().filter_map(|topic| wakes.get(topic)).for_each(|wakes| bump(&wakes.woken));
        effects.rewound.iter().filter_map(|topic| wakes.get(topic)).for_each(|wakes| bump(&wakes.rewound));
    }

    /// Has every topic's index read again: it isn't known what of a failed commit is kept.
    pub(super) fn rewind_all(&self) {
        self.wakes.lock().values().for_each(|wakes| bump(&wakes.rewound));
    }
}

/// How long the oldest work has waited for the writer.
pub(super) struct Queue {
    start: Instant,
    /// Microseconds after `start` at which the oldest waiting work came, plus 1; 0 when none waits.
    since: AtomicU64,
}

impl Queue {
    fn new() -> Self {
        Self { start: Instant::now(), since: AtomicU64::new(0) }
    }

    /// Work is about to be queued.
    pub(super) fn queued(&self) {
        let now = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX - 1) + 1;
        let _ = self.since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The writer takes all there is.
    pub(super) fn taken(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.since.load(Ordering::Relaxed) == 0
    }

    pub(super) fn age(&self) -> Duration {
        match self.since.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            since => self.start.elapsed().saturating_sub(Duration::from_micros(since - 1)),
        }
    }
}

/// Connections for reading, kept while they are good.
pub(super) struct Readers {
    file: std::path::PathBuf,
    /// A generation, and the free connections of it.
    free: Lock<(u64, Vec<Connection>)>,
}

impl Readers {
    /// Reads on a free connection, or on a new one.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Fault> {
        let (generation, free) = {
            let mut free = self.free.lock();
            (free.0, free.1.pop())
        };
        let conn = match free {
            Some(conn) => conn,
            None => schema::open_reader(&self.file)?,
        };
        let result = read(&conn)?;
        let mut free = self.free.lock();
        if free.0 == generation && free.1.len() < 8 {
            free.1.push(conn);
        }
        Ok(result)
    }

    /// Closes all that are free, and has those in use closed when they come back.
    pub(super) fn forget(&self) {
        let mut free = self.free.lock();
        free.0 += 1;
        free.1.clear();
    }
}

/// A lock that a panic elsewhere does not poison: what it holds is always whole.
mod parking {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    pub(in super::super) struct Lock<T>(Mutex<T>);

    impl<T> Lock<T> {
        pub(in super::super) fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }

        pub(in super::super) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
